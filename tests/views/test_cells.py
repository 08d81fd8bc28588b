"""Cells: amounts, times, ages, shares and words as people write them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.currencies import CODES, decimal
from views import cells, texts
from views.cells import Style
from views.labels import Amount, Currency, Label
from views.listing import Column
from views.view import ViewStruct

NINE = 1_772_413_200_000  # 2026-03-02T01:00:00Z
WORDS = {"open": "待答复"}


class Thing(ViewStruct, frozen=True, kw_only=True):
    """One of everything."""

    amount: Amount
    currency: Currency
    at: Annotated[int, Label("at", "时间", "ms")] = -1
    age: Annotated[int, Label("age", "时长", "age")] = 0
    share: Annotated[int, Label("share", "比例", "ppm")] = 0
    state: Annotated[str, Label("state", "状态", words=WORDS)] = ""
    whole: Annotated[bool, Label("whole", "完整")] = False
    paid_amount: Annotated[int, Label("paid", "已付", "minor")] = 0
    paid_currency: Annotated[str, Label("paid in", "付款币种")] = ""


@pytest.fixture(autouse=True)
def plain() -> Iterator[None]:
    yield
    cells.choose(Style())
    texts.choose("en")


def cell(name: str, **item: object) -> str:
    return cells.cell(Thing, name, {"currency": "CNY", **item})


@pytest.mark.parametrize(
    ("age_ms", "said"),
    [
        (0, "0s"),
        (999, "0s"),
        (61_000, "1m 1s"),
        (3_600_000, "1h 0m"),
        (273_600_000, "3d 4h"),
        (86_400_000, "1d 0h"),
    ],
)
def test_an_age_is_in_its_two_largest_units(age_ms: int, said: str) -> None:
    assert cell("age", age=age_ms) == said


@given(st.integers(0, 1_000_000))
def test_a_share_has_every_digit(ppm: int) -> None:
    shown = cell("share", share=ppm)
    assert shown.endswith(" %")
    whole, _, rest = shown.removesuffix(" %").partition(".")
    assert int(whole) * 10_000 + int(rest.ljust(4, "0")) == ppm


@given(st.integers(-(2**53), 2**53), st.sampled_from(CODES))
def test_an_amount_is_in_the_decimals_of_its_currency(amount: int, currency: str) -> None:
    cells.choose(Style())
    item = {"amount": amount, "currency": currency}
    assert cell("amount", **item) == f"{decimal(amount, currency, group=',')} {currency}"
    cells.choose(Style(grouped=False))
    assert cell("amount", **item) == decimal(amount, currency)
    cells.choose(Style(minor=True))
    assert cell("amount", **item) == f"{amount} {currency}"
    cells.choose(Style(minor=True, grouped=False))
    assert cell("amount", **item) == str(amount)


def test_an_amount_with_a_currency_of_its_own_is_in_that() -> None:
    item = {"amount": 5, "paid_amount": 1_234, "paid_currency": "JPY"}
    assert (cell("amount", **item), cell("paid_amount", **item)) == ("0.05 CNY", "1,234 JPY")


@pytest.mark.parametrize(
    ("offset", "said", "zone"),
    [
        (0, "2026-03-02 01:00:00", "UTC"),
        (480, "2026-03-02 09:00:00", "UTC+08:00"),
        (-90, "2026-03-01 23:30:00", "UTC-01:30"),
    ],
)
def test_a_time_is_in_the_zone_that_its_head_names(offset: int, said: str, zone: str) -> None:
    cells.choose(Style(offset_minutes=lambda: offset))
    assert cell("at", at=NINE) == said
    assert cells.head(Thing, "at") == f"at ({zone})"
    assert cells.head(Thing, "age") == "age"


def test_nobody_is_asked_for_the_zone_where_no_time_is_shown() -> None:
    def asked() -> int:
        raise AssertionError

    cells.choose(Style(offset_minutes=asked, minor=True))
    assert (cell("at", at=NINE), cells.head(Thing, "at")) == (str(NINE), "at")
    cells.choose(Style(offset_minutes=asked))
    assert cell("amount", amount=1) == "0.01 CNY"


def test_words_and_heads_are_in_the_language_of_who_reads_them() -> None:
    assert (cell("state", state="open"), cell("whole", whole=True)) == ("open", "yes")
    texts.choose("zh")
    assert (cell("state", state="open"), cell("whole", whole=True)) == ("待答复", "是")
    assert cell("state", state="unheard-of") == "unheard-of"
    assert cells.head(Thing, "state") == "状态"


def test_what_is_left_out_is_an_empty_cell_or_what_the_column_says() -> None:
    assert cell("at") == ""
    either = Column(Label("when", "何时"), fields=("at", "age"))
    assert (cells.cell(Thing, either, {}), cells.cell(Thing, either, {"age": 1_000})) == ("", "1s")


@pytest.mark.parametrize("offset", (0, 480, -720))
@pytest.mark.parametrize("at_ms", (253_402_300_800_000, 2**53 - 1, 2**63))
def test_a_time_on_no_day_of_the_calendar_is_shown_as_it_is(offset: int, at_ms: int) -> None:
    cells.choose(Style(offset_minutes=lambda: offset))
    try:
        assert cells.time(at_ms) == cells.date(at_ms) == f"{at_ms:,} ms"
        assert cells.moment(at_ms) is None
    finally:
        cells.choose(Style())
