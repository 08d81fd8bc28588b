"""The chronicle of a run: what happened, counted by one who watches and judges nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from consensus.messages import Message, decode_evidence
from node.storage.held import FinalBlock
from node.storage.store import EvidenceItem, Item
from simulator.checkers import Checker
from simulator.checkers.scene import HealedScene, Watched


class Chronicle(Checker):
    """Blocks, slots, recoveries and evidence of the honest machines of a world.

    Args:
        world: What it watches.
    """

    invariant = ""
    world: HealedScene

    def __init__(self, world: HealedScene) -> None:
        super().__init__(world)
        self.height = self.slot = self.entries = 0
        self.skips_in_a_row = self.frame_bytes = 0
        self.fork = self.owed_progress = False
        self.recoveries = 0
        self.on_blocks: Callable[[int], None] | None = None
        self.evidence: dict[str, Counter[str]] = {}
        self.shut_out: Counter[str] = Counter()
        self._blocks: dict[int, bytes] = {}
        self._known: set[str] = set()

    def on_sent(self, process: Watched, message: Message, frame: bytes) -> None:
        """Note the size of the largest frame."""
        if len(frame) > self.frame_bytes and self.is_honest(process):
            self.frame_bytes = len(frame)

    def on_shut_out(self, process: Watched, sender: Watched) -> None:
        """Count whom honest machines listen to no more."""
        self.shut_out[sender.party] += self.is_honest(process)

    def on_saved(self, process: Watched, items: Sequence[Item]) -> None:
        """Count evidence once, whoever found it first."""
        if not self.is_honest(process):
            return
        for item in items:
            if isinstance(item, EvidenceItem) and item.id not in self._known:
                self._known.add(item.id)
                evidence = decode_evidence(item.body)
                self.evidence.setdefault(evidence.party, Counter())[evidence.kind] += 1

    def on_final(self, process: Watched, final: FinalBlock) -> None:
        """Remember how far the log has come, and whether it came apart."""
        block = final.block
        if not self.is_honest(process):
            return
        header = block.header
        if self._blocks.setdefault(header.height, block.hash) != block.hash:
            self.fork = True
        if header.height > self.height:
            self.skips_in_a_row = max(self.skips_in_a_row, header.slot - self.slot - 1)
            self.height, self.slot, self.entries = header.height, header.slot, header.size
            if self.on_blocks is not None:
                self.on_blocks(self.height)

    def on_start(self, process: Watched) -> None:
        """Count the starts after the first one."""
        self.recoveries += process.life > 1

    def finish(self) -> None:
        """Remember whether the healed world owed progress, before its machines are closed."""
        self.owed_progress = self.world.owes_progress
