"""Does its work and withholds it: proposals or votes from some or all, or whatever it forwards."""

from __future__ import annotations

from consensus.messages import (
    BatchMessage,
    CertificateMessage,
    EvidenceMessage,
    Message,
    Proposal,
    Range,
    VoteMessage,
)
from simulator.liars.liar import Liar

MOODS: dict[str, tuple[type[Message], ...]] = {
    "proposals": (Proposal,),
    "votes": (VoteMessage,),
    "forwards": (CertificateMessage, EvidenceMessage, Range),
    "batches": (BatchMessage,),
}
"""Messages that it keeps for itself, by mood."""
MOOD_US = 150_000


class Withholder(Liar):
    """A miser, who changes its mind several times a second: what it keeps back, and from whom."""

    def _begin(self) -> None:
        self._change_mood()
        self.every(MOOD_US, self._change_mood)

    def say(self, peer: str, message: Message) -> None:
        """Say it, unless it is what is kept back at the moment."""
        if peer in self._from and isinstance(message, MOODS[self._mood]):
            self.lied(f"kept-{self._mood}", peer)
            return
        self.tell(peer, message)

    def _change_mood(self) -> None:
        self._mood = self.chance.pick(tuple(MOODS))
        everybody = self.chance.below(2) == 0
        self._from = self.others if everybody else self.half()
