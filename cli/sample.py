"""``tongzhang sample``: writes the files of a business day, or of a portfolio of loans."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from cli.errors import UsageError, writing
from cli.options import Json, path
from cli.output import money, plural, say, say_json

_FRIDAY = 4
FIRST_YEAR, LAST_YEAR = 2000, 2998
"""Events of records are from 2000 on; the calendar of the year that follows is of 2999 at most."""
FACTS = ("complete", "open", "conflicting")

PAYMENTS, MONTHS = 500, 12

Payments = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        "--payments",
        metavar="N",
        help="How many payments the day has.",
        show_default=str(PAYMENTS),
    ),
]
Loans = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        "--loans",
        metavar="N",
        help="Write a portfolio of so many loans, at least 30.",
        show_default=False,
    ),
]
Months = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        "--months",
        metavar="M",
        help="How many months the portfolio's history has.",
        show_default=str(MONTHS),
    ),
]
Seed = Annotated[
    int, typer.Option("--seed", metavar="N", help="Same seed, same bytes, on every machine.")
]
Date = Annotated[
    str,
    typer.Option(
        "--date",
        help="The business date, Monday to Friday; of a portfolio the last one.",
        metavar="YYYY-MM-DD",
    ),
]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        metavar="DIR",
        help="The folder to write; it is made.",
        show_default=False,
        parser=path,
    ),
]


def sample(
    out: Out,
    *,
    payments: Payments = None,
    loans: Loans = None,
    months: Months = None,
    seed: Seed = 7,
    date: Date = "2025-12-31",
    json: Json = False,
) -> None:
    """Write a day's files, with planted trouble; or a portfolio's, with --loans.

    A day's folder holds what the parties state as CSV: calendars, agreements, receivers, orders,
    captures, payouts, confirmations, the refund float, refunds, fees, invoices, profit sharing and
    disputes. A line is a record, a column one of its fields. expected.json holds the exact
    outcome. A holiday follows the day, and its month is invoiced.

    A portfolio's folder holds records as submit takes them, a file for each turn of a party, in
    the order of their names. The parties are platform, institution, fund-a, fund-b, fund-c and
    guarantor. answer.json and answer.md hold the outcome, worked out without the ledger.

    \b
    Examples:
      tongzhang sample --out day
      tongzhang sample --payments 20000 --seed 42 --out big-day
      tongzhang sample --loans 200 --months 12 --out portfolio
      tongzhang demo --day day
    """
    if loans is None and months is None:
        _write_day(out, PAYMENTS if payments is None else payments, seed, date, json)
        return
    if payments is not None or loans is None:
        raise UsageError(
            "day-or-portfolio",
            "--payments is of a day, --loans and --months are of a portfolio",
            "give --payments, or --loans with --months",
        )
    _write_portfolio(out, (loans, MONTHS if months is None else months), seed, date, json)


def _write_day(out: Path, payments: int, seed: int, date: str, json: bool) -> None:
    from demo.day.cast import DayPlan
    from demo.day.files import read_expected, write_day
    from demo.day.generate import generate

    day = generate(DayPlan(payments, seed, _business_day(date)))
    with writing(out):
        write_day(day, out)
    expected = read_expected(out)
    if json:
        say_json({"folder": str(out), **expected})
        return
    refused = sum(expected["records"]["refused"].values())
    say(f"{plural(payments, 'payment')} on {date} written to {out}")
    say(f"trouble planted: {len(day.troubles)} kinds")
    say(f"records: {expected['records']['applied']:,} applied, {refused:,} refused")
    books = expected["trial_balance"]
    say("books: " + ", ".join(f"{money(book['debit'], c)} balanced" for c, book in books.items()))
    say("facts: " + ", ".join(f"{expected['facts'][state]:,} {state}" for state in FACTS))


def _write_portfolio(out: Path, size: tuple[int, int], seed: int, date: str, json: bool) -> None:
    from demo.loans.cast import PortfolioPlan
    from demo.loans.files import SUMMARY, write_portfolio
    from demo.loans.generate import generate

    loans, months = size
    portfolio = generate(PortfolioPlan(loans, months, seed, _checked_date(date)))
    with writing(out):
        key = write_portfolio(portfolio, out)
    if json:
        say_json({"folder": str(out), **key})
        return
    records, buckets = key["records"], key["buckets"]
    say(f"{plural(loans, 'loan')} over {plural(months, 'month')} to {date} written to {out}")
    say(f"records: {records['stated']:,} in {plural(len(portfolio.turns), 'file')}")
    say(f"repayments: {len(key['repayments']):,}, compensations: {len(key['compensations'])}")
    say(f"wrong splits planted: {len(key['faults'])}, {records['refused']} of them are refused")
    say("buckets: " + ", ".join(f"{name} {count:,}" for name, count in buckets.items()))
    say(f"what has to come of it: {out / SUMMARY}")


def _checked_date(text: str) -> str:
    from datetime import date

    from cli.pages import day as typed

    day = date.fromisoformat(typed(text))
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise UsageError(
            "bad-date", f"a day is of the years {FIRST_YEAR} to {LAST_YEAR}, got {text}"
        )
    return day.isoformat()


def _business_day(text: str) -> str:
    from datetime import date

    day = date.fromisoformat(_checked_date(text))
    if day.weekday() > _FRIDAY:
        raise UsageError(
            "bad-date",
            f"{text} is a {day:%A}; a day of trade and payouts is a business day",
            "name a date from Monday to Friday",
        )
    return day.isoformat()
