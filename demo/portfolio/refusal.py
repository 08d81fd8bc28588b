"""The refusal of a record, by its code."""

from __future__ import annotations


class Refused(Exception):
    """A record or a proposal that the rules refuse; nothing has changed.

    Args:
        code: What an answer shows.
        why: For people: what was expected, what came.
    """

    def __init__(self, code: str, why: str) -> None:
        super().__init__(f"{code}: {why}")
        self.code = code
