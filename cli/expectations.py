"""``tongzhang expectations``: who owes what, since when."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.client import Client
from cli.errors import UsageError
from cli.listings import Showing, ask, opened, show, takes
from views.expectations import EXPECTATIONS, UNMET_SUMS

UNMET = ("overdue", "conflicting", "open")

Summary = Annotated[
    bool, typer.Option("--summary", help="Sums by pair of parties, of all that is not met.")
]


@takes(EXPECTATIONS, summary=Summary)
def expectations(**asked: Any) -> None:
    """Show who owes what, since when.

    An expectation is the missing half of a fact: one party has stated its half, the other
    party's is awaited. About is its subject, since when the first half came, due when the other
    one is late. Overdue ones come first, then those whose halves differ, then open ones. Why says
    what differs, or what ended an expectation without its half. With --summary they are
    counted and summed by pair of parties.

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
    if asked.pop("summary"):
        _refuse_ignored(asked)
        client, showing = opened(asked)
        show(UNMET_SUMS, ask(client, UNMET_SUMS, showing.limit, asked), showing)
        return
    client, showing = opened(asked)
    show(EXPECTATIONS, _by_state(client, showing, asked), showing)


def _refuse_ignored(asked: dict[str, Any]) -> None:
    """Refuse what chooses single expectations: sums are of all that is not met."""
    names = {"state": "--state", "min_age_ms": "--min-age", "min_amount_shown": "--min-amount"}
    for name, option in names.items():
        if asked[name] is not None:
            raise UsageError(
                "usage", f"{option} is for the list, and --summary sums all; leave one of them out"
            )


def _by_state(client: Client, showing: Showing, asked: dict[str, Any]) -> dict[str, Any]:
    """Return up to ``limit`` expectations, state by state, all as of one time."""
    states = UNMET if asked["state"] in {None, "unmet"} else (asked["state"],)
    found: list[dict[str, Any]] = []
    as_of: int | None = None
    for state in states:
        room = showing.limit + 1 - len(found)  # one more tells whether there are more
        if room <= 0:
            break
        page = ask(client, EXPECTATIONS, room, {**asked, "state": state, "as_of": as_of})
        as_of = page["as_of"]
        found += page["expectations"]
    limit = showing.limit
    return {"as_of": as_of, "expectations": found[:limit], "more": len(found) > limit}
