"""What this voter signs, slot by slot: Notar, Skip, Final (R3, R4, R5), durable first (R7).

The three rules are conditions per slot, not on the current slot: a late vote is as good as an early
one. What may be said of one slot is nothing; Notar; Skip; Notar, then Skip; or Notar, then Final.
"""

from __future__ import annotations

from consensus.book import Book
from consensus.certificates import Certificates
from consensus.justification import leader_of
from consensus.messages import VoteMessage
from consensus.slot import Slot
from consensus.step import Step
from consensus.votes import Subject, final_subject, notar_subject, sign_vote, skip_subject
from ledger.genesis import Genesis
from ledger.keys import Signer


class Voter:
    """Votes under one key.

    Args:
        book: What the replica knows.
        step: The step under way.
        genesis: The ledger.
        certificates: Counts the votes.
        me: The voter's name.
        signer: The voter's key.
    """

    def __init__(
        self,
        book: Book,
        step: Step,
        genesis: Genesis,
        *,
        certificates: Certificates,
        me: str,
        signer: Signer,
    ) -> None:
        self._book = book
        self._step = step
        self._genesis = genesis
        self._certificates = certificates
        self._me = me
        self._signer = signer

    def vote(self) -> bool:
        """Cast what may be said now, at most one vote a slot. Return whether there was any."""
        votes = [self._next_vote(number, slot) for number, slot in self._book.live()]
        for subject in votes:
            if subject is not None:
                self._cast(subject)
        return any(subject is not None for subject in votes)

    def _next_vote(self, number: int, slot: Slot) -> Subject | None:
        own = slot.own
        if "final" in own:
            return None
        if "skip" not in own and self._must_skip(slot):
            return skip_subject(number)
        if "skip" in own:
            return None
        if "notar" not in own:
            first = slot.first_proposal
            ready = first is not None and first in self._book.tips
            return notar_subject(number, first or b"") if ready else None
        subject = own["notar"].subject
        if subject in slot.certificates and subject.block in self._book.tips:
            return final_subject(self._book.tips[subject.block])
        return None

    def _must_skip(self, slot: Slot) -> bool:
        refused = any(proposed.refused for proposed in slot.proposals.values())
        return slot.timed_out or slot.two_faced or refused

    def _cast(self, subject: Subject) -> None:
        seconds = self._step.now.wall_ms // 1000
        vote = sign_vote(subject, self._signer, self._me, seconds, self._genesis)
        slot = self._book.slot(subject.slot)
        slot.own[subject.kind] = vote
        if subject.kind == "notar" and leader_of(subject.slot, self._genesis) != self._me:
            self._step.persist_block(slot.proposals[subject.block])
        self._step.persist_vote(vote)  # R7: durable before it leaves
        self._step.send(VoteMessage(vote))
        self._certificates.count(slot, vote, subject)
