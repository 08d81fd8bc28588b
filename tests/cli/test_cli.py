"""The command line: usage, exit codes, errors in one line, and what it imports."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from cli import export, verify
from cli.errors import CheckFailed, unwrapped
from cli.output import money, plural
from demo.stage.statistics import percentile
from ledger.genesis import FORMAT
from tests.cli.cli_kit import founded, run
from tools.cli_reference import leaves, render, whole

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = (
    "init", "node", "demo", "sample", "submit", "payment", "expectations",
    "search", "receiver", "payout", "payouts", "refunds", "float", "disputes", "fees", "agreements",
    "loans", "repayments", "overdue", "compensations", "loan show", "loan allocate",
    "trial-balance", "status", "receipt", "bench", "version",
    "verify receipt", "verify log", "verify checkpoint", "verify evidence", "export log",
    "export books",
    "evidence list", "evidence show", "evidence report",
    "token create", "token list", "token revoke",
)  # fmt: skip
NODE_MODULES = ("node", "api", "consensus", "sqlalchemy", "fastapi", "uvicorn", "httpx")


@pytest.fixture(autouse=True)
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TONGZHANG_HOME", raising=False)
    monkeypatch.delenv("TONGZHANG_TOKEN", raising=False)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*command.split(), "--help") == 0
    shown = capsys.readouterr().out
    assert "Examples:" in shown
    assert f"tongzhang {command}" in shown


@pytest.mark.parametrize("group", ["", "verify", "export", "evidence", "token", "loan"])
def test_group_without_command_shows_its_help(
    group: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*group.split()) == 2
    shown = "".join(capsys.readouterr())
    assert "Commands:" in shown
    assert "error:" not in shown


def test_version_is_that_of_the_installed_package_or_unknown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: "1.2.3")
    others = f"format {FORMAT}\nPython {platform.python_version()}\n"
    assert run("--version") == run("version") == 0
    assert capsys.readouterr().out == f"tongzhang 1.2.3\n{others}" * 2
    assert run("version", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "version": "1.2.3",
        "format": FORMAT,
        "python": platform.python_version(),
    }

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert run("--version") == 0
    assert capsys.readouterr().out == f"tongzhang unknown\n{others}"


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "sample",
        "sample --out day --payments many",
        "sample --out day --date 2026-13-01",
        "sample --out day --date 2026-03-07",
        "sample --out day --payments 3",
        "submit",
        "submit no-such-file.json --url http://127.0.0.1:1 --token t",
        "status",
        "status --home no-such-home",
        "status --url 127.0.0.1:8801 --token t",
        "expectations --state late --url http://127.0.0.1:1 --token t",
        "node no-such-home",
        "status --nonsense",
        "verify receipt",
        "verify receipt no-such-file --genesis no-such-file",
        "init net --parties platform,institution,nobody",
        "init net --parties platform,funder",
        "init net --quorum 9",
        "init net --quorum 1",
        "init net --hosts nobody=host",
        "init net --hosts platform",
        "init net --hosts platform=ws://host",
        "init net --base-port 0",
        "init net --base-port -1",
        "init net --base-port 65533",
        "demo --day no-such-day",
        "demo --day examples/day --seed 1",
        "demo --day examples/day --parties platform,institution",
        "demo --parties platform,funder",
        "token create --home no-such-home --label x",
        "bench --records 0",
        "bench --records 99999999999999999999",
        "bench --rate 0",
        "bench --rate 1000001",
        "bench --rate 100 --seconds 0",
        "bench --rate 100 --no-processes",
        "bench --rate 100000 --rate 1 --seconds 10",
        "init net --quorum 99999999999999999999",
        "demo --quorum 99999999999999999999",
        "demo --payments 99999999999999999999",
        "sample --out day --payments 99999999999999999999",
        "sample --out day --date 9999-12-31",
        "sample --out day --date 0001-01-01",
        "sample --out day --date 20251231",
    ],
)
def test_bad_usage_is_one_error_line_and_exit_code_2(
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    assert run(*line.split()) == 2
    shown = capsys.readouterr()
    first, *rest = shown.err.splitlines()
    assert first.startswith("error: ")
    assert all(each.startswith("  next: ") for each in rest)
    assert shown.out == ""


@pytest.mark.parametrize(
    "words",
    [
        ["init", ""],
        ["sample", "--out", ""],
        ["status", "--home", ""],
        ["node", ""],
        ["token", "list", "--home", ""],
        ["evidence", "report", "--home", ""],
        ["demo", "--day", ""],
        ["demo", "--dir", ""],
        ["simulate", "--plan", ""],
        ["verify", "log", "", "--genesis", "g"],
        ["verify", "log", "f", "--genesis", ""],
        ["receipt", "r", "--out", ""],
        ["export", "log", "--out", ""],
        ["export", "books", "--out", ""],
        ["evidence", "show", "e", "--out", ""],
        ["bench", "--out", ""],
        ["bench", "--html", ""],
    ],
    ids=" ".join,
)
def test_an_empty_path_is_not_the_current_folder(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*words) == 2
    assert "it is empty; name a file or a folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "line",
    [
        "sample --payments 40 --out file/day",
        "demo --payments 40 --dir file/demo",
        "init file/net",
    ],
)
def test_folder_that_cannot_be_made_is_an_unwritable_file(
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.chdir(tmp_path)
    assert run(*line.split()) == 2
    assert capsys.readouterr().err.startswith("error: unwritable-file: file")


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("sample --out day --date 2026-03-07", "bad-date", "a Saturday"),
        ("sample --out day --date 2999-01-03", "bad-date", "2000 to 2998"),
        ("status --url 127.0.0.1:8801 --token t", "bad-url", "write http://"),
        ("node no-such-home", "not-a-home", "tongzhang init"),
    ],
)
def test_wrong_argument_is_named_and_the_next_step_said(
    line: str,
    code: str,
    words: str,
    *,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*line.split()) == 2
    shown = capsys.readouterr().err
    assert shown.startswith(f"error: {code}: ")
    assert words in shown


def test_unreachable_node_is_exit_code_1_and_says_how_to_start_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("status", "--url", "http://127.0.0.1:1", "--token", "t") == 1
    shown = capsys.readouterr().err
    assert shown.startswith("error: unreachable: ")
    assert "next: start it with: tongzhang node HOME" in shown


def test_false_receipt_is_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    genesis = founded(tmp_path / "net") / "platform" / "genesis.json"
    receipt = tmp_path / "receipt"
    receipt.write_text("not a receipt")
    capsys.readouterr()
    for kind in ("receipt", "log", "checkpoint"):
        assert run("verify", kind, receipt, "--genesis", genesis) == 1
        shown = capsys.readouterr()
        assert shown.err.startswith("error: ")
        assert "do not rely on this file" in shown.err
        assert shown.out == ""


def test_help_and_verify_import_nothing_of_a_node(tmp_path: Path) -> None:
    genesis = founded(tmp_path / "net") / "platform" / "genesis.json"
    arguments = ["verify", "log", str(genesis), "--genesis", str(genesis)]
    for line in (["--help"], arguments):
        script = (
            "import sys; from cli.main import run; "
            f"run({line!r}); "
            f"print([m for m in {NODE_MODULES!r} if m in sys.modules], file=sys.stderr)"
        )
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
        )
        assert done.stderr.splitlines()[-1] == "[]"


def test_reference_is_what_the_commands_say() -> None:
    assert (ROOT / "docs" / "cli.md").read_text("utf-8") == render()


def test_every_option_with_a_value_says_what_it_takes() -> None:
    for path, command in leaves("tongzhang", whole()):
        for each in command.params:
            takes_none = getattr(each, "is_flag", False)
            assert bool(each.metavar) != bool(takes_none), (path, each.name)


def test_export_from_beyond_the_end_is_refused_and_a_part_is_not() -> None:
    checkpoint, block = b'{"checkpoint":"x"}', b'{"batches":[]}'
    with pytest.raises(CheckFailed) as caught:
        export._refuse_nothing(iter([checkpoint]), 9)
    assert caught.value.code == "nothing-to-export"
    assert list(export._refuse_nothing(iter([block, checkpoint]), 9)) == [block, checkpoint]


def test_verified_facts_are_shown_as_people_write_them() -> None:
    assert verify._shown(True) == "yes"
    assert verify._shown(["a", "b"]) == "a, b"
    assert verify._shown({"b": 1, "a": {"d": True}}) == '{"a":{"d":true},"b":1}'


def test_money_and_counts_read_well() -> None:
    assert money(-123456, "CNY") == "-1,234.56 CNY"
    assert money(1234, "JPY") == "1,234 JPY"
    assert (plural(1, "record"), plural(2000, "record")) == ("1 record", "2,000 records")


def test_percentile_is_the_nearest_rank() -> None:
    assert percentile([], 50) == 0
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile([float(n) for n in range(1, 101)], 95) == 95.0


def test_first_error_of_concurrent_tasks_is_shown_alone() -> None:
    wanted = CheckFailed("x", "y")
    with pytest.raises(CheckFailed) as caught, unwrapped():
        raise ExceptionGroup("all", [ValueError(), ExceptionGroup("some", [wanted])])
    assert caught.value is wanted
