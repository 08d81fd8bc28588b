"""Says again and again, in the same bytes, what was refused: a false vote, batch and proposal."""

from __future__ import annotations

from msgspec.structs import replace

from consensus.messages import BatchMessage, Message, Proposal, VoteMessage, encode
from simulator.liars.liar import Liar

PERIOD_US = 10_000
FRAMES_MAX = 8


class Repeater(Liar):
    """One who does not take no for an answer."""

    def _begin(self) -> None:
        self._refused: list[bytes] = []
        self.every(PERIOD_US, self._repeat)

    def hear(self, sender: str, message: Message) -> None:
        """Spoil the first few things that are signed, to be refused for ever."""
        if len(self._refused) >= FRAMES_MAX:
            return
        false = self.chance.bytes(64)
        if isinstance(message, VoteMessage):
            spoiled: Message = VoteMessage(replace(message.vote, signature=false))
        elif isinstance(message, BatchMessage):
            spoiled = BatchMessage(replace(message.batch, signature=false))
        elif isinstance(message, Proposal):
            spoiled = Proposal(replace(message.block, signature=false))
        else:
            return
        self._refused.append(encode(spoiled))

    def _repeat(self) -> None:
        for peer in self.others if self._refused else ():
            self.tell(peer, self.chance.pick(self._refused))
            self.lied("repeat", peer)
