"""With ``--json`` a command that fails leaves one problem document on standard output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.errors import CheckFailed, CliError, OutputFailed, UsageError
from ledger.errors import URN
from tests.cli.cli_kit import founded, run
from tests.cli.test_client import COMMANDS, Captured
from tests.cli.test_output import command, into_a_closed_pipe, on_a_full_disk
from tools.cli_reference import leaves, whole

ROOT = Path(__file__).resolve().parents[2]
NOBODY = ("--url", "http://127.0.0.1:1", "--token", "t")
UNREACHABLE = ("status", *NOBODY, "--json")


def with_json() -> Iterator[list[str]]:
    """Yield the commands that ask a node and take ``--json``."""
    options = {path: {o for p in each.params for o in p.opts} for path, each in leaves("", whole())}
    for words in COMMANDS:
        path = next(path for path in options if f"{' '.join(words)} ".startswith(f"{path[1:]} "))
        if "--json" in options[path]:
            yield words


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TONGZHANG_HOME", raising=False)
    (tmp_path / "records").write_text('{"id":"1"}')
    return tmp_path


def problem_of(capsys: Captured) -> dict[str, Any]:
    """Return the one document on stdout, which says what the line on stderr says."""
    shown = capsys.readouterr()
    document: dict[str, Any] = json.loads(shown.out)
    line = f"error: {document['code']}: {document['detail']}"
    steps = [f"  next: {document['next']}"] if "next" in document else []
    assert shown.err.splitlines()[-1 - len(steps) :] == [line, *steps]
    assert document["type"] == URN + document["code"]
    assert document["title"]
    return document


@pytest.mark.parametrize("words", list(with_json()), ids=" ".join)
def test_a_node_that_is_not_there_is_a_problem(words: list[str], capsys: Captured) -> None:
    assert run(*words, *NOBODY, "--json") == 1
    document = problem_of(capsys)
    assert (document["code"], document["title"]) == ("unreachable", CheckFailed.title)
    assert document["next"] == "start it with: tongzhang node HOME"
    assert "status" not in document


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("status --json", "no-node-named"),
        ("status --json --nonsense", "usage"),
        ("statis --json", "usage"),
        ("init --json", "usage"),
        ("init net --quorum 99 --json", "bad-quorum"),
        ("init . --json", "home-not-empty"),
        ("sample --out day --payments 3 --json", "too-few-payments"),
        ("demo --json --day no-such-day", "bad-day"),
        ("simulate --json --scenario no-such", "unknown-scenario"),
        ("token list --home no-such --json", "not-a-home"),
        ("genesis show no-such --json", "unreadable-file"),
    ],
)
def test_a_wrong_call_is_a_problem(line: str, code: str, capsys: Captured) -> None:
    exit_code = run(*line.split())
    document = problem_of(capsys)
    assert document["code"] == code
    assert exit_code == (2 if document["title"] == UsageError.title else 1)


def test_what_does_not_verify_is_a_problem(folder: Path, capsys: Captured) -> None:
    genesis = founded(folder / "net") / "platform" / "genesis.json"
    capsys.readouterr()
    assert run("verify", "receipt", folder / "records", "--genesis", genesis, "--json") == 1
    assert problem_of(capsys)["next"] == "do not rely on this file"


def test_without_json_there_is_no_document(capsys: Captured) -> None:
    assert run("status", *NOBODY) == 1
    assert run("payment", *NOBODY, "--", "--json") == 2
    assert capsys.readouterr().out == ""


def test_one_failure_does_not_reach_into_the_next_call(capsys: Captured) -> None:
    assert run(*UNREACHABLE) == 1
    capsys.readouterr()
    assert run("status", *NOBODY) == 1
    assert capsys.readouterr().out == ""


def test_a_document_that_does_not_get_out_is_said_and_the_exit_code_stays() -> None:
    code, said = on_a_full_disk(command(*UNREACHABLE))
    first, step, last = said.splitlines()
    assert (code, first.split(": ")[1]) == (1, "unreachable")
    assert step.startswith("  next: ")
    assert (
        last == "error: output-failed: standard output cannot be written: No space left on device"
    )
    assert on_a_full_disk(command("status", "--json"))[0] == 2
    code, said = into_a_closed_pipe(command(*UNREACHABLE))
    assert (code, said.splitlines()) == (1, [first, step])


def test_the_answer_of_a_node_is_handed_on_whole() -> None:
    answer = {"type": f"{URN}busy", "title": "t", "status": 503, "code": "busy", "definite": True}
    error = CheckFailed("busy", "wait", "try again", {**answer, "detail": "wait"})
    assert error.problem() == {**answer, "detail": "wait", "next": "try again"}


def test_the_documented_document_is_that_of_the_code() -> None:
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    _, _, section = page.partition("## On the command line")
    documented = json.loads(section.split("```json\n")[1].split("```")[0])
    code, detail, step = (documented[name] for name in ("code", "detail", "next"))
    assert CheckFailed(code, detail, step).problem() == documented


def test_every_class_of_errors_has_a_title_of_its_own() -> None:
    titles = [each.title for each in (CliError, UsageError, CheckFailed, OutputFailed)]
    assert len(set(titles)) == len(titles)
