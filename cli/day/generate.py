"""Generates a business day from a plan: same plan, same bytes, on every machine."""

from __future__ import annotations

from cli.day.cast import PAYMENTS_MIN, Plan, cast
from cli.day.dice import Dice
from cli.day.outcome import run_trading
from cli.day.payouts import confirmations, payouts
from cli.day.rows import Day
from cli.day.tally import Tally
from cli.day.trade import trade
from cli.errors import UsageError


def generate(plan: Plan) -> Day:
    """Return the day that ``plan`` describes, with trouble planted and payouts exactly as due.

    Raises:
        UsageError: the plan has too few payments to plant every trouble, or no owner.
    """
    if plan.payments < PAYMENTS_MIN:
        raise UsageError(
            "too-few-payments",
            f"a day needs at least {PAYMENTS_MIN} payments to hold every trouble",
            "ask for more with --payments",
        )
    dice = Dice(plan.seed)
    people = cast(plan, dice)
    trading = trade(plan, people, dice)
    day = Day(
        business_date=plan.date,
        platform=plan.platform,
        institution=plan.institution,
        seed=plan.seed,
        receivers=people.rows,
        orders=tuple(trading.orders),
        captures=tuple(trading.captures),
        payouts=(),
        confirmations=(),
        troubles=trading.troubles,
    )
    tally = Tally(day.receivers)
    run_trading(tally, day)
    paid = payouts(plan, dice, tally.due(plan.date), people)
    confirmed, open_ends = confirmations(plan, dice, paid, people)
    return Day(
        business_date=day.business_date,
        platform=day.platform,
        institution=day.institution,
        seed=day.seed,
        receivers=day.receivers,
        orders=day.orders,
        captures=day.captures,
        payouts=tuple(paid),
        confirmations=tuple(confirmed),
        troubles={**day.troubles, **open_ends},
    )
