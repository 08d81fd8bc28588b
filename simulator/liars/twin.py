"""Runs one key on two machines, each of them honest: an operator's mistake that is a lie.

Source: Bano et al., Twins: BFT Systems Made Robust (2021).
"""

from __future__ import annotations

from simulator.liars.liar import Liar


class Twin(Liar):
    """One of two machines with one key. It knows of no lie, and reports even itself."""

    def send(self, peer: str, frame: bytes) -> None:
        """Send what the node underneath wants to send."""
        self.process.post(peer, frame)
