"""Exceptions in compensations, and disputes that stand about the party's money."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ledger.contracts.disputes import STANDING, Dispute
from ledger.contracts.halves import Capture, Instruction
from ledger.contracts.loan_rows import LoanCompensation, RepaymentAttempt
from ledger.contracts.payouts import Payout
from ledger.expectations import COMPENSATION, Expectation
from ledger.state import Walk
from views.reader import walked
from views.sheets.repayments import own_of
from views.sheets.views import CompensationLine, ExceptionLine
from views.sheets.wrong import Search, exception


def of_compensations(search: Search, lines: Sequence[CompensationLine]) -> Iterator[ExceptionLine]:
    """Yield compensations that are due and not stated, that differ, or whose money is late."""
    names = [each.compensation for each in lines if each.compensation]
    keys = [(COMPENSATION, f"compensation:{name}") for name in names]
    awaited = search.reader.rows_under(Expectation, keys)
    stated = search.reader.rows_under(LoanCompensation, [(name,) for name in names])
    for each in lines:
        facts: dict[str, Any] = {"loan": each.loan, "currency": each.currency}
        facts["entry"] = each.entries[-1]
        since = search.starts(each.since)
        if each.state == "due":
            yield exception("compensation-due", each.guarantor, each.due, since, **facts)
            continue
        facts["compensation"] = each.compensation
        facts["payment"] = stated[each.compensation,].payment
        row = awaited.get((COMPENSATION, f"compensation:{each.compensation}"))
        if each.state == "conflicting":
            facts["detail"] = "" if row is None else row.detail
            yield exception("compensation-differs", each.guarantor, each.unpaid, since, **facts)
        elif row is not None and search.point.as_of_ms > row.due_at:
            facts_of_money = (row.awaited, each.unpaid, row.opened_at)
            yield exception("compensation-unpaid", *facts_of_money, **facts)


def of_disputes(search: Search) -> Iterator[ExceptionLine]:
    """Yield the disputes that stand about repayments of the date or before, and about payouts."""
    for state in STANDING:
        for row in walked(search.reader, Dispute, Walk({"state": state}, ("dispute",))):
            if row.entry < search.point.known.size:
                yield from _of_dispute(search, row)


def _of_dispute(search: Search, row: Dispute) -> Iterator[ExceptionLine]:
    kind, _, name = row.subject.partition(":")
    facts = _of_payment(search, name) if kind == "payment" else {}
    if kind == "payout":
        payout = search.reader.row(Payout, (name,))
        if payout is not None and payout.receiver in search.part.receivers:
            facts = {"payout": name, "receiver": payout.receiver, "currency": payout.currency}
            facts["amount"] = payout.amount
    if facts.get("amount"):
        amount = facts.pop("amount")
        since = _time_of(search, row.entry)
        facts |= {"detail": row.reason, "entry": row.entry}
        yield exception("disputed", row.against, amount, since, **facts)


def _of_payment(search: Search, payment: str) -> dict[str, Any]:
    """Return what a disputed repayment is, and the party's part of it; nothing if it is none."""
    capture = search.reader.row(Capture, (payment,))
    half = capture or search.reader.row(Instruction, (payment,))
    if half is None or not half.loan:
        return {}
    attempt = search.reader.row(RepaymentAttempt, (half.loan, half.attempt))
    if attempt is None or attempt.date > search.point.day:
        return {}
    facts = {"loan": half.loan, "attempt": half.attempt, "payment": payment}
    return {**facts, "currency": half.currency, "amount": own_of(attempt, search.part)}


def _time_of(search: Search, index: int) -> int:
    (entry,) = search.reader.entries(index, 1)
    return search.reader.block_times({entry.height})[entry.height]
