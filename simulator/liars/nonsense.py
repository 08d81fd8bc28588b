"""Sends nonsense: random bytes, broken and endless messages, and good ones of absurd contents."""

from __future__ import annotations

import msgspec

from consensus.messages import Message, WantBlock, WantRange, encode
from consensus.votes import notar_subject, skip_subject
from ledger.limits import SAFE_INTEGER_MAX
from simulator.liars.liar import Liar

NONSENSE_PPM = 300_000
HUGE_BYTES = 2**20
DEEP = 50_000


class Nonsense(Liar):
    """Says what its node says, and much besides."""

    def say(self, peer: str, message: Message) -> None:
        """Say it, or something like it, or both."""
        if not self.chance.happens(NONSENSE_PPM):
            self.tell(peer, message)
            return
        kind, frame = self._nonsense(encode(message))
        self.tell(peer, frame)
        self.lied(kind, peer)
        if self.chance.below(2):
            self.tell(peer, message)

    def _nonsense(self, frame: bytes) -> tuple[str, bytes]:
        kind = self.chance.below(16)
        place = self.chance.below(len(frame))
        if kind < 3:
            return "random", self.chance.bytes(self.chance.below(300))
        if kind < 6:
            return "truncated", frame[:place]
        if kind < 11:
            turned = frame[place] ^ (1 << self.chance.below(8))
            return "bit", frame[:place] + bytes([turned]) + frame[place + 1 :]
        if kind == 11:
            return "longer", frame + self.chance.bytes(1)
        if kind == 12:
            return "huge", self._huge()
        if kind == 13:
            return "shape", self._misshapen()
        return "absurd", encode(self._absurd())

    def _huge(self) -> bytes:
        endless = (
            b"\x91" * DEEP,
            b"\xdd\xff\xff\xff\xff",
            b"\xc6\xff\xff\xff\xff",
            bytes(HUGE_BYTES),
        )
        return self.chance.pick(endless)

    def _misshapen(self) -> bytes:
        """Return MessagePack that is none of the messages."""
        shapes: tuple[object, ...] = (
            None,
            -1,
            {"vote": 1},
            [],
            ["vote"],
            ["vote", []],
            ["vote", ["notar", -1, self.party, b"", b""]],
            ["certificate", [[]]],
            ["want-range", 0],
            ["want-range", 1.5],
            ["batch", [b"{}", bytes(64), [b""]]],
            ["proposal", [b"\xff", bytes(64), [], []]],
            ["range", [], [], [[]]],
            ["journal", [b"\x00", bytes(64), [b"x"]]],
            ["changes", bytes(32), "text"],
            ["no-such-message", 1],
        )
        return msgspec.msgpack.encode(self.chance.pick(shapes))

    def _absurd(self) -> Message:
        """Return a good message of no use."""
        far = SAFE_INTEGER_MAX - self.chance.below(3)
        messages: tuple[Message, ...] = (
            WantRange(far),
            WantBlock(self.chance.bytes(32)),
            self.says(skip_subject(far)),
            self.says(notar_subject(far, bytes(32))),
        )
        return self.chance.pick(messages)
