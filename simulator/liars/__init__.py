"""Liars: parties that break the protocol, one lie a file. Underneath runs an honest node.

A liar sees what its own node would send and what arrives, and sends what it likes instead, signed
with its party's own key: it has every means that a dishonest party has, and no other.
"""

from __future__ import annotations

from simulator.liars.liar import Liar, Twin

LIES: dict[str, type[Liar]] = {
    "twin": Twin,
}

__all__ = ["LIES", "Liar", "Twin"]
