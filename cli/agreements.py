"""``tongzhang agreements``: what was agreed on fees and on profit sharing, and what holds."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Optional

import typer

from cli.errors import UsageError
from cli.listings import ask, opened, show_items, takes
from cli.output import say, say_json, table
from cli.pages import note_more
from ledger.contracts.agreements import IN_FORCE
from views.agreement_views import FeeAgreementView, ProfitAgreementView, TermView
from views.agreements import FEE_AGREEMENTS, PROFIT_AGREEMENTS
from views.cells import head, money, percent, word
from views.texts import gettext, language

_LISTS = {"fee": FEE_AGREEMENTS, "profit": PROFIT_AGREEMENTS}


class AgreementKind(StrEnum):
    """What an agreement is on."""

    FEE = "fee"
    PROFIT = "profit"


OneKind = Annotated[
    Optional[AgreementKind],  # noqa: UP045
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
    if asked["csv"] and kind is None:
        raise UsageError(
            "usage",
            "--csv has the columns of one kind: add --kind fee or profit",
            "tongzhang agreements --help",
        )
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
        say(FEE_AGREEMENTS.nothing.text(language()))
        return
    say(gettext("agreements, judged on {on}").format_map(shown))
    if fees:
        _show_fees(fees, shown["on"])
    if shares:
        _show_shares(shares, shown["on"])


def _show_fees(rows: list[dict[str, Any]], on: str) -> None:
    table(
        (
            gettext("fee agreement"),
            gettext("for"),
            head(FeeAgreementView, "effective_from"),
            gettext("fee"),
            head(FeeAgreementView, "state"),
        ),
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
    _show_remarks(gettext("fee agreement"), rows)


def _show_shares(rows: list[dict[str, Any]], on: str) -> None:
    heading = gettext("profit agreement")
    table(
        (
            heading,
            gettext("for"),
            head(ProfitAgreementView, "effective_from"),
            gettext("shared"),
            head(ProfitAgreementView, "state"),
        ),
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
        (heading, head(TermView, "party"), gettext("part"), gettext("acceptance")),
        (
            (row["agreement"], term["party"], percent(term["ppm"]), _acceptance(row, term))
            for row in rows
            for term in row["terms"]
        ),
        right=(2,),
    )
    _show_remarks(heading, rows)


def _show_remarks(heading: str, rows: list[dict[str, Any]]) -> None:
    remarks = [(row["agreement"], remark) for row in rows for remark in _remarks(row)]
    if remarks:
        table((heading, gettext("remarks")), remarks)


def _fee(row: dict[str, Any]) -> str:
    parts = [percent(row["rate_ppm"])]
    bounds = {"minimum": gettext("at least {amount}"), "maximum": gettext("at most {amount}")}
    for name, said in bounds.items():
        if name in row:
            parts.append(said.format(amount=money(row[name], row["currency"]).partition(" ")[0]))
    return ", ".join(parts)


def _state(row: dict[str, Any], on: str) -> str:
    """Return the state; where it is in force, whether it holds, or will, or did."""
    if row["state"] != IN_FORCE:
        return word(FeeAgreementView, "state", row["state"])
    if row["holds"]:
        return head(FeeAgreementView, "holds")
    begins = row["effective_from"]
    return gettext("replaced") if begins <= on[: len(begins)] else gettext("later")


def _remarks(row: dict[str, Any]) -> list[str]:
    found = []
    if "replaces" in row:
        found.append(gettext("replaces {replaces}").format_map(row))
    if "replaced_by" in row:
        found.append(gettext("replaced by {replaced_by} from {replaced_from} on").format_map(row))
    if row["awaiting"]:
        found.append(gettext("awaits {parties}").format(parties=", ".join(row["awaiting"])))
    if "conflict" in row and "terms" not in row:  # else it stands beside the term
        found.append(row["conflict"])
    if "closed_because" in row:
        found.append(row["closed_because"])
    return found


def _acceptance(row: dict[str, Any], term: dict[str, Any]) -> str:
    if term["accepted"]:
        return gettext("accepted")
    if term["party"] not in row["awaiting"]:
        return gettext("not accepted")
    return str(term.get("conflict", gettext("awaited")))
