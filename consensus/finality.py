"""How blocks become final here: by q Final votes (R6), or by a range of a peer (R9).

One Final certificate makes a block and all its ancestors final. A replica that holds them commits
them in height order; one that does not is behind, and asks for a range. Nothing of a range is
believed for the sender's sake: the parent hashes and one certificate prove all its blocks, and each
is verified as a proposal would be, because this node will hand it on.
"""

from __future__ import annotations

from consensus.book import Book
from consensus.certificates import Certificates
from consensus.effects import Deliver, Machine
from consensus.judge import Judge
from consensus.justification import refuse_not_the_leaders, refuse_unjustified, refuse_unproved
from consensus.messages import Range
from consensus.pursuit import Pursuit
from consensus.slot import Proposed
from consensus.step import Step
from consensus.timers import Timers
from consensus.votes import Certificate, final_subject
from consensus.witness import Witness
from ledger.block import Block, Tip
from ledger.genesis import Genesis


class Finality:
    """Moves the final tip of one replica.

    Args:
        book: Which blocks and certificates there are.
        step: The step under way.
        genesis: The ledger.
        certificates: Takes a range's certificate; stops on a conflict.
        judge: Executes blocks of a range, and refused ones again.
        witness: Reads what a range shows.
        pursuit: Asks for ranges.
        timers: Fall back on any final.
        machine: Knows forged blocks.
    """

    def __init__(
        self,
        book: Book,
        step: Step,
        genesis: Genesis,
        *,
        certificates: Certificates,
        judge: Judge,
        witness: Witness,
        pursuit: Pursuit,
        timers: Timers,
        machine: Machine,
    ) -> None:
        self._book = book
        self._step = step
        self._genesis = genesis
        self._certificates = certificates
        self._judge = judge
        self._witness = witness
        self._pursuit = pursuit
        self._timers = timers
        self._machine = machine

    # -- R6: commit ------------------------------------------------------------------------------

    def commit(self) -> bool:
        """Deliver what a Final certificate makes final. Return whether there was anything."""
        certified = [c for _, slot in self._book.live() if (c := slot.certificate("final"))]
        for certificate in reversed(certified):
            chain = self._chain_to(certificate)
            if chain is not None:
                self._deliver(chain)
                return True
            if self._step.halt is not None:
                return False
        if certified:
            self._pursuit.want_range(certified[-1], self._step.now.ticks_ms)
        return False

    def _chain_to(self, certificate: Certificate) -> list[Block] | None:
        self._judge.recheck_refused(certificate.subject)
        try:
            return self._book.chain_to(certificate.subject.block)
        except LookupError:
            self._certificates.stop_on_conflict(certificate)
            return None

    def _deliver(self, chain: list[Block]) -> None:
        for block in chain:
            subject = final_subject(self._book.tips[block.hash])
            certificate = self._book.slot(block.slot).certificates.get(subject)
            justification = self._book.wires[block.hash].justification
            self._step.effects.deliver.append(Deliver(block, justification, certificate))
            if certificate is not None:
                self._book.final_certificate = certificate
        self._advance(self._book.tips[chain[-1].hash])

    def _advance(self, tip: Tip) -> None:
        self._book.advance(tip)
        if self._book.current <= tip.slot + 1:
            self._book.current = tip.slot + 1
            self._timers.on_slot_entered()
        self._timers.on_final(self._step.now.ticks_ms)
        self._pursuit.on_final(tip)

    # -- R9: catching up -------------------------------------------------------------------------

    def on_range(self, message: Range) -> None:
        """Take final blocks from a peer: one later certificate proves them all.

        Raises:
            ConsensusError: the range does not prove itself, or a block is not justified.
            LedgerError: a block or a batch is forged.
        """
        self._step.news = True
        blocks = [wire.block() for wire in message.blocks]
        if blocks[0].height != self._book.final.height + 1:
            return
        refuse_unproved(message, blocks, self._genesis)
        if blocks[0].parent != self._book.final.hash:
            self._certificates.stop_on_conflict(message.certificate)
            return
        parent = self._book.final
        for wire, block in zip(message.blocks, blocks, strict=True):
            refuse_not_the_leaders(block, self._genesis)
            refuse_unjustified(wire, block, self._genesis, self._book.is_known)
            self._step.accuse(self._witness.read(wire, block))
            self._machine.refuse_forged(block)
            new = block.hash not in self._book.tips
            if new and not self._judge.check_final(Proposed(block, wire), parent):
                return
            parent = self._book.tips[block.hash]
        if message.headers:
            self._deliver(blocks)
        self._certificates.on_certificate(message.certificate, None)
