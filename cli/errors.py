"""Errors of the command line.

CliError                 every error below; has a stable ``code``, and says the next step
├── UsageError           the command was called wrongly; exit code 2
├── CheckFailed          the command ran, and what it checked is bad; exit code 1
└── OutputFailed         standard output takes no more; exit code 1
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ledger.errors import URN

GOOD, BAD, USAGE = 0, 1, 2
"""Exit codes: done and good, checked and bad, called wrongly."""


class CliError(Exception):
    """An error that is shown as ``error: code: message`` and a next step.

    Args:
        code: Stable kebab-case identifier.
        message: What was expected and what came.
        next_step: What to do about it; may be empty.
        answer: The problem document with which a node answered, if one did.
    """

    exit_code = BAD
    title = "The command failed"

    def __init__(
        self,
        code: str,
        message: str,
        next_step: str = "",
        answer: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.next_step = next_step
        self.answer = answer or {}

    def problem(self) -> dict[str, Any]:
        """Return the error as an RFC 9457 problem document: the node's, where it is one's."""
        own = {
            "type": f"{URN}{self.code}",
            "title": self.title,
            "detail": self.message,
            "code": self.code,
        }
        return {**own, **self.answer} | ({"next": self.next_step} if self.next_step else {})


class UsageError(CliError):
    """The command was called wrongly. Nothing was done."""

    exit_code = USAGE
    title = "The command was called wrongly; nothing was done"


class CheckFailed(CliError):
    """What was checked is bad, or what was asked for could not be had."""

    title = "What was checked is bad, or what was asked for could not be had"


class OutputFailed(CliError):
    """Standard output cannot be written, as on a full disk. What the command did is done."""

    title = "Standard output takes no more"

    def __init__(self, reason: str) -> None:
        super().__init__("output-failed", f"standard output cannot be written: {reason}")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say which file could not be written.

    Args:
        path: What is being written, for errors that name no file.

    Raises:
        UsageError: ``unwritable-file``.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise UsageError("unwritable-file", f"{error.filename or path}: {reason}") from None


@contextmanager
def unwrapped() -> Iterator[None]:
    """Raise the first :class:`CliError` that concurrent tasks raised, instead of their group."""
    try:
        yield
    except BaseExceptionGroup as group:
        found = first_of(group)
        if found is None:
            raise
        raise found from None


def first_of(group: BaseExceptionGroup[BaseException]) -> CliError | None:
    """Return the first :class:`CliError` in a group of errors, however deep it lies."""
    for error in group.exceptions:
        if isinstance(error, CliError):
            return error
        if isinstance(error, BaseExceptionGroup):
            found = first_of(error)
            if found is not None:
                return found
    return None
