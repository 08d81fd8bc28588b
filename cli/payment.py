"""``tongzhang payment``: where is this money?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from cli.listings import InUtc, in_zone
from cli.options import Home, Json, Token, Url
from cli.output import due_date, plural, say, say_json, table
from cli.pages import identifier
from views.cells import money, time, zone

PaymentId = Annotated[
    str, typer.Argument(metavar="ID", help="The payment's id.", show_default=False)
]

_MET = "met"


def payment(
    payment_id: PaymentId,
    *,
    home: Home = None,
    url: Url = "",
    token: Token = "",
    utc: InUtc = False,
    json: Json = False,
) -> None:
    """Show where a payment's money is, who stated what, and what is still awaited.

    A leg is the share of one receiver. Its state is instructed, allocated once both halves are
    there, in-payout, paid, arrived or returned. The last one that it can reach is marked (last):
    a receiver that no party owns has nobody who could state the arrival.

    What is awaited comes next, then the records about the payment, entry by entry; refused ones
    are marked REFUSED with their code. Times are in the zone of the calendar, dates are
    business dates of it.

    \b
    Examples:
      tongzhang payment pay-20260302-000001 --home net/platform
      tongzhang payment pay-20260302-000001 --home net/funder --json
    """
    from cli.connection import connect

    path = f"/v1/payments/{identifier(payment_id)}"
    client = connect(home, url, token)
    view = client.get(path)
    if json:
        say_json(view)
        return
    in_zone(client, utc)
    say(f"payment {view['payment']}: {view['state']}")
    for line in _facts(view):
        say(f"  {line}")
    _show_legs(view)
    _show_parts(view)
    show_disputes(view["disputes"])
    show_awaited(view["expectations"])
    show_timeline(view)


def _facts(view: dict[str, Any]) -> Iterator[str]:
    yield f"captured    {_half(view.get('capture'))}"
    capture = view.get("capture", {})
    if "sources" in capture:
        sources = (
            f"{money(each['amount'], capture['currency'])} {each['source']}"
            for each in capture["sources"]
        )
        yield f"paid by     {', '.join(sources)}"
    if "channel_number" in capture:
        yield f"number      {capture['channel_number']} of {capture['channel']}"
    yield f"instructed  {_half(view.get('instruction'))}"
    currency = _currency(view)
    if view["money"]:
        parts = (f"{money(amount, currency)} {state}" for state, amount in view["money"].items())
        yield f"money       {', '.join(parts)}"
    if view["refunds"]:
        yield f"refunds     {', '.join(_sums(view['refunds'], currency))}"
    for fee in (*view["earlier_fees"], *([view["fee"]] if "fee" in view else [])):
        invoice = f", invoice {fee['invoice']}" if "invoice" in fee else ""
        amount = money(fee["amount"], fee["currency"])
        yield f"fee         {amount} {fee['state']} for {fee['period']}{invoice}"


def _sums(refunds: list[dict[str, Any]], currency: str) -> Iterator[str]:
    """Return the sum of refunds in every state that one is in."""
    for state in dict.fromkeys(each["state"] for each in refunds):
        amount = sum(each["amount"] for each in refunds if each["state"] == state)
        yield f"{money(amount, currency)} {state}"


def _currency(view: dict[str, Any]) -> str:
    half = view.get("instruction") or view.get("capture") or {"currency": ""}
    return str(half["currency"])


def _half(half: dict[str, Any] | None) -> str:
    if half is None:
        return "no"
    stands = "" if half["stands"] else ", taken back"
    return f"{money(half['amount'], half['currency'])} for order {half['order']}{stands}"


def _show_legs(view: dict[str, Any]) -> None:
    if not view["legs"]:
        return
    currency = _currency(view)
    table(
        ("leg", "receiver", "amount", "state", ("due", "payout")),
        (
            (
                leg["leg"],
                leg["receiver"],
                money(leg["amount"], currency),
                leg["state"] + (" (last)" if leg["state"] == leg["ends_at"] else ""),
                (
                    due_date(leg),
                    leg.get("payout", leg.get("returned_payout", "")),
                ),
            )
            for leg in view["legs"]
        ),
        right=(0, 2),
    )


def _show_parts(view: dict[str, Any]) -> None:
    rows = [("payout", each["payout"], each["state"], each, "") for each in view["payouts"]]
    rows += [
        ("refund", each["refund"], each["state"], each, each.get("failure", each["reason"]))
        for each in view["refunds"]
    ]
    if rows:
        table(
            ("what", "id", "state", "amount", "why"),
            (
                (kind, name, state, money(each["amount"], each["currency"]), why)
                for kind, name, state, each, why in rows
            ),
            right=(3,),
        )


def show_disputes(found: list[dict[str, Any]]) -> None:
    """Show disputes, who raised them and what the answer was."""
    for each in found:
        leg = f"/leg:{each['leg']}" if "leg" in each else ""
        say(f"  dispute {each['dispute']} about {each['subject']}{leg}: {each['state']}")
        say(f"    {each['raiser']} against {each['against']}: {each['reason']}")
        if "answer" in each:
            say(f"    answer: {each['answer']}")


def show_awaited(found: list[dict[str, Any]]) -> None:
    """Show what is awaited, and count what is met."""
    met = 0
    for each in found:
        if each["state"] == _MET:
            met += 1
            continue
        say(f"  {each['kind']} of {each['subject']} by {each['awaited']}: {each['state']}")
        for part in filter(None, each.get("detail", "").split("; ")):
            say(f"    {part}")
        amount = money(each["amount"], each["currency"])
        say(f"    {amount}, since {time(each['opened_at'])}, due {time(each['due_at'])}")
    if met:
        say(f"  {plural(met, 'other expectation')} met")


def show_timeline(view: dict[str, Any]) -> None:
    """Show who stated what, and what of it was refused."""
    if not view["timeline_whole"]:
        say("the newest entries; older ones are left out")
    table(
        (f"time ({zone()})", "entry", ("party", "record"), "about"),
        (
            (
                time(each["time"]),
                each["index"],
                (each["party"], each["type"] + _refusal(each["outcome"])),
                _about(each),
            )
            for each in view["timeline"]
        ),
        right=(1,),
    )


def _about(entry: dict[str, Any]) -> str:
    """Return what the record names as its own: a refused request is filed under its payment."""
    record = entry["record"]
    named = (f"{kind}:{record[kind]}" for kind in ("refund", "dispute") if kind in record)
    return next(named, str(entry["subject"]))


def _refusal(outcome: str) -> str:
    return "" if outcome == "applied" else f" REFUSED: {outcome}"
