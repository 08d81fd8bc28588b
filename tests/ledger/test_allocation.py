"""Allocation: exact to the last minor unit, and the same however it is computed."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ledger.contracts.allocation import MILLION, share
from ledger.limits import SAFE_INTEGER_MAX

AMOUNTS = st.integers(1, SAFE_INTEGER_MAX) | st.integers(1, 1000)


@st.composite
def ratios(draw: st.DrawFn) -> list[int]:
    """Positive parts per million that sum to one million, equal ones among them often."""
    if draw(st.booleans()):
        count = draw(st.sampled_from([1, 2, 4, 5, 8, 10, 16, 20, 25, 32, 40, 50]))
        return [MILLION // count] * count
    cuts = draw(st.sets(st.integers(1, MILLION - 1), max_size=49))
    edges = [0, *sorted(cuts), MILLION]
    return [after - before for before, after in pairwise(edges)]


def by_fractions(amount: int, ppms: list[int]) -> list[int]:
    """Largest remainder, spelled out: hand out one unit at a time to who is furthest below."""
    exact = [Fraction(amount * ppm, MILLION) for ppm in ppms]
    amounts = [int(part) for part in exact]
    given_one: list[int] = []
    while sum(amounts) < amount:
        behind = max(
            (leg for leg in range(len(ppms)) if leg not in given_one),
            key=lambda leg: (exact[leg] - int(exact[leg]), -leg),
        )
        amounts[behind] += 1
        given_one.append(behind)
    return amounts


@given(AMOUNTS, ratios())
def test_amounts_sum_exactly_to_the_payment(amount: int, ppms: list[int]) -> None:
    assert sum(share(amount, ppms).amounts) == amount


@given(AMOUNTS, ratios())
def test_each_leg_is_within_one_unit_of_its_exact_share(amount: int, ppms: list[int]) -> None:
    for got, ppm in zip(share(amount, ppms).amounts, ppms, strict=True):
        assert abs(got - Fraction(amount * ppm, MILLION)) < 1


@given(AMOUNTS, ratios())
def test_shares_agree_with_a_second_implementation(amount: int, ppms: list[int]) -> None:
    assert list(share(amount, ppms).amounts) == by_fractions(amount, ppms)


@given(AMOUNTS, ratios(), st.data())
def test_the_order_of_legs_decides_ties_only(
    amount: int, ppms: list[int], data: st.DataObject
) -> None:
    remainders = {ppm: amount * ppm % MILLION for ppm in ppms}
    assume(len({*remainders.values()}) == len(remainders))  # else unlike legs may tie as well
    shuffled = data.draw(st.permutations(ppms))
    pairs = zip(ppms, share(amount, ppms).amounts, strict=True)
    other = zip(shuffled, share(amount, shuffled).amounts, strict=True)
    assert sorted(pairs) == sorted(other)


@given(AMOUNTS, ratios())
def test_a_tie_goes_to_the_earlier_leg(amount: int, ppms: list[int]) -> None:
    amounts = share(amount, ppms).amounts
    for earlier in range(len(ppms) - 1):
        if ppms[earlier] == ppms[earlier + 1]:
            assert amounts[earlier] >= amounts[earlier + 1]


@given(AMOUNTS, ratios(), st.data())
def test_a_named_leg_absorbs_the_whole_tail(
    amount: int, ppms: list[int], data: st.DataObject
) -> None:
    tail_leg = data.draw(st.integers(1, len(ppms)))
    amounts, tail = share(amount, ppms, tail_leg)
    assert sum(amounts) == amount
    for number, (got, ppm) in enumerate(zip(amounts, ppms, strict=True), 1):
        assert got == amount * ppm // MILLION + (tail if number == tail_leg else 0)


@given(AMOUNTS, ratios())
def test_the_tail_is_less_than_one_unit_a_leg(amount: int, ppms: list[int]) -> None:
    assert 0 <= share(amount, ppms).tail < len(ppms)


@pytest.mark.parametrize(
    ("amount", "ppms", "tail_leg", "amounts", "tail"),
    [
        (10_000, [333_333, 333_333, 333_334], 0, [3333, 3333, 3334], 1),
        (100, [333_334, 333_333, 333_333], 0, [34, 33, 33], 1),
        (1, [500_000, 500_000], 0, [1, 0], 1),
        (3, [250_000] * 4, 0, [1, 1, 1, 0], 3),
        (1, [999_999, 1], 0, [1, 0], 1),
        (10_001, [700_000, 250_000, 50_000], 0, [7001, 2500, 500], 1),
        (10_001, [700_000, 250_000, 50_000], 3, [7000, 2500, 501], 1),
        (1_400_000, [83_333] * 11 + [83_337], 12, [116_666] * 11 + [116_674], 3),
    ],
)
def test_golden_shares(
    amount: int, ppms: list[int], tail_leg: int, amounts: list[int], tail: int
) -> None:
    assert share(amount, ppms, tail_leg) == (amounts, tail)
