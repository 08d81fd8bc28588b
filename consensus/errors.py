"""Errors of the consensus package.

ConsensusError          every error below; has a stable kebab-case ``code``
├── BadMessage          bytes of a peer that are not a message
└── BadVote             a vote or certificate that does not verify
"""

from __future__ import annotations


class ConsensusError(Exception):
    """An error with a stable code.

    Args:
        code: Stable kebab-case identifier.
        message: What was expected and what came.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class BadMessage(ConsensusError):
    """A peer's bytes are not a message. They are counted and dropped."""


class BadVote(ConsensusError):
    """A vote or certificate does not verify. It is counted and dropped."""
