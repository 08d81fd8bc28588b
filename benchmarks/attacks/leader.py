"""An insider that leads: in each slot of its own it proposes a full block that comes out otherwise.

Each is genuine and justified, so that the others execute it before they can refuse it; it comes as
soon as the slot before is notarized, at once on every link.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from benchmarks.attacks.attack import Target
from benchmarks.attacks.insider import Insider
from cli.bench.load import captures
from consensus.messages import Proposal, VoteMessage, decode, encode, wire_block
from consensus.votes import Vote, certificate_of
from ledger import domains
from ledger.batch import Batch
from ledger.block import Block, BlockHeader, batch_hashes, decode_header, encode_header
from ledger.domains import ZERO_HASH

PAUSE_S = 0.2


async def false_blocks(target: Target, _size: int) -> Counter[str]:
    """Attack as such a leader."""
    leader = _Leader(target)
    await leader.attack(_stay)
    return leader.done


async def _stay(insider: Insider, connection: ClientConnection) -> None:
    assert isinstance(insider, _Leader)
    insider.links.add(connection)
    try:
        while not connection.transport.is_closing():
            await asyncio.sleep(PAUSE_S)
    finally:
        insider.links.discard(connection)


class _Leader(Insider):
    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.links: set[ClientConnection] = set()
        self._headers: dict[bytes, BlockHeader] = {}
        self._votes: dict[bytes, dict[str, Vote]] = defaultdict(dict)
        self._led: set[int] = set()
        self._full = self._full_block()

    def _full_block(self) -> tuple[Batch, ...]:
        limits, head, batches = self.genesis.limits, ZERO_HASH, []
        records = list(captures(0, limits.block_records))
        for first in range(0, len(records), limits.batch_records):
            part = records[first : first + limits.batch_records]
            batch = self.sealed(len(batches) + 1, head, part)
            head = batch.hash
            batches.append(batch)
        return tuple(batches)

    async def _listen(self, connection: ClientConnection) -> None:
        try:
            while True:
                message = decode(await connection.recv(decode=False))
                if isinstance(message, Proposal):
                    raw = message.block.header
                    self._headers[domains.block_hash(raw)] = decode_header(raw)
                elif isinstance(message, VoteMessage) and message.vote.kind == "notar":
                    await self._count(message.vote)
        except ConnectionClosed:
            return

    async def _count(self, vote: Vote) -> None:
        votes, slot = self._votes[vote.block], vote.slot + 1
        votes[vote.voter] = vote
        names, parent = self.genesis.voters, self._headers.get(vote.block)
        own = names[slot % len(names)] == self.party and slot not in self._led
        if own and parent is not None and len(votes) >= self.genesis.quorum:
            self._led.add(slot)
            frame = self._proposal(slot, vote.block, parent)
            await asyncio.gather(*(self.say(link, frame) for link in list(self.links)))

    def _proposal(self, slot: int, block: bytes, parent: BlockHeader) -> bytes:
        header = BlockHeader(
            batches=batch_hashes(self._full),
            height=parent.height + 1,
            ledger=self.genesis.ledger,
            parent=block.hex(),
            proposer=self.party,
            root=ZERO_HASH.hex(),
            size=parent.size + self.genesis.limits.block_records,
            slot=slot,
            state=ZERO_HASH.hex(),
            time=parent.time,
        )
        raw = encode_header(header)
        signature = self.signer.sign(domains.proposal_signature_input(raw))
        justification = (certificate_of(self._votes[block]),)
        return encode(Proposal(wire_block(Block(raw, signature, self._full), justification)))
