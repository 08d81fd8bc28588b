"""Whoever comes gets in, and whoever has most makes room."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from node.peers.admission import Admission

MEMBERS_MAX = 6
GROUP_MEMBERS_MAX = 4


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=60))
def test_the_largest_group_loses_its_oldest(steps: list[tuple[str, bool]]) -> None:
    admission: Admission[int] = Admission(MEMBERS_MAX, GROUP_MEMBERS_MAX)
    inside: dict[int, str] = {}
    for number, (group, leaves) in enumerate(steps):
        if leaves and inside:
            first = next(iter(inside))
            admission.leave(first)
            admission.leave(first)  # a second time changes nothing
            del inside[first]
        inside[number] = group
        sizes = Counter(inside.values())
        displaced = admission.enter(number, group)
        crowded = len(inside) > MEMBERS_MAX or sizes[group] > GROUP_MEMBERS_MAX
        assert (displaced is not None) is crowded
        if displaced is not None:
            of = inside[displaced]
            assert sizes[of] == max(sizes.values()) or of == group
            assert displaced == min(each for each, its in inside.items() if its == of)
            assert displaced != number
            del inside[displaced]
        assert len(admission) == len(inside) <= MEMBERS_MAX


def test_one_who_comes_alone_stays_while_another_comes_in_numbers() -> None:
    admission: Admission[int] = Admission(MEMBERS_MAX, GROUP_MEMBERS_MAX)
    admission.enter(0, "alone")
    displaced = [admission.enter(number, number % 2) for number in range(1, 1000)]
    assert 0 not in displaced
    assert len(admission) == MEMBERS_MAX


def test_who_is_gone_leaves_nothing_behind() -> None:
    admission: Admission[int] = Admission(MEMBERS_MAX, GROUP_MEMBERS_MAX)
    for number in range(1000):
        admission.enter(number, number)
        admission.leave(number)
    assert len(admission) == 0
    assert not admission._groups
