"""The rule that a record breaks, by the code that an answer shows."""

from __future__ import annotations


class RuleBroken(Exception):
    """A rule that a record or proposal breaks, so that it is refused; nothing has changed.

    Args:
        code: What an answer shows.
        why: For people: what was expected, what came.
    """

    def __init__(self, code: str, why: str) -> None:
        super().__init__(f"{code}: {why}")
        self.code = code
