"""Votes become certificates, and certificates are heard, kept and forwarded (R1, R8).

A vote is counted once it verifies; the one that completes a quorum makes a certificate, as good as
one that a peer sends. A certificate is durable before it is forwarded, and forwarded once. Every
statement passes the :mod:`~consensus.witness` on its way, and a Final certificate that cannot stand
beside the final ones known here stops the replica (I1); :mod:`consensus.forks` tells who is guilty.
"""

from __future__ import annotations

from consensus import witness
from consensus.block_tree import BlockTree
from consensus.context import Context
from consensus.effects import Halt
from consensus.justification import leader_of
from consensus.limits import CATCH_UP_DELAY_MS, EVIDENCE_SLOTS, SLOT_WINDOW
from consensus.messages import CertificateMessage
from consensus.slot import Slot
from consensus.votes import (
    Certificate,
    Subject,
    Vote,
    final_subject,
    verify_certificate,
    verify_vote,
)

# -- votes -----------------------------------------------------------------------------------------


def on_vote(context: Context, vote: Vote) -> None:
    """Count a peer's vote, if it is new and not too far from the slots that matter.

    Raises:
        BadVote: it does not verify.
    """
    tree = context.tree
    if not tree.final.slot - EVIDENCE_SLOTS < vote.slot <= tree.current + SLOT_WINDOW:
        return
    slot = tree.slots.get(vote.slot)
    subject = vote.subject
    if slot is not None and (slot.has(vote, subject) or slot.is_full(vote)):
        return
    verify_vote(vote, context.genesis)
    count(context, tree.hearsay(vote.slot), vote, subject)


def count(context: Context, slot: Slot, vote: Vote, subject: Subject) -> None:
    """Count a vote. It is news if it completes a quorum, or leaves no other choice than to skip."""
    witness.count(context, slot, vote, subject)
    if subject.kind == "notar":
        suspect(context, vote.slot, slot)
    if vote.slot > context.tree.final.slot:
        if subject.kind == "skip" and len(slot.tallies[subject]) > context.genesis.spare:
            _on_lost(context, slot, vote.slot)
        certificate = slot.certify(subject, context.genesis.quorum)
        if certificate is not None:
            context.step.news = True
            context.tree.keep(certificate)
            _on_quorum(context, certificate)


def _on_lost(context: Context, slot: Slot, number: int) -> None:
    """Note that too few voters are left for Final votes; skip the slot as well, if it is this one.

    Who is not there yet does so when it enters it: nobody skips a slot whose exit it cannot reach.
    """
    if not slot.lost:
        slot.lost = True
        if number == context.tree.current:
            context.tree.slot(number)
        context.step.news = context.step.news or number <= context.tree.current


def suspect(context: Context, number: int, slot: Slot) -> None:
    """Ask for a block that another voter has notarized beside one that is known here.

    Its header convicts the leader, also when no quorum ever sees either block.
    """
    if len(slot.seen) != 1 or number <= context.tree.final.slot:
        return
    for subject, tally in slot.tallies.items():
        if subject.kind == "notar" and subject.block not in slot.seen:
            leader, voters = leader_of(number, context.genesis), tuple(sorted(tally))
            context.fetching.suspect_block(leader, subject, voters, context.step.now.ticks_ms)


def _on_quorum(context: Context, certificate: Certificate) -> None:
    subject = certificate.subject
    if subject.kind == "final" and _conflicts(subject, context.tree):
        stop_on_conflict(context, certificate)
    else:
        _on_certified(context, certificate)


# -- certificates ----------------------------------------------------------------------------------


def on_certificate(
    context: Context, certificate: Certificate, peer: str | None, *, tell: bool = True
) -> None:
    """Take a certificate of any slot: a quorum has signed it.

    ``peer`` has sent it by itself, or is None if it came inside another message. It is told to all,
    unless it was fetched (R10).

    Raises:
        BadVote: it does not verify.
    """
    subject = certificate.subject
    if subject.slot <= context.tree.final.slot:
        _on_old_certificate(context, certificate, peer)
        return
    slot = context.tree.slots.get(subject.slot)
    if slot is not None and subject in slot.certificates:
        witness.hear(context, certificate, verified=False)
        return
    verify_certificate(certificate, context.genesis)
    context.step.news = True
    if subject.kind == "final" and _conflicts(subject, context.tree):
        stop_on_conflict(context, certificate)
        return
    context.tree.keep(certificate)
    witness.hear(context, certificate, verified=True)
    _on_certified(context, certificate, tell=tell)


def _on_certified(context: Context, certificate: Certificate, *, tell: bool = True) -> None:
    context.step.persist_certificate(certificate)
    if tell:
        context.step.send(CertificateMessage(certificate))  # R1, R8: forwarded once
    want_block_of(context, certificate)


def want_block_of(context: Context, certificate: Certificate) -> None:
    """Ask for the block of a Notar certificate, if it is not here and does not come by itself."""
    subject, tree = certificate.subject, context.tree
    here = subject.block in tree.waiting or subject.block in tree.slot(subject.slot).proposals
    if subject.kind == "notar" and not here:
        at_ms = context.step.now.ticks_ms + CATCH_UP_DELAY_MS
        context.fetching.want_block(subject, certificate.voters, at_ms)


def _on_old_certificate(context: Context, certificate: Certificate, peer: str | None) -> None:
    subject = certificate.subject
    final = subject.kind == "final"
    if final and context.machine.final_hash(subject.height) != subject.block:
        verify_certificate(certificate, context.genesis)
        stop_on_conflict(context, certificate)
        return
    witness.hear(context, certificate, verified=False)
    if final:
        _tell_latest(context, subject, peer)


def _tell_latest(context: Context, subject: Subject, peer: str | None) -> None:
    latest = context.tree.final_certificate
    stale = subject.slot < context.tree.final.slot
    if stale and peer is not None and latest is not None:
        context.step.send(CertificateMessage(latest), peer)


def stop_on_conflict(context: Context, certificate: Certificate) -> None:
    """Stop for good over a verified Final certificate against the own history."""
    context.step.news = True
    witness.hear(context, certificate, verified=True)
    context.step.halt = _halt_over(certificate, context.tree)


def _conflicts(subject: Subject, tree: BlockTree) -> bool:
    """Return whether a Final certificate cannot stand beside the final ones known here.

    Along one chain, slots and heights grow together. What is forked elsewhere shows in a range.
    """
    known = [s for _, slot in tree.live() for s in slot.certificates if s.kind == "final"]
    known.append(final_subject(tree.final))
    return any(
        (s.slot < subject.slot) != (s.height < subject.height)
        or (s.slot == subject.slot and s.block != subject.block)
        for s in known
    )


def _halt_over(certificate: Certificate, tree: BlockTree) -> Halt:
    """Return the halt; it keeps the own final certificates and, as the last one, the other."""
    own = [tree.final_certificate] if tree.final_certificate else []
    for _, slot in tree.live():
        own += [c for c in slot.certificates.values() if c.subject.kind == "final"]
    subject = certificate.subject
    signers = ", ".join(certificate.voters)
    return Halt(
        "conflicting-final",
        f"a certificate makes block {subject.block.hex()} final at height {subject.height}, "
        f"against this node's own history; it is signed by {signers}",
        (*(c for c in dict.fromkeys(own) if c != certificate), certificate),
    )
