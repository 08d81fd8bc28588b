"""Wrong tokens: so many are judged a minute, from one address and in total; more are refused.

Nobody guesses a token of 256 bits. What is bounded here is what guessing costs a node and its log.
A valid token is never refused, whoever else shares its sender's address.
"""

from __future__ import annotations

import logging

from api.limits import GUESSES_MAX, GUESSES_PER_ADDRESS_MAX, GUESSES_TOLD_MAX

logger = logging.getLogger("tongzhang.api")


class Guesses:
    """Counts the wrong tokens of the running minute; keeps no more addresses than it judges."""

    def __init__(self) -> None:
        self._by_address: dict[str, int] = {}
        self._judged = 0
        self._refused = 0

    def judge(self, address: str) -> bool:
        """Count a wrong token, and say whether it may be judged; if not, the minute has enough.

        Args:
            address: Where it came from.
        """
        before = self._by_address.get(address, 0)
        if before >= GUESSES_PER_ADDRESS_MAX or self._judged >= GUESSES_MAX:
            self._refused += 1
            return False
        self._judged += 1
        self._by_address[address] = before + 1
        if not before and len(self._by_address) <= GUESSES_TOLD_MAX:
            logger.warning("a wrong token came from %s; more of this minute are counted", address)
        return True

    def end_minute(self) -> None:
        """Tell of the minute what was not told at once, and begin the next."""
        total = self._judged + self._refused
        if total > min(len(self._by_address), GUESSES_TOLD_MAX):
            logger.warning(
                "%d wrong tokens within a minute, those judged from %d addresses; %d were refused",
                total,
                len(self._by_address),
                self._refused,
            )
        self._by_address.clear()
        self._judged = self._refused = 0
