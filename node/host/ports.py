"""Ports of a host: the network and the clocks, handed in from outside.

Together with the disk these are all that a simulation replaces.
"""

from __future__ import annotations

from typing import Protocol

from consensus.effects import Now


class Network(Protocol):
    """The host's way to its peers."""

    def send(self, peer: str, frame: bytes) -> None:
        """Send a frame; never blocks, may lose it."""


class Clock(Protocol):
    """The host's clocks."""

    def now(self) -> Now:
        """Return steady ticks and wall time, both in ms."""
