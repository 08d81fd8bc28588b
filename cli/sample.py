"""``tongzhang sample``: writes a business day's files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.errors import UsageError, writing
from cli.options import Json
from cli.output import plural, say, say_json

_FRIDAY = 4

Payments = Annotated[int, typer.Option("--payments", help="How many payments the day has.")]
Seed = Annotated[int, typer.Option("--seed", help="Same seed, same day, on every machine.")]
Date = Annotated[
    str, typer.Option("--date", help="The business date, Monday to Friday.", metavar="YYYY-MM-DD")
]
Out = Annotated[
    Path, typer.Option("--out", help="The folder to write; it is made.", show_default=False)
]


def sample(
    out: Out,
    payments: Payments = 500,
    seed: Seed = 7,
    date: Date = "2026-03-02",
    json: Json = False,
) -> None:
    """Write a day's files, with planted trouble.

    The folder holds receivers.csv, captures.csv and payouts.csv as the institution keeps them,
    orders.csv of the platform, confirmations.csv of the receivers' owners, and expected.json.

    \b
    Examples:
      tongzhang sample --out day
      tongzhang sample --payments 20000 --seed 42 --out big-day
      tongzhang demo --day day
    """
    from cli.day.cast import Plan
    from cli.day.files import write_day
    from cli.day.generate import generate
    from cli.day.outcome import outcome

    day = generate(Plan(payments, seed, _checked_date(date)))
    with writing(out):
        write_day(day, out)
    expected = outcome(day)
    if json:
        say_json({"folder": str(out), **expected})
        return
    refused = sum(expected["records"]["refused"].values())
    say(f"{plural(payments, 'payment')} on {date} written to {out}")
    say(f"trouble planted: {len(day.troubles)} kinds")
    say(f"records: {expected['records']['applied']:,} applied, {refused:,} refused")
    say("facts: " + ", ".join(f"{count:,} {state}" for state, count in expected["facts"].items()))


def _checked_date(text: str) -> str:
    from datetime import date

    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise UsageError("bad-date", f"{text!r} is not a date such as 2026-03-02") from None
    if day.weekday() > _FRIDAY:
        raise UsageError(
            "bad-date",
            f"{text} is a {day:%A}; a day of trade and payouts is a business day",
            "name a date from Monday to Friday",
        )
    return day.isoformat()
