"""Attacks by a peer: whoever holds the key of one of four parties. The other three are honest."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import count, cycle

from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection

from benchmarks.attacks.attack import MEMORY, STALL_S_MAX, Attack, Bound, Target
from benchmarks.attacks.insider import Insider
from benchmarks.attacks.leader import false_blocks
from cli.bench.load import captures
from consensus.evidence import of_votes
from consensus.limits import SLOT_WINDOW
from consensus.messages import (
    BatchMessage,
    EvidenceMessage,
    Proposal,
    Range,
    VoteMessage,
    Voting,
    WantBlock,
    WantChanges,
    WantRange,
    WantStatements,
    WireBatch,
    WireBlock,
    encode,
    wire_batch,
    wire_block,
)
from consensus.votes import Certificate, Vote, notar_subject, sign_vote, skip_subject
from ledger import domains
from ledger.block import Block, BlockHeader, encode_header
from ledger.domains import ZERO_HASH

MUTE_S = 0.02
RANGE_BYTES = 4 * 2**20
BATCH_RECORDS = 500
FLAPS = 8
PIECES = 1000
PERCENT_MIN = 70

Act = Callable[[Insider, ClientConnection], Awaitable[None]]


def by(act: Act) -> Callable[[Target, int], Awaitable[Counter[str]]]:
    """Return the attack in which an insider does this on each of its links."""

    async def strike(target: Target, _size: int) -> Counter[str]:
        insider = Insider(target)
        await insider.attack(act)
        return insider.done

    return strike


async def mute(insider: Insider, connection: ClientConnection) -> None:
    while True:
        await insider.say(connection, insider.vote(skip_subject(insider.slot)))
        await asyncio.sleep(MUTE_S)


async def unasked_ranges(insider: Insider, connection: ClientConnection) -> None:
    blocks = (WireBlock(_header(insider, 1), bytes(64), (_filler(RANGE_BYTES),), ()),)
    vote = sign_vote(skip_subject(1), insider.signer, insider.party, 0, insider.genesis)
    frame = encode(Range(blocks, (), Certificate((vote,) * 3)))
    while True:
        await insider.say(connection, frame)


async def oversized_batches(insider: Insider, connection: ClientConnection) -> None:
    limits, head = insider.genesis.limits, ZERO_HASH
    many = insider.sealed(1, head, [b"{}"] * (limits.batch_records + 1))
    large = insider.sealed(1, head, [bytes(60_000)] * (2 * limits.batch_bytes // 60_000))
    while True:
        for batch in (many, large):
            wire = replace(wire_batch(batch), signature=os.urandom(64))
            await insider.say(connection, encode(BatchMessage(wire)))


async def bad_signatures(insider: Insider, connection: ClientConnection) -> None:
    batch = wire_batch(insider.sealed(1, ZERO_HASH, list(captures(0, BATCH_RECORDS))))
    while True:
        await insider.say(
            connection, encode(BatchMessage(replace(batch, signature=os.urandom(64))))
        )


async def bad_votes(insider: Insider, connection: ClientConnection) -> None:
    others = [name for name in insider.genesis.voters if name != insider.party]
    for voter in cycle(others):
        vote = Vote("skip", insider.slot + 40, voter, os.urandom(64))
        await insider.say(connection, encode(VoteMessage(vote)))


async def questions(insider: Insider, connection: ClientConnection) -> None:
    while True:
        for question in (
            WantRange(1),
            WantBlock(os.urandom(32)),
            WantChanges(os.urandom(32)),
            WantStatements(bytes(32), 1, 1),
        ):
            await insider.say(connection, encode(question))


async def replays(insider: Insider, connection: ClientConnection) -> None:
    batch = wire_batch(insider.sealed(1, ZERO_HASH, list(captures(0, BATCH_RECORDS))))
    frame = encode(BatchMessage(replace(batch, signature=bytes(64))))
    while True:
        await insider.say(connection, frame)


async def echoes(insider: Insider, connection: ClientConnection) -> None:
    for number in count():
        heard = insider.heard or [insider.vote(skip_subject(insider.slot))]
        await insider.say(connection, heard[number % len(heard)])


async def novelties(insider: Insider, connection: ClientConnection) -> None:
    head, records = os.urandom(32), list(captures(0, 20))
    for number in count(1):
        slot = insider.slot + number % SLOT_WINDOW
        for subject in (skip_subject(slot), notar_subject(slot + 1, os.urandom(32))):
            await insider.say(connection, insider.vote(subject))
        batch = insider.sealed(2 + number % 64, head, records)
        await insider.say(connection, encode(BatchMessage(wire_batch(batch))))
        await insider.say(connection, encode(Voting("" if number % 2 else "rebuilt")))
        await insider.say(connection, encode(Proposal(_own_block(insider, slot, number))))


async def contradictions(insider: Insider, connection: ClientConnection) -> None:
    records = list(captures(0, BATCH_RECORDS))
    for number in count(1):
        batch = insider.sealed(1, ZERO_HASH, [*records, *captures(10_000 + number, 1)])
        await insider.say(connection, encode(BatchMessage(wire_batch(batch))))
        lie = of_votes(
            *(
                sign_vote(notar_subject(number, block), insider.signer, insider.party, 0,
                          insider.genesis)
                for block in (bytes(32), os.urandom(32))
            )
        )  # fmt: skip
        if lie is not None:
            await insider.say(connection, encode(EvidenceMessage(lie)))


async def pings(insider: Insider, connection: ClientConnection) -> None:
    await _pour(insider, connection, _piece(0x89) * 1000)


async def splinters(insider: Insider, connection: ClientConnection) -> None:
    vote = insider.vote(skip_subject(insider.slot))
    parts = (_piece(0x02, vote[:100]), _piece(0x00) * (PIECES - 2), _piece(0x80, vote[100:]))
    await _pour(insider, connection, b"".join(parts))


async def _pour(insider: Insider, connection: ClientConnection, raw: bytes) -> None:
    """Send bytes as they are, as fast as they are taken, until the connection is cut."""
    while not connection.transport.is_closing():
        connection.transport.write(raw)
        await connection.drain()
        await asyncio.sleep(0)
        insider.done["bytes"] += len(raw)


def _piece(first: int, payload: bytes = b"") -> bytes:
    """Return a short frame of a WebSocket whose first byte is this."""
    assert len(payload) < 126  # longer ones have longer heads
    return bytes((first, 0x80 | len(payload), 0, 0, 0, 0)) + payload


async def flapping(target: Target, size: int) -> Counter[str]:
    insider = Insider(target)

    async def rest(_insider: Insider, connection: ClientConnection) -> None:
        await connection.close()

    insider.settle_s = 0.0
    insider.again_s = 0.0
    await asyncio.gather(*(insider.attack(rest) for _ in range(size)))
    return insider.done


def _filler(size: int) -> WireBatch:
    return WireBatch(b"{}", bytes(64), (bytes(size // 8),) * 8)


def _header(insider: Insider, slot: int, time: int = 1) -> bytes:
    zero = ZERO_HASH.hex()
    return encode_header(
        BlockHeader(
            batches=(),
            height=1,
            ledger=insider.genesis.ledger,
            parent=zero,
            proposer=insider.party,
            root=zero,
            size=0,
            slot=slot,
            state=zero,
            time=time,
        )
    )


def _own_block(insider: Insider, slot: int, time: int) -> WireBlock:
    """Return a block for a slot that this party leads, genuine and not justified."""
    names = insider.genesis.voters
    own = slot + (names.index(insider.party) - slot) % len(names)
    raw = _header(insider, own, time)
    return wire_block(
        Block(raw, insider.signer.sign(domains.proposal_signature_input(raw)), ()), ()
    )


BOUNDS = (
    *MEMORY,
    Bound("submissions_percent", PERCENT_MIN, least=True),
    Bound("stall_s", STALL_S_MAX),
    Bound("honest_convicted", 0),
)


def _attack(
    name: str,
    sentence: str,
    strike: Callable[[Target, int], Awaitable[Counter[str]]],
    size: int = 3,
) -> Attack:
    return Attack(
        name,
        sentence,
        strike,
        size=(size, size),
        seconds=(8, 3),
        bounds=BOUNDS,
        insider=True,
        turns=2,
    )


ATTACKS = (
    _attack("mute-peer", "links with a harmless vote every 20 ms and never a proposal", by(mute)),
    _attack(
        "unasked-ranges", "links with ranges of 4 MiB that nobody asked for", by(unasked_ranges)
    ),
    _attack("oversized-batches", "links with batches over the limits", by(oversized_batches)),
    _attack("bad-signatures", "links with badly signed batches, each another", by(bad_signatures)),
    _attack("bad-votes", "links with votes in others' names", by(bad_votes)),
    _attack("questions", "links with questions of every kind without end", by(questions)),
    _attack("refused-again", "links with one batch that was refused before", by(replays)),
    _attack("known-things", "links that say again whatever they hear", by(echoes)),
    _attack("new-things", "links with votes far ahead, gaps, unjustified blocks", by(novelties)),
    _attack("contradictions", "links with contradicting batches and votes", by(contradictions)),
    _attack("false-blocks", "leads with full blocks that come out otherwise", false_blocks),
    _attack("ping-flood", "links with pings without end", by(pings)),
    _attack("splinters", "links with votes in a thousand pieces each", by(splinters)),
    _attack("link-flapping", "links a party, each proved and closed at once", flapping, FLAPS),
)
"""Every attack that needs a party's key."""
