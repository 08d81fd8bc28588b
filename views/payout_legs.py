"""The legs that a payout settles, however many: n legs, one transfer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import islice

import msgspec
from fastapi import APIRouter, Request
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from api.business.calendars import DueDates
from api.business.legs import LegView, former_leg_views, leg_views
from api.limits import PAGE_DEFAULT
from api.lists import Asked, Format, Page, list_answer
from api.openapi import describe_list
from api.paging import Cursor, Limit, Name, Whole, cursor_of, place_of
from api.problems import Problem
from api.reading import Reading
from ledger.contracts.allocation import FormerLeg, Leg
from ledger.contracts.payouts import RETURNED, Payout
from ledger.limits import SAFE_INTEGER_MAX
from node.storage.queries import Walk, walked
from node.storage.reads import Reader

Place = tuple[int, str, int]
"""Bucket, payment and number of a leg: the order in which a payout's legs are listed."""

CHUNK_MIN = 200
"""Legs that are read at once, at least: some that left did so before the payout."""

_PLACE = msgspec.json.Decoder(tuple[Whole, str, Whole])


class PayoutLegPage(msgspec.Struct, frozen=True, kw_only=True):
    """Legs of a payout by bucket, payment and number. Go on while there is a ``next``."""

    legs: list[LegView]
    next: str | UnsetType = UNSET


def payout_leg_routes(router: APIRouter, reading: Reading) -> None:
    """Add the route to the legs of a payout."""

    @router.get("/v1/payouts/{payout}/legs", **describe_list(PayoutLegPage, "no-such-payout"))
    def list_payout_legs(
        payout: Name,
        *,
        request: Request,
        cursor: Cursor = "",
        limit: Limit = PAGE_DEFAULT,
        form: Format = None,
    ) -> Response:
        """List the legs that a payout settles, and `void` those that went another way since."""
        with reading.reader() as reader:
            row = reader.row(Payout, (payout,))
            if row is None:
                raise no_such_payout(payout)
            legs = carried_by(reader, row, limit + 1, place_of(request, cursor, _PLACE))
            views = views_of(reader, row, legs[:limit], DueDates(reader, reading.genesis))
        goes_on = cursor_of(request, _place(legs[limit - 1]) if len(legs) > limit else None)
        page = PayoutLegPage(legs=views, next=goes_on)
        return list_answer(Asked(request, form), Page(page, LegView, views, goes_on))


def no_such_payout(payout: str) -> Problem:
    """Return the answer about a payout that the log does not know."""
    return Problem(
        "no-such-payout",
        f"no applied record is about payout {payout!r}; if it was refused, that stands in "
        "the timeline of its receiver",
    )


def carried_by(
    reader: Reader, payout: Payout, limit: int, after: Place | None = None
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


def views_of(
    reader: Reader, payout: Payout, legs: Sequence[Leg | FormerLeg], dates: DueDates
) -> list[LegView]:
    """Return legs that a payout carried as they are shown, in their order."""
    stayed = leg_views(reader, [leg for leg in legs if isinstance(leg, Leg)], dates)
    former = [leg for leg in legs if isinstance(leg, FormerLeg)]
    left = former_leg_views(reader, former, payout.payout)
    by_key = {(view.payment, view.leg): view for view in (*stayed, *left)}
    return [by_key[leg.payment, leg.leg] for leg in legs]


def _place(leg: Leg | FormerLeg) -> Place:
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
