"""Balances of the past: what is kept of them is what sums over all postings say, at every place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from api.log_views import log_size
from ledger.genesis import Genesis
from node.errors import StorageError
from node.storage import past_balances
from node.storage.books import BookReader, ClassTotal
from node.storage.past_balances import PastBalances
from node.storage.reads import Reader
from tests.api.books_kit import StoredLedger, fill

STEPS = (1, 4, 7, 64)


@pytest.fixture
def ledger() -> Iterator[StoredLedger]:
    ledger = StoredLedger()
    fill(ledger)
    yield ledger
    ledger.store.close()


def summed(reader: Reader, genesis: Genesis, party: str, size: int) -> list[ClassTotal]:
    """Return the sums with nothing kept: from the balances at the tip."""
    return BookReader(reader, genesis, party).classes(size, log_size(reader))


def compare(ledger: StoredLedger, past: PastBalances) -> int:
    """Compare every place of every book; return of how many places something near was kept."""
    near = 0
    with ledger.store.reader() as reader:
        tip = log_size(reader)
        for size in range(tip + 1):
            known = past.near(size, tip)
            near += known is not None and abs(known.size - size) < tip - size
            for party in ("", *ledger.genesis.names):
                books = BookReader(reader, ledger.genesis, party, past)
                assert books.classes(size, tip) == summed(reader, ledger.genesis, party, size)
    return near


def caught_up(ledger: StoredLedger, past: PastBalances) -> None:
    thread = past.keep_up(ledger.tip.size)
    if thread is not None:
        thread.join()


@pytest.mark.parametrize("step", STEPS)
def test_every_place_of_every_book_is_as_summed(
    ledger: StoredLedger, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(past_balances, "STEP", step)
    past = PastBalances(ledger.store.reader)
    assert compare(ledger, past) == 0
    caught_up(ledger, past)
    assert (compare(ledger, past) > 0) == (step < ledger.tip.size)


@pytest.mark.parametrize("step", STEPS[:-1])
@pytest.mark.parametrize("added_max", [1, 10, 1000])
def test_what_comes_later_is_added(
    ledger: StoredLedger, monkeypatch: pytest.MonkeyPatch, step: int, added_max: int
) -> None:
    monkeypatch.setattr(past_balances, "STEP", step)
    monkeypatch.setattr(past_balances, "ADDED_MAX", added_max)
    past = PastBalances(ledger.store.reader)
    caught_up(ledger, past)
    ledger.register("platform-late", owner="platform")
    for number in range(12):
        ledger.capture(f"Late-{number}", 1000 + number)
        if number % 4 == 0:  # an account of a class that was not there, of a receiver that is new
            legs = [{"amount": 1000 + number, "leg": 1, "purpose": "fee"}]
            legs[0]["receiver"] = "platform-late"
            ledger.instruct(f"Late-{number}", 1000 + number, legs=legs)
    before = compare(ledger, past)
    caught_up(ledger, past)
    assert compare(ledger, past) > before


@pytest.mark.parametrize("at_once", [True, False])
def test_only_so_many_places_are_kept(
    ledger: StoredLedger, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    monkeypatch.setattr(past_balances, "STEP", 1)
    monkeypatch.setattr(past_balances, "PLACES_MAX", 16)
    past = PastBalances(ledger.store.reader)
    if not at_once:
        caught_up(ledger, past)
    for number in range(60):
        ledger.capture(f"More-{number}", 100 + number)
    caught_up(ledger, past)
    assert compare(ledger, past) > 0
    assert {len(sums) for sums in past._sums.values()} == {past._places}
    assert past._places <= 16
    assert past._step in (4, 8)


def test_an_older_snapshot_is_answered_by_what_it_knows(
    ledger: StoredLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past_balances, "STEP", 8)
    past = PastBalances(ledger.store.reader)
    caught_up(ledger, past)
    newest = past.near(ledger.tip.size, ledger.tip.size)
    assert newest is not None
    older = past.near(newest.size - 1, newest.size - 1)
    assert older is not None
    assert older.size == newest.size - 8
    assert past.near(7, 7) is None


def test_a_database_that_fails_costs_what_is_kept_and_nothing_else(
    ledger: StoredLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past_balances, "STEP", 4)
    fails = [True]

    @contextmanager
    def opened() -> Iterator[Reader]:
        if fails[0]:
            raise StorageError("storage-failed", "the disk is away")
        with ledger.store.reader() as reader:
            yield reader

    past = PastBalances(opened)
    caught_up(ledger, past)
    assert compare(ledger, past) == 0
    fails[0] = False
    caught_up(ledger, past)
    assert compare(ledger, past) > 0


def test_a_sum_that_is_wrong_would_be_seen(
    ledger: StoredLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past_balances, "STEP", 4)
    past = PastBalances(ledger.store.reader)
    caught_up(ledger, past)
    sums = past._sums[past_balances.SumKey("reserve", "", "CNY")]
    sums[-1] += 1
    with pytest.raises(AssertionError):
        compare(ledger, past)
