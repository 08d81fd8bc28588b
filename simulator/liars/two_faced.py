"""Votes for everything: Notar and Final for every proposal to some, Skip for every slot to others.

What one peer hears contradicts what another hears; some hear both.
"""

from __future__ import annotations

from consensus.messages import Message, Proposal, VoteMessage
from consensus.votes import final_subject, notar_subject, skip_subject
from ledger.block import Block, tip_of
from simulator.liars.liar import Liar

BOTH_PPM = 300_000
LATER_US = 100_000


class TwoFaced(Liar):
    """A voter with two faces. What its node would vote is never heard."""

    def _begin(self) -> None:
        self._against: dict[int, tuple[str, ...]] = {}
        self._for: set[bytes] = set()

    def say(self, peer: str, message: Message) -> None:
        """Say all but votes; a proposal of its own is voted for as others' are."""
        if isinstance(message, VoteMessage):
            self._deny(message.vote.slot)
            return
        self.tell(peer, message)
        if isinstance(message, Proposal):
            self._affirm(message.block.block())

    def hear(self, sender: str, message: Message) -> None:
        """Vote for and against whatever comes up."""
        if isinstance(message, Proposal):
            self._affirm(message.block.block())
        elif isinstance(message, VoteMessage):
            self._deny(message.vote.slot)

    def _affirm(self, block: Block) -> None:
        if block.hash in self._for or block.slot <= self.tip().slot:
            return
        self._for.add(block.hash)
        self._deny(block.slot)
        for peer in self.others:
            if peer not in self._against[block.slot]:
                self.tell(peer, self.says(notar_subject(block.slot, block.hash)))
                self.tell(peer, self.says(final_subject(tip_of(block))))
                self.lied("final", f"slot {block.slot} {peer}")

    def _deny(self, slot: int) -> None:
        if slot in self._against or slot <= self.tip().slot:
            return
        self._against[slot] = self.half()
        self._skip(slot, self._against[slot])
        if self.chance.happens(BOTH_PPM):
            at_us = self.process.now_us + LATER_US
            self.setting.at(at_us, self.process, lambda: self._deny_to_all(slot))

    def _deny_to_all(self, slot: int) -> None:
        self.process.do(lambda host: self._skip(slot, self.others))

    def _skip(self, slot: int, peers: tuple[str, ...]) -> None:
        for peer in self.others:
            if peer in peers:
                self.tell(peer, self.says(skip_subject(slot)))
                self.lied("skip", f"slot {slot} {peer}")
