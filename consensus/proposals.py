"""Proposals, made and taken (R2).

A leader proposes once, on the highest notarized block such that every slot between has a Skip
certificate. Of others, only the leader's own signed blocks count, and only justified ones may be
voted for; a header convicts a leader all the same. Whether a block is valid is not said here, but
by the :class:`~consensus.judge.Judge`.
"""

from __future__ import annotations

from consensus.book import Book
from consensus.certificates import Certificates
from consensus.effects import Machine
from consensus.judge import Judge
from consensus.justification import refuse_not_the_leaders, refuse_unjustified
from consensus.limits import EVIDENCE_SLOTS
from consensus.messages import Proposal, WireBlock, wire_block
from consensus.pursuit import Pursuit
from consensus.slot import Proposed
from consensus.step import Step
from consensus.votes import notar_subject
from consensus.witness import Witness
from ledger.genesis import Genesis


class Proposals:
    """Makes and takes proposals for one replica.

    Args:
        book: Where they are kept.
        step: The step under way.
        genesis: The ledger.
        certificates: Takes the certificates that come with a proposal.
        judge: Learns of own blocks.
        witness: Notices a leader's second header.
        pursuit: Learns of blocks that have arrived.
        machine: Builds blocks, and knows forged ones.
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
        machine: Machine,
    ) -> None:
        self._book = book
        self._step = step
        self._genesis = genesis
        self._certificates = certificates
        self._judge = judge
        self._witness = witness
        self._pursuit = pursuit
        self._machine = machine

    def propose(self, number: int, *, empty: bool) -> bool:
        """Propose a block as the leader of a slot. Return whether there was one to propose.

        Args:
            number: The slot.
            empty: Whether to propose even with nothing to say.
        """
        slot = self._book.slots.get(number)
        if slot is not None and (slot.proposals or slot.timed_out or "skip" in slot.own):
            return False
        found = self._book.parent_for(number)
        if found is None:
            return False
        parent, justification = found
        block = self._machine.build(parent, number, self._step.now.wall_ms, empty=empty)
        if block is None:
            return False
        proposed = Proposed(block, wire_block(block, justification))
        slot = self._book.slot(number)
        slot.see(block)
        slot.add_header(block)
        slot.add_proposal(proposed)
        self._judge.accept(proposed)
        self._step.persist_block(proposed)
        self._step.send(Proposal(proposed.wire))
        return True

    def on_proposal(self, wire: WireBlock) -> None:
        """Take a proposal to be judged.

        Raises:
            ConsensusError: it is not the leader's, or not justified.
            LedgerError: its signature or a batch is forged.
        """
        block = wire.block()
        number = block.slot
        if number <= self._book.final.slot - EVIDENCE_SLOTS:
            return
        known = self._book.slots.get(number)
        if known is not None and block.hash in known.proposals:
            return
        refuse_not_the_leaders(block, self._genesis)
        self._step.accuse(self._witness.see(block, self._book.current))
        refuse_unjustified(wire, block, self._genesis, self._book.is_known)
        for certificate in wire.justification:
            self._certificates.on_certificate(certificate, None)
        slot = self._book.slot(number)
        slot.add_header(block)
        self._certificates.suspect(number, slot)
        certified = notar_subject(number, block.hash) in slot.certificates
        if number > self._book.final.slot and (block.hash in slot.headers or certified):
            self._step.news = True
            self._machine.refuse_forged(block)
            slot.add_proposal(Proposed(block, wire))
            self._pursuit.on_block(block.hash)
