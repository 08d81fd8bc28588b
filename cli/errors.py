"""Errors of the command line.

CliError                 every error below; has a stable ``code``, and says the next step
├── UsageError           the command was called wrongly; exit code 2
└── CheckFailed          the command ran, and what it checked is bad; exit code 1
"""

from __future__ import annotations

GOOD, BAD, USAGE = 0, 1, 2
"""Exit codes: done and good, checked and bad, called wrongly."""


class CliError(Exception):
    """An error that is shown as ``error: code: message`` and a next step.

    Args:
        code: Stable kebab-case identifier.
        message: What was expected and what came.
        next_step: What to do about it; may be empty.
    """

    exit_code = BAD

    def __init__(self, code: str, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.next_step = next_step


class UsageError(CliError):
    """The command was called wrongly. Nothing was done."""

    exit_code = USAGE


class CheckFailed(CliError):
    """What was checked is bad, or what was asked for could not be had."""
