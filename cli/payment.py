"""``tongzhang payment``: where is this money?"""

from __future__ import annotations

from collections.abc import Iterator
from shutil import get_terminal_size
from textwrap import fill
from typing import Annotated, Any

import typer

from cli.listings import in_zone
from cli.options import Home, InUtc, Json, Token, Url
from cli.output import pairs, say, say_json, table
from cli.pages import identifier
from views.cells import head, money, time, word, zone
from views.disputes import DisputeView
from views.due import due_date
from views.expectations import ExpectationView
from views.fees import ChargeView
from views.labels import Label
from views.legs import LegView
from views.payments import CaptureView, PaymentView, SourceView
from views.payouts import PayoutSummary
from views.refunds import RefundView
from views.texts import gettext, language
from views.timeline import EntryView
from views.view import ViewStruct

PaymentId = Annotated[
    str, typer.Argument(metavar="ID", help="The payment's id.", show_default=False)
]

Fact = tuple[str, str]
"""A name, and what is said under it."""

_MET = "met"
_INDENT = "    "
_NO_HALF = Label("no", "尚无")


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
    state = word(PaymentView, "state", view["state"])
    say(gettext("payment {payment}: {state}").format(payment=view["payment"], state=state))
    show_facts(_facts(view))
    _show_legs(view)
    _show_parts(view)
    show_disputes(view["disputes"])
    show_awaited(view["expectations"])
    show_timeline(view)


def show_facts(facts: Iterator[Fact]) -> None:
    """Show facts below a heading, and last in which zone their times are."""
    pairs([(f"  {name}", value) for name, value in (*facts, (gettext("times"), zone()))])


def _facts(view: dict[str, Any]) -> Iterator[Fact]:
    yield gettext("captured"), _half(view.get("capture"))
    capture = view.get("capture", {})
    if "sources" in capture:
        sources = (
            f"{money(each['amount'], capture['currency'])} "
            f"{word(SourceView, 'source', each['source'])}"
            for each in capture["sources"]
        )
        yield gettext("paid by"), ", ".join(sources)
    if "channel_number" in capture:
        yield gettext("number"), gettext("{channel_number} of {channel}").format_map(capture)
    half = capture or view.get("instruction", {})
    if "loan" in half:
        yield head(CaptureView, "loan"), gettext("{loan}, attempt {attempt}").format_map(half)
    if "compensation" in capture:
        yield head(CaptureView, "compensation"), capture["compensation"]
    yield gettext("instructed"), _half(view.get("instruction"))
    currency = _currency(view)
    if view["money"]:
        yield gettext("money"), ", ".join(_places(view["money"], currency))
    if view["refunds"]:
        yield gettext("refunds"), ", ".join(_sums(view["refunds"], currency))
    for fee in (*view["earlier_fees"], *([view["fee"]] if "fee" in view else [])):
        yield gettext("fee"), _fee(fee)


def _places(sums: dict[str, int], currency: str) -> Iterator[str]:
    """Return the sum in every place where money is: in suspense, or in a state of legs."""
    for state, amount in sums.items():
        is_leg = state != "suspense"
        place = word(LegView, "state", state) if is_leg else gettext("suspense")
        yield f"{money(amount, currency)} {place}"


def _sums(refunds: list[dict[str, Any]], currency: str) -> Iterator[str]:
    """Return the sum of refunds in every state that one is in."""
    for state in dict.fromkeys(each["state"] for each in refunds):
        amount = sum(each["amount"] for each in refunds if each["state"] == state)
        yield f"{money(amount, currency)} {word(RefundView, 'state', state)}"


def _fee(fee: dict[str, Any]) -> str:
    invoiced = gettext("{amount} {state} for {period}, invoice {invoice}")
    said = invoiced if "invoice" in fee else gettext("{amount} {state} for {period}")
    amount = money(fee["amount"], fee["currency"])
    state = word(ChargeView, "state", fee["state"])
    return said.format_map({**fee, "amount": amount, "state": state})


def _currency(view: dict[str, Any]) -> str:
    half = view.get("instruction") or view.get("capture") or {"currency": ""}
    return str(half["currency"])


def _half(half: dict[str, Any] | None) -> str:
    if half is None:
        return _NO_HALF.text(language())
    taken_back = gettext("{amount} for order {order}, taken back")
    said = gettext("{amount} for order {order}") if half["stands"] else taken_back
    return said.format(amount=money(half["amount"], half["currency"]), order=half["order"])


def _show_legs(view: dict[str, Any]) -> None:
    if not view["legs"]:
        return
    currency = _currency(view)
    names = ("leg", "receiver", "amount", "state")
    dues = (head(LegView, "due_date"), head(LegView, "payout"))
    table(
        (*(head(LegView, name) for name in names), dues),
        (
            (
                leg["leg"],
                leg["receiver"],
                money(leg["amount"], currency),
                _leg_state(leg),
                (due_date(leg), leg.get("payout", leg.get("returned_payout", ""))),
            )
            for leg in view["legs"]
        ),
        right=(0, 2),
    )


def _leg_state(leg: dict[str, Any]) -> str:
    state = word(LegView, "state", leg["state"])
    is_last = leg["state"] == leg["ends_at"]
    return gettext("{state} (last)").format(state=state) if is_last else state


def _show_parts(view: dict[str, Any]) -> None:
    rows: list[tuple[type[ViewStruct], str, dict[str, Any], str]] = [
        (PayoutSummary, "payout", each, "") for each in view["payouts"]
    ]
    rows += [
        (RefundView, "refund", each, each.get("failure", each["reason"]))
        for each in view["refunds"]
    ]
    if rows:
        names = (head(EntryView, "id"), head(LegView, "state"), head(LegView, "amount"))
        table(
            (gettext("what"), *names, gettext("why")),
            (
                (
                    head(kind, name),
                    each[name],
                    word(kind, "state", each["state"]),
                    money(each["amount"], each["currency"]),
                    why,
                )
                for kind, name, each, why in rows
            ),
            right=(3,),
        )


def show_disputes(found: list[dict[str, Any]]) -> None:
    """Show disputes, who raised them and what the answer was."""
    said = gettext("dispute {dispute} about {subject}: {state}")
    for each in found:
        leg = f"/leg:{each['leg']}" if "leg" in each else ""
        state = word(DisputeView, "state", each["state"])
        subject = f"{each['subject']}{leg}"
        say(f"  {said.format(dispute=each['dispute'], subject=subject, state=state)}")
        say(f"    {gettext('{raiser} against {against}: {reason}').format_map(each)}")
        if "answer" in each:
            say(f"    {gettext('answer: {answer}').format_map(each)}")


def show_awaited(found: list[dict[str, Any]]) -> None:
    """Show what is awaited, and count what is met."""
    unmet = [each for each in found if each["state"] != _MET]
    for each in unmet:
        _show_unmet(each)
    if met := len(found) - len(unmet):
        several = gettext("{count:,} other expectations met")
        said = gettext("1 other expectation met") if met == 1 else several
        say(f"  {said.format(count=met)}")


def _show_unmet(each: dict[str, Any]) -> None:
    words = {name: word(ExpectationView, name, each[name]) for name in ("kind", "state")}
    say(f"  {gettext('{kind} of {subject} by {awaited}: {state}').format_map({**each, **words})}")
    for part in filter(None, each.get("detail", "").split("; ")):
        say(_indented(part))
    amount = money(each["amount"], each["currency"])
    since, due = time(each["opened_at"]), time(each["due_at"])
    said = gettext("{amount}, since {since}, due {due}")
    say(f"    {said.format(amount=amount, since=since, due=due)}")


def _indented(text: str) -> str:
    """Return a text indented, in as many lines as the terminal makes of it."""
    room = get_terminal_size((0, 0)).columns or len(text) + len(_INDENT)
    return fill(
        text,
        room,
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def show_timeline(view: dict[str, Any]) -> None:
    """Show who stated what, and what of it was refused."""
    if not view["timeline_whole"]:
        say(gettext("the newest entries; older ones are left out"))
    time_, entry, party, record, about = (
        head(EntryView, name) for name in ("time", "index", "party", "type", "subject")
    )
    table(
        (time_, entry, (party, record), about),
        (
            (time(each["time"]), each["index"], (each["party"], _stated(each)), _about(each))
            for each in view["timeline"]
        ),
        right=(1,),
    )


def _about(entry: dict[str, Any]) -> str:
    """Return what the record names as its own: a refused request is filed under its payment."""
    record = entry["record"]
    named = (f"{kind}:{record[kind]}" for kind in ("refund", "dispute") if kind in record)
    return next(named, str(entry["subject"]))


def _stated(entry: dict[str, Any]) -> str:
    """Return the type of a record, and with which code it was refused, if so."""
    said = "{type}" if entry["outcome"] == "applied" else gettext("{type} REFUSED: {outcome}")
    return said.format_map(entry)
