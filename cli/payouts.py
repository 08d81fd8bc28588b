"""``tongzhang payouts`` and ``receiver``: what is due, what went out, what was paid."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from cli.errors import UsageError
from cli.options import Home, Json, Token, Url
from cli.output import due_date, money, pairs, say, say_json, table
from cli.pages import Limit, day, follow, follow_to_end, identifier, note_more

if TYPE_CHECKING:
    from cli.client import Client


class PayoutState(StrEnum):
    """What has become of a payout."""

    CREATED = "created"
    PAID = "paid"
    RETURNED = "returned"
    CONFIRMED = "confirmed"
    CONFLICTING = "conflicting"


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
Receiver = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--receiver", metavar="ID", help="Only to this receiver.", show_default=False),
]
ChannelNumber = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--channel-number",
        metavar="ID",
        help="Only with this number of the channel or bank.",
        show_default=False,
    ),
]
OneState = Annotated[
    Optional[PayoutState],  # noqa: UP045
    typer.Option(
        "--state",
        metavar="STATE",
        help=f"Only payouts in this state: {', '.join(PayoutState)}.",
        show_default=False,
    ),
]
Newest = Annotated[
    bool, typer.Option("--newest", help="The newest lines of the statement, not the oldest.")
]
ReceiverId = Annotated[
    str, typer.Argument(metavar="ID", help="The receiver's identifier.", show_default=False)
]


def payouts(
    *,
    home: Home = None,
    url: Url = "",
    token: Token = "",
    due: Due = None,
    upcoming: Upcoming = False,
    receiver: Receiver = None,
    state: OneState = None,
    channel_number: ChannelNumber = None,
    limit: Limit = 100,
    json: Json = False,
) -> None:
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
    from cli.connection import connect

    if upcoming and due is None:
        raise UsageError("usage", "--upcoming goes with --due: add a date, or --due today")
    if state and due is not None:
        raise UsageError(
            "usage", "--state is for payouts, and what is --due is in none; leave it out"
        )
    client = connect(home, url, token)
    if due is not None:
        page = _due(client, due, upcoming, (receiver, limit))
        shown = page["due"]
    else:
        asked = {"receiver": receiver, "state": state and state.value}
        asked["channel_number"] = channel_number
        page = follow(client, "/v1/payouts", "payouts", limit, **asked)
        shown = page["payouts"]
    if json:
        say_json(page)
    elif due is not None:
        say(_judged(page["on"], upcoming, bool(shown)))
        _show_due(shown)
    elif shown:
        _show_payouts(shown)
    else:
        say("no payouts")
    note_more(page, limit)


def _due(client: Client, on: str, upcoming: bool, asked: tuple[str | None, int]) -> dict[str, Any]:
    receiver, limit = asked
    query: dict[str, object] = {"upcoming": "true" if upcoming else None, "receiver": receiver}
    query["on"] = None if on == "today" else day(on)
    return follow(client, "/v1/payouts/due", "due", limit, **query)


def _judged(on: str, upcoming: bool, is_any: bool) -> str:
    """Return what was asked for, and by which date it was judged."""
    later = " or later" if upcoming else ""
    return f"{'due' if is_any else 'nothing is due'} by business date {on}{later}"


def _show_due(rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    table(
        ("receiver", "due", "state", "amount", "payout by then", "legs"),
        (
            (
                row["receiver"],
                due_date(row),
                "again" if "returned_payout" in row else row["state"],
                money(row["amount"], row["currency"]),
                money(row["payout_amount"], row["currency"]),
                row["payout_legs"],
            )
            for row in rows
        ),
        right=(3, 4, 5),
    )


def _show_payouts(rows: list[dict[str, Any]]) -> None:
    table(
        (("payout", "receiver"), "state", "cut-off", "legs", "amount"),
        (
            (
                (row["payout"], row["receiver"]),
                row["state"],
                row["cutoff_date"],
                row["leg_count"],
                money(row["amount"], row["currency"]),
            )
            for row in rows
        ),
        right=(3, 4),
    )


def receiver(
    receiver_id: ReceiverId,
    *,
    home: Home = None,
    url: Url = "",
    token: Token = "",
    newest: Newest = False,
    limit: Limit = 100,
    json: Json = False,
) -> None:
    """Show a receiver, what is due to it, and its statement with running sums.

    A line's amount is what it brought, or took away, or moved from one sum to another; the sums
    are those after it. Due is owed and in no payout, in transit is in payouts without a result,
    paid is all that was paid and did not come back. The oldest lines are shown if there are more
    than --limit, the newest with --newest.

    What is due is told from what is upcoming by today's business date.
    All dates are business dates of the institution's calendar; one that rests on a year that is
    not declared is provisional.

    \b
    Examples:
      tongzhang receiver shop-7 --home net/institution
      tongzhang receiver shop-7 --home net/institution --newest --limit 20
      tongzhang receiver shop-7 --home net/institution --limit 5000 --json
    """
    from cli.connection import connect

    path = f"/v1/receivers/{identifier(receiver_id)}"
    client = connect(home, url, token)
    view = client.get(path)
    go = follow_to_end if newest else follow
    statement = go(client, f"{path}/statement", "lines", limit)
    if json:
        say_json({**view, "statement": statement["lines"], "more": statement["more"]})
        return
    _show_receiver(view)
    _show_due(view["due"])
    if statement["lines"]:
        _show_statement(statement["lines"], view["currency"])
    note_more(statement, limit, "" if newest else ", or see the newest with --newest")


def _show_receiver(view: dict[str, Any]) -> None:
    reason = f" ({view['reason']})" if "reason" in view else ""
    currency = view["currency"]
    pairs(
        {
            "receiver": f"{view['receiver']}: {view['state']}{reason}",
            "account": f"{view['kind']} ending in {view['last4']}, settled {view['cycle']}",
            "owner": view.get("owner", "no party: paid is the last state"),
            "due": money(view["pending"], currency),
            "in transit": money(view["in_transit"], currency),
            "today": f"{view['on']}, by the institution's calendar",
        }
    )


def _show_statement(lines: list[dict[str, Any]], currency: str) -> None:
    # The receiver's one currency stands above: amounts alone leave room for four columns of them.
    def bare(amount: int) -> str:
        return money(amount, currency).partition(" ")[0]

    table(
        ("date", ("record", "about"), "amount", ("due", "in transit"), "paid"),
        (
            (
                line["date"],
                (line["type"].partition(".")[2], line["subject"]),
                bare(_moved(line)),
                (bare(line["due"]), bare(line["in_transit"])),
                bare(line["paid"]),
            )
            for line in lines
        ),
        right=(2, 3, 4),
    )


def _moved(line: dict[str, Any]) -> int:
    """Return by how much a line changed all sums together, or how much it moved between them."""
    changes = [line[f"{name}_change"] for name in ("due", "in_transit", "paid")]
    return int(sum(changes) or max(map(abs, (*changes, line["arrived_change"]))))
