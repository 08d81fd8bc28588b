"""A ration: so much at once, and so much a second from then on."""

from __future__ import annotations

USELESS_AT_ONCE_S = 0.15
USELESS_PER_S = 0.06
"""Time of this node that one peer may waste: six per cent, and a seventh of a second at once."""
FRAME_S = 100e-6
BYTE_S = 4e-9
"""What the wire itself costs of each frame and byte, before anybody looks at it."""
PAUSE_MAX_S = 1.0
"""The longest time for which a peer is not read: pings on its link are waiting as well."""
LINKS_AT_ONCE = 16
LINKS_PER_S = 1.0
"""Connections that one peer may make: to greet it costs time."""


class Ration:
    """What one peer may take of something.

    Args:
        at_once: So much may be taken at any time, …
        per_s: … and comes back at this pace.
    """

    __slots__ = ("_at_once", "_at_s", "_per_s", "_taken")

    def __init__(self, at_once: float, per_s: float) -> None:
        self._at_once = at_once
        self._per_s = per_s
        self._taken = 0.0
        self._at_s = 0.0

    def take(self, amount: float, now_s: float) -> None:
        """Take some; whoever takes too much waits afterwards."""
        back = (now_s - self._at_s) * self._per_s
        self._taken = max(0.0, self._taken - back) + amount
        self._at_s = now_s

    def wait_s(self, now_s: float) -> float:
        """Return how long to wait before more is taken; 0 while there is something left."""
        self.take(0.0, now_s)
        return max(0.0, self._taken - self._at_once) / self._per_s
