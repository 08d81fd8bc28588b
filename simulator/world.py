"""A world: machines, lines, clients and faults on one clock, from one plan.

The world keeps one queue of what happens when; ties go by the order of their making. It moves from
event to event; a machine that is busy is served when it is free. Everything is drawn from the
plan's seed, so that the same plan gives the same world to the byte.

A run has three parts. While clients submit, faults come and go. Then the world heals: faults end,
machines that are to come back come back. In the end it is still, and the checkers look once more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count
from pathlib import Path

from ledger.block import Block
from ledger.execute import Execution
from node.errors import Halted
from node.storage.store import EvidenceItem, Item
from node.storage.view import CACHE_ROWS_MAX
from simulator.chance import Chance
from simulator.checkers import Checker
from simulator.clients import Client
from simulator.errors import Violation
from simulator.faults import Faults
from simulator.frames import Frames
from simulator.history import Operation
from simulator.keys import make_genesis
from simulator.liars import LIES, Twin
from simulator.links import Links
from simulator.network import Lines
from simulator.plan import Fault, Plan, check
from simulator.process import MORNING_MS, Process
from simulator.templates import Templates
from simulator.trace import Trace
from simulator.workload import Workload

CACHES = (60, CACHE_ROWS_MAX, CACHE_ROWS_MAX, CACHE_ROWS_MAX)
"""How many rows stores keep in memory; so few, now and then, that rows leave it all the time."""
OPERATOR_US = 2_000_000
"""How long an operator takes to start a node again that has stopped."""
SETTLE_US = 400_000_000
"""How long a healed world may take to make everything final."""
RESTARTABLE = frozenset(("disk-full", "storage-failed"))


class World:
    """One run of one plan.

    Args:
        plan: What happens.
        directory: Where the machines' files go.
        templates: Empty databases, shared by many worlds.
        checkers: The classes of those who watch.
        trace: Where every event is written down; None for nowhere.
    """

    def __init__(
        self,
        plan: Plan,
        directory: Path,
        *,
        templates: Templates,
        checkers: Sequence[type[Checker]],
        trace: Trace | None = None,
    ) -> None:
        check(plan, tuple(LIES))
        self.plan = plan
        self.trace = trace
        self.genesis, self.signers = make_genesis(plan)
        self.chance = Chance(plan.seed, "machines")
        self.cache_rows = Chance(plan.seed, "caches").pick(CACHES)
        self.now_us = 0
        self.steps = 0
        self.lines = Lines(plan.network, Chance(plan.seed, "network"))
        self.links = Links(self)
        self.frames = Frames(self)
        self.faults = Faults(self)
        self.counts: Counter[str] = Counter()
        self.damaged: set[str] = set()
        self.halts: dict[str, Halted] = {}
        self.forks: dict[int, dict[str, bytes]] = {}
        """Different final blocks at one height, by machine."""
        self.healed = False
        self.settled = False
        self._queue: list[tuple[int, int, Process | None, Callable[[], object]]] = []
        self._order = count()
        self.processes: dict[str, Process] = {}
        for party in plan.parties:
            twins = issubclass(LIES[plan.liars[party]], Twin) if party in plan.liars else False
            for name in (party, f"{party}~2") if twins else (party,):
                self._add(name, party, directory, templates)
        self.checkers = [kind(self) for kind in checkers]
        self.watchers = {
            event: [
                checker
                for checker in self.checkers
                if getattr(type(checker), event) is not getattr(Checker, event)
            ]
            for event in ("on_sent", "on_saved", "on_operation")
        }
        """Who wants to know of what happens often."""
        self.workload = Workload(plan, self.genesis, MORNING_MS)
        self.clients = [
            Client(self, process, Chance(plan.seed, f"client {name}"))
            for name, process in self.processes.items()
            if name == process.party
        ]

    def _add(self, name: str, party: str, directory: Path, templates: Templates) -> None:
        template = templates.of(self, party)
        process = Process(self, name, party, directory=directory / name, template=template)
        self.processes[name] = process
        if party in self.plan.liars:
            chance = Chance(self.plan.seed, f"liar {name}")
            process.liar = LIES[self.plan.liars[party]](self, process, chance)

    # -- the clock --------------------------------------------------------------------------------

    def at(self, at_us: int, process: Process | None, act: Callable[[], object]) -> None:
        """Let something happen at a time, on a machine that must be free for it, or on none."""
        heappush(self._queue, (at_us, next(self._order), process, act))

    def after(self, delay_us: int, act: Callable[[], object]) -> None:
        """Let something happen after a while."""
        self.at(self.now_us + delay_us, None, act)

    def run(self) -> None:
        """Run the whole plan.

        Raises:
            Violation: an invariant does not hold.
        """
        try:
            self._begin()
            end_us = self.plan.until_ms * 1000
            self._until(self._is_idle, end_us)
            self.faults.heal()
            self.settled = self._until(self._is_settled, self.now_us + SETTLE_US)
            for checker in self.checkers:
                checker.finish()
        finally:
            for process in self.processes.values():
                process.close()

    def _until(self, done: Callable[[], bool], end_us: int) -> bool:
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

    def _begin(self) -> None:
        late = {
            who
            for fault in self.plan.faults
            if fault.kind == "crash" and fault.at_ms == 0 and not fault.effect
            for who in fault.who or self.plan.parties
        }
        for process in self.processes.values():
            if process.party not in late:
                self.after(0, lambda p=process: self.start(p))  # type: ignore[misc]
        self.faults.schedule()
        for client in self.clients:
            self.after(10_000, client.turn)

    def _is_idle(self) -> bool:
        for client in self.clients:
            if not client.idle and not (self.workload.is_done and client.hopeless):
                return False
        return True

    def _is_settled(self) -> bool:
        if not all(client.answered for client in self.clients if not client.hopeless):
            return False
        tips = {p.store.tip().hash for p in self.honest() if p.store is not None}
        return len(tips) <= 1

    # -- who is who -------------------------------------------------------------------------------

    def honest(self) -> list[Process]:
        """Return the machines whose party keeps its promises."""
        suspects = self.plan.suspects
        return [p for p in self.processes.values() if p.party not in suspects]

    @property
    def forkable(self) -> bool:
        """Whether so many parties lie that the others can be led apart (2q − n or more)."""
        return len(self.plan.suspects) >= 2 * self.plan.needed - self.plan.nodes

    @property
    def owes_progress(self) -> bool:
        """Whether a quorum of honest parties is up, connected and may vote."""
        voting = [p for p in self.honest() if p.host is not None and p.host.replica.may_vote]
        return self.healed and not self.forkable and len(voting) >= self.plan.needed

    # -- machines ---------------------------------------------------------------------------------

    def start(self, process: Process) -> None:
        """Turn a machine on and connect it."""
        if process.host is not None:
            return
        process.start()
        process.full = False
        self.note(process, "start", f"life {process.life}, height {_height(process)}")
        self.counts["starts"] += 1
        for checker in self.checkers:
            checker.on_start(process)
        if process.host is not None and process.host.halted is not None:
            self.halted(process, process.host.halted)
            return
        for other in self.processes.values():
            if other is not process:
                self.after(1000, lambda o=other: self.links.connect(process, o))  # type: ignore[misc]
        process.do(lambda host: None)

    def power_failed(self, process: Process, fault: Fault | None) -> None:
        """Turn a machine off, and on again when the fault says so."""
        process.cut(fault)
        self.note(process, "crash", fault.disk if fault is not None else "")
        self.counts["crashes"] += 1
        for other in self.processes.values():
            if process.name in other.links:
                self.after(1000, lambda o=other: self.links.lose(o, process))  # type: ignore[misc]
        if fault is not None and fault.for_ms:
            self.after(1000 * fault.for_ms, lambda: self.start(process))

    def halted(self, process: Process, why: Halted) -> None:
        """A node has stopped for safety: note it, and do what an operator would."""
        self.note(process, "halt", f"{why.code}: {why.message}")
        self.counts["halts"] += 1
        for checker in self.checkers:
            checker.on_halt(process, why)
        damaged = process.name in self.damaged
        self.power_failed(process, None)
        if why.code == "corrupt-ledger" or (why.code == "state-diverged" and damaged):
            self.saw_damage(process, why)
            process.rebuild()
        elif why.code not in RESTARTABLE:
            self.halts[process.name] = why
            return
        self.after(OPERATOR_US, lambda: self.start(process))

    def saw_damage(self, process: Process, error: Exception) -> None:
        """A machine found its disk damaged, which must not be unless the plan has damaged it."""
        if process.name not in self.damaged:
            raise Violation("I4", f"{process.name} lost its database without a cause: {error}")
        self.note(process, "damage", str(error))
        self.counts["damage found"] += 1

    def doubts(self, process: Process) -> bool:
        """Return whether an operator would check everything before this machine starts."""
        return process.name in self.damaged

    # -- what the machines report -----------------------------------------------------------------

    def on_saved(self, process: Process, items: Sequence[Item]) -> None:
        """Tell the checkers that something is durable."""
        for item in items:
            if isinstance(item, EvidenceItem):
                self.counts["evidence kept"] += 1
                self.note(process, "evidence", item.id[:12])
        for checker in self.watchers["on_saved"]:
            checker.on_saved(process, items)

    def on_final(
        self,
        process: Process,
        block: Block,
        execution: Execution,
        proofs: tuple[bytes | None, bytes],
    ) -> None:
        """Tell the checkers that a block is final."""
        if self.trace is not None:
            self.trace.final(process, block, execution)
        if 0 < self.plan.blocks <= block.header.height:
            self.workload.stop()
        for checker in self.checkers:
            checker.on_final(process, block, execution, proofs)

    def on_operation(self, operation: Operation) -> None:
        """Tell the checkers what a client did or was told."""
        for checker in self.watchers["on_operation"]:
            checker.on_operation(operation)

    def note(self, process: Process | None, event: str, detail: str) -> None:
        """Write a line into the trace, if there is one."""
        if self.trace is not None:
            at_us = self.now_us if process is None else max(self.now_us, process.now_us)
            name = "-" if process is None else process.name
            self.trace.line(at_us, name, event, " ".join(detail.split()))


def _height(process: Process) -> int:
    return process.store.tip().height if process.store is not None else 0
