"""The legs that a payout settles, however many: n legs, one transfer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import islice
from typing import Any

from ledger.contracts.allocation import FormerLeg, Leg
from ledger.contracts.payouts import RETURNED, Payout
from ledger.limits import SAFE_INTEGER_MAX
from ledger.state import Walk
from views.calendars import DueDates
from views.labels import Label
from views.legs import LegView, former_leg_views, leg_views
from views.listing import Asked, Filter, Listing
from views.reader import Reader, walked

CHUNK_MIN = 200
"""Legs that are read at once, at least: some that left did so before the payout."""


def carried_by(
    reader: Reader, payout: Payout, limit: int, after: tuple[Any, ...] | None = None
) -> list[Leg | FormerLeg]:
    """Return the legs that a payout carried when it was created, and carries unless it came back.

    No leg joins a bucket that came back, so what is or was in its buckets since was in it.

    Args:
        reader: The snapshot.
        payout: The payout.
        limit: How many legs at most.
        after: Bucket, payment and number of the last leg already seen.
    """
    found: list[Leg | FormerLeg] = []
    chunk = max(limit, CHUNK_MIN)
    for bucket in sorted(map(int, payout.buckets)):
        if after is None or after[0] <= bucket:
            place = after[1:] if after is not None and after[0] == bucket else None
            stayed = _stayed(reader, payout, bucket, place, chunk)
            left = _left(reader, payout, bucket, place, chunk)
            both: Iterator[Leg | FormerLeg] = merge(stayed, left, key=_place)
            found += islice(both, limit - len(found))
        if len(found) == limit:
            break
    return found


def carried_views(
    reader: Reader, payout: Payout, legs: Sequence[Leg | FormerLeg], dates: DueDates
) -> list[LegView]:
    """Return legs that a payout carried as they are shown, in their order."""
    stayed = leg_views(reader, [leg for leg in legs if isinstance(leg, Leg)], dates)
    former = [leg for leg in legs if isinstance(leg, FormerLeg)]
    left = former_leg_views(reader, former, payout.payout)
    by_key = {(view.payment, view.leg): view for view in (*stayed, *left)}
    return [by_key[leg.payment, leg.leg] for leg in legs]


def _place(leg: Leg | FormerLeg) -> tuple[int, str, int]:
    return leg.bucket, leg.payment, leg.leg


def _stayed(
    reader: Reader, payout: Payout, bucket: int, after: tuple[str, int] | None, chunk: int
) -> Iterator[Leg | FormerLeg]:
    fixed = {"receiver": payout.receiver, "bucket": bucket}
    return walked(reader, Leg, Walk(fixed, ("payment", "leg")), after, chunk)


def _left(
    reader: Reader, payout: Payout, bucket: int, after: tuple[str, int] | None, chunk: int
) -> Iterator[Leg | FormerLeg]:
    """Yield the legs that left a bucket of a payout after it had carried them."""
    if payout.state != RETURNED:
        return
    place = None if after is None else (*after, SAFE_INTEGER_MAX)
    fixed = {"receiver": payout.receiver, "bucket": bucket}
    way = Walk(fixed, ("payment", "leg", "until"))
    legs = walked(reader, FormerLeg, way, place, chunk)
    yield from (leg for leg in legs if leg.until > payout.entry)


def _rows(asked: Asked) -> Iterator[Leg | FormerLeg]:
    payout = asked.reader.row(Payout, (asked.given["payout"],))
    legs = [] if payout is None else carried_by(asked.reader, payout, asked.limit + 1, asked.after)
    return iter(legs)


def _items(asked: Asked, rows: Sequence[Leg | FormerLeg]) -> list[LegView]:
    payout = asked.reader.row(Payout, (asked.given["payout"],))
    dates = DueDates(asked.reader, asked.genesis)
    return [] if payout is None else carried_views(asked.reader, payout, rows, dates)


PAYOUT_LEGS = Listing(
    name="payout-legs",
    title=Label("Legs of a payout", "结算单分账行"),
    member="legs",
    path="/v1/payouts/{payout}/legs",
    row=Leg,
    view=LegView,
    help="List the legs that a payout settles, and `void` those that went another way since.",
    filters=(Filter(name="payout", kind="payout", judged=True),),
    none=Label("no legs", "没有分账行"),
    columns=(("payment", "leg"), "purpose", "state", "amount"),
    order=("bucket", "payment", "leg"),
    rows=_rows,
    items=_items,
)
