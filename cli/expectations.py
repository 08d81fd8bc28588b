"""``tongzhang expectations``: who owes what, since when."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from cli.options import Home, Json, Token, Url
from cli.output import money, note, out_console, say, say_json

if TYPE_CHECKING:
    from cli.client import Client

PAGE_MAX = 1000


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
    str, typer.Option("--awaited", help="Only what this party owes.", show_default=False)
]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many to show at most.")]


def expectations(
    *,
    home: Home = None,
    url: Url = "",
    token: Token = "",
    state: OneState = None,
    awaited: Awaited = "",
    limit: Limit = 100,
    json: Json = False,
) -> None:
    """Show who owes what, since when.

    An expectation is the missing half of a fact: one party has stated its half, the other
    party's is awaited. Overdue ones come first, then those whose halves differ, then open ones.
    Times are UTC.

    \b
    Examples:
      tongzhang expectations --home net/platform
      tongzhang expectations --home net/platform --state overdue --awaited institution
      tongzhang expectations --home net/auditor --limit 5000 --json
    """
    from cli.connection import connect

    client = connect(home, url, token)
    page = _ask(client, (state,) if state else UNMET, awaited, limit)
    if json:
        say_json(page)
    else:
        _show(page["expectations"])
    if page["more"]:
        note(f"there are more than {limit:,}: raise --limit")


def _ask(client: Client, states: tuple[State, ...], awaited: str, limit: int) -> dict[str, Any]:
    """Return up to ``limit`` expectations as the API shows them, state by state.

    One more than that is asked for, to know whether there are more.
    """
    found: list[dict[str, Any]] = []
    as_of: int | None = None
    for state in states:
        cursor: str | None = None
        while len(found) <= limit:
            page = client.get(
                "/v1/expectations",
                state=state.value,
                awaited=awaited or None,
                as_of=as_of,
                cursor=cursor,
                limit=min(limit + 1 - len(found), PAGE_MAX),
            )
            as_of = page["as_of"]
            found += page["expectations"]
            cursor = page.get("next")
            if cursor is None:
                break
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
            _utc(each["opened_at"]),
            _utc(each["due_at"]),
        )
    out_console().print(grid, markup=False)


def _utc(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%d\n%H:%M:%S}"
