"""Listings as they are declared: what they name exists, and each walks an index."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from string import Formatter
from typing import Any, get_type_hints

import pytest

from ledger.state import Row
from tests.api.test_queries_plans import LOAN_QUESTIONS, QUESTIONS
from tests.views.views_kit import empty_values
from views.fees import CHARGES
from views.labels import labels_of, words_in
from views.listing import Column, Listing, Shown, page_struct, walk_for
from views.listings import LISTINGS
from views.payouts import PAYOUTS

MANUAL = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text("utf-8")
each_listing = pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.name)
WALKED = (*(each for each in LISTINGS if each.rows is None), PAYOUTS, CHARGES)
"""Plain lists, and those that walk as one where they may."""
each_walked_listing = pytest.mark.parametrize("listing", WALKED, ids=lambda listing: listing.name)


def fields_of(row: type[Any]) -> tuple[str, ...]:
    found: tuple[str, ...] = getattr(row, "__struct_fields__", ()) or row._fields
    return found


def hints_of(listing: Listing) -> dict[str, Any]:
    """Return the fields of what a listing looks at: its rows, or what it finds instead, views."""
    views = {} if listing.rows is None else get_type_hints(listing.view)
    return {**views, **get_type_hints(listing.row)}


def shown_by(listing: Listing) -> Iterator[Shown]:
    """Yield every column of a listing's table, whatever stands above what."""
    for each in listing.columns:
        yield from each if isinstance(each, tuple) else (each,)


def test_names_and_addresses_are_distinct() -> None:
    for values in ([each.name for each in LISTINGS], [each.address for each in LISTINGS]):
        assert len(set(values)) == len(values)


@each_listing
def test_columns_are_fields_of_the_view_that_have_labels(listing: Listing) -> None:
    fields, labels = listing.view.__struct_fields__, labels_of(listing.view)
    for shown in shown_by(listing):
        names = shown.fields if isinstance(shown, Column) else (shown,)
        assert set(names) <= set(fields)
        assert set(names) <= set(labels)
        assert not isinstance(shown, Column) or bool(shown.fields) != bool(shown.text)
    assert listing.columns


@each_listing
def test_a_filter_that_has_to_be_equal_names_a_column_of_the_row(listing: Listing) -> None:
    columns = {each.name for each in listing.filters if not each.judged}
    assert columns <= set(hints_of(listing))
    names = [each.name for each in listing.filters]
    assert len(set(names)) == len(names)
    for each in listing.filters:
        is_in_path = f"{{{each.name}}}" in listing.address
        assert each.help or each.kind == "choice" or is_in_path


@each_listing
def test_a_choice_is_of_words_that_the_row_or_the_listing_knows(listing: Listing) -> None:
    hints = hints_of(listing)
    for each in listing.filters:
        if each.kind == "choice":
            assert each.words
            stored = each.words if each.judged else words_in(hints[each.name])
            assert set(each.words) == set(stored)


@each_listing
def test_what_an_address_has_in_braces_is_a_filter_and_the_others_are_not(listing: Listing) -> None:
    in_path = {name for _, name, *_ in Formatter().parse(listing.address) if name}
    assert in_path <= {each.name for each in listing.filters}


@each_listing
def test_a_place_is_made_of_columns_of_the_row_in_types_that_json_has(listing: Listing) -> None:
    assert set(listing.places) <= set(fields_of(listing.row))
    assert all(kind in {str, int} or words_in(kind) for kind in listing.place_types())


@each_listing
def test_disputes_name_an_item_by_its_first_field(listing: Listing) -> None:
    if listing.subject:
        name, *_ = listing.view.__struct_fields__
        hints = get_type_hints(listing.view)
        assert hints[name] is str
        assert "disputed" in words_in(hints["state"])


@each_listing
def test_a_page_has_what_it_was_judged_by_the_items_and_what_is_next(listing: Listing) -> None:
    page = page_struct(listing)
    judged = [each.name for each in listing.filters if each.shown]
    goes_on = {} if listing.whole else {"next": ""}
    assert page.__struct_fields__ == (*judged, listing.items_name, *goes_on)
    assert empty_values(page) == goes_on


@each_listing
def test_the_first_line_of_its_help_is_a_sentence(listing: Listing) -> None:
    first = listing.help.partition("\n")[0]
    assert first.endswith(".")
    assert len(first) <= 90


@each_listing
def test_the_manual_has_a_row_for_the_list_and_names_its_filters(listing: Listing) -> None:
    section = MANUAL.partition("\n## Reading\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `GET ")]
    assert [row for row in rows if re.match(rf"\| `GET {re.escape(listing.address)}[`?]", row)]
    named = {*re.findall(r"`(\w+)", section), *re.findall(r"[?&](\w+)=", section)}
    assert {each.name for each in listing.filters} <= named | {"payout"}


# -- walks ----------------------------------------------------------------------------------------


def orders_of(kind: type[Row]) -> Iterator[tuple[str, ...]]:
    """Yield in which orders a table is kept: by its key, and by each index and then the key."""
    key = kind.__struct_fields__[: kind.KEY]
    for index in ((), *kind.INDEXES):
        yield tuple(dict.fromkeys((*index, *key)))


def is_along(kind: type[Row], fixed: Sequence[str], order: Sequence[str]) -> bool:
    """Return whether rows with some columns fixed lie together in an order, one after the other."""
    count = len(fixed)
    return any(
        set(kept[:count]) == set(fixed) and kept[count : count + len(order)] == tuple(order)
        for kept in orders_of(kind)
    )


def questions(listing: Listing) -> Iterator[dict[str, Any]]:
    """Yield every choice of filters that have to be equal, with those that are required."""
    equal = [each for each in listing.filters if not each.judged]
    required = [each.name for each in equal if each.required]
    free = [each.name for each in equal if not each.required]
    for count in range(len(free) + 1):
        for chosen in combinations(free, count):
            yield dict.fromkeys((*required, *chosen), "x")


@each_walked_listing
def test_a_plain_list_walks_an_index_whatever_is_asked(listing: Listing) -> None:
    for wanted in questions(listing):
        walk = walk_for(listing, wanted)
        assert set(walk.fixed) <= set(wanted)
        assert is_along(listing.row, tuple(walk.fixed), walk.order), (wanted, walk)


def test_the_checker_of_walks_bites() -> None:
    refunds = next(each for each in LISTINGS if each.name == "refunds")
    assert not is_along(refunds.row, ("order",), ("refund",))
    assert not is_along(refunds.row, (), ("amount",))
    assert is_along(refunds.row, ("payment",), ("refund",))


@each_listing
def test_the_plan_of_its_queries_is_explained(listing: Listing) -> None:
    asked = (question.partition("?")[0] for question in (*QUESTIONS, *LOAN_QUESTIONS))
    shape = listing.address.replace("{payout}", "O1")
    assert shape in set(asked)
