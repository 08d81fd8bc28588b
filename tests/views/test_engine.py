"""The engine of listings: walks, names of pages, what is left out."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, ClassVar, get_args

from ledger.state import Row
from tests.views.views_kit import empty_values
from views.labels import Label
from views.listing import FORMS, Filter, Kind, Listing, page_struct, walk_for
from views.listings import LISTINGS
from views.refunds import REFUNDS, RefundView
from views.view import ViewStruct


class Line(Row, frozen=True):
    """A row of which an index begins with the first half of its key."""

    TABLE: ClassVar[str] = "test_lines"
    KEY: ClassVar[int] = 2
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (("batch", "state"),)

    batch: str
    line: int
    state: str


class LineView(ViewStruct, frozen=True, kw_only=True):
    batch: Annotated[str, Label("batch", "批")]
    state: Annotated[str, Label("state", "状态")]


LINES = Listing(
    name="lines",
    row=Line,
    view=LineView,
    help="List lines.",
    filters=(Filter(name="batch", kind="id"), Filter(name="state", kind="text")),
    columns=("batch", "state"),
)


def test_an_index_is_walked_only_from_its_beginning() -> None:
    """Else one statement looks at every row of the table, beyond what one page may look at."""
    assert dict(walk_for(LINES, {"state": "open"}).fixed) == {}


FAILED = Listing(name="failed", row=REFUNDS.row, view=RefundView, help="List failed refunds.")


def test_every_kind_of_filter_has_a_form_and_is_used() -> None:
    kinds = set(get_args(Kind))
    assert set(FORMS) == kinds
    assert {each.kind for listing in LISTINGS for each in listing.filters} == kinds
    numbers = {kind for kind, form in FORMS.items() if form.value is int}
    assert numbers == {kind for kind, form in FORMS.items() if "ge" in form.bounds}


def test_two_lists_may_show_one_view() -> None:
    """Else ``/openapi.json`` answers 500: pages of two shapes have one name."""
    assert len({page_struct(each).__name__ for each in (REFUNDS, FAILED)}) == 2


def test_a_list_may_be_named_as_commands_are() -> None:
    """Without ``member`` a name with a hyphen is no field, and the node does not start."""
    page_struct(replace(FAILED, name="failed-refunds"))


def test_values_with_which_a_field_is_left_out_are_values() -> None:
    for listing in LISTINGS:
        for name, value in empty_values(listing.view).items():
            assert isinstance(value, int | str | list | tuple | None), f"{listing.name}.{name}"
