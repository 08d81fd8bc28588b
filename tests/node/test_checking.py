"""The process that checks beside a node: begun, ended by force, begun again a day later."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from node import checking
from node.checking import BackgroundCheck
from node.home.home import Home, load_home
from node.storage.beside import CheckStanding
from node.storage.store import Store
from tests.node.database_kit import found_filled

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    nodes = found_filled(tmp_path_factory.mktemp("checking") / "net", 60, 40)
    return load_home(nodes[0].home)


@pytest.fixture
def check(home: Home) -> Iterator[BackgroundCheck]:
    found = BackgroundCheck(home)
    yield found
    found.close()


def never(message: str) -> None:
    raise AssertionError(message)


def whole(home: Home) -> CheckStanding:
    store = Store(home.database_url, home.genesis)
    size = store.tip().size
    store.close()
    return CheckStanding("clean", size, size)


async def until(check: BackgroundCheck, state: str) -> None:
    async with asyncio.timeout(300):
        while check.standing.state != state:
            await asyncio.sleep(0.02)


def test_a_round_is_followed_by_another_one_later(
    home: Home, check: BackgroundCheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "ROUND_S", 0.0)
    states: list[str] = []

    async def two_rounds() -> None:
        running = asyncio.create_task(check.run(never, at_once=True))
        for state in ("log", "clean", "log", "clean"):
            await until(check, state)
            states.append(state)
            assert state == "log" or check.standing == whole(home)
        running.cancel()

    asyncio.run(two_rounds())
    assert states == ["log", "clean", "log", "clean"]


def test_where_there_is_nothing_to_check_no_process_waits(check: BackgroundCheck) -> None:
    async def begin() -> None:
        running = asyncio.create_task(check.run(never, at_once=False))
        await asyncio.sleep(0)
        running.cancel()

    process = check._process
    asyncio.run(begin())
    assert not process.is_alive()
    assert check.standing == CheckStanding()


def test_a_process_that_is_ended_is_no_damage(check: BackgroundCheck) -> None:
    async def killed() -> None:
        running = asyncio.create_task(check.run(never, at_once=True))
        os.kill(check._process.pid or 0, signal.SIGKILL)
        await until(check, "failed")
        running.cancel()

    asyncio.run(killed())
    assert check.standing.message == "its process ended with -9"


def test_a_check_that_cannot_keep_its_rows_says_why(home: Home, tmp_path: Path) -> None:
    scratch = home.path / "check.db"
    scratch.mkdir()
    check = BackgroundCheck(home)

    async def failed() -> None:
        running = asyncio.create_task(check.run(never, at_once=True))
        await until(check, "failed")
        running.cancel()

    try:
        asyncio.run(failed())
    finally:
        check.close()
        scratch.rmdir()
    assert check.standing.message


@pytest.mark.parametrize(("busy", "rests"), [(0.0, True), (1e9, False)])
def test_it_makes_way_for_work(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, busy: float, rests: bool
) -> None:
    slept = tmp_path / "slept"

    def sleep(seconds: float) -> None:
        with slept.open("a") as file:
            file.write(f"{seconds}\n")

    monkeypatch.setattr(checking, "BUSY", busy)
    monkeypatch.setattr(time, "sleep", sleep)
    check = BackgroundCheck(home)  # its process is a copy of this one
    monkeypatch.undo()
    monkeypatch.setattr(checking, "BUSY", busy)  # here; in the copy it stays

    async def clean() -> None:
        running = asyncio.create_task(check.run(never, at_once=True))
        await until(check, "clean")
        running.cancel()

    asyncio.run(clean())
    check.close()
    assert slept.exists() is rests


def test_there_is_work_until_there_was_none_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, computed_s = [100.0], [10.0]
    monkeypatch.setattr(time, "monotonic", lambda: now_s[0])
    monkeypatch.setattr(time, "process_time", lambda: computed_s[0])
    load, seen = checking.Load(), []
    for computes_s in (0.0, 0.0, 0.2, 0.0, 0.0, 0.0, 0.0):
        now_s[0] += 1.0
        computed_s[0] += computes_s
        seen.append(load.busy_now())
    assert seen == [False, False, True, True, False, False, False]
