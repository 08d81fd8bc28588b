"""``tongzhang payouts``: what went out, or what is due and in no payout."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import typer

from cli.errors import UsageError
from cli.listings import ask, opened, show, takes
from cli.output import say
from views.due import DUE_PAYOUTS
from views.payouts import PAYOUTS
from views.texts import gettext

Due = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--due",
        metavar="DATE",
        help="Show what is due on this date and in no payout, instead; `today` for today.",
        show_default=False,
    ),
]
Upcoming = Annotated[
    bool, typer.Option("--upcoming", help="With --due: also what falls due later.")
]


@takes(PAYOUTS, due=Due, upcoming=Upcoming)
def payouts(**asked: Any) -> None:
    """List payouts, or what is due to receivers and not in a payout yet.

    What is due is shown by receiver and date. Its last two columns sum all up to that date: what
    a payout with it as cut-off date has to state, once that business date has begun. Its state is
    due, upcoming after the date asked for, or again: it was in a payout that came back.

    Legs counts the shares of payments that a payout settles, cut-off is the last date on which they
    fell due. All dates are business dates of the institution's calendar: see tongzhang calendar
    show. One that rests on a year that is not declared is provisional. `today` is that of the
    present moment.

    \b
    Examples:
      tongzhang payouts --home net/institution --state returned
      tongzhang payouts --home net/institution --due 2026-03-03
      tongzhang payouts --home net/institution --due today --upcoming --receiver shop-7
    """
    due, upcoming = asked.pop("due"), asked["upcoming"]
    if upcoming and due is None:
        raise UsageError("usage", "--upcoming goes with --due: add a date, or --due today")
    if asked["state"] and due is not None:
        raise UsageError(
            "usage", "--state is for payouts, and what is --due is in none; leave it out"
        )
    client, showing = opened(asked)
    listing = PAYOUTS if due is None else DUE_PAYOUTS
    page = ask(client, listing, showing.limit, {**asked, "on": due})
    if due is not None and not (showing.json or showing.csv):
        say(_judged(page["on"], upcoming, bool(page["due"])))
        if not page["due"]:
            return
    show(listing, page, showing)


def _judged(on: str, upcoming: bool, is_any: bool) -> str:
    """Return what was asked for, and by which date it was judged."""
    if upcoming:
        nothing = gettext("nothing is due by business date {date} or later")
        said = gettext("due by business date {date} or later")
    else:
        nothing = gettext("nothing is due by business date {date}")
        said = gettext("due by business date {date}")
    return (said if is_any else nothing).format(date=on)
