"""Sightings: the newest block and word of each peer, and how long blocks take to become final here.

For people alone: no rule of agreement looks at it. A peer's height is what the peer itself has
signed, asked for or passed on over its proved link; nobody else's word counts for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from consensus.messages import (
    CertificateMessage,
    Message,
    Range,
    StatementsMessage,
    VoteMessage,
    WantRange,
)
from ledger.block import Block
from node.host.ports import Clock

BLOCKS_MAX = 200
"""How many of the newest blocks the pace is told of."""


class Sightings:
    """What one host has noticed of its peers and of its own pace.

    Args:
        clock: The clocks.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen_at: dict[str, int] = {}
        self._heights: dict[str, int] = {}
        self._executed: dict[bytes, tuple[int, int]] = {}
        self._took_ms: deque[int] = deque(maxlen=BLOCKS_MAX)

    def greet(self, peer: str) -> None:
        """Note that a peer is connected: what it held before may be lost."""
        self._seen_at[peer] = self._clock.now().wall_ms
        self._heights.pop(peer, None)

    def hear(self, peer: str, message: Message) -> None:
        """Note a message of a peer."""
        self._seen_at[peer] = self._clock.now().wall_ms
        height = _height_in(peer, message)
        if height is not None:
            self._heights[peer] = max(height, self._heights.get(peer, 0))

    def of(self, peer: str) -> dict[str, int | None]:
        """Return the newest block that a peer is known to know, and when it last said anything."""
        return {"height": self._heights.get(peer), "seen_at": self._seen_at.get(peer)}

    def executed(self, blocks: Sequence[Block]) -> None:
        """Note which blocks a step has executed here, once what it made final is told."""
        for block in blocks:
            self._executed[block.hash] = (block.height, self._clock.now().ticks_ms)

    def final(self, block: Block) -> None:
        """Note that a block is final here; one that came as final already says nothing."""
        began = self._executed.pop(block.hash, None)
        if began is not None:
            self._took_ms.append(self._clock.now().ticks_ms - began[1])
        later = self._executed.items()
        self._executed = {key: each for key, each in later if each[0] > block.height}

    def finality(self) -> dict[str, Any] | None:
        """Return how long blocks took from being executed to being final, on this node's clock."""
        took = sorted(self._took_ms)
        if not took:
            return None
        return {"blocks": len(took), "median_ms": took[len(took) // 2], "slowest_ms": took[-1]}


def _height_in(peer: str, message: Message) -> int | None:
    """Return up to which block a peer knows the chain by a message of its own; None if unsaid."""
    match message:
        case VoteMessage(vote) if vote.voter == peer and vote.kind == "final":
            return vote.height
        case CertificateMessage(certificate) if certificate.subject.kind == "final":
            return certificate.subject.height
        case StatementsMessage(statements) if statements.certificate is not None:
            return statements.certificate.subject.height
        case WantRange(height):
            return height - 1
        case Range(certificate=certificate):
            return certificate.subject.height
    return None
