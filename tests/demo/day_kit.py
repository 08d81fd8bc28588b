"""A generated day stated to the contracts, in one of the orders in which it may have happened."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from itertools import groupby

from demo.day import conversations, phases, statements
from demo.day.conversations import Turn
from demo.day.rows import SUSPENDED, CaptureRow, ConfirmationRow, Day, PayoutRow
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
    """

    def __init__(self, day: Day, order_seed: int, ledger: Ledger | None = None) -> None:
        self.ledger = ledger or Ledger(make_genesis(calendar=statements.calendar_of(day)))
        self.seen: set[tuple[str, str]] = set()
        self.repeated = 0
        self._waiting: Stream = []
        self._random = random.Random(order_seed)
        self._day = day
        self._live()

    def _live(self) -> None:
        day, institution = self._day, self._day.institution
        orders = [(day.platform, statements.order_record(r)) for r in phases.trading_orders(day)]
        self._mix(self._registrations(), spoken(conversations.opening(day)))
        self._mix(orders, self._captures(phases.trading_captures(day)))
        self._mix(self._captures(phases.reversals(day)))
        self._mix([(day.platform, statements.order_record(r)) for r in phases.corrections(day)])
        first, second = (
            settled(institution, payouts, arrived) for _, payouts, arrived in phases.runs(day)
        )
        self._mix(first, spoken(conversations.refunding(day)))
        self._mix(self._captures(phases.late_captures(day)))
        charged = spoken(conversations.charging(day))
        self._mix(second, charged, spoken(conversations.disputing(day)))

    def _registrations(self) -> Stream:
        rows, institution = self._day.receivers, self._day.institution
        closed = [row for row in rows if row.status == SUSPENDED]
        registered = [(institution, statements.registered(row, 1)) for row in rows]
        return registered + [(institution, statements.suspended(row, 1)) for row in closed]

    def _captures(self, rows: Iterable[CaptureRow]) -> Stream:
        return [(self._day.institution, statements.capture_record(row)) for row in rows]

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
        if len(self._waiting) == BLOCK_RECORDS:
            self._flush()

    def _flush(self) -> None:
        """State what waits as one block: a batch for each run of records of one party."""
        for party, run in groupby(self._waiting, key=lambda each: each[0]):
            self.ledger.run(self.ledger.seal(party, [raw for _, raw in run]))
        self._waiting = []


def spoken(turns: Iterable[Turn]) -> Stream:
    """Return a conversation as a stream."""
    return [(turn.party, said.raw) for turn in turns for said in turn.said]


def settled(institution: str, payouts: list[PayoutRow], arrived: list[ConfirmationRow]) -> Stream:
    """Return a run of payouts as a stream."""
    created = [(institution, statements.payout_created(row)) for row in payouts]
    results = [(institution, statements.payout_result(row)) for row in payouts]
    return created + results + [(row.party, statements.confirmed(row)) for row in arrived]
