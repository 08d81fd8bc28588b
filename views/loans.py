"""Loans, as a list: what was lent by whom, what is open of it, and how it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice
from typing import Annotated, Any, Literal, NamedTuple, get_args

from ledger.contracts.loan_rows import LoanAccount, LoanAgreement, LoanParty, LoanState
from ledger.lending.standing import late, standing_of
from ledger.state import Key, R, Row, Walk
from views.labels import (
    Currency,
    DaysPastDue,
    Entry,
    Guarantor,
    Label,
    Loan,
    Principal,
    state_label,
)
from views.listing import PAGE_MAX, SCANNED_MAX, Asked, BadQuestion, Filter, Listing, after_day
from views.loan_history import AS_OF, HEIGHT, LoanThen, is_past, known_of, loans_then
from views.reader import Reader, walked
from views.texts import gettext
from views.view import ViewStruct

PAST_MAX = 25
"""Loans that are looked at for one page as of a past date: each may be computed anew."""

ShownLoanState = Annotated[
    Literal[LoanState, "disputed"],
    state_label(
        True,
        proposed="已提议",
        declined="已拒绝",
        withdrawn="已撤回",
        accepted="已接受",
        active="还款中",
        settled="已结清",
    ),
]
Bucket = Annotated[str, Label("bucket", "逾期档")]
OldestDue = Annotated[str, Label("oldest due", "最早未还到期日", "date")]


class LoanSummary(ViewStruct, frozen=True, kw_only=True):
    """One loan. ``entry`` proposed it first.

    ``due_from`` is when the oldest instalment falls due of which anything is open; ``overdue`` is
    what is open of what is past due, with penalty.
    """

    loan: Loan
    state: ShownLoanState
    principal: Principal
    currency: Currency
    platform: Annotated[str, Label("platform", "平台")]
    funders: Annotated[list[str], Label("funders", "资金方")]
    entry: Entry
    guarantor: Guarantor = ""
    disbursed: Annotated[str, Label("disbursed", "放款日", "date")] = ""
    open_principal: Annotated[int, Label("open principal", "剩余本金", "minor")] = 0
    due_from: OldestDue = ""
    days_past_due: DaysPastDue = 0
    bucket: Bucket = ""
    overdue: Annotated[int, Label("overdue", "逾期金额", "minor")] = 0


class LoanHit(NamedTuple):
    """A loan that was found, and its place: by due date where it was found by that."""

    due: str
    loan: str
    agreement: LoanAgreement
    account: LoanAccount | None


def scans(asked: Asked) -> int:
    """Return how many loans are looked at for one page."""
    return PAST_MAX if is_past(asked) else SCANNED_MAX


def lends(agreement: LoanAgreement, party: str) -> bool:
    """Return whether a party is a funder of a loan."""
    return any(text.partition(":")[0] == party for text in agreement.funders)


def _rows(asked: Asked) -> Iterator[LoanHit]:
    """Yield loans along the narrowest index that what is given leaves; the past has none."""
    given, after = asked.given, asked.after
    party = given.get("funder") or given.get("party")
    since, last = given.get("due_from", ""), given.get("due_to", "")
    if since and last and since > last:
        said = gettext("query.due_from: {since} is after `due_to`, {until}; swap them")
        raise BadQuestion(said.format(since=since, until=last))
    loan = None if after is None else after[1:]
    if (since or last) and not is_past(asked):
        walk = Walk({}, ("due_from", "loan"), since or "0", after_day(last))
        return _hits(asked, LoanAccount, walk, after)
    if party:
        return _hits(asked, LoanParty, Walk({"party": party}, ("loan",)), loan)
    if "state" in given and not is_past(asked):
        return _hits(asked, LoanAgreement, Walk({"state": given["state"]}, ("loan",)), loan)
    return _hits(asked, LoanAgreement, Walk({}, ("loan",)), loan)


def _hits(asked: Asked, kind: type[Any], walk: Walk, after: Any) -> Iterator[LoanHit]:
    """Yield the loans that rows on a walk name, read some at a time."""
    chunk = min(asked.limit + 1, PAGE_MAX)
    rows = walked(asked.reader, kind, walk, after, chunk)
    by_due = walk.order[0] == "due_from"
    while found := list(islice(rows, chunk)):
        for agreement, account in loans_of(asked.reader, found):
            due = account.due_from if by_due and account is not None else ""
            yield LoanHit(due, agreement.loan, agreement, account)


def loans_of(
    reader: Reader, rows: Sequence[LoanAgreement | LoanAccount | LoanParty]
) -> list[tuple[LoanAgreement, LoanAccount | None]]:
    """Return the rows of the loans that rows name, in their order."""
    keys = [(row.loan,) for row in rows]
    agreements = _rows_at(reader, LoanAgreement, keys, rows)
    accounts = _rows_at(reader, LoanAccount, keys, rows)
    return [(agreements[key], accounts.get(key)) for key in keys if key in agreements]


def _rows_at(
    reader: Reader, kind: type[R], keys: Sequence[tuple[str]], rows: Sequence[Row]
) -> dict[Key, R]:
    """Return rows by key: those that are there, if they are of the kind, else those under keys."""
    own = {row.key: row for row in rows if isinstance(row, kind)}
    return own or reader.rows_under(kind, keys)


def _fits(asked: Asked, hit: LoanHit) -> bool:
    given, agreement = asked.given, hit.agreement
    party = given.get("party")
    if party and party not in (*agreement.names, agreement.platform):
        return False
    if "funder" in given and not lends(agreement, given["funder"]):
        return False
    if not is_past(asked):
        return bool(given.get("state", agreement.state) == agreement.state)
    summary = next(iter(_summaries(asked, [hit])), None)
    if summary is None or given.get("state", summary.state) != summary.state:
        return False
    if not ("due_from" in given or "due_to" in given):
        return True
    since, until = given.get("due_from", ""), given.get("due_to", "9")
    return bool(summary.due_from and since <= summary.due_from <= until)


def _summaries(asked: Asked, hits: Sequence[LoanHit]) -> list[LoanSummary]:
    kept: dict[str, LoanSummary] = asked.kept.setdefault("summaries", {})
    missing = [(each.agreement, each.account) for each in hits if each.loan not in kept]
    known = known_of(asked)
    for then in loans_then(asked.reader, missing, known):
        kept[then.agreement.loan] = loan_summary(then, known.day)
    return [kept[each.loan] for each in hits if each.loan in kept]


def loan_summary(then: LoanThen, day: date) -> LoanSummary:
    """Return a loan as a list shows it."""
    agreement, account, loan = then.agreement, then.account, then.loan
    stands = None if loan is None else standing_of(loan, late(loan, day), day)
    return LoanSummary(
        loan=agreement.loan,
        state=agreement.state,
        principal=agreement.principal,
        currency=agreement.currency,
        platform=agreement.platform,
        funders=[text.partition(":")[0] for text in agreement.funders],
        entry=agreement.entry,
        guarantor=agreement.guarantor,
        disbursed="" if loan is None or account is None else account.disbursed,
        open_principal=then.open_principal,
        due_from=then.due_from,
        days_past_due=0 if stands is None else stands.days_past_due,
        bucket="" if stands is None else stands.bucket,
        overdue=0 if stands is None else stands.overdue,
    )


LOANS = Listing(
    name="loans",
    title=Label("Loans", "贷款"),
    row=LoanHit,
    view=LoanSummary,
    help="""List loans (助贷): what was lent by whom, what is open, and how they stand.

    A loan stands as of a business date, today's if none is given: records of later dates are
    left out, and with --height those of later blocks. What was agreed has no date, and is as it was
    known. Found by when the oldest open instalment is due, loans come by that date, else by their
    ids; as of a date that is past always by their ids.

    \b
    Examples:
      tongzhang loans --home net/platform --state active --funder funder
      tongzhang loans --home net/funder --due-from 2026-03-01 --due-to 2026-03-07
      tongzhang loans --home net/funder --as-of 2025-12-31 --csv
    """,
    filters=(
        Filter(name="state", kind="choice", words=get_args(LoanState), judged=True),
        Filter(name="funder", kind="party", judged=True, help="Only those that this party lends."),
        Filter(
            name="party",
            kind="party",
            judged=True,
            help="Only those in which this party takes part: as funder, guarantor or platform.",
        ),
        Filter(
            name="due_from",
            kind="day",
            judged=True,
            help="Only those whose oldest open instalment is due on this date or later.",
        ),
        Filter(
            name="due_to",
            kind="day",
            judged=True,
            help="Only those whose oldest open instalment is due on this date or before.",
        ),
        AS_OF,
        HEIGHT,
    ),
    none=Label("no loans", "没有贷款"),
    columns=(
        ("loan", "state"),
        ("principal", "open_principal"),
        ("due_from", "bucket"),
        "days_past_due",
        "overdue",
    ),
    order=("due", "loan"),
    rows=_rows,
    fits=_fits,
    items=_summaries,
    scans=scans,
    subject="loan",
)
