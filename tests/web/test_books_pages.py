"""Pages of the books: equal columns, classes that open to accounts, statements, postings."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import urlencode

import pytest

from tests.api.loans_kit import KeptLoans, portfolio_on
from tests.api.queries_kit import Kept
from tests.web.shown_kit import CHINESE, ShownPages, main_of, pages_of, rows_of, text_of
from views.cells import Style, choose, money
from web.rendering import environment

kept = portfolio_on()


@pytest.fixture(scope="module")
def shown(kept: KeptLoans) -> Iterator[ShownPages]:
    yield from pages_of(kept)


def amount(cells: list[str]) -> int:
    """Return what stands in the columns of debit and credit, in minor units, debit positive."""
    debit, credit = (int(re.sub(r"\D", "", each) or 0) for each in cells)
    return debit - credit


def accounts_at(shown: ShownPages, address: str) -> list[list[str]]:
    """Return the rows of a list of accounts, page after page."""
    rows = []
    while address:
        html = shown.html(address)
        rows += rows_of(html, "Accounts")
        found = re.search(r'<a class="button" rel="next" href="([^"]*)">', html)
        address = unescape(found.group(1)) if found else ""
    return rows


def test_the_columns_are_equal_and_said_to_be(shown: ShownPages) -> None:
    (total,) = shown.twin("/books")["totals"]
    choose(Style(symbols=True))
    assert total["debit"] == total["credit"] > 0
    whole = money(total["debit"], "CNY")
    assert f"The two columns are equal: {whole} debit = {whole} credit" in shown.text("/books")
    rows = rows_of(shown.html("/books"), "Trial balance CNY")
    assert sum(amount(row[1:3]) for row in rows) == 0


def test_columns_that_differ_are_an_alarm() -> None:
    choose(Style(symbols=True))
    source = """{% from "book_parts.html" import equality with context %}"""
    source += """{{ equality(100, 99, "CNY", "") }}"""
    text = environment().from_string(source).render()
    assert 'role="alert"' in text
    assert "Debit ¥1.00 is not credit ¥0.99" in text


@pytest.mark.parametrize("party", ["", "fund-a", "platform", "institution"])
@pytest.mark.parametrize("as_of", ["", "60"])
def test_a_class_opens_to_accounts_that_sum_to_it(
    shown: ShownPages, party: str, as_of: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.pages.books.PAGE_ROWS", 3)
    asked = {name: value for name, value in (("party", party), ("as_of", as_of)) if value}
    html = shown.html(f"/books?{urlencode(asked)}")
    links = re.findall(r'<a href="(/books/accounts\?kind=[^"]*)">', html)
    lines = [
        each
        for each in rows_of(html, "Trial balance CNY")
        if each[0].split(" · ")[0].split()[-1] != "others"
    ]
    assert len(links) == len(lines) > 0
    for link, line in zip(links, lines, strict=True):
        rows = accounts_at(shown, unescape(link))
        assert sum(amount(row[2:4]) for row in rows) == amount(line[1:3])


def test_the_choice_of_party_and_place_is_kept(shown: ShownPages) -> None:
    html = shown.html("/books?party=fund-a&as_of=20")
    assert "kind=funding&amp;as_of=20&amp;party=fund-a" in html
    html = shown.html("/books/accounts?kind=funding&as_of=20&party=fund-a")
    assert "account=funding%3Afund-a&amp;currency=CNY&amp;as_of=20&amp;party=fund-a" in html
    html = shown.html("/books/statement?account=funding:fund-a&currency=CNY&as_of=20&party=fund-a")
    assert 'href="/books?as_of=20&amp;party=fund-a"' in html
    assert '<option value="fund-a" selected>' in html


def test_a_statement_has_its_running_balance_and_leads_to_its_entries(shown: ShownPages) -> None:
    path = "/books/statement?account=reserve&currency=CNY"
    html, found = shown.html(path), shown.twin(path)
    choose(Style(symbols=True))
    rows = rows_of(html, "Statement of reserve")
    assert [row[-1] for row in rows] == [money(each["balance"], "CNY") for each in found["lines"]]
    assert f"Balance {money(found['closing'], 'CNY')}" in text_of(html)
    for each in found["lines"]:
        assert f'<a href="/books/entries/{each["entry"]}">' in html


def test_a_statement_goes_on_page_by_page(
    shown: ShownPages, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "/books/statement?account=reserve&currency=CNY"
    whole = rows_of(shown.html(path), "Statement of reserve")
    monkeypatch.setattr("web.pages.books.PAGE_ROWS", 2)
    rows, address = [], path
    while address:
        html = shown.html(address)
        rows += rows_of(html, "Statement of reserve")
        found = re.search(r'<a class="button" rel="next" href="([^"]*)">', html)
        address = unescape(found.group(1)) if found else ""
    assert rows == whole
    assert len(rows) > 4


def test_a_statement_is_had_as_csv(shown: ShownPages) -> None:
    path = "/v1/books/statement?account=reserve&currency=CNY"
    lines = shown.client.get(path, headers={"accept": "application/json"}).json()["lines"]
    found = list(csv.DictReader(io.StringIO(shown.client.get(f"{path}&format=csv").text)))
    assert [(int(each["entry"]), int(each["balance"])) for each in found] == [
        (each["entry"], each["balance"]) for each in lines
    ]


def test_an_entry_shows_its_balanced_lines(kept: KeptLoans, shown: ShownPages) -> None:
    entry = kept.get("/v1/books/statement", account="reserve", currency="CNY")["lines"][0]["entry"]
    path = f"/books/entries/{entry}"
    html, found = shown.html(path), shown.twin(path)
    rows = rows_of(html, f"Postings of entry {entry}")
    assert [amount(row[2:4]) for row in rows] == [each["amount"] for each in found["postings"]]
    assert sum(amount(row[2:4]) for row in rows) == 0
    assert "The lines are balanced:" in text_of(html)


def test_an_entry_that_moved_no_money_says_so(shown: ShownPages) -> None:
    assert "it posted nothing" in shown.text("/books/entries/0")


@pytest.mark.parametrize(
    "path, status, said",
    [
        ("/books/entries/99999", 404, "entries"),
        ("/books/statement?account=nonsense", 404, "accounts are"),
        ("/books?as_of=99999", 404, "heights are"),
        ("/books/accounts?kind=nonsense", 400, "is no class"),
        ("/books?party=nobody", 404, "the parties are"),
    ],
)
def test_what_is_not_there_is_a_page_that_says_what_is(
    shown: ShownPages, path: str, status: int, said: str
) -> None:
    found = shown.client.get(path)
    assert found.status_code == status
    assert said in text_of(main_of(found.text))


def test_accounts_of_one_class_are_had_as_json(kept: KeptLoans) -> None:
    every = kept.get("/v1/books/accounts", limit=500)["accounts"]
    some = kept.get("/v1/books/accounts", kind="principal", limit=500)["accounts"]
    assert some == [each for each in every if each["kind"] == "principal"]
    assert some


def test_books_without_a_posting_say_what_opens_them(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    empty = Kept(tmp_path_factory.mktemp("empty"))
    for pages in pages_of(empty):
        assert "Nothing is posted yet" in pages.text("/books")
        assert "No account has a balance here" in pages.text("/books/accounts")
    empty.close()


def test_classes_are_named_in_the_language_of_the_reader(shown: ShownPages) -> None:
    assert "客户备付金" in shown.text("/books", **CHINESE)
    assert "customers' money that is held" in shown.text("/books")
    assert "试算平衡表" in shown.text("/books", **CHINESE)
