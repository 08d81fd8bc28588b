"""Evidence: two signatures of one key that no honest party can have made.

It is self-contained: with the genesis document anybody can verify it offline. The kinds of evidence
stand in :data:`LIES`.
"""

from __future__ import annotations

from hashlib import sha256
from itertools import combinations
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import astuple

from consensus.errors import BadVote
from consensus.votes import MAY_SAY, Vote, verify_vote
from ledger import batch, block, domains
from ledger.errors import LedgerError, VerificationError
from ledger.genesis import Genesis

EvidenceKind = Literal[
    "two-notar", "two-final", "final-skip", "final-notar", "two-proposals", "two-batches"
]

LIES: dict[tuple[str, str], EvidenceKind] = {
    ("notar", "notar"): "two-notar",
    ("final", "final"): "two-final",
    ("final", "skip"): "final-skip",
    ("final", "notar"): "final-notar",
    ("proposal", "proposal"): "two-proposals",
    ("batch", "batch"): "two-batches",
}
"""Kinds of evidence, by what the two statements are, in the order of the alphabet.

They are about one slot, or one number of batches, and differ; a Final and a Notar vote name two
blocks.
"""

_HONEST = {pair for said in MAY_SAY for pair in combinations(sorted(said), 2)}
"""Pairs of votes that one voter may say of one slot about one block."""


class SignedHeader(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A signed block or batch header."""

    header: Annotated[bytes, Meta(max_length=64 * 1024)]
    signature: Annotated[bytes, Meta(min_length=64, max_length=64)]


class Evidence(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Either two votes or two signed headers of one party; the other pair is empty."""

    kind: EvidenceKind
    party: str
    votes: Annotated[tuple[Vote, ...], Meta(max_length=2)] = ()
    headers: Annotated[tuple[SignedHeader, ...], Meta(max_length=2)] = ()

    @property
    def id(self) -> str:
        """A name for this evidence: SHA-256 over its encoding, in hex."""
        return sha256(msgspec.msgpack.encode(self)).hexdigest()


def contradiction(first: Vote, second: Vote) -> EvidenceKind | None:
    """Return the kind of lie that two votes of one voter for one slot prove, or None.

    Two Final votes that say the same at different times are no contradiction.
    """
    one, two = sorted((first.subject, second.subject), key=astuple)
    pair = (one.kind, two.kind)
    if one == two or (one.block == two.block and pair in _HONEST):
        return None
    return LIES.get(pair)


def of_votes(first: Vote, second: Vote) -> Evidence | None:
    """Return the evidence that two votes of one voter make, or None."""
    if first.voter != second.voter or first.slot != second.slot:
        return None
    kind = contradiction(first, second)
    if kind is None:
        return None
    pair = sorted((first, second), key=lambda vote: (astuple(vote.subject), vote.signature))
    return Evidence(kind, first.voter, votes=tuple(pair))


def of_headers(
    kind: EvidenceKind, party: str, first: SignedHeader, second: SignedHeader
) -> Evidence:
    """Return the evidence that two signed headers of one party make."""
    pair = sorted((first, second), key=lambda signed: signed.header)
    return Evidence(kind, party, headers=tuple(pair))


def verify_evidence(evidence: Evidence, genesis: Genesis) -> None:
    """Return if ``evidence`` convicts its party.

    Raises:
        VerificationError: ``bad-evidence``: a signature is false, or the two statements do not
            contradict each other.
    """
    if evidence.party not in genesis.verifiers:
        raise VerificationError("bad-evidence", f"{evidence.party} is not in genesis")
    try:
        convicts = _votes_convict(evidence, genesis) or _headers_convict(evidence, genesis)
    except (LedgerError, BadVote) as error:
        raise VerificationError("bad-evidence", str(error)) from None
    if not convicts:
        raise VerificationError("bad-evidence", "the two statements do not contradict each other")


def _votes_convict(evidence: Evidence, genesis: Genesis) -> bool:
    if len(evidence.votes) != 2 or evidence.headers:
        return False
    first, second = evidence.votes
    if first.voter != evidence.party or of_votes(first, second) != evidence:
        return False
    verify_vote(first, genesis)
    verify_vote(second, genesis)
    return True


def _headers_convict(evidence: Evidence, genesis: Genesis) -> bool:
    if len(evidence.headers) != 2 or evidence.votes:
        return False
    first, second = evidence.headers
    if first.header >= second.header:  # one order, so that one lie has one id
        return False
    if evidence.kind == "two-proposals":
        return _proposals_convict(evidence.party, first, second, genesis)
    if evidence.kind == "two-batches":
        return _batches_convict(evidence.party, first, second, genesis)
    return False


def _proposals_convict(
    party: str, first: SignedHeader, second: SignedHeader, genesis: Genesis
) -> bool:
    one, two = block.decode_header(first.header), block.decode_header(second.header)
    if one.slot != two.slot or {one.proposer, two.proposer} != {party}:
        return False
    if {one.ledger, two.ledger} != {genesis.ledger}:
        return False
    for signed in (first, second):
        message = domains.proposal_signature_input(signed.header)
        genesis.verifiers[party].verify(signed.signature, message)
    return True


def _batches_convict(
    party: str, first: SignedHeader, second: SignedHeader, genesis: Genesis
) -> bool:
    one, two = batch.decode_header(first.header), batch.decode_header(second.header)
    if one.number != two.number or {one.party, two.party} != {party}:
        return False
    for header, signed in ((one, first), (two, second)):
        batch.verify_header(
            header, signed.header, signed.signature, genesis.ledger, genesis.verifiers
        )
    return True
