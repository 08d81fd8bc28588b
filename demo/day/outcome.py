"""The exact outcome of a day, as ``expected.json`` holds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from demo.day.accounts import accounts, class_totals, trial_balance
from demo.day.fee_tally import FeeTally
from demo.day.lines import DayFiles, records, those
from demo.day.phases import (
    corrections,
    late_captures,
    reversals,
    run_dates,
    runs,
    trading_captures,
    trading_orders,
)
from demo.day.refund_tally import PAID, REQUESTED, RefundTally
from demo.day.tally import COMPLETE, CONFLICTING, OPEN, VOID, Tally
from ledger.contracts.calendars import CalendarAccepted
from ledger.contracts.disputes import DisputeRaised, DisputeResolved
from ledger.contracts.fee_agreements import FeeAccepted
from ledger.contracts.fee_invoices import FeeSettled
from ledger.contracts.profit_agreements import ProfitAccepted
from ledger.contracts.profits import ProfitConfirmed


class Tallies(NamedTuple):
    """The second account of a whole day."""

    payments: Tally
    refunds: RefundTally
    fees: FeeTally


def run_trading(tally: Tally, day: DayFiles) -> None:
    """Take everything that happens before the payouts."""
    for order in trading_orders(day):
        tally.order(order.record)
    for capture in trading_captures(day):
        tally.capture(capture.record)
    for reversal in reversals(day):
        tally.capture(reversal.record)
    for correction in corrections(day):
        tally.order(correction.record)


def outcome(day: DayFiles) -> dict[str, Any]:
    """Return what a consortium that is handed ``day`` must hold in the end.

    Raises:
        ValueError: the day's payouts, invoices or shares are not what the rest of it gives.
    """
    tallies = _tallies(day)
    tally = tallies.payments
    book = accounts(day, *tallies)
    facts = _facts(day, tallies)
    by_kind: dict[str, Counter[str]] = {}
    for fact in facts:
        by_kind.setdefault(fact.kind, Counter())[fact.state] += 1
    return {
        "accounts": book,
        "balances": class_totals(book),
        "business": _business(day, tallies),
        "business_date": day.business_date,
        "calendar": day.dates.founded(),
        "conflicting": sorted(fact.subject for fact in facts if fact.state == CONFLICTING),
        "facts": {
            state: sum(fact.state == state for fact in facts)
            for state in (COMPLETE, OPEN, CONFLICTING)
        },
        "facts_by_kind": {kind: dict(sorted(c.items())) for kind, c in sorted(by_kind.items())},
        "institution": day.institution,
        "one_sided": sorted(
            f"{fact.half or fact.kind} {fact.subject}" for fact in facts if fact.state == OPEN
        ),
        "payments": len(
            {line.record.payment for line in day.orders}
            | {line.record.payment for line in day.captures}
        ),
        "platform": day.platform,
        "records": {
            "applied": tally.applied,
            "refused": dict(sorted(tally.refused.items())),
            "repeated": tally.repeated,
        },
        "seed": day.seed,
        "trial_balance": trial_balance(book),
        "troubles": {name: list(day.troubles[name]) for name in sorted(day.troubles)},
    }


def _tallies(day: DayFiles) -> Tallies:
    tally = Tally(day.receivers, day.dates)
    tally.applied += len(day.calendars) + len(day.disputes)
    run_trading(tally, day)
    for date, payouts, confirmations in runs(day):
        tally.settle(payouts, date)
        for confirmation in confirmations:
            tally.confirm(confirmation.record)
        if date == day.business_date:
            for capture in late_captures(day):
                tally.capture(capture.record)
    _refuse_forgotten(tally, day)
    refunds, fees = RefundTally(tally), FeeTally(tally, day.terms)
    refunds.take(day.floats, day.refunds)
    for line in day.fees:
        fees.charge(line.record)
    fees.settle(day.invoices)
    fees.share(day.profits)
    return Tallies(tally, refunds, fees)


def _refuse_forgotten(tally: Tally, day: DayFiles) -> None:
    for line in (*day.payouts, *day.confirmations):
        if line.record.payout not in tally.payouts:
            raise ValueError(f"payout {line.record.payout} is of neither run, {run_dates(day)}")


_ANSWERED = {OPEN: OPEN, "upheld": COMPLETE, "rejected": CONFLICTING, "withdrawn": COMPLETE}
"""What an answer makes of a dispute: nobody closes a contradiction by denying it."""


class Fact(NamedTuple):
    """State of what two parties have to say. ``half`` is what one awaits, if not as the kind."""

    kind: str
    subject: str
    state: str
    half: str = ""


def _facts(day: DayFiles, tallies: Tallies) -> list[Fact]:
    tally, refunds, _ = tallies
    facts = []
    for payment in tally.orders.keys() | tally.captures.keys():
        # A withdrawal or a reversal settles what was open: nothing is awaited any more.
        state = tally.state(payment)
        half = "instruction" if payment in tally.captures else "capture"
        state = COMPLETE if state == VOID else state
        facts.append(Fact("split", f"payment:{payment}", state, half))
    facts += [Fact("reversal", f"payment:{payment}", COMPLETE) for payment in tally.reversed]
    for payout in tally.payouts:
        facts.append(Fact("payout-result", f"payout:{payout}", COMPLETE))
        if state := tally.arrival(payout):
            facts.append(Fact("arrival", f"payout:{payout}", state))
    facts += [Fact("float-confirmation", f"float:{name}", COMPLETE) for name in refunds.movements]
    for name, state in refunds.states.items():
        result = OPEN if state == REQUESTED else COMPLETE
        facts.append(Fact("refund-result", f"refund:{name}", result))
    for dispute, answer in _answers(day).items():
        facts.append(Fact("dispute", f"dispute:{dispute}", _ANSWERED[answer]))
    return facts + [Fact(kind, subject, COMPLETE) for kind, subject in _agreed(day)]


def _answers(day: DayFiles) -> dict[str, str]:
    """Return the answer to each dispute, open where there is none."""
    raised = {row.dispute: OPEN for row in records(day.disputes, DisputeRaised)}
    return raised | {row.dispute: row.outcome for row in records(day.disputes, DisputeResolved)}


def _agreed(day: DayFiles) -> Iterator[tuple[str, str]]:
    """Yield kind and subject of what is said of calendars, fees and profit: all are complete."""
    for year in those(day.calendars, CalendarAccepted):
        calendar = f"calendar:{year.record.year}-{year.record.version}"
        yield "calendar-acceptance", f"{calendar}/{year.party}"
    for row in records(day.terms, FeeAccepted):
        yield "fee-acceptance", f"fee-agreement:{row.agreement}"
    for invoice in records(day.invoices, FeeSettled):
        yield "fee-settlement", f"invoice:{invoice.invoice}"
    for accepted in those(day.terms, ProfitAccepted):
        agreement = f"profit-agreement:{accepted.record.agreement}"
        yield "profit-acceptance", f"{agreement}/{accepted.party}"
    for confirmed in those(day.profits, ProfitConfirmed):
        yield "profit-confirmation", f"share:{confirmed.record.share}/{confirmed.party}"


def _business(day: DayFiles, tallies: Tallies) -> dict[str, Any]:
    tally, refunds, fees = tallies
    answers = Counter(_answers(day).values())
    returned = len(tally.payouts.keys() - tally.paid)
    return {
        "disputes": {"raised": answers.total(), **dict(sorted(answers.items()))},
        "fees": {
            "accrued": sum(row.amount for row in fees.charges.values()),
            "invoiced": sum(row.amount for row in fees.invoices.values()),
            "settled": sum(row.amount for row in fees.invoices.values()),
        },
        "payouts": {"created": len(tally.payouts), "returned": returned},
        "profit": dict(sorted(fees.income(day.institution).items())),
        "refunds": {
            "awaited": refunds.sum_of(REQUESTED),
            "float_free": refunds.free,
            "paid": refunds.sum_of(PAID),
        },
    }
