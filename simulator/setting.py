"""The setting of a run: what all parts of a world share, its clock and those who watch it.

It keeps one queue of what happens when; ties go by the order of their making. It moves from event
to event; a machine that is busy is served when it is free. Everything is drawn from the plan's
seed, so that the same plan gives the same world to the byte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count
from typing import Protocol

from consensus.messages import Message
from node.storage.held import FinalBlock
from node.storage.store import EvidenceItem, Item
from node.storage.view import CACHE_ROWS_MAX
from simulator.chance import Chance
from simulator.checkers import Checker
from simulator.checkers.scene import Matter, Watched
from simulator.history import BalanceRead, Operation
from simulator.keys import MORNING_MS, SignatureMemory, make_genesis
from simulator.network import Lines
from simulator.plan import Plan
from simulator.trace import Trace
from simulator.workload import Workload

CACHES = (60, CACHE_ROWS_MAX, CACHE_ROWS_MAX, CACHE_ROWS_MAX)
"""Rows that stores keep in memory; so few, now and then, that rows leave it all the time."""


class Timed(Watched, Protocol):
    """A machine with a time of its own, which does one thing after the other."""

    @property
    def now_us(self) -> int:
        """The time to which it has come."""

    @property
    def busy_until_us(self) -> int:
        """When it is free for the next thing."""


class Setting:
    """The shared parts of one run.

    Args:
        plan: What happens.
        trace: Where every event is written down; None for nowhere.
    """

    def __init__(self, plan: Plan, trace: Trace | None) -> None:
        self.plan = plan
        self.trace = trace
        self._memory = SignatureMemory()
        self.genesis, self.signers = make_genesis(plan, self._memory)
        self.chance = Chance(plan.seed, "machines")
        self.cache_rows = Chance(plan.seed, "caches").pick(CACHES)
        self.lines = Lines(plan.network, Chance(plan.seed, "network"))
        self.workload = Workload(plan, self.genesis, MORNING_MS)
        self.counts: Counter[str] = Counter()
        self.damaged: set[str] = set()
        """Machines whose disks the plan has damaged."""
        self.remainder: set[tuple[str, Matter]] = set()
        """What parties said twice since nobody who answered them could know the first time."""
        self.healed = False
        self.now_us = 0
        self.steps = 0
        self._queue: list[tuple[int, int, Timed | None, Callable[[], object]]] = []
        self._order = count()
        self.watch(())

    # -- the clock --------------------------------------------------------------------------------

    def at(self, at_us: int, process: Timed | None, act: Callable[[], object]) -> None:
        """Let something happen at a time, on a machine that must be free for it, or on none."""
        heappush(self._queue, (at_us, next(self._order), process, act))

    def after(self, delay_us: int, act: Callable[[], object]) -> None:
        """Let something happen after a while."""
        self.at(self.now_us + delay_us, None, act)

    def until(self, done: Callable[[], bool], end_us: int) -> bool:
        """Let things happen until ``done``, which is returned, or a time has come."""
        queue = self._queue
        while not done():
            if not queue or queue[0][0] > end_us:
                self.now_us = max(self.now_us, end_us)
                return False
            at_us, order, process, act = heappop(queue)
            if process is not None and process.busy_until_us > at_us:
                heappush(queue, (process.busy_until_us, order, process, act))
                continue
            self.now_us = max(self.now_us, at_us)
            self.steps += 1
            act()
        return True

    def checks(self) -> int:
        """Return how many signatures all machines have verified so far, if that takes time here."""
        return self._memory.checks if self.plan.verify_us else 0

    # -- those who watch --------------------------------------------------------------------------

    def watch(self, checkers: Sequence[Checker]) -> None:
        """Let checkers watch from now on; of what happens often only those learn who want to."""
        self.checkers = checkers
        self._on_sent, self._on_heard, self._on_saved, self._on_operation = (
            [each for each in checkers if getattr(type(each), name) is not getattr(Checker, name)]
            for name in ("on_sent", "on_heard", "on_saved", "on_operation")
        )

    def on_sent(self, process: Timed, message: Message, frame: bytes) -> None:
        """Tell the checkers that a machine has sent a message."""
        for checker in self._on_sent:
            checker.on_sent(process, message, frame)

    def on_heard(self, process: Timed, sender: Timed, message: Message, sent_us: int) -> None:
        """Tell the checkers that a machine has taken in a message."""
        for checker in self._on_heard:
            checker.on_heard(process, sender, message, sent_us)

    def on_shut_out(self, process: Timed, sender: Timed) -> None:
        """Tell the checkers that a machine listens to a peer no more."""
        for checker in self.checkers:
            checker.on_shut_out(process, sender)

    def on_saved(self, process: Timed, items: Sequence[Item]) -> None:
        """Tell the checkers that something is durable."""
        for item in items:
            if isinstance(item, EvidenceItem):
                self.counts["evidence kept"] += 1
        if self.trace is not None:
            self.trace.saved(self._moment(process), process.name, items)
        for checker in self._on_saved:
            checker.on_saved(process, items)

    def on_final(self, process: Timed, final: FinalBlock) -> None:
        """Tell the checkers that a block is final."""
        block, execution = final.block, final.execution
        if self.trace is not None:
            self.trace.final(process.now_us, process.name, block, execution)
        if 0 < self.plan.blocks <= block.header.height:
            self.workload.stop()
        for checker in self.checkers:
            checker.on_final(process, final)

    def on_operation(self, operation: Operation) -> None:
        """Tell the checkers what a client did or was told."""
        for checker in self._on_operation:
            checker.on_operation(operation)

    def on_balance(self, read: BalanceRead) -> None:
        """Tell the checkers what balance a client was shown."""
        for checker in self.checkers:
            checker.on_balance(read)

    def note(self, process: Timed | None, event: str, detail: str) -> None:
        """Write a line into the trace, if there is one."""
        if self.trace is not None:
            name = "-" if process is None else process.name
            self.trace.line(self._moment(process), name, event, " ".join(detail.split()))

    def _moment(self, process: Timed | None) -> int:
        return self.now_us if process is None else max(self.now_us, process.now_us)
