"""Expectations: an owner, an age and a due time for every half that is still missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.expectations import KINDS, Expectation, lateness_ms, status
from ledger.genesis import DUE_MS
from tests.ledger.ledger_kit import GENESIS, MINUTE, Ledger, make_genesis, opened

DUE_AFTER = GENESIS.due_after_ms["instruction"]


def captured_at(genesis_due_ms: int | None = None) -> tuple[Ledger, Expectation]:
    """Return a ledger with one open expectation on the platform, and that expectation."""
    choices = {} if genesis_due_ms is None else {"due_ms": {"instruction": genesis_due_ms}}
    ledger = opened(make_genesis(**choices))
    ledger.capture()
    return ledger, ledger.row(Expectation, "instruction", "payment:P1")


def met_after(delay_ms: int) -> tuple[Expectation, int]:
    ledger, _ = captured_at()
    ledger.now += delay_ms
    ledger.instruct()
    return ledger.row(Expectation, "instruction", "payment:P1"), ledger.now


def test_an_open_expectation_is_overdue_only_past_its_due_time() -> None:
    _, row = captured_at()
    assert status(row, row.opened_at) == "open"
    assert status(row, row.due_at) == "open"
    assert status(row, row.due_at + 1) == "overdue"
    assert lateness_ms(row, row.due_at) == 0
    assert lateness_ms(row, row.due_at + 7) == 7


def test_overdue_is_never_stored() -> None:
    ledger, row = captured_at()
    ledger.now = row.due_at + MINUTE
    ledger.register("another")
    assert ledger.row(Expectation, "instruction", "payment:P1") == row


def test_a_late_half_meets_and_its_lateness_stays_visible() -> None:
    row, now = met_after(DUE_AFTER + 5000)
    assert status(row, now + MINUTE) == "met"
    assert lateness_ms(row, now + MINUTE) == 5000
    assert row.settled_at == now


def test_a_half_in_time_is_not_late_however_long_ago_it_was() -> None:
    row, now = met_after(MINUTE)
    assert lateness_ms(row, now + 100 * DUE_AFTER) == 0


def test_a_conflict_stays_conflicting_and_its_age_counts_on() -> None:
    ledger, _ = captured_at()
    ledger.instruct(amount=9000)
    row = ledger.row(Expectation, "instruction", "payment:P1")
    assert status(row, row.due_at + MINUTE) == "conflicting"
    assert lateness_ms(row, row.due_at + MINUTE) == MINUTE
    assert (row.settled_entry, row.settled_at) == (-1, -1)


def test_due_times_come_from_genesis() -> None:
    _, row = captured_at(genesis_due_ms=90_000)
    assert row.due_at - row.opened_at == 90_000


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_due_time_of_its_own(kind: str) -> None:
    assert kind in DUE_MS


@given(st.integers(0, 10 * DUE_AFTER), st.integers(0, 10 * DUE_AFTER))
def test_lateness_never_shrinks_while_the_half_is_missing(earlier: int, later: int) -> None:
    now = 1_767_578_400_000
    due_at = now + DUE_AFTER
    row = Expectation("capture", "p", "a", "b", 1, "CNY", 0, now, due_at, "open", -1, -1, "")
    first, last = sorted((earlier, later))
    assert lateness_ms(row, now + first) <= lateness_ms(row, now + last)
    assert (status(row, now + last) == "overdue") == (lateness_ms(row, now + last) > 0)
