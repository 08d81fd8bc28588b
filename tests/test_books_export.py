"""The books as files: what Beancount, Excel and others add up is what the ledger holds."""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from api_kit import Consortium, applied, captured, until
from beancount import loader
from beancount.core import account as beancount_account
from beancount.core import realization
from beancount.core.data import Balance as Assertion
from beancount.core.data import Open, Transaction
from books_kit import ODD, Served, StoredLedger, fill, serving
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_sample import Played

from cli import main
from cli.books import beancount, source, spreadsheet
from cli.books.source import Books, decimal
from cli.client import Client
from cli.day.cast import Plan
from cli.day.generate import generate
from cli.errors import CheckFailed
from cli.files import whole
from ledger.books import ASSETS, EXPONENTS, LIABILITIES, Balance
from ledger.chart import CHART, OTHERS, Book, class_of, share_of
from ledger.genesis import Role
from ledger.posted import BooksEnd, BooksHead, Place, PostedEntry, PostedLine
from node.storage import books as stored_books
from node.storage.store import Store
from tests.ledger_kit import DAY, GENESIS, PARTIES

Balances = dict[tuple[str, str], int]
Capture = pytest.CaptureFixture[str]

BEAN_CHECK = Path(sys.executable).with_name("bean-check")
IDENTIFIER = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,12}", fullmatch=True)
AWKWARD = st.text("aAzZxX19dhuc._:-", min_size=1, max_size=6).filter(lambda text: text[0].isalnum())
OWNERS = {"platform-fee": "platform", "funder-share": "funder"}
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("books")
    ledger = StoredLedger(f"sqlite:///{folder / 'ledger.db'}")
    fill(ledger)
    with serving(ledger.store, folder) as served:
        yield served
    ledger.store.close()


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
    whole = number.scaleb(EXPONENTS.get(currency, 2))
    assert whole == int(whole)
    return int(whole)


def stored_balances(store: Store) -> Balances:
    with store.reader() as reader:
        rows = reader.rows(Balance, limit=100_000)
    return {(row.account, row.currency): row.amount for row in rows}


def part_of(balances: Balances, party: str) -> Balances:
    """Return a party's part, balanced by what the others hold."""
    book = Book(GENESIS, party, lambda receiver: OWNERS.get(receiver) == party)
    mine = {key: amount for key, amount in balances.items() if book.holds(key[0])}
    for (_, currency), amount in list(mine.items()):
        mine[OTHERS, currency] = mine.get((OTHERS, currency), 0) - amount
    return {key: amount for key, amount in mine.items() if amount}


def sums(lines: list[tuple[str, str, int]]) -> Balances:
    found: Balances = defaultdict(int)
    for account, currency, amount in lines:
        found[account, currency] += amount
    return {key: amount for key, amount in found.items() if amount}


# -- the chart ------------------------------------------------------------------------------------


def test_the_chart_has_every_class_of_the_books_on_its_side() -> None:
    debit = {kind.name for kind in CHART if kind.side == "asset"}
    credit = {kind.name for kind in CHART if kind.side != "asset"}
    assert (debit, credit) == (set(ASSETS), set(LIABILITIES))


def test_no_class_is_named_by_the_beginning_of_another() -> None:
    """Pages of accounts go on class by class: that is the order of the accounts' names."""
    names = sorted(kind.name for kind in CHART)
    assert not [(a, b) for a in names for b in names if a != b and b.startswith(a)]


@pytest.mark.parametrize("account", ["reserve:x", "pending", "pending:", "savings:x", "", ":"])
def test_what_the_chart_does_not_name_is_no_account(account: str) -> None:
    with pytest.raises(LookupError, match="accounts are reserve, suspense:<payment>"):
        class_of(account)


@pytest.mark.parametrize(
    ("party", "shares"),
    [
        ("institution", {"reserve": "all", "pending": "all", "fee_income": "named"}),
        ("platform", {"reserve": "none", "suspense": "all", "pending": "owned"}),
        ("funder", {"reserve": "none", "suspense": "none", "pending": "owned"}),
    ],
)
def test_a_party_is_a_side_of_what_the_chart_says(party: str, shares: dict[str, str]) -> None:
    kinds = {kind.name: share_of(kind, GENESIS, party) for kind in CHART}
    assert {name: kinds[name] for name in shares} == shares


def test_a_claim_is_in_the_book_of_the_guarantor_that_it_names() -> None:
    book = Book(GENESIS, "funder", lambda _: False)
    assert book.holds("claim:funder:L1")
    assert not book.holds("claim:auditor:funder")


# -- names in Beancount ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "theirs"),
    [
        ("reserve", "Assets:Reserve"),
        ("pending:shop-7", "Liabilities:Pending:Shop-7"),
        ("in_transit:s1", "Liabilities:In-Transit:S1"),
        ("in_transit:S1", "Liabilities:In-Transit:X--S1"),
        ("fee_income:platform", "Income:Fee-Income:Platform"),
        (f"pending:{ODD}", "Liabilities:Pending:S--u1--dx--cY--h--hz--h"),
        ("claim:funder:L1", "Assets:Claim:Funder--cL1"),
        (OTHERS, "Equity:Others"),
    ],
)
def test_accounts_have_names_that_beancount_allows(own: str, theirs: str) -> None:
    assert beancount.their_name(own) == theirs
    assert beancount.own_name(theirs) == own


@settings(max_examples=500)
@given(st.sampled_from([kind.name for kind in CHART if kind.of]), IDENTIFIER | AWKWARD)
def test_every_account_is_found_back_from_its_name_in_beancount(name: str, of: str) -> None:
    theirs = beancount.their_name(f"{name}:{of}")
    assert beancount_account.is_valid(theirs)
    assert beancount.own_name(theirs) == f"{name}:{of}"


# -- Beancount ------------------------------------------------------------------------------------


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


# -- as of ----------------------------------------------------------------------------------------


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
        books = source.ask(Client(served.url, served.token), "", "")
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


# -- random days ----------------------------------------------------------------------------------


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10_000), order=st.integers(0, 10_000))
def test_books_of_any_day_add_up_to_its_balances(
    tmp_path_factory: pytest.TempPathFactory, seed: int, order: int
) -> None:
    folder = tmp_path_factory.mktemp("day")
    ledger = StoredLedger(f"sqlite:///{folder / 'ledger.db'}")
    Played(generate(Plan(60, seed)), order, ledger)
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


# -- CSV ------------------------------------------------------------------------------------------


def csv_lines(path: Path) -> list[tuple[str, str, int]]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        amount = Decimal(row["debit"]) - Decimal(row["credit"])
        assert in_minor_units(amount, row["currency"]) == int(row["amount_minor"])
    return [(row["account"], row["currency"], int(row["amount_minor"])) for row in rows]


def test_csv_adds_up_to_the_balances(served: Served, tmp_path: Path) -> None:
    path = exported(served, tmp_path / "books.csv", "--format", "csv")
    assert sums(csv_lines(path)) == stored_balances(served.store)
    assert path.read_text().splitlines()[0] == ",".join(spreadsheet.COLUMNS)


def test_csv_goes_to_standard_output_too(
    served: Served, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    path = exported(served, tmp_path / "books.csv", "--format", "csv")
    capfdbinary.readouterr()
    assert export(served, "--format", "csv") == 0
    assert capfdbinary.readouterr().out == path.read_bytes()


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_text_of_a_csv_file_is_a_formula(text: str) -> None:
    assert spreadsheet.guarded(text) == f"'{text}"
    lines = spread(text, spreadsheet.write_csv).decode().split("\n", 1)[1]
    (row,) = csv.reader(io.StringIO(lines, newline=""))
    assert row[3:8] == [f"'{text}"] * 5
    assert row[-1] == "-5"


def test_other_texts_of_a_csv_file_stay_as_they_are() -> None:
    assert [spreadsheet.guarded(text) for text in ("P1", "pending:a-b", "")] == [
        "P1",
        "pending:a-b",
        "",
    ]


def spread(text: str, write: Any, amount: int = -5) -> bytes:
    """Return a file of one posting whose texts are all ``text``."""
    file = io.BytesIO()
    list(write(Books(iter(stream_of(text, amount)), lambda _: {"accounts": []}), file))
    return file.getvalue()


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


# -- Excel ----------------------------------------------------------------------------------------


def sheets(data: bytes) -> list[list[list[tuple[str, str]]]]:
    """Return the sheets' rows of cells, each with its type: ``n`` or a text's."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [n for n in archive.namelist() if n.startswith("xl/worksheets/sheet")]
        trees = [ElementTree.fromstring(archive.read(name)) for name in sorted(names)]
    return [[[cell(each) for each in row] for row in tree.iter(f"{SHEET}row")] for tree in trees]


def cell(element: ElementTree.Element) -> tuple[str, str]:
    assert element.find(f"{SHEET}f") is None  # a formula
    return element.get("t", "n"), "".join(element.itertext())


def test_a_workbook_adds_up_to_the_balances(served: Served, tmp_path: Path) -> None:
    path = exported(served, tmp_path / "books.xlsx", "--format", "xlsx")
    balances, postings = sheets(path.read_bytes())
    assert [text for _, text in postings[0]][:2] == ["entry 序号", "height 区块"]
    lines = [(row[7][1], row[8][1], int(row[11][1])) for row in postings[1:]]
    assert sums(lines) == stored_balances(served.store)
    for row in postings[1:]:
        amount = Decimal(row[9][1]) - Decimal(row[10][1])
        assert in_minor_units(amount, row[8][1]) == int(row[11][1])
    told = [
        (row[0][1], row[1][1], in_minor_units(Decimal(row[2][1]) - Decimal(row[3][1]), row[1][1]))
        for row in balances[1:]
    ]
    assert sums(told) == stored_balances(served.store)


@pytest.mark.parametrize("text", ["=1+1", "@x", "http://x", "{=1}"])
def test_a_text_in_a_workbook_is_never_a_formula_or_a_link(text: str) -> None:
    data = spread(text, spreadsheet.write_xlsx)
    _, (_, row) = sheets(data)
    assert [row[column] for column in (3, 7)] == [("inlineStr", text)] * 2
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert not [name for name in archive.namelist() if "rels/sheet" in name]


def test_amounts_beyond_a_cells_precision_are_texts() -> None:
    amount = 2**53 - 1
    _, (_, row) = sheets(spread("x", spreadsheet.write_xlsx, amount))
    assert row[9] == ("inlineStr", "90071992547409.91")
    assert row[11] == ("inlineStr", str(amount))
    _, (_, row) = sheets(spread("x", spreadsheet.write_xlsx, 10**15 - 1))
    assert row[9] == ("n", "9999999999999.99")


def test_a_full_sheet_goes_on_in_another(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spreadsheet, "SHEET_ROWS_MAX", 31)
    path = exported(served, tmp_path / "books.xlsx", "--format", "xlsx")
    balances, *parts = sheets(path.read_bytes())
    assert [len(part) for part in parts] == [31, 16]
    assert parts[0][0] == parts[1][0]
    lines = [(row[7][1], row[8][1], int(row[11][1])) for part in parts for row in part[1:]]
    assert sums(lines) == stored_balances(served.store)
    assert len(balances) <= 31


# -- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("chosen", ["beancount", "csv", "xlsx"])
def test_the_same_books_give_the_same_bytes(served: Served, tmp_path: Path, chosen: str) -> None:
    first = exported(served, tmp_path / "first", "--format", chosen).read_bytes()
    assert exported(served, tmp_path / "second", "--format", chosen).read_bytes() == first
    if chosen == "xlsx":
        with zipfile.ZipFile(tmp_path / "first") as archive:
            assert {each.date_time[0] for each in archive.infolist()} == {1980}
            assert b"2026-02-04T00:00:00Z" in archive.read("docProps/core.xml")


def test_a_stream_that_is_cut_off_leaves_no_file(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    out = tmp_path / "books.csv"
    out.write_text("older")
    whole = Client.stream_lines

    def cut(self: Client, path: str, **query: object) -> Iterator[bytes]:
        lines = list(whole(self, path, **query))
        yield from lines[:-2]

    monkeypatch.setattr(Client, "stream_lines", cut)
    assert export(served, "--format", "csv", "--out", out) == 1
    assert capsys.readouterr().err.startswith("error: export-cut-off: ")
    assert [each.name for each in tmp_path.iterdir()] == ["books.csv"]
    assert out.read_text() == "older"


@pytest.mark.parametrize("keep", [slice(0, 0), slice(0, 1), slice(0, 2), slice(1, 3)])
def test_a_stream_without_its_head_or_end_is_not_whole(keep: slice) -> None:
    with pytest.raises(CheckFailed, match="before its end"):
        list(Books(iter(stream_of("reserve", 5)[keep]), lambda _: {}).entries())


def test_a_folder_that_is_not_there_is_an_unwritable_file(
    served: Served, tmp_path: Path, capsys: Capture
) -> None:
    assert export(served, "--out", tmp_path / "none" / "books.csv") == 2
    assert capsys.readouterr().err.startswith("error: unwritable-file: ")


def test_a_workbook_does_not_go_to_standard_output(capsys: Capture) -> None:
    assert main.run(["export", "books", "--format", "xlsx", "--url", "http://x"]) == 2
    assert capsys.readouterr().err.startswith("error: out-needed: ")


@pytest.mark.parametrize(
    ("options", "outcome"),
    [
        (
            ("--party", "bank"),
            (2, "no-such-party: the parties are platform, institution, funder"),
        ),
        (("--as-of", "36"), (1, "no-such-block: blocks are 1 to 35; got 36")),
        (("--as-of", "9998-12-31"), (1, "date-in-future: the business date is ")),
        (
            ("--as-of", "2025-12-31"),
            (1, "date-before-founding: the ledger was founded on 2026-01-01; as of 2025-12-31 "),
        ),
        (("--as-of", "2026-02-30"), (2, "bad-place: '2026-02-30' is no block's height and no")),
        (("--as-of", "yesterday"), (2, "bad-place: 'yesterday' is no block's height and no date")),
    ],
)
def test_what_cannot_be_exported_is_said_with_its_code(
    served: Served,
    tmp_path: Path,
    capsys: Capture,
    options: tuple[str, ...],
    outcome: tuple[int, str],
) -> None:
    code, error = outcome
    assert export(served, "--out", tmp_path / "x", *options) == code
    assert capsys.readouterr().err.startswith(f"error: {error}")
    assert not list(tmp_path.iterdir())


def test_the_end_of_an_export_says_what_was_written(
    served: Served, tmp_path: Path, capsys: Capture
) -> None:
    exported(served, tmp_path / "books.beancount")
    said = capsys.readouterr().err
    assert re.search(r"^45 postings of 20 records written to .*, as of block 35 \(2026-", said)


def test_decimals_are_those_of_the_currency() -> None:
    said = [decimal(-5, "CNY"), decimal(1005, "JPY"), decimal(-1234, "KWD"), decimal(0, "USD")]
    assert said == ["-0.05", "1005", "-1.234", "0.00"]


def test_no_code_of_the_product_imports_beancount() -> None:
    root = Path(__file__).resolve().parent.parent
    packages = ("ledger", "consensus", "node", "api", "simulator", "cli")
    sources = [path for name in packages for path in (root / name).rglob("*.py")]
    pattern = re.compile(r"^\s*(from|import) beancount\b", re.MULTILINE)
    assert not [path for path in sources if pattern.search(path.read_text("utf-8"))]


def test_a_device_or_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with whole(pipe) as file:
            file.write(b"books")
        assert os.read(reader, 100) == b"books"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_a_link_keeps_pointing_at_what_is_written(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    link.symlink_to(real)
    with whole(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
