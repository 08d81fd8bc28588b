"""Client histories: acknowledged records are linearizable and durable, reads are monotonic.

An answer is the moment at which a record takes its place. From then on every read of it by its
client shows the same entry and outcome, and every read shows at least the answer's height, whatever
crashes. Only a node whose disk was lost or set back shows less for a while: records may be absent
until it has caught up, and are never different. What a client sees at other parties' nodes may be
older than what its own node told it, and is held against what it saw at that same node.

A balance is held against the sum of what blocks changed, up to the height that it is as of.
"""

from __future__ import annotations

from ledger.books import Balance
from ledger.records import Recorded
from node.storage.held import FinalBlock
from simulator.checkers.checker import Checker
from simulator.checkers.scene import ForkedScene, Watched
from simulator.history import BalanceRead, Operation

Name = tuple[str, str]
"""A record's author and id."""

ShownEntry = tuple[int, str]
"""Entry and outcome; the entry is −1 for a record that was refused before signing."""

Viewpoint = tuple[str, str]
"""A client, and the party whose node it asks."""

ROWS_MAX = 1_000_000


class Histories(Checker):
    """Holds every answer and every read against what the same client saw before."""

    invariant = "history"
    world: ForkedScene

    def __init__(self, world: ForkedScene) -> None:
        super().__init__(world)
        parties = world.plan.parties
        self._told: dict[Name, ShownEntry] = {}
        places = [(client, node) for client in parties for node in parties]
        self._seen: dict[Viewpoint, dict[Name, ShownEntry]] = {place: {} for place in places}
        self._heights: dict[Viewpoint, int] = dict.fromkeys(places, 0)
        self._behind: dict[Viewpoint, int] = dict.fromkeys(places, 0)
        """Up to which height a node whose disk was lost or set back may show less than before."""
        self._height = 0
        self._balances: dict[tuple[str, str], list[tuple[int, int]]] = {}
        """By account and currency: heights at which the balance changed, and what it was then."""

    def on_final(self, process: Watched, final: FinalBlock) -> None:
        """Learn what a block makes of the balances, from the first machine that has it."""
        block, execution = final.block, final.execution
        if block.height != self._height + 1 or not self.is_honest(process):
            return
        self._height = block.height
        for key, row in execution.changes.get(Balance, {}).items():
            amount = row.amount if isinstance(row, Balance) else 0
            self._balances.setdefault((key[0], key[1]), []).append((block.height, amount))

    def on_start(self, process: Watched) -> None:
        """A node comes back with all that it had shown, unless its disk was lost or set back."""
        if process.store is None or not self.is_honest(process):
            return
        node, height = process.party, process.store.tip().height
        for client in self.world.plan.parties:
            place, shown = (client, node), self._heights[client, node]
            if height >= shown:
                continue
            if not process.is_behind:
                self.broken(f"{client} was shown height {shown}, {node} starts with {height}")
            self._behind[place] = max(shown, self._behind[place])
            self._heights[place] = height

    def on_operation(self, operation: Operation) -> None:
        """Judge an answer or a read."""
        node = operation.node or operation.client
        if {operation.client, node} & self._suspects or operation.kind == "submit":
            return
        if node != operation.client and self.world.forks:
            return  # the other node may be on another branch
        name = (operation.party, operation.record_id)
        shown = (operation.entry, operation.outcome)
        if operation.kind == "answer":
            self._on_answer(operation, name, shown)
        else:
            place = (operation.client, node)
            self._on_read(operation, place, name, shown if operation.entry >= 0 else None)

    def _on_answer(self, operation: Operation, name: Name, shown: ShownEntry) -> None:
        client = operation.client
        for earlier in (self._told.get(name), self._seen[client, client].get(name)):
            if earlier is not None and earlier != shown:
                self.broken(
                    f"{client} is told {_said(name, shown)}, and knew {_said(name, earlier)}"
                )
        self._told[name] = shown
        self._heights[client, client] = max(self._heights[client, client], operation.height)

    def _on_height(self, place: Viewpoint, height: int) -> None:
        """What a node shows to a client never gets less."""
        if height < self._heights[place]:
            client, node = place
            self.broken(
                f"{client} read height {self._heights[place]} of {node}, and now reads {height}"
            )
        self._heights[place] = height

    def _on_read(
        self, operation: Operation, place: Viewpoint, name: Name, shown: ShownEntry | None
    ) -> None:
        client, height = operation.client, operation.height
        self._on_height(place, height)
        seen = self._seen[place]
        known = [seen.get(name), self._told.get(name)]
        if shown is not None:
            for earlier in known:
                if earlier not in (None, shown):
                    self.broken(f"{client} reads {_said(name, shown)}, not {_said(name, earlier)}")
            seen[name] = shown
            return
        if (operation.party, client) != place:
            del known[1]  # what was told at another node may not have come here yet
        lacking = next((k for k in known if k is not None and k[0] >= 0), None)
        if lacking is not None and height >= self._behind[place]:
            self.broken(f"{client} reads nothing at height {height}, not {_said(name, lacking)}")

    def on_balance(self, read: BalanceRead) -> None:
        """Judge a balance by what the blocks up to its height made of the account."""
        if {read.client, read.node} & self._suspects or self.world.forks:
            return
        self._on_height((read.client, read.node), read.height)
        changes = self._balances.get(read.account, [])
        expected = next((amount for height, amount in reversed(changes) if height <= read.as_of), 0)
        if (read.amount or 0) != expected:
            self.broken(
                f"{read.client} reads at {read.node} {' in '.join(read.account)} as of block "
                f"{read.as_of}: {read.amount}, and not {expected}"
            )

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


def _said(name: Name, shown: ShownEntry | None) -> str:
    if shown is None:
        return f"no {name[1]}"
    place = f"entry {shown[0]}" if shown[0] >= 0 else "refused"
    return f"{name[1]} of {name[0]} as {place} ({shown[1]})"
