"""The exact outcome of a day, as ``expected.json`` holds it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from cli.day.phases import (
    corrections,
    late_captures,
    reversals,
    trading_captures,
    trading_orders,
)
from cli.day.rows import PAID, Day
from cli.day.tally import Tally

COMPLETE, OPEN, CONFLICTING, VOID = "complete", "open", "conflicting", "void"
Facts = dict[str, Counter[str]]


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
        ValueError: the day's payouts are not what is due.
    """
    tally = Tally(day.receivers)
    run_trading(tally, day)
    tally.settle(day.payouts, day.business_date)
    for confirmation in day.confirmations:
        tally.confirm(confirmation)
    for capture in late_captures(day):
        tally.capture(capture)
    facts, loose = _facts(tally)
    return {
        "balances": _balances(tally),
        "business_date": day.business_date,
        "conflicting": sorted(loose[CONFLICTING]),
        "facts": {
            state: sum(c[state] for c in facts.values()) for state in (COMPLETE, OPEN, CONFLICTING)
        },
        "facts_by_kind": {kind: dict(sorted(c.items())) for kind, c in sorted(facts.items())},
        "institution": day.institution,
        "one_sided": sorted(loose[OPEN]),
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
        "troubles": {name: list(day.troubles[name]) for name in sorted(day.troubles)},
    }


def _facts(tally: Tally) -> tuple[Facts, dict[str, list[str]]]:
    facts: Facts = {kind: Counter() for kind in ("split", "reversal", "payout-result", "arrival")}
    loose: dict[str, list[str]] = {OPEN: [], CONFLICTING: []}
    for payment in tally.orders.keys() | tally.captures.keys():
        state = tally.state(payment)
        # A withdrawal or a reversal settles what was open: nothing is awaited any more.
        facts["split"][COMPLETE if state == VOID else state] += 1
        if payment in tally.reversed:
            facts["reversal"][COMPLETE] += 1
        if state == OPEN:
            awaited = "instruction" if payment in tally.captures else "capture"
            loose[OPEN].append(f"{awaited} payment:{payment}")
        if state == CONFLICTING:
            loose[CONFLICTING].append(f"payment:{payment}")
    for payout in tally.payouts:
        facts["payout-result"][COMPLETE] += 1
        state = _arrival(tally, payout)
        if state:
            facts["arrival"][state] += 1
        if state == OPEN:
            loose[OPEN].append(f"arrival payout:{payout}")
        if state == CONFLICTING:
            loose[CONFLICTING].append(f"payout:{payout}")
    return facts, loose


def _arrival(tally: Tally, payout: str) -> str:
    row = tally.payouts[payout]
    if row.result != PAID or not tally.receivers[row.receiver].owner:
        return ""
    confirmed = tally.confirmations.get(payout)
    if confirmed is None:
        return OPEN
    same = (confirmed.amount, confirmed.currency) == (row.amount, row.currency)
    return COMPLETE if same else CONFLICTING


def _balances(tally: Tally) -> dict[str, dict[str, int]]:
    """Sum the accounts per class and currency, debit positive."""
    books: dict[str, Counter[str]] = {}
    for payment, capture in tally.captures.items():
        if payment in tally.reversed:
            continue
        held = "pending" if tally.state(payment) == COMPLETE else "suspense"
        book = books.setdefault(capture.currency, Counter())
        book["reserve"] += capture.amount
        book[held] -= capture.amount
    for payout, row in tally.payouts.items():
        if row.result != PAID:
            continue
        book = books[row.currency]
        book["pending"] += row.amount
        if _arrival(tally, payout) in (OPEN, CONFLICTING):
            book["paid"] -= row.amount
        else:
            book["reserve"] -= row.amount
    return {
        currency: {account: amount for account, amount in sorted(book.items()) if amount}
        for currency, book in sorted(books.items())
    }
