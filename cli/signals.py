"""Signals that end a command: each is like Ctrl-C, so that what cleans up after that does so."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells count it, and after SIGTERM and SIGHUP."""

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Do as :func:`end_in_order` while the block runs."""
    before = end_in_order()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_in_order() -> dict[signal.Signals, Any]:
    """Treat SIGTERM and SIGHUP as Ctrl-C from now on, so that what cleans up after that does so.

    Only the first of them counts: a terminal that is closed sends several, and none may cut the
    cleanup short. One that is ignored, as SIGHUP is under ``nohup``, stays ignored. Ctrl-C itself
    is heard even where a script's ``tongzhang demo &`` left SIGINT ignored: asyncio ends its tasks
    in order only where SIGINT has Python's own handler.

    Returns:
        What handled each of the signals before.
    """
    heard = [each for each in _STOP_SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _interrupt) for number in heard}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
    return before


def leave_in_peace() -> None:
    """Let a command that is done end with its own exit code, whatever comes while it ends."""
    for handler in (_pass_over, signal.SIG_IGN):  # Python complains of one that it had heard
        for each in (signal.SIGINT, *_STOP_SIGNALS):
            signal.signal(each, handler)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let what would interrupt a short block come after it, whichever thread it comes to."""
    came: list[int] = []
    heard = [
        each
        for each in (signal.SIGINT, *_STOP_SIGNALS)
        if signal.getsignal(each) is not signal.SIG_IGN
    ]
    before = {each: signal.signal(each, lambda number, _: came.append(number)) for each in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        signal.raise_signal(came[0])


def _interrupt(number: int, frame: FrameType | None) -> None:
    for each in _STOP_SIGNALS:
        signal.signal(each, _pass_over)  # Python would complain of an ignored one that it had heard
    signal.raise_signal(signal.SIGINT)


def _pass_over(number: int, frame: FrameType | None) -> None:
    """Do nothing."""
