"""Checkers: one class per invariant. They watch everything that happens and say what is wrong.

A checker is told of each thing as it happens, and may raise :class:`simulator.errors.Violation`
there and then (safety); at the end, when the world has healed, it looks once more (progress). What
a checker knows it has learnt itself: none of them asks the code that it judges whether it is right.
"""

from __future__ import annotations

from simulator.checkers.acknowledged_stays import AcknowledgedStays
from simulator.checkers.balanced import Balanced
from simulator.checkers.checker import Checker
from simulator.checkers.equal_books import EqualBooks
from simulator.checkers.fair_evidence import FairEvidence
from simulator.checkers.histories import Histories
from simulator.checkers.justified import Justified
from simulator.checkers.liveness import Liveness
from simulator.checkers.no_contradiction import NoContradiction
from simulator.checkers.one_chain import OneChain
from simulator.checkers.sound_loans import SoundLoans

CHECKERS: tuple[type[Checker], ...] = (
    OneChain,
    NoContradiction,
    Justified,
    AcknowledgedStays,
    EqualBooks,
    Balanced,
    Liveness,
    FairEvidence,
    Histories,
    SoundLoans,
)
"""All of them, I1 to I8, the clients' histories, and the loans."""

__all__ = ["CHECKERS", "Checker"]
