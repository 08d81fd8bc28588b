"""A campaign: many seeds on several processes, and what they have to say together.

Every worker runs one seed at a time and is asked again when it has answered; so it is always known
which seed a worker was at when it died. Results come in the order in which they are ready.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from simulator.plan import Plan
from simulator.run import CODE, Finding, Outcome, Runner, scratch
from simulator.swarm import draw

JOBS_MAX = 256


class Totals(msgspec.Struct, kw_only=True):
    """What the runs of a campaign have done, added up.

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


def add_up(outcomes: Iterable[Outcome]) -> Totals:
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
) -> Iterator[Outcome]:
    """Run every seed and yield the outcomes as they come.

    Args:
        base: What all runs have in common.
        seeds: The seeds.
        jobs: How many processes work at once.
        calm: Draw no trouble: run ``base`` with each seed as it is.

    Yields:
        One outcome a seed. A worker that dies gives one, whose finding says so.
    """
    left = iter(seeds)
    workers: dict[Connection, _Worker] = {}
    with scratch() as directory:
        job = _Job(base, calm, Path(directory))
        try:
            for _ in range(jobs):
                _give(left, workers, _Worker(job))
            while workers:
                yield from _answers(job, left, workers)
        finally:
            for worker in workers.values():
                worker.end()


def _answers(
    job: _Job, left: Iterator[int], workers: dict[Connection, _Worker]
) -> Iterator[Outcome]:
    """Wait for workers, and yield what those say that are ready, each of them at work again."""
    ready = wait(list(workers))
    for worker in [worker for end, worker in workers.items() if end in ready]:
        outcome = worker.answer()
        del workers[worker.connection]
        if worker.is_dead:
            worker.end()
            worker = _Worker(job)
        _give(left, workers, worker)
        yield outcome


def _give(left: Iterator[int], workers: dict[Connection, _Worker], worker: _Worker) -> None:
    seed = next(left, None)
    if seed is None:
        worker.end()
        return
    worker.ask(seed)
    workers[worker.connection] = worker


class _Job(NamedTuple):
    """What every worker does: which plan, with or without trouble drawn, with files where."""

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
        self._seed = 0
        self.is_dead = False

    def ask(self, seed: int) -> None:
        """Let it run a seed."""
        self._seed = seed
        try:
            self.connection.send(seed)
        except OSError:
            self.is_dead = True  # its end of the pipe is closed: answer() says so

    def answer(self) -> Outcome:
        """Return what it has found, or that it is dead."""
        try:
            return msgspec.json.decode(self.connection.recv_bytes(), type=Outcome)
        except (EOFError, OSError):
            self.is_dead = True
        self._process.join(10)
        text = f"the process died with exit code {self._process.exitcode}"
        finding = Finding(invariant=CODE, text=text, at_ms=0, step=0)
        return Outcome(seed=self._seed, verdict={CODE: "broken"}, finding=finding)

    def end(self) -> None:
        """End it, whatever it is doing: its files are ours."""
        self._process.kill()
        self._process.join()
        self.connection.close()


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
