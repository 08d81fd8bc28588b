"""The generator of business days: same plan, same bytes, on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cli.errors import UsageError
from demo.day.cast import PAYMENTS_MAX, PAYMENTS_MIN, Cast, DayPlan, cast
from demo.day.dates import PlainCalendar, dates_around
from demo.day.dice import Dice
from demo.day.disputes import disputes
from demo.day.fee_tally import FeeTally
from demo.day.fees import fees, invoices, profits, terms
from demo.day.lines import DayFiles, DayLine, at, records
from demo.day.outcome import run_trading
from demo.day.payouts import arrivals, payouts, returning, spoiled
from demo.day.phases import late_captures, run_dates
from demo.day.refunds import refunds
from demo.day.tally import Tally
from demo.day.trade import trade
from ledger.contracts.calendars import CalendarAccepted, CalendarDeclared
from ledger.contracts.settlement import SettlementReturned


def generate(plan: DayPlan) -> DayFiles:
    """Return the day that ``plan`` describes, with trouble planted and payouts exactly as due.

    Raises:
        UsageError: the plan has too few payments to plant every trouble, or too many.
    """
    if plan.payments < PAYMENTS_MIN:
        raise UsageError(
            "too-few-payments",
            f"a day needs at least {PAYMENTS_MIN} payments to hold every trouble",
            "ask for more with --payments",
        )
    if plan.payments > PAYMENTS_MAX:
        raise UsageError(
            "too-many-payments",
            f"a day has at most {PAYMENTS_MAX:,} payments, got {plan.payments:,}",
        )
    dice = Dice(plan.seed)
    people = cast(plan, dice)
    day = _traded(plan, people, dice)
    tally = Tally(day.receivers, day.dates)
    run_trading(tally, day)
    day = _settled(day, people, dice, tally)
    return _after_trade(day, dice, tally)


def _traded(plan: DayPlan, people: Cast, dice: Dice) -> DayFiles:
    trading = trade(plan, people, dice)
    dates = dates_around(plan.date)
    return DayFiles(
        business_date=plan.date,
        dates=dates,
        platform=plan.platform,
        institution=plan.institution,
        seed=plan.seed,
        troubles=trading.troubles,
        calendars=tuple(_calendars(plan, dates)),
        terms=terms(plan),
        receivers=people.registry(plan.institution),
        orders=trading.orders,
        captures=trading.captures,
    )


def _calendars(
    plan: DayPlan, dates: PlainCalendar
) -> Iterator[DayLine[CalendarDeclared] | DayLine[CalendarAccepted]]:
    for days in dates.declared:
        name = f"calendar-{days.year}-1"
        said: dict[str, Any] = {
            "year": days.year,
            "version": 1,
            "holidays": tuple(map(str, days.holidays)),
            "workdays": tuple(map(str, days.workdays)),
        }
        declared = CalendarDeclared(id=f"{name}.declared", at=at(plan.date, "08:05"), **said)
        accepted = CalendarAccepted(id=f"{name}.accepted", at=at(plan.date, "08:15"), **said)
        yield DayLine(plan.institution, declared)
        yield DayLine(plan.platform, accepted)


def _settled(day: DayFiles, people: Cast, dice: Dice, tally: Tally) -> DayFiles:
    """Add the day's run of payouts, and the run of the next business date."""
    date, next_date = run_dates(day)
    due = tally.due(date)
    first = payouts(day.institution, dice, due, date, returning(dice, people, due))
    tally.settle(first, date)
    confirmed, open_ends = spoiled(dice, arrivals(dice, people, first, date))
    for capture in late_captures(day):
        tally.capture(capture.record)
    again = payouts(day.institution, dice, tally.due(next_date), next_date, set())
    returned = tuple(row.payout for row in records(first, SettlementReturned))
    return replace(
        day,
        payouts=(*first, *again),
        confirmations=(*confirmed, *arrivals(dice, people, again, next_date)),
        troubles={**day.troubles, **open_ends, "payout-returned": returned},
    )


def _after_trade(day: DayFiles, dice: Dice, tally: Tally) -> DayFiles:
    """Add refunds, fees, profit sharing and disputes."""
    drawn = refunds(day, dice)
    day = replace(
        day,
        floats=drawn.floats,
        refunds=drawn.refunds,
        fees=fees(day, dice),
        disputes=disputes(day, dice),
        troubles={**day.troubles, "refund-unanswered": drawn.unanswered},
    )
    charged = FeeTally(tally, day.terms)
    for line in day.fees:
        charged.charge(line.record)
    day = replace(day, invoices=invoices(day, dice, charged))
    return replace(day, profits=profits(day))
