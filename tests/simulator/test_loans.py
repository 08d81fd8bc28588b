"""Loans in random business: all that can befall them does, and the checker of loans bites."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from ledger import books
from ledger.contracts import (
    compensation_money,
    instructions,
    loan_funding,
    loan_state,
    loan_statements,
    payments,
    refunds,
    repayments,
)
from ledger.contracts.allocation import Leg
from ledger.contracts.halves import Capture, Instruction, payment_state
from ledger.contracts.loan_rows import (
    LoanAgreement,
    LoanCompensation,
    LoanEvent,
    LoanPlan,
    RepaymentAttempt,
)
from ledger.contracts.refunded import RefundedPayment
from ledger.execute import Execution
from ledger.lending import allocation, compensation
from ledger.state import Row
from simulator.checkers.sound_loans import LoanBooks
from simulator.plan import CASTS, Cast, Plan
from simulator.rehearsal import Rehearsal
from simulator.swarm import CAST_CHOICES, draw

R = TypeVar("R", bound=Row)
WRONG_PPM = 80_000
BUGGY_PPM = 300_000
"""What is said to be refused where a refusal may be missing."""
SEEDS = range(1, 9)


class Lending(Rehearsal):
    """A rehearsal whose loans are checked at every block, until something is wrong."""

    def __init__(self, seed: int, cast: Cast, wrong_ppm: int) -> None:
        super().__init__(Plan(seed=seed, nodes=6, cast=cast, records=2500), wrong_ppm=wrong_ppm)
        self.books = LoanBooks()
        self.wrong = ""
        self.met: Counter[str] = Counter()
        """How far payments of loans had got, block by block."""

    def _advance(self, done: Execution) -> None:
        self.wrong = self.wrong or self.books.wrong_after(done.changes)
        if self.wrong:
            self.workload.stop()
        super()._advance(done)
        for key in done.changes.get(Capture, {}).keys() | done.changes.get(Instruction, {}).keys():
            capture, instruction = self.view.get(Capture, key), self.view.get(Instruction, key)
            if capture is not None and capture.waits:
                self.met[payment_state(capture, instruction)] += 1

    def judged(self) -> str:
        """Run to the end; return what is wrong with its loans, or nothing."""
        self.run()
        return self.wrong or self.books.wrong_at_last()

    def rows(self, kind: type[R]) -> Iterator[R]:
        return (row for row in self.view.changes.get(kind, {}).values() if isinstance(row, kind))


@pytest.fixture(scope="module")
def sound() -> list[Lending]:
    """Return rehearsals in which everything is in order, with each cast in turn."""
    casts = tuple(CASTS)
    found = []
    for seed in SEEDS:
        rehearsal = Lending(seed, casts[seed % len(casts)], WRONG_PPM)
        assert rehearsal.judged() == "", seed
        found.append(rehearsal)
    return found


# -- all that can befall a loan ------------------------------------------------------------------


def test_every_kind_of_event_attempt_and_compensation_comes(sound: list[Lending]) -> None:
    events = Counter(event.kind for each in sound for event in each.rows(LoanEvent))
    assert set(events) == {
        *("disbursed", "repaid", "reversed", "waived"),
        *("replanned", "compensated", "returned"),
    }, events
    attempts = Counter(row.state for each in sound for row in each.rows(RepaymentAttempt))
    assert set(attempts) == {"succeeded", "failed", "reversed"}, attempts
    stated = Counter(row.state for each in sound for row in each.rows(LoanCompensation))
    assert set(stated) >= {"conflicting", "settled"}, stated
    states = Counter(row.state for each in sound for row in each.rows(LoanAgreement))
    assert set(states) >= {"proposed", "active", "settled"}, states
    plans = Counter(row.state for each in sound for row in each.rows(LoanPlan))
    assert plans["accepted"] > 3, plans


def test_money_is_overpaid_paid_ahead_paid_late_and_refunded(sound: list[Lending]) -> None:
    attempts = [row for each in sound for row in each.rows(RepaymentAttempt)]
    assert any(row.overpaid for row in attempts)
    assert any(row.ahead for row in attempts)
    assert any(len(row.shares) > 2 for row in attempts)
    events = [event for each in sound for event in each.rows(LoanEvent)]
    dates = {(event.loan, event.record): event.date for event in events}
    assert any(event.date < dates.get((event.loan, event.record - 1), "") for event in events)
    refunded = {row.payment for each in sound for row in each.rows(RefundedPayment)}
    assert refunded & {row.payment for row in attempts if row.overpaid}


def test_splits_agree_conflict_and_wait_for_suspended_receivers(sound: list[Lending]) -> None:
    met: Counter[str] = Counter()
    waiting = 0
    for rehearsal in sound:
        met += rehearsal.met
        of_loans = {row.payment for row in rehearsal.rows(Capture) if row.waits and row.stands}
        agreed = {row.payment for row in rehearsal.rows(Instruction) if row.allocated}
        waits = {row.payment for row in rehearsal.rows(Leg) if not row.bucket}
        waiting += len(of_loans & agreed & waits)
    assert set(met) >= {"captured", "split", "conflicting", "reversed"}, met
    assert waiting


def test_every_method_is_lent_and_by_several_funders(sound: list[Lending]) -> None:
    agreements = [row for each in sound for row in each.rows(LoanAgreement)]
    for method in ("equal-instalment", "equal-principal", "interest-first", "flat", "bullet"):
        assert any(f'"method":"{method}"' in row.terms for row in agreements), method
    assert any('"method":"stated"' in row.terms for row in agreements)
    assert {len(row.funders) for row in agreements} == {1, 2}
    assert {bool(row.guarantor) for row in agreements} == {True, False}


def test_loans_are_a_part_of_the_business_and_not_most_of_it(sound: list[Lending]) -> None:
    captures = Counter(row.waits for each in sound for row in each.rows(Capture))
    assert captures[True] * 10 > captures.total()
    assert captures[True] * 2 < captures.total()


def test_drawn_consortia_have_every_cast_unless_somebody_is_named() -> None:
    drawn = Counter(draw(seed, Plan()).cast for seed in range(1, 60))
    assert set(drawn) == set(CASTS) == set(CAST_CHOICES)
    for seed in range(1, 20):
        assert draw(seed, Plan(liars={"auditor": "censor"})).cast == "usual"
        assert draw(seed, Plan(cast="co-lent")).cast == "co-lent"


def test_every_cast_has_its_roles_in_the_smallest_consortium() -> None:
    assert {cast: Plan(cast=cast).voters[2:] for cast in CASTS} == {
        "usual": ("funder", "auditor"),
        "guaranteed": ("funder", "guarantor"),
        "co-lent": ("funder", "funder-b"),
    }
    assert all(len(set(Plan(cast=cast, nodes=20).voters)) == 20 for cast in CASTS)


# -- the checker bites ---------------------------------------------------------------------------

Plant = Callable[[pytest.MonkeyPatch], None]


def principal_is_not_booked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A repayment lowers the claims, and the books know nothing of it."""
    monkeypatch.setattr(repayments, "book", lambda tx, agreement, legs: None)


def one_funder_is_booked_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """All principal that comes back is booked to the first funder."""
    book = loan_state.book

    def first(tx: Any, agreement: LoanAgreement, legs: Any) -> None:
        book(tx, agreement, [leg._replace(party=agreement.names[0]) for leg in legs])

    monkeypatch.setattr(repayments, "book", first)


def the_account_forgets_what_was_repaid(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loan's account goes on saying that all principal is open."""
    monkeypatch.setattr(loan_state, "_repaid", lambda kind, found: 0)


def the_first_open_instalment_never_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loan stays due from its first date, however much was paid."""
    monkeypatch.setattr(loan_state, "_settled", lambda tx, account, numbers, found: 0)


def a_wrong_split_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform splits a captured repayment as it likes."""
    monkeypatch.setattr(repayments, "refuse_legs", lambda tx, record, amounts: None)


def an_earlier_wrong_split_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    """A split that was stated before its repayment is never held against the allocation."""
    monkeypatch.setattr(instructions, "contradict", lambda tx, capture, instruction: False)


def money_for_a_suspended_receiver_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The legs that wait are not held in suspense, but stay in the reserve."""
    monkeypatch.setattr(payments, "_hold", lambda tx, capture: None)


def the_overpaid_is_refunded_from_the_float(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was overpaid stays in suspense, and the platform's float pays it."""
    monkeypatch.setattr(
        refunds, "_source", lambda tx, payment, platform: books.refund_float(platform)
    )


def the_first_holder_takes_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is paid of a component goes to its first holder, whatever is open to that one."""

    def greedy(amount: int, weights: Sequence[int]) -> tuple[int, ...]:
        return (amount, *(0 for _ in weights[1:]))

    monkeypatch.setattr(allocation, "division", SimpleNamespace(by_weights=greedy))


def one_share_takes_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an attempt says that each receiver gets is not what its legs say."""
    shares = repayments.shares

    def unfair(agreement: LoanAgreement, legs: Any) -> dict[str, int]:
        found = shares(agreement, legs)
        return {name: sum(found.values()) for name in list(found)[:1]}

    monkeypatch.setattr(repayments, "shares", unfair)


def a_guarantor_pays_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The funders keep the claims that were compensated."""
    monkeypatch.setattr(
        compensation, "_to_guarantor", lambda instalment, passed, guarantor: instalment
    )


def a_void_compensation_stays_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guarantor's money was void, and it goes on holding the claims."""
    monkeypatch.setattr(compensation_money, "take_back", lambda tx, name, day: None)


def a_reversed_repayment_stays_paid(monkeypatch: pytest.MonkeyPatch) -> None:
    """The capture is void, and the loan is as if it had been paid."""
    monkeypatch.setattr(repayments, "take_back", lambda tx, named, day: None)


def a_waiver_leaves_no_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was waived cannot be computed anew."""
    keep = loan_state.keep

    def silent(tx: Any, loan: Any, found: Any, event: LoanEvent) -> None:
        keep(tx, loan, found, event)
        tx.delete(LoanEvent, (event.loan, event.record))

    monkeypatch.setattr(loan_statements, "keep", silent)


def an_event_says_another_amount(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log of a loan's events has a fen more than what came."""
    event = LoanEvent

    def more(**fields: Any) -> LoanEvent:
        return event(**{**fields, "amount": fields["amount"] + 1})

    monkeypatch.setattr(repayments, "LoanEvent", more)


def a_reversal_forgets_since_when_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of a repayment do not say up to when penalty was counted."""
    keep = repayments.keep_repayment

    def forgetful(tx: Any, receipt: Any, named: Any, amount: int) -> None:
        keep(tx, receipt, named, amount)
        key = (receipt.loan[0].loan, named[0])
        row = tx.rows[RepaymentAttempt][key]
        tx.put(replace(row, counted=()))

    monkeypatch.setattr(repayments, "keep_repayment", forgetful)


def what_is_lent_is_not_booked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loan is paid out, and the books know nothing of it."""
    unbooked = {**vars(books), "post": lambda tx, currency, lines: None}
    monkeypatch.setattr(loan_funding, "books", SimpleNamespace(**unbooked))


BUGS: tuple[tuple[Plant, str], ...] = (
    (principal_is_not_booked, "of the principal of L"),
    (one_funder_is_booked_for_all, "in the books"),
    (the_account_forgets_what_was_repaid, "of the principal of L"),
    (the_first_open_instalment_never_moves, " whole, then "),
    (a_wrong_split_is_taken, "and allocated as"),
    (an_earlier_wrong_split_agrees, "and allocated as"),
    (money_for_a_suspended_receiver_is_lost, "waits in the books"),
    (the_overpaid_is_refunded_from_the_float, "waits in the books"),
    (the_first_holder_takes_all, "is open to"),
    (one_share_takes_all, "its legs give"),
    (a_guarantor_pays_for_nothing, "is left to"),
    (a_void_compensation_stays_settled, "is void"),
    (a_reversed_repayment_stays_paid, "is void"),
    (a_waiver_leaves_no_event, "has not one event for each"),
    (an_event_says_another_amount, "by the rules, and not"),
    (a_reversal_forgets_since_when_it_counts, "by the rules, and not"),
    (what_is_lent_is_not_booked, "of the principal of L"),
)


@pytest.mark.parametrize(("plant", "said"), BUGS, ids=[plant.__name__ for plant, _ in BUGS])
def test_a_planted_bug_is_found(plant: Plant, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    judged = (Lending(seed, "guaranteed", BUGGY_PPM).judged() for seed in SEEDS)
    wrong = next((text for text in judged if text), "nobody noticed")
    assert said in wrong
