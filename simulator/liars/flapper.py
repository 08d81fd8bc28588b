"""Hangs up on everybody and calls again, ten times a second, and never proposes."""

from __future__ import annotations

from consensus.messages import Message
from simulator.liars.liar import Liar

PERIOD_US = 100_000
AWAY_MS = 20


class Flapper(Liar):
    """A peer that comes up all the time: it is greeted, told everything, and waited for."""

    def _begin(self) -> None:
        self.every(PERIOD_US, self._hang_up)

    def say(self, peer: str, message: Message) -> None:
        """Say it, unless it is an own proposal."""
        if self.is_own(message):
            self.lied("kept-proposal", peer)
        else:
            self.tell(peer, message)

    def _hang_up(self) -> None:
        for peer in self.others:
            self.process.hang_up(peer, AWAY_MS)
            self.lied("hung-up", peer)
