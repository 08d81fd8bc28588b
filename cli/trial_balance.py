"""``tongzhang trial-balance``: what all postings come to, debits beside credits (试算平衡表)."""

from __future__ import annotations

from typing import Any

from cli.export_books import AsOf, Party
from cli.options import Home, Json, Token, Url
from cli.output import money, say, say_json, table
from cli.pages import place
from views.texts import gettext


def trial_balance(
    *,
    home: Home = None,
    url: Url = "",
    token: Token = "",
    party: Party = None,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Show the trial balance (试算平衡表): balances by class of accounts, debits beside credits.

    The two sums of a currency are equal. In the books of one party, what balances its entries in
    the books of others stands under others.

    \b
    Examples:
      tongzhang trial-balance --home net/institution
      tongzhang trial-balance --home net/funder --party funder --as-of 2026-03-31
      tongzhang trial-balance --home net/auditor --as-of 1200 --json
    """
    from cli.connection import connect

    at = None if as_of is None else place(as_of)
    page = connect(home, url, token).get("/v1/books/trial-balance", party=party, as_of=at)
    if json:
        say_json(page)
        return
    of_all = gettext("trial balance as of block {height} ({date})")
    of_one = gettext("trial balance of {party} as of block {height} ({date})")
    said = of_one if page["party"] else of_all
    say(said.format_map({**page["as_of"], "party": page["party"]}))
    if page["lines"]:
        _show(page)
    else:
        say(gettext("nothing was posted"))


def _show(page: dict[str, Any]) -> None:
    rows: list[tuple[str, ...]] = []
    for total in page["totals"]:
        lines = [line for line in page["lines"] if line["currency"] == total["currency"]]
        rows += [(line["kind"], line["zh"], *_columns(line)) for line in lines]
        rows.append(("total", "合计", *_columns(total)))
    table(("account class", "类别", gettext("debit"), gettext("credit")), rows, right=(2, 3))


def _columns(line: dict[str, Any]) -> tuple[str, str]:
    """Return the two amounts of a line; of a column that it is not in, nothing."""
    debit, credit = (
        money(line[side], line["currency"]) if line[side] else "" for side in ("debit", "credit")
    )
    return debit, credit
