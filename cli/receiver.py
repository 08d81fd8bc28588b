"""``tongzhang receiver``: what is due to a receiver, and its statement."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.listings import show_table
from cli.options import Home, Json, Token, Url
from cli.output import pairs, say_json, table
from cli.pages import Limit, follow, follow_to_end, identifier, note_more
from views.cells import head, money, word
from views.due import DUE_PAYOUTS
from views.receivers import ReceiverLine, ReceiverView
from views.texts import gettext

Newest = Annotated[
    bool, typer.Option("--newest", help="The newest lines of the statement, not the oldest.")
]
ReceiverId = Annotated[
    str, typer.Argument(metavar="ID", help="The receiver's identifier.", show_default=False)
]


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
    if view["due"]:
        show_table(DUE_PAYOUTS, view["due"])
    if statement["lines"]:
        _show_statement(statement["lines"], view["currency"])
    note_more(statement, limit, "" if newest else gettext(", or see the newest with --newest"))


def _show_receiver(view: dict[str, Any]) -> None:
    reason = f" ({view['reason']})" if "reason" in view else ""
    currency = view["currency"]
    words = {name: word(ReceiverView, name, view[name]) for name in ("kind", "state")}
    account = gettext("{kind} ending in {last4}, settled {cycle}")
    today = gettext("{on}, by the institution's calendar")
    pairs(
        [
            (head(ReceiverView, "receiver"), f"{view['receiver']}: {words['state']}{reason}"),
            (gettext("account"), account.format_map({**view, **words})),
            (
                head(ReceiverView, "owner"),
                view.get("owner", gettext("no party: paid is the last state")),
            ),
            (head(ReceiverView, "pending"), money(view["pending"], currency)),
            (head(ReceiverView, "in_transit"), money(view["in_transit"], currency)),
            (gettext("today"), today.format_map(view)),
        ]
    )


def _show_statement(lines: list[dict[str, Any]], currency: str) -> None:
    # The receiver's one currency stands above: amounts alone leave room for four columns of them.
    def bare(amount: int) -> str:
        return money(amount, currency).partition(" ")[0]

    date, record, about, due, in_transit, paid = (
        head(ReceiverLine, name)
        for name in ("date", "type", "subject", "due", "in_transit", "paid")
    )
    table(
        (date, (record, about), gettext("amount"), (due, in_transit), paid),
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
