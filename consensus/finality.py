"""Finality: blocks become final by q Final votes (R6), or by a range of a peer (R9).

One Final certificate makes a block and all its ancestors final. A replica that holds them commits
them in height order; one that does not is behind, and asks for a range. Nothing of a range is
believed for the sender's sake: the parent hashes and one certificate prove all its blocks, and each
is verified as a proposal would be, because this node will hand it on.
"""

from __future__ import annotations

from consensus import certificates, judge, proposals, witness
from consensus.context import Context
from consensus.effects import Deliver
from consensus.errors import BadMessage
from consensus.justification import refuse_not_the_leaders, refuse_unjustified, refuse_unproved
from consensus.messages import Range
from consensus.slot import Proposed
from consensus.votes import Certificate, final_subject
from ledger.block import Block, Tip, decode_header

# -- R6: commit ------------------------------------------------------------------------------------


def commit(context: Context) -> bool:
    """Deliver what a Final certificate makes final. Return whether there was anything."""
    certified = [c for _, slot in context.tree.live() if (c := slot.certificate("final"))]
    for certificate in reversed(certified):
        chain = _chain_to(context, certificate)
        if chain is not None:
            _deliver(context, chain)
            return True
        if context.step.halt is not None:
            return False
    if certified:
        context.fetching.want_range(certified[-1], context.step.now.ticks_ms)
    return False


def _chain_to(context: Context, certificate: Certificate) -> list[Block] | None:
    judge.recheck_refused(context, certificate.subject)
    try:
        return context.tree.chain_to(certificate.subject.block)
    except LookupError:
        certificates.stop_on_conflict(context, certificate)
        return None


def _deliver(context: Context, chain: list[Block], *, by_range: bool = False) -> None:
    """Deliver blocks; what headers of a range make final, no paper of this node's does."""
    for block in chain:
        subject = final_subject(context.tree.tips[block.hash])
        slot = context.tree.slot(block.slot)
        certificate = slot.certificates.get(subject)
        justification = context.tree.justification(block.hash)
        proposed = slot.proposals.get(block.hash)
        durable = proposed is not None and proposed.durable and not by_range
        context.step.effects.deliver.append(Deliver(block, justification, certificate, durable))
        if certificate is not None:
            context.tree.final_certificate = certificate
    _advance(context, context.tree.tips[chain[-1].hash])


def _advance(context: Context, tip: Tip) -> None:
    context.tree.advance(tip)
    if context.tree.current <= tip.slot + 1:
        context.tree.enter(tip.slot + 1)
        context.timers.stop_slot()
    context.timers.on_final(context.step.now.ticks_ms)
    context.fetching.on_final(tip)


# -- R9: catching up -------------------------------------------------------------------------------


def on_range(context: Context, message: Range, peer: str) -> None:
    """Take final blocks from a peer that was asked: one later certificate proves them all.

    Raises:
        ConsensusError: it was not asked for, does not prove itself, or a block is not justified.
        LedgerError: a block or a batch is forged.
    """
    height = decode_header(message.blocks[0].header).height
    if not context.fetching.settle(peer, height):
        raise BadMessage("unasked", f"{peer} was not asked for blocks from height {height} on")
    if height != context.tree.final.height + 1:
        return
    context.step.news = True
    blocks = [wire.block() for wire in message.blocks]
    refuse_unproved(message, blocks, context.genesis)
    if blocks[0].parent != context.tree.final.hash:
        certificates.stop_on_conflict(context, message.certificate)
        return
    parent = context.tree.final
    for count, (wire, block) in enumerate(zip(message.blocks, blocks, strict=True)):
        refuse_not_the_leaders(block, context.genesis)
        refuse_unjustified(wire, block, context.genesis, context.tree.is_known)
        witness.read(context, wire, block)
        proposed = Proposed(block, wire)
        if context.tree.first_lacking(proposed) is not None:
            _wait_for_skips(context, blocks[:count], proposed)
            break
        context.machine.refuse_forged(block, context.step.effects.found)
        new = block.hash not in context.tree.tips
        if new and not judge.check_final(context, proposed, parent):
            return
        parent = context.tree.tips[block.hash]
    else:
        if message.headers:
            _deliver(context, blocks, by_range=True)
    certificates.on_certificate(context, message.certificate, None)


def _wait_for_skips(context: Context, before: list[Block], proposed: Proposed) -> None:
    """Commit what stands before a block that lacks Skip certificates, and let it wait (R10).

    When they are here it is judged like a proposal, and final by the certificate of its range.
    """
    if before:
        _deliver(context, before, by_range=True)
    for skip in proposed.wire.skips:
        certificates.on_certificate(context, skip, None, tell=False)
    proposals.take(context, proposed, proved=True)
