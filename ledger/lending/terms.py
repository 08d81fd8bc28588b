"""The terms of a loan, who takes part in it, and what may be agreed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ledger import forms
from ledger.lending.dates import DAY_COUNTS, DayCount, is_anchored
from ledger.lending.errors import LoanRefused

MILLION = 1_000_000
FUNDERS = "funders"
"""Whom penalty or the early fee goes to when it is for who holds the principal."""

INSTALMENTS_MAX = 120
FUNDERS_MAX = 5
FEES_MAX = 20
RATE_PPM_MAX = MILLION
AMOUNT_MAX = 2**53 - 1
PRINCIPAL_MAX = 10**13
"""Minor units; so all that an instalment may come to, with penalty, is an amount, too."""
TERM_DAYS_MAX = 10_958
"""How many days after the date from which it holds a schedule ends at most: thirty years."""
LAST_DAY = date(2999, 12, 31)
"""The last date from which a schedule may hold."""

Whole = Annotated[int, Meta(ge=-AMOUNT_MAX, le=AMOUNT_MAX)]
"""Any integer that a record can carry; what is allowed of it, :func:`check_terms` says."""

FeeName = Annotated[
    str, Meta(pattern=forms.shut(forms.PARTY), description="a fee: small letters, digits and -")
]
Method = Literal[
    "equal-instalment", "equal-principal", "interest-first", "flat", "bullet", "stated"
]
Group = Literal["penalty", "fees", "interest", "principal"]
GROUPS: tuple[Group, ...] = ("penalty", "fees", "interest", "principal")
METHODS = ("equal-instalment", "equal-principal", "interest-first", "flat", "bullet", "stated")
_CHOICES = {"early": ("to-day", "to-period-end"), "partial": ("shorten", "reduce", "next")}


class _Value(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    gc=False,
):
    """A value without identity, which a record may carry."""


class Fee(_Value, frozen=True):
    """A named fee: ``yearly_ppm`` of the original principal a year, or ``total`` minor units.

    Of a stated schedule it has neither: the rows have its amounts.
    """

    name: FeeName
    to: str
    yearly_ppm: Whole = 0
    total: Whole = 0


class Order(_Value, frozen=True):
    """In which order money is allocated: ``components``, by instalment or by component."""

    components: tuple[Group, ...] = GROUPS
    by: Literal["instalment", "component"] = "instalment"


class ScheduleRow(_Value, frozen=True):
    """A row of a schedule. ``fees`` are amounts in the order of the terms' fees."""

    number: Whole
    due: date
    principal: Whole
    interest: Whole
    fees: tuple[Whole, ...] = ()

    @property
    def total(self) -> int:
        """All that is due on the date by plan."""
        return self.principal + self.interest + sum(self.fees)


class LoanTerms(_Value, frozen=True):
    """What was agreed of a loan.

    ``per_instalment_days`` and ``whole_days`` are the days past due beyond which the guarantor
    compensates; None where it does not. ``second_order`` holds from ``second_order_days`` days past
    due on. ``unit`` is what an instalment is rounded to, in minor units.
    """

    principal: Whole
    annual_rate_ppm: Whole
    day_count: DayCount
    method: Method
    instalments: Whole
    disbursed: date
    first_due: date
    due_day: Whole = 0
    unit: Whole = 1
    principal_grace: Whole = 0
    fees: tuple[Fee, ...] = ()
    penalty_ppm: Whole = 0
    penalty_to: str = FUNDERS
    grace_days: Whole = 0
    early: Literal["to-day", "to-period-end"] = "to-day"
    early_fee_ppm: Whole = 0
    early_fee_to: str = FUNDERS
    partial: Literal["shorten", "reduce", "next"] = "next"
    order: Order = Order()
    second_order: Order | None = None
    second_order_days: Whole = 0
    per_instalment_days: Whole | None = None
    whole_days: Whole | None = None
    covered: tuple[Group, ...] = ("interest", "principal")
    flat_interest_falls_away: bool = True
    immaterial: Whole = 0
    stated: tuple[ScheduleRow, ...] = ()

    @property
    def anchor(self) -> int:
        """The day of the month on which instalments are due, where the month has it."""
        return self.due_day or self.first_due.day


class Funder(_Value, frozen=True):
    """A funder and its share of the principal in parts per million."""

    party: str
    ppm: int


class Parties(_Value, frozen=True):
    """Who takes part, in the order of the proposal. No guarantor is the empty text."""

    funders: tuple[Funder, ...]
    platform: str
    guarantor: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The funders' names."""
        return tuple(funder.party for funder in self.funders)

    @property
    def ppms(self) -> tuple[int, ...]:
        """The funders' shares."""
        return tuple(funder.ppm for funder in self.funders)


def check_parties(parties: Parties) -> None:
    """Return if the funders lend the whole principal, each once.

    Raises:
        LoanRefused: ``funders-form`` or ``shares-do-not-sum``.
    """
    names = parties.names
    if not 1 <= len(names) <= FUNDERS_MAX or len({*names, parties.guarantor}) != len(names) + 1:
        raise LoanRefused(
            "funders-form",
            "A loan has one to five funders, each named once and none of them its guarantor.",
            expected=f"1 to {FUNDERS_MAX} funders, no party twice",
            got=", ".join(names) or "none",
        )
    if sum(parties.ppms) != MILLION or min(parties.ppms) < 1:
        raise LoanRefused(
            "shares-do-not-sum",
            "The funders' shares are parts per million, none is zero, and they sum to a million; "
            f"the difference is {sum(parties.ppms) - MILLION:+,} ppm.",
            expected=f"{MILLION:,}",
            got=" + ".join(f"{ppm:,}" for ppm in parties.ppms),
        )


def check_terms(terms: LoanTerms) -> None:
    """Return if the terms are within bounds and agree with each other.

    Raises:
        LoanRefused: ``terms-out-of-range``, ``dates-out-of-order`` or ``terms-contradict``.
    """
    _check_ranges(terms)
    _check_dates(terms)
    _check_choices(terms)
    _check_fees(terms.fees)


def _check_ranges(terms: LoanTerms) -> None:
    ranges = {
        "principal": (terms.principal, 1, PRINCIPAL_MAX),
        "annual_rate_ppm": (terms.annual_rate_ppm, 0, RATE_PPM_MAX),
        "instalments": (terms.instalments, 1, INSTALMENTS_MAX),
        "due_day": (terms.due_day, 0, 31),
        "unit": (terms.unit, 1, MILLION),
        "principal_grace": (terms.principal_grace, 0, terms.instalments - 1),
        "penalty_ppm": (terms.penalty_ppm, 0, RATE_PPM_MAX),
        "early_fee_ppm": (terms.early_fee_ppm, 0, RATE_PPM_MAX),
        "grace_days": (terms.grace_days, 0, 365),
        "second_order_days": (terms.second_order_days, 0, 3650),
        "per_instalment_days": (terms.per_instalment_days or 0, 0, 3650),
        "whole_days": (terms.whole_days or 0, 0, 3650),
        "immaterial": (terms.immaterial, 0, terms.principal),
        "the count of fees": (len(terms.fees), 0, FEES_MAX),
    }
    for fee in terms.fees:
        ranges[f"yearly_ppm of fee {fee.name}"] = (fee.yearly_ppm, 0, RATE_PPM_MAX)
        ranges[f"total of fee {fee.name}"] = (fee.total, 0, PRINCIPAL_MAX)
    for name, (value, least, most) in ranges.items():
        if not least <= value <= most:
            raise LoanRefused(
                "terms-out-of-range",
                f"{name} is beyond what can be agreed.",
                expected=f"{_shown(name, least)} to {_shown(name, most)}",
                got=_shown(name, value),
            )


def _shown(name: str, value: int) -> str:
    """Return a value of the terms; a rate for people, too."""
    return f"{value:,} ({percent(value)})" if "_ppm" in name else f"{value:,}"


def percent(ppm: int) -> str:
    """Return parts per million as people read them, such as ``17.0953 %``."""
    sign, size = "-" if ppm < 0 else "", abs(ppm)
    return f"{sign}{size // 10_000}.{size % 10_000:04d} %"


def check_term(start: date, due: date) -> None:
    """Return if a date on which an instalment is due lies within the longest term.

    Raises:
        LoanRefused: ``dates-out-of-order``.
    """
    if start > LAST_DAY or (due - start).days > TERM_DAYS_MAX:
        raise LoanRefused(
            "dates-out-of-order",
            "A schedule ends within thirty years, and begins before the year 3000.",
            expected=f"at most {TERM_DAYS_MAX:,} days after {min(start, LAST_DAY)}",
            got=f"{due}",
        )


def _check_dates(terms: LoanTerms) -> None:
    check_term(terms.disbursed, terms.first_due)
    if terms.first_due <= terms.disbursed:
        raise LoanRefused(
            "dates-out-of-order",
            "The first instalment is due after the day of disbursement.",
            expected=f"a date after {terms.disbursed}",
            got=f"{terms.first_due}",
        )
    if terms.method != "stated" and not is_anchored(terms.first_due, terms.anchor):
        raise LoanRefused(
            "terms-contradict",
            "The first instalment is due on the due day of its month, or on the month's last day.",
            expected=f"day {terms.anchor} of its month",
            got=f"{terms.first_due}",
        )


def _check_choices(terms: LoanTerms) -> None:
    orders = [order for order in (terms.order, terms.second_order) if order is not None]
    rules = (
        (terms.day_count in DAY_COUNTS, "a day count", terms.day_count),
        (terms.method in METHODS, "a method", terms.method),
        (terms.early in _CHOICES["early"], "to-day or to-period-end", terms.early),
        (terms.partial in _CHOICES["partial"], "shorten, reduce or next", terms.partial),
        (
            terms.method != "bullet" or terms.instalments == 1,
            "one instalment of a bullet loan",
            f"{terms.instalments}",
        ),
        (
            terms.method != "stated" or terms.partial == "next",
            "next, as the partial prepayment of a stated schedule",
            terms.partial,
        ),
        (
            (terms.method == "stated") == bool(terms.stated),
            "rows if and only if the method is stated",
            f"{len(terms.stated)} rows of a schedule {terms.method}",
        ),
        *(
            (
                sorted(order.components) == sorted(GROUPS),
                "an order of penalty, fees, interest and principal, each once",
                ", ".join(order.components),
            )
            for order in orders
        ),
        (
            sorted(terms.covered) == sorted(set(terms.covered) & set(GROUPS)),
            "groups of components, each once",
            ", ".join(terms.covered),
        ),
    )
    for holds, expected, got in rules:
        if not holds:
            raise LoanRefused(
                "terms-contradict",
                "The terms do not agree with each other.",
                expected=expected,
                got=got,
            )


def _check_fees(fees: Sequence[Fee]) -> None:
    names = [fee.name for fee in fees]
    if len(set(names)) != len(names):
        raise LoanRefused(
            "terms-contradict",
            "Every fee has a name of its own.",
            expected="different names",
            got=", ".join(names),
        )
    for fee in fees:
        if fee.yearly_ppm and fee.total:
            raise LoanRefused(
                "terms-contradict",
                f"Fee {fee.name} has a yearly rate or a total.",
                expected="one of them",
                got=f"{fee.yearly_ppm:,} ppm and {fee.total:,}",
            )
