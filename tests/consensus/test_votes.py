"""Votes and certificates: what verifies, and every way in which they must not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus.errors import BadVote
from consensus.evidence import of_votes, verify_evidence
from consensus.messages import decode_vote, encode
from consensus.votes import (
    Certificate,
    Subject,
    Vote,
    certificate_of,
    checkpoint_for,
    final_subject,
    notar_subject,
    sign_vote,
    skip_subject,
    verify_certificate,
    verify_vote,
)
from ledger import canonical, domains
from ledger.block import Tip
from ledger.errors import LedgerError, VerificationError
from ledger.genesis import Genesis
from ledger.log.checkpoint import verify_cosignature
from tests.ledger.chain_kit import SIGNERS, genesis_of

GENESIS = genesis_of(4, 3)
OTHER = genesis_of(4, 4)
BLOCK = bytes(range(32))
FINAL = final_subject(Tip(3, 5, BLOCK, 0, 7, bytes(32), b""))
SUBJECTS = (notar_subject(5, BLOCK), skip_subject(5), FINAL)


def vote(subject: Subject, voter: str = "platform", time_s: int = 1_700_000_000) -> Vote:
    return sign_vote(subject, SIGNERS[voter], voter, time_s, GENESIS)


def changed(good: Vote, **fields: object) -> Vote:
    return Vote(**{**{f: getattr(good, f) for f in good.__struct_fields__}, **fields})


def certificate(subject: Subject, *voters: str) -> Certificate:
    return certificate_of({name: vote(subject, name) for name in voters})


@pytest.mark.parametrize("subject", SUBJECTS)
def test_vote_verifies_and_round_trips(subject: Subject) -> None:
    said = vote(subject)
    verify_vote(said, GENESIS)
    assert said.subject == subject
    assert decode_vote(encode(said)) == said


def test_final_vote_is_a_cosignature_of_the_checkpoint() -> None:
    """C2SP tlog-cosignature v1: other tools verify the same signature over the same text."""
    said = vote(FINAL, time_s=1234)
    checkpoint = checkpoint_for(FINAL, GENESIS.origin)
    verify_cosignature(GENESIS.verifiers["platform"], checkpoint, 1234, said.signature)


def test_notar_and_skip_sign_canonical_json_under_the_vote_domain() -> None:
    text = {"block": BLOCK.hex(), "kind": "notar", "ledger": GENESIS.ledger, "slot": 5}
    signed = domains.vote_signature_input(canonical.encode(text))
    GENESIS.verifiers["platform"].verify(vote(notar_subject(5, BLOCK)).signature, signed)


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slot", 6),
        ("slot", 0),
        ("voter", "funder"),
        ("voter", "nobody"),
        ("block", bytes(32)),
        ("block", b""),
        ("block", bytes(31)),
        ("height", 4),
        ("size", 8),
        ("root", bytes([1]) * 32),
        ("root", b"x"),
        ("time", 1),
        ("signature", bytes(64)),
        ("kind", "notar"),
        ("kind", "skip"),
        ("kind", "final"),
    ],
)
def test_no_field_of_a_vote_can_be_changed(subject: Subject, field: str, value: object) -> None:
    good = vote(subject)
    if getattr(good, field) == value:
        return
    with pytest.raises((BadVote, LedgerError)):
        verify_vote(changed(good, **{field: value}), GENESIS)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_vote_of_another_ledger_is_refused(subject: Subject) -> None:
    with pytest.raises(BadVote, match="bad-vote-signature"):
        verify_vote(vote(subject), OTHER)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_quorum_verifies_and_less_does_not(subject: Subject) -> None:
    verify_certificate(certificate(subject, "auditor", "funder", "platform"), GENESIS)
    verify_certificate(certificate(subject, *GENESIS.names), GENESIS)
    with pytest.raises(BadVote, match="no-quorum"):
        verify_certificate(certificate(subject, "auditor", "funder"), GENESIS)


def test_certificate_votes_are_distinct_ordered_and_equal() -> None:
    one, two, three = (vote(SUBJECTS[0], name) for name in ("auditor", "funder", "platform"))
    for votes in ((one, one, two), (two, one, three), (one, two, two)):
        with pytest.raises(BadVote, match="malformed-certificate"):
            verify_certificate(Certificate(votes), GENESIS)
    mixed = (one, two, vote(notar_subject(5, bytes(32)), "platform"))
    with pytest.raises(BadVote, match="malformed-certificate"):
        verify_certificate(Certificate(mixed), GENESIS)
    with pytest.raises(BadVote, match="bad-vote-signature"):
        verify_certificate(Certificate((one, two, changed(three, signature=bytes(64)))), GENESIS)


def test_final_votes_at_different_seconds_make_one_certificate() -> None:
    votes = {
        name: vote(FINAL, name, at) for at, name in enumerate(("auditor", "funder", "platform"))
    }
    verify_certificate(certificate_of(votes), GENESIS)


@settings(max_examples=50)
@given(st.integers(0, 63), st.integers(1, 255))
def test_no_bit_of_a_signature_can_be_changed(at: int, flip: int) -> None:
    good = vote(FINAL)
    bad = bytearray(good.signature)
    bad[at] ^= flip
    with pytest.raises(BadVote):
        verify_vote(changed(good, signature=bytes(bad)), GENESIS)


# -- a vote is of one ledger --------------------------------------------------------------------


def colliding() -> tuple[Genesis, Genesis]:
    """Return two ledgers of one name and the same keys whose hashes agree in their first half.

    Nobody can found two such ledgers today; who could once would choose them.
    """
    one, other = genesis_of(4, 3), genesis_of(4, 3)
    other.__dict__["hash"] = one.hash[:16] + bytes(16)
    return one, other


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_vote_is_of_no_other_ledger_however_much_of_the_hashes_agrees(subject: Subject) -> None:
    one, other = colliding()
    said = sign_vote(subject, SIGNERS["platform"], "platform", 1_700_000_000, one)
    verify_vote(said, one)
    with pytest.raises(BadVote, match="bad-vote-signature"):
        verify_vote(said, other)


def test_a_key_used_in_two_ledgers_is_convicted_of_nothing_by_final_votes_in_both() -> None:
    one, other = colliding()
    elsewhere = final_subject(Tip(3, 5, bytes(32), 0, 7, bytes(32), b""))
    said = sign_vote(FINAL, SIGNERS["platform"], "platform", 1_700_000_000, one)
    also = sign_vote(elsewhere, SIGNERS["platform"], "platform", 1_700_000_000, other)
    lie = of_votes(said, also)
    assert lie is not None
    assert lie.kind == "two-final"
    for genesis in (one, other):
        with pytest.raises(VerificationError, match="bad-evidence"):
            verify_evidence(lie, genesis)


def test_the_origin_holds_the_whole_hash() -> None:
    assert GENESIS.origin == f"tongzhang/{GENESIS.name}/{GENESIS.ledger}"
    assert len(GENESIS.ledger) == 64
