"""``tongzhang loan``: one loan as the log knows it, and what is computed by its terms alone."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from cli.errors import UsageError
from cli.loan_allocate import allocate
from cli.loan_show import show
from cli.options import Json
from cli.output import money, pairs, say_json, table
from cli.pages import day, displayed
from ledger import currencies
from views.cells import head
from views.loan_schedule import InstalmentView
from views.texts import gettext

if TYPE_CHECKING:
    from ledger.lending.cost import Rates
    from ledger.lending.schedule import Schedule
    from ledger.lending.terms import Fee, LoanTerms


class LoanGroup(TyperGroup):
    """The commands of a loan; what is none of them is the id of a loan to show."""

    default = "show"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take arguments that begin with no command as those of ``show``."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [self.default, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=LoanGroup,
    help="""Show a loan (助贷), how a repayment would be allocated, or compute a schedule.

    `tongzhang loan ID` is `tongzhang loan show ID`.
    """,
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("show")(show)
app.command("allocate")(allocate)


class Method(StrEnum):
    """How principal is repaid."""

    EQUAL_INSTALMENT = "equal-instalment"
    EQUAL_PRINCIPAL = "equal-principal"
    INTEREST_FIRST = "interest-first"
    FLAT = "flat"
    BULLET = "bullet"


class DayCount(StrEnum):
    """How the days of a period are counted."""

    THIRTY_360 = "30/360"
    ACTUAL_360 = "actual/360"
    ACTUAL_365 = "actual/365"
    ACTUAL_ACTUAL = "actual/actual"


Principal = Annotated[
    str, typer.Option("--principal", metavar="AMOUNT", help="What is lent, such as 5000.00.")
]
Rate = Annotated[str, typer.Option("--rate", metavar="PERCENT", help="A year, such as 12%.")]
Instalments = Annotated[
    int, typer.Option("--instalments", metavar="N", min=1, max=120, help="How many, a month apart.")
]
Disbursed = Annotated[
    str, typer.Option("--disbursed", metavar="DATE", help="When the money is paid out.")
]
FirstDue = Annotated[
    str, typer.Option("--first-due", metavar="DATE", help="When the first instalment is due.")
]
DueDay = Annotated[
    int,
    typer.Option(
        "--due-day",
        metavar="DAY",
        min=0,
        max=31,
        help="Day of the month; its last day where it has no such day.",
        show_default="that of --first-due",
    ),
]
Methods = Annotated[
    Method,
    typer.Option(
        "--method",
        metavar="METHOD",
        help="equal-instalment (等额本息), equal-principal (等额本金), interest-first (先息后本), "
        "flat (等本等息) or bullet (一次性还本付息).",
    ),
]
DayCounts = Annotated[
    DayCount,
    typer.Option(
        "--day-count",
        metavar="DAYS",
        help="How days are counted: 30/360, actual/360, actual/365 or actual/actual.",
    ),
]
Unit = Annotated[
    str,
    typer.Option(
        "--unit",
        metavar="AMOUNT",
        help="What an instalment is rounded to; the last one takes the rest.",
        show_default="the minor unit",
    ),
]
Grace = Annotated[
    int, typer.Option("--grace", metavar="N", min=0, max=119, help="Instalments without principal.")
]
Fees = Annotated[
    list[str],
    typer.Option(
        "--fee",
        metavar="NAME=PERCENT|AMOUNT",
        help="A fee: service=2% a year of the principal, or service=280.00 in all. Repeat it.",
        show_default=False,
    ),
]
Currency = Annotated[str, typer.Option("--currency", metavar="CODE", help="By ISO 4217.")]


@app.command("schedule")
def schedule(
    *,
    principal: Principal,
    rate: Rate,
    instalments: Instalments,
    disbursed: Disbursed,
    first_due: FirstDue,
    method: Methods = Method.EQUAL_INSTALMENT,
    day_count: DayCounts = DayCount.THIRTY_360,
    unit: Unit = "",
    due_day: DueDay = 0,
    grace: Grace = 0,
    fee: Fees = [],  # noqa: B006 - Typer copies it
    currency: Currency = "CNY",
    json: Json = False,
) -> None:
    """Show what is due when, and what the loan costs by plan, without a node.

    The schedule is the one that the ledger computes and compares: rounded half up to the unit, the
    last instalment takes the rest. The cost is all that the borrower pays to anybody by it, as a
    yearly rate: the monthly internal rate times 12, and compounded. As JSON amounts are in minor
    units and rates in parts per million.

    \b
    Examples:
      tongzhang loan schedule --principal 5000.00 --rate 12% --instalments 18 \\
        --disbursed 2022-11-01 --first-due 2022-12-01 --unit 1.00
      tongzhang loan schedule --principal 14000.00 --rate 6.5% --instalments 12 --method flat \\
        --disbursed 2022-11-01 --first-due 2022-12-01 --fee platform=1% --fee channel=280.00
    """
    from ledger.lending import cost, terms
    from ledger.lending.errors import LoanRefused
    from ledger.lending.schedule import schedule as schedule_of

    if currency not in currencies.CODES:
        raise UsageError("bad-currency", currencies.refusal(currency))
    agreed = terms.LoanTerms(
        **_chosen(day_count, method),
        principal=_amount(principal, currency),
        annual_rate_ppm=_ppm(rate),
        instalments=instalments,
        disbursed=_date(disbursed),
        first_due=_date(first_due),
        due_day=due_day,
        unit=_amount(unit, currency) if unit else 1,
        principal_grace=grace,
        fees=tuple(_fee(text, currency) for text in fee),
    )
    try:
        terms.check_terms(agreed)
        found = schedule_of(agreed)
    except LoanRefused as refused:
        raise UsageError(refused.code, refused.message) from None
    paid = cost.payments(agreed, found.rows)
    rates = cost.rates(agreed.principal, paid)
    is_within = cost.is_within(agreed.principal, paid, cost.LIMIT_PPM)
    if json:
        say_json(_document(agreed, found, rates, is_within, currency))
        return
    _show(agreed, found, currency, _cost(rates, is_within))


def _chosen(day_count: DayCount, method: Method) -> dict[str, Any]:
    return {"day_count": day_count.value, "method": method.value}


def _rows(terms: LoanTerms, found: Schedule) -> list[dict[str, Any]]:
    balance, rows = terms.principal, []
    for row in found.rows:
        balance -= row.principal
        rows.append(
            {
                "number": row.number,
                "due": row.due.isoformat(),
                "principal": row.principal,
                "interest": row.interest,
                "fees": dict(zip((fee.name for fee in terms.fees), row.fees, strict=True)),
                "total": row.total,
                "balance": balance,
            }
        )
    return rows


def _totals(terms: LoanTerms, rows: list[dict[str, Any]]) -> dict[str, Any]:
    sums: dict[str, Any] = {
        name: sum(row[name] for row in rows) for name in ("principal", "interest", "total")
    }
    fees = {fee.name: sum(row["fees"][fee.name] for row in rows) for fee in terms.fees}
    return {**sums, "fees": fees}


def _document(
    terms: LoanTerms, found: Schedule, rates: Rates | None, is_within: bool, currency: str
) -> dict[str, Any]:
    from ledger.lending.cost import LIMIT_PPM

    rows = _rows(terms, found)
    return {
        "currency": currency,
        "schedule": rows,
        "totals": _totals(terms, rows),
        "cost": {
            "monthly_times_12_ppm": None if rates is None else rates.times_12_ppm,
            "compounded_ppm": None if rates is None else rates.compounded_ppm,
            "limit_ppm": LIMIT_PPM,
            "within_limit": is_within,
        },
    }


def _show(terms: LoanTerms, found: Schedule, currency: str, cost: dict[str, str]) -> None:
    rows = _rows(terms, found)
    totals = {"number": gettext("total"), "due": "", **_totals(terms, rows)}
    names = [fee.name for fee in terms.fees]
    known = [head(InstalmentView, name) for name in ("number", "due", "principal", "interest")]
    headings = (*known, *names, gettext("total"), gettext("balance"))

    def cells(row: dict[str, Any]) -> list[object]:
        amounts = [row["principal"], row["interest"], *row["fees"].values(), row["total"]]
        shown = [currencies.decimal(amount, currency, ",") for amount in amounts]
        left = currencies.decimal(row["balance"], currency, ",") if "balance" in row else ""
        return [row["number"], row["due"], *shown, left]

    table(headings, [cells(row) for row in [*rows, totals]], right=range(2, len(headings)))
    extra = totals["total"] - totals["principal"]
    said = gettext("{total}, {extra} more than was lent")
    paid = said.format(total=money(totals["total"], currency), extra=money(extra, currency))
    pairs({gettext("borrower pays"): paid, **cost})


def _cost(rates: Rates | None, is_within: bool) -> dict[str, str]:
    from ledger.lending.cost import LIMIT_PPM
    from ledger.lending.terms import percent

    said = gettext("within {limit} a year") if is_within else gettext("above {limit} a year")
    limit = {gettext("usual limit"): said.format(limit=percent(LIMIT_PPM))}
    if rates is None:
        return {gettext("cost by plan"): gettext("more than any rate"), **limit}
    by_plan = gettext("{rate} a year, the monthly rate times 12")
    return {
        gettext("cost by plan"): by_plan.format(rate=percent(rates.times_12_ppm)),
        gettext("compounded"): percent(rates.compounded_ppm),
        **limit,
    }


def _amount(text: str, currency: str) -> int:
    """Return an amount as it is displayed in minor units of a currency."""
    shown = currencies.shown(displayed(text))
    units = {} if shown is None else shown.minor_units()
    for amount, codes in units.items():
        if currency in codes:
            return amount
    decimals = currencies.decimals_of(currency)
    raise UsageError("bad-amount", f"{text!r} is no amount in {currency}, of {decimals} decimals")


def _ppm(text: str) -> int:
    """Return a percentage such as ``9.4822%`` in parts per million."""
    found = re.fullmatch(r"([0-9]{1,3})(?:\.([0-9]{1,4}))? ?%", text)
    if found is None:
        raise UsageError("bad-rate", f"{text!r} is no rate: write 12% or 9.4822%")
    return int(found[1] + (found[2] or "").ljust(4, "0"))


def _date(text: str) -> Any:
    from datetime import date

    return date.fromisoformat(day(text))


def _fee(text: str, currency: str) -> Fee:
    from ledger.lending.terms import Fee

    name, _, said = text.partition("=")
    if not name or not said:
        raise UsageError("bad-fee", f"{text!r} is no fee: write service=2% or service=280.00")
    if said.endswith("%"):
        return Fee(name=name, to="any", yearly_ppm=_ppm(said))
    return Fee(name=name, to="any", total=_amount(said, currency))
