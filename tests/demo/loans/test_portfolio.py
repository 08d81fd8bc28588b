"""The generated portfolio: same bytes everywhere, and an answer key that the ledger agrees with."""

from __future__ import annotations

import ast
import copy
import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cli.errors import UsageError
from demo.loans import check
from demo.loans.answer import SUMS, answer
from demo.loans.cast import (
    LOANS_MAX,
    LOANS_MIN,
    MONTHS_MAX,
    MONTHS_MIN,
    PortfolioPlan,
)
from demo.loans.check import PortfolioCheck, checked
from demo.loans.files import ANSWER, SUMMARY, key_bytes, write_portfolio
from demo.loans.generate import Portfolio, generate
from demo.loans.loaded import LoadedPortfolio
from demo.loans.splits import FAULTS
from demo.loans.stories import MORNING, STORIES
from demo.loans.terms import DAY_COUNTS, METHODS
from ledger.lending import division
from ledger.records import Record, type_name

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "examples" / "portfolio"
PLAN = PortfolioPlan(LOANS_MIN, 12, 7)
ENDS = ("2025-12-31", "2024-02-29", "2025-06-15", "2023-04-30")
FUNDERS = (("fund-a", "fund-b", "fund-c"), ("bank", "funder"), ("funder",))


@pytest.fixture(scope="module")
def portfolio() -> Portfolio:
    return generate(PLAN)


@pytest.fixture(scope="module")
def key(portfolio: Portfolio) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(key_bytes(answer(portfolio)))
    return found


@pytest.fixture(scope="module")
def loaded(portfolio: Portfolio) -> LoadedPortfolio:
    return LoadedPortfolio(portfolio)


def sample(out: Path, hash_seed: str) -> None:
    env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "cli", "sample", "--loans", "40", "--months", "9"]
    command += ["--seed", "3", "--out", str(out)]
    subprocess.run(command, env=env, check=True, capture_output=True, cwd=ROOT)


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_sample_gives_same_bytes_in_two_processes_with_different_hash_seeds(tmp_path: Path) -> None:
    sample(tmp_path / "one", "1")
    sample(tmp_path / "two", "2")
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_committed_portfolio_is_what_the_command_makes(tmp_path: Path) -> None:
    write_portfolio(generate(PortfolioPlan(200, 12, 7)), tmp_path)
    made, held = files(tmp_path), files(EXAMPLE)
    held.pop("README.md")
    assert sorted(made) == sorted(held)
    assert [name for name in made if made[name] != held[name]] == []
    assert sum(map(len, held.values())) < 3_000_000


def test_turns_of_another_portfolio_do_not_stay(tmp_path: Path, portfolio: Portfolio) -> None:
    own = tmp_path / "records" / "notes.ndjson"
    left = tmp_path / "records" / "999-2025-01-platform.ndjson"
    own.parent.mkdir()
    own.touch()
    left.touch()
    write_portfolio(portfolio, tmp_path)
    assert own.exists()
    assert not left.exists()


def test_the_examples_readme_tells_of_every_list_and_fault() -> None:
    page = (EXAMPLE / "README.md").read_text("utf-8")
    told = re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE)
    said = json.loads((EXAMPLE / ANSWER).read_bytes())
    lists = [name for name, value in said.items() if isinstance(value, list)]
    assert sorted(told) == sorted([*lists, "stories", *FAULTS])
    turns = list((EXAMPLE / "records").iterdir())
    assert f"{said['records']['stated']:,} records in {len(turns)} files" in page


def test_summary_names_every_fault_and_holder(key: dict[str, Any], tmp_path: Path) -> None:
    write_portfolio(generate(PLAN), tmp_path)
    page = (tmp_path / SUMMARY).read_text("utf-8")
    assert all(each["payment"] in page for each in key["faults"])
    assert all(f"| {party} |" in page for party in ("fund-a", "fund-b", "fund-c", "guarantor"))


def test_every_figure_of_the_committed_answer_key_is_the_ledgers() -> None:
    said = json.loads((EXAMPLE / ANSWER).read_bytes())
    found = PortfolioCheck(said, LoadedPortfolio(generate(PortfolioPlan(200, 12, 7))))
    assert list(found.differences()) == []
    assert found.compared["loans"] > 4 * 200
    assert found.compared["repayments"] > 5 * 1_300


plans = st.builds(
    PortfolioPlan,
    loans=st.integers(LOANS_MIN, LOANS_MIN + 20),
    months=st.integers(MONTHS_MIN, 24),
    seed=st.integers(0, 10**6),
    date=st.sampled_from(ENDS),
    funders=st.sampled_from(FUNDERS),
    weekly=st.booleans(),
)


@settings(max_examples=6, deadline=None)
@given(plans)
@example(PortfolioPlan(30, 13, 3736, date="2025-12-31", funders=FUNDERS[0], weekly=False))
def test_every_figure_of_any_answer_key_is_the_ledgers(plan: PortfolioPlan) -> None:
    compared, apart = checked(plan)
    assert apart == []
    assert {"loans", "repayments", "compensations", "days", "faults"} == {*compared}


def wrong_loan(key: dict[str, Any]) -> None:
    found = next(each for each in key["loans"] if each["open"])
    next(iter(found["open"].values()))["principal"] += 1


def wrong_bucket(key: dict[str, Any]) -> None:
    key["loans"][0]["bucket"] = "M3"


def wrong_share(key: dict[str, Any]) -> None:
    shares = key["repayments"][-1]["shares"]
    shares[next(iter(shares))] += 1


def wrong_state(key: dict[str, Any]) -> None:
    key["repayments"][0]["state"] = "captured"


def wrong_compensation(key: dict[str, Any]) -> None:
    key["compensations"][0]["amount"] += 1


def lost_repayment(key: dict[str, Any]) -> None:
    key["repayments"].pop()


def wrong_code(key: dict[str, Any]) -> None:
    found = next(each for each in key["faults"] if each["outcome"] == "conflicting")
    found["outcome"] = "allocation-differs"


def wrong_leg(key: dict[str, Any]) -> None:
    found = next(each for each in key["faults"] if each["outcome"] != "conflicting")
    found["right"][next(iter(found["right"]))] += 1


def wrong_end(key: dict[str, Any]) -> None:
    found = next(each for each in key["faults"] if each["outcome"] == "conflicting")
    found["corrected"] = "" if found["corrected"] else "2025-12-31"


@pytest.mark.parametrize(
    "spoil",
    [
        wrong_loan,
        wrong_bucket,
        wrong_share,
        wrong_state,
        wrong_compensation,
        lost_repayment,
        wrong_code,
        wrong_leg,
        wrong_end,
    ],
)
def test_check_finds_one_figure_that_differs(
    spoil: Any, key: dict[str, Any], loaded: LoadedPortfolio
) -> None:
    spoiled = copy.deepcopy(key)
    spoil(spoiled)
    assert list(PortfolioCheck(key, loaded).differences()) == []
    assert list(PortfolioCheck(spoiled, loaded).differences())


@pytest.mark.parametrize("name", SUMS)
def test_check_finds_one_sum_of_a_day_that_differs(
    name: str, key: dict[str, Any], loaded: LoadedPortfolio
) -> None:
    spoiled = copy.deepcopy(key)
    row = next(each for each in spoiled["days"] if each[name])
    row[name] += 1
    apart = list(PortfolioCheck(spoiled, loaded).differences())
    assert [each[0] for each in apart] == [f"{row['date']} of {row['party']}"]


def test_a_fault_planted_in_the_ledger_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    rounded = division._rounded

    def to_the_last(amount: int, exact: Any, whole: int) -> tuple[int, ...]:
        parts = [each // whole for each in exact]
        parts[-1] += amount - sum(parts)
        return tuple(parts)

    monkeypatch.setattr(division, "_rounded", to_the_last)
    _, apart = checked(replace(PLAN, seed=11))
    assert any("shares" in name for name, _, _ in apart)
    assert any(name == "refused" for name, _, _ in apart)
    monkeypatch.setattr(division, "_rounded", rounded)
    assert checked(replace(PLAN, seed=11))[1] == []


def test_command_says_how_much_it_compared(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main(["--seeds", "1..2", "--loans", "30", "--months", "6"]) == 0
    assert re.search(
        r"^[1-9],\d{3} figures compared in \d+ s, 0 differ$", capsys.readouterr().out, re.M
    )


def test_a_portfolio_has_every_story_fault_method_and_record(portfolio: Portfolio) -> None:
    assert [life.story for life in portfolio.lives if life.story] == [
        story.name for story in STORIES + MORNING
    ]
    assert {fault.fault for fault in portfolio.faults.values()} == {*FAULTS}
    terms = [life.case["terms"] for life in portfolio.lives]
    assert {each["method"] for each in terms} == {*METHODS}
    assert {each["day_count"] for each in terms} == {*DAY_COUNTS}
    assert {len(life.account.funders) for life in portfolio.lives} == {1, 2, 3}
    assert {bool(life.account.guarantor) for life in portfolio.lives} == {True, False}
    said = {type_name(type(each.record)) for turn in portfolio.turns for each in turn.said}
    assert said == {
        "receiver.registered", "loan.proposed", "loan.accepted", "loan.disbursed", "loan.funded",
        "payment.captured", "payment.reversed", "repayment.failed", "split.instructed",
        "split.amended", "split.withdrawn", "loan.waived", "loan.replanned", "compensation.stated",
        "settlement.created", "settlement.paid", "settlement.confirmed",
    }  # fmt: skip


KINDS = {
    "late": ("repayment",),
    "overpays": ("repayment",),
    "reversed": ("reversal",),
    "waived": ("waiver",),
    "replanned": ("replan",),
    "compensated": ("compensation",),
    "returned": ("compensation", "reversal"),
    "raced": ("compensation",),
    "compensated-whole": ("compensation",),
    "today-waived": ("waiver",),
    "today-compensated": ("compensation",),
}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_stories_are_what_their_names_say(seed: int) -> None:
    told = generate(replace(PLAN, seed=seed))
    lives = {life.story: life for life in told.lives if life.story}
    for name, kinds in KINDS.items():
        played = {event["kind"] for event in lives[name].case["events"]}
        assert {*kinds} <= played, name
    assert any(each.overpaid for each in lives["overpays"].repayments)
    assert lives["pays-off"].is_settled
    assert any(each.said > each.day for each in lives["arrives-late"].repayments)
    assert lives["stops"].account.days_past_due(told.plan.end) > 180
    raced = lives["raced"].compensations
    assert [bool(each.shares) for each in raced] == [False, True]
    whole = [e for e in lives["compensated-whole"].case["events"] if e["kind"] == "compensation"]
    assert [each["instalments"] for each in whole] == ["whole"]


def test_the_last_day_is_one_to_look_at(key: dict[str, Any]) -> None:
    day = {each["party"]: each for each in key["days"] if each["date"] == PLAN.date}
    for party in PLAN.funders:
        figures = day[party]
        assert figures["due"] > figures["captured"] > figures["split"] > 0
        assert figures["differing"] and figures["unstated"] and figures["failed"]
    left = [each for each in key["faults"] if not each["corrected"]]
    assert {each["fault"] for each in left} == {"by-shares", "loan-left-out"}
    assert all(sum(each["differences"].values()) == 0 for each in key["faults"])
    assert [each for each in key["compensations"] if each["day"] == PLAN.date]


def test_what_a_fault_takes_from_one_it_gives_to_another(portfolio: Portfolio) -> None:
    harmed = Counter(fault.fault for fault in portfolio.faults.values() if fault.harmed)
    assert harmed == Counter(fault.fault for fault in portfolio.faults.values())
    for fault in portfolio.faults.values():
        assert sum(fault.stated.values()) == sum(fault.repayment.shares.values())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"loans": LOANS_MIN - 1}, "too-few-loans"),
        ({"loans": LOANS_MAX + 1}, "too-many-loans"),
        ({"months": MONTHS_MIN - 1}, "too-few-months"),
        ({"months": MONTHS_MAX + 1}, "too-many-months"),
        ({"date": "2000-03-31"}, "bad-date"),
    ],
)
def test_a_plan_that_holds_no_portfolio_is_refused(change: dict[str, Any], code: str) -> None:
    with pytest.raises(UsageError) as caught:
        generate(replace(PLAN, **change))
    assert caught.value.code == code


FORMS = {
    "files": {"canonical"},
    "life": {"proposal_hash"},
    "said": {"Record", "type_name"},
}
"""All that the generator and the answer key take from the ledger but records: forms and names."""

JUDGES = {"check", "loaded"}
"""What loads a portfolio into a ledger, and reads its rows."""


@pytest.mark.parametrize(
    "file", sorted((ROOT / "demo" / "loans").glob("*.py")), ids=lambda file: file.stem
)
def test_the_answer_key_shares_only_records_with_the_ledger(file: Path) -> None:
    if file.stem in JUDGES:
        return
    others = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(("ledger", "node")):
            module = import_module(str(node.module))
            for each in node.names:
                found = getattr(module, each.name, None)
                if not (isinstance(found, type) and issubclass(found, Record)):
                    others.add(each.name)
    assert others == FORMS.get(file.stem, set()) - {"Record"}
