"""Disputes: as a list, and as they are shown beside, and in the state of, what they are about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

import msgspec
from fastapi import APIRouter, Query, Request
from msgspec import UNSET, UnsetType
from msgspec.structs import replace
from starlette.responses import Response

from api.business.parameters import PartyFilter
from api.limits import PAGE_DEFAULT, PAGE_MAX
from api.lists import Asked, Format, Page, list_answer
from api.named import refuse_unknown_party
from api.openapi import describe_list
from api.paging import ONE_TEXT, Cursor, Limit, cursor_of, page_of, place_of
from api.reading import Reading
from ledger.contracts.disputes import DISPUTED, STANDING, Dispute
from ledger.contracts.payouts import Payout
from ledger.contracts.receivers import SUSPENDED, Receiver
from ledger.contracts.refund_float import FloatMovement
from ledger.contracts.refunds import Refund
from node.storage.queries import Walk, along, standing_disputes, walked
from node.storage.reads import Reader

DisputeState = Annotated[
    Literal["open", "upheld", "rejected", "withdrawn"] | None,
    Query(description="Only in this state."),
]

S = TypeVar("S", Payout, Receiver, FloatMovement, Refund)
"""Rows that have a state and can be disputed."""


class DisputeView(msgspec.Struct, frozen=True, kw_only=True):
    """One dispute about a subject, or about the leg of a payment.

    ``state`` is open, upheld, rejected or withdrawn; ``answer`` says why. One that is open or
    rejected stands.
    """

    dispute: str
    subject: str
    raiser: str
    against: str
    reason: str
    state: str
    entry: int
    last_entry: int
    leg: int | UnsetType = UNSET
    answer: str | UnsetType = UNSET


class DisputePage(msgspec.Struct, frozen=True, kw_only=True):
    """Disputes by id. A page may be short: go on while there is a ``next``."""

    disputes: list[DisputeView]
    next: str | UnsetType = UNSET


def dispute_routes(router: APIRouter, reading: Reading) -> None:
    """Add the route to disputes."""

    @router.get("/v1/disputes", **describe_list(DisputePage, "no-such-party"))
    def list_disputes(
        *,
        request: Request,
        state: DisputeState = None,
        against: PartyFilter = "",
        raiser: PartyFilter = "",
        cursor: Cursor = "",
        limit: Limit = PAGE_DEFAULT,
        form: Format = None,
    ) -> Response:
        """List disputes, in a state, against a party or raised by one."""
        for party in (against, raiser):
            refuse_unknown_party(party, reading.genesis.names)
        walk = Walk({"state": state} if state else {}, ("dispute",))
        with reading.reader() as reader:
            rows = walked(reader, Dispute, walk, place_of(request, cursor, ONE_TEXT), limit + 1)
            found, last = page_of(rows, lambda row: _is_between(row, against, raiser), limit)
        views = [_view(row) for row in found]
        goes_on = cursor_of(request, None if last is None else (last.dispute,))
        page = DisputePage(disputes=views, next=goes_on)
        return list_answer(Asked(request, form), Page(page, DisputeView, views, goes_on))


def _is_between(row: Dispute, against: str, raiser: str) -> bool:
    return against in {"", row.against} and raiser in {"", row.raiser}


def disputes_about(reader: Reader, subjects: Sequence[str]) -> list[DisputeView]:
    """Return the disputes about any of ``subjects``, or their legs, in the order of the log."""
    found: list[Dispute] = []
    for subject in subjects:
        found += along(
            reader, Dispute, Walk({"subject": subject}, ("state", "dispute")), limit=PAGE_MAX
        )
    return [_view(row) for row in sorted(found, key=lambda each: each.entry)]


def shown(state: str, disputes: Sequence[DisputeView]) -> str:
    """Return the state to show of what the disputes are about, or of what contains it."""
    is_disputed = any(each.state in STANDING for each in disputes)
    return DISPUTED if is_disputed and state != SUSPENDED else state


def disputed_among(reader: Reader, kind: str, names: Sequence[str]) -> set[str]:
    """Return which of the things of a kind, such as ``payout``, are disputed: one query."""
    found = standing_disputes(reader, [f"{kind}:{name}" for name in names])
    return {subject.partition(":")[2] for subject in found}


def as_shown(reader: Reader, kind: str, rows: Sequence[S]) -> list[S]:
    """Return rows of a kind with the state to show, for a whole page in one query."""
    disputed = disputed_among(reader, kind, [row.key[0] for row in rows])
    return [
        replace(row, state=DISPUTED) if row.key[0] in disputed and row.state != SUSPENDED else row
        for row in rows
    ]


def _view(row: Dispute) -> DisputeView:
    return DisputeView(
        dispute=row.dispute,
        subject=row.subject,
        raiser=row.raiser,
        against=row.against,
        reason=row.reason,
        state=row.state,
        entry=row.entry,
        last_entry=row.last_entry,
        leg=row.leg or UNSET,
        answer=row.answer or UNSET,
    )
