"""Standard output that takes no more: one line that says so, and nothing done that nobody saw."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import pytest

from cli.main import run
from cli.output import progress, utc
from ledger.limits import SAFE_INTEGER_MAX
from node.home.home import load_home

ROOT = Path(__file__).parents[2]
ERROR = "error: output-failed: standard output cannot be written: No space left on device\n"

ANSWERS = """
from cli.client import Client
from cli.main import main
Client.stream_lines = lambda *_, **__: iter([b'{}', b'x' * 500_000])
Client.get_text = lambda *_, **__: 'x' * 500_000
Client.get = lambda *_, **__: {'evidence': [], 'party': 'a'}
main()
"""
"""The command, with a node that answers at length."""


def command(*arguments: object, within: str = "from cli.main import main; main()") -> list[str]:
    return [sys.executable, "-c", within, *map(str, arguments)]


def shown(
    words: list[str], stdout: int | IO[Any], stderr: int | IO[Any] = subprocess.PIPE
) -> tuple[int, str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, env=environment, stdout=stdout, stderr=stderr, text=True)
    return done.returncode, done.stderr


def on_a_full_disk(words: list[str]) -> tuple[int, str]:
    with open("/dev/full", "w") as full:
        return shown(words, full)


def into_a_closed_pipe(words: list[str]) -> tuple[int, str]:
    read, write = os.pipe()
    os.close(read)
    try:
        return shown(words, write)
    finally:
        os.close(write)


def with_closed(number: int, words: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command as ``words >&-`` or ``words 2>&-`` does."""
    closing = ["sh", "-c", f'exec "$@" {number}>&-', "sh", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(closing, env=environment, capture_output=True, text=True)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    assert run(["init", str(tmp_path / "net")]) == 0
    return tmp_path / "net" / "platform"


PRINTING = (
    ["--version"],
    ["--help"],
    ["simulate", "--help"],
    ["simulate", "--scenario", "list"],
    ["simulate", "--records", "5", "--seed", "1"],
    ["simulate", "--records", "5", "--seed", "1", "--json"],
)


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_a_full_disk_is_said_in_one_line(arguments: list[str]) -> None:
    assert on_a_full_disk(command(*arguments)) == (1, ERROR)


@pytest.mark.parametrize("arguments", PRINTING[:4], ids=" ".join)
def test_a_reader_that_has_left_is_no_matter(arguments: list[str]) -> None:
    assert into_a_closed_pipe(command(*arguments)) == (1, "")


CLOSED = ERROR.replace("No space left on device", "Bad file descriptor")


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_a_closed_output_is_like_a_full_one(arguments: list[str]) -> None:
    done = with_closed(1, command(*arguments))
    assert (done.returncode, done.stderr) == (1, CLOSED)


def test_remarks_go_nowhere_where_there_is_no_stderr(home: Path) -> None:
    create = command("token", "create", "--home", home, "--label", "erp")
    done = with_closed(2, create)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1)
    done = with_closed(2, command("simulate", "--records", "5", "--seeds", "1..2", "--json"))
    assert json.loads(done.stdout)["totals"]["seeds"] == 2
    done = with_closed(2, command("simulate", "--nodes", "1"))
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8:strict"])
def test_what_the_output_has_no_character_for_is_written_out(encoding: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding}
    for name in ("账本\N{ABACUS}", "b\udcff"):
        for more in ([], ["--json"]):
            words = command("init", tmp_path / f"{name}{len(more)}", *more)
            done = subprocess.run(words, env=environment, capture_output=True, check=False)
            assert (done.returncode, done.stderr) == (0, b"")
            if more:
                home = json.loads(done.stdout)["nodes"][0]["home"]
                assert Path(home) == tmp_path / f"{name}1" / "platform"


NODE = ("--url", "http://127.0.0.1:1", "--token", "t")
ASKING = (["export", "log"], ["receipt", "r1"], ["evidence", "list"])


@pytest.mark.parametrize("arguments", ASKING, ids=" ".join)
def test_what_a_node_answers_meets_a_full_disk_or_a_closed_pipe(arguments: list[str]) -> None:
    asking = command(*arguments, *NODE, within=ANSWERS)
    assert on_a_full_disk(asking) == (1, ERROR)
    assert into_a_closed_pipe(asking) == (1, "")
    assert with_closed(1, asking).stderr == CLOSED


def test_progress_claims_no_total_that_is_not_known() -> None:
    bar = progress()
    bar.add_task("exporting", total=None, completed=1200)
    bar.add_task("verifying", total=5000, completed=7)
    count = bar.columns[2]
    assert [str(count(task)) for task in bar.tasks] == ["1,200", "   7/5000"]


# -- tokens ---------------------------------------------------------------------------------------


def labels(home: Path) -> list[str]:
    return [token.label for token in load_home(home).tokens.list()]


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_token_that_cannot_be_shown_is_revoked_again(home: Path, more: list[str]) -> None:
    create = command("token", "create", "--home", home, "--label", "erp", *more)
    for code, said in (on_a_full_disk(create), into_a_closed_pipe(create)):
        assert code == 1
        assert re.search(r"error: token-not-shown: .*; token [0-9a-f]+ is revoked again\n", said)
        assert labels(home) == ["operator"]
    done = with_closed(1, create)
    assert (done.returncode, labels(home)) == (1, ["operator"])
    assert "error: token-not-shown: " in done.stderr


def test_a_token_of_which_nothing_can_be_said_is_revoked_again(home: Path) -> None:
    with open("/dev/full", "w") as full:
        create = command("token", "create", "--home", home, "--label", "erp")
        code, _ = shown(create, subprocess.PIPE, full)
    assert code == 1
    assert labels(home) == ["operator"]


def test_a_token_that_can_be_neither_shown_nor_revoked_is_named(home: Path) -> None:
    full = (
        "import errno\n"
        "from node.home.tokens import Tokens\n"
        "def fail(*_): raise OSError(errno.ENOSPC, 'No space left on device')\n"
        "Tokens.revoke = fail\n"
        "from cli.main import main; main()"
    )
    create = command("token", "create", "--home", home, "--label", "erp", within=full)
    code, said = on_a_full_disk(create)
    (token,) = [token for token in load_home(home).tokens.list() if token.label == "erp"]
    assert code == 1
    assert f"; token {token.id} IS VALID and cannot be revoked: No space left on device\n" in said
    assert said.endswith(f"tongzhang token revoke {token.id} --home {home}\n")


@pytest.mark.parametrize(
    ("at_ms", "shown"),
    [
        (0, "1970-01-01 00:00:00"),
        (1_772_413_200_999, "2026-03-02 01:00:00"),
        (253_402_300_799_999, "9999-12-31 23:59:59"),
        (253_402_300_800_000, "253,402,300,800,000 ms"),
        (SAFE_INTEGER_MAX, "9,007,199,254,740,991 ms"),
    ],
)
def test_a_time_is_shown_wherever_it_is(at_ms: int, shown: str) -> None:
    assert utc(at_ms) == shown
