"""Votes become certificates, and certificates are heard, kept and forwarded (R1, R8).

A vote is counted once it verifies; the one that completes a quorum makes a certificate, as good as
one that a peer sends. A certificate is durable before it is forwarded, and forwarded once. Every
statement passes the :class:`~consensus.witness.Witness` on its way, and a Final certificate against
the final ones known here stops the replica (I1).
"""

from __future__ import annotations

from consensus.book import Book
from consensus.conflict import conflict, conflicts
from consensus.effects import Machine
from consensus.limits import CATCH_UP_DELAY_MS, EVIDENCE_SLOTS, SLOT_WINDOW
from consensus.messages import CertificateMessage
from consensus.pursuit import Pursuit
from consensus.slot import Slot
from consensus.step import Step
from consensus.votes import Certificate, Subject, Vote, verify_certificate, verify_vote
from consensus.witness import Witness
from ledger.genesis import Genesis


class Certificates:
    """Takes votes and certificates for one replica.

    Args:
        book: Where they are kept.
        step: The step under way.
        genesis: The ledger: voters and quorum.
        witness: Notices contradictions.
        pursuit: Asks for blocks that are voted for and not here.
        machine: Knows what was final long ago.
    """

    def __init__(
        self,
        book: Book,
        step: Step,
        genesis: Genesis,
        *,
        witness: Witness,
        pursuit: Pursuit,
        machine: Machine,
    ) -> None:
        self._book = book
        self._step = step
        self._genesis = genesis
        self._witness = witness
        self._pursuit = pursuit
        self._machine = machine

    # -- votes -----------------------------------------------------------------------------------

    def on_vote(self, vote: Vote) -> None:
        """Count a peer's vote, if it is new and not too far from the slots that matter.

        Raises:
            BadVote: it does not verify.
        """
        book = self._book
        if not book.final.slot - EVIDENCE_SLOTS < vote.slot <= book.current + SLOT_WINDOW:
            return
        slot = book.slots.get(vote.slot)
        subject = vote.subject
        if slot is not None and (slot.has(vote, subject) or slot.is_full(vote)):
            return
        verify_vote(vote, self._genesis)
        self.count(book.slot(vote.slot), vote, subject)

    def count(self, slot: Slot, vote: Vote, subject: Subject) -> None:
        """Count a vote. It is news if it completes a quorum: no rule looks at single votes."""
        lie = slot.count(vote, subject)
        self._step.accuse([] if lie is None else [lie])
        if subject.kind == "notar":
            self.suspect(vote.slot, slot)
        if vote.slot > self._book.final.slot:
            certificate = slot.certify(subject, self._genesis.quorum)
            if certificate is not None:
                self._step.news = True
                self._on_quorum(certificate)

    def suspect(self, number: int, slot: Slot) -> None:
        """Ask for a block that another voter has notarized beside one that is known here.

        Its header convicts the leader, also when no quorum ever sees either block.
        """
        if len(slot.seen) != 1 or number <= self._book.final.slot:
            return
        for subject, tally in slot.tallies.items():
            if subject.kind == "notar" and subject.block not in slot.seen:
                voters = tuple(sorted(tally))
                self._pursuit.want_block(subject, voters, self._step.now.ticks_ms)

    def _on_quorum(self, certificate: Certificate) -> None:
        subject = certificate.subject
        if subject.kind == "final" and conflicts(subject, self._book):
            self.stop_on_conflict(certificate)
        else:
            self._on_certified(certificate)

    # -- certificates ----------------------------------------------------------------------------

    def on_certificate(self, certificate: Certificate, peer: str | None) -> None:
        """Take a certificate of any slot: a quorum has signed it.

        Args:
            certificate: The certificate.
            peer: Who sent it by itself; None if it came inside another message.

        Raises:
            BadVote: it does not verify.
        """
        subject = certificate.subject
        if subject.slot <= self._book.final.slot:
            self._on_old_certificate(certificate, peer)
            return
        slot = self._book.slots.get(subject.slot)
        if slot is not None and subject in slot.certificates:
            self._step.accuse(self._witness.hear(certificate, verified=False))
            return
        verify_certificate(certificate, self._genesis)
        self._step.news = True
        if subject.kind == "final" and conflicts(subject, self._book):
            self.stop_on_conflict(certificate)
            return
        self._book.slot(subject.slot).certificates[subject] = certificate
        self._step.accuse(self._witness.hear(certificate, verified=True))
        self._on_certified(certificate)

    def _on_certified(self, certificate: Certificate) -> None:
        subject = certificate.subject
        self._step.persist_certificate(certificate)
        self._step.send(CertificateMessage(certificate))  # R1, R8: forwarded once
        if subject.kind == "notar" and subject.block not in self._book.slot(subject.slot).proposals:
            self.want_block_of(certificate)

    def want_block_of(self, certificate: Certificate) -> None:
        """Ask for the block of a Notar certificate, if it does not come by itself."""
        at_ms = self._step.now.ticks_ms + CATCH_UP_DELAY_MS
        self._pursuit.want_block(certificate.subject, certificate.voters, at_ms)

    def _on_old_certificate(self, certificate: Certificate, peer: str | None) -> None:
        subject, final = certificate.subject, certificate.subject.kind == "final"
        if final and self._machine.final_hash(subject.height) != subject.block:
            verify_certificate(certificate, self._genesis)
            self.stop_on_conflict(certificate)
            return
        self._step.accuse(self._witness.hear(certificate, verified=False))
        if final:
            self._tell_latest(subject, peer)

    def _tell_latest(self, subject: Subject, peer: str | None) -> None:
        latest = self._book.final_certificate
        stale = subject.slot < self._book.final.slot
        if stale and peer is not None and latest is not None:
            self._step.send(CertificateMessage(latest), peer)

    def stop_on_conflict(self, certificate: Certificate) -> None:
        """Stop for good over a verified Final certificate against the own history."""
        self._step.news = True
        self._step.accuse(self._witness.hear(certificate, verified=True))
        self._step.halt = conflict(certificate, self._book)
