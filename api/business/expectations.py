"""What is awaited: halves that one party has stated and another has not, as a list and as sums."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, NamedTuple

import msgspec
from fastapi import APIRouter, Query, Request
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from api.business.parameters import (
    AsOf,
    Displayed,
    MinAmount,
    PartyFilter,
    known,
    now_ms,
    shown_of,
)
from api.limits import PAGE_DEFAULT
from api.lists import Asked, Format, Page, list_answer
from api.named import refuse_unknown_kind, refuse_unknown_party
from api.openapi import describe_list
from api.paging import Cursor, Limit, cursor_of, page_of, place_of
from api.reading import Reading
from ledger import expectations
from ledger.currencies import Shown
from ledger.expectations import CONFLICTING, KINDS, MET, OPEN, OVERDUE, Expectation
from ledger.limits import SAFE_INTEGER_MAX
from node.storage.queries import UnmetSum, Walk, unmet_sums, walked
from node.storage.reads import Reader

KINDS_OF_SUBJECT = {
    "payment": (
        expectations.CAPTURE,
        expectations.INSTRUCTION,
        expectations.REVERSAL,
        expectations.FEE_REVERSAL,
    ),
    "payout": (expectations.PAYOUT_RESULT, expectations.ARRIVAL),
    "refund": (expectations.REFUND_RESULT,),
    "dispute": (expectations.DISPUTE,),
}
"""Which kinds of expectations can stand about the subjects that belong to a payment."""

_STORED = {
    "": (OPEN, CONFLICTING, MET),
    "unmet": (OPEN, CONFLICTING),
    OPEN: (OPEN,),
    OVERDUE: (OPEN,),
    CONFLICTING: (CONFLICTING,),
    MET: (MET,),
}
"""Which states are stored for a state that is asked for."""

State = Annotated[
    Literal["open", "overdue", "conflicting", "met", "unmet"] | None,
    Query(description="`open` is what is awaited and not overdue; `unmet` all but met."),
]
Kind = Annotated[str, Query(max_length=32, description=f"Only of this kind: {', '.join(KINDS)}.")]
MinAge = Annotated[
    int, Query(ge=0, le=SAFE_INTEGER_MAX, description="Only from this age on, in ms.")
]
Place = tuple[str, str, str, str]

_places = msgspec.json.Decoder(Place)


class ExpectationView(msgspec.Struct, frozen=True, kw_only=True):
    """What one party still owes the log, or owed it.

    ``state`` is ``open``, ``overdue``, ``conflicting`` or ``met``, as of the time asked for;
    ``lateness_ms`` says by how much the other half came, or is, too late; ``age_ms`` how long it
    was awaited, or is. Amounts are in minor units, times in ms since the epoch.
    """

    kind: str
    subject: str
    awaited: str
    opener: str
    amount: int
    currency: str
    opened_entry: int
    opened_at: int
    due_at: int
    state: str
    lateness_ms: int
    age_ms: int
    settled_entry: int | UnsetType = UNSET
    settled_at: int | UnsetType = UNSET
    detail: str | UnsetType = UNSET


class ExpectationPage(msgspec.Struct, frozen=True, kw_only=True):
    """Expectations by state, awaited party, kind and subject.

    A page may be short: go on while there is a ``next``.
    """

    as_of: int
    expectations: list[ExpectationView]
    next: str | UnsetType = UNSET


class UnmetSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of all that is not met, by pair of parties, kind, currency and state."""

    as_of: int
    sums: list[UnmetSum]


class _Wanted(NamedTuple):
    state: str
    awaited: str
    opener: str
    kind: str
    min_age_ms: int
    min_amount: int
    min_shown: Shown
    as_of_ms: int

    def fits(self, row: Expectation) -> bool:
        """Return whether a row on one of the walks is wanted."""
        if self.state in {OPEN, OVERDUE} and expectations.status(row, self.as_of_ms) != self.state:
            return False
        if self.kind not in {"", row.kind} or self.opener not in {"", row.opener}:
            return False
        if row.amount < self.min_amount:
            return False
        if not self.min_shown.is_reached(row.amount, row.currency):
            return False
        return _age_ms(row, self.as_of_ms) >= self.min_age_ms


def expectation_routes(router: APIRouter, reading: Reading) -> None:
    """Add the routes to what is awaited."""

    @router.get("/v1/expectations", **describe_list(ExpectationPage, "no-such-party"))
    def list_expectations(
        *,
        request: Request,
        state: State = None,
        awaited: PartyFilter = "",
        opener: PartyFilter = "",
        kind: Kind = "",
        min_age_ms: MinAge = 0,
        min_amount: MinAmount = 0,
        min_amount_shown: Displayed = "",
        as_of: AsOf = None,
        cursor: Cursor = "",
        limit: Limit = PAGE_DEFAULT,
        form: Format = None,
    ) -> Response:
        """List what is awaited, overdue, conflicting or met."""
        _refuse_names((awaited, opener), kind, reading.genesis.names)
        now = now_ms(as_of)
        least = shown_of(min_amount_shown, "min_amount_shown") if min_amount_shown else Shown(0)
        wanted = _Wanted(state or "", awaited, opener, kind, min_age_ms, min_amount, least, now)
        with reading.reader() as reader:
            rows = _rows(reader, wanted, reading.genesis.names, place_of(request, cursor, _places))
            found, last = page_of(rows, wanted.fits, limit)
        views = [expectation_view(each, now) for each in found]
        goes_on = cursor_of(request, None if last is None else _place(last))
        page = ExpectationPage(as_of=now, expectations=views, next=goes_on)
        return list_answer(Asked(request, form), Page(page, ExpectationView, views, goes_on))

    @router.get("/v1/expectations/summary", **describe_list(UnmetSummary, "no-such-party"))
    def sum_expectations(
        *,
        request: Request,
        awaited: PartyFilter = "",
        opener: PartyFilter = "",
        kind: Kind = "",
        as_of: AsOf = None,
        form: Format = None,
    ) -> Response:
        """Sum what is not met, by pair of parties, kind, currency and state."""
        _refuse_names((awaited, opener), kind, reading.genesis.names)
        now = now_ms(as_of)
        asked = {"awaited": awaited, "opener": opener, "kind": kind}
        where = {name: value for name, value in asked.items() if value}
        with reading.reader() as reader:
            sums = unmet_sums(reader, where, now)
        page = UnmetSummary(as_of=now, sums=sums)
        return list_answer(Asked(request, form), Page(page, UnmetSum, sums))


def _refuse_names(parties: Iterable[str], kind: str, names: tuple[str, ...]) -> None:
    for party in parties:
        refuse_unknown_party(party, names)
    refuse_unknown_kind(kind)


def expectations_on(
    reader: Reader, subjects: Iterable[str], as_of_ms: int
) -> list[ExpectationView]:
    """Return what is or was awaited about subjects, in the order of its opening."""
    keys = [
        (kind, subject)
        for subject in subjects
        for kind in KINDS_OF_SUBJECT.get(subject.partition(":")[0], KINDS)
    ]
    found = reader.rows_under(Expectation, keys).values()
    ordered = sorted(found, key=lambda each: (each.opened_entry, each.kind))
    return [expectation_view(each, as_of_ms) for each in ordered]


def expectation_view(expectation: Expectation, as_of_ms: int) -> ExpectationView:
    """Return an expectation as of a time."""
    return ExpectationView(
        kind=expectation.kind,
        subject=expectation.subject,
        awaited=expectation.awaited,
        opener=expectation.opener,
        amount=expectation.amount,
        currency=expectation.currency,
        opened_entry=expectation.opened_entry,
        opened_at=expectation.opened_at,
        due_at=expectation.due_at,
        state=expectations.status(expectation, as_of_ms),
        lateness_ms=expectations.lateness_ms(expectation, as_of_ms),
        age_ms=_age_ms(expectation, as_of_ms),
        settled_entry=known(expectation.settled_entry),
        settled_at=known(expectation.settled_at),
        detail=expectation.detail or UNSET,
    )


def _age_ms(row: Expectation, as_of_ms: int) -> int:
    until = row.settled_at if row.state == MET else as_of_ms
    return max(0, until - row.opened_at)


def _place(row: Expectation) -> Place:
    return (row.state, row.awaited, row.kind, row.subject)


def _rows(
    reader: Reader, wanted: _Wanted, parties: tuple[str, ...], after: Place | None
) -> Iterator[Expectation]:
    """Yield what may be wanted, after a place: a walk along the index for each state and party.

    One kind is a stretch of the walk: with ``kind = …`` databases choose the primary key instead,
    and with it what is met.
    """
    start = ("", "") if after is None else after[:2]
    walks = [
        (state, party)
        for state in _STORED[wanted.state]
        for party in ([wanted.awaited] if wanted.awaited else sorted(parties))
    ]
    if start in walks:
        walks = walks[walks.index(start) :]
    for state, party in walks:
        fixed = {"state": state, "awaited": party}
        walk = Walk(fixed, ("kind", "subject"), until=wanted.kind + " " if wanted.kind else None)
        last = after[2:] if after is not None and (state, party) == start else None
        yield from walked(reader, Expectation, walk, last or (wanted.kind, ""))
