"""``tongzhang loan ID``: what was agreed, what is open, and whether repayments were split so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Optional

import typer

from cli.listings import in_zone
from cli.options import Home, InUtc, Json, Token, Url
from cli.output import say, say_json, table
from cli.pages import day, identifier
from cli.payment import Fact, show_awaited, show_disputes, show_facts, show_timeline
from ledger import currencies
from views.cells import head, money, percent, word
from views.compensations import CompensationView, covered
from views.loan_details import METHOD, LoanPartyView, LoanPlanView, LoanView
from views.loan_schedule import InstalmentView
from views.loan_splits import LoanRepayment, ShareView
from views.texts import gettext, language

LoanId = Annotated[str, typer.Argument(metavar="ID", help="The loan's id.", show_default=False)]
AsOf = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--as-of", metavar="DATE", help="As of this business date.", show_default="today's"
    ),
]
Height = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        "--height",
        metavar="HEIGHT",
        min=0,
        help="By what was known after this block.",
        show_default="all that is known",
    ),
]


def show(
    loan_id: LoanId,
    *,
    as_of: AsOf = None,
    height: Height = None,
    home: Home = None,
    url: Url = "",
    token: Token = "",
    utc: InUtc = False,
    json: Json = False,
) -> None:
    """Show a loan: terms, schedule, and each repayment as expected and as stated.

    An instalment is open, overdue, paid or dropped by a shorter plan; the holders are those to whom
    something of it is open. Of a repayment each receiver has what the ledger allocates, what the
    platform's split says, and by how much they differ. What is awaited comes next, then the records
    about the loan, its payments, compensations and disputes.

    With --as-of records of later dates are left out, with --height those of later blocks. What is
    awaited and disputed is so now.

    \b
    Examples:
      tongzhang loan L-2026-0001 --home net/funder
      tongzhang loan show L-2026-0001 --home net/funder --as-of 2026-03-31 --json
    """
    from cli.connection import connect

    client = connect(home, url, token)
    query = {"as_of": None if as_of is None else day(as_of), "height": height}
    view = client.get(f"/v1/loans/{identifier(loan_id)}", **query)
    if json:
        say_json(view)
        return
    in_zone(client, utc)
    state = word(LoanView, "state", view["state"])
    say(gettext("loan {loan}: {state}").format(loan=view["loan"], state=state))
    show_facts(_facts(view))
    _show_parties(view)
    _show_schedule(view)
    _show_repayments(view)
    _show_compensations(view)
    _show_plan(view)
    show_disputes(view["disputes"])
    show_awaited(view["expectations"])
    show_timeline(view)


def _facts(view: dict[str, Any]) -> Iterator[Fact]:
    yield head(LoanView, "as_of"), view["as_of"]
    terms, currency = view["terms"], view["currency"]
    lent = gettext("{amount} at {rate} a year")
    amount, rate = money(view["principal"], currency), percent(terms["annual_rate_ppm"])
    yield head(LoanView, "principal"), lent.format(amount=amount, rate=rate)
    planned = gettext("{instalments} by {method}, days by {day_count}")
    method = METHOD.word(terms["method"], language())
    yield gettext("instalments"), planned.format_map({**terms, "method": method})
    yield from _terms(terms, currency)
    if "disbursed" in view:
        yield head(LoanView, "disbursed"), view["disbursed"]
        opened = money(view.get("open_principal", 0), currency)
        yield head(LoanView, "open_principal"), opened
    if view.get("days_past_due"):
        late = gettext("{amount}, {days} days past due, {bucket}")
        amount = money(view["overdue"], currency)
        days, bucket = view["days_past_due"], view["bucket"]
        yield head(LoanView, "overdue"), late.format(amount=amount, days=days, bucket=bucket)
    if "reason" in view:
        yield head(LoanView, "reason"), view["reason"]
    yield gettext("amounts"), currency


def _terms(terms: dict[str, Any], currency: str) -> Iterator[Fact]:
    for fee in terms.get("fees", ()):
        yearly = gettext("{rate} a year to {party}").format(
            rate=percent(fee.get("yearly_ppm", 0)), party=fee["to"]
        )
        whole = gettext("{amount} in all to {party}").format(
            amount=money(fee.get("total", 0), currency), party=fee["to"]
        )
        said = whole if "total" in fee else yearly
        yield gettext("fee"), f"{fee['name']}, {said}"
    if "penalty_ppm" in terms:
        rate = gettext("{rate} a year").format(rate=percent(terms["penalty_ppm"]))
        yield head(InstalmentView, "penalty"), rate
    each, whole_days = terms.get("per_instalment_days"), terms.get("whole_days")
    if each is not None:
        said = gettext("an instalment more than {days} days past due")
        yield gettext("compensated"), said.format(days=each)
    if whole_days is not None:
        said = gettext("the whole loan more than {days} days past due")
        yield gettext("compensated"), said.format(days=whole_days)


def _amounts(item: Mapping[str, Any], names: Sequence[str], currency: str) -> tuple[str, ...]:
    """Return amounts without their currency; nothing for what is nothing."""
    return tuple(
        currencies.decimal(item[name], currency, ",") if item.get(name) else "" for name in names
    )


def _heads(view: type[Any], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(head(view, name) for name in names)


def _show_parties(view: dict[str, Any]) -> None:
    sums, named = ("lent", "funded"), ("party", "role")
    table(
        (
            _heads(LoanPartyView, named),
            _heads(LoanPartyView, ("receiver", "accepted")),
            _heads(LoanPartyView, sums),
            head(LoanPartyView, "open"),
        ),
        (
            (
                (each["party"], word(LoanPartyView, "role", each["role"])),
                (each["receiver"], _accepted(each)),
                _amounts(each, sums, view["currency"]),
                *_amounts(each, ("open",), view["currency"]),
            )
            for each in view["parties"]
        ),
        right=(2, 3),
    )


def _accepted(party: dict[str, Any]) -> str:
    if party["role"] == "platform":
        return ""
    return gettext("yes") if party["accepted"] else gettext("no")


def _show_schedule(view: dict[str, Any]) -> None:
    if not view["schedule"]:
        return
    stacks = (("amount", "open"), ("principal", "interest"), ("fees", "penalty"))
    table(
        (
            head(InstalmentView, "number"),
            _heads(InstalmentView, ("due", "state")),
            *(_heads(InstalmentView, names) for names in stacks),
            head(InstalmentView, "holders"),
        ),
        (
            (
                each["number"],
                (each["due"], word(InstalmentView, "state", each["state"])),
                *(_amounts(each, names, view["currency"]) for names in stacks),
                ", ".join(holder["party"] for holder in each["holders"]),
            )
            for each in view["schedule"]
        ),
        right=(0, 2, 3, 4),
    )


def _show_repayments(view: dict[str, Any]) -> None:
    if not view["repayments"]:
        return
    named, states, to = ("date", "attempt"), ("state", "split"), ("party", "receiver")
    sums = ("expected", "stated", "difference")
    table(
        (
            _heads(LoanRepayment, named),
            _heads(LoanRepayment, states),
            _heads(ShareView, to),
            *_heads(ShareView, sums),
        ),
        (row for each in view["repayments"] for row in _share_rows(each)),
        right=(3, 4, 5),
    )


def _share_rows(repayment: dict[str, Any]) -> Iterator[tuple[object, ...]]:
    """Yield a row for each receiver of a repayment; the first says which repayment it is."""
    states = tuple(
        word(LoanRepayment, name, repayment[name]) if name in repayment else ""
        for name in ("state", "split")
    )
    first = ((repayment["date"], repayment["attempt"]), states)
    currency = repayment["currency"]
    if not repayment["shares"]:
        amount = currencies.decimal(repayment["amount"], currency, ",")
        yield *first, (repayment.get("reason_code", ""), ""), amount, "", ""
    for share in repayment["shares"]:
        overpaid = head(LoanRepayment, "overpaid")
        to = (share["party"], share["receiver"]) if share["receiver"] else (overpaid, "")
        yield (*first, to, *_share_amounts(share, currency))
        first = (("", ""), ("", ""))


def _share_amounts(share: dict[str, Any], currency: str) -> Iterator[str]:
    yield currencies.decimal(share["expected"], currency, ",")
    yield currencies.decimal(share["stated"], currency, ",") if "stated" in share else ""
    apart = share.get("difference", 0)
    sign = "+" if apart > 0 else ""
    yield f"{sign}{currencies.decimal(apart, currency, ',')}" if apart else ""


def _show_compensations(view: dict[str, Any]) -> None:
    if not view["compensations"]:
        return
    names = ("compensation", "instalments", "state", "date", "amount")
    table(
        _heads(CompensationView, names),
        (
            (
                each["compensation"],
                covered(each),
                word(CompensationView, "state", each["state"]),
                each["date"],
                money(each["amount"], each["currency"]),
            )
            for each in view["compensations"]
        ),
        right=(4,),
    )


def _show_plan(view: dict[str, Any]) -> None:
    if "plan" not in view or view["plan"]["state"] == "accepted":
        return
    plan = view["plan"]
    state = word(LoanPlanView, "state", plan["state"])
    said = gettext("new schedule from {date} on: {state}, accepted by {parties}")
    parties = ", ".join(plan["accepted"]) or gettext("nobody")
    say()
    say(f"  {said.format(date=plan['date'], state=state, parties=parties)}")
    names = ("principal", "interest")
    table(
        (*_heads(InstalmentView, ("number", "due", *names, "fees")),),
        (
            (
                row["number"],
                row["due"],
                *_amounts(row, names, view["currency"]),
                *_amounts({"fees": sum(row.get("fees", ()))}, ("fees",), view["currency"]),
            )
            for row in plan["rows"]
        ),
        right=(0, 2, 3, 4),
    )
