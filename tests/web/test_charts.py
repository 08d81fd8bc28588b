"""Charts: steps of an axis, heights in proportion, and amounts in short."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from views import texts
from views.cells import Style, choose
from web.charts import HEIGHT, TOP, ColumnPart, Stack, axis_money, percent_of, plot, step_of


@given(st.integers(0, 10**16))
def test_an_axis_has_at_most_four_steps_of_a_round_number(most: int) -> None:
    step = step_of(most)
    assert str(step).rstrip("0") in {"1", "2", "5"}
    assert step * 4 >= most
    assert step == 1 or step < most


def test_columns_are_as_high_as_their_values_and_stand_on_the_axis() -> None:
    parts = [ColumnPart("paid", 3000), ColumnPart("bad", 1000)]
    shape = plot([Stack("1", "one", parts), Stack("2", "two", [ColumnPart("paid", 2000)])], str)
    first, second = shape.columns
    assert [tick.label for tick in shape.ticks] == ["0", "1000", "2000", "3000", "4000"]
    assert first.shapes[0].y + first.shapes[0].height == HEIGHT
    assert first.shapes[1].y == TOP
    assert first.shapes[0].height == pytest.approx(3 * first.shapes[1].height, abs=0.2)
    assert second.shapes[0].height == pytest.approx(2 * first.shapes[1].height, abs=0.2)


def test_many_columns_have_few_labels_and_the_last_one_has_one() -> None:
    shape = plot([Stack(str(n), "", [ColumnPart("paid", 1)]) for n in range(36)], str)
    labels = [each.label for each in shape.columns if each.label]
    assert len(labels) <= 14
    assert labels[-1] == "35"


def test_without_a_column_there_is_an_axis() -> None:
    assert plot([], str).columns == []


def test_a_bar_is_the_share_of_the_longest_one_and_never_too_short_to_be_seen() -> None:
    assert percent_of(50, 200) == "25.00%"
    assert percent_of(1, 10**9) == "0.50%"
    assert percent_of(0, 0) == "0%"


@pytest.mark.parametrize(
    "language, minor, text",
    [
        ("en", 250_000, "¥2,500"),
        ("en", 250, "¥2.50"),
        ("en", 120_000_000, "¥1.2M"),
        ("zh", 120_000_000, "¥120万"),
        ("zh", 250_000, "¥2,500"),
    ],
)
def test_an_amount_of_an_axis_is_short(language: str, minor: int, text: str) -> None:
    texts.choose("zh" if language == "zh" else "en")
    choose(Style(symbols=True))
    assert axis_money(minor, "CNY") == text
    texts.choose("en")
