"""Papers of a replica from before a restart, put back into an empty tree (I2)."""

from __future__ import annotations

from consensus import statements, witness
from consensus.context import Context
from consensus.effects import Durable, Saved
from consensus.justification import refuse_not_the_leaders, refuse_unjustified
from consensus.messages import (
    decode_block,
    decode_certificate,
    decode_signed_header,
    decode_vote,
)
from consensus.slot import Proposed
from consensus.votes import verify_certificate, verify_vote

_TAKEN_BACK = {"vote": 0, "block": 2}
"""The order in which what was durable is taken back, by kind; others are between."""


def take_back(saved: Saved, context: Context) -> None:
    """Put what was durable back into an empty tree (I2), and accuse whom it convicts.

    Own votes come first: those inside certificates are none that were forgotten. Blocks come last,
    and are put back unjudged, but those of skipped slots: they are executed again. Every signature
    is verified again: a disk may have turned a byte, and what is taken back is counted, said to
    others and stored.

    Raises:
        ConsensusError: something stored is damaged.
        LedgerError: as above.
    """
    if saved.certificate is not None:
        verify_certificate(saved.certificate, context.genesis)
        witness.hear(context, saved.certificate, verified=True)
    for durable in sorted(saved.durables, key=lambda each: _TAKEN_BACK.get(each.kind, 1)):
        if durable.slot > context.tree.final.slot:
            _take_back(durable, context)
    for _, slot in context.tree.live():
        for proposed in slot.proposals.values():
            context.machine.refuse_forged(proposed.block, context.step.effects.found)


def _take_back(durable: Durable, context: Context) -> None:
    slot = context.tree.slot(durable.slot)
    if durable.kind == "vote":
        vote = decode_vote(durable.body)
        verify_vote(vote, context.genesis)
        slot.own[vote.kind] = vote
        slot.count(vote, vote.subject)
    elif durable.kind == "certificate":
        certificate = decode_certificate(durable.body)
        verify_certificate(certificate, context.genesis)
        context.tree.keep(certificate)
        witness.hear(context, certificate, verified=True)
    elif durable.kind == "header":
        signed = decode_signed_header(durable.body)
        statements.verify_header(signed, context.genesis, context.me)
        lie = slot.see(signed, context.me)
        context.step.accuse([] if lie is None else [lie])
    else:
        wire = decode_block(durable.body)
        block = wire.block()
        refuse_not_the_leaders(block, context.genesis)
        refuse_unjustified(wire, block, context.genesis, context.tree.is_known)
        witness.see(context, block, context.tree.current)
        slot.add_header(block)
        if not slot.is_only_skipped:
            slot.add_proposal(Proposed(block, wire, durable=True))
