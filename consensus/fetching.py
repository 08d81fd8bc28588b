"""Fetching of what exists and is not here: certified blocks, and final ranges (R9).

Asks one peer after the other, first those who signed the certificate, until it has it.
"""

from __future__ import annotations

from consensus.effects import Send
from consensus.limits import CATCH_UP_DELAY_MS
from consensus.messages import WantBlock, WantRange
from consensus.votes import Certificate, Subject
from ledger.block import Tip

NEVER_MS = 2**62
ASK_AGAIN_MS = 1000
OWED_MAX = 8
"""Questions for ranges that one peer may still answer."""


class _Want:
    """One thing wanted: whom to ask next, and when."""

    __slots__ = ("asked", "at_ms", "peers", "slot")

    def __init__(self, slot: int, peers: list[str], at_ms: int) -> None:
        self.slot = slot
        self.peers = peers
        self.at_ms = at_ms
        self.asked = 0

    def next_peer(self, now_ms: int) -> str:
        peer = self.peers[self.asked % len(self.peers)]
        self.asked += 1
        self.at_ms = now_ms + ASK_AGAIN_MS
        return peer


class Fetching:
    """The open wants of one replica.

    Args:
        voters: All voters.
        me: This voter, who is never asked.
    """

    def __init__(self, voters: tuple[str, ...], me: str) -> None:
        self._others = tuple(name for name in voters if name != me)
        self._me = me
        self._blocks: dict[bytes, _Want] = {}
        self._range: _Want | None = None
        self._owed: dict[str, list[int]] = {}
        """By peer from which heights on it was asked for a range and has not answered."""

    def want_block(self, subject: Subject, voters: tuple[str, ...], at_ms: int) -> None:
        """Start to want the block of Notar votes.

        Args:
            subject: What the votes say.
            voters: Whose votes they are: these are asked first.
            at_ms: When to ask for it, if it has not come by then.
        """
        if subject.block not in self._blocks and self._others:
            self._blocks[subject.block] = _Want(subject.slot, self._askable(voters), at_ms)

    def want_range(self, certificate: Certificate, now_ms: int) -> None:
        """Start to want the final blocks up to the one of a Final certificate."""
        if self._range is not None:
            self._range.slot = max(self._range.slot, certificate.subject.slot)
        elif self._others:
            at = now_ms + CATCH_UP_DELAY_MS
            self._range = _Want(certificate.subject.slot, self._askable(certificate.voters), at)

    def _askable(self, voters: tuple[str, ...]) -> list[str]:
        signers = [name for name in voters if name != self._me]
        rest = [name for name in self._others if name not in signers]
        return signers + rest

    def on_final(self, tip: Tip) -> None:
        """Drop what has become final, and ask on at once if a range goes further."""
        self._blocks = {h: want for h, want in self._blocks.items() if want.slot > tip.slot}
        if self._range is None:
            return
        if self._range.slot <= tip.slot:
            self._range = None
        elif self._range.asked:
            self._range.asked -= 1  # the peer that answered is asked for the next stretch
            self._range.at_ms = 0

    def on_block(self, block: bytes) -> None:
        """Drop the want of a block that has arrived."""
        self._blocks.pop(block, None)

    def next_at(self) -> int:
        """Return when the next question is due, on the steady clock."""
        if not self._blocks and self._range is None:
            return NEVER_MS
        wants = [*self._blocks.values(), *([self._range] if self._range else [])]
        return min((want.at_ms for want in wants), default=NEVER_MS)

    def due(self, now_ms: int, final_height: int) -> list[Send]:
        """Return the questions that are due now."""
        sends = [
            Send(want.next_peer(now_ms), WantBlock(block))
            for block, want in self._blocks.items()
            if want.at_ms <= now_ms
        ]
        if self._range is not None and self._range.at_ms <= now_ms:
            peer, height = self._range.next_peer(now_ms), final_height + 1
            self._owed[peer] = [*self._owed.get(peer, [])[1 - OWED_MAX :], height]
            sends.append(Send(peer, WantRange(height)))
        return sends

    def owes_range(self, peer: str) -> bool:
        """Return whether a peer was asked for a range and has not answered."""
        return bool(self._owed.get(peer))

    def settle(self, peer: str, height: int) -> bool:
        """Take a peer's answer from a height on. Return whether it was asked for."""
        owed = self._owed.get(peer, [])
        if height not in owed:
            return False
        owed.remove(height)
        return True
