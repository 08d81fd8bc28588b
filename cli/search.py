"""``tongzhang search``: which payments belong to an order, a receiver, an amount or a date."""

from __future__ import annotations

from typing import Any

from cli.listings import ask, opened, show, takes
from cli.output import note
from views.search import SEARCH
from views.texts import gettext


@takes(SEARCH)
def search(**asked: Any) -> None:
    """Find payments by order, id, loan, receiver, amount or channel's number, and capture date.

    Order, id, loan, receiver, amount and channel's number are one of them at a time. With nothing
    asked the newest captures come first.

    A payment is captured or instructed while one half is there, split or conflicting when both are;
    captured says when the institution took the money, or no. An amount without a currency is looked
    for in each currency, by that one's own decimals. Dates are business dates of the institution's
    calendar.

    \b
    Examples:
      tongzhang search --home net/platform --order ord-20260302-000001
      tongzhang search --home net/platform --amount 123.45 --from 2026-03-01 --to 2026-03-31
      tongzhang search --home net/platform --amount "1,000 JPY"
      tongzhang search --home net/funder --receiver funder-main --json
    """
    client, showing = opened(asked)
    page = ask(client, SEARCH, showing.limit, asked)
    show(SEARCH, page, showing)
    if not page["payments"] and any(asked[name] for name in ("amount_shown", "from_", "to")):
        note(
            gettext(
                "amounts and dates are those of captures; what is only instructed is in: "
                "tongzhang expectations --kind capture"
            )
        )
