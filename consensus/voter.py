"""Voting, slot by slot: Notar, Skip, Final (R3, R4, R5), durable before it leaves (R7).

The three rules are conditions per slot, not on the current slot: a late vote is as good as an early
one. What may be said after what stands in :data:`consensus.votes.MAY_SAY`. Of a slot that a known
Final certificate has ended nothing is said any more: it would be of no use, and whoever was put
back to an earlier state may have said something else there (R11).
"""

from __future__ import annotations

from collections.abc import Callable

from consensus import certificates
from consensus.context import Context
from consensus.messages import VoteMessage
from consensus.slot import Slot
from consensus.votes import Subject, VoteKind, final_subject, notar_subject, sign_vote, skip_subject


def cast_votes(context: Context) -> bool:
    """Cast what may be said now, at most one vote a slot. Return whether there was any."""
    proved = context.tree.proved
    votes = [_next_vote(context, s, slot) for s, slot in context.tree.live() if s > proved]
    for subject in votes:
        if subject is not None:
            _cast(context, subject)
    return any(subject is not None for subject in votes)


def _next_vote(context: Context, number: int, slot: Slot) -> Subject | None:
    """Return the first that may be said of a slot and whose rule holds."""
    for kind in slot.may_say:
        subject = _RULES[kind](context, number, slot)
        if subject is not None:
            return subject
    return None


def _notar(context: Context, number: int, slot: Slot) -> Subject | None:
    """R3: for the first justified proposal, once it was executed and found valid."""
    first = slot.first_proposal
    return notar_subject(number, first) if first in context.tree.tips and first else None


def _skip(context: Context, number: int, slot: Slot) -> Subject | None:
    """R4: on timeout, on an invalid or second proposal, and once the slot cannot become final."""
    lost = slot.lost and number == context.tree.current and slot.exit_certificate is None
    if slot.timed_out or slot.two_faced or lost:
        return skip_subject(number)
    refused = [each for each in slot.proposals.values() if each.refused]
    return skip_subject(number) if refused else None


def _final(context: Context, number: int, slot: Slot) -> Subject | None:
    """R5: on a Notar certificate for the block that this voter notarized."""
    notarized = slot.own["notar"].subject
    tip = context.tree.tips.get(notarized.block)
    return final_subject(tip) if tip is not None and notarized in slot.certificates else None


_RULES: dict[VoteKind, Callable[[Context, int, Slot], Subject | None]] = {
    "notar": _notar,
    "skip": _skip,
    "final": _final,
}


def _cast(context: Context, subject: Subject) -> None:
    seconds = context.step.now.wall_ms // 1000
    vote = sign_vote(subject, context.signer, context.me, seconds, context.genesis)
    slot = context.tree.slot(subject.slot)
    slot.own[subject.kind] = vote
    if subject.kind == "notar" and not slot.proposals[subject.block].durable:
        context.step.persist_block(slot.proposals[subject.block])
    context.step.persist_vote(vote)  # R7: durable before it leaves
    context.step.send(VoteMessage(vote))
    certificates.count(context, slot, vote, subject)
