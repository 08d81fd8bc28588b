"""``tongzhang float``: what of the refund float is free, and how it came to be."""

from __future__ import annotations

from typing import Any

from cli.layout import width_of
from cli.listings import ask, opened, show_items, takes
from cli.output import say, say_json
from cli.pages import note_more
from views.cells import head, money
from views.refund_float import FLOATS, MOVEMENTS, FloatView
from views.texts import gettext, language


@takes(MOVEMENTS)
def refund_float(**asked: Any) -> None:
    """Show the refund float (预存退款): what of it is free, and its deposits and withdrawals.

    Held is for refunds that are requested, set aside for withdrawals that are not agreed yet.
    Unconfirmed deposits are not in the total. Amount is what the institution stated of a movement,
    platform says what the platform confirmed of it; where they differ it is conflicting.

    \b
    Examples:
      tongzhang float --home net/platform
      tongzhang float --home net/platform --json
    """
    client, showing = opened(asked)
    floats = client.get(FLOATS.address)["floats"]
    page = ask(client, MOVEMENTS, showing.limit, asked)
    if showing.json:
        say_json({"floats": floats, **page})
        return
    for each in floats if not showing.csv else ():
        _show_float(each)
    if page["movements"] or showing.csv:
        show_items(MOVEMENTS, page["movements"], showing)
    elif not floats:
        say(MOVEMENTS.nothing.text(language()))
    note_more(page, showing.limit)


def _show_float(view: dict[str, Any]) -> None:
    currency = view["currency"]
    said = gettext("float of {platform}: {total}")
    say(said.format(platform=view["platform"], total=money(view["total"], currency)))
    for name in ("free", "held", "set_aside", "unconfirmed"):
        heading = head(FloatView, name)
        say(f"  {heading}{' ' * (12 - width_of(heading))}{money(view[name], currency):>20}")
