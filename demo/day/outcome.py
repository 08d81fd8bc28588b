"""The exact outcome of a day, as ``expected.json`` holds it."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import msgspec

from demo.day.accounts import accounts, class_totals, trial_balance
from demo.day.fee_tally import FeeTally
from demo.day.phases import (
    corrections,
    late_captures,
    reversals,
    runs,
    trading_captures,
    trading_orders,
)
from demo.day.refund_tally import REQUESTED, RefundTally
from demo.day.rows import PAID, RETURNED, Day
from demo.day.tally import COMPLETE, CONFLICTING, OPEN, VOID, Tally


class Tallies(NamedTuple):
    """The second account of a whole day."""

    payments: Tally
    refunds: RefundTally
    fees: FeeTally


def run_trading(tally: Tally, day: Day) -> None:
    """Take everything that happens before the payouts."""
    for order in trading_orders(day):
        tally.order(order)
    for capture in trading_captures(day):
        tally.capture(capture)
    for capture in reversals(day):
        tally.capture(capture)
    for order in corrections(day):
        tally.order(order)


def outcome(day: Day) -> dict[str, Any]:
    """Return what a consortium that is handed ``day`` must hold in the end.

    Raises:
        ValueError: the day's payouts, invoices or shares are not what the rest of it gives.
    """
    tallies = _tallies(day)
    tally = tallies.payments
    book = accounts(day, *tallies)
    facts = _facts(day, tallies)
    by_kind: dict[str, Counter[str]] = {}
    for kind, _, state in facts:
        by_kind.setdefault(kind, Counter())[state] += 1
    return {
        "accounts": book,
        "balances": class_totals(book),
        "business": _business(day, tallies),
        "business_date": day.business_date,
        "calendar": msgspec.json.decode(msgspec.json.encode(day.dates)),
        "conflicting": sorted(subject for _, subject, state in facts if state == CONFLICTING),
        "facts": {
            state: sum(count[state] for count in by_kind.values())
            for state in (COMPLETE, OPEN, CONFLICTING)
        },
        "facts_by_kind": {kind: dict(sorted(c.items())) for kind, c in sorted(by_kind.items())},
        "institution": day.institution,
        "one_sided": sorted(_loose_end(tally, *fact) for fact in facts if fact[2] == OPEN),
        "payments": len(
            {row.payment for row in day.orders} | {row.payment for row in day.captures}
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


def _tallies(day: Day) -> Tallies:
    tally = Tally(day.receivers, day.dates)
    run_trading(tally, day)
    for date, payouts, confirmations in runs(day):
        tally.settle(payouts, date)
        for confirmation in confirmations:
            tally.confirm(confirmation)
        if date == day.business_date:
            for capture in late_captures(day):
                tally.capture(capture)
    refunds, fees = RefundTally(tally), FeeTally(tally, day.terms)
    refunds.take(day.floats, day.refunds, day.refund_results)
    for row in day.fees:
        fees.charge(row)
    for invoice in day.invoices:
        fees.settle(invoice)
    fees.share(day.profits)
    tally.applied += len(day.disputes) + sum(bool(row.outcome) for row in day.disputes)
    return Tallies(tally, refunds, fees)


_ANSWERED = {"": OPEN, "upheld": COMPLETE, "rejected": CONFLICTING, "withdrawn": COMPLETE}
"""What an answer makes of a dispute: nobody closes a contradiction by denying it."""

Fact = tuple[str, str, str]
"""Kind, subject and state of what two parties have to say."""


def _facts(day: Day, tallies: Tallies) -> list[Fact]:
    tally, refunds, _ = tallies
    facts = []
    for payment in tally.orders.keys() | tally.captures.keys():
        # A withdrawal or a reversal settles what was open: nothing is awaited any more.
        state = tally.state(payment)
        facts.append(("split", f"payment:{payment}", COMPLETE if state == VOID else state))
    facts += [("reversal", f"payment:{payment}", COMPLETE) for payment in tally.reversed]
    for payout in tally.payouts:
        facts.append(("payout-result", f"payout:{payout}", COMPLETE))
        if state := tally.arrival(payout):
            facts.append(("arrival", f"payout:{payout}", state))
    facts += [("float-confirmation", f"float:{name}", COMPLETE) for name in refunds.movements]
    for name, state in refunds.states.items():
        result = OPEN if state == REQUESTED else COMPLETE
        facts.append(("refund-result", f"refund:{name}", result))
    for year in day.dates.declared:
        subject = f"calendar:{year.year}-{year.version}/{day.platform}"
        facts.append(("calendar-acceptance", subject, COMPLETE))
    for row in day.disputes:
        facts.append(("dispute", f"dispute:{row.dispute}", _ANSWERED[row.outcome]))
    return facts + _fee_facts(day)


def _fee_facts(day: Day) -> list[Fact]:
    facts = [("fee-acceptance", f"fee-agreement:{row.agreement}", COMPLETE) for row in day.terms]
    facts += [("fee-settlement", f"invoice:{row.invoice}", COMPLETE) for row in day.invoices]
    for row in (each for each in day.profits if each.party != day.institution):
        agreement, share = f"profit-agreement:{row.agreement}", f"share:{row.share}"
        facts.append(("profit-acceptance", f"{agreement}/{row.party}", COMPLETE))
        facts.append(("profit-confirmation", f"{share}/{row.party}", COMPLETE))
    return facts


def _loose_end(tally: Tally, kind: str, subject: str, _: str) -> str:
    if kind == "split":
        captured = subject.removeprefix("payment:") in tally.captures
        kind = "instruction" if captured else "capture"
    return f"{kind} {subject}"


def _business(day: Day, tallies: Tallies) -> dict[str, Any]:
    tally, refunds, fees = tallies
    answers = Counter(row.outcome or OPEN for row in day.disputes)
    returned = sum(row.result == RETURNED for row in tally.payouts.values())
    return {
        "disputes": {"raised": len(day.disputes), **dict(sorted(answers.items()))},
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
