"""Client histories: acknowledged records are linearizable and durable, reads are monotonic.

An answer is the moment at which a record takes its place. From then on every read of it by its
client shows the same entry and outcome, and every read shows at least the answer's height, whatever
crashes. Only a node that has lost its disk shows less for a while: records may be absent until it
has caught up, and are never different.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.records import Recorded
from simulator.checkers.checker import Checker
from simulator.history import Operation

if TYPE_CHECKING:
    from simulator.process import Process
    from simulator.world import World

Name = tuple[str, str]
"""A record's author and id."""

Shown = tuple[int, str]
"""Entry and outcome; the entry is −1 for a record that was refused before signing."""

ROWS_MAX = 1_000_000


class Histories(Checker):
    """Holds every answer and every read against what the same client saw before."""

    invariant = "history"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        parties = world.plan.parties
        self._told: dict[Name, Shown] = {}
        self._seen: dict[str, dict[Name, Shown]] = {party: {} for party in parties}
        self._heights = dict.fromkeys(parties, 0)
        self._behind = dict.fromkeys(parties, 0)
        """Up to which height a node that lost its disk may show less than before."""

    def on_start(self, process: Process) -> None:
        """A node comes back with all that it had shown, unless its disk was lost."""
        client = process.party
        if process.store is None or not self.is_honest(process):
            return
        height, shown = process.store.tip().height, self._heights[client]
        if height >= shown:
            return
        if not process.rebuilt:
            self.broken(f"{client} was shown height {shown}, its node starts with {height}")
        self._behind[client] = max(shown, self._behind[client])
        self._heights[client] = height

    def on_operation(self, operation: Operation) -> None:
        """Judge an answer or a read."""
        if operation.client in self._suspects or operation.kind == "submit":
            return
        name = (operation.party, operation.record_id)
        shown = (operation.entry, operation.outcome)
        if operation.kind == "answer":
            self._on_answer(operation, name, shown)
        else:
            self._on_read(operation, name, shown if operation.entry >= 0 else None)

    def _on_answer(self, operation: Operation, name: Name, shown: Shown) -> None:
        client = operation.client
        for earlier in (self._told.get(name), self._seen[client].get(name)):
            if earlier is not None and earlier != shown:
                self.broken(
                    f"{client} is told {_said(name, shown)}, and knew {_said(name, earlier)}"
                )
        self._told[name] = shown
        self._heights[client] = max(self._heights[client], operation.height)

    def _on_read(self, operation: Operation, name: Name, shown: Shown | None) -> None:
        client, height = operation.client, operation.height
        if height < self._heights[client]:
            self.broken(f"{client} read height {self._heights[client]}, and now reads {height}")
        self._heights[client] = height
        seen = self._seen[client]
        known = [seen.get(name), self._told.get(name)]
        if shown is not None:
            for earlier in known:
                if earlier not in (None, shown):
                    self.broken(f"{client} reads {_said(name, shown)}, not {_said(name, earlier)}")
            seen[name] = shown
            return
        if operation.party != client:
            del known[1]  # what another client was told may not have come here yet
        lacking = next((k for k in known if k is not None and k[0] >= 0), None)
        if lacking is not None and height >= self._behind[client]:
            self.broken(f"{client} reads nothing at height {height}, not {_said(name, lacking)}")

    def finish(self) -> None:
        """What was refused before signing stands in no log."""
        refused = {name for name, shown in self._told.items() if shown[0] < 0}
        for process in self.world.honest():
            if process.store is None:
                continue
            with process.store.reader() as reader:
                rows = reader.rows(Recorded, limit=ROWS_MAX)
            for row in rows:
                if (row.party, row.id) in refused:
                    said = _said((row.party, row.id), self._told[row.party, row.id])
                    self.broken(f"{row.party} was told {said}, and {process.name} has its entry")


def _said(name: Name, shown: Shown | None) -> str:
    if shown is None:
        return f"no {name[1]}"
    place = f"entry {shown[0]}" if shown[0] >= 0 else "refused"
    return f"{name[1]} of {name[0]} as {place} ({shown[1]})"
