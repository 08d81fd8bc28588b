"""I7: with q honest nodes connected, every submitted valid record becomes final."""

from __future__ import annotations

from simulator.checkers.checker import Checker
from simulator.checkers.scene import HealedScene, Watched
from simulator.history import Operation

NAMED_MAX = 5


class Liveness(Checker):
    """Looks at the healed world: who still waits, and for what."""

    invariant = "I7"
    world: HealedScene

    def __init__(self, world: HealedScene) -> None:
        super().__init__(world)
        self._open: dict[str, dict[str, None]] = {party: {} for party in world.plan.parties}
        self._size = 0

    def on_operation(self, operation: Operation) -> None:
        """Note what was submitted, and what has got its answer."""
        if operation.client in self._suspects:
            return
        if operation.kind == "submit":
            self._open[operation.client][operation.record_id] = None
        elif operation.kind == "answer":
            self._open[operation.client].pop(operation.record_id, None)
            self._size = max(self._size, operation.entry + 1)

    def finish(self) -> None:
        """Name what is missing, if a quorum owes progress, and who counts on whom in vain."""
        world = self.world
        self._check_voters()
        if not world.owes_progress:
            return
        if not world.settled:
            self.broken(f"a quorum is connected, and the world does not settle: {self._standing()}")
        for party in world.owed_answers:
            if self._open[party]:
                self.broken(f"{party} got no answer for {_names(self._open[party])}")
        for process in world.honest():
            if process.store is not None and process.store.tip().size < self._size:
                size = process.store.tip().size
                self.broken(f"{process.name} has {size} entries, and {self._size} are final")

    def _check_voters(self) -> None:
        """No node may count an honest party as a voter whose node has lost its votes."""
        hosts = {p.party: p.host for p in self.world.honest() if p.host is not None}
        for party, host in hosts.items():
            for name in host.voters.reached:
                if name in hosts and not hosts[name].replica.may_vote:
                    self.broken(f"{party} counts on the vote of {name}, which votes no more")

    def _standing(self) -> str:
        heights = ", ".join(_standing_of(process) for process in self.world.honest())
        waiting = [f"{party} waits for {_names(ids)}" for party, ids in self._open.items() if ids]
        return "; ".join((heights, *waiting))


def _standing_of(process: Watched) -> str:
    if process.store is None or process.host is None:
        return f"{process.name} is off"
    slot = process.host.replica.slot
    return f"{process.name} is at height {process.store.tip().height} in slot {slot}"


def _names(ids: dict[str, None]) -> str:
    shown = list(ids)[:NAMED_MAX]
    more = f" and {len(ids) - NAMED_MAX} more" if len(ids) > NAMED_MAX else ""
    return ", ".join(shown) + more
