"""Bugs in the rules: execution, contracts and books."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from ledger import books, execute
from ledger.batch import Batch
from ledger.books import Balance
from ledger.calendar import BusinessDays
from ledger.contracts import RULES, calendars, loan_state
from ledger.contracts.calendars import CalendarVersion, CalendarYear
from ledger.contracts.payments import PaymentCaptured
from ledger.errors import Refused
from ledger.execute import Execution
from ledger.records import Record
from ledger.state import Transaction
from simulator.keys import YEARS
from tests.simulator.mutants.mutant import mutant, plan_of


@mutant("I6", plan_of(1))
def a_posting_does_not_balance(monkeypatch: pytest.MonkeyPatch) -> None:
    """A contract adds one fen to the reserve that nobody gave."""
    post = books.post

    def generous(tx: Transaction, currency: str, lines: Any) -> None:
        post(tx, currency, lines)
        row = tx.rows[Balance]["reserve", currency]
        tx.put(Balance("reserve", currency, 1 + (0 if row is None else row.amount)))

    monkeypatch.setattr(books, "post", generous)


@mutant("I6", plan_of(1))
def a_refusal_changes_the_books(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule refuses after it has posted, and what it did is not taken back."""
    rule = RULES[PaymentCaptured]

    def late(tx: Transaction, record: Any) -> None:
        rule.apply(tx, record)
        if tx.entry % 2:  # the preview's guess of the entry may be another one
            raise Refused("too-late", "Too late.", expected="nothing", got="something")

    rules: dict[Any, Any] = RULES
    monkeypatch.setitem(rules, PaymentCaptured, rule._replace(apply=late))
    monkeypatch.setattr(Transaction, "undo", lambda self: self.log.clear())


@mutant("I4", plan_of(1))
def a_record_is_entered_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last record of each page becomes two entries."""
    execute_batch = execute._execute_batch

    def doubled(
        execution: Execution, tx: Transaction, batch: Batch, records: Sequence[Record]
    ) -> None:
        raws = (*batch.records, batch.records[-1])
        twice = SimpleNamespace(party=batch.party, number=batch.number, records=raws)
        execute_batch(execution, tx, cast(Batch, twice), (*records, records[-1]))

    monkeypatch.setattr(execute, "_execute_batch", doubled)


@mutant("loans", replace(plan_of(5), cast="guaranteed", records=150))
def a_loan_forgets_what_was_repaid(monkeypatch: pytest.MonkeyPatch) -> None:
    """The account of a loan goes on saying that all of its principal is open."""
    monkeypatch.setattr(loan_state, "_repaid", lambda kind, found: 0)


@mutant("I5", replace(plan_of(10), records=150))
def a_calendar_outlives_its_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest calendar is kept in memory, and explains what was executed before it held."""
    newest: dict[int, CalendarVersion] = {}

    def remembered(tx: Transaction) -> BusinessDays:
        for year in YEARS:
            head = tx.rows[CalendarYear][year,]
            if head is not None:
                found = tx.rows[CalendarVersion][year, head.held]
                known = newest.get(year)
                if found is not None and (known is None or known.version < found.version):
                    newest[year] = found
        return BusinessDays(lambda year: newest.get(year) or tx.genesis.calendar.founded.get(year))

    monkeypatch.setattr(calendars, "business_days", remembered)
