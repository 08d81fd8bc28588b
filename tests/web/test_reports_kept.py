"""Reports that are kept: those that took long, for ten times as long, and few of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from web.pages.reports_kept import KEPT_MAX, LONG_S, TIMES_AS_LONG, ReportsKept


class Clock:
    """A clock that goes on when a test says so, and while reports are made."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.made: list[str] = []

    def __call__(self) -> float:
        return self.now_s

    def making(self, name: str, takes_s: float) -> Callable[[], str]:
        def make() -> str:
            self.now_s += takes_s
            self.made.append(name)
            return f"{name} {len(self.made)}"

        return make


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_report_that_took_long_is_shown_for_ten_times_as_long(clock: Clock) -> None:
    kept: ReportsKept[str] = ReportsKept(clock)
    first = kept.get("a", clock.making("a", 2))
    clock.now_s += 2 * TIMES_AS_LONG - 0.1
    assert kept.get("a", clock.making("a", 2)) == first
    clock.now_s += 0.2
    assert kept.get("a", clock.making("a", 2)) != first


def test_one_that_took_little_is_made_at_every_look(clock: Clock) -> None:
    kept: ReportsKept[str] = ReportsKept(clock)
    for _ in range(3):
        kept.get("a", clock.making("a", LONG_S / 2))
    assert clock.made == ["a"] * 3


def test_one_report_is_not_shown_for_another(clock: Clock) -> None:
    kept: ReportsKept[str] = ReportsKept(clock)
    assert kept.get("a", clock.making("a", 1)) == "a 1"
    assert kept.get("b", clock.making("b", 1)) == "b 2"


def test_few_are_kept_and_those_that_end_first_leave(clock: Clock) -> None:
    kept: ReportsKept[str] = ReportsKept(clock)
    names = [f"r{number}" for number in range(KEPT_MAX + 1)]
    for name in names:
        kept.get(name, clock.making(name, 100))
    clock.made.clear()
    for name in reversed(names):
        kept.get(name, clock.making(name, 0))
    assert clock.made == [names[0]]
