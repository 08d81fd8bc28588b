"""Campaigns: many seeds on several processes give what each of them gives alone."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from multiprocessing import active_children
from pathlib import Path

import msgspec
import pytest

from simulator.campaign import Death, add_up, campaign
from simulator.plan import Plan
from simulator.run import Finding, Runner, RunOutcome
from simulator.swarm import draw

BASE = Plan(records=12)


def test_every_seed_gives_what_it_gives_alone() -> None:
    found = {outcome.seed: outcome for outcome in campaign(BASE, range(1, 6), 2)}
    with Runner() as runner:
        alone = {seed: runner.run(draw(seed, BASE)) for seed in range(1, 6)}
    assert found == alone


def test_a_calm_campaign_draws_nothing() -> None:
    found = list(campaign(BASE, [3], 1, calm=True))
    with Runner() as runner:
        assert found == [runner.run(msgspec.structs.replace(BASE, seed=3))]


def test_a_worker_that_dies_twice_leaves_its_seed_not_judged(
    capfd: pytest.CaptureFixture[str],
) -> None:
    impossible = Plan(nodes=1)  # no world can be made of it: the worker ends with an error
    found = list(campaign(impossible, [7, 8, 9], 2, calm=True))
    deaths = {Death(seed, "exit code 1", again) for seed in (7, 8, 9) for again in (True, False)}
    assert len(found) == 6 and set(found) == deaths
    assert "a consortium has a platform" in capfd.readouterr().err


@pytest.mark.parametrize("kills", [1, 2])
def test_a_seed_whose_worker_is_killed_is_run_again_once(kills: int) -> None:
    killer = threading.Thread(target=_kill_workers, args=(kills,), daemon=True)
    killer.start()
    first, *others = list(campaign(BASE, [3], 1))
    killer.join()
    assert first == Death(3, "killed by signal 9", again=True)
    with Runner() as runner:
        alone = runner.run(draw(3, BASE))
    assert others == [alone if kills == 1 else Death(3, "killed by signal 9", again=False)]


def _kill_workers(count: int) -> None:
    """Kill so many workers, one after the other, each as soon as it is there."""
    killed: set[int] = set()
    while len(killed) < count:
        for pid in _workers() - killed:
            killed.add(pid)
            os.kill(pid, signal.SIGKILL)
            break
        time.sleep(0.005)


def _workers() -> set[int]:
    """Return the workers that run. ``active_children`` would take their exit codes away."""
    found = set()
    with suppress(OSError):  # one that has just ended
        for task in Path("/proc/self/task").iterdir():
            for pid in (task / "children").read_text().split():
                if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.add(int(pid))
    return found


def test_a_campaign_that_is_given_up_ends_its_workers() -> None:
    runs = campaign(BASE, range(1, 100), 2)
    next(runs)
    runs.close()  # type: ignore[attr-defined]
    assert not active_children()


def test_totals_add_up() -> None:
    finding = Finding(invariant="I4", text="gone", at_ms=5, step=9)
    totals = add_up(
        [
            RunOutcome(
                seed=9,
                blocks=10,
                entries=20,
                crashes=1,
                faults={"crash": 2},
                lies={"funder": "twin"},
                evidence={"funder": {"two-notar": 3}},
                verdict={"I4": "held"},
                settled=True,
            ),
            RunOutcome(seed=4, blocks=7, finding=finding, verdict={"I4": "broken"}),
            RunOutcome(seed=2, blocks=8, evidence={"auditor": {"two-final": 1}}, fork=True),
        ]
    )
    assert (totals.seeds, totals.failed, totals.blocks, totals.blocks_min) == (3, [4], 25, 8)
    assert totals.faults == {"crash": 2}
    assert totals.lies == {"twin": 1}
    assert totals.convictions == {"twin": 1, "no liar": 1}
    assert totals.verdict == {"I4": {"held": 1, "broken": 1}}
    assert (totals.settled, totals.forks) == (1, 1)


def test_nothing_adds_up_to_nothing() -> None:
    assert add_up([]).seeds == 0
