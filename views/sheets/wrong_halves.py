"""Exceptions in the halves of repayments, and in money that waits in suspense."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ledger import expectations
from ledger.contracts.halves import Capture, Instruction
from ledger.contracts.loan_rows import RepaymentAttempt
from ledger.contracts.receivers import ACTIVE
from ledger.expectations import CAPTURE, INSTRUCTION, REVERSAL, Expectation, ExpectationKind
from views.sheets.money import Money
from views.sheets.repayments import Traced, is_own, own_of
from views.sheets.views import ExceptionKind, ExceptionLine
from views.sheets.wrong import Search, exception

_HALVES: tuple[ExpectationKind, ...] = (INSTRUCTION, CAPTURE, REVERSAL)
_LATE: dict[str, ExceptionKind] = {
    INSTRUCTION: "split-not-stated",
    CAPTURE: "capture-not-stated",
    REVERSAL: "reversal-unanswered",
}


def of_the_date(search: Search, found: Iterable[Traced]) -> Iterator[ExceptionLine]:
    """Yield what is wrong with the halves of the date's repayments, and what is in suspense."""
    for attempt, money, line in found:
        if money is None or money.capture is None or attempt.state != "succeeded":
            continue
        facts = {
            "loan": attempt.loan,
            "attempt": attempt.attempt,
            "payment": attempt.payment,
            "currency": attempt.currency,
        }
        amount = search.part.in_question(line.captured, attempt.amount, search.platform)
        if money.trouble is not None and amount:
            half = money.capture if money.instruction is None else money.instruction
            since = money.since or money.capture.captured_at
            facts_of_half = {**facts, "detail": money.detail, "entry": half.entry}
            yield exception(money.trouble, search.platform, amount, since, **facts_of_half)
        yield from _suspended(search, attempt, money, facts)


def _suspended(
    search: Search, attempt: RepaymentAttempt, money: Money, facts: Mapping[str, str]
) -> Iterator[ExceptionLine]:
    """Yield legs that wait: the institution resumes the receiver, then the platform splits anew."""
    for each in money.positions:
        if each.trouble != "waits-in-suspense":
            continue
        receiver = search.part.receivers.get(each.leg.receiver)
        resumed = receiver is not None and receiver.state == ACTIVE
        acting = search.platform if resumed else search.institution
        own = each.leg.amount if is_own(each, search.part) else 0
        amount = search.part.in_question(own, each.leg.amount, acting)
        if amount:
            about = {**facts, "receiver": each.leg.receiver, "entry": attempt.entry}
            since = search.starts(attempt.date)
            yield exception("waits-in-suspense", acting, amount, since, **about)


def of_earlier_halves(search: Search, shown: Mapping[str, Traced]) -> Iterator[ExceptionLine]:
    """Yield what is wrong with the halves of repayments that are not shown, or were reversed."""
    rows = {(row.kind, row.subject.partition(":")[2]): row for row in search.unmet(_HALVES)}
    rows = {key: row for key, row in rows.items() if key[0] == REVERSAL or key[1] not in shown}
    keys = [(payment,) for _, payment in rows]
    captures = search.reader.rows_under(Capture, keys)
    instructions = search.reader.rows_under(Instruction, keys)
    named: dict[str, tuple[str, str]] = {}
    for key in keys:
        half = captures.get(key) or instructions.get(key)
        if half is not None and half.loan:
            named[key[0]] = (half.loan, half.attempt)
    attempts = search.reader.rows_under(RepaymentAttempt, named.values())
    for (_, payment), row in rows.items():
        if payment in named:
            attempt = attempts.get(named[payment])
            yield from _earlier(search, row, attempt, (payment, *named[payment]))


def _earlier(
    search: Search, row: Expectation, attempt: RepaymentAttempt | None, named: tuple[str, str, str]
) -> Iterator[ExceptionLine]:
    if attempt is not None and attempt.date > search.point.day:
        return
    own = row.amount if search.part.whole else 0
    if attempt is not None and not search.part.whole:
        own = own_of(attempt, search.part)
    amount = search.part.in_question(own, row.amount, row.awaited)
    if not amount:
        return
    payment, loan, number = named
    facts: dict[str, Any] = {"loan": loan, "attempt": number, "payment": payment}
    facts |= {"currency": row.currency, "detail": row.detail, "entry": row.opened_entry}
    conflicts = row.state == expectations.CONFLICTING
    kind = "split-differs" if conflicts else _LATE[row.kind]
    yield exception(kind, row.awaited, amount, row.opened_at, **facts)
