"""``tongzhang agreements``: what was agreed on fees and on profit sharing, and what holds."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Optional

import typer

from cli.options import Home, Json, Token, Url
from cli.output import money, say, say_json, table
from cli.pages import Limit, day, follow, note_more

_PPM_OF_A_PERCENT = 10_000


class AgreementKind(StrEnum):
    """What an agreement is about."""

    FEE = "fee"
    PROFIT = "profit"


class AgreementState(StrEnum):
    """How far an agreement has got."""

    OFFERED = "offered"
    CONFLICTING = "conflicting"
    IN_FORCE = "in-force"
    WITHDRAWN = "withdrawn"
    DECLINED = "declined"


OneKind = Annotated[
    Optional[AgreementKind],  # noqa: UP045
    typer.Option("--kind", metavar="KIND", help="fee or profit.", show_default="both"),
]
OneState = Annotated[
    Optional[AgreementState],  # noqa: UP045
    typer.Option(
        "--state",
        metavar="STATE",
        help="Only in this state: offered, conflicting, in-force, withdrawn or declined.",
        show_default=False,
    ),
]
Holding = Annotated[
    bool, typer.Option("--holds", help="Only those that hold, one for each currency and channel.")
]
On = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--on", metavar="YYYY-MM-DD", help="Show what holds on this date.", show_default="today"
    ),
]


def agreements(
    *,
    home: Home = None,
    url: Url = "",
    token: Token = "",
    kind: OneKind = None,
    state: OneState = None,
    holds: Holding = False,
    on: On = None,
    limit: Limit = 100,
    json: Json = False,
) -> None:
    """List agreements on fees and on profit sharing (分润): terms, acceptances, what replaces what.

    The agreement that holds is the one that `fee.charged` and `profit.shared` have to name. One
    for a channel goes before one for all channels.

    \b
    Examples:
      tongzhang agreements --home net/institution
      tongzhang agreements --home net/institution --kind fee --holds --on 2026-03-31
      tongzhang agreements --home net/platform --state offered --json
    """
    from cli.connection import connect

    asked = {"state": state and state.value, "holds": "true" if holds else None}
    date = None if on is None else day(on)
    client = connect(home, url, token)
    shown: dict[str, Any] = {"on": date}
    more = False
    for each in [kind] if kind else AgreementKind:
        path = f"/v1/{each.value}-agreements"
        page = follow(client, path, "agreements", limit, on=shown["on"], **asked)
        shown |= {"on": page["on"], each.value: page["agreements"]}
        more = more or page["more"]
    if json:
        say_json({**shown, "more": more})
    else:
        _show(shown)
    note_more({"more": more}, limit)


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
    if row["state"] != AgreementState.IN_FORCE:
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
