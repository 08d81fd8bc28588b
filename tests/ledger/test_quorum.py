"""Quorum arithmetic against the plainest reckoning: all subsets, for up to seven parties."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from ledger.quorum import default_quorum, tolerance

SIZES = range(1, 8)
ALLOWED = [(n, q) for n in SIZES for q in range(n // 2 + 1, n + 1)]


def quorums(voters: int, quorum: int) -> list[set[int]]:
    """Return every set of voters that is a quorum."""
    return [
        set(members)
        for size in range(quorum, voters + 1)
        for members in combinations(range(voters), size)
    ]


def smallest_overlap(voters: int, quorum: int) -> int:
    """Return how many voters any two quorums share at least."""
    found = quorums(voters, quorum)
    return min(len(one & other) for one in found for other in found)


def survives_liars(voters: int, quorum: int, liars: int) -> bool:
    """Whether no ``liars`` can fork it, nor stop it by saying nothing."""
    everyone = set(range(voters))
    for lying in map(set, combinations(range(voters), liars)):
        if len(everyone - lying) < quorum:
            return False
        if any(
            one & other <= lying
            for one in quorums(voters, quorum)
            for other in quorums(voters, quorum)
        ):
            return False
    return True


@pytest.mark.parametrize(("voters", "quorum"), ALLOWED)
def test_two_quorums_share_at_least_2q_minus_n(voters: int, quorum: int) -> None:
    assert smallest_overlap(voters, quorum) == 2 * quorum - voters


@pytest.mark.parametrize("voters", SIZES)
def test_default_quorum_is_the_smallest_that_survives_the_most_liars_possible(voters: int) -> None:
    most = max(
        liars
        for liars in range(voters)
        if any(survives_liars(voters, quorum, liars) for quorum in range(1, voters + 1))
    )
    fitting = [q for q in range(1, voters + 1) if survives_liars(voters, q, most)]
    assert default_quorum(voters) == min(fitting)


@pytest.mark.parametrize(("voters", "quorum"), ALLOWED)
def test_tolerance_says_what_brute_force_finds(voters: int, quorum: int) -> None:
    said = " ".join(tolerance(voters, quorum))
    down = max(k for k in range(voters + 1) if voters - k >= quorum)
    stated = re.search(r"Up to (\d+) may be down", said)
    assert (int(stated[1]) if stated else 0) == down
    lying = max(k for k in range(voters) if k == 0 or survives_liars(voters, quorum, k))
    stated = re.search(r"Any (\d+) may fail in any way", said)
    assert (int(stated[1]) if stated else 0) == lying
    overlap = smallest_overlap(voters, quorum)
    stated = re.search(r"with fewer than (\d+) lying", said)
    assert (int(stated[1]) if stated else 1) == overlap
    assert f"exposes at least {overlap} of the signers" in said


def test_the_defaults_of_the_design() -> None:
    assert [default_quorum(n) for n in SIZES] == [1, 2, 2, 3, 4, 4, 5]
