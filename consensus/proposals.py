"""Proposals, made and taken (R2).

A leader proposes once, on the highest notarized block such that every slot between has a Skip
certificate. Of others, only the leader's own signed blocks count, and only justified ones may be
voted for; a header convicts a leader all the same. Whether a block is valid is not said here, but
in :mod:`consensus.judge`.
"""

from __future__ import annotations

from consensus import certificates, judge, witness
from consensus.context import Context
from consensus.evidence import SignedHeader
from consensus.justification import refuse_not_the_leaders, refuse_unjustified
from consensus.limits import EVIDENCE_SLOTS
from consensus.messages import Proposal, WireBlock, wire_block
from consensus.slot import Proposed
from consensus.votes import notar_subject


def propose(context: Context, number: int, *, empty: bool) -> bool:
    """Propose as the leader of a slot, an ``empty`` block if need be. Return whether it did."""
    slot = context.tree.slots.get(number)
    if slot is not None and (slot.seen or slot.timed_out or "notar" not in slot.may_say):
        return False  # seen: only this key can have signed a header of the slot
    found = context.tree.parent_for(number)
    if found is None:
        return False
    parent, justification = found
    block = context.machine.build(parent, number, context.step.now.wall_ms, empty=empty)
    if block is None:
        return False
    proposed = Proposed(block, wire_block(block, justification))
    slot = context.tree.slot(number)
    slot.see(SignedHeader(block.raw_header, block.signature), context.me)
    slot.add_header(block)
    slot.add_proposal(proposed)
    judge.accept(context, proposed)
    context.step.persist_block(proposed)
    context.step.send(Proposal(proposed.wire))
    return True


def on_proposal(context: Context, wire: WireBlock) -> None:
    """Take a proposal to be judged.

    Raises:
        ConsensusError: it is not the leader's, or not justified.
        LedgerError: its signature or a batch is forged.
    """
    block = wire.block()
    number = block.slot
    if number <= context.tree.final.slot - EVIDENCE_SLOTS:
        return
    known = context.tree.slots.get(number)
    if known is not None and block.hash in known.proposals:
        return
    refuse_not_the_leaders(block, context.genesis)
    witness.see(context, block, context.tree.current)
    refuse_unjustified(wire, block, context.genesis, context.tree.is_known)
    for certificate in wire.justification:
        certificates.on_certificate(context, certificate, None)
    slot = context.tree.slot(number)
    slot.add_header(block)
    certificates.suspect(context, number, slot)
    certified = notar_subject(number, block.hash) in slot.certificates
    if number > context.tree.final.slot and (block.hash in slot.headers or certified):
        context.step.news = True
        context.machine.refuse_forged(block, context.step.effects.found)
        slot.add_proposal(Proposed(block, wire))
        context.fetching.on_block(block.hash)
