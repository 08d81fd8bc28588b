"""Conduct of peers: what no honest node sends, and how long its sender is not listened to.

A peer that sends what does not verify is shut out: its connection is closed, and what comes from
it is dropped unread, at first for a second, each time twice as long, for 30 s at most: a quorum may
need it. A clean minute afterwards, and all is forgotten. What was refused is remembered by its
hash, so that saying it again costs the others a hash.
"""

from __future__ import annotations

import logging
from collections import Counter
from hashlib import sha256
from typing import Any, Literal

from consensus.errors import BadMessage, ConsensusError
from ledger.errors import LedgerError
from node.host.ports import Clock
from node.limits import (
    CLEAN_MS,
    REFUSED_FRAMES_MAX,
    SHUT_OUT_FIRST_MS,
    SHUT_OUT_MAX_MS,
    UNASKED_MAX,
)

logger = logging.getLogger("tongzhang.host")

Verdict = Literal["offence", "harmless"]

CONDUCT: dict[str, Verdict] = {
    "bad-batch-root": "offence",
    "bad-evidence": "offence",
    "bad-exits": "offence",
    "bad-signature": "offence",
    "bad-vote-signature": "offence",
    "batch-too-large": "offence",
    "broken-chain": "offence",
    "foreign-statement": "offence",
    "malformed-certificate": "offence",
    "malformed-vote": "offence",
    "no-quorum": "offence",
    "not-leader": "offence",
    "unknown-party": "offence",
    "unknown-voter": "offence",
    "wrong-answerer": "offence",
    "wrong-asker": "offence",
    "wrong-certificate": "offence",
    "wrong-ledger": "offence",
    "bad-message": "harmless",
    "frame-too-large": "harmless",
    "not-canonical-message": "harmless",
    "unasked": "harmless",
    "unjustified": "harmless",
    "wrong-nonce": "harmless",
}
"""Codes under which a peer's message is dropped. No honest node sends an offence: whatever it says
or hands on it has verified, and what verifies once verifies for ever. Other codes, and those that
are not here, are harmless: a node of another version may write otherwise, and an unjustified
proposal is genuine and may convict its leader. They are counted, and their time is rationed. Large
answers that nobody asked for come from a node whose asker has forgotten them, and no more than it
can have asked: beyond :data:`~node.limits.UNASKED_MAX` of them are an offence, too.
"""


class _Record:
    """What is remembered of one peer. All times are ticks in ms."""

    __slots__ = ("code", "forgotten_at", "pause_ms", "refused", "unasked", "until")

    def __init__(self) -> None:
        self.code = ""
        self.until = 0
        self.pause_ms = SHUT_OUT_FIRST_MS
        self.forgotten_at = 0
        self.unasked = 0
        self.refused: dict[bytes, str] = {}

    def remember(self, frame: bytes, code: str) -> None:
        """Remember a frame by its hash: what does not verify never will."""
        self.refused[sha256(frame).digest()] = code
        if len(self.refused) > REFUSED_FRAMES_MAX:
            del self.refused[next(iter(self.refused))]


class Conduct:
    """What the peers of one host have done.

    Args:
        party: This host's party.
        clock: The clocks.
    """

    def __init__(self, party: str, clock: Clock) -> None:
        self._party = party
        self.rejected: Counter[tuple[str, str]] = Counter()
        """Dropped frames by peer and reason code."""
        self.offences: Counter[str] = Counter()
        """Offences by peer, since the start."""
        self._clock = clock
        self._records: dict[str, _Record] = {}

    def reject(self, peer: str, error: ConsensusError | LedgerError, frame: bytes) -> None:
        """Count a frame of a peer that was dropped; it may shut its sender out."""
        code = error.code
        self.rejected[peer, code] += 1
        if self.rejected[peer, code] == 1:
            logger.warning("%s: dropped a message of %s: %s", self._party, peer, error)
        if self.note(peer, code, frame):
            left_ms = self.shut_out_ms(peer)
            logger.warning("%s: %s is shut out for %d ms: %s", self._party, peer, left_ms, code)

    def note(self, peer: str, code: str, frame: bytes) -> bool:
        """Note why a frame of a peer was dropped. Return whether the peer is shut out for it."""
        record, now_ms = self._records.setdefault(peer, _Record()), self._clock.now().ticks_ms
        if record.forgotten_at <= now_ms:
            record.pause_ms, record.unasked = SHUT_OUT_FIRST_MS, 0
            record.forgotten_at = now_ms + CLEAN_MS
        if code == "unasked":
            record.unasked += 1
        if CONDUCT.get(code) == "offence":
            record.remember(frame, code)
        elif record.unasked <= UNASKED_MAX:
            return False
        self._shut_out(peer, record, code)
        return True

    def _shut_out(self, peer: str, record: _Record, code: str) -> None:
        self.offences[peer] += 1
        record.code = code
        record.until = self._clock.now().ticks_ms + record.pause_ms
        record.forgotten_at = record.until + CLEAN_MS
        record.pause_ms = min(2 * record.pause_ms, SHUT_OUT_MAX_MS)

    def refuse_again(self, peer: str, frame: bytes) -> None:
        """Return if this very frame of a peer was not refused before.

        Raises:
            BadMessage: it was; the code is that of the first time.
        """
        record = self._records.get(peer)
        if record is None or not record.refused:
            return
        code = record.refused.get(sha256(frame).digest())
        if code is not None:
            raise BadMessage(code, "the very same was refused before")

    def shut_out_ms(self, peer: str) -> int:
        """Return for how long a peer is still shut out; 0 if it is not."""
        record = self._records.get(peer)
        return 0 if record is None else max(0, record.until - self._clock.now().ticks_ms)

    def of(self, peer: str) -> dict[str, Any]:
        """Return what an operator is told of a peer, as plain JSON values."""
        left_ms = self.shut_out_ms(peer)
        shut_out = None
        if left_ms:
            until = self._clock.now().wall_ms + left_ms
            shut_out = {"code": self._records[peer].code, "until": until}
        return {"offences": self.offences[peer], "shut_out": shut_out}
