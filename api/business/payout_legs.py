"""The legs that a payout settles, however many: n legs, one transfer."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from itertools import islice

import msgspec
from fastapi import APIRouter, Request
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from api.business.legs import LegView, former_leg_views, leg_views
from api.limits import PAGE_DEFAULT
from api.lists import Asked, Format, Page, list_answer
from api.openapi import describe_list
from api.paging import Cursor, Limit, Name, Whole, cursor_of, place_of
from api.problems import Problem
from ledger.contracts.allocation import FormerLeg, Leg
from ledger.contracts.payouts import RETURNED, Payout
from ledger.limits import SAFE_INTEGER_MAX
from node.storage.queries import Walk, walked
from node.storage.reads import Reader
from node.storage.store import Store

_PLACE = msgspec.json.Decoder(tuple[str, Whole])


class PayoutLegPage(msgspec.Struct, frozen=True, kw_only=True):
    """Legs of a payout by payment and number. Go on while there is a ``next``."""

    legs: list[LegView]
    next: str | UnsetType = UNSET


def payout_leg_routes(router: APIRouter, store: Store) -> None:
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
        with store.reader() as reader:
            row = reader.row(Payout, (payout,))
            if row is None:
                raise no_such_payout(payout)
            views = carried_by(reader, row, limit + 1, place_of(request, cursor, _PLACE))
        shown = views[:limit]
        more = len(views) > limit
        goes_on = cursor_of(request, (shown[-1].payment, shown[-1].leg) if more else None)
        page = PayoutLegPage(legs=shown, next=goes_on)
        return list_answer(Asked(request, form), Page(page, LegView, shown, goes_on))


def no_such_payout(payout: str) -> Problem:
    """Return the answer about a payout that the log does not know."""
    return Problem(
        "no-such-payout",
        f"no applied record is about payout {payout!r}; if it was refused, that stands in "
        "the timeline of its receiver",
    )


def carried_by(
    reader: Reader, payout: Payout, limit: int, after: tuple[str, int] | None = None
) -> list[LegView]:
    """Return the legs that a payout carried when it was created, and carries unless it came back.

    No leg joins a bucket that came back, so what is or was in its buckets since was in it.

    Args:
        reader: The snapshot.
        payout: The payout.
        limit: How many legs at most.
        after: Payment and number of the last leg already seen.
    """
    ways = [*_stayed(reader, payout, after, limit), *_left(reader, payout, after, limit)]
    legs = list(islice(merge(*ways, key=lambda leg: (leg.payment, leg.leg)), limit))
    stayed = leg_views(reader, [leg for leg in legs if isinstance(leg, Leg)])
    former = [leg for leg in legs if isinstance(leg, FormerLeg)]
    left = former_leg_views(reader, former, payout.payout)
    return sorted([*stayed, *left], key=lambda view: (view.payment, view.leg))


_Way = Iterator[Leg | FormerLeg]


def _stayed(
    reader: Reader, payout: Payout, after: tuple[str, int] | None, chunk: int
) -> Iterator[_Way]:
    for seq in payout.buckets:
        fixed = {"receiver": payout.receiver, "bucket": int(seq)}
        yield walked(reader, Leg, Walk(fixed, ("payment", "leg")), after, chunk)


def _left(
    reader: Reader, payout: Payout, after: tuple[str, int] | None, chunk: int
) -> Iterator[_Way]:
    """Yield the legs that left the buckets of a payout after it had carried them."""
    if payout.state != RETURNED:
        return
    place = None if after is None else (*after, SAFE_INTEGER_MAX)
    for seq in payout.buckets:
        fixed = {"receiver": payout.receiver, "bucket": int(seq)}
        way = Walk(fixed, ("payment", "leg", "until"))
        legs = walked(reader, FormerLeg, way, place, chunk)
        yield (leg for leg in legs if leg.until > payout.entry)
