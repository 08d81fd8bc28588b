"""Proposes blocks that are wrong: state hash, root, size, height, or a time far ahead."""

from __future__ import annotations

from msgspec.structs import replace

from consensus.messages import Message, Proposal, wire_block
from ledger.block import Block, BlockHeader
from simulator.liars.liar import Liar

FIELDS = ("state", "root", "size", "height", "far-ahead", "barely-ahead", "before")
HOUR_MS = 3_600_000


class WrongState(Liar):
    """A leader that cannot count. It tells the same wrong block to everybody."""

    def _begin(self) -> None:
        self._wrong: dict[bytes, Block] = {}

    def say(self, peer: str, message: Message) -> None:
        """Say a wrong block in the place of each own one."""
        if isinstance(message, Proposal) and self.is_own(message):
            block = self._instead_of(message.block.block())
            message = Proposal(wire_block(block, message.block.justification))
        self.tell(peer, message)

    def _instead_of(self, block: Block) -> Block:
        if block.hash not in self._wrong:
            field = self.chance.pick(FIELDS)
            self._wrong[block.hash] = self._spoiled(block, field)
            self.lied(field, f"slot {block.slot}")
        return self._wrong[block.hash]

    def _spoiled(self, block: Block, field: str) -> Block:
        if field == "barely-ahead":
            made = self.beside(block, block.batches, self._time(block.header, field))
            return block if made is None else made
        return self.sign_block(self._header(block.header, field), block.batches)

    def _header(self, header: BlockHeader, field: str) -> BlockHeader:
        if field == "state":
            return replace(header, state=self.chance.bytes(32).hex())
        if field == "root":
            return replace(header, root=self.chance.bytes(32).hex())
        if field == "size":
            return replace(header, size=header.size + self.chance.between(1, 5))
        if field == "height":
            return replace(header, height=header.height + self.chance.between(1, 5))
        return replace(header, time=self._time(header, field))

    def _time(self, header: BlockHeader, field: str) -> int:
        """Return a time that all refuse, or that some clocks allow and others do not."""
        if field == "before":
            return header.time - HOUR_MS
        limit = self.process.now().wall_ms + self.genesis.limits.drift_ms
        return limit + (HOUR_MS if field == "far-ahead" else self.chance.between(-60, 60))
