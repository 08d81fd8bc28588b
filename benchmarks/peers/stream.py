"""Stream of records that every system gets: the same bytes in the same order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import NamedTuple

from cli.bench.load import captures, instructions, registrations

ENDLESS = 1_000_000
"""As many records as clients that wait are given: more than they can state."""
PAGE = 256
"""Records that are made at once for clients that wait."""


class Stated(NamedTuple):
    """A record: its id, and its bytes."""

    id: str
    raw: bytes


class Stream:
    """Source of records, none of which comes twice.

    Half of a bulk load are captures, which the institution states, half are instructions of three
    legs for the same payments, which the platform states. So is half of what waiting clients state.
    """

    def __init__(self) -> None:
        self._next = 0

    def first(self) -> list[Stated]:
        """Return the receivers' registrations, which come before everything else."""
        return [_stated(raw) for raw in registrations()]

    def bulk(self, records: int) -> tuple[list[Stated], list[Stated]]:
        """Return captures and as many instructions: ``records`` together, if that is even."""
        half, first = records // 2, self._next
        self._next += half
        found = captures(first, half), instructions(first, half)
        return [_stated(raw) for raw in found[0]], [_stated(raw) for raw in found[1]]

    def endless(self) -> tuple[Iterator[Stated], Iterator[Stated]]:
        """Return captures and instructions for as long as they are asked for, page by page."""
        first = self._next
        self._next += ENDLESS
        return _pages(captures, first), _pages(instructions, first)


def _pages(make: Callable[[int, int], list[bytes]], first: int) -> Iterator[Stated]:
    for page in count(first, PAGE):
        yield from map(_stated, make(page, PAGE))


def _stated(raw: bytes) -> Stated:
    return Stated(json.loads(raw)["id"], raw)
