"""Which blocks are valid here: executes what is justified, and compares the results (R3).

A proposal is judged as soon as its parent is executed and the slots between are skipped. Nothing is
rejected for good because a clock moved on (R9): a block that this node's clock refused is judged
again when a quorum has notarized it, and when a quorum has made it final. A final block that gives
another result stops the replica: its own state is damaged.
"""

from __future__ import annotations

from consensus.book import Book
from consensus.effects import Halt, Machine
from consensus.slot import Proposed, Slot
from consensus.step import Step
from consensus.votes import Subject, notar_subject
from ledger.block import Block, Tip


class Judge:
    """Judges the blocks of one replica.

    Args:
        book: Where they are kept.
        step: The step under way.
        machine: Executes them.
    """

    def __init__(self, book: Book, step: Step, machine: Machine) -> None:
        self._book = book
        self._step = step
        self._machine = machine

    def judge(self) -> bool:
        """Execute a proposal that has become justified. Return whether there was one."""
        for number, slot in self._book.live():
            for proposed in list(slot.proposals.values()):
                if not self._is_open(proposed, slot):
                    continue
                parent = self._book.justifying_parent(number, proposed.block)
                if parent is not None:
                    self._execute(proposed, parent, slot)
                    return True
        return False

    def _is_open(self, proposed: Proposed, slot: Slot) -> bool:
        """Return whether a proposal is to be judged: at first, and once more when notarized.

        Others build on a notarized block that this node's clock refused; not to look again would
        cost this node its vote for all that follows (R9).
        """
        block = proposed.block
        if block.hash in self._book.tips:
            return False
        certified = notar_subject(block.slot, block.hash) in slot.certificates
        return not proposed.refused or (certified and not proposed.judged_certified)

    def _execute(self, proposed: Proposed, parent: Tip, slot: Slot) -> None:
        block = proposed.block
        wall_ms = self._step.now.wall_ms
        if notar_subject(block.slot, block.hash) in slot.certificates:
            proposed.judged_certified = True
            wall_ms = max(wall_ms, block.header.time)
        reason = self._machine.check(block, parent, wall_ms)
        if reason is None:
            self.accept(proposed)
            return
        proposed.refused = True
        self._step.effects.notes.append(f"slot {block.slot}: proposal refused: {reason}")

    def accept(self, proposed: Proposed) -> None:
        """Note a block that was executed and found valid: its records have a place."""
        self._book.accept(proposed)
        self._step.effects.executed.append(proposed.block)

    # -- final blocks ----------------------------------------------------------------------------

    def recheck_refused(self, subject: Subject) -> None:
        """Judge a refused block again now that a quorum made it final, whatever the clock said."""
        proposed = self._book.slot(subject.slot).proposals.get(subject.block)
        if proposed is None or not proposed.refused:
            return
        parent = self._book.justifying_parent(subject.slot, proposed.block)
        if parent is not None and self.check_final(proposed, parent):
            proposed.refused = False

    def check_final(self, proposed: Proposed, parent: Tip) -> bool:
        """Execute a final block; stop if this node gets another result."""
        block = proposed.block
        wall_ms = max(self._step.now.wall_ms, block.header.time)
        if self._machine.check(block, parent, wall_ms) is not None:
            self._stop_on_divergence(block)
            return False
        self.accept(proposed)
        return True

    def _stop_on_divergence(self, block: Block) -> None:
        why = self._machine.explain(block)
        self._step.halt = Halt(
            "state-diverged",
            f"a quorum made block {block.height} final, but executing it here gives another "
            f"result: {why}",
        )
