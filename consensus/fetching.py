"""Fetching of what exists and is not here: certified blocks, final ranges (R9), and exits (R10).

Asks one peer after the other, first those who signed the certificate, until it has it.
"""

from __future__ import annotations

from consensus.effects import Send
from consensus.limits import CATCH_UP_DELAY_MS, SUSPECTED_MAX
from consensus.messages import WantBlock, WantExits, WantRange
from consensus.votes import Certificate, Subject
from ledger.block import Tip

NEVER_MS = 2**62
ASK_AGAIN_MS = 1000
OWN = b""
"""What wants the exit certificates of slots before the own next block."""
OWED_MAX = 8
"""Questions for ranges that one peer may still answer."""


class _Want:
    """One thing wanted: whom to ask next, and when."""

    __slots__ = ("asked", "at_ms", "first", "peers", "slot", "suspect")

    def __init__(self, slot: int, peers: list[str], at_ms: int) -> None:
        self.slot = slot
        self.peers = peers
        self.at_ms = at_ms
        self.asked = 0
        self.first = 0
        self.suspect = ""
        """The leader that this block may convict, if there is no other reason to want it."""

    def next_peer(self, now_ms: int) -> str:
        peer = self.peers[self.asked % len(self.peers)]
        self.asked += 1
        self.at_ms = now_ms + ASK_AGAIN_MS
        return peer

    def ask_on(self) -> None:
        """Ask for the next stretch at once whom was asked last: it has answered."""
        if self.asked:
            self.asked -= 1
            self.at_ms = 0


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
        self._exits: dict[bytes, _Want] = {}
        self._asked: dict[str, tuple[int, int]] = {}
        self._owed: dict[str, list[int]] = {}
        """By peer from which heights on it was asked for a range and has not answered."""

    def want_block(self, subject: Subject, voters: tuple[str, ...], at_ms: int) -> None:
        """Start to want the block of Notar votes.

        Args:
            subject: What the votes say.
            voters: Whose votes they are: these are asked first.
            at_ms: When to ask for it, if it has not come by then.
        """
        if subject.block in self._blocks:
            self._blocks[subject.block].suspect = ""
        elif self._others:
            self._blocks[subject.block] = _Want(subject.slot, self._askable(voters), at_ms)

    def suspect_block(
        self, leader: str, subject: Subject, voters: tuple[str, ...], now_ms: int
    ) -> None:
        """Start to want a block that may convict its leader.

        Votes may tell of any number that do not exist: a leader's few of the earliest slots are
        wanted.
        """
        if subject.block in self._blocks or not self._others:
            return
        slots = {h: want.slot for h, want in self._blocks.items() if want.suspect == leader}
        if len(slots) == SUSPECTED_MAX:
            latest = max(slots, key=lambda block: slots[block])
            if slots[latest] <= subject.slot:
                return
            del self._blocks[latest]
        self.want_block(subject, voters, now_ms)
        self._blocks[subject.block].suspect = leader

    def want_range(self, certificate: Certificate, now_ms: int) -> None:
        """Start to want the final blocks up to the one of a Final certificate."""
        if self._range is not None:
            self._range.slot = max(self._range.slot, certificate.subject.slot)
        elif self._others:
            at = now_ms + CATCH_UP_DELAY_MS
            self._range = _Want(certificate.subject.slot, self._askable(certificate.voters), at)

    def want_exits(
        self, purpose: bytes, slots: tuple[int, int], voters: tuple[str, ...], now_ms: int
    ) -> None:
        """Want exit certificates of slots; ask on at once where an answer has brought some.

        Args:
            purpose: Hash of the block that lacks them, or :data:`OWN` for the own next one.
            slots: The first slot that lacks one, and the slot of the block.
            voters: Who must have them, and is asked first.
            now_ms: The steady clock.
        """
        if not self._others:
            return
        first, stop = slots
        want = self._exits.get(purpose)
        if want is None:
            at = now_ms + CATCH_UP_DELAY_MS
            want = self._exits[purpose] = _Want(stop, self._askable(voters), at)
        elif first > want.first:
            want.ask_on()
        want.first = first

    def on_whole(self, purpose: bytes) -> None:
        """Drop the want of exit certificates that have come, or are needed no more."""
        self._exits.pop(purpose, None)

    def owes_exits(self, peer: str) -> bool:
        """Return whether a peer was asked for exit certificates of slots that are not final."""
        return peer in self._asked

    def has_asked(self, peer: str, first: int, last: int) -> bool:
        """Return whether a peer was asked for the exit certificates of these slots."""
        low, stop = self._asked.get(peer, (0, 0))
        return low <= first and last < stop

    def _askable(self, voters: tuple[str, ...]) -> list[str]:
        signers = [name for name in dict.fromkeys(voters) if name != self._me]
        rest = [name for name in self._others if name not in signers]
        return signers + rest

    def on_final(self, tip: Tip) -> None:
        """Drop what has become final, and ask on at once if a range goes further."""
        self._blocks = {h: want for h, want in self._blocks.items() if want.slot > tip.slot}
        self._exits = {h: want for h, want in self._exits.items() if want.slot > tip.slot}
        self._asked = {peer: span for peer, span in self._asked.items() if span[1] > tip.slot}
        if self._range is None:
            return
        if self._range.slot <= tip.slot:
            self._range = None
        else:
            self._range.ask_on()

    def on_block(self, block: bytes) -> None:
        """Drop the want of a block that has arrived."""
        self._blocks.pop(block, None)

    def next_at(self) -> int:
        """Return when the next question is due, on the steady clock."""
        if not (self._blocks or self._exits or self._range):
            return NEVER_MS
        wants = [*self._blocks.values(), *self._exits.values()]
        wants += [self._range] if self._range else []
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
        return [*sends, *self._exits_due(now_ms)]

    def _exits_due(self, now_ms: int) -> list[Send]:
        """Return one question for each first slot: blocks that lack the same lack it together."""
        sends: dict[int, Send] = {}
        for want in [each for each in self._exits.values() if each.at_ms <= now_ms]:
            peer, first = want.next_peer(now_ms), want.first
            if first not in sends:
                sends[first] = Send(peer, WantExits(first, want.slot))
                low, stop = self._asked.get(peer, (first, want.slot))
                self._asked[peer] = (min(low, first), max(stop, want.slot))
        return list(sends.values())

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
