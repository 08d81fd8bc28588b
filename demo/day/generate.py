"""Generates a business day from a plan: same plan, same bytes, on every machine."""

from __future__ import annotations

from dataclasses import replace

from cli.errors import UsageError
from demo.day.cast import PAYMENTS_MAX, PAYMENTS_MIN, Cast, Plan, cast
from demo.day.dates import dates_around
from demo.day.dice import Dice
from demo.day.disputes import disputes
from demo.day.fee_tally import FeeTally
from demo.day.fees import fees, invoices, profits, terms
from demo.day.outcome import run_trading
from demo.day.payouts import arrivals, payouts, spoiled
from demo.day.phases import late_captures, run_dates
from demo.day.refunds import refunds
from demo.day.rows import RETURNED, Day
from demo.day.tally import Tally
from demo.day.trade import trade


def generate(plan: Plan) -> Day:
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
    return _after_trade(plan, day, dice, tally)


def _traded(plan: Plan, people: Cast, dice: Dice) -> Day:
    trading = trade(plan, people, dice)
    return Day(
        business_date=plan.date,
        dates=dates_around(plan.date),
        platform=plan.platform,
        institution=plan.institution,
        seed=plan.seed,
        receivers=people.rows,
        orders=tuple(trading.orders),
        captures=tuple(trading.captures),
        payouts=(),
        confirmations=(),
        floats=(),
        refunds=(),
        refund_results=(),
        terms=terms(plan),
        fees=(),
        invoices=(),
        profits=(),
        disputes=(),
        troubles=trading.troubles,
    )


def _settled(day: Day, people: Cast, dice: Dice, tally: Tally) -> Day:
    """Add the day's run of payouts, and the run of the next business date."""
    date, next_date = run_dates(day)
    first = payouts(dice, people, tally.due(date), date=date, with_returns=True)
    tally.settle(first, date)
    confirmed, open_ends = spoiled(dice, arrivals(dice, people, first, date))
    for capture in late_captures(day):
        tally.capture(capture)
    again = payouts(dice, people, tally.due(next_date), date=next_date, with_returns=False)
    returned = tuple(row.payout for row in first if row.result == RETURNED)
    return replace(
        day,
        payouts=(*first, *again),
        confirmations=(*confirmed, *arrivals(dice, people, again, next_date)),
        troubles={**day.troubles, **open_ends, "payout-returned": returned},
    )


def _after_trade(plan: Plan, day: Day, dice: Dice, tally: Tally) -> Day:
    """Add refunds, fees, profit sharing and disputes."""
    desk = refunds(day, dice)
    day = replace(
        day,
        floats=desk.floats,
        refunds=desk.requests,
        refund_results=desk.results,
        fees=fees(day, dice),
        disputes=disputes(day, dice),
        troubles={**day.troubles, "refund-unanswered": desk.unanswered},
    )
    charged = FeeTally(tally, day.terms)
    for row in day.fees:
        charged.charge(row)
    day = replace(day, invoices=invoices(day, dice, charged))
    return replace(day, profits=profits(plan, day))
