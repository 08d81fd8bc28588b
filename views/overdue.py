"""Overdue loans, the oldest first: how much of what, since when, and whose."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from itertools import islice
from typing import Annotated, Any

from ledger.contracts.loan_rows import LoanAccount, LoanAgreement
from ledger.contracts.loan_state import terms_of
from ledger.lending.standing import BUCKETS, LAST_BUCKET, bucket, late, standing_of
from ledger.state import Walk
from views.labels import (
    Amount,
    Currency,
    DaysPastDue,
    Fees,
    Guarantor,
    Interest,
    Label,
    Loan,
    Penalty,
    Principal,
)
from views.listing import Asked, Column, Filter, Listing
from views.loan_amounts import Holders, by_component, by_holder, open_legs
from views.loan_history import AS_OF, HEIGHT, LoanThen, is_past, is_same, known_of, loans_then
from views.loans import PAST_MAX, Bucket, OldestDue, lends, loans_of
from views.reader import walked
from views.view import ViewStruct

LATE_MAX = 500
"""Loans that are looked at for one page: what is past due of each is computed."""


class OverdueView(ViewStruct, frozen=True, kw_only=True):
    """What is past due of one loan, with penalty: ``amount`` in all, and by component.

    ``bucket`` counts from the oldest instalment of which more than a trifle by the terms is open,
    ``days_past_due`` from the oldest one.
    """

    loan: Loan
    days_past_due: DaysPastDue
    bucket: Bucket
    oldest_due: OldestDue
    instalments: Annotated[int, Label("instalments", "期数", "count")]
    amount: Amount
    currency: Currency
    principal: Principal
    interest: Interest
    fees: Fees
    penalty: Penalty
    holders: Holders
    guarantor: Guarantor = ""


MayFit = Callable[[LoanAgreement, int], bool]
"""Whether a loan may be wanted, by what was agreed and its days past due."""


def late_rows(asked: Asked, may_fit: MayFit) -> Iterator[LoanAccount]:
    """Yield loans of which something may be past due, oldest first; as of a past date by id.

    How those stand that may be wanted is read for many at once, and kept for :func:`late_loan`.
    """
    known, after = known_of(asked), asked.after
    day, chunk = known.day.isoformat(), min(asked.limit + 1, scans(asked))
    walk = Walk({}, ("due_from", "loan"), "0", day)
    if is_past(asked):
        walk, after = Walk({}, ("loan",)), None if after is None else after[1:]
    rows = walked(asked.reader, LoanAccount, walk, after, chunk)
    kept = asked.kept.setdefault("loans", {})
    while found := list(islice(rows, chunk)):
        late = [row for row in found if not is_same(row, known) or "" < row.due_from < day]
        pairs = loans_of(asked.reader, late)
        chosen = [pair for pair in pairs if _may_be_wanted(asked, pair, may_fit)]
        for then in loans_then(asked.reader, chosen, known):
            kept[then.agreement.loan] = then
        yield from found


def _may_be_wanted(
    asked: Asked, pair: tuple[LoanAgreement, LoanAccount | None], may_fit: MayFit
) -> bool:
    agreement, account = pair
    funder, known = asked.given.get("funder"), known_of(asked)
    if account is None or (funder is not None and not lends(agreement, funder)):
        return False
    if not is_same(account, known):
        return True
    return may_fit(agreement, (known.day - date.fromisoformat(account.due_from)).days)


def late_loan(asked: Asked, row: LoanAccount) -> LoanThen | None:
    """Return a loan that :func:`late_rows` found and that may be wanted, if it is past due."""
    then: LoanThen | None = asked.kept["loans"].get(row.loan)
    is_late = then is not None and "" < then.due_from < asked.given["as_of"]
    return then if is_late else None


def scans(asked: Asked) -> int:
    """Return how many loans are looked at for one page."""
    return PAST_MAX if is_past(asked) else LATE_MAX


def _rows(asked: Asked) -> Iterator[LoanAccount]:
    return late_rows(asked, partial(_may_fit, asked.given.get("bucket")))


def _may_fit(wanted: str | None, agreement: LoanAgreement, days: int) -> bool:
    """Return whether a loan may be in a bucket: a trifle that is open makes none."""
    is_any = wanted is None or bool(terms_of(agreement.terms).immaterial)
    return is_any or bucket(days) == wanted


def _fits(asked: Asked, row: LoanAccount) -> bool:
    then = late_loan(asked, row)
    if then is None:
        return False
    view = overdue_view(then, known_of(asked).day)
    _kept(asked)[row.loan] = view
    return bool(asked.given.get("bucket", view.bucket) == view.bucket)


def _items(asked: Asked, rows: Sequence[LoanAccount]) -> list[OverdueView]:
    return [_kept(asked)[row.loan] for row in rows]


def _kept(asked: Asked) -> dict[str, OverdueView]:
    found: dict[str, OverdueView] = asked.kept.setdefault("views", {})
    return found


def overdue_view(then: LoanThen, day: date) -> OverdueView:
    """Return what is past due of a loan on a date.

    Raises:
        LookupError: Nothing is: the loan was not disbursed.
    """
    agreement, loan = then.agreement, then.loan
    if loan is None:
        raise LookupError(f"loan {agreement.loan} was not disbursed")
    found = late(loan, day)
    stands, legs = standing_of(loan, found, day), open_legs(found)
    return OverdueView(
        loan=agreement.loan,
        days_past_due=stands.days_past_due,
        bucket=stands.bucket,
        oldest_due=then.due_from,
        instalments=len(found),
        amount=stands.overdue,
        currency=agreement.currency,
        **by_component(legs),
        holders=by_holder(legs),
        guarantor=agreement.guarantor,
    )


def _names(item: Mapping[str, Any]) -> str:
    return ", ".join(each["party"] for each in item["holders"])


OVERDUE = Listing(
    name="overdue",
    title=Label("Overdue", "逾期"),
    operation="list_overdue_loans",
    member="loans",
    page="OverduePage",
    row=LoanAccount,
    view=OverdueView,
    help="""List what is overdue of loans, oldest first: how much of what, since when, and whose.

    Past due is what is open from the day after its date on, also in the days of grace; the amount
    has the penalty up to the date. Buckets by days past due: M0 0 days (of what is a trifle by the
    terms), M1 to 30, M2 to 60, M3 to 90, M4-M6 to 180, M6+ above. As of a past date loans come by
    their ids, and are worked out one by one: a page may be short.

    \b
    Examples:
      tongzhang overdue --home net/funder --funder funder
      tongzhang overdue --home net/guarantor --bucket M3 --csv
      tongzhang overdue --home net/funder --as-of 2026-02-28 --height 1200 --json
    """,
    filters=(
        Filter(name="funder", kind="party", judged=True, help="Only loans that this party lends."),
        Filter(
            name="bucket",
            kind="choice",
            judged=True,
            words=(*(name for _, name in BUCKETS), LAST_BUCKET),
        ),
        AS_OF,
        HEIGHT,
    ),
    none=Label("nothing is overdue", "没有逾期"),
    columns=(
        ("loan", "bucket"),
        ("oldest_due", "days_past_due"),
        "amount",
        ("principal", "interest"),
        ("fees", "penalty"),
        Column(Label("holders", "债权方", "text"), text=_names),
    ),
    order=("due_from", "loan"),
    rows=_rows,
    fits=_fits,
    items=_items,
    scans=scans,
)
