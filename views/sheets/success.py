"""Success rates of repayments, day by day up to a business date, as the sheet counts them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from ledger.contracts.allocation import MILLION
from ledger.contracts.loan_rows import LoanAgreement, RepaymentAttempt
from ledger.genesis import Genesis
from ledger.state import Walk
from views.labels import Label, Party, Whole
from views.reader import Reader
from views.sheets.part import Part, Point, part_of
from views.sheets.repayments import known_attempt, reversed_by
from views.view import ViewStruct

DAYS = 14
ATTEMPTS_MAX = 2000
"""Attempts that are read for one answer."""


class SuccessDay(ViewStruct, frozen=True, kw_only=True):
    """Attempts of one business date that brought money, over all: by count, in millionths.

    A day without an attempt has no rate.
    """

    date: Annotated[str, Label("business date", "业务日", "date")]
    attempts: Annotated[int, Label("attempts", "尝试笔数", "count")]
    succeeded: Annotated[int, Label("succeeded", "成功笔数", "count")]
    rate: Annotated[int, Label("success rate", "成功率", "ppm")] = -1


class SuccessView(ViewStruct, frozen=True, kw_only=True):
    """Success rates of the days up to a business date, the oldest first, of one party's loans.

    An attempt that was reversed up to that date counts as failed. Days come as far back as the
    attempts that are read for one answer reach, ``whole`` if that is all days.
    """

    party: Party
    days: list[SuccessDay]
    whole: Whole


def success_view(reader: Reader, genesis: Genesis, party: str, point: Point) -> SuccessView:
    """Return the success rates of the days up to a point.

    Args:
        reader: The snapshot.
        genesis: The consortium.
        party: Whose loans: those of a funder, guarantor or platform; of others, all.
        point: The business date, and what is known.
    """
    part, left = part_of(reader, genesis, party), ATTEMPTS_MAX
    found: list[SuccessDay] = []
    for back in range(min(DAYS, point.known.day.toordinal())):  # no further than the calendar goes
        day = (point.known.day - timedelta(days=back)).isoformat()
        rows = reader.along(RepaymentAttempt, Walk({"date": day}, ("loan", "attempt")), None, left)
        left -= len(rows)
        if not left:
            break
        found.insert(0, _day(reader, day, rows, (part, point)))
    return SuccessView(party=party, days=found, whole=len(found) == DAYS)


def _day(
    reader: Reader, day: str, rows: list[RepaymentAttempt], matter: tuple[Part, Point]
) -> SuccessDay:
    part, point = matter
    known = [known_attempt(each, point) for each in rows if each.entry < point.known.size]
    if not part.whole:
        agreements = reader.rows_under(LoanAgreement, {(each.loan,) for each in known})
        known = [each for each in known if part.takes_part(agreements[each.loan,])]
    undone = reversed_by(reader, known, point)
    good = sum(each.state != "failed" and (each.loan, each.attempt) not in undone for each in known)
    rate = good * MILLION // len(known) if known else -1
    return SuccessDay(date=day, attempts=len(known), succeeded=good, rate=rate)
