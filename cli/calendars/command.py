"""``tongzhang calendar``: which days are worked, up to when that is known, and a year declared."""

from __future__ import annotations

import time
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from cli.errors import CheckFailed, UsageError
from cli.options import Home, Json, Token, Url
from cli.output import note, pairs, say, say_json, table
from views.calendars import CalendarView, CalendarYearView
from views.cells import head, word
from views.texts import gettext

if TYPE_CHECKING:
    from cli.calendars.files import Announced

app = typer.Typer(no_args_is_help=True, help="Show the calendar, declare or accept a year.")

_HELD = ("founded", "in-force")

Year = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option("--year", metavar="YYYY", help="Only this year.", show_default=False),
]
AtHeight = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        "--height", metavar="N", min=0, help="What held after this block.", show_default="now"
    ),
]
File = Annotated[
    str,
    typer.Argument(metavar="FILE", help="JSON or ICS; - reads standard input.", show_default=False),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what it decides, submit nothing.")]


@app.command("show")
def show(
    *,
    home: Home = None,
    url: Url = "",
    token: Token = "",
    year: Year = None,
    height: AtHeight = None,
    json: Json = False,
) -> None:
    """Show which days are without business, by whose word, and up to when that is known.

    A year that is founded stands in genesis; one that is declared holds once it is accepted, for
    all that is not paid out. With --height what held after that block is shown, by which the
    payouts and refusals of that time are explained.

    \b
    Examples:
      tongzhang calendar show --home net/institution
      tongzhang calendar show --home net/platform --year 2027
      tongzhang calendar show --home net/auditor --height 1200 --json
    """
    from cli.connection import connect

    view = connect(home, url, token).get("/v1/calendar", height=height)
    years = [each for each in view["years"] if year in (None, each["year"])]
    if json:
        say_json({**view, "years": years})
        return
    today = gettext("{on}, by the institution's calendar")
    known = view.get("known_until", gettext("not known: only weekends"))
    pairs(
        [
            (gettext("today"), today.format_map(view)),
            (head(CalendarView, "known_until"), known),
        ]
    )
    if years:
        names = (head(CalendarYearView, name) for name in ("year", "version", "state"))
        table((*names, gettext("days off"), gettext("worked weekends")), map(_row, years))
    else:
        say(gettext("no year is decided"))
    if "warning" in view:
        note(view["warning"])


def _row(each: dict[str, Any]) -> tuple[object, ...]:
    version = each["version"] or word(CalendarYearView, "state", "founded")
    days = (" ".join(day[5:] for day in each[name]) for name in ("holidays", "workdays"))
    state = word(CalendarYearView, "state", each["state"])
    if each["accepted"] and each["state"] == "declared":
        accepted = gettext("declared, accepted by {parties}")
        state = accepted.format(parties=", ".join(each["accepted"]))
    return (each["year"], version, state, *days)


@app.command("import")
def import_(
    file: File,
    *,
    home: Home = None,
    url: Url = "",
    token: Token = "",
    year: Year = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Declare the years of a file of holidays, or accept them.

    FILE is JSON or ICS, as holidays are published. The institution declares each year that differs
    from what holds. A party that is asked accepts what is declared by the days of its own file: if
    they differ, the two conflict, day by day. Days of December that a notice on the next year names
    amend the year that they are of. Years that are over are left alone, unless --year names one.

    \b
    Examples:
      tongzhang calendar import 2027.json --home net/institution --dry-run
      tongzhang calendar import 2027.json --home net/institution
      tongzhang calendar import 2027.ics --home net/platform
    """
    from cli.calendars.files import read_announced
    from cli.connection import connect

    announced = read_announced(file)
    client = connect(home, url, token)
    view = client.get("/v1/calendar")
    status = client.get("/v1/status")
    accepts = "" if status["role"] == "institution" else str(status["party"])
    records = [
        record
        for each in _years(announced, year, view["on"])
        if (record := decision(announced, each, view, accepts)) is not None
    ]
    if not json:
        for record in records:
            _say_decided(record)
        if not records:
            nothing = gettext("nothing to declare: all of it holds already")
            say(gettext("nothing to accept") if accepts else nothing)
    if dry_run or not records:
        if json:
            say_json(records)
        return
    from cli.submit import submit_records
    from ledger import canonical

    now_ms = time.time_ns() // 1_000_000
    raws = [canonical.encode({"at": now_ms, **record}) for record in records]
    submit_records(client, raws, wait=True, json=json)


def _years(announced: Announced, year: int | None, today: str) -> list[int]:
    """Return the years to decide, oldest first."""
    named = sorted({*announced.years, *(day.year for day in announced.days)})
    if year is not None and year not in named:
        raise UsageError(
            "year-not-announced",
            f"the file announces {', '.join(map(str, named))}, not {year}",
        )
    return [year] if year is not None else [each for each in named if each >= int(today[:4])]


def decision(
    announced: Announced, year: int, view: dict[str, Any], accepts: str
) -> dict[str, Any] | None:
    """Return what to state of a year; None if there is nothing to state.

    Args:
        announced: What the file says.
        year: The year.
        view: What the ledger knows.
        accepts: Who accepts it; empty for the institution, which declares.

    Raises:
        CheckFailed: ``nothing-declared``: there is nothing to accept.
    """
    of_year = [each for each in view["years"] if each["year"] == year]
    held = next((each for each in of_year if each["state"] in _HELD), None)
    open_one = next((each for each in of_year if each["state"] == "declared"), None)
    days = _days(announced, year, held)
    if open_one is None and held is not None and _listed(held) == days:
        return None
    if accepts and open_one is None:
        raise CheckFailed(
            "nothing-declared",
            f"no declaration of {year} awaits an acceptance",
            "the institution declares it: tongzhang calendar import FILE",
        )
    if open_one is not None and accepts in open_one["accepted"]:
        return None
    if open_one is not None and not accepts and _listed(open_one) == days:
        note(gettext("{year} is declared so already, and awaits its acceptance").format(year=year))
        return None
    version = open_one["version"] if open_one else 1 + (held["version"] if held else 0)
    said = "accepted" if accepts else "declared"
    after = open_one["entry"] if open_one else 0
    stated = {"year": year, "version": version, **{name: on for name, on in days.items() if on}}
    digest = sha256(repr(sorted(stated.items())).encode()).hexdigest()[:8]
    name = f"calendar-{year}-{version}-{said}-{after}-{digest}"  # said again, it is the same record
    return {"type": f"calendar.{said}", "id": name, **stated}


def _listed(year: dict[str, Any]) -> dict[str, list[str]]:
    return {"holidays": year["holidays"], "workdays": year["workdays"]}


def _days(announced: Announced, year: int, held: dict[str, Any] | None) -> dict[str, list[str]]:
    """Return a year's days: as the file has them, or what holds with those that it changes."""
    off, worked = announced.of(year)
    if year in announced.years:
        return {"holidays": off, "workdays": worked}
    if held is None:
        raise CheckFailed(
            "year-not-decided",
            f"the file names days of December {year}, and nobody has decided that year",
            f"declare {year} first, with a file of its own",
        )
    named = {*off, *worked}
    return {
        "holidays": sorted({*(set(held["holidays"]) - named), *off}),
        "workdays": sorted({*(set(held["workdays"]) - named), *worked}),
    }


def _say_decided(record: dict[str, Any]) -> None:
    holidays, workdays = record.get("holidays", []), record.get("workdays", [])
    say(gettext("{type}: {year}, version {version}").format_map(record))
    off = (
        gettext("1 day off: {days}") if len(holidays) == 1 else gettext("{count} days off: {days}")
    )
    one = gettext("1 worked weekend day: {days}")
    worked = one if len(workdays) == 1 else gettext("{count} worked weekend days: {days}")
    for said, days in ((off, holidays), (worked, workdays)):
        listed = " ".join(day[5:] for day in days) or "-"
        say(f"  {said.format(count=len(days), days=listed)}")
