"""Forges: certificates, others' votes, batches, proposals and evidence, ranges.

Everything is made from what it hears, and signed with the only key it has, or not at all. It never
contradicts itself, so nobody can convict it of a forgery; nor may anybody believe it.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from consensus.evidence import of_votes
from consensus.messages import (
    BatchMessage,
    CertificateMessage,
    EvidenceMessage,
    Message,
    Proposal,
    Range,
    VoteMessage,
    wire_block,
)
from consensus.votes import (
    Certificate,
    Subject,
    Vote,
    certificate_of,
    notar_subject,
    signature_input,
    skip_subject,
)
from simulator.liars.liar import Liar

FORGED_PPM = 250_000


class Forger(Liar):
    """A forger of whatever comes by."""

    def hear(self, sender: str, message: Message) -> None:
        """Forge one in four messages, and send the result to some."""
        if not self.chance.happens(FORGED_PPM):
            return
        forged = self._forged(message)
        if forged is None:
            return
        for peer in self.half():
            self.tell(peer, forged)
            self.lied(forged.__struct_config__.tag or "", peer)  # type: ignore[arg-type]

    def _forged(self, message: Message) -> Message | None:
        if isinstance(message, VoteMessage):
            vote = message.vote
            made: tuple[Callable[[Vote], Message | None], ...] = (
                self._altered,
                self._in_name,
                self._of_one,
                self._of_one,
                self._of_all,
                self._accusing,
            )
            return self.chance.pick(made)(vote)
        if isinstance(message, CertificateMessage):
            return CertificateMessage(self._spoiled(message.certificate))
        if isinstance(message, BatchMessage):
            return self._batch(message)
        if isinstance(message, Proposal):
            return self._proposal(message)
        if isinstance(message, Range):
            return self._range(message)
        return None

    # -- votes ------------------------------------------------------------------------------------

    def _altered(self, vote: Vote) -> Message:
        """Keep the signature and let the vote say something else."""
        field = self.chance.below(3)
        if field == 0:
            return VoteMessage(replace(vote, slot=vote.slot + 1))
        if field == 1:
            return VoteMessage(replace(vote, voter=self.chance.pick(self.others)))
        return VoteMessage(replace(vote, block=self.chance.bytes(32)))

    def _in_name(self, vote: Vote) -> Message:
        return VoteMessage(self._other(vote))

    def _other(self, vote: Vote) -> Vote:
        """Return a contradicting vote in the same voter's name, if that is not this party."""
        subject = notar_subject(vote.slot, self.chance.bytes(32))
        return self._signed(subject, vote.voter if vote.voter != self.party else self.others[0])

    def _signed(self, subject: Subject, voter: str) -> Vote:
        """Return a vote in another voter's name under this party's key."""
        said = signature_input(subject, 0, self.genesis.ledger, self.genesis.origin)
        return Vote(subject.kind, subject.slot, voter, self.signer.sign(said), subject.block)

    def _of_one(self, vote: Vote) -> Message:
        """Let one real vote stand for a whole quorum: alone, or again and again."""
        again = self.chance.pick((1, self.genesis.quorum))
        return CertificateMessage(Certificate((vote,) * again))

    def _of_all(self, vote: Vote) -> Message:
        """Let all say what nobody said."""
        block = self.chance.bytes(32)
        subject = self.chance.pick((skip_subject(vote.slot), notar_subject(vote.slot, block)))
        votes = {name: self._signed(subject, name) for name in self.others}
        return CertificateMessage(certificate_of(votes))

    def _accusing(self, vote: Vote) -> Message | None:
        """Accuse an honest voter with one real and one forged vote."""
        lie = of_votes(vote, self._other(vote))
        return None if lie is None else EvidenceMessage(lie)

    # -- certificates, batches, blocks ------------------------------------------------------------

    def _spoiled(self, certificate: Certificate) -> Certificate:
        votes = certificate.votes
        kind = self.chance.below(4)
        if kind == 0:
            return Certificate(votes[: self.genesis.quorum - 1])
        if kind == 1:
            return Certificate((votes[0],) * len(votes))
        if kind == 2:
            return Certificate((*votes[:-1], replace(votes[-1], signature=votes[0].signature)))
        return Certificate(tuple(replace(vote, slot=vote.slot + 1) for vote in votes))

    def _batch(self, message: BatchMessage) -> Message:
        wire = message.batch
        if self.chance.below(2):
            altered = wire.records[0].replace(b'"amount":', b'"amount":9')
            return BatchMessage(replace(wire, records=(altered, *wire.records[1:])))
        header = wire.header.replace(b'"number":', b'"number":1')
        return BatchMessage(replace(wire, header=header, signature=self.signer.sign(header)))

    def _proposal(self, message: Proposal) -> Message:
        wire, kind = message.block, self.chance.below(3)
        block = wire.block()
        if kind == 0:
            later = replace(block.header, time=block.header.time + 1)
            return Proposal(wire_block(self.sign_block(later, block.batches), wire.justification))
        if kind == 1:
            return Proposal(replace(wire, justification=wire.justification[:-1]))
        return Proposal(replace(wire, signature=self.chance.bytes(64)))

    def _range(self, message: Range) -> Message:
        kind = self.chance.below(3)
        if kind == 0:
            return replace(message, certificate=self._spoiled(message.certificate))
        if kind == 1:
            return replace(message, blocks=message.blocks[: 1 + len(message.blocks) // 2])
        first = replace(message.blocks[0], signature=self.chance.bytes(64))
        return replace(message, blocks=(first, *message.blocks[1:]))
