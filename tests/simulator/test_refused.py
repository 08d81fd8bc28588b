"""``tongzhang simulate``: bad options, plans and files are refused, with what belongs there."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.files import refuse_unwritable
from cli.main import run
from simulator.plan import Plan, write
from simulator.replay import COLUMNS, TITLE

SMALL = ("simulate", "--records", "20")

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--scenario", "leader-crush"], "unknown-scenario: there is no scenario 'leader-crush'; "),
        (["--scenario", "leader-crush"], "did you mean 'leader-crash'?"),
        (["--byzantine", "platform=equivocatr"], "unknown-lie: there is no lie 'equivocatr'; did"),
        (["--byzantine", "platfrom=twin"], "unknown-party: there is no party 'platfrom'; did you"),
        (["--byzantine", "platform"], "usage: --byzantine wants PARTY=LIE"),
        (["--nodes", "4", "--quorum", "2"], "bad-quorum: 4 nodes need a quorum of 3 to 4, got 2"),
        (
            ["--byzantine", "platform=twin,platform=censor"],
            "usage: --byzantine names 'platform' tw",
        ),
        (["--nodes", "1"], "bad-plan: --nodes is 2 to 31, got 1"),
        (["--nodes", "100000"], "bad-plan: --nodes is 2 to 31, got 100000"),
        (["--seed", "-1"], "bad-plan: --seed is 0 to "),
        (["--quorum", "40"], "bad-plan: --quorum is 0 to 31, got 40"),
        (["--records", "-1"], "bad-plan: --records is 0 to 1000000, got -1"),
        (["--until", "-1"], "bad-plan: --until is 0 to 86400000, got -1"),
        (["--seeds", "9..1"], "bad-seeds: "),
        (["--seeds", "x"], "bad-seeds: "),
        (["--seeds", "1..2", "--seed", "3"], "usage: --seeds is for many runs"),
        (["--seeds", "1..2", "--jobs", "0"], "usage: --jobs is 1 to "),
        (["--scenario", "flood", "--plan", "x"], "usage: name a --scenario or a --plan"),
        (["--plan", "absent.toml"], "unreadable-file: "),
        (["--replay", "absent.trace"], "unreadable-file: "),
        (["--diagram", "d.png"], "usage: --diagram writes"),
        (["--replay", "t", "--seed", "3"], "usage: --replay runs the plan of the trace"),
        (["--trace", "absent/t"], "unwritable-file: absent/t: "),
        (["--trace", "."], "unwritable-file: .: "),
        (["--to", "5", "--diagram", "absent/d.svg"], "unwritable-file: absent/d.svg: "),
        (["--records", "5", "--diagram", "d.svg", "--from", "9999999"], "bad-slice: "),
        (["--diagram", "d.svg"], "usage: a whole run has more events than a diagram"),
        (["--diagram", "d.svg", "--to", "9", "--event", "read"], "bad-slice: a diagram shows no"),
        (["--diagram", "d.svg", "--to", "9", "--node", "merchant"], "unknown-party: no machine"),
        (["--diagram", "d.svg", "--event", "sned"], "unknown-event: no event 'sned'; did you"),
        (["--scenario", "flood", "--diagram", "d.svg", "--from", "90000"], "bad-slice: "),
        (["--from", "5"], "usage: --from chooses what --replay or --diagram shows"),
        (["--to", "5", "--trace", "t"], "usage: --to chooses what --replay or --diagram shows"),
        (["--node", "platform"], "usage: --node chooses what --replay or --diagram shows"),
        (["--event", "send", "--seeds", "1..2"], "usage: --event chooses what --replay or"),
        (["--replay", "t", "--event", "sned"], "unknown-event: no event 'sned'; did you mean"),
        (["--replay", "t", "--trace", "b"], "usage: --replay has a trace; leave out --trace"),
        (["--replay", "t", "--from", "9", "--to", "3"], "usage: --from 9 is not before --to 3"),
        (["--replay", "t", "--from", "9", "--to", "9"], "usage: --from 9 is not before --to 9"),
        (["--replay", "t", "--from", "-1"], "usage: --from is a time in ms from 0 on, got -1"),
        (["--replay", "t", "--to", "-1"], "usage: --to is a time in ms from 0 on, got -1"),
        (["--replay", "t", "--diagram", "d.png"], "usage: --diagram writes"),
        (["--jobs", "2"], "usage: --jobs is for --seeds"),
        (["--coverage", "--trace", "t"], "usage: --coverage runs no machines; leave out --trace"),
    ],
)
def test_bad_input_is_refused_with_its_code(
    arguments: list[str], said: str, capsys: Captured
) -> None:
    assert run(["simulate", *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["--plan", "p.svg", "--trace", "./p.svg"], "--plan and --trace"),
        (["--faults", "p.svg", "--trace", "link"], "--faults and --trace"),
        (["--plan", "p.svg", "--diagram", "p.svg"], "--plan and --diagram"),
        (["--replay", "p.svg", "--diagram", "p.svg"], "--replay and --diagram"),
        (["--trace", "new.svg", "--diagram", "new.svg"], "--trace and --diagram"),
    ],
)
def test_no_file_of_a_command_is_written_over_another(
    files: list[str], said: str, tmp_path: Path, capsys: Captured
) -> None:
    plan = write(Plan(seed=5, records=10))
    (tmp_path / "p.svg").write_text(plan)
    (tmp_path / "link").symlink_to("p.svg")
    assert run(["simulate", *files, *(["--to", "50"] if "--diagram" in files else [])]) == 2
    assert f"error: usage: {said} are the same file: " in capsys.readouterr().err
    assert (tmp_path / "p.svg").read_text() == plan
    assert not (tmp_path / "new.svg").exists()


def test_one_plan_and_faults_file_may_be_read_twice(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text("liars = {}")
    assert run(["simulate", "--plan", "p.toml", "--faults", "p.toml", "--records", "5"]) == 0


def test_what_cannot_be_written_is_found_before_anything_is_run(tmp_path: Path) -> None:
    files = ["--trace", "run.trace", "--diagram", "absent/d.svg", "--to", "50"]
    assert run([*SMALL, *files]) == 2
    assert not list(tmp_path.iterdir())


def test_looking_whether_a_file_can_be_written_changes_none(tmp_path: Path) -> None:
    old, link = tmp_path / "old.svg", tmp_path / "link.svg"
    old.write_text("old")
    link.symlink_to("not-there.svg")
    refuse_unwritable(old)
    refuse_unwritable(link)
    refuse_unwritable(Path("/dev/null"))
    assert old.read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"old.svg", "link.svg"}


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[[faults]]\nkind = 'crush'\nat_ms = 5", "bad-plan: f.toml: "),
        ("[[faults]]\nkind = 'crush'\nat_ms = 5", "did you mean 'crash'?"),
        ("[[faults]]\nkind = 'crash'\nat_ms = -5", "bad-plan: f.toml: "),
        ("[[faults]]\nkind = 'crash'\nat = 5", "bad-plan: f.toml: "),
        ("[[faults]]\nkind = 'crash'\nat_ms = 5\nloss_ppm = 9", "bad-fault: a fault of kind crash"),
        ("[[faults]]\nkind = 'crash'\nat_ms = 5\nwho = ['x']", "unknown-party: "),
        ("[[faults]]\nkind = 'crash'\nat_ms = 5\ndisk = 'backup'\nage_ms = 9", "bad-fault: "),
        ("faults = [", "bad-plan: f.toml is not TOML"),
        ("seed = 5", "bad-plan: f.toml: "),
        ("seed = 5", "a faults file holds faults, network and liars; --plan takes a whole plan"),
        ("[[fault]]\nkind = 'crash'\nat_ms = 5", "did you mean 'faults'?"),
        ("[[faults]]\nkind = 'crash'\nat_ms = 5\ndisk = 'melted'", "there are backup, kept, lost"),
        ("[[faults]]\nkind = 'crash'\nat_ms = 5\ndisk = 'tron'", "did you mean 'torn'?"),
        ("[[faults]]\nkind = 'crash'\nat_ms = 5\nseed = 3", "there are kind, at_ms, for_ms"),
        ("[[faults]]\nkind = 'crash'\nat_ms = -5", "at_ms`; it is 0 to 86400000"),
        ("[network]\ndelay = 3", "did you mean 'delay_ms'?"),
    ],
)
def test_a_bad_fault_file_is_refused_with_the_place_and_the_next_choice(
    toml: str, said: str, tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "f.toml").write_text(toml)
    assert run(["simulate", "--faults", "f.toml"]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("nodes = 1", "`$.nodes`; it is 2 to 31"),
        ("record = 5", "did you mean 'records'?"),
        ("kind = 'crash'", "there are seed, story, story_zh, nodes"),
        ("[expect]\nforks = true", "did you mean 'fork'?"),
        ("show_ms = [-1, 5]", "it is 0 to 86400000"),
        (
            "[expect]\nconvicted = ['nobody']",
            "error: unknown-party: there is no party 'nobody'; there are platform, institution",
        ),
        ("[expect]\nconvicted = ['fundr']", "no party 'fundr'; did you mean 'funder'?"),
        ("[expect]\nhalted = ['guarantor']", "no party 'guarantor'; "),
        (
            "liars = { funder = 'twin' }\n[expect]\nhalted = ['funder']",
            "error: bad-plan: halted are honest parties, and funder lies; there are platform,",
        ),
        ("liars = { funder = 5 }", "Expected `str`, got `int` - at `$.liars[...]`\n"),
    ],
)
def test_a_bad_plan_is_refused_with_what_belongs_at_that_place(
    toml: str, said: str, tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "p.toml").write_text(toml)
    assert run(["simulate", "--plan", "p.toml"]) == 2
    assert said in capsys.readouterr().err.replace("error: bad-plan: p.toml: ", "")


@pytest.mark.parametrize("option", ["--plan", "--faults"])
def test_a_plan_nested_too_deeply_is_refused(option: str, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "p.toml").write_text("faults = " + "[" * 100_000)
    assert run(["simulate", option, "p.toml"]) == 2
    assert capsys.readouterr().err == "error: bad-plan: p.toml is nested too deeply\n"


def test_a_plan_nested_too_deeply_within_a_trace_is_refused(
    tmp_path: Path, capsys: Captured
) -> None:
    nested = f"#   faults = {'[' * 100_000}"
    (tmp_path / "t").write_text("\n".join((TITLE, "# plan:", nested, COLUMNS, "")))
    assert run(["simulate", "--replay", "t"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: bad-plan: ")
    assert said.endswith("is nested too deeply\n")


def test_a_fault_file_without_faults_is_no_calm_run(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "none.toml"
    file.write_text("faults = []\n")
    assert run([*SMALL, "--faults", str(file)]) == 2
    assert "names no fault; for a run without any add --calm" in capsys.readouterr().err
    assert run([*SMALL, "--faults", str(file), "--calm"]) == 0
