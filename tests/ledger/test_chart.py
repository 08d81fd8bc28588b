"""The chart of accounts: classes, sides, and names that Beancount allows."""

from __future__ import annotations

import pytest
from beancount.core import account as beancount_account
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.books import beancount
from ledger.books import ASSETS, LIABILITIES
from ledger.chart import CHART, OTHERS, PartyBook, class_of, share_of
from tests.api.books_kit import ODD
from tests.ledger.ledger_kit import GENESIS

IDENTIFIER = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._:|*@-]{0,12}", fullmatch=True)
AWKWARD = st.text("aAzZxX19dhuc._:-", min_size=1, max_size=6).filter(lambda text: text[0].isalnum())


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


def test_what_is_lent_is_in_the_book_of_the_party_that_it_names() -> None:
    book = PartyBook(GENESIS, "funder", lambda _: False)
    assert book.holds("funding:funder")
    assert not book.holds("funding:auditor")
    assert not book.holds("principal:funder")


@pytest.mark.parametrize(
    ("own", "theirs"),
    [
        ("reserve", "Assets:Reserve"),
        ("pending:shop-7", "Liabilities:Pending:Shop-7"),
        ("in_transit:s1", "Liabilities:In-Transit:S1"),
        ("in_transit:S1", "Liabilities:In-Transit:X--S1"),
        ("fee_income:platform", "Income:Fee-Income:Platform"),
        (f"pending:{ODD}", "Liabilities:Pending:S--u1--dx--cY--h--hz--h"),
        ("principal:L1:a", "Assets:Principal:X--L1--ca"),
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
