"""Before a block: what a record will read is fetched at once, and previewed on an overlay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ledger.contracts import decode_record
from ledger.errors import Refused
from ledger.execute import Preview, execute
from ledger.state import (
    Changes,
    Key,
    Overlay,
    Row,
    Wanted,
)
from tests.ledger import fee_kit, refund_kit
from tests.ledger.ledger_kit import (
    DAY,
    GENESIS,
    MORNING,
    Ledger,
    captured,
    due_ledger,
    opened,
    paid_of,
    payout_of,
    split_ledger,
)
from tests.ledger.refusal_kit import (
    CONFIRMATION,
    NEW_RECEIVER,
    ONE_PAYMENT,
    REFUSALS,
    Said,
    capture,
    instruct,
    paid_out,
    payout,
)

# --- prefetch -----------------------------------------------------------------------------------


class Counting:
    """A view over rows that remembers what was prefetched, and what was read without it."""

    def __init__(self, below: Overlay) -> None:
        self.below = below
        self.loaded: set[tuple[type[Row], Key]] = set()
        self.waves = 0
        self.cold: list[tuple[str, Key]] = []

    def get(self, kind: type[Any], key: Key) -> Any:
        if (kind, key) not in self.loaded:
            self.cold.append((kind.TABLE, key))
        return self.below.get(kind, key)

    def fetch(self, wanted: Wanted) -> Changes:
        self.waves += 1
        self.loaded.update((kind, key) for kind, keys in wanted.items() for key in keys)
        return self.below.fetch(wanted)


def cold_reads(ledger: Ledger, *said: Said) -> tuple[Counting, list[tuple[str, Key]]]:
    view = Counting(ledger.view)
    batches = [ledger.seal(a, [ledger.record(type_, fields)]) for a, type_, fields in said]
    done = execute(GENESIS, ledger.tip, ledger.frontier, view, ledger.now, batches)
    assert done.refusals == []
    return view, view.cold


def instructed() -> Ledger:
    ledger = opened()
    ledger.instruct()
    return ledger


def in_books() -> Ledger:
    """Return a ledger whose receivers already have open buckets."""
    ledger = split_ledger()
    ledger.capture("P2")
    return ledger


def paid() -> Ledger:
    ledger = paid_out()
    ledger.paid()
    return ledger


ORDINARY: dict[str, tuple[Callable[[], Ledger], Said]] = {
    "first half: capture": (opened, capture()),
    "first half: instruction": (opened, instruct()),
    "second half: capture": (instructed, capture()),
    "second half: instruction": (in_books, instruct(payment="P2")),
    "payout": (due_ledger, payout()),
    "paid": (paid_out, ("institution", "settlement.paid", paid_of())),
    "confirmed": (paid, ("platform", "settlement.confirmed", CONFIRMATION)),
    "returned": (paid, ("institution", "settlement.returned", {"payout": "O1", "reason": "any"})),
    "reversed": (split_ledger, ("institution", "payment.reversed", ONE_PAYMENT)),
    "withdrawn": (instructed, ("platform", "split.withdrawn", ONE_PAYMENT)),
    "registered": (opened, ("institution", "receiver.registered", NEW_RECEIVER)),
    **refund_kit.ORDINARY,
    **fee_kit.ORDINARY,
}


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_record_reads_only_what_was_prefetched(name: str) -> None:
    make, said = ORDINARY[name]
    view, cold = cold_reads(make(), said)
    assert cold == []
    assert 1 <= view.waves <= 4


# --- preview ------------------------------------------------------------------------------------


def preview_of(ledger: Ledger, view: Overlay, said: Said, entry: int = 100) -> None:
    author, type_, fields = said
    record = decode_record(ledger.record(type_, fields))
    Preview(ledger.genesis, view, ledger.tip, author, time_ms=ledger.now).apply(record, entry)


def test_preview_applies_to_the_overlay_only() -> None:
    ledger = opened()
    view = Overlay(ledger.view)
    preview_of(ledger, view, capture())
    preview_of(ledger, view, instruct(), 101)
    assert view.changes
    assert ledger.balances() == {}
    with pytest.raises(Refused) as caught:
        preview_of(ledger, view, capture(), 102)
    assert caught.value.code == "already-captured"


@pytest.mark.parametrize("code", REFUSALS)
def test_preview_refuses_what_execution_refuses_and_leaves_the_overlay(code: str) -> None:
    make, said = REFUSALS[code]
    ledger = make()
    view = Overlay(ledger.view)
    with pytest.raises(Refused) as caught:
        preview_of(ledger, view, said)
    assert caught.value.code == code
    assert view.changes == {}


def test_a_previewed_id_counts_as_used() -> None:
    ledger = opened()
    view = Overlay(ledger.view)
    preview_of(ledger, view, ("institution", "payment.captured", {"id": "a", **captured()}))
    with pytest.raises(Refused) as caught:
        preview_of(ledger, view, ("institution", "payment.captured", {"id": "a", **captured()}))
    assert caught.value.code == "id-reused"


# --- its time ---------------------------------------------------------------------------------


def test_a_preview_judges_by_the_newest_block_where_that_is_ahead_of_the_clock() -> None:
    ledger = split_ledger()
    ledger.wait_for("2026-01-06")
    ledger.capture("P2")
    assert ledger.genesis.calendar.business_date(ledger.tip.time) == "2026-01-06"
    clock = MORNING

    def preview(date: str, amount: int = 7000) -> None:
        own = Overlay(ledger.view)
        preview = Preview(ledger.genesis, own, ledger.tip, "institution", time_ms=clock)
        fields = payout_of(cutoff_date=date, amount=amount)
        preview.apply(decode_record(ledger.record("settlement.created", fields)), ledger.tip.size)

    preview("2026-01-06")
    with pytest.raises(Refused) as caught:
        preview("2026-01-07")
    assert caught.value.code == "not-due-yet"
    assert caught.value.expected.startswith("a cut-off date of 2026-01-06 or before; ")


def test_a_preview_lets_pass_what_was_said_near_the_newest_block() -> None:
    ledger = opened()
    ledger.now += 3 * DAY
    ledger.capture()
    record = decode_record(
        ledger.record("payment.captured", captured("P2", captured_at=ledger.now))
    )
    preview = Preview(
        ledger.genesis, Overlay(ledger.view), ledger.tip, "institution", time_ms=MORNING
    )
    preview.apply(record, ledger.tip.size)
