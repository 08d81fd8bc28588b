"""The books at the end of a day, account by account, worked out without the ledger's contracts.

Amounts are in minor units, debit positive. All is in one currency per account.
"""

from __future__ import annotations

from collections import Counter

from demo.day.cast import CURRENCY
from demo.day.fee_tally import FeeTally
from demo.day.lines import DayFiles
from demo.day.refund_tally import PAID, REQUESTED, RefundTally
from demo.day.tally import COMPLETE, CONFLICTING, OPEN, Tally

Balances = dict[str, dict[str, int]]
"""Balances by account, by currency; no zeros."""


def accounts(day: DayFiles, tally: Tally, refunds: RefundTally, fees: FeeTally) -> Balances:
    """Return the balance of every account.

    Raises:
        ValueError: the balances do not sum to zero.
    """
    book = _payments(tally)
    book.update(_refunds(day, refunds))
    book.update(_fees(day, fees))
    book["reserve"] = _reserve(tally, refunds)
    if sum(book.values()):
        raise ValueError(f"the expected books sum to {sum(book.values())}, not to zero")
    return {CURRENCY: {name: amount for name, amount in sorted(book.items()) if amount}}


def class_totals(book: Balances) -> Balances:
    """Return balances summed by class of account."""
    totals: Balances = {}
    for currency, balances in sorted(book.items()):
        total: Counter[str] = Counter()
        for account, amount in balances.items():
            total[account.partition(":")[0]] += amount
        totals[currency] = {name: amount for name, amount in sorted(total.items()) if amount}
    return totals


def trial_balance(book: Balances) -> Balances:
    """Return the two columns of the trial balance (试算平衡表), per currency."""
    return {
        currency: {
            "credit": -sum(amount for amount in totals.values() if amount < 0),
            "debit": sum(amount for amount in totals.values() if amount > 0),
        }
        for currency, totals in class_totals(book).items()
    }


def _payments(tally: Tally) -> Counter[str]:
    book: Counter[str] = Counter()
    for payment, capture in tally.captures.items():
        if tally.state(payment) in (OPEN, CONFLICTING):
            book[f"suspense:{payment}"] -= capture.amount
    for _, receiver, amount in tally.unsettled():
        book[f"pending:{receiver}"] -= amount
    for payout, row in tally.payouts.items():
        if tally.arrival(payout) in (OPEN, CONFLICTING):
            book[f"paid:{row.receiver}"] -= row.amount
    return book


def _reserve(tally: Tally, refunds: RefundTally) -> int:
    """Return what the institution holds: what came in, less what reached somebody else."""
    captured = sum(row.amount for payment, row in tally.captures.items() if tally.stands(payment))
    gone = sum(
        row.amount
        for payout, row in tally.payouts.items()
        if payout in tally.paid and tally.arrival(payout) in ("", COMPLETE)
    )
    return captured - gone + refunds.deposited - refunds.sum_of(PAID)["amount"]


def _refunds(day: DayFiles, refunds: RefundTally) -> Counter[str]:
    book = Counter({f"refund_float:{day.platform}": -refunds.free})
    for name, row in refunds.requests.items():
        if refunds.states[name] == REQUESTED:
            book[f"refund_due:{row.payment}"] -= row.amount
    return book


def _fees(day: DayFiles, fees: FeeTally) -> Counter[str]:
    accrued = sum(row.amount for row in fees.charges.values())
    received = sum(row.amount for row in fees.invoices.values())
    book = Counter({f"fee_due:{day.platform}": accrued - received})
    for party, earned in fees.income(day.institution).items():
        book[f"fee_income:{party}"] -= earned
    for (_, party), amount in fees.portions.items():
        book[f"fee_received:{party}"] += amount
    shared = {row.invoice for row in fees.shares.values()}
    for name, invoice in fees.invoices.items():
        if name not in shared:
            book[f"fee_received:{day.institution}"] += invoice.amount
    return book
