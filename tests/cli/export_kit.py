"""What tests of exported books share: exporting, and adding up what came out."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from beancount import loader
from beancount.core import realization
from beancount.core.data import Open

from cli import main
from ledger.books import Balance
from ledger.chart import OTHERS, PartyBook
from ledger.currencies import decimals_of
from ledger.posted import BooksEnd, BooksHead, Place, PostedEntry, PostedLine
from node.storage.store import Store
from tests.api.books_kit import Served
from tests.ledger.ledger_kit import GENESIS

Balances = dict[tuple[str, str], int]
Capture = pytest.CaptureFixture[str]

BEAN_CHECK = Path(sys.executable).with_name("bean-check")
OWNERS = {"platform-fee": "platform", "funder-share": "funder"}


def export(served: Served, *options: object) -> int:
    where = ["--url", served.url, "--token", served.token]
    return main.run(["export", "books", *where, *map(str, options)])


def exported(served: Served, path: Path, *options: object) -> Path:
    assert export(served, "--out", path, *options) == 0
    return path


def bean_check(path: Path) -> str:
    """Return what the real tool says of a file: nothing if it is good."""
    done = subprocess.run([BEAN_CHECK, path], capture_output=True, text=True)
    assert bool(done.returncode) == bool(done.stderr)
    return done.stderr


def bean_balances(path: Path) -> Balances:
    """Return what Beancount adds up, by our names and in minor units, without zeros."""
    entries, errors, _ = loader.load_file(str(path))
    assert errors == []
    opened = {each.account: each.meta["account"] for each in entries if isinstance(each, Open)}
    found: Balances = {}
    for account in realization.iter_children(realization.realize(entries)):
        for position in account.balance:
            number, currency = position.units
            found[opened[account.account], currency] = in_minor_units(number, currency)
    return found


def in_minor_units(number: Decimal, currency: str) -> int:
    whole = number.scaleb(decimals_of(currency))
    assert whole == int(whole)
    return int(whole)


def stored_balances(store: Store) -> Balances:
    with store.reader() as reader:
        rows = reader.rows(Balance, limit=100_000)
    return {(row.account, row.currency): row.amount for row in rows}


def part_of(balances: Balances, party: str) -> Balances:
    """Return a party's part, balanced by what the others hold."""
    book = PartyBook(GENESIS, party, lambda receiver: OWNERS.get(receiver) == party)
    mine = {key: amount for key, amount in balances.items() if book.holds(key[0])}
    for (_, currency), amount in list(mine.items()):
        mine[OTHERS, currency] = mine.get((OTHERS, currency), 0) - amount
    return {key: amount for key, amount in mine.items() if amount}


def sums(lines: list[tuple[str, str, int]]) -> Balances:
    found: Balances = defaultdict(int)
    for account, currency, amount in lines:
        found[account, currency] += amount
    return {key: amount for key, amount in found.items() if amount}


def csv_lines(path: Path) -> list[tuple[str, str, int]]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        amount = Decimal(row["debit"]) - Decimal(row["credit"])
        assert in_minor_units(amount, row["currency"]) == int(row["amount_minor"])
    return [(row["account"], row["currency"], int(row["amount_minor"])) for row in rows]


def stream_of(text: str, amount: int) -> list[bytes]:
    """Return a stream of books with one posting."""
    place = Place(height=1, size=1, time=0, date="2026-01-05")
    head = BooksHead(origin="o", ledger="l", founded="2026-01-01", party="", as_of=place)
    line = PostedLine(account=text, currency="CNY", amount=amount)
    entry = PostedEntry(
        index=0, height=1, time=0, date="2026-01-05", party=text, id=text, type=text,
        subject=text, postings=[line],
    )  # fmt: skip
    return [msgspec.json.encode(each) for each in (head, entry, BooksEnd(entries=1, postings=1))]
