"""Signals that end a command: each is like Ctrl-C, so that what cleans up after that does so."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Treat SIGTERM and SIGHUP as Ctrl-C while the block runs, so that its cleanup runs too.

    Only the first of them counts: a terminal that is closed sends several, and none may cut the
    cleanup short. One that is ignored, as SIGHUP is under ``nohup``, stays ignored. Ctrl-C itself
    is heard even where a script's ``tongzhang demo &`` left SIGINT ignored: asyncio ends its tasks
    in order only where SIGINT has Python's own handler.
    """
    heard = [each for each in _STOP_SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _interrupt) for number in heard}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
        signal.signal(each, signal.SIG_IGN)
    signal.raise_signal(signal.SIGINT)
