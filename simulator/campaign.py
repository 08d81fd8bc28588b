"""A campaign: many seeds on several processes, and what they have to say together.

Every worker runs one seed at a time and is asked again when it has answered; so it is always known
which seed a worker was at when it died: killed, or out of memory, which says nothing of the seed.
A fresh worker runs it again, once. Results come in the order in which they are ready.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from simulator.plan import Plan
from simulator.run import Runner, RunOutcome, scratch
from simulator.swarm import draw

JOBS_MAX = 256
DEATH_S = 10
"""Time that a worker may take to die that has closed its pipe."""


class Death(msgspec.Struct, frozen=True):
    """A worker died at a seed: how, and whether the seed is run again or stays not judged."""

    seed: int
    how: str
    again: bool


class Totals(msgspec.Struct, kw_only=True):
    """Totals of the runs of a campaign.

    ``failed`` are seeds, in order; ``blocks_min`` is of the runs that came to their end.
    """

    seeds: int = 0
    failed: list[int] = []
    blocks: int = 0
    blocks_min: int = 0
    entries: int = 0
    skipped_slots: int = 0
    simulated_ms: int = 0
    crashes: int = 0
    recoveries: int = 0
    settled: int = 0
    forks: int = 0
    faults: Counter[str] = msgspec.field(default_factory=Counter)
    lies: Counter[str] = msgspec.field(default_factory=Counter)
    convictions: Counter[str] = msgspec.field(default_factory=Counter)
    halts: Counter[str] = msgspec.field(default_factory=Counter)
    verdict: dict[str, Counter[str]] = {}


def add_up(outcomes: Iterable[RunOutcome]) -> Totals:
    """Return the sum of ``outcomes``.

    ``convictions`` counts runs by lie in which the liar was convicted, and ``honest`` for runs in
    which evidence named a party that was not to lie.
    """
    totals = Totals()
    for each in outcomes:
        totals.seeds += 1
        for name in ("blocks", "entries", "skipped_slots", "simulated_ms", "crashes", "recoveries"):
            setattr(totals, name, getattr(totals, name) + getattr(each, name))
        totals.settled += each.settled
        totals.forks += each.fork
        totals.faults.update(each.faults)
        totals.lies.update(each.lies.values())
        totals.convictions.update(each.lies.get(party, "no liar") for party in each.evidence)
        totals.halts.update(each.halts.values())
        for invariant, standing in each.verdict.items():
            totals.verdict.setdefault(invariant, Counter())[standing] += 1
        if each.is_good:
            totals.blocks_min = min(totals.blocks_min or each.blocks, each.blocks)
        else:
            totals.failed.append(each.seed)
    totals.failed.sort()
    return totals


def campaign(
    base: Plan, seeds: Iterable[int], jobs: int, *, calm: bool = False
) -> Iterator[RunOutcome | Death]:
    """Run every seed and yield the outcomes as they come.

    Args:
        base: What all runs have in common.
        seeds: The seeds.
        jobs: How many processes work at once.
        calm: Draw no trouble: run ``base`` with each seed as it is.

    Yields:
        One outcome a seed. A worker's first death at a seed comes before it, the second instead.
    """
    left = iter(seeds)
    died: set[int] = set()
    workers: dict[Connection, _Worker] = {}
    with scratch() as directory:
        job = _Job(base, calm, Path(directory))
        try:
            for _ in range(jobs):
                _hire(job, left, workers)
            while workers:
                yield from _answers(job, left, died, workers)
        finally:
            for worker in workers.values():
                worker.end()


def _answers(
    job: _Job, left: Iterator[int], died: set[int], workers: dict[Connection, _Worker]
) -> Iterator[RunOutcome | Death]:
    """Wait for workers, and yield what those say that are ready, each of them at work again."""
    ready = wait(list(workers))
    for worker in [worker for end, worker in workers.items() if end in ready]:
        outcome = worker.answer()
        del workers[worker.connection]
        if outcome is not None:
            _give(left, workers, worker)
            yield outcome
            continue
        seed, how = worker.seed, worker.end()
        is_first = seed not in died
        died.add(seed)
        _hire(job, chain([seed], left) if is_first else left, workers)
        yield Death(seed, how, again=is_first)


def _hire(job: _Job, left: Iterator[int], workers: dict[Connection, _Worker]) -> None:
    """Start a worker with the next seed. Ctrl-C waits until it is known, and so will be ended."""
    with _ctrl_c_waits():
        _give(left, workers, _Worker(job))


def _give(left: Iterator[int], workers: dict[Connection, _Worker], worker: _Worker) -> None:
    """Let a worker run the next seed, or end it if none is left."""
    seed = next(left, None)
    if seed is None:
        worker.end()
        return
    worker.ask(seed)
    workers[worker.connection] = worker


class _Job(NamedTuple):
    """A worker's task: which plan, with or without trouble drawn, with files where."""

    base: Plan
    calm: bool
    directory: Path


class _Worker:
    """One process that runs seeds, seen from the parent."""

    def __init__(self, job: _Job) -> None:
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, job), daemon=True)
        with _ctrl_c_waits():
            self._process.start()
        theirs.close()
        self.seed = 0

    def ask(self, seed: int) -> None:
        """Let it run a seed."""
        self.seed = seed
        with suppress(OSError):  # its end of the pipe is closed: there will be no answer
            self.connection.send(seed)

    def answer(self) -> RunOutcome | None:
        """Return what it has found; None if it is dead."""
        try:
            return msgspec.json.decode(self.connection.recv_bytes(), type=RunOutcome)
        except (EOFError, OSError):
            self._process.join(DEATH_S)
            return None

    def end(self) -> str:
        """End it, whatever it is doing: its files are ours. Return how it ended."""
        self._process.kill()
        self._process.join()
        self.connection.close()
        code = self._process.exitcode or 0
        return f"killed by signal {-code}" if code < 0 else f"exit code {code}"


@contextmanager
def _ctrl_c_waits() -> Iterator[None]:
    """Let a process that is started inside inherit that Ctrl-C is not for it; ours comes later."""
    resource_tracker.ensure_running()  # which would let Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(asked: Connection, job: _Job) -> None:
    """Run the seeds that come through ``asked`` until this process is ended."""
    with Runner(within=job.directory) as runner:
        while True:
            try:
                seed = asked.recv()
            except EOFError:
                return
            plan = draw(seed, job.base) if not job.calm else replace(job.base, seed=seed)
            asked.send_bytes(msgspec.json.encode(runner.run(plan)))
