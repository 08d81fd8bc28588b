"""Errors of the ledger package.

LedgerError                  every error below; has a stable kebab-case ``code``
├── DecodeError              bytes that are not what they claim to be
├── GenesisError             a founding document that cannot work
├── VerificationError        something checked and found false (signature, proof, chain)
└── Refused                  a contract's rule said no; nothing changed
"""

from __future__ import annotations

URN = "urn:tongzhang:error:"
"""What stands before a code in the ``type`` of a problem document."""


class LedgerError(Exception):
    """An error with a stable code and a sentence that says what to do.

    Args:
        code: Stable kebab-case identifier; part of the public interface.
        message: What was expected, what came, and the next step.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class DecodeError(LedgerError):
    """Bytes were refused by a decoder. Nothing was recorded."""


class GenesisError(LedgerError):
    """A genesis document is malformed or describes a consortium that cannot work."""


class VerificationError(LedgerError):
    """A check failed: a signature, a proof, a hash chain or a certificate is false."""


class Refused(LedgerError):
    """A contract refused a record. Nothing changed.

    Args:
        code: Stable kebab-case refusal code.
        message: The rule and what to do.
        expected: What the rule wanted, as text.
        got: What came, as text.
    """

    def __init__(self, code: str, message: str, *, expected: str = "", got: str = "") -> None:
        text = message
        if expected or got:
            text = f"{message} Expected {expected or 'something else'}, got {got or 'nothing'}."
        super().__init__(code, text)
        self.expected = expected
        self.got = got
