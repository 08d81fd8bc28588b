"""Finality over a wide area: how many one-way delays pass until a record is final everywhere."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from node.storage.held import FinalBlock
from simulator.checkers import CHECKERS
from simulator.checkers.checker import Checker
from simulator.checkers.scene import Scene, Watched
from simulator.history import Operation
from simulator.plan import LineConditions, Plan
from simulator.run import Runner

DELAY_US = 50_000
WRITE_US = 300
WRITES = 5
"""On the way of a record: its batch, the proposal, the Notar vote, the Final vote, the block."""
STARTED_US = 2_000_000
"""By then nodes have asked each other what they have signed, and may sign (R11)."""


class Course(NamedTuple):
    """A record's course: when it was submitted, whether at the leader, final everywhere when."""

    began_us: int
    at_leader: bool
    ended_us: int

    @property
    def delays(self) -> float:
        """How many one-way delays it took, without what the writes on its way take."""
        return (self.ended_us - self.began_us - WRITES * WRITE_US) / DELAY_US


class Timing(Checker):
    """Notes the course of every record that becomes final."""

    invariant = ""
    courses: list[Course]

    def __init__(self, world: Scene) -> None:
        super().__init__(world)
        self._begun: dict[tuple[str, str], tuple[int, bool]] = {}
        self._final: dict[tuple[str, str], set[str]] = {}
        type(self).courses = []

    def on_operation(self, operation: Operation) -> None:
        if operation.kind == "submit":
            hosts = [p.host for p in self.world.honest() if p.party == operation.client]
            assert hosts[0] is not None
            replica = hosts[0].replica
            leads = replica.leader(replica.slot) == operation.client
            key = (operation.party, operation.record_id)
            self._begun.setdefault(key, (operation.at_us, leads))

    def on_final(self, process: Watched, final: FinalBlock) -> None:
        execution = final.execution
        for entry in execution.entries:
            at = self._final.setdefault((entry.party, entry.id), set())
            at.add(process.name)
            if len(at) == self.world.plan.nodes:
                began_us, leads = self._begun[entry.party, entry.id]
                self.courses.append(Course(began_us, leads, process.now_us))  # type: ignore[attr-defined]


def alone(courses: list[Course]) -> list[Course]:
    """Return those during which no other record of another submission was on its way."""
    return [
        one
        for one in courses
        if not any(
            other.began_us != one.began_us
            and other.began_us <= one.ended_us
            and one.began_us <= other.ended_us
            for other in courses
        )
    ]


@pytest.mark.parametrize("nodes", [4, 7])
def test_records_are_final_everywhere_after_three_delays_from_the_leader(nodes: int) -> None:
    plan = Plan(
        seed=3,
        nodes=nodes,
        records=120,
        think_ms=4000,
        skew_ms=0,
        drift_ppm=0,
        timeout_ms=1000,
        disk_us=WRITE_US,
        network=LineConditions(delay_ms=DELAY_US // 1000, jitter_ms=0),
    )
    with Runner(checkers=(*CHECKERS, Timing)) as runner:
        outcome = runner.run(plan)
    assert outcome.is_good
    assert outcome.skipped_slots == 0
    courses = [each for each in Timing.courses if each.began_us > STARTED_US]
    undisturbed = alone(courses)
    at_leader = [each.delays for each in undisturbed if each.at_leader]
    elsewhere = [each.delays for each in undisturbed if not each.at_leader]
    assert len(at_leader) >= 5
    assert len(elsewhere) >= 30
    assert max(at_leader) <= 3  # proposal, Notar votes, Final votes
    assert max(elsewhere) <= 4  # the batch goes to the leader first
    assert min(at_leader + elsewhere) >= 2.9  # the lines really take so long
    # A block under way: its proposal and its Notar votes come before the next leader's proposal.
    assert max(each.delays for each in courses) <= 6
