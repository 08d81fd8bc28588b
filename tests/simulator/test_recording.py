"""Recordings: the same for the same seed, true of the run they were made of, and bounded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import pytest

from simulator import library
from simulator.checkers import CHECKERS
from simulator.columns import Columns
from simulator.liars import LIES
from simulator.plan import Fault, LineConditions, Plan
from simulator.recording import FORMAT, STATES, Recorder
from simulator.replay import Line, parse
from simulator.run import Runner, RunOutcome
from simulator.swarm import TROUBLE
from simulator.trace import Trace
from simulator.verdict import NAMES
from simulator.words import CHECKS_ZH, LIES_ZH
from simulator.words import TROUBLE as TROUBLE_WORDS

ROOT = Path(__file__).parents[2]
PLAN = Plan(
    seed=11,
    records=40,
    network=LineConditions(loss_ppm=20_000, duplicate_ppm=50_000),
    liars={"auditor": "equivocator"},
    faults=(
        Fault(kind="crash", at_ms=80, for_ms=200, who=("platform",), effect=3, disk="torn"),
        Fault(kind="partition", at_ms=150, for_ms=300, who=("funder",)),
        Fault(kind="slow-disk", at_ms=500_000, for_ms=300, latency_ms=9),
    ),
)
Run = tuple[dict[str, Any], RunOutcome, list[Line]]


def record(plan: Plan) -> tuple[Recorder, RunOutcome]:
    recorder = Recorder(plan)
    with Runner() as runner:
        return recorder, runner.run(plan, recorder)


@pytest.fixture(scope="module")
def run() -> Run:
    recorder, outcome = record(PLAN)
    document = json.loads(recorder.encoded(outcome, "tongzhang simulate --plan p.toml"))
    return document, outcome, list(parse(recorder.lines))


def times(rows: dict[str, list[int]]) -> list[int]:
    return list(accumulate(rows["at"]))


def test_a_recording_is_the_same_in_any_process() -> None:
    script = (
        "from tests.simulator.test_recording import PLAN, record\n"
        "from hashlib import sha256\n"
        "recorder, outcome = record(PLAN)\n"
        "print(sha256(recorder.encoded(outcome, '')).hexdigest())\n"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_recording_a_run_does_not_change_it(run: Run) -> None:
    with Runner() as runner:
        plain = runner.run(PLAN, Trace())
    assert plain == run[1]


def test_it_says_what_it_is_and_how_it_is_repeated(run: Run) -> None:
    document, outcome, _ = run
    assert (document["format"], document["seed"], document["quorum"]) == (FORMAT, 11, 3)
    assert document["command"] == "tongzhang simulate --plan p.toml"
    assert [node["name"] for node in document["nodes"]] == list(PLAN.parties)
    assert [node["lie"] and node["lie"]["name"] for node in document["nodes"]][3] == "equivocator"
    assert document["verdict"]["good"] is outcome.is_good is True
    assert {row[0]: row[1] for row in document["verdict"]["checks"]} == outcome.verdict
    assert document["verdict"]["evidence"] == outcome.evidence != {}


def test_every_message_of_the_trace_is_a_row_for_each_copy_that_leaves(run: Run) -> None:
    document, _, lines = run
    rows = document["messages"]
    names = [node["name"] for node in document["nodes"]]
    found = Counter(
        (at, names[sender], names[to], at + took if took >= 0 else None)
        for at, sender, to, took in zip(
            times(rows), rows["from"], rows["to"], rows["took"], strict=True
        )
    )
    told: Counter[tuple[int, str, str, int | None]] = Counter()
    for line in lines:
        if line.event == "send":
            to, when, *_ = line.detail.split()
            for each in when.split("+"):
                arrival = None if each == "lost" else int(each.replace(".", ""))
                told[line.at_us, line.node, to, arrival] += 1
    assert found == told
    assert document["left_out"] == {"messages": 0, "events": 0, "tallies": 0}


def test_kinds_of_messages_are_those_of_the_trace(run: Run) -> None:
    document, _, lines = run
    rows = document["messages"]
    found = {document["kinds"][kind] for kind in rows["kind"]}
    said = [line.detail.split()[2:] for line in lines if line.event == "send"]
    voted = ("vote", "certificate")
    told = {" ".join(words[:2]) if words[0] in voted else words[0] for words in said}
    assert found == told


def test_votes_are_about_the_block_or_slot_that_the_trace_names(run: Run) -> None:
    document, _, lines = run
    blocks, rows = document["blocks"], document["messages"]
    found = Counter()
    for kind, about in zip(rows["kind"], rows["about"], strict=True):
        name = document["kinds"][kind]
        if name.startswith("vote"):
            found[
                name, *((blocks[about - 1][0], blocks[about - 1][3]) if about > 0 else (-about, ""))
            ] += 1
    told = Counter()
    for line in lines:
        if line.event == "send" and line.detail.split()[2] == "vote":
            _, when, _, kind, slot, *block = line.detail.split()
            told[f"vote {kind}", int(slot), *(block or [""])] += when.count("+") + 1
    assert found == told


def test_final_blocks_are_those_of_the_trace_at_the_same_times(run: Run) -> None:
    document, outcome, lines = run
    rows, blocks = document["steps"], document["blocks"]
    names = [node["name"] for node in document["nodes"]]
    found = [
        (at, names[node], *blocks[about - 1][1::-1], blocks[about - 1][3])
        for at, node, state, about in zip(
            times(rows), rows["node"], rows["state"], rows["about"], strict=True
        )
        if STATES[state] == "final"
    ]
    told = []
    for line in lines:
        if line.event == "final":
            words = line.detail.split()
            told.append((line.at_us, line.node, int(words[1]), int(words[3]), words[5]))
    assert sorted(found) == sorted(told)
    assert max(height for _, _, height, *_ in found) == outcome.blocks


def test_a_block_is_voted_for_and_notarized_before_a_quorum_makes_it_final(run: Run) -> None:
    document, _, _ = run
    rows = document["steps"]
    first: dict[tuple[int, str], int] = {}
    for at, state, about in zip(times(rows), rows["state"], rows["about"], strict=True):
        first.setdefault((about, STATES[state]), at)
    finals = [about for about, state in first if state == "final"]
    assert finals
    for about in finals:
        assert first[about, "proposed"] <= first[about, "notarized"] <= first[about, "final"]
    assert all(about < 0 for about, state in first if state == "skipped")


def test_the_last_tally_counts_what_clients_were_told(run: Run) -> None:
    document, _, lines = run
    tally = document["tally"]
    answers = [line.detail.split()[1] for line in lines if line.event == "answer"]
    assert tally["submitted"][-1] == sum(line.event == "submit" for line in lines)
    assert tally["applied"][-1] == answers.count("applied")
    assert tally["refused"][-1] == len(answers) - answers.count("applied")


def test_faults_that_came_to_be_are_there_with_their_ends(run: Run) -> None:
    document, _, lines = run
    kinds = [fault["kind"] for fault in document["faults"]]
    assert kinds == ["crash", "partition"]  # the world had healed before the third one
    begun = [line.at_us for line in lines if line.event == "fault"]
    assert [fault["begin"] for fault in document["faults"]] == begun
    (over,) = [line.at_us for line in lines if line.event == "over"]
    assert document["faults"][1]["end"] == over
    assert document["heal"] == next(line.at_us for line in lines if line.event == "heal")


def test_evidence_says_against_whom_and_of_what_kind(run: Run) -> None:
    document, outcome, lines = run
    found = [event[3].split() for event in document["events"] if event[2] == "evidence"]
    assert len(found) == sum(line.event == "evidence" for line in lines)
    assert {party for party, _ in found} == set(outcome.evidence)
    assert {kind for _, kind in found} == {k for kinds in outcome.evidence.values() for k in kinds}


def test_a_broken_invariant_is_in_the_verdict_with_what_was_seen() -> None:
    from simulator.checkers import Checker

    class Pessimist(Checker):
        invariant = "I1"

        def on_final(self, *given: Any) -> None:
            self.broken("nothing is right")

    recorder = Recorder(Plan(seed=1, records=10))
    with Runner((Pessimist,)) as runner:
        outcome = runner.run(Plan(seed=1, records=10), recorder)
    verdict = json.loads(recorder.encoded(outcome, ""))["verdict"]
    assert (verdict["good"], verdict["finding"]["invariant"]) == (False, "I1")
    assert verdict["checks"][0][1] == "broken"
    assert verdict["finding"]["text"] == "nothing is right"


def test_three_hundred_blocks_of_seven_parties_stay_below_three_megabytes() -> None:
    plan = Plan(seed=3, nodes=7, records=10_000, blocks=300)
    recorder, outcome = record(plan)
    assert outcome.blocks >= 300
    assert len(recorder.encoded(outcome, "")) < 3_000_000


def test_columns_are_thinned_evenly_and_say_how_many_rows_left() -> None:
    columns = Columns(("at", "value"), 100)
    for at in range(1000):
        columns.add(at, 2 * at)
    found = columns.document()
    kept = list(accumulate(found["at"]))
    assert 50 <= columns.count <= 100
    assert columns.left_out == 1000 - columns.count
    assert found["value"] == [2 * at for at in kept]
    assert len({later - at for at, later in pairwise(kept)}) == 1
    assert columns.last == 999


def test_there_are_chinese_words_for_everything() -> None:
    assert list(LIES_ZH) == list(LIES)
    assert list(CHECKS_ZH) == list(NAMES) and {each.invariant for each in CHECKERS} < set(NAMES)
    assert list(TROUBLE_WORDS) == list(TROUBLE)
    for name in library.names():
        plan = library.load(name)
        assert any("\u4e00" <= character <= "\u9fff" for character in plan.story_zh), name
