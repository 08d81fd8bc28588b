"""``tongzhang fees``: what accrued in a month, and whether it is invoiced, settled and shared."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import typer

from cli.options import Home, Json, Token, Url
from cli.output import money, say, say_json, table
from cli.pages import Limit, follow, month, note_more

Period = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--period", metavar="YYYY-MM", help="Only this month, with its charges.", show_default=False
    ),
]


def fees(
    *,
    home: Home = None,
    url: Url = "",
    token: Token = "",
    period: Period = None,
    limit: Limit = 100,
    json: Json = False,
) -> None:
    """Show fees by month; with --period also who shares them, and the charges.

    Charges counts the payments that were charged, share is the id under which the month's profit is
    shared. A part of it is kept by the institution, awaited until its party confirms it, and
    conflicting where that confirms another amount.

    \b
    Examples:
      tongzhang fees --home net/institution
      tongzhang fees --home net/platform --period 2026-03
      tongzhang fees --home net/platform --period 2026-03 --limit 5000 --json
    """
    from cli.connection import connect

    period = None if period is None else month(period)
    client = connect(home, url, token)
    page = follow(client, "/v1/fees", "periods", limit, period=period)
    charges: dict[str, Any] = {"charges": [], "more": False}
    if period is not None:
        charges = follow(client, "/v1/fees/charges", "charges", limit, period=period)
    if json:
        say_json({**page, "charges": charges["charges"]} if period is not None else page)
    elif page["periods"] or charges["charges"]:
        _show_periods(page["periods"], period is not None)
        _show_charges(charges["charges"])
    else:
        say("no fees")
    note_more({"more": page["more"] or charges["more"]}, limit)


def _show_periods(rows: list[dict[str, Any]], with_shares: bool) -> None:
    table(
        ("month", "state", "charges", "amount", "invoice", "share"),
        (
            (
                row["period"],
                row["state"],
                row["count"],
                money(row["amount"], row["currency"]),
                row.get("invoice", ""),
                row.get("share", ""),
            )
            for row in rows
        ),
        right=(2, 3),
    )
    portions = [(row, each) for row in rows for each in row.get("portions", ())]
    for row, each in portions if with_shares else ():
        amount = money(each["amount"], row["currency"])
        say(f"  {row['share']}  {each['party']:<16}{amount:>16}  {each['state']}")


def _show_charges(rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    table(
        ("payment", "agreement", "state", "fee"),
        (
            (row["payment"], row["agreement"], row["state"], money(row["amount"], row["currency"]))
            for row in rows
        ),
        right=(3,),
    )
