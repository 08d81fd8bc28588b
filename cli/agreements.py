"""``tongzhang agreements``: what was agreed on fees and on profit sharing, and what holds."""

from __future__ import annotations

from typing import Annotated, Any, Optional, get_args

import typer

from cli.errors import UsageError
from cli.listings import ask, opened, show_items, takes
from cli.output import say, say_json, table
from cli.pages import note_more
from ledger.contracts.agreements import IN_FORCE, AgreementKind
from views.agreements import FEE_AGREEMENTS, PROFIT_AGREEMENTS
from views.cells import money

_PPM_OF_A_PERCENT = 10_000
_LISTS = {"fee": FEE_AGREEMENTS, "profit": PROFIT_AGREEMENTS}

OneKind = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--kind", metavar="KIND", help="fee or profit.", show_default="both"),
]


@takes(FEE_AGREEMENTS, kind=OneKind)
def agreements(**asked: Any) -> None:
    """List agreements on fees and on profit sharing (分润): terms, acceptances, what replaces what.

    The agreement that holds is the one that `fee.charged` and `profit.shared` have to name. One
    for a channel goes before one for all channels.

    \b
    Examples:
      tongzhang agreements --home net/institution
      tongzhang agreements --home net/institution --kind fee --holds --on 2026-03-31
      tongzhang agreements --home net/platform --state offered --json
    """
    kind = asked.pop("kind")
    if kind is not None and kind not in get_args(AgreementKind):
        raise UsageError("usage", f"--kind is fee or profit, got {kind!r}")
    if asked["csv"] and kind is None:
        raise UsageError("usage", "--csv has the columns of one kind: add --kind fee or profit")
    client, showing = opened(asked)
    shown: dict[str, Any] = {"on": asked.pop("on")}
    more = False
    for name in [kind] if kind else _LISTS:
        page = ask(client, _LISTS[name], showing.limit, {**asked, "on": shown["on"]})
        shown |= {"on": page["on"], name: page["agreements"]}
        more = more or page["more"]
    if showing.json:
        say_json({**shown, "more": more})
    elif showing.csv or showing.wide:
        for name in [kind] if kind else _LISTS:
            show_items(_LISTS[name], shown[name], showing)
    else:
        _show(shown)
    note_more({"more": more}, showing.limit)


def _show(shown: dict[str, Any]) -> None:
    fees, shares = shown.get("fee", []), shown.get("profit", [])
    if not fees and not shares:
        say("no agreements")
        return
    say(f"agreements, judged on {shown['on']}")
    if fees:
        _show_fees(fees, shown["on"])
    if shares:
        _show_shares(shares, shown["on"])


def _show_fees(rows: list[dict[str, Any]], on: str) -> None:
    table(
        ("fee agreement", "for", "from", "fee", "state"),
        (
            (
                row["agreement"],
                f"{row['currency']} {row.get('channel', '')}".rstrip(),
                row["effective_from"],
                _fee(row),
                _state(row, on),
            )
            for row in rows
        ),
    )
    _show_remarks("fee agreement", rows)


def _show_shares(rows: list[dict[str, Any]], on: str) -> None:
    table(
        ("profit agreement", "for", "from", "shared", "state"),
        (
            (
                row["agreement"],
                row["currency"],
                row["effective_from"],
                row["delay"],
                _state(row, on),
            )
            for row in rows
        ),
    )
    table(
        ("profit agreement", "party", "part", "acceptance"),
        (
            (row["agreement"], term["party"], _percent(term["ppm"]), _acceptance(row, term))
            for row in rows
            for term in row["terms"]
        ),
        right=(2,),
    )
    _show_remarks("profit agreement", rows)


def _show_remarks(heading: str, rows: list[dict[str, Any]]) -> None:
    remarks = [(row["agreement"], remark) for row in rows for remark in _remarks(row)]
    if remarks:
        table((heading, "remarks"), remarks)


def _percent(ppm: int) -> str:
    return f"{ppm / _PPM_OF_A_PERCENT:g} %"


def _fee(row: dict[str, Any]) -> str:
    parts = [_percent(row["rate_ppm"])]
    for name, words in (("minimum", "at least"), ("maximum", "at most")):
        if name in row:
            parts.append(f"{words} {money(row[name], row['currency']).partition(' ')[0]}")
    return ", ".join(parts)


def _state(row: dict[str, Any], on: str) -> str:
    """Return the state; where it is in force, whether it holds, or will, or did."""
    if row["state"] != IN_FORCE:
        return str(row["state"])
    if row["holds"]:
        return "holds"
    begins = row["effective_from"]
    return "replaced" if begins <= on[: len(begins)] else "later"


def _remarks(row: dict[str, Any]) -> list[str]:
    found = []
    if "replaces" in row:
        found.append(f"replaces {row['replaces']}")
    if "replaced_by" in row:
        found.append(f"replaced by {row['replaced_by']} from {row['replaced_from']} on")
    if row["awaiting"]:
        found.append(f"awaits {', '.join(row['awaiting'])}")
    if "conflict" in row and "terms" not in row:  # else it stands beside the term
        found.append(row["conflict"])
    if "closed_because" in row:
        found.append(row["closed_because"])
    return found


def _acceptance(row: dict[str, Any], term: dict[str, Any]) -> str:
    if term["accepted"]:
        return "accepted"
    if term["party"] not in row["awaiting"]:
        return "not accepted"
    return str(term.get("conflict", "awaited"))
