"""Marks in a database: up to where its log was verified, and what was found damaged in it."""

from __future__ import annotations

import msgspec

from ledger.block import Tip

VERIFIED = "verified"
"""Names the last :class:`VerifiedMark` in the table ``meta``."""
DAMAGE = "damage"
"""Names what a check has found in the table ``meta``: the message of its error, or nothing."""
MARK_EVERY = 4096
"""Blocks and entries that a node commits after one mark before it sets another."""


class VerifiedMark(msgspec.Struct, frozen=True):
    """A block up to which a node has verified its log, either as it came or at a start.

    It says nothing against who can write to the database: they can write the mark as well. So it
    shortens what is checked before the first answer, and never what is checked after it.
    """

    height: int
    hash: str

    def text(self) -> str:
        """Return it as it is stored."""
        return msgspec.json.encode(self).decode()


def verified(tip: Tip) -> tuple[str, str]:
    """Return the row of ``meta`` that says that the log was verified up to a block."""
    return VERIFIED, VerifiedMark(tip.height, tip.hash.hex()).text()


def read_verified(text: str) -> VerifiedMark | None:
    """Return a stored mark; None for what is none."""
    try:
        return msgspec.json.decode(text, type=VerifiedMark)
    except msgspec.DecodeError:
        return None
