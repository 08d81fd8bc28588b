"""The books for Beancount: what it adds up is what the ledger holds, as of any place."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from beancount import loader
from beancount.core.data import Balance as Assertion
from beancount.core.data import Open, Transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli import main
from cli.books import beancount, source
from cli.client import Client
from demo.day.cast import DayPlan
from demo.day.generate import generate
from ledger.genesis import Role
from node.storage import books as stored_books
from tests.api.api_kit import Consortium, applied, captured, until
from tests.api.books_kit import Served, StoredLedger, fill, month_served, serving
from tests.cli.export_kit import (
    bean_balances,
    bean_check,
    csv_lines,
    exported,
    part_of,
    stored_balances,
    sums,
)
from tests.demo.test_sample import Played
from tests.ledger.ledger_kit import DAY, GENESIS, PARTIES

served = month_served()


def test_beancount_adds_up_what_the_ledger_holds(served: Served, tmp_path: Path) -> None:
    path = exported(served, tmp_path / "books.beancount")
    assert bean_check(path) == ""
    assert bean_balances(path) == stored_balances(served.store)


@pytest.mark.parametrize("party", PARTIES)
def test_the_book_of_one_party_balances_by_itself(
    served: Served, tmp_path: Path, party: str
) -> None:
    path = exported(served, tmp_path / "books.beancount", "--party", party)
    assert bean_check(path) == ""
    assert bean_balances(path) == part_of(stored_balances(served.store), party)


@pytest.mark.parametrize(("cut", "by"), [("amount", 1), ("assertion", 1), ("assertion", -1)])
def test_bean_check_finds_one_fen_too_many(
    served: Served, tmp_path: Path, cut: str, by: int
) -> None:
    path = exported(served, tmp_path / "books.beancount")
    text = path.read_text()
    line = "  Assets:Reserve  100.00 CNY" if cut == "amount" else "Assets:Reserve  249.33 ~ 0 CNY"
    amount = line.split()[1]
    changed = line.replace(amount, str(Decimal(amount) + Decimal(by) / 100))
    assert text.count(line) >= 1
    path.write_text(text.replace(line, changed, 1))
    assert "Assets:Reserve" in bean_check(path)


def test_every_transaction_says_which_entry_it_is(served: Served, tmp_path: Path) -> None:
    path = exported(served, tmp_path / "books.beancount")
    entries, _, _ = loader.load_file(str(path))
    told = {int(each.meta["entry"]): each for each in entries if isinstance(each, Transaction)}
    with served.store.reader() as reader:
        stored = {each.index: each for each in reader.entries(0, 1000)}
        heights = {each.height: each for each in reader.blocks(1, 1000)}
    assert len(told) == 20
    for index, each in told.items():
        entry = stored[index]
        facts = (each.meta["type"], each.meta["id"], each.meta["party"], each.meta["subject"])
        assert facts == (entry.type, entry.id, entry.party, entry.subject)
        assert each.meta["height"] == entry.height
        assert each.payee == entry.party
        assert each.narration == f"{entry.type} {entry.id}"
        time = heights[entry.height].header.time
        assert each.date.isoformat() == GENESIS.calendar.business_date(time)


def test_every_account_is_opened_and_its_balance_asserted_on_the_day_after(
    served: Served, tmp_path: Path
) -> None:
    entries, _, _ = loader.load_file(str(exported(served, tmp_path / "books.beancount")))
    opened = {each.account: each for each in entries if isinstance(each, Open)}
    asserted = [each for each in entries if isinstance(each, Assertion)]
    assert {each.account for each in asserted} == set(opened)
    assert {each.date.isoformat() for each in asserted} == {"2026-02-05"}
    assert {each.date.isoformat() for each in opened.values()} == {"2026-01-01"}
    assert opened["Assets:Reserve"].currencies == ["CNY", "JPY"]
    assert all(beancount.own_name(name) == each.meta["account"] for name, each in opened.items())
    zero = [each for each in asserted if each.amount.number == 0]
    assert "Liabilities:Suspense:X--P1" in {each.account for each in zero}


def test_a_running_node_exports_its_books_by_its_home(tmp_path: Path) -> None:
    parties: tuple[Role, ...] = ("platform", "institution")
    running = Consortium(tmp_path / "homes", parties, quorum=2)
    try:
        client = running.clients["institution"]
        until(lambda: client.get("/readyz").status_code == 200)
        applied(client, captured("P1", "c-1"))
        home, out = running.homes["institution"].path, tmp_path / "books.beancount"
        assert main.run(["export", "books", "--home", str(home), "--out", str(out)]) == 0
        held = stored_balances(running.nodes["institution"].store)
    finally:
        running.close()
    assert bean_check(out) == ""
    assert held == {("reserve", "CNY"): 10_000, ("suspense:P1", "CNY"): -10_000}
    assert bean_balances(out) == held


@pytest.mark.parametrize(
    ("as_of", "date"),
    [("0", "2026-01-01"), ("20", "2026-01-05"), ("2026-01-06", "2026-01-06"),
     ("2026-01-31", "2026-01-07"), ("2026-02-04", "2026-02-04")],
)  # fmt: skip
def test_books_as_of_then_are_those_that_stood_then(
    served: Served, tmp_path: Path, as_of: str, date: str
) -> None:
    path = exported(served, tmp_path / "then.beancount", "--as-of", as_of)
    assert bean_check(path) == ""
    assert f"({date})" in path.read_text().splitlines()[0]
    replayed = StoredLedger()
    with served.store.reader() as reader:
        height = 0
        for block in reader.blocks(1, 1000):
            late = block.height > int(as_of) if as_of.isdigit() else day_of(block) > as_of
            height = height if late else block.height
        for number in range(1, height + 1):
            stored = reader.block(number)
            assert stored is not None
            replayed.now = stored.block.header.time
            replayed.run(*stored.block.batches)
    assert bean_balances(path) == stored_balances(replayed.store)


def day_of(block: Any) -> str:
    return GENESIS.calendar.business_date(block.header.time)


def test_an_export_pins_its_end_while_the_log_grows(tmp_path: Path) -> None:
    ledger = StoredLedger(f"sqlite:///{tmp_path / 'ledger.db'}")
    fill(ledger)
    before = stored_balances(ledger.store)
    with serving(ledger.store, tmp_path) as served:
        books = source.ask(Client(served.url, served.token), None, None)
        ledger.now += DAY
        ledger.capture("P9", 77)
        lines = [
            (line.account, line.currency, line.amount)
            for entry in books.entries()
            for line in entry.postings
        ]
        accounts = {(each.account, each.currency): each.balance for each in books.accounts()}
    assert stored_balances(ledger.store) != before
    assert sums(lines) == before == {key: amount for key, amount in accounts.items() if amount}


def test_pages_of_entries_leave_nothing_out(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = exported(served, tmp_path / "whole.csv", "--format", "csv").read_bytes()
    monkeypatch.setattr(stored_books, "ENTRIES_PAGE", 3)
    monkeypatch.setattr(source, "PAGE", 2)
    paged = exported(served, tmp_path / "paged.csv", "--format", "csv").read_bytes()
    assert paged == whole
    path = exported(served, tmp_path / "paged.beancount", "--party", "platform")
    assert bean_check(path) == ""


@settings(max_examples=3, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10_000), order=st.integers(0, 10_000))
def test_books_of_any_day_add_up_to_its_balances(
    tmp_path_factory: pytest.TempPathFactory, seed: int, order: int
) -> None:
    folder = tmp_path_factory.mktemp("day")
    ledger = StoredLedger(f"sqlite:///{folder / 'ledger.db'}")
    Played(generate(DayPlan(60, seed)), order, ledger)
    held = stored_balances(ledger.store)
    with serving(ledger.store, folder) as served:
        path = exported(served, folder / "books.beancount")
        table = exported(served, folder / "books.csv", "--format", "csv")
        assert bean_check(path) == ""
        assert bean_balances(path) == held
        assert sums(csv_lines(table)) == held
        for party in ("platform", "funder"):
            path = exported(served, folder / "party.beancount", "--party", party)
            assert bean_check(path) == ""
    ledger.store.close()
