"""Mute: keeps everything back, and says one harmless old vote every 20 ms, so as to seem alive."""

from __future__ import annotations

from consensus.messages import Message
from consensus.votes import skip_subject
from simulator.liars.liar import Liar

PERIOD_US = 20_000


class Mute(Liar):
    """A leader that is waited for: it is heard all the time, and never proposes."""

    def _begin(self) -> None:
        self.every(PERIOD_US, self._breathe)

    def say(self, peer: str, message: Message) -> None:
        """Keep it back."""
        self.lied("kept-back", peer)

    def _breathe(self) -> None:
        vote = self.says(skip_subject(max(1, self.tip().slot)))
        for peer in self.others:
            self.tell(peer, vote)
