"""``tongzhang fees``: what accrued in a month, and whether it is invoiced, settled and shared."""

from __future__ import annotations

from typing import Any

from cli.listings import ask, opened, show_items, show_table, takes
from cli.output import say, say_json
from cli.pages import note_more
from views.cells import money, word
from views.fees import CHARGES, FEES, PortionView


@takes(FEES)
def fees(**asked: Any) -> None:
    """Show fees by month; with --period also who shares them, and the charges.

    Charges counts the payments that were charged, share is the id under which the month's profit is
    shared. A part of it is kept by the institution, awaited until its party confirms it, and
    conflicting where that confirms another amount. As CSV there are the charges of the month, or
    the months.

    \b
    Examples:
      tongzhang fees --home net/institution
      tongzhang fees --home net/platform --period 2026-03
      tongzhang fees --home net/platform --period 2026-03 --limit 5000 --json
    """
    client, showing = opened(asked)
    page = ask(client, FEES, showing.limit, asked)
    if asked["period"] is None:
        charges: dict[str, Any] = {"charges": [], "more": False}
    else:
        charges = ask(client, CHARGES, showing.limit, asked)
    if showing.json:
        of_month = {} if asked["period"] is None else {"charges": charges["charges"]}
        say_json({**page, **of_month})
    elif showing.csv and asked["period"] is not None:
        show_items(CHARGES, charges["charges"], showing)
    elif not showing.csv and (page["periods"] or charges["charges"]):
        show_table(FEES, page["periods"], showing.wide)
        _show_portions(page["periods"] if asked["period"] else [])
        if charges["charges"]:
            show_table(CHARGES, charges["charges"], showing.wide)
    else:
        show_items(FEES, page["periods"], showing)
    note_more({"more": page["more"] or charges["more"]}, showing.limit)


def _show_portions(periods: list[dict[str, Any]]) -> None:
    for row in periods:
        for each in row.get("portions", ()):
            amount = money(each["amount"], row["currency"])
            state = word(PortionView, "state", each["state"])
            say(f"  {row['share']}  {each['party']:<16}{amount:>16}  {state}")
