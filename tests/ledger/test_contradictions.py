"""A contradiction is never closed by one party's word: every kind, on the real contracts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ledger.batch import Batch
from ledger.block import Tip
from ledger.contracts import RULES, payouts, settlement
from ledger.contracts.halves import Capture, Instruction, payment_state
from ledger.contracts.loan_rows import LoanCompensation
from ledger.contracts.payouts import RETURNED, Payout
from ledger.contracts.refund_float import REVERSED, FloatMovement
from ledger.contracts.settlement import SettlementReturned
from ledger.errors import Refused
from ledger.execute import Preview, check_records
from ledger.expectations import (
    ARRIVAL,
    COMPENSATION,
    CONFLICTING,
    DISPUTE,
    FLOAT_CONFIRMATION,
    KINDS,
    MET,
    REVERSAL,
    Expectation,
)
from ledger.records import type_name
from ledger.state import Overlay, Transaction
from simulator.plan import Plan
from simulator.rehearsal import Rehearsal
from tools.contradictions import (
    CASES,
    CLOSED,
    NEVER,
    Case,
    alone,
    awaited,
    outcome,
    page,
    states,
)
from tools.records_seen import LENDING

PAGE = Path(__file__).parents[2] / "docs" / "contracts.md"
NAMES = [f"{case.kind}-{number}" for number, case in enumerate(CASES)]
every_case = pytest.mark.parametrize("case", CASES, ids=NAMES)


def test_every_kind_of_expectation_has_a_case_or_a_reason_why_its_halves_cannot_differ() -> None:
    played = {case.kind for case in CASES}
    assert played | NEVER.keys() == set(KINDS)
    assert not played & NEVER.keys()


def test_the_table_of_the_page_is_what_the_contracts_do() -> None:
    text = PAGE.read_text(encoding="utf-8")
    advice = "look at the change, then: python -m tools.contradictions docs/contracts.md"
    assert page(text) == text, advice


@pytest.mark.parametrize("kind", sorted({case.kind for case in CASES}))
def test_no_party_closes_a_contradiction_alone_whatever_it_says_and_however_often(
    kind: str,
) -> None:
    assert alone(kind) == ()


@every_case
def test_what_one_party_says_alone_moves_no_money_while_the_halves_conflict(case: Case) -> None:
    for author, type_, fields in case.tries:
        ledger = case.ledger()
        before = ledger.balances()
        ledger.state(author, type_, **fields)
        if awaited(ledger, case).state == CONFLICTING:
            assert ledger.balances() == before


@every_case
def test_a_contradiction_is_closed_by_the_last_of_the_words_that_agree(case: Case) -> None:
    for words in case.closed_by:
        assert states(case, words)[-1] == MET
        assert outcome(case, *words) == CLOSED


def test_every_record_that_changes_what_is_awaited_is_tried_by_whoever_may_state_it() -> None:
    """What the tables of records say that a type does to a kind is said here by each author."""
    text = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_.]+)` \| ([^|]*) \|.*\| ([^|]*) \|$", text, re.M)
    does = {type_: set(re.findall(r"\*([a-z-]+)\*", expects)) for type_, _, expects in rows}
    for kind in {case.kind for case in CASES}:
        cases = [case for case in CASES if case.kind == kind]
        said = {type_ for case in cases for _, type_, _ in case.tries}
        said |= {type_ for case in cases for way in case.closed_by for _, type_, _ in way}
        said |= {"settlement.created"}  # the payout that is contradicted stands
        lacking = {type_ for type_, kinds in does.items() if kind in kinds} - said
        assert lacking <= {"fee.invoiced", "profit.shared", "dispute.raised"}, (kind, lacking)


class Watch:
    """Looks for contradictions that are met, and for who has met them.

    Args:
        rehearsal: What is watched.
    """

    def __init__(self, rehearsal: Rehearsal) -> None:
        self.closed: set[tuple[str, str]] = set()
        self.by_one: list[str] = []
        self.kinds: set[str] = set()
        self._genesis = rehearsal.genesis
        rehearsal.on_block = self.look

    def look(self, view: Overlay, tip: Tip, time_ms: int, batches: Sequence[Batch]) -> None:
        state, entry = Overlay(view), tip.size
        for batch in batches:
            for record in check_records(batch):
                own = Overlay(state)
                preview = Preview(self._genesis, own, tip, batch.party, time_ms=time_ms)
                entry += 1
                try:
                    preview.apply(record, entry)
                except Refused:
                    continue
                for key, row in own.changes.get(Expectation, {}).items():
                    before = state.get(Expectation, key)
                    assert isinstance(row, Expectation)
                    self.kinds |= {row.kind} if row.state == CONFLICTING else set()
                    if before is not None and before.state == CONFLICTING != row.state:
                        type_ = type_name(type(record))
                        self.closed.add((row.kind, type_))
                        if not self._agrees(own, row, batch.party):
                            self.by_one.append(f"{row.kind} {row.subject} by {type_}")
                state.merge(own.changes)

    def _agrees(self, state: Overlay, row: Expectation, author: str) -> bool:
        """Return whether who met a contradiction has agreed, taken back its own, or been asked."""
        name = row.subject.partition(":")[2]
        if row.kind == COMPENSATION:  # its money is taken back, and awaited anew; or it is settled
            stated = state.get(LoanCompensation, (name,))
            assert stated is not None
            return stated.state == ("reversed" if row.state != MET else "settled")
        if row.state != MET:
            return False
        if row.kind == ARRIVAL:
            return _both_say_so(state.get(Payout, (name,)))
        if row.kind == FLOAT_CONFIRMATION:
            movement = state.get(FloatMovement, (name,))
            assert movement is not None
            wanted = 0 if movement.state == REVERSED else movement.amount
            return movement.confirmed_amount == wanted
        if row.kind == DISPUTE:
            return "rejected" not in row.detail
        if row.kind in {"capture", "instruction"}:
            halves = state.get(Capture, (name,)), state.get(Instruction, (name,))
            reversal = state.get(Expectation, (REVERSAL, row.subject))
            is_asked = reversal is not None and reversal.state != MET
            return payment_state(*halves) == "split" or is_asked or author == "platform"
        return author == row.awaited


def _both_say_so(payout: Payout | None) -> bool:
    assert payout is not None
    if payout.state == RETURNED:
        return bool(payout.return_reason) and not payout.confirmed_amount
    return (payout.amount, "") == (payout.confirmed_amount, payout.return_reason)


def watched(seeds: Iterable[int]) -> Iterator[Watch]:
    for seed in seeds:
        rehearsal = Rehearsal(Plan(seed=seed, **LENDING, records=2500), wrong_ppm=50_000)
        watch = Watch(rehearsal)
        rehearsal.run()
        yield watch


def test_no_contradiction_of_a_rehearsal_is_closed_by_one_word() -> None:
    watches = list(watched((*range(1, 9), 10)))
    assert [each for watch in watches for each in watch.by_one] == []
    closed = set().union(*(watch.closed for watch in watches))
    assert {
        ("arrival", "settlement.confirmed"),
        ("arrival", "settlement.paid"),
        ("arrival", "settlement.returned"),
        ("capture", "split.amended"),
        ("capture", "payment.reversed"),
        ("float-confirmation", "refund_float.confirmed"),
        ("dispute", "dispute.resolved"),
        ("fee-acceptance", "fee.accepted"),
        ("fee-settlement", "fee.settled"),
        ("profit-acceptance", "profit.accepted"),
        ("profit-confirmation", "profit.confirmed"),
    } <= closed
    kinds = set().union(*(watch.kinds for watch in watches))
    assert kinds == {case.kind for case in CASES}


def test_the_watch_notices_a_return_that_closes_a_contradiction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rule of before: whatever the owner says, a return makes the legs due again."""
    returned = settlement._returned

    def alone(tx: Transaction, record: SettlementReturned) -> None:
        returned(tx, record)
        payout = payouts.require(tx, record.payout)
        if payout.state == CONFLICTING:
            payouts.come_back(tx, payout)

    (rule,) = [each for each in settlement.RULES if each.record is SettlementReturned]
    rules: dict[Any, Any] = RULES  # type: ignore[assignment]
    monkeypatch.setitem(rules, rule.record, rule._replace(apply=alone))
    assert any(watch.by_one for watch in watched(range(1, 9)))
