"""The workload: all record types, valid and not; every refusal comes, and is known beforehand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from cli.main import run
from ledger.books import Balance
from ledger.contracts import RECORD_TYPES, RULES
from ledger.contracts.times import TIME_IN_FUTURE
from ledger.entry import APPLIED
from ledger.execute import ID_REUSED, WRONG_AUTHOR, refusals
from ledger.records import type_name
from simulator.chance import Chance
from simulator.checkers import CHECKERS
from simulator.coverage import ELSEWHERE, GUARDS, UNREACHABLE, Coverage, rehearse
from simulator.keys import MORNING_MS, make_genesis
from simulator.plan import Plan
from simulator.rehearsal import Rehearsal
from simulator.run import quiet
from simulator.templates import Templates
from simulator.workload import MOVES, RawRecord, Workload, profit_agreements
from simulator.workload.knowledge import Knowledge
from simulator.workload.moves import Author
from simulator.world import World

GENERAL = (ID_REUSED, WRONG_AUTHOR, TIME_IN_FUTURE)
"""Refusals that come of any record: of a used id, by another role, from another century."""
CODES = {
    type_name(record): [c for c in refusals(rule) if (type_name(record), c) not in ELSEWHERE]
    for record, rule in RULES.items()
}


@pytest.fixture(scope="module")
def coverage() -> Coverage:
    return rehearse()


# -- what can be refused, and with what ----------------------------------------------------------


def test_every_type_has_refusals_and_every_refusal_a_move_that_is_after_it() -> None:
    moves = {(move.type, move.wants) for move in MOVES}
    cells = {(type_, code) for type_, codes in CODES.items() for code in codes}
    assert [cell for cell in sorted(cells - moves) if cell[1] not in GENERAL] == []
    assert [move for move in sorted(moves - cells) if move[1] not in (APPLIED, *GENERAL)] == []
    assert {type_ for type_, wants in moves if wants == APPLIED} == set(RECORD_TYPES)


# -- coverage ------------------------------------------------------------------------------------


def test_no_cell_of_the_coverage_table_is_empty(coverage: Coverage) -> None:
    assert [(cell.type, cell.outcome) for cell in coverage.empty] == []
    assert coverage.unknown() == []


def test_refusals_come_before_signing_and_after_races_in_the_log(coverage: Coverage) -> None:
    refused = [cell for cell in coverage.cells() if cell.outcome != APPLIED]
    assert sum(cell.before_signing > 0 for cell in refused) > 100
    assert sum(cell.in_log > 0 for cell in refused) >= 4


def test_the_table_names_every_cell_and_what_is_left_out(coverage: Coverage) -> None:
    lines = list(coverage.lines())
    for cell in coverage.cells():
        assert any(line.split()[:2] == [cell.type, cell.outcome] for line in lines)
    left_out = len(GUARDS) + len(UNREACHABLE) + len(ELSEWHERE)
    assert sum(line.startswith("left out: ") for line in lines) == left_out
    assert "<- never" not in "\n".join(lines)
    assert "<- never" in "\n".join(Coverage().lines())


def test_the_command_prints_the_table_and_is_content_only_if_it_is_full(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["simulate", "--coverage", "--seed", "3", "--records", "50"]) == 1
    assert "never came in 1 rehearsal of 50 records" in capsys.readouterr().out
    assert run(["simulate", "--coverage", "--seeds", "3..4", "--records", "50", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["seeds"] == [3, 4] and told["good"] is False
    assert len(told["cells"]) == sum(len(codes) + 1 for codes in CODES.values())


# -- rehearsals ----------------------------------------------------------------------------------


class Surprised(Workload):
    """Counts the records that ended otherwise than they were said for."""

    surprises: Counter[tuple[str, str, str]]

    def answered(self, said: RawRecord, outcome: str, *, in_log: bool) -> None:
        if self.wants(said) != outcome:
            self.surprises[said.type, self.wants(said), outcome] += 1
        super().answered(said, outcome, in_log=in_log)


def test_records_end_as_they_were_said_for_but_where_parties_race() -> None:
    rehearsal = Rehearsal(Plan(seed=11, records=2000))
    workload = Surprised(Plan(records=2000), rehearsal.genesis, MORNING_MS, wrong_ppm=400_000)
    workload.surprises = Counter()
    rehearsal.workload = workload
    rehearsal.run()
    assert workload.surprises.total() < 60, workload.surprises
    assert sum(workload.outcomes.values()) == 2000


@pytest.mark.parametrize("nodes", [2, 3, 7, 16])
def test_a_rehearsal_fits_consortia_of_any_size_and_its_books_balance(nodes: int) -> None:
    rehearsal = Rehearsal(Plan(seed=5, nodes=nodes, records=600))
    rehearsal.run()
    applied = {type_ for type_, outcome, _ in rehearsal.workload.outcomes if outcome == APPLIED}
    assert len(applied) > 20
    sums: dict[str, int] = defaultdict(int)
    for row in rehearsal.view.changes[Balance].values():
        if isinstance(row, Balance):
            sums[row.currency] += row.amount
    assert set(sums.values()) == {0}


def test_profit_is_divided_among_as_many_parties_as_there_are() -> None:
    plan = Plan(nodes=31)
    genesis, _ = make_genesis(plan)
    known, chance = Knowledge(genesis, plan.parties, MORNING_MS), Chance(1, "test")
    author = Author(known, "institution", chance, MORNING_MS)
    for _ in range(50):
        parts = profit_agreements._parts(author, list(plan.parties))
        assert sum(each["ppm"] for each in parts) == 1_000_000
        assert min(each["ppm"] for each in parts) >= 0


SAY = """
from hashlib import sha256
from simulator.plan import Plan
from simulator.rehearsal import Rehearsal
rehearsal = Rehearsal(Plan(seed=4, records=400))
rehearsal.run()
print(rehearsal.tip.root.hex(), rehearsal.tip.state.hex(), sorted(rehearsal.workload.outcomes))
"""


def test_a_rehearsal_is_the_same_in_processes_with_different_hash_seeds() -> None:
    said = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", SAY], env=environment, capture_output=True, text=True, check=True
        )
        said.add(done.stdout)
    assert len(said) == 1


def test_a_party_says_nothing_more_about_what_it_waits_for() -> None:
    plan = Plan(seed=1, records=500)
    genesis, _ = make_genesis(plan)
    workload = Workload(plan, genesis, MORNING_MS)
    chance = Chance(1, "test")
    said = [each for _ in range(50) for each in workload.next("platform", 3, chance, MORNING_MS)]
    assert len({each.id for each in said}) == len(said)
    assert all(workload.wants(each) for each in said)


# -- worlds --------------------------------------------------------------------------------------


def world_of(plan: Plan, path: Path) -> World:
    with quiet():
        world = World(plan, path, templates=Templates(path), checkers=CHECKERS)
        world.run()
    return world


def test_a_world_meets_many_refusals_of_both_kinds_and_its_invariants_hold(tmp_path: Path) -> None:
    world = world_of(Plan(seed=8, records=400), tmp_path)
    outcomes = world.workload.outcomes
    assert world.settled
    refused = {(outcome, in_log) for _, outcome, in_log in outcomes if outcome != APPLIED}
    assert len(refused) > 15
    assert len({type_ for type_, outcome, _ in outcomes if outcome == APPLIED}) > 20


def test_wall_clocks_that_hurry_let_months_pass_in_a_run(tmp_path: Path) -> None:
    world = world_of(Plan(seed=8, records=150, hurry=1_000_000), tmp_path)
    assert world.settled
    times = [process.now().wall_ms for process in world.processes.values()]
    assert max(times) - MORNING_MS > 20 * 86_400_000
    ticks = [process.now().ticks_ms for process in world.processes.values()]
    assert max(ticks) < 86_400_000
