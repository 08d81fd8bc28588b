"""Portfolio: how many loans there are, what is open of them, and how many are how late."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, get_args

from ledger.contracts.loan_rows import LoanAccount, LoanAgreement, LoanState
from ledger.lending.standing import BUCKETS, LAST_BUCKET
from ledger.state import Walk
from views.labels import Currency, Label, Principal
from views.loans import Bucket, ShownLoanState
from views.reader import Reader
from views.view import ViewStruct

COUNTED_MAX = 100_000
"""Loans that are counted of a kind: more are told as this many."""

Loans = Annotated[int, Label("loans", "笔数", "count")]


class StateCount(ViewStruct, frozen=True, kw_only=True):
    """How many loans have a state."""

    state: ShownLoanState
    loans: Loans


class LateCount(ViewStruct, frozen=True, kw_only=True):
    """How many loans have their oldest open instalment due from one date to another.

    Those are ``bucket`` days late; loans of which no more than a trifle is open are among them.
    The last bucket has no first date.
    """

    bucket: Bucket
    due_to: Annotated[str, Label("due by", "最晚应还日", "date")]
    loans: Loans
    due_from: Annotated[str, Label("due from", "最早应还日", "date")] = ""


class OpenPrincipal(ViewStruct, frozen=True, kw_only=True):
    """Principal that is open in all loans of a currency, to whoever lent it or took it over."""

    currency: Currency
    principal: Principal


class PortfolioView(ViewStruct, frozen=True, kw_only=True):
    """All loans in figures, as they stand. Of a kind at most 100,000 are counted."""

    as_of: Annotated[str, Label("as of", "截至", "date")]
    states: list[StateCount]
    late: list[LateCount]
    principal: list[OpenPrincipal]

    def count(self, state: str) -> int:
        """Return how many loans have a state."""
        return next(each.loans for each in self.states if each.state == state)


def portfolio_view(reader: Reader, day: date) -> PortfolioView:
    """Return all loans in figures.

    Args:
        reader: A snapshot.
        day: The present business date, by which lateness is counted.
    """
    words: tuple[LoanState, ...] = get_args(LoanState)
    return PortfolioView(
        as_of=day.isoformat(),
        states=[StateCount(state=word, loans=_with_state(reader, word)) for word in words],
        late=_late(reader, day),
        principal=[
            OpenPrincipal(currency=currency, principal=-amount)
            for currency, amount in reader.sums_under("funding").items()
        ],
    )


def _with_state(reader: Reader, word: LoanState) -> int:
    return reader.count_along(LoanAgreement, Walk({"state": word}, ("loan",)), COUNTED_MAX)


def _late(reader: Reader, day: date) -> list[LateCount]:
    """Return the buckets that have days, by the dates of the oldest open instalment."""
    bounds = [most for most, _ in BUCKETS]
    names = [*(name for _, name in BUCKETS[1:]), LAST_BUCKET]
    found = []
    for name, least, most in zip(names, bounds, [*bounds[1:], None], strict=True):
        last = day - timedelta(days=least + 1)
        first = "" if most is None else (day - timedelta(days=most)).isoformat()
        until = (last + timedelta(days=1)).isoformat()
        walk = Walk({}, ("due_from", "loan"), first or "0", until)
        loans = reader.count_along(LoanAccount, walk, COUNTED_MAX)
        found.append(LateCount(bucket=name, due_to=last.isoformat(), loans=loans, due_from=first))
    return found
