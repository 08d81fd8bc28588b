"""I1: no two final blocks at one height, over all honest machines and all their lives."""

from __future__ import annotations

from node.errors import Halted
from node.storage.held import FinalBlock
from simulator.checkers.checker import Checker
from simulator.checkers.scene import ForkedScene, Watched


class OneChain(Checker):
    """Compares every final block with the first one that was final at its height.

    Where 2q − n parties or more lie, a fork is possible: it is written down in the world's
    ``forks``, and :class:`~simulator.checkers.fair_evidence.FairEvidence` wants the liars' names.
    """

    invariant = "I1"
    world: ForkedScene

    def __init__(self, world: ForkedScene) -> None:
        super().__init__(world)
        self._first: dict[int, tuple[str, bytes]] = {}

    def on_final(self, process: Watched, final: FinalBlock) -> None:
        """Compare a block that has become final."""
        block = final.block
        self._see(process, block.height, block.hash)

    def on_start(self, process: Watched) -> None:
        """Compare the last block that the disk holds."""
        if process.store is not None and process.store.tip().height:
            self._see(process, process.store.tip().height, process.store.tip().hash)

    def on_halt(self, process: Watched, why: Halted) -> None:
        """A node that holds two contradicting certificates has seen what must not be."""
        if why.code == "conflicting-final" and self.is_honest(process) and not self.world.forkable:
            self.broken(f"{process.name} holds a final certificate against its own: {why.message}")

    def _see(self, process: Watched, height: int, block: bytes) -> None:
        if not self.is_honest(process):
            return
        name, first = self._first.setdefault(height, (process.name, block))
        if first == block:
            return
        if not self.world.forkable:
            self.broken(
                f"at height {height} block {first.hex()[:12]} is final on {name}, and "
                f"{block.hex()[:12]} on {process.name}"
            )
        self.world.forks.setdefault(height, {name: first})[process.name] = block
