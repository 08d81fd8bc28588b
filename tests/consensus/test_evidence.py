"""Evidence: each contradiction convicts its signer, everything else convicts nobody (I8)."""

from __future__ import annotations

from itertools import product
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus.evidence import (
    LIES,
    Evidence,
    EvidenceKind,
    SignedHeader,
    contradiction,
    of_headers,
    of_votes,
    verify_evidence,
)
from consensus.messages import decode_evidence, encode
from consensus.votes import (
    MAY_SAY,
    VOTE_KINDS,
    Subject,
    Vote,
    final_subject,
    notar_subject,
    sign_vote,
    skip_subject,
)
from ledger.batch import seal
from ledger.block import Tip, genesis_tip
from ledger.domains import ZERO_HASH
from ledger.errors import VerificationError
from tests.ledger.chain_kit import SIGNERS, WALL_MS, genesis_of, make_block

GENESIS = genesis_of(4, 3)
OTHER = genesis_of(4, 4)
A, B = bytes([1]) * 32, bytes([2]) * 32


def final(slot: int, block: bytes, size: int = 1) -> Subject:
    return final_subject(Tip(1, slot, block, 0, size, bytes(32), b""))


STATEMENTS = [
    notar_subject(5, A),
    notar_subject(5, B),
    skip_subject(5),
    final(5, A),
    final(5, B),
    final(5, A, size=2),
    notar_subject(6, B),
    skip_subject(6),
    final(6, B),
]
HONEST = [
    {subject for subject in about_one_block if subject.kind in said}
    for said in MAY_SAY
    for about_one_block in (
        (notar_subject(5, A), skip_subject(5), final(5, A)),
        (notar_subject(5, A), skip_subject(5), final(5, A, size=2)),
        (notar_subject(5, B), skip_subject(5), final(5, B)),
        (notar_subject(6, B), skip_subject(6), final(6, B)),
    )
]
"""What an honest voter may say of one slot."""


def vote(subject: Subject, voter: str = "funder", time_s: int = 9) -> Vote:
    return sign_vote(subject, SIGNERS[voter], voter, time_s, GENESIS)


def test_every_kind_of_evidence_has_its_two_statements() -> None:
    assert sorted(LIES.values()) == sorted(get_args(EvidenceKind))
    assert all(list(pair) == sorted(pair) for pair in LIES)


def test_every_step_of_the_table_leads_to_a_row_of_it() -> None:
    def row(*kinds: str) -> tuple[str, ...]:
        return tuple(kind for kind in VOTE_KINDS if kind in kinds)

    steps = {row(*said, kind) for said, following in MAY_SAY.items() for kind in following}
    assert steps | {()} == set(MAY_SAY)


@pytest.mark.parametrize("said", HONEST)
def test_nothing_an_honest_voter_says_convicts_it(said: set[Subject]) -> None:
    for one, other in product(said, said):
        assert of_votes(vote(one), vote(other, time_s=99)) is None


@pytest.mark.parametrize(("one", "other"), list(product(STATEMENTS, STATEMENTS)))
def test_two_votes_convict_exactly_when_no_honest_voter_says_both(
    one: Subject, other: Subject
) -> None:
    first, second = vote(one), vote(other)
    lie = of_votes(first, second)
    honest = any({one, other} <= said for said in HONEST)
    expected = one.slot == other.slot and one != other and not honest
    assert (lie is not None) == expected
    assert (contradiction(first, second) is not None) == expected or one.slot != other.slot
    if lie is not None:
        assert lie == of_votes(second, first), "the order of the votes must not matter"
        verify_evidence(lie, GENESIS)
        assert decode_evidence(encode(lie)) == lie
        with pytest.raises(VerificationError):
            verify_evidence(lie, OTHER)


def test_votes_of_two_voters_convict_nobody() -> None:
    assert of_votes(vote(STATEMENTS[0]), vote(STATEMENTS[1], "auditor")) is None


def proposals(slot_of_second: int = 2, proposer: str = "funder") -> Evidence:
    tip = genesis_tip(GENESIS)
    one = make_block(GENESIS, "funder", tip, 2, [], WALL_MS)
    two = make_block(GENESIS, proposer, tip, slot_of_second, [], WALL_MS + 1)
    pair = (SignedHeader(b.raw_header, b.signature) for b in (one, two))
    return of_headers("two-proposals", "funder", *pair)


def batches(second_number: int = 1, party: str = "funder") -> Evidence:
    one = seal(SIGNERS["funder"], GENESIS.ledger, "funder", (0, ZERO_HASH), [b"one"])
    previous = (second_number - 1, ZERO_HASH)
    two = seal(SIGNERS[party], GENESIS.ledger, party, previous, [b"two"])
    pair = (SignedHeader(b.raw_header, b.signature) for b in (one, two))
    return of_headers("two-batches", "funder", *pair)


@pytest.mark.parametrize("lie", [proposals(), batches()])
def test_two_signed_headers_convict(lie: Evidence) -> None:
    verify_evidence(lie, GENESIS)
    assert len(lie.id) == 64


@pytest.mark.parametrize(
    "lie",
    [
        proposals(slot_of_second=6),
        proposals(proposer="auditor"),
        batches(second_number=2),
        batches(party="auditor"),
    ],
)
def test_headers_that_do_not_contradict_convict_nobody(lie: Evidence) -> None:
    with pytest.raises(VerificationError, match="bad-evidence"):
        verify_evidence(lie, GENESIS)


def _all_lies() -> list[Evidence]:
    votes = of_votes(vote(STATEMENTS[0]), vote(STATEMENTS[1]))
    assert votes is not None
    return [votes, proposals(), batches()]


@pytest.mark.parametrize("lie", _all_lies())
@pytest.mark.parametrize("party", ["platform", "auditor", "nobody", ""])
def test_evidence_cannot_be_turned_against_another(lie: Evidence, party: str) -> None:
    with pytest.raises(VerificationError, match="bad-evidence"):
        verify_evidence(msgspec.structs.replace(lie, party=party), GENESIS)


@pytest.mark.parametrize("lie", _all_lies())
@pytest.mark.parametrize(
    "kind", ["two-notar", "two-final", "final-skip", "final-notar", "two-proposals", "two-batches"]
)
def test_evidence_convicts_only_of_its_own_kind(lie: Evidence, kind: str) -> None:
    if kind != lie.kind:
        with pytest.raises(VerificationError, match="bad-evidence"):
            verify_evidence(msgspec.structs.replace(lie, kind=kind), GENESIS)


def test_one_statement_twice_convicts_nobody() -> None:
    for lie in _all_lies():
        halves = {"votes": lie.votes[:1] * 2, "headers": lie.headers[:1] * 2}
        with pytest.raises(VerificationError, match="bad-evidence"):
            verify_evidence(msgspec.structs.replace(lie, **halves), GENESIS)


def test_one_lie_has_one_spelling_and_so_one_id() -> None:
    for lie in _all_lies():
        swapped = {"votes": lie.votes[::-1], "headers": lie.headers[::-1]}
        with pytest.raises(VerificationError, match="bad-evidence"):
            verify_evidence(msgspec.structs.replace(lie, **swapped), GENESIS)


@settings(max_examples=150)
@given(st.sampled_from(_all_lies()), st.data())
def test_no_byte_of_evidence_can_be_changed(lie: Evidence, data: st.DataObject) -> None:
    raw = bytearray(encode(lie))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    try:
        other = decode_evidence(bytes(raw))
    except Exception as error:
        assert getattr(error, "code", "") == "bad-stored-message"
        return
    with pytest.raises(VerificationError):
        verify_evidence(other, GENESIS)
