"""Statements of voters, counted wherever they are met; contradictions are accused (I8).

A vote comes by itself, inside a certificate, or inside the certificates that justify a proposal or
a block of a range; a leader's header comes with a proposal or a range. All meet in the
:class:`~consensus.slot.Slot` of their number, as long as the tree keeps it: up to
``EVIDENCE_SLOTS`` behind the last final one.

What this very key has said and this replica does not know, because it was put back to an earlier
state, becomes its own again wherever it is met (R11).
"""

from __future__ import annotations

from consensus.context import Context
from consensus.evidence import SignedHeader
from consensus.limits import EVIDENCE_SLOTS, SLOT_WINDOW
from consensus.messages import WireBlock
from consensus.slot import Slot
from consensus.votes import Certificate, Subject, Vote, verify_vote
from ledger.block import Block


def hear(context: Context, certificate: Certificate, *, verified: bool) -> None:
    """Count the votes inside a certificate, and accuse voters whom they convict.

    If its signatures were not ``verified``, those of new votes are: it may be no certificate.

    Raises:
        BadVote: a new vote does not verify.
    """
    subject = certificate.subject
    number = subject.slot
    if number <= context.tree.final.slot - EVIDENCE_SLOTS:
        return
    slot = context.tree.hearsay(number)
    counted = slot.tallies.get(subject, {})
    for vote in certificate.votes:
        if counted.get(vote.voter) == vote:
            continue
        said = subject if vote is certificate.votes[0] else vote.subject
        if vote.slot != number or slot.has(vote, said) or slot.is_full(vote):
            continue
        if not verified:
            verify_vote(vote, context.genesis)
        count(context, slot, vote, said)


def count(context: Context, slot: Slot, vote: Vote, subject: Subject) -> None:
    """Count a verified vote, accuse whom it convicts, and take an own one as own (R11)."""
    lie = slot.count(vote, subject)
    context.step.counted = True
    context.step.accuse([] if lie is None else [lie])
    forgotten = vote.voter == context.me and vote.kind not in slot.own
    if forgotten and context.may_vote and vote.slot > context.tree.final.slot:
        context.tree.slot(vote.slot).own[vote.kind] = vote  # from now on the rules look at it
        context.step.persist_vote(vote)


def see(context: Context, block: Block, current_slot: int) -> None:
    """Note the header of a block, justified or not, that its leader has signed.

    A second header of one slot accuses. What is too far ahead of ``current_slot`` is not kept.
    """
    number = block.slot
    late = number <= context.tree.final.slot - EVIDENCE_SLOTS
    early = number > current_slot + SLOT_WINDOW and number not in context.tree.slots
    if late or early:
        return
    signed = SignedHeader(block.raw_header, block.signature)
    lie = context.tree.hearsay(number).see(signed, block.header.proposer)
    context.step.accuse([] if lie is None else [lie])


def read(context: Context, wire: WireBlock, block: Block) -> None:
    """Take a verified block of a range: its header, and the certificates that justify it."""
    see(context, block, block.slot)
    for certificate in wire.justification:
        hear(context, certificate, verified=True)
