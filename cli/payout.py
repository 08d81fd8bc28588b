"""``tongzhang payout``: one transfer, the legs it settles, and how far it has got."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from cli.listings import in_zone
from cli.options import Home, InUtc, Json, Token, Url
from cli.output import say, say_json, table
from cli.pages import Limit, follow, identifier, note_more
from cli.payment import Fact, show_awaited, show_disputes, show_facts, show_timeline
from views.cells import head, money, time, word
from views.legs import LegView
from views.payouts import PayoutView
from views.texts import gettext

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
    state = word(PayoutView, "state", view["state"])
    say(gettext("payout {payout}: {state}").format(payout=view["payout"], state=state))
    show_facts(_facts(view))
    _show_legs(legs["legs"], view)
    show_disputes(view["disputes"])
    show_awaited(view["expectations"])
    show_timeline(view)
    note_more(legs, limit)


def _facts(view: dict[str, Any]) -> Iterator[Fact]:
    yield head(PayoutView, "amount"), _amount(view)
    unowned = gettext("{receiver}, which no party owns")
    owned = gettext("{receiver} of {owner}") if "owner" in view else unowned
    yield head(PayoutView, "receiver"), owned.format_map(view)
    if "paid_at" in view:
        paid = gettext("{time}, under the bank's reference with the commitment")
        yield gettext("paid"), paid.format(time=time(view["paid_at"]))
        yield "", view["bank_reference"]
    if "channel_number" in view:
        yield gettext("number"), view["channel_number"]
    if "received_at" in view:
        arrived = money(view["confirmed_amount"], view["confirmed_currency"])
        yield gettext("received"), f"{time(view['received_at'])}: {arrived}"
    if "return_reason" in view:
        yield gettext("returned"), view["return_reason"]


def _amount(view: dict[str, Any]) -> str:
    several = gettext("{amount} for {leg_count:,} legs, due by {cutoff_date}")
    one = gettext("{amount} for 1 leg, due by {cutoff_date}")
    amount = money(view["amount"], view["currency"])
    return (one if view["leg_count"] == 1 else several).format_map({**view, "amount": amount})


def _show_legs(legs: list[dict[str, Any]], view: dict[str, Any]) -> None:
    """Show legs; those of a payout that came back may have gone out with another one."""
    names = ("payment", "leg", "purpose", "amount", "state")
    table(
        (*(head(LegView, name) for name in names), gettext("now in")),
        (
            (
                leg["payment"],
                leg["leg"],
                leg["purpose"],
                money(leg["amount"], view["currency"]),
                word(LegView, "state", leg["state"]),
                _elsewhere(leg, view["payout"]),
            )
            for leg in legs
        ),
        right=(1, 3),
    )


def _elsewhere(leg: dict[str, Any], payout: str) -> str:
    """Return the other payout that a leg is in now; empty where there is none."""
    return str(leg["payout"]) if leg.get("payout", payout) != payout else ""
