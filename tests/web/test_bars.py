"""Bars: their parts fill them, in their order, and none is too narrow to be seen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from web.bars import LEAST, WIDTH, bar

AMOUNTS = st.lists(st.integers(0, 2**53), max_size=9)


@given(AMOUNTS)
def test_parts_fill_the_bar_from_left_to_right_without_gaps(amounts: list[int]) -> None:
    shares = bar((str(place), "", amount) for place, amount in enumerate(amounts))
    assert [each.amount for each in shares] == [amount for amount in amounts if amount]
    x = 0
    for each in shares:
        assert each.x == x
        assert each.width >= LEAST
        x += each.width
    assert x == (WIDTH if shares else 0)


@given(AMOUNTS)
def test_more_money_is_never_narrower(amounts: list[int]) -> None:
    shares = bar(("", "", amount) for amount in amounts)
    for one in shares:
        for other in shares:
            assert one.amount >= other.amount or one.width <= other.width + 1
