"""Ed25519 keys: sign and verify raw bytes.

Keys and signatures travel as raw bytes (32 and 64) in memory and as standard base64 in text.

Source: RFC 8032.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

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


class Verifier:
    """Holds one public key and checks signatures of it.

    Args:
        public_key: The 32-byte public key.
    """

    def __init__(self, public_key: bytes) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(public_key)
        self.public_key = public_key

    def verify(self, signature: bytes, message: bytes) -> None:
        """Return if ``signature`` is this key's over ``message``.

        Raises:
            VerificationError: ``bad-signature``.
        """
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            raise VerificationError(
                "bad-signature", "the signature does not belong to this key and these bytes"
            ) from None
