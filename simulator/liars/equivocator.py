"""Proposes different blocks for one slot to halves of the others, and votes for both."""

from __future__ import annotations

from consensus.messages import Message, Proposal, VoteMessage, wire_block
from consensus.votes import notar_subject
from ledger.block import Block
from simulator.liars.liar import Liar


class Equivocator(Liar):
    """An equivocating leader: both blocks are valid, and each half gets a vote for its own."""

    def _begin(self) -> None:
        self._second: dict[bytes, tuple[Block, tuple[str, ...]] | None] = {}

    def say(self, peer: str, message: Message) -> None:
        """Say the second block, and a vote for it, to one half."""
        if isinstance(message, Proposal) and self.is_own(message):
            first = message.block.block()
            found = self._other(first)
            if found is not None and peer in found[1]:
                message = Proposal(wire_block(found[0], message.block.justification))
                self.lied("two-proposals", f"slot {first.slot} {peer}")
        elif isinstance(message, VoteMessage) and message.vote.kind == "notar":
            found = self._second.get(message.vote.block)
            if found is not None and peer in found[1]:
                message = self.says(notar_subject(message.vote.slot, found[0].hash))
        self.tell(peer, message)

    def _other(self, first: Block) -> tuple[Block, tuple[str, ...]] | None:
        """Return the block beside ``first`` and who gets it: always the same."""
        if first.hash not in self._second:
            batches = first.batches[: len(first.batches) - self.chance.below(2)]
            second = self.beside(first, batches, first.header.time + 1)
            self._second[first.hash] = None if second is None else (second, self.half())
        return self._second[first.hash]
