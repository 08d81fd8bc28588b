"""``tongzhang expectations``: who owes what, since when."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from cli.errors import UsageError
from cli.options import Home, Json, Token, Url
from cli.output import money, say, say_json, table, utc
from cli.pages import Limit, age_ms, displayed, follow, note_more

if TYPE_CHECKING:
    from cli.client import Client


class State(StrEnum):
    """What has become of an expectation."""

    OPEN = "open"
    OVERDUE = "overdue"
    CONFLICTING = "conflicting"
    MET = "met"
    UNMET = "unmet"


UNMET = (State.OVERDUE, State.CONFLICTING, State.OPEN)

OneState = Annotated[
    Optional[State],  # noqa: UP045
    typer.Option(
        "--state",
        help="open, overdue, conflicting, met, or unmet: all that is not met.",
        metavar="STATE",
        show_default="unmet",
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
        "--kind",
        metavar="KIND",
        help=(
            "Only of this kind: capture, instruction, reversal, payout-result, arrival, "
            "float-confirmation, refund-result, dispute, fee-acceptance, fee-reversal, "
            "fee-settlement, profit-acceptance, profit-confirmation or calendar-acceptance."
        ),
        show_default=False,
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
        metavar="AMOUNT",
        help="Only from this amount on, as it is displayed: 1000.00, or 1,000 JPY.",
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
    party's is awaited. Subject is what it is about, opened when the first half came, due when the
    other is late. Overdue ones come first, then those whose halves differ, then open ones.
    Why says what differs, or what ended an expectation without its half. With --summary they are
    counted and summed by pair of parties. Times are UTC.

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
    matter["min_amount_shown"] = None if min_amount is None else displayed(min_amount)
    states = UNMET if state in {None, State.UNMET} else (state,)
    page = _ask(connect(home, url, token), states, matter, limit)
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
    if not found:
        say("nothing is awaited")
        return
    since = ("opened (UTC)", "due (UTC)", "why")
    table(
        (("kind", "subject"), ("awaited", "state"), "amount", since),
        (
            (
                (each["kind"], each["subject"]),
                (each["awaited"], each["state"]),
                money(each["amount"], each["currency"]),
                (utc(each["opened_at"]), utc(each["due_at"]), each.get("detail", "")),
            )
            for each in found
        ),
        right=(2,),
    )


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
    table(
        (("stated by", "awaited of"), ("kind", "state"), "count", "amount", "oldest"),
        (
            (
                (each["opener"], each["awaited"]),
                (each["kind"], each["state"]),
                each["count"],
                money(each["amount"], each["currency"]),
                utc(each["oldest_at"])[:10],
            )
            for each in sums
        ),
        right=(2, 3),
    )
