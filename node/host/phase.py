"""Phases of a host."""

from __future__ import annotations

from enum import IntEnum


class Phase(IntEnum):
    """Phases of a host; it only ever goes on to a later one."""

    RUNNING = 1
    """It takes records and votes."""
    ENDING = 2
    """It votes and commits no more, and hears only what tells why."""
    HALTED = 3
    """It hears nothing more."""
