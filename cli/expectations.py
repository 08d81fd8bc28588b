"""``tongzhang expectations``: who owes what, since when."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from cli.errors import UsageError
from cli.options import Home, Json, Token, Url
from cli.output import money, out_console, say, say_json, table, utc
from cli.pages import Limit, age_ms, follow, minor_units, note_more

if TYPE_CHECKING:
    from cli.client import Client


class State(StrEnum):
    """What has become of an expectation."""

    OPEN = "open"
    OVERDUE = "overdue"
    CONFLICTING = "conflicting"
    MET = "met"


UNMET = (State.OVERDUE, State.CONFLICTING, State.OPEN)

OneState = Annotated[
    Optional[State],  # noqa: UP045
    typer.Option(
        "--state",
        help="open, overdue, conflicting or met.",
        metavar="STATE",
        show_default="all that is not met",
    ),
]
Awaited = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--awaited", metavar="PARTY", help="Only what this party owes.", show_default=False
    ),
]
Opener = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--opener", metavar="PARTY", help="Only what is owed to this party.", show_default=False
    ),
]
Kind = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--kind", metavar="KIND", help="Only of this kind, such as capture.", show_default=False
    ),
]
MinAge = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--min-age", metavar="AGE", help="Only from this age on: 90m, 12h, 3d.", show_default=False
    ),
]
MinAmount = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--min-amount",
        metavar="YUAN",
        help="Only from this amount on, in yuan.",
        show_default=False,
    ),
]
Summary = Annotated[
    bool, typer.Option("--summary", help="Sums by pair of parties, of all that is not met.")
]


def expectations(
    *,
    home: Home = None,
    url: Url = "",
    token: Token = "",
    state: OneState = None,
    awaited: Awaited = None,
    opener: Opener = None,
    kind: Kind = None,
    min_age: MinAge = None,
    min_amount: MinAmount = None,
    summary: Summary = False,
    limit: Limit = 100,
    json: Json = False,
) -> None:
    """Show who owes what, since when.

    An expectation is the missing half of a fact: one party has stated its half, the other
    party's is awaited. Overdue ones come first, then those whose halves differ, then open ones.
    With --summary they are counted and summed by pair of parties. Times are UTC.

    An offer of an agreement that nobody wants any more is closed by either side, with the record
    offer.closed.

    \b
    Examples:
      tongzhang expectations --home net/platform
      tongzhang expectations --home net/platform --state overdue --awaited institution
      tongzhang expectations --home net/platform --min-age 3d --min-amount 1000.00
      tongzhang expectations --home net/auditor --summary
      tongzhang expectations --home net/auditor --limit 5000 --json
    """
    from cli.connection import connect

    matter: dict[str, object] = {"awaited": awaited, "opener": opener, "kind": kind}
    if summary:
        _refuse_ignored({"--state": state, "--min-age": min_age, "--min-amount": min_amount})
        _show_summary(connect(home, url, token), matter, limit, json)
        return
    matter["min_age_ms"] = None if min_age is None else age_ms(min_age)
    matter["min_amount"] = None if min_amount is None else minor_units(min_amount)
    page = _ask(connect(home, url, token), (state,) if state else UNMET, matter, limit)
    if json:
        say_json(page)
    else:
        _show(page["expectations"])
    note_more(page, limit)


def _refuse_ignored(options: dict[str, str | None]) -> None:
    """Refuse what chooses single expectations: sums are of all that is not met."""
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise UsageError(
            "usage", f"{given[0]} is for the list, and --summary sums all; leave one of them out"
        )


def _ask(
    client: Client, states: tuple[State, ...], matter: dict[str, object], limit: int
) -> dict[str, Any]:
    """Return up to ``limit`` expectations as the API shows them, state by state, as of one time.

    One more than that is asked for, to know whether there are more.
    """
    found: list[dict[str, Any]] = []
    as_of: int | None = None
    for state in states:
        room = limit + 1 - len(found)
        if room <= 0:
            break
        asked = {**matter, "state": state.value, "as_of": as_of}
        page = follow(client, "/v1/expectations", "expectations", room, **asked)
        as_of = page["as_of"]
        found += page["expectations"]
    return {"as_of": as_of, "expectations": found[:limit], "more": len(found) > limit}


def _show(found: list[dict[str, Any]]) -> None:
    from rich.table import Table

    if not found:
        say("nothing is awaited")
        return
    # Two lines a row: what a reader compares stands below each other, within 80 columns.
    grid = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    grid.add_column("kind\nsubject", overflow="fold")
    grid.add_column("awaited\nstate", overflow="fold")
    grid.add_column("amount", justify="right", no_wrap=True)
    grid.add_column("opened\n(UTC)", no_wrap=True)
    grid.add_column("due\n(UTC)", no_wrap=True)
    for each in found:
        grid.add_row(
            f"{each['kind']}\n{each['subject']}",
            f"{each['awaited']}\n{each['state']}",
            money(each["amount"], each["currency"]),
            utc(each["opened_at"]).replace(" ", "\n"),
            utc(each["due_at"]).replace(" ", "\n"),
        )
    out_console().print(grid, markup=False)


def _show_summary(client: Client, matter: dict[str, object], limit: int, json: bool) -> None:
    page = client.get("/v1/expectations/summary", **matter)
    page |= {"sums": page["sums"][:limit], "more": len(page["sums"]) > limit}
    if json:
        say_json(page)
    elif not page["sums"]:
        say("nothing is awaited")
    else:
        _show_sums(page["sums"])
    note_more(page, limit)


def _show_sums(sums: list[dict[str, Any]]) -> None:
    # Two lines a row, as in the list.
    table(
        ("stated by\nawaited of", "kind\nstate", "count", "amount", "oldest"),
        (
            (
                f"{each['opener']}\n{each['awaited']}",
                f"{each['kind']}\n{each['state']}",
                each["count"],
                money(each["amount"], each["currency"]),
                utc(each["oldest_at"])[:10],
            )
            for each in sums
        ),
        right=(2, 3),
    )
