"""Votes and certificates: signed statements of one voter, and a quorum of equal ones.

``Notar(s, h)`` and ``Skip(s)`` are signatures over canonical JSON under the vote domain.
``Final(s, h)`` is a C2SP Ed25519 cosignature (type 0x04) of the block's checkpoint, so that the
certificate that makes a block final is itself a cosigned checkpoint.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from consensus.errors import BadVote
from ledger import canonical, domains
from ledger.block import Tip, checkpoint_of
from ledger.errors import VerificationError
from ledger.genesis import Genesis
from ledger.keys import Signer
from ledger.log.checkpoint import Checkpoint

VoteKind = Literal["notar", "skip", "final"]
VOTE_KINDS: tuple[VoteKind, ...] = get_args(VoteKind)
Number = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Signature = Annotated[bytes, Meta(min_length=64, max_length=64)]
HashOrNothing = Annotated[bytes, Meta(max_length=32)]

MAY_SAY: dict[tuple[VoteKind, ...], tuple[VoteKind, ...]] = {
    (): ("skip", "notar"),
    ("notar",): ("skip", "final"),
    ("skip",): (),
    ("notar", "skip"): (),
    ("notar", "final"): (),
}
"""What a voter may say of one slot, by what it has said of it; first what is tried first.

Its Notar and its Final vote name one block. Whatever is not here contradicts something
(:data:`consensus.evidence.LIES`).
"""


class Subject(msgspec.Struct, frozen=True, gc=False):
    """What a vote says. Votes with one subject add up to a certificate.

    ``block``, ``height``, ``size`` and ``root`` are empty for Skip; the last three for Notar.
    """

    kind: VoteKind
    slot: int
    block: bytes = b""
    height: int = 0
    size: int = 0
    root: bytes = b""


class Vote(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One voter's signed statement. ``time`` is the cosignature's, in seconds, for Final only."""

    kind: VoteKind
    slot: Number
    voter: str
    signature: Signature
    block: HashOrNothing = b""
    height: Number = 0
    size: Number = 0
    root: HashOrNothing = b""
    time: Number = 0

    @property
    def subject(self) -> Subject:
        """What the vote says, without who says it."""
        return Subject(self.kind, self.slot, self.block, self.height, self.size, self.root)


class Certificate(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A quorum of equal votes, ordered by voter name."""

    votes: Annotated[tuple[Vote, ...], Meta(min_length=1, max_length=31)]

    @property
    def subject(self) -> Subject:
        """What the certificate says."""
        return self.votes[0].subject

    @property
    def voters(self) -> tuple[str, ...]:
        """Who said it."""
        return tuple(vote.voter for vote in self.votes)


def certificate_of(votes: dict[str, Vote]) -> Certificate:
    """Return the certificate made of ``votes`` by voter, in canonical order."""
    return Certificate(tuple(votes[voter] for voter in sorted(votes)))


def notar_subject(slot: int, block: bytes) -> Subject:
    """Return the subject of a Notar vote."""
    return Subject("notar", slot, block)


def skip_subject(slot: int) -> Subject:
    """Return the subject of a Skip vote."""
    return Subject("skip", slot)


def final_subject(tip: Tip) -> Subject:
    """Return the subject of a Final vote for the block that made ``tip``."""
    return Subject("final", tip.slot, tip.hash, tip.height, tip.size, tip.root)


def checkpoint_for(subject: Subject, origin: str) -> Checkpoint:
    """Return the checkpoint that a Final vote of ``subject`` cosigns."""
    tip = Tip(subject.height, subject.slot, subject.block, 0, subject.size, subject.root, b"")
    return checkpoint_of(origin, tip)


@lru_cache(maxsize=1024)
def signature_input(subject: Subject, time: int, ledger: str, origin: str) -> bytes:
    """Return what a voter signs; all voters of a subject sign the same.

    Args:
        subject: What the vote says.
        time: Seconds since the epoch, for Final votes.
        ledger: Genesis hash in hex.
        origin: Name of the log.
    """
    if subject.kind == "final":
        return domains.cosignature_input(checkpoint_for(subject, origin).text(), time)
    said = {"kind": subject.kind, "ledger": ledger, "slot": subject.slot}
    if subject.kind == "notar":
        said["block"] = subject.block.hex()
    return domains.vote_signature_input(canonical.encode(said))


def sign_vote(subject: Subject, signer: Signer, voter: str, time_s: int, genesis: Genesis) -> Vote:
    """Return the signed vote of ``voter`` for ``subject``.

    Args:
        subject: What to say.
        signer: The voter's key.
        voter: The voter's name.
        time_s: Seconds since the epoch; used by Final votes, zero otherwise.
        genesis: The ledger voted in.
    """
    time = time_s if subject.kind == "final" else 0
    signature = signer.sign(signature_input(subject, time, genesis.ledger, genesis.origin))
    return Vote(
        kind=subject.kind,
        slot=subject.slot,
        voter=voter,
        signature=signature,
        block=subject.block,
        height=subject.height,
        size=subject.size,
        root=subject.root,
        time=time,
    )


def verify_vote(vote: Vote, genesis: Genesis) -> None:
    """Return if ``vote`` is well formed and signed by its voter for this ledger.

    Raises:
        BadVote: ``malformed-vote``, ``unknown-voter`` or ``bad-vote-signature``.
    """
    _refuse_malformed(vote)
    if vote.voter not in genesis.voters:
        raise BadVote("unknown-voter", f"{vote.voter} has no vote by genesis")
    message = signature_input(vote.subject, vote.time, genesis.ledger, genesis.origin)
    try:
        genesis.verifiers[vote.voter].verify(vote.signature, message)
    except VerificationError:
        raise BadVote(
            "bad-vote-signature", f"the {vote.kind} vote for slot {vote.slot} is not {vote.voter}'s"
        ) from None


def _refuse_malformed(vote: Vote) -> None:
    final, notar = vote.kind == "final", vote.kind == "notar"
    shape_ok = (
        len(vote.block) == (32 if final or notar else 0)
        and len(vote.root) == (32 if final else 0)
        and (final or not (vote.height or vote.size or vote.time))
        and vote.slot > 0
    )
    if not shape_ok:
        raise BadVote("malformed-vote", f"fields do not fit a {vote.kind} vote")


def verify_certificate(certificate: Certificate, genesis: Genesis) -> None:
    """Return if ``certificate`` is a quorum of equal, verified votes of distinct voters.

    Raises:
        BadVote: ``malformed-certificate``, ``no-quorum``, or as :func:`verify_vote`.
    """
    voters = certificate.voters
    if list(voters) != sorted(set(voters)):
        raise BadVote("malformed-certificate", "voters must be distinct and in order")
    if len(voters) < genesis.quorum:
        raise BadVote("no-quorum", f"{len(voters)} votes, the quorum is {genesis.quorum}")
    subject = certificate.subject
    if any(vote.subject != subject for vote in certificate.votes[1:]):
        raise BadVote("malformed-certificate", "the votes do not say the same thing")
    for vote in certificate.votes:
        verify_vote(vote, genesis)
