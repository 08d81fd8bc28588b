"""A generated day stated to the contracts, in one of the orders in which it may have happened."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from itertools import groupby

from demo.day import conversations, phases
from demo.day.conversations import Turn
from demo.day.lines import DayFiles, DayLine
from ledger.records import Record
from tests.ledger.ledger_kit import Ledger, make_genesis

BLOCK_RECORDS = 40

Stream = list[tuple[str, bytes]]
"""What parties say, in an order that matters."""


class Played:
    """A day stated record by record; streams that do not wait for each other come mixed.

    Args:
        day: The day.
        order_seed: How they are mixed.
        ledger: Where it is stated, on the day's calendar; a new one by default.
        block_records: How many records a block has.
    """

    def __init__(
        self,
        day: DayFiles,
        order_seed: int,
        ledger: Ledger | None = None,
        block_records: int = BLOCK_RECORDS,
    ) -> None:
        self.ledger = ledger or Ledger(make_genesis(calendar=phases.founding(day)))
        self.seen: set[tuple[str, str]] = set()
        self.repeated = 0
        self._waiting: Stream = []
        self._block_records = block_records
        self._random = random.Random(order_seed)
        self._day = day
        self._live()

    def _live(self) -> None:
        day = self._day
        self._mix(stream(day.receivers), spoken(conversations.opening(day)))
        self._mix(stream(phases.trading_orders(day)), stream(phases.trading_captures(day)))
        self._mix(stream(phases.reversals(day)))
        self._mix(stream(phases.corrections(day)))
        first, second = (stream((*paid, *arrived)) for _, paid, arrived in phases.runs(day))
        self._mix(first, spoken(conversations.refunding(day)))
        self._mix(stream(phases.late_captures(day)))
        charged = spoken(conversations.charging(day))
        self._mix(second, charged, spoken(conversations.disputing(day)))

    def _mix(self, *streams: Stream) -> None:
        left = [list(reversed(stream)) for stream in streams if stream]
        while left:
            stream = self._random.choice(left)
            self._queue(*stream.pop())
            left = [each for each in left if each]
        self._flush()

    def _queue(self, party: str, raw: bytes) -> None:
        key = (party, json.loads(raw)["id"])
        if key in self.seen:
            self.repeated += 1  # a node answers with the existing entry
            return
        self.seen.add(key)
        self._waiting.append((party, raw))
        if len(self._waiting) == self._block_records:
            self._flush()

    def _flush(self) -> None:
        """State what waits as one block: a batch for each run of records of one party."""
        for party, run in groupby(self._waiting, key=lambda each: each[0]):
            self.ledger.run(self.ledger.seal(party, [raw for _, raw in run]))
        self._waiting = []


def stream(lines: Iterable[DayLine[Record]]) -> Stream:
    """Return lines as a stream."""
    return [(line.party, line.raw) for line in lines]


def spoken(turns: Iterable[Turn]) -> Stream:
    """Return a conversation as a stream."""
    return stream(line for turn in turns for line in turn.lines)
