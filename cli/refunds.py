"""``tongzhang refunds`` and ``float``: what goes back to buyers, and out of which money."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Optional

import typer

from cli.options import Home, Json, Token, Url
from cli.output import money, say, say_json, table
from cli.pages import Limit, follow, note_more


class RefundState(StrEnum):
    """What has become of a refund."""

    REQUESTED = "requested"
    PAID = "paid"
    FAILED = "failed"


Payment = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--payment", metavar="ID", help="Only refunds of this payment.", show_default=False
    ),
]
OneState = Annotated[
    Optional[RefundState],  # noqa: UP045
    typer.Option(
        "--state",
        metavar="STATE",
        help=f"Only refunds in this state: {', '.join(RefundState)}.",
        show_default=False,
    ),
]


def refunds(
    *,
    home: Home = None,
    url: Url = "",
    token: Token = "",
    payment: Payment = None,
    state: OneState = None,
    limit: Limit = 100,
    json: Json = False,
) -> None:
    """List refunds with their state.

    Tries counts how often a refund was requested: a failed one is requested again under its id.
    Why is the reason of the request, or of the failure.

    \b
    Examples:
      tongzhang refunds --home net/platform --state failed
      tongzhang refunds --home net/platform --payment pay-20260302-000001 --json
    """
    from cli.connection import connect

    asked = {"payment": payment, "state": state and state.value}
    page = follow(connect(home, url, token), "/v1/refunds", "refunds", limit, **asked)
    if json:
        say_json(page)
    elif page["refunds"]:
        _show_refunds(page["refunds"])
    else:
        say("no refunds")
    note_more(page, limit)


def _show_refunds(rows: list[dict[str, Any]]) -> None:
    table(
        (("refund", "payment"), "state", "tries", "amount", "why"),
        (
            (
                (row["refund"], row["payment"]),
                row["state"],
                row["attempts"],
                money(row["amount"], row["currency"]),
                row.get("failure", row["reason"]),
            )
            for row in rows
        ),
        right=(2, 3),
    )


def refund_float(
    *,
    home: Home = None,
    url: Url = "",
    token: Token = "",
    limit: Limit = 100,
    json: Json = False,
) -> None:
    """Show the refund float (预存退款): what of it is free, and its deposits and withdrawals.

    Held is for refunds that are requested, set aside for withdrawals that are not agreed yet.
    Unconfirmed deposits are not in the total. Amount is what the institution stated of a movement,
    platform says what the platform confirmed of it; where they differ it is conflicting.

    \b
    Examples:
      tongzhang float --home net/platform
      tongzhang float --home net/platform --json
    """
    from cli.connection import connect

    client = connect(home, url, token)
    floats = client.get("/v1/refund-float")["floats"]
    page = follow(client, "/v1/refund-float/movements", "movements", limit)
    if json:
        say_json({"floats": floats, **page})
        return
    for each in floats:
        _show_float(each)
    if page["movements"]:
        _show_movements(page["movements"])
    if not floats and not page["movements"]:
        say("nothing was deposited")
    note_more(page, limit)


def _show_float(view: dict[str, Any]) -> None:
    currency = view["currency"]
    say(f"float of {view['platform']}: {money(view['total'], currency)}")
    for name in ("free", "held", "set_aside", "unconfirmed"):
        say(f"  {name.replace('_', ' '):<12}{money(view[name], currency):>20}")


def _show_movements(rows: list[dict[str, Any]]) -> None:
    table(
        ("movement", "kind", "state", "amount", "platform says"),
        (
            (
                row["movement"],
                row["kind"],
                row["state"],
                money(row["amount"], row["currency"]),
                money(row["confirmed_amount"], row["confirmed_currency"])
                if "confirmed_amount" in row
                else "",
            )
            for row in rows
        ),
        right=(3, 4),
    )
