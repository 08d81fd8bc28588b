"""``tongzhang submit``: what a file holds, what of it is rewritten, and what is refused."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli import submit
from cli.errors import CheckFailed, CliError, UsageError
from tests.cli.cli_kit import run

ROOT = Path(__file__).parents[2]


def test_submit_reads_one_object_an_array_and_lines() -> None:
    assert submit._split(b' {"a": 1}\n') == [b'{"a": 1}']
    assert submit._split(b'[{"a":1}, {"b":2}]') == [b'{"a":1}', b'{"b":2}']
    assert submit._split(b'{"a":1}\n\n{"b":2}\r\n') == [b'{"a":1}', b'{"b":2}']
    assert submit._split(b'{"a":1}\nnot json\n') == [b'{"a":1}', b"not json"]


@pytest.mark.parametrize(
    ("data", "error"),
    [(b"  \n", UsageError), (b"[1,", CheckFailed), (b"not json", CheckFailed)],
)
def test_submit_refuses_a_file_that_holds_no_records(data: bytes, error: type[CliError]) -> None:
    with pytest.raises(error):
        submit._split(data)


def test_a_file_that_is_no_json_has_a_next_step() -> None:
    for data in (b"[1,", b'{"id":'):
        with pytest.raises(CheckFailed) as caught:
            submit._split(data)
        assert caught.value.next_step.startswith("nothing was sent; see that the file is whole")


def test_submit_refuses_an_empty_array() -> None:
    with pytest.raises(UsageError) as caught:
        submit._split(b"[]")
    assert caught.value.code == "empty-file"


def test_submit_advises_about_the_others_only_where_there_are_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    refused = {"code": "float", "id": "a", "definite": True, "existing": False}
    final = {"state": "final", "id": "b", "definite": True, "existing": False}
    queued = {"state": "queued", "id": "c", "definite": False, "existing": False}
    for results, wait, advice in (
        ([refused], True, "correct it and submit it again"),
        ([refused, refused], True, "correct them and submit them again"),
        ([refused, final], True, "correct it and submit it again; the others are recorded"),
        ([refused, queued], True, "correct it and submit it again; the others are on their way"),
        ([refused, queued], False, "correct it and submit it again; the others are on their way"),
    ):
        with pytest.raises(CheckFailed) as caught:
            submit._report(results, wait, False)
        assert caught.value.next_step == advice


def test_submit_says_what_taken_records_wait_for_also_beside_refused_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    refused = {"code": "float", "id": "a", "definite": True, "existing": False}
    why = {"code": "no-quorum", "message": "only 2 of 3"}
    queued = {"state": "queued", "id": "c", "definite": False, "existing": False, "waiting": why}
    with pytest.raises(CheckFailed) as caught:
        submit._report([queued, queued], True, False)
    assert caught.value.code == "no-quorum"
    assert str(caught.value.message) == "2 records not final yet: only 2 of 3"
    assert capsys.readouterr().err == ""
    with pytest.raises(CheckFailed) as caught:
        submit._report([refused, queued], True, False)
    assert caught.value.code == "refused"
    assert "no-quorum: only 2 of 3" in capsys.readouterr().err
    submit._report([queued], False, False)
    assert "no-quorum: only 2 of 3" in capsys.readouterr().err


def test_a_refusal_names_the_record_where_its_id_can_be_read(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    long = f'{{"id":"{"x" * 65}"}}'
    lines = ('{"id":"a", "at":1.5}', '{"id":7}', "[]", "no", long, '{"id":"b","id":"b"}')
    bad = {"code": "bad", "state": "refused", "definite": True, "existing": False}
    answers = [{"id": "", **bad} for _ in lines]
    monkeypatch.setattr("cli.client.Client.submit_lines", lambda *_, **__: answers)
    file = tmp_path / "records.ndjson"
    file.write_text("\n".join(lines))
    where = ("--url", "http://127.0.0.1:9", "--token", "x")
    assert run("submit", file, *where) == 1
    shown = capsys.readouterr().out.splitlines()[1:]
    assert [line.split(":")[1].strip() for line in shown] == ["a", "-", "-", "-", "-", "b"]
    assert run("submit", file, *where, "--json") == 1
    assert json.loads(capsys.readouterr().out)[0]["id"] == "a"


def test_submit_rewrites_only_what_keeps_its_meaning() -> None:
    pretty = b'{ "id": "a", "at": 1 }'
    double = b'{"at":1, "at":2}'
    real = b'{"at": 1.5}'
    assert submit._canonical([pretty, double, real]) == ([b'{"at":1,"id":"a"}', double, real], 1)


@pytest.mark.parametrize("data", ['{"id":"\u652f\u4ed8"}'.encode("gbk"), b"[" * 20_000])
def test_a_file_that_is_no_utf8_or_nested_beyond_reason_is_refused_without_a_trace(
    data: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "records.json"
    file.write_bytes(data)
    url = "http://127.0.0.1:9"
    assert run("submit", file, "--url", url, "--token", "x") in (1, 2)
    assert capsys.readouterr().err.startswith("error: ")


# -- interrupted ----------------------------------------------------------------------------------

INTERRUPTED = """
import os, sys
from cli.client import Client
from cli.main import main

def answer(client, lines, *, wait, chunks=[]):
    chunks.append(lines)
    if len(chunks) == 3:
        os.kill(os.getpid(), int(sys.argv[1]))
    return [{"id": "", "state": "final", "definite": True, "existing": False} for _ in lines]

Client.submit_lines = answer
main(["submit", *sys.argv[2:], "--url", "http://127.0.0.1:9", "--token", "x"])
"""
"""``submit`` to a node at whose third answer a signal comes."""


@pytest.mark.parametrize("more", [[], ["--json"], ["--no-wait"]])
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_submit_says_how_far_it_came_and_what_to_do(
    ending: signal.Signals, more: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "many.ndjson"
    file.write_text("".join(f'{{"id":"r{number}"}}\n' for number in range(6_000)))
    words = [sys.executable, "-c", INTERRUPTED, str(int(ending)), str(file), *more]
    done = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, check=False, preexec_fn=_heard
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == (
        "interrupted: 4,000 of 6,000 records were answered; "
        "submit the same file again: nothing is recorded twice\n"
    )


def _heard() -> None:
    """Let SIGHUP be heard also where the tests themselves run under ``nohup``."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
