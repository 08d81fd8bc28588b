"""``tongzhang search``: which payments belong to an order, a receiver, an amount or a date."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import typer

from cli.options import Home, Json, Token, Url
from cli.output import money, note, say, say_json, table, utc
from cli.pages import Limit, day, displayed, follow, note_more

Order = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--order", metavar="ID", help="The order's id.", show_default=False),
]
Payment = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--payment", metavar="ID", help="How the payment's id begins.", show_default=False
    ),
]
Receiver = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--receiver", metavar="ID", help="A receiver of one of its legs.", show_default=False
    ),
]
Amount = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--amount",
        metavar="AMOUNT",
        help="What was captured, as it is displayed: 123.45, or with its currency 1,000 JPY.",
        show_default=False,
    ),
]
ChannelNumber = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--channel-number",
        metavar="ID",
        help="The channel's own number of the payment or of a refund (微信订单号).",
        show_default=False,
    ),
]
From = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--from",
        metavar="DATE",
        help="Captured on this business date or later.",
        show_default=False,
    ),
]
To = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--to", metavar="DATE", help="Captured on this business date or before.", show_default=False
    ),
]


def search(
    *,
    home: Home = None,
    url: Url = "",
    token: Token = "",
    order: Order = None,
    payment: Payment = None,
    receiver: Receiver = None,
    amount: Amount = None,
    channel_number: ChannelNumber = None,
    since: From = None,
    to: To = None,
    limit: Limit = 100,
    json: Json = False,
) -> None:
    """Find payments by order, id, receiver, amount or channel's number, and by date of capture.

    Order, id, receiver, amount and channel's number are one of them at a time.

    A payment is captured or instructed while one half is there, split or conflicting when both are;
    captured says when the institution took the money, or no. An amount without a currency is looked
    for in each currency, by that one's own decimals. Times are UTC, dates are business dates of the
    institution's calendar.

    \b
    Examples:
      tongzhang search --home net/platform --order ord-20260302-000001
      tongzhang search --home net/platform --amount 123.45 --from 2026-03-01 --to 2026-03-31
      tongzhang search --home net/platform --amount "1,000 JPY"
      tongzhang search --home net/funder --receiver funder-main --json
    """
    from cli.connection import connect

    asked: dict[str, object] = {"order": order, "payment": payment, "receiver": receiver}
    asked["channel_number"] = channel_number
    asked["amount_shown"] = None if amount is None else displayed(amount)
    span = (("from", since), ("to", to))
    asked |= {name: day(text) for name, text in span if text is not None}
    page = follow(connect(home, url, token), "/v1/search", "payments", limit, **asked)
    if json:
        say_json(page)
    elif page["payments"]:
        _show(page["payments"])
    else:
        say("no payment was found")
        if any(asked.get(name) is not None for name in ("amount_shown", "from", "to")):
            note(
                "amounts and dates are those of captures; what is only instructed is in: "
                "tongzhang expectations --kind capture"
            )
    note_more(page, limit)


def _show(rows: list[dict[str, Any]]) -> None:
    table(
        (("payment", "order"), "state", "amount", "captured (UTC)"),
        (
            (
                (row["payment"], row["order"]),
                row["state"],
                money(row["amount"], row["currency"]),
                utc(row["captured_at"]) if "captured_at" in row else "no",
            )
            for row in rows
        ),
        right=(2,),
    )
