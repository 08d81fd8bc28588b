"""Sends votes with false signatures for the slots at hand, hundreds a second to everybody."""

from __future__ import annotations

from msgspec.structs import replace

from consensus.messages import VoteMessage
from consensus.votes import notar_subject, skip_subject
from simulator.liars.liar import Liar

PERIOD_US = 20_000
AT_ONCE = 4


class VotePest(Liar):
    """A sender of votes that are verified for nothing, each of them new."""

    def _begin(self) -> None:
        self.every(PERIOD_US, self._send_some)

    def _send_some(self) -> None:
        for _ in range(AT_ONCE):
            self._send_one()

    def _send_one(self) -> None:
        slot = self.tip().slot + 1 + self.chance.below(4)
        subject = self.chance.pick((skip_subject(slot), notar_subject(slot, self.chance.bytes(32))))
        for peer in self.others:
            vote = replace(self.vote(subject), signature=self.chance.bytes(64))
            self.tell(peer, VoteMessage(vote))
            self.lied("unsigned-vote", peer)
