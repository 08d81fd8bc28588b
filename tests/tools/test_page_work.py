"""No page reads more where the log is longer: what a database does for it is counted, not timed.

Two ledgers have the same shops, loans and open halves; one has several times the payments of the
other. SQLite counts the steps of its machine, which are the same on every run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import event

from benchmarks.business import Business, Extent
from benchmarks.pages import UTC_OFFSET, Visitor, addresses
from node.home.home import load_home
from node.storage import past_balances
from node.storage.books import BookReader

SMALL, LARGE = Extent(6, 56, 24, 8), Extent(6, 56, 96, 32)
STEP = 64
"""Entries between two places of which balances of the past are kept."""
STEPS = 50
"""Steps of the machine between two counts."""
ROOM, SPARE = 1.3, 2500

GROWS: Mapping[str, str] = {
    "/payouts/{payout}": "reads the legs of the payout, of which each has more",
    "/chain/blocks/{height}": "reads a whole block, which genesis bounds",
}
"""The pages that cost more in the larger ledger, and why."""


class Work(NamedTuple):
    """What a page asks of a database: statements, and steps of the machine."""

    statements: int
    steps: int


class Counted(Visitor):
    """A visitor of a ledger who sees what a page asks of the database."""

    def __init__(self, folder: Path, extent: Extent) -> None:
        self._today = (datetime.now(UTC) + UTC_OFFSET).date()
        made = Business(folder, extent, self._today)
        made.fill()
        made.store.close()
        super().__init__(load_home(folder / "platform"))
        self.size = self.store.tip().size
        self._work = [0, 0]
        event.listen(self.engine, "connect", self._watch)

    def _watch(self, connection: Any, _: object) -> None:
        connection.set_progress_handler(lambda: self._count(1, STEPS), STEPS)
        connection.set_trace_callback(lambda _: self._count(0, 1))

    def _count(self, place: int, more: int) -> int:
        self._work[place] += more
        return 0

    def work(self) -> dict[str, Work]:
        """Return what each page asks for."""
        return asyncio.run(self._worked())

    def work_of_past(self) -> int:
        """Return the steps for a trial balance of the past where none is kept."""
        self._work[:] = [0, 0]
        with self._reading.reader() as reader:
            BookReader(reader, self._reading.genesis).classes(self.size // 2, self.size)
        return self._work[1]

    async def _worked(self) -> dict[str, Work]:
        found = {}
        for name, address in addresses(self.store, self._today).items():
            self._work[:] = [0, 0]
            await self.ask(address(3), "en")
            found[name] = Work(*self._work)
        return found


@pytest.fixture(scope="module")
def ledgers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Counted]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(past_balances, "STEP", STEP)
        folder = tmp_path_factory.mktemp("work")
        made = [Counted(folder / str(extent.a_day), extent) for extent in (SMALL, LARGE)]
    assert made[1].size > 2 * made[0].size
    for each in made:
        each.keep_past()
    yield made
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def work(ledgers: list[Counted]) -> tuple[dict[str, Work], ...]:
    return tuple(each.work() for each in ledgers)


def test_what_a_page_costs_does_not_grow_with_the_log(
    work: tuple[dict[str, Work], ...],
) -> None:
    small, large = work
    assert small.keys() == large.keys()
    grown = {
        name: (small[name], large[name])
        for name in small
        if large[name].steps > ROOM * small[name].steps + SPARE
    }
    assert grown.keys() <= GROWS.keys(), grown


def test_a_page_asks_no_more_questions_of_a_longer_log(
    work: tuple[dict[str, Work], ...],
) -> None:
    small, large = work
    more = {
        name: (small[name], large[name])
        for name in small.keys() - GROWS.keys()
        if large[name].statements > small[name].statements + 5
    }
    assert not more


def test_counting_bites(work: tuple[dict[str, Work], ...], ledgers: list[Counted]) -> None:
    """The trial balance of the past does grow where nothing is kept, and is seen to."""
    small, large = (each.work_of_past() for each in ledgers)
    assert large > 2 * small
    assert large > work[1]["/books?as_of"].steps
