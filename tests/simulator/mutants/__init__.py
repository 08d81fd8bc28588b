"""Mutants: bugs planted in production code, each with the invariant that must notice it.

A mutant is a function that plants its bug; its docstring says what is wrong. Beside it stand the
plan under which the bug shows and the checker that has to find it. ``alone`` lets only that checker
watch, where another one would see the bug even earlier.
"""

from __future__ import annotations

from tests.simulator.mutants import (
    in_consensus,
    in_host,
    in_ledger,
    in_restarts,
    in_storage,
)
from tests.simulator.mutants.mutant import MUTANTS, Mutant

PARTS = (in_consensus, in_host, in_ledger, in_restarts, in_storage)
"""The parts of the code that bugs are planted in."""

__all__ = ["MUTANTS", "PARTS", "Mutant"]
