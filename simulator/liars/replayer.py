"""Says everything it ever heard again, old and new, at random, to anybody and in others' places."""

from __future__ import annotations

from simulator.liars.liar import Liar

FRAMES_MAX = 5000
PERIOD_US = 30_000
FRAMES_AT_ONCE = 4


class Replayer(Liar):
    """An echo without end. Its own node's words are among what it repeats."""

    def _begin(self) -> None:
        self._frames: list[bytes] = []
        self.every(PERIOD_US, self._replay)

    def send(self, peer: str, frame: bytes) -> None:
        """Say what the node underneath says, and remember it."""
        self._keep(frame)
        super().send(peer, frame)

    def receive(self, sender: str, frame: bytes) -> bool:
        """Remember what arrives, nonsense included."""
        self._keep(frame)
        return super().receive(sender, frame)

    def _keep(self, frame: bytes) -> None:
        if len(self._frames) < FRAMES_MAX:
            self._frames.append(frame)
        else:
            self._frames[self.chance.below(FRAMES_MAX)] = frame

    def _replay(self) -> None:
        for _ in range(FRAMES_AT_ONCE if self._frames else 0):
            peer = self.chance.pick(self.others)
            self.tell(peer, self.chance.pick(self._frames))
            self.lied("replay", peer)
