"""A world: machines, lines, clients and faults on one clock, from one plan.

A run has three parts. While clients submit, faults come and go. Then the world heals: faults end,
machines that are to come back come back. In the end it is still, and the checkers look once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import chain
from pathlib import Path

from node.errors import Halted
from simulator.chance import Chance
from simulator.checkers import Checker
from simulator.clients import SimulatedClient
from simulator.faults import Faults
from simulator.liars import LIES, Liar, Twin
from simulator.operator import Operator
from simulator.plan import Plan, check
from simulator.process import Process
from simulator.setting import Setting
from simulator.templates import Templates
from simulator.trace import Trace

SETTLE_US = 400_000_000
"""Time that a healed world may take to make everything final."""


class World(Setting):
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
        super().__init__(plan, trace)
        self.forks: dict[int, dict[str, bytes]] = {}
        """Different final blocks at one height, by machine."""
        self.settled = False
        self.operator = Operator(self, directory, templates)
        self.processes = self.operator.processes
        liars: list[Liar] = []
        for name in self.machines_of(plan):
            party = name.partition("~")[0]
            process = self.operator.add(name, party)
            if party in plan.liars:
                chance = Chance(plan.seed, f"liar {name}")
                process.liar = LIES[plan.liars[party]](self, process, chance, liars)
        self.watch([kind(self) for kind in checkers])
        self.clients: list[SimulatedClient] = []
        for name, process in self.processes.items():
            if name == process.party:
                SimulatedClient(self, process, Chance(plan.seed, f"client {name}"), self.clients)
        self._faults = Faults(self, self.operator, self.clients)

    @staticmethod
    def machines_of(plan: Plan) -> tuple[str, ...]:
        """Return the names of a plan's machines: one a party, and a twin's second one beside it."""
        twins = {party for party, lie in plan.liars.items() if issubclass(LIES[lie], Twin)}
        pairs = ((party, f"{party}~2") if party in twins else (party,) for party in plan.parties)
        return tuple(chain.from_iterable(pairs))

    def run(self) -> None:
        """Run the whole plan.

        Raises:
            Violation: an invariant does not hold.
        """
        try:
            self._begin()
            self.until(self._is_idle, self.plan.until_ms * 1000)
            self._faults.heal()
            self.settled = self.until(self._is_settled, self.now_us + SETTLE_US)
            for checker in self.checkers:
                checker.finish()
        finally:
            for process in self.processes.values():
                process.close()

    def _begin(self) -> None:
        late = {
            who
            for fault in self.plan.faults
            if fault.kind == "crash" and fault.at_ms == 0 and not fault.effect
            for who in fault.who or self.plan.parties
        }
        for process in self.processes.values():
            if process.party not in late:
                self.after(0, partial(self.operator.start, process))
        self._faults.schedule()
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
    def halts(self) -> dict[str, Halted]:
        """Why machines have stopped for good."""
        return self.operator.halts

    @property
    def rebuilt(self) -> set[str]:
        """The parties that have lost a disk."""
        return {process.party for process in self.processes.values() if process.rebuilt}

    @property
    def forkable(self) -> bool:
        """Whether so many parties lie that the others can be led apart (2q − n or more).

        Who said something twice, and could not be told that it did, counts as one who lies.
        """
        forgot = {party for party, _ in self.remainder}
        return len(self.plan.suspects | forgot) >= 2 * self.plan.needed - self.plan.nodes

    @property
    def owes_progress(self) -> bool:
        """Whether a quorum of honest parties is up, connected and able to vote.

        Unable are those that lost their disk, and those that hold their own contradiction.
        """
        silenced = {party for party, _ in self.remainder}
        voting = [
            p
            for p in self.honest()
            if p.party in self.plan.voters
            and p.host is not None
            and not (p.rebuilt or p.party in silenced)
        ]
        return self.healed and not self.forkable and len(voting) >= self.plan.needed

    @property
    def owed_answers(self) -> list[str]:
        """The parties whose clients are owed an answer, in order."""
        return [client.party for client in self.clients if not client.hopeless]
