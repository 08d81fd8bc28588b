"""``tongzhang sample``: writes a business day's files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.errors import UsageError, writing
from cli.options import Json, path
from cli.output import money, plural, say, say_json

_FRIDAY = 4
FIRST_YEAR, LAST_YEAR = 2000, 2998
"""Events of records are from 2000 on; the calendar of the year that follows is of 2999 at most."""
FACTS = ("complete", "open", "conflicting")

Payments = Annotated[
    int, typer.Option("--payments", metavar="N", help="How many payments the day has.")
]
Seed = Annotated[
    int, typer.Option("--seed", metavar="N", help="Same seed, same day, on every machine.")
]
Date = Annotated[
    str, typer.Option("--date", help="The business date, Monday to Friday.", metavar="YYYY-MM-DD")
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
    payments: Payments = 500,
    seed: Seed = 7,
    date: Date = "2025-12-31",
    json: Json = False,
) -> None:
    """Write a day's files, with planted trouble.

    The folder holds what the parties state as CSV: calendars, agreements, receivers, orders,
    captures, payouts, confirmations, the refund float, refunds, fees, invoices, profit sharing and
    disputes. A line is a record, a column one of its fields. expected.json holds the exact
    outcome. A holiday follows the day, and its month is invoiced.

    \b
    Examples:
      tongzhang sample --out day
      tongzhang sample --payments 20000 --seed 42 --out big-day
      tongzhang demo --day day
    """
    from demo.day.cast import DayPlan
    from demo.day.files import read_expected, write_day
    from demo.day.generate import generate

    day = generate(DayPlan(payments, seed, _checked_date(date)))
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


def _checked_date(text: str) -> str:
    from datetime import date

    from cli.pages import day as typed

    day = date.fromisoformat(typed(text))
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise UsageError(
            "bad-date", f"a day is of the years {FIRST_YEAR} to {LAST_YEAR}, got {text}"
        )
    if day.weekday() > _FRIDAY:
        raise UsageError(
            "bad-date",
            f"{text} is a {day:%A}; a day of trade and payouts is a business day",
            "name a date from Monday to Friday",
        )
    return day.isoformat()
