"""Expectations, as a list and as sums: halves that one party has stated and another has not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal

from ledger import expectations
from ledger.currencies import Shown
from ledger.expectations import (
    CONFLICTING,
    KINDS,
    MET,
    OPEN,
    OVERDUE,
    Expectation,
    ExpectationKind,
    ExpectationState,
)
from ledger.state import Walk
from views import cells
from views.expectation_words import KIND_WORDS
from views.labels import Amount, Currency, Label, Subject
from views.listing import Asked, Column, Filter, Listing
from views.reader import Reader, walked
from views.view import ViewStruct, converted, views_of

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
    "loan": (expectations.LOAN_ACCEPTANCE, expectations.LOAN_FUNDING),
    "compensation": (expectations.COMPENSATION,),
}
"""Which kinds of expectations can stand about the subjects that belong to a payment or a loan."""

_STORED = {
    "": (OPEN, CONFLICTING, MET),
    "unmet": (OPEN, CONFLICTING),
    OPEN: (OPEN,),
    OVERDUE: (OPEN,),
    CONFLICTING: (CONFLICTING,),
    MET: (MET,),
}
"""Which states are stored for a state that is asked for."""

UnmetState = Literal["open", "overdue", "conflicting"]
_UNMET_WORDS = {"open": "待对方", "overdue": "逾期", "conflicting": "不一致"}
STATE_WORDS = {**_UNMET_WORDS, "met": "已对齐"}

Awaited = Annotated[str, Label("awaited", "待声明方")]
Opener = Annotated[str, Label("stated by", "已声明方")]
KindOf = Annotated[ExpectationKind, Label("kind", "种类", words=KIND_WORDS)]


class ExpectationView(ViewStruct, frozen=True, kw_only=True):
    """What one party still owes the log, or owed it.

    ``state`` is as of the time asked for; ``lateness_ms`` says by how much the other half came, or
    is, too late; ``age_ms`` how long it was awaited, or is. Amounts are in minor units, times in ms
    since the epoch.
    """

    kind: KindOf
    subject: Subject
    awaited: Awaited
    opener: Opener
    amount: Amount
    currency: Currency
    opened_entry: Annotated[int, Label("opened in", "起始条目", "entry", "entry")]
    opened_at: Annotated[int, Label("since", "起始时间", "ms")]
    due_at: Annotated[int, Label("due", "应到时间", "ms")]
    state: Annotated[ExpectationState, Label("state", "状态", words=STATE_WORDS)]
    lateness_ms: Annotated[int, Label("late by", "迟到", "age")]
    age_ms: Annotated[int, Label("age", "已等待", "age")]
    settled_entry: Annotated[int, Label("met in", "对齐条目", "entry", "entry")] = -1
    settled_at: Annotated[int, Label("met at", "对齐时间", "ms")] = -1
    detail: Annotated[str, Label("why", "说明", "text")] = ""


class UnmetSum(ViewStruct, frozen=True, kw_only=True):
    """What ``awaited`` owes ``opener`` of one kind: one-sided entries (单边账), summed.

    ``amount`` is the sum in minor units, ``oldest_at`` when the oldest was opened, in ms since the
    epoch.
    """

    opener: Opener
    awaited: Awaited
    kind: KindOf
    currency: Currency
    state: Annotated[UnmetState, Label("state", "状态", words=_UNMET_WORDS)]
    count: Annotated[int, Label("count", "笔数", "count")]
    amount: Amount
    oldest_at: Annotated[int, Label("oldest since", "最早起于", "ms")]


_PARTIES = (
    Filter(name="awaited", kind="party", judged=True, help="Only what this party owes."),
    Filter(name="opener", kind="party", judged=True, help="Only what is owed to this party."),
    Filter(
        name="kind",
        kind="expectation-kind",
        judged=True,
        words=KINDS,
        help="Only of this kind.",
    ),
)
_AS_OF = Filter(
    name="as_of",
    kind="as-of",
    judged=True,
    option=None,
    shown=True,
    help="Judge what is overdue at this time.",
)


def _fits(asked: Asked, row: Expectation) -> bool:
    given, as_of_ms = asked.given, asked.given["as_of"]
    state = given.get("state")
    if state in {OPEN, OVERDUE} and expectations.status(row, as_of_ms) != state:
        return False
    if given.get("kind", row.kind) != row.kind or given.get("opener", row.opener) != row.opener:
        return False
    if row.amount < given.get("min_amount", 0):
        return False
    least: Shown = given.get("min_amount_shown", Shown(0))
    if not least.is_reached(row.amount, row.currency):
        return False
    age: int = given.get("min_age_ms", 0)
    return _age_ms(row, as_of_ms) >= age


def _rows(asked: Asked) -> Iterator[Expectation]:
    """Yield what may be wanted: a walk along the index for each state and party.

    One kind is a stretch of the walk: with ``kind = …`` databases choose the primary key instead,
    and with it what is met.
    """
    given, after = asked.given, asked.after
    awaited, kind = given.get("awaited", ""), given.get("kind", "")
    start = ("", "") if after is None else after[:2]
    walks = [
        (state, party)
        for state in _STORED[given.get("state", "")]
        for party in ([awaited] if awaited else sorted(asked.genesis.names))
    ]
    if start in walks:
        walks = walks[walks.index(start) :]
    for state, party in walks:
        fixed = {"state": state, "awaited": party}
        walk = Walk(fixed, ("kind", "subject"), until=kind + " " if kind else None)
        last = after[2:] if after is not None and (state, party) == start else None
        yield from walked(asked.reader, Expectation, walk, last or (kind, ""))


def _items(asked: Asked, rows: Sequence[Expectation]) -> list[ExpectationView]:
    return [expectation_view(row, asked.given["as_of"]) for row in rows]


_NOTHING = Label("nothing is awaited", "没有待声明的事项")

EXPECTATIONS = Listing(
    name="expectations",
    title=Label("Expectations", "待声明事项"),
    row=Expectation,
    view=ExpectationView,
    help="List what is awaited, overdue, conflicting or met.",
    filters=(
        Filter(
            name="state",
            kind="choice",
            words=("open", "overdue", "conflicting", "met", "unmet"),
            judged=True,
            default="unmet",
            help="Only in this state; open is not overdue, unmet is all but met.",
        ),
        *_PARTIES,
        Filter(
            name="min_age_ms",
            kind="age",
            judged=True,
            option="min-age",
            help="Only from this age on.",
        ),
        Filter(
            name="min_amount",
            kind="amount",
            judged=True,
            option=None,
            help="Only from this amount on.",
        ),
        Filter(
            name="min_amount_shown",
            kind="displayed",
            judged=True,
            option="min-amount",
            help="Only from this amount on.",
        ),
        _AS_OF,
    ),
    columns=(
        ("kind", "subject"),
        ("awaited", "state"),
        "amount",
        ("opened_at", "due_at", "detail"),
    ),
    none=_NOTHING,
    order=("state", "awaited", "kind", "subject"),
    rows=_rows,
    fits=_fits,
    items=_items,
)


_OLDEST = Column(Label("oldest", "最早", "date"), text=lambda item: cells.date(item["oldest_at"]))


def _sums(asked: Asked) -> Iterator[UnmetSum]:
    where = {
        name: asked.given[name] for name in ("awaited", "opener", "kind") if name in asked.given
    }
    sums = asked.reader.unmet_sums(where, asked.given["as_of"])
    return iter(views_of(UnmetSum, sums))


UNMET_SUMS = Listing(
    name="sums",
    title=Label("One-sided entries, summed", "单边账汇总"),
    path="/v1/expectations/summary",
    operation="sum_expectations",
    page="UnmetSummary",
    whole=True,
    row=UnmetSum,
    view=UnmetSum,
    help="Sum what is not met, by pair of parties, kind, currency and state.",
    filters=(*_PARTIES, _AS_OF),
    columns=(("opener", "awaited"), ("kind", "state"), "count", "amount", _OLDEST),
    none=_NOTHING,
    order=("opener", "awaited", "kind", "currency", "state"),
    rows=_sums,
)


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
    return converted(
        ExpectationView,
        expectation,
        state=expectations.status(expectation, as_of_ms),
        lateness_ms=expectations.lateness_ms(expectation, as_of_ms),
        age_ms=_age_ms(expectation, as_of_ms),
    )


def _age_ms(row: Expectation, as_of_ms: int) -> int:
    until = row.settled_at if row.state == MET else as_of_ms
    return max(0, until - row.opened_at)
