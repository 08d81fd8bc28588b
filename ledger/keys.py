"""Ed25519 keys: sign and verify raw bytes.

Keys and signatures travel as raw bytes (32 and 64) in memory and as standard base64 in text.

RFC 8032 leaves to implementations which odd keys and signatures they accept. What nodes disagree
about forks a ledger, so one rule stands here whatever the library does
(docs/adr/0023-one-rule-for-signatures.md). A signature ``R || S`` of the key A is good if

1. A is the canonical encoding of a point of the prime-order group that is not the identity;
2. R is a canonical encoding, and not one of the eight points of small order;
3. S < L;
4. [S]B = R + [k]A holds as it stands, not multiplied by 8.

The first is judged once a key, the next two before the library is asked, and a library that does
not keep to the last is refused.

Source: RFC 8032, section 5.1.7; Chalkias, Garillot, Nikolaenko, "Taming the many EdDSAs", 2020.
"""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from ledger import curve
from ledger.errors import VerificationError

SEED_BYTES = 32
PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64


class Signer:
    """Holds one private key and signs with it. Signatures are deterministic.

    Args:
        seed: The 32-byte private seed.
    """

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of ``message``."""
        return self._key.sign(message)

    def pem(self) -> bytes:
        """Return the private key as unencrypted PKCS #8 PEM, as OpenSSL writes it."""
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    @classmethod
    def from_pem(cls, pem: bytes) -> Signer:
        """Load a signer from PKCS #8 PEM.

        Raises:
            ValueError: the bytes are not an unencrypted Ed25519 private key.
        """
        key = serialization.load_pem_private_key(pem, password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("expected an Ed25519 private key in PEM form")
        return cls(key.private_bytes_raw())


_SIGN = 2**255
_TORSION_Y = 2707385501144840649318225287225658788936804267575313519463743609750303402022
"""y of the four points of order 8, but for its sign: ±y² of theirs solves d·y⁴ + 2·y² = 1."""

_SMALL_ORDER_Y = frozenset((0, 1, curve.P - 1, _TORSION_Y, curve.P - _TORSION_Y))


class Verifier:
    """Holds one public key and checks signatures of it.

    Args:
        public_key: The 32-byte public key.

    Raises:
        VerificationError: ``unfit-key`` or ``unsafe-library``.
    """

    def __init__(self, public_key: bytes) -> None:
        refuse_unfit_key(public_key)
        refuse_unsafe_library()
        self._key = Ed25519PublicKey.from_public_bytes(public_key)
        self.public_key = public_key

    def verify(self, signature: bytes, message: bytes) -> None:
        """Return if ``signature`` is this key's over ``message``.

        Raises:
            VerificationError: ``bad-signature``.
        """
        try:
            if _is_odd(signature):
                raise InvalidSignature
            self._key.verify(signature, message)
        except InvalidSignature:
            raise VerificationError(
                "bad-signature", "the signature does not belong to this key and these bytes"
            ) from None


@lru_cache(maxsize=1024)
def refuse_unfit_key(public_key: bytes) -> None:
    """Return if a public key is one that rule 1 allows.

    Raises:
        VerificationError: ``unfit-key``. With a key of small order anybody signs for its holder;
            others have two encodings, or verify at one library and not at another.
    """
    point = curve.decompress(public_key)
    if point is None:
        raise _unfit("it is no canonical encoding of a point of the curve")
    if curve.is_identity(curve.multiply(8, point)):
        raise _unfit("it has small order: anybody could sign with it")
    if not curve.is_identity(curve.multiply(curve.L, point)):
        raise _unfit("it has a part of small order: libraries disagree about its signatures")


def _unfit(reason: str) -> VerificationError:
    return VerificationError(
        "unfit-key", f"this is no Ed25519 public key to sign with: {reason}; make a new key pair"
    )


def _is_odd(signature: bytes) -> bool:
    """Return whether rules 2 and 3 refuse a signature, whoever made it."""
    if len(signature) != SIGNATURE_BYTES:
        return True
    y = int.from_bytes(signature[:32], "little") & (_SIGN - 1)
    if y >= curve.P or y in _SMALL_ORDER_Y:
        return True
    return int.from_bytes(signature[32:], "little") >= curve.L


_PROBE_KEY = bytes.fromhex("cc515a07dc5ff572a845aa7b8e661003597900938a93a40918dfeed2a424c556")
_PROBE_MESSAGE = b"tongzhang"
_PROBE_GOOD = bytes.fromhex(
    "7767a3242dc9b58bbc68488c1265cc6cc5f26c6f3c88a5d55e901b0734dca572"
    "556c89540c548e0eeb2c2c09b8ab07978322185e03e96ccbdd35f1f635ce2a07"
)
_PROBE_COFACTORED = bytes.fromhex(
    "d664ea93b320a980332c0a713696aa663f16f2a3b4a252bdda347b50f5330e60"
    "03bdf87c9a96263dd7b002de2d2580e635003aff4b9d566b960639a7e8dfaf05"
)
"""Of one key over one message: a good signature, and one that only rule 4 refuses."""


@lru_cache(maxsize=1)
def refuse_unsafe_library() -> None:
    """Return if the library keeps to rule 4, which is too slow to be checked here each time.

    Raises:
        VerificationError: ``unsafe-library``.
    """
    key = Ed25519PublicKey.from_public_bytes(_PROBE_KEY)
    accepted = [_accepts(key, signature) for signature in (_PROBE_GOOD, _PROBE_COFACTORED)]
    if accepted != [True, False]:
        raise VerificationError(
            "unsafe-library",
            "the installed version of the package cryptography accepts other signatures than the "
            "nodes of the other parties, which would fork the ledger; install another version",
        )


def _accepts(key: Ed25519PublicKey, signature: bytes) -> bool:
    try:
        key.verify(signature, _PROBE_MESSAGE)
    except InvalidSignature:
        return False
    return True
