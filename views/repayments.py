"""Repayments: each attempt to collect from a borrower, what came of it, how far its split is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import Annotated, NamedTuple, get_args

from ledger.contracts.allocation import Leg
from ledger.contracts.halves import Capture, Instruction, PaymentState, payment_state
from ledger.contracts.loan_rows import AttemptState, LoanAgreement, LoanEvent, RepaymentAttempt
from ledger.contracts.loan_state import legs_of
from ledger.state import Walk
from views.labels import (
    Amount,
    Attempt,
    Currency,
    Entry,
    Fees,
    Interest,
    Label,
    LastEntry,
    Loan,
    Payment,
    Penalty,
    Principal,
    state_label,
)
from views.listing import PAGE_MAX, Asked, BadQuestion, Filter, Listing, after_day
from views.loan_amounts import by_component
from views.loan_history import AS_OF, HEIGHT, Vantage, is_past, known_of
from views.loans import lends
from views.reader import Reader, walked
from views.sheets.former import Halves, halves_before
from views.texts import gettext
from views.view import ViewStruct, converted


class RepaymentView(ViewStruct, frozen=True, kw_only=True):
    """One attempt to collect from a borrower: succeeded, failed, or succeeded and reversed.

    ``split`` is how far the payment is that captured it. ``overpaid`` is more than was owed, and in
    none of the components.
    """

    loan: Loan
    attempt: Attempt
    state: Annotated[AttemptState, state_label(succeeded="成功", failed="失败", reversed="已冲正")]
    date: Annotated[str, Label("date", "日期", "date")]
    amount: Amount
    currency: Currency
    principal: Principal
    interest: Interest
    fees: Fees
    penalty: Penalty
    entry: Entry
    last_entry: LastEntry
    split: Annotated[
        PaymentState | None,
        Label(
            "split",
            "分账",
            words={
                "captured": "待分账",
                "instructed": "已指示",
                "split": "已分账",
                "conflicting": "不一致",
                "reversed": "已冲正",
                "withdrawn": "已撤回",
                "unknown": "未知",
            },
        ),
    ] = None
    overpaid: Annotated[int, Label("overpaid", "溢缴", "minor")] = 0
    payment: Payment = ""
    reason_code: Annotated[str, Label("code", "原因码")] = ""
    reason: Annotated[str, Label("why", "原因", "text")] = ""


class Attempted(NamedTuple):
    """An attempt, its place, and the agreement of its loan."""

    date: str
    loan: str
    attempt: str
    row: RepaymentAttempt
    agreement: LoanAgreement


def _rows(asked: Asked) -> Iterator[Attempted]:
    """Yield attempts along an index: of one loan, of some days, in a state, or all by date."""
    given, after, chunk = asked.given, asked.after, min(asked.limit + 1, PAGE_MAX)
    since, until = given.get("from"), given.get("to")
    if since and until and since > until:
        said = gettext("query.from: {since} is after `to`, {until}; swap them")
        raise BadQuestion(said.format(since=since, until=until))
    walk = Walk({}, ("date", "loan", "attempt"), since, after_day(until))
    if "loan" in given:
        walk = Walk({"loan": given["loan"]}, ("attempt",))
    elif "state" in given and not (since or until or is_past(asked)):
        walk = Walk({"state": given["state"]}, ("loan", "attempt"))
    place = None if after is None else after[-len(walk.order) :]
    rows = walked(asked.reader, RepaymentAttempt, walk, place, chunk)
    while found := list(islice(rows, chunk)):
        agreements = asked.reader.rows_under(LoanAgreement, [(row.loan,) for row in found])
        for row in found:
            yield Attempted(row.date, row.loan, row.attempt, row, agreements[row.loan,])


def _fits(asked: Asked, found: Attempted) -> bool:
    given, known, row = asked.given, known_of(asked), found.row
    if row.entry >= known.size or row.date > known.day.isoformat():
        return False
    if not given.get("from", "") <= row.date <= given.get("to", "9"):
        return False
    if "funder" in given and not lends(found.agreement, given["funder"]):
        return False
    return "state" not in given or state_then(asked.reader, row, known) == given["state"]


def _items(asked: Asked, found: Sequence[Attempted]) -> list[RepaymentView]:
    return repayment_views(asked.reader, [each.row for each in found], known_of(asked))


def repayment_views(
    reader: Reader, rows: Sequence[RepaymentAttempt], known: Vantage
) -> list[RepaymentView]:
    """Return attempts as they are shown, as of a date and by what was known."""
    return views_with(reader, rows, known, halves_known(reader, rows, known))


def views_with(
    reader: Reader, rows: Sequence[RepaymentAttempt], known: Vantage, halves: Mapping[str, Halves]
) -> list[RepaymentView]:
    """Return attempts as they are shown, of which the halves were read."""
    views = []
    for row in rows:
        state = state_then(reader, row, known)
        view = converted(
            RepaymentView,
            row,
            state=state,
            last_entry=row.last_entry if state == row.state else row.entry,
            split=_split(row, halves.get(row.payment)),
            **by_component(legs_of(row.legs + row.ahead)),
        )
        views.append(view)
    return views


def halves_known(
    reader: Reader, rows: Sequence[RepaymentAttempt], known: Vantage
) -> dict[str, Halves]:
    """Return by payment both halves and their legs, as they were known."""
    attempts = {row.payment: row for row in rows if row.payment}
    keys = [(payment,) for payment in attempts]
    captures = reader.rows_under(Capture, keys)
    instructions = reader.rows_under(Instruction, keys)
    counts = {name: row.leg_count for (name,), row in instructions.items()}
    numbered = [(name, leg) for name, count in counts.items() for leg in range(1, count + 1)]
    legs: dict[str, list[Leg]] = {}
    for leg in reader.rows_under(Leg, numbered).values():
        legs.setdefault(leg.payment, []).append(leg)
    found = {}
    for name, row in attempts.items():
        pair = captures.get((name,)), instructions.get((name,))
        newest = max((half.entry for half in pair if half is not None), default=-1)
        stands = Halves(*pair, tuple(legs.get(name, ())))
        found[name] = stands if newest < known.size else halves_before(reader, row, known.size)
    return found


def state_then(reader: Reader, row: RepaymentAttempt, known: Vantage) -> AttemptState:
    """Return the state of an attempt as of a date: it may have been reversed since."""
    if row.state != "reversed" or row.last_entry >= known.size:
        return "succeeded" if row.state == "reversed" else row.state
    events = walked(reader, LoanEvent, Walk({"loan": row.loan}, ("record",)), (row.record,))
    undone = (each for each in events if each.kind == "reversed" and each.about == row.attempt)
    event = next(undone, None)
    is_later = event is not None and date.fromisoformat(event.date) > known.day
    return "succeeded" if is_later else row.state


def is_of(row: RepaymentAttempt, halves: Halves | None) -> bool:
    """Return whether a payment is an attempt's still: it may be captured as another one since."""
    capture = None if halves is None else halves.capture
    return capture is not None and (capture.loan, capture.attempt) == (row.loan, row.attempt)


def _split(row: RepaymentAttempt, halves: Halves | None) -> PaymentState | None:
    """Return how far the payment of an attempt is."""
    if halves is None or halves.capture is None:
        return None
    if not is_of(row, halves):
        return "reversed"
    return payment_state(halves.capture, halves.instruction)


REPAYMENTS = Listing(
    name="repayments",
    title=Label("Repayments", "还款"),
    row=Attempted,
    view=RepaymentView,
    help="""List repayments (还款): each attempt to collect, what came of it, how far its split is.

    They come by date; of one loan by attempt, and in a state by loan. Split says how far the money
    is: captured, as long as the platform has not said how it is split; split; or conflicting.

    \b
    Examples:
      tongzhang repayments --home net/funder --from 2026-03-01 --to 2026-03-31 --funder funder
      tongzhang repayments --home net/platform --state failed --csv
      tongzhang repayments --home net/funder --loan L-2026-0001 --json
    """,
    filters=(
        Filter(name="loan", kind="loan", judged=True, help="Only those of this loan."),
        Filter(name="state", kind="choice", judged=True, words=get_args(AttemptState)),
        Filter(name="from", kind="day", judged=True, help="Only from this business date on."),
        Filter(name="to", kind="day", judged=True, help="Only up to this business date."),
        Filter(
            name="funder", kind="party", judged=True, help="Only of loans that this party lends."
        ),
        AS_OF,
        HEIGHT,
    ),
    none=Label("no repayments", "没有还款"),
    columns=(
        ("loan", "attempt"),
        ("date", "state"),
        "amount",
        ("principal", "interest"),
        ("fees", "penalty"),
        ("split", "reason_code"),
    ),
    order=("date", "loan", "attempt"),
    rows=_rows,
    fits=_fits,
    items=_items,
)
