"""Which keys and signatures are good: one rule, pinned by edge cases that libraries disagree about.

Every case has a key a·B + i·T and an R that is r·B + j·T, T a point of order 8. What follows from
that is counted with integers, so no library and none of our own curve decides what is expected.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ledger import curve, keys
from ledger.errors import GenesisError, VerificationError
from ledger.genesis import Member, found
from ledger.keys import Signer, Verifier, refuse_unfit_key
from ledger.log.note import ED25519, NoteKey
from tests.ledger import ed25519
from tests.ledger.ed25519 import (
    BASE,
    NEUTRAL,
    ORDER,
    challenge,
    encode,
    odd_encodings,
    plus,
    small,
    times,
)

SECRET = ed25519.secret_of(sha256(b"edge").digest())
NONCE = 1_234_567_890_123
MESSAGE = b"what is signed"


class Encoded(NamedTuple):
    """A point ``scalar``·B + ``torsion``·T and how it is written."""

    scalar: int
    torsion: int
    written: bytes
    canonical: bool


def written(scalar: int) -> list[Encoded]:
    """Return scalar·B with every part of small order, in every encoding."""
    prime = times(scalar, BASE)
    found = []
    for torsion, part in enumerate(small()):
        point = plus(prime, part)
        found.append(Encoded(scalar, torsion, encode(point), True))
        found += [Encoded(scalar, torsion, odd, False) for odd in odd_encodings(point)]
    return found


class Case(NamedTuple):
    key: Encoded
    r: Encoded
    s: int
    message: bytes

    @property
    def signature(self) -> bytes:
        return self.r.written + self.s.to_bytes(32, "little")

    @property
    def holds_times_8(self) -> bool:
        k = challenge(self.r.written, self.key.written, self.message)
        return (self.s - self.r.scalar - k * self.key.scalar) % ORDER == 0

    @property
    def holds(self) -> bool:
        k = challenge(self.r.written, self.key.written, self.message)
        return self.holds_times_8 and (self.r.torsion + k * self.key.torsion) % 8 == 0

    @property
    def fit_key(self) -> bool:
        return self.key.canonical and self.key.scalar != 0 and self.key.torsion == 0

    @property
    def good(self) -> bool:
        plain = self.r.canonical and self.r.scalar != 0 and self.s < ORDER
        return self.fit_key and plain and self.holds


def cases() -> list[Case]:
    keys_, rs = [*written(SECRET), *written(0)], [*written(NONCE), *written(0)]
    found = []
    for key in keys_:
        for r in rs:
            k = challenge(r.written, key.written, MESSAGE)
            s = (r.scalar + k * key.scalar) % ORDER
            found += [Case(key, r, each, MESSAGE) for each in (s, s + ORDER, (s + 1) % ORDER)]
    return found


CASES = cases()


def accepts(case: Case) -> bool:
    try:
        Verifier(case.key.written).verify(case.signature, case.message)
    except VerificationError as error:
        assert error.code == ("bad-signature" if case.fit_key else "unfit-key")
        return False
    return True


def test_edge_cases_are_judged_by_the_rule_whatever_the_library_does() -> None:
    assert len(CASES) == 1587
    wrong = [case for case in CASES if accepts(case) != case.good]
    assert not wrong, wrong[:3]


def test_the_cases_hold_what_libraries_disagree_about() -> None:
    """A case of each class that one known implementation accepts and another refuses."""
    fit = [case for case in CASES if case.fit_key]
    small_key = [c for c in CASES if c.key.scalar == 0 and c.key.canonical and c.holds]
    assert small_key, "a key of small order: anybody signs"
    assert [c for c in CASES if not c.key.canonical and c.holds], "a key written oddly"
    assert [c for c in CASES if c.key.scalar and c.key.torsion and c.holds], "a mixed key"
    assert [c for c in fit if c.holds_times_8 and not c.holds], "R with a part of small order"
    assert [c for c in fit if c.holds and not c.r.canonical], "R written oddly"
    assert [c for c in fit if c.holds and c.r.scalar == 0], "R of small order"
    assert [c for c in fit if c.holds and c.s >= ORDER], "S not reduced"
    assert sum(c.good for c in CASES) == 1, "and one that is good everywhere"


@pytest.mark.parametrize(
    "bad",
    [bytes(63), bytes(65), b"", bytes(64), b"\xff" * 64],
    ids=["63 bytes", "65 bytes", "empty", "zeros", "ones"],
)
def test_bytes_that_are_no_signature_are_none(bad: bytes) -> None:
    with pytest.raises(VerificationError, match="bad-signature"):
        Verifier(encode(times(SECRET, BASE))).verify(bad, MESSAGE)


def test_both_computations_know_the_same_curve() -> None:
    assert (curve.P, curve.L, curve.D) == (ed25519.FIELD, ORDER, ed25519.D)
    for scalar in (1, 2, 7, SECRET):
        point = curve.multiply(scalar, (*BASE, 1, BASE[0] * BASE[1] % curve.P))
        x, y = point[0] * pow(point[2], -1, curve.P), point[1] * pow(point[2], -1, curve.P)
        assert (x % curve.P, y % curve.P) == times(scalar, BASE)
    seed = sha256(b"edge").digest()
    assert Signer(seed).public_key == encode(times(SECRET, BASE))


def test_every_canonical_encoding_is_read_back_and_no_other() -> None:
    for key in (*written(SECRET), *written(0)):
        point = curve.decompress(key.written)
        assert (point is not None) == key.canonical
    assert curve.decompress((2).to_bytes(32, "little")) is None, "no point has this y"
    assert curve.decompress(bytes(31)) is None


def test_the_eight_points_of_small_order_are_all_known() -> None:
    assert len(set(small())) == 8
    assert {y for _, y in small()} == keys._SMALL_ORDER_Y
    assert all(times(8, point) == NEUTRAL for point in small())


# -- in genesis, and wherever else a key comes from ---------------------------------------------

UNFIT = {
    f"{'mixed' if k.scalar else 'small'} {k.torsion}{'' if k.canonical else ' odd'} {n}": k.written
    for n, k in enumerate((*written(SECRET), *written(0)))
    if not (k.canonical and k.scalar and k.torsion == 0)
} | {"no point": (2).to_bytes(32, "little"), "y of p": curve.P.to_bytes(32, "little")}


@pytest.mark.parametrize("name", UNFIT)
def test_genesis_takes_no_unfit_key(name: str) -> None:
    good = [Signer(bytes([n]) * 32).public_key for n in (1, 2)]
    members = tuple(
        Member(key=b64encode(key).decode(), name=name, role=name)  # type: ignore[arg-type]
        for key, name in zip(
            (*good, UNFIT[name]), ("platform", "institution", "funder"), strict=True
        )
    )
    with pytest.raises(GenesisError, match="bad-member-key: the key of funder"):
        found("edge", members, 2, 0)


def test_the_identity_as_a_key_would_let_anybody_sign() -> None:
    """What the refusal is for: this signature is made with no secret at all."""
    identity, r = encode(NEUTRAL), encode(times(NONCE, BASE))
    signature = r + NONCE.to_bytes(32, "little")
    k = challenge(r, identity, b"pay me")
    assert plus(times(NONCE, BASE), NEUTRAL) == plus(times(NONCE, BASE), times(k, NEUTRAL))
    with pytest.raises(VerificationError, match=r"unfit-key: .*anybody could sign"):
        Verifier(identity).verify(signature, b"pay me")
    with pytest.raises(VerificationError, match="unfit-key"):
        NoteKey("a", ED25519, identity).verify("pay me\n", signature)


# -- the library --------------------------------------------------------------------------------


def test_the_probe_is_what_it_says() -> None:
    """One signature is good, the other only where both sides are multiplied by 8."""
    seed = sha256(b"tongzhang probe").digest()
    secret = ed25519.secret_of(seed)
    key = encode(times(secret, BASE))
    assert key == keys._PROBE_KEY
    for torsion, signature in ((0, keys._PROBE_GOOD), (1, keys._PROBE_COFACTORED)):
        k = challenge(signature[:32], key, keys._PROBE_MESSAGE)
        s = int.from_bytes(signature[32:], "little")
        nonce = (s - k * secret) % ORDER
        assert signature[:32] == encode(plus(times(nonce, BASE), small()[torsion]))
    Verifier(key).verify(keys._PROBE_GOOD, keys._PROBE_MESSAGE)


class Generous:
    """A library's public key that accepts whatever it is shown, as cofactored ones accept more."""

    def verify(self, signature: bytes, message: bytes) -> None:
        """Accept."""


class Strict:
    """A library's public key that accepts nothing."""

    def verify(self, signature: bytes, message: bytes) -> None:
        from cryptography.exceptions import InvalidSignature

        raise InvalidSignature


@pytest.mark.parametrize("other", [Generous, Strict])
def test_a_library_of_another_rule_is_refused(other: type, monkeypatch: pytest.MonkeyPatch) -> None:
    class Library:
        @staticmethod
        def from_public_bytes(_: bytes) -> object:
            return other()

    monkeypatch.setattr(keys, "Ed25519PublicKey", Library)
    keys.refuse_unsafe_library.cache_clear()
    with pytest.raises(VerificationError, match="unsafe-library"):
        Verifier(encode(times(SECRET, BASE)))
    monkeypatch.setattr(keys, "Ed25519PublicKey", Ed25519PublicKey)
    keys.refuse_unsafe_library()


def test_an_honest_key_is_fit() -> None:
    for seed in range(1, 20):
        refuse_unfit_key(Signer(bytes([seed]) * 32).public_key)
