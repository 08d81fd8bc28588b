"""``tongzhang payout``: one transfer, the legs it settles, and how far it has got."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from cli.listings import InUtc, in_zone
from cli.options import Home, Json, Token, Url
from cli.output import plural, say, say_json, table
from cli.pages import Limit, follow, identifier, note_more
from cli.payment import show_awaited, show_disputes, show_timeline
from views.cells import money, time

PayoutId = Annotated[str, typer.Argument(metavar="ID", help="The payout's id.", show_default=False)]


def payout(
    payout_id: PayoutId,
    *,
    home: Home = None,
    url: Url = "",
    token: Token = "",
    limit: Limit = 100,
    utc: InUtc = False,
    json: Json = False,
) -> None:
    """Show a payout: how far it has got, which legs it settles, and what is awaited.

    Legs that are `void` went another way after the payout came back.

    \b
    Examples:
      tongzhang payout po-20260302-shop-7 --home net/institution
      tongzhang payout po-20260302-shop-7 --home net/funder --limit 5000 --json
    """
    from cli.connection import connect

    client = connect(home, url, token)
    path = f"/v1/payouts/{identifier(payout_id)}"
    view = client.get(path)
    legs = follow(client, f"{path}/legs", "legs", limit)
    if json:
        say_json({**view, "legs": legs["legs"], "more": legs["more"]})
        return
    in_zone(client, utc)
    say(f"payout {view['payout']}: {view['state']}")
    for line in _facts(view):
        say(f"  {line}")
    _show_legs(legs["legs"], view)
    show_disputes(view["disputes"])
    show_awaited(view["expectations"])
    show_timeline(view)
    note_more(legs, limit)


def _facts(view: dict[str, Any]) -> Iterator[str]:
    amount = money(view["amount"], view["currency"])
    legs = plural(view["leg_count"], "leg")
    yield f"amount    {amount} for {legs}, due by {view['cutoff_date']}"
    owner = f" of {view['owner']}" if "owner" in view else ", which no party owns"
    yield f"receiver  {view['receiver']}{owner}"
    if "paid_at" in view:
        yield f"paid      {time(view['paid_at'])}, under the bank's reference with the commitment"
        yield f"          {view['bank_reference']}"
    if "channel_number" in view:
        yield f"number    {view['channel_number']}"
    if "received_at" in view:
        arrived = money(view["confirmed_amount"], view["confirmed_currency"])
        yield f"received  {time(view['received_at'])}: {arrived}"
    if "return_reason" in view:
        yield f"returned  {view['return_reason']}"


def _show_legs(legs: list[dict[str, Any]], view: dict[str, Any]) -> None:
    """Show legs; those of a payout that came back may have gone out with another one."""
    table(
        ("payment", "leg", "purpose", "amount", "state", "now in"),
        (
            (
                leg["payment"],
                leg["leg"],
                leg["purpose"],
                money(leg["amount"], view["currency"]),
                leg["state"],
                _elsewhere(leg, view["payout"]),
            )
            for leg in legs
        ),
        right=(1, 3),
    )


def _elsewhere(leg: dict[str, Any], payout: str) -> str:
    """Return the other payout that a leg is in now; empty where there is none."""
    return str(leg["payout"]) if leg.get("payout", payout) != payout else ""
