"""Errors of the simulator.

::

    SimulatorError      bad input: an unknown scenario, lie or fault, a plan that cannot be
    └── TraceDiffers    a replayed run did not do what its trace says
    Violation           an invariant does not hold: the run has found a fault in the code
"""

from __future__ import annotations


class SimulatorError(Exception):
    """Bad input. ``code`` is stable; the message says what was expected and the next choice."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class TraceDiffers(SimulatorError):
    """A run and its trace are not the same."""


class Violation(Exception):
    """An invariant does not hold.

    Args:
        invariant: Its name, ``I1`` to ``I8`` or ``history``.
        text: What was seen.
    """

    def __init__(self, invariant: str, text: str) -> None:
        super().__init__(f"{invariant}: {text}")
        self.invariant = invariant
        self.text = text
