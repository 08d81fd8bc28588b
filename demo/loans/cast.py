"""The plan of a portfolio: how many loans over how many months, and who takes part in them."""

from __future__ import annotations

from dataclasses import dataclass

from cli.errors import UsageError
from demo.portfolio import days
from demo.portfolio.days import MONTHS

CURRENCY = "CNY"
LAST_DATE = "2025-12-31"
"""The default business date at which a history ends: the same as that of a generated day."""

FIRST_DATE = "2000-01-01"
"""Events of records are of this day or later."""

LOANS_MIN, LOANS_MAX = 30, 100_000
MONTHS_MIN, MONTHS_MAX = 6, 60


@dataclass(frozen=True, slots=True)
class PortfolioPlan:
    """Plan of a portfolio to generate: same plan, same bytes.

    Args:
        loans: How many, ``LOANS_MIN`` to ``LOANS_MAX``.
        months: How many calendar months the history has, ``MONTHS_MIN`` to ``MONTHS_MAX``.
        seed: Where the choices come from.
        date: The last business date of the history, ISO; the last of its months ends there.
        platform: The platform's party name.
        institution: The payment institution's party name.
        funders: The parties that lend; one or more.
        guarantor: The party that stands behind some of the loans.
        weekly: Whether money that is due goes out every week; else once, on the last day but one.
    """

    loans: int
    months: int
    seed: int
    date: str = LAST_DATE
    platform: str = "platform"
    institution: str = "institution"
    funders: tuple[str, ...] = ("fund-a", "fund-b", "fund-c")
    guarantor: str = "guarantor"
    weekly: bool = True

    @property
    def end(self) -> int:
        """The number of the last day."""
        return days.read(self.date)

    @property
    def start(self) -> int:
        """The number of the first day: the first of its month."""
        year, month, _ = days.civil(self.end)
        first = year * MONTHS + month - self.months
        return days.number(first // MONTHS, first % MONTHS + 1, 1)

    @property
    def owners(self) -> tuple[str, ...]:
        """The parties that own a receiver, in the order of a proposal."""
        return (*self.funders, self.guarantor, self.platform)


def receiver_of(party: str) -> str:
    """Return the receiver of what is due to a party."""
    return f"{party}-main"


def owner_of(receiver: str) -> str:
    """Return the party of a receiver."""
    return receiver.removesuffix("-main")


def refuse_bad_plan(plan: PortfolioPlan) -> None:
    """Return if a portfolio of a plan holds every story, and is not too large.

    Raises:
        UsageError: ``too-few-loans``, ``too-many-loans``, ``too-few-months``, ``too-many-months``
            or ``bad-date``.
    """
    if plan.loans < LOANS_MIN:
        raise UsageError(
            "too-few-loans",
            f"a portfolio needs at least {LOANS_MIN} loans to hold every story, got {plan.loans}",
            "ask for more with --loans",
        )
    if plan.loans > LOANS_MAX:
        raise UsageError(
            "too-many-loans", f"a portfolio has at most {LOANS_MAX:,} loans, got {plan.loans:,}"
        )
    if plan.months < MONTHS_MIN:
        raise UsageError(
            "too-few-months",
            f"a history needs at least {MONTHS_MIN} months to hold every story, got {plan.months}",
            "ask for more with --months",
        )
    if plan.months > MONTHS_MAX:
        raise UsageError(
            "too-many-months", f"a history has at most {MONTHS_MAX} months, got {plan.months}"
        )
    if plan.start < days.read(FIRST_DATE):
        raise UsageError(
            "bad-date",
            f"a history is of {FIRST_DATE} or later, and this one would begin on "
            f"{days.write(plan.start)}",
            "ask for fewer --months, or a later --date",
        )
