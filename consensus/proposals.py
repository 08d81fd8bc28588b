"""Proposals, made and taken (R2).

A leader proposes once, on the highest notarized block such that every slot between has a Skip
certificate. Of others, only the leader's own signed blocks count, and only justified ones may be
voted for; a header convicts a leader all the same. A block that follows a long run of skipped slots
waits until their certificates are here (R10). Whether it is valid is not said here, but in
:mod:`consensus.judge`.
"""

from __future__ import annotations

from consensus import certificates, judge, witness
from consensus.context import Context
from consensus.evidence import SignedHeader
from consensus.fetching import OWN
from consensus.justification import refuse_header, refuse_unjustified
from consensus.limits import EVIDENCE_SLOTS, WAITING_PER_SLOT_MAX
from consensus.messages import Proposal, WireBlock, wire_block
from consensus.slot import Proposed
from ledger import domains
from ledger.block import decode_header


def propose(context: Context, number: int, *, empty: bool) -> bool:
    """Propose as the leader of a slot, an ``empty`` block if need be. Return whether it did."""
    slot = context.tree.slots.get(number)
    if slot is not None and (
        slot.seen or slot.timed_out or slot.lost or "notar" not in slot.may_say
    ):
        return False  # seen: only this key can have signed a header of the slot
    found = context.tree.parent_for(number)
    if found is None:
        _want_justification(context, number)
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
    header = decode_header(wire.header)
    number = header.slot
    if number <= context.tree.final.slot - EVIDENCE_SLOTS:
        return
    known = context.tree.slots.get(number)
    known_hash = domains.block_hash(wire.header)
    if known_hash in context.tree.waiting or (known and known_hash in known.proposals):
        return
    refuse_header(header, wire.header, wire.signature, context.genesis)
    block = wire.block()
    witness.see(context, block, context.tree.current)
    refuse_unjustified(wire, block, context.genesis, context.tree.is_known)
    for certificate in wire.justification:
        certificates.on_certificate(context, certificate, None)
    witness.see(context, block, number)  # it is not too far ahead: a quorum has led to it
    certificates.suspect(context, number, context.tree.slot(number))
    if not context.tree.rests(number):  # or it would be executed, and forgotten, each time it comes
        take(context, Proposed(block, wire))


def take(context: Context, proposed: Proposed, *, proved: bool = False) -> None:
    """Take a block that carries what it has to; let it wait while Skip certificates lack (R10).

    Args:
        context: The replica.
        proposed: The block.
        proved: Whether a quorum stands behind it.

    Raises:
        LedgerError: a batch is forged.
    """
    if context.tree.first_lacking(proposed) is None:
        _take_whole(context, proposed)
    else:
        _let_wait(context, proposed, proved)


def _take_whole(context: Context, proposed: Proposed) -> None:
    """Take a justified block to be judged; a leader's second one counts against the slot."""
    block = proposed.block
    slot = context.tree.slot(block.slot)
    slot.add_header(block)
    counts = block.hash in slot.headers or context.tree.is_certified(block)
    if block.slot > context.tree.final.slot and counts:
        context.step.news = True
        context.machine.refuse_forged(block, context.step.effects.found)
        slot.add_proposal(proposed)
        context.fetching.on_block(block.hash)


# -- R10: blocks that wait for Skip certificates ---------------------------------------------------


def _let_wait(context: Context, proposed: Proposed, proved: bool) -> None:
    block, tree = proposed.block, context.tree
    proposed.proved = proved
    proved = proved or tree.is_certified(block)
    others = [each for each in tree.waiting.values() if each.block.slot == block.slot]
    full = len(others) >= WAITING_PER_SLOT_MAX and not proved
    if full or block.slot <= tree.final.slot or proposed.wire.parent_slot < tree.final.slot:
        return
    context.step.news = True
    context.machine.refuse_forged(block, context.step.effects.found)
    tree.waiting[block.hash] = proposed
    context.fetching.on_block(block.hash)


def admit(context: Context) -> bool:
    """Take the blocks that lack nothing any more; ask for what others lack. Return whether any."""
    for block in context.tree.forget_left():
        context.fetching.on_whole(block)
    lacking = {h: context.tree.first_lacking(p) for h, p in context.tree.waiting.items()}
    for block, first in lacking.items():
        proposed = context.tree.waiting[block]
        if first is not None:
            _want_exits(context, proposed, first)
            continue
        del context.tree.waiting[block]
        context.fetching.on_whole(block)
        _take_whole(context, proposed)
    return None in lacking.values()


def _want_exits(context: Context, proposed: Proposed, first: int) -> None:
    block, now_ms = proposed.block, context.step.now.ticks_ms
    voters = (block.header.proposer, *proposed.wire.justification[-1].voters)
    context.fetching.want_exits(block.hash, (first, block.slot), voters, now_ms)


def _want_justification(context: Context, number: int) -> None:
    """Ask for the exit certificates without which this leader cannot propose in its slot."""
    tree = context.tree
    first = tree.first_unskipped(tree.base(number) + 1)
    before = tree.slots.get(number - 1)
    exit_certificate = None if before is None else before.exit_certificate
    if first < number:
        voters = exit_certificate.voters if exit_certificate is not None else ()
        context.fetching.want_exits(OWN, (first, number), voters, context.step.now.ticks_ms)
