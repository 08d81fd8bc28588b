"""Files that commands are given: wrong, endless, or not there, each in one line."""

from __future__ import annotations

import csv
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.main import run
from demo.day.files import read_day
from tests.cli.files_kit import put_endless

ROOT = Path(__file__).resolve().parents[2]
MEMORY_BYTES_MAX = 3 * 2**30
"""Enough for a file of the largest size, and too little for an endless one."""

NODE = ("--url", "http://127.0.0.1:1", "--token", "t")


def bounded(*arguments: object, stdin: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command that may not take more memory than it should need."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))

    command = [sys.executable, "-m", "cli", *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, preexec_fn=limit, stdin=stdin, timeout=60
    )


def first_words(done: subprocess.CompletedProcess[str]) -> str:
    line, *rest = done.stderr.splitlines()
    assert all(each.startswith("  next: ") for each in rest)
    return " ".join(line.split()[:2])


@pytest.fixture
def day(tmp_path: Path) -> Path:
    assert run(["sample", "--out", str(tmp_path / "day"), "--payments", "40"]) == 0
    return tmp_path / "day"


@pytest.mark.parametrize("kind", ["device", "huge"])
def test_what_has_no_end_is_not_read_to_it(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "f"
    put_endless(kind, file)
    for command in (
        ["submit", file, *NODE],
        ["simulate", "--plan", file],
        ["simulate", "--faults", file],
        ["simulate", "--replay", file],
    ):
        done = bounded(*command)
        assert (done.returncode, first_words(done)) == (2, "error: file-too-large:")


def test_standard_input_without_end_is_not_read_to_it() -> None:
    with open("/dev/zero", "rb") as endless:
        done = bounded("submit", "-", *NODE, stdin=endless.fileno())
    assert (done.returncode, first_words(done)) == (2, "error: file-too-large:")


@pytest.mark.parametrize("name", ["expected.json", "orders.csv"])
@pytest.mark.parametrize("kind", ["device", "huge"])
def test_a_day_without_end_is_not_read_to_it(kind: str, name: str, day: Path) -> None:
    put_endless(kind, day / name)
    done = bounded("demo", "--day", day)
    assert (done.returncode, first_words(done)) == (2, "error: bad-day:")
    assert "has more than 268,435,456 bytes" in done.stderr


@pytest.mark.parametrize("kind", ["receipt", "checkpoint", "log", "evidence"])
def test_a_paper_without_end_is_false(kind: str, tmp_path: Path) -> None:
    assert run(["init", str(tmp_path / "net")]) == 0
    genesis = tmp_path / "net" / "auditor" / "genesis.json"
    done = bounded("verify", kind, "/dev/zero", "--genesis", genesis)
    assert done.returncode == 1
    assert "do not rely on this file" in done.stderr
    done = bounded("verify", kind, "/dev/null", "--genesis", "/dev/zero")
    assert (done.returncode, first_words(done)) == (2, "error: genesis-too-large:")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("expected.json", b"\xff"),
        ("expected.json", b"[" * 100_000),
        ("expected.json", b"[]"),
        ("expected.json", b'{"business_date":1}'),
        ("orders.csv", b"\xff"),
        ("orders.csv", b""),
        ("orders.csv", b'"' + b"x" * 200_000),
    ],
)
def test_a_day_with_a_bad_file_names_it(
    name: str, content: bytes, day: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (day / name).write_bytes(content)
    assert run(["demo", "--day", str(day)]) == 2
    assert capsys.readouterr().err.startswith(f"error: bad-day: {name} cannot be read")


@pytest.mark.parametrize(
    ("name", "column", "text"),
    [
        ("captures.csv", "captured_at", "yesterday"),
        ("captures.csv", "captured_at", "2025-12-31T09:15:03.120"),
        ("captures.csv", "amount", "-5"),
        ("captures.csv", "amount", "9" * 30),
        ("captures.csv", "amount", "1_000"),
        ("captures.csv", "heard_after", "soon"),
        ("captures.csv", "type", "steal"),
        ("orders.csv", "legs", "1:nobody"),
        ("orders.csv", "legs", "1:shop-00001:goods:-5"),
        ("orders.csv", "tail_leg", "x"),
        ("payouts.csv", "cutoff_date", "2025-12-32"),
        ("calendars.csv", "holidays", "2026-01-01;2026-01-32"),
        ("receivers.csv", "cycle", "monthly"),
        ("receivers.csv", "kind", "unwell"),
    ],
)
def test_a_day_with_a_bad_cell_names_file_line_and_column(
    name: str, column: str, text: str, day: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_cell(day / name, column, text)
    capsys.readouterr()
    assert run(["demo", "--day", str(day)]) == 2
    said = f"error: bad-day: {name} cannot be read as part of a day: line 2: {column} is "
    assert capsys.readouterr().err.startswith(said)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda line: line.rpartition(",")[0], "line 2: reason is missing"),
        (lambda line: f"{line},1", "line 2: it has more than 12 cells"),
        (lambda line: line.replace(",CNY,", ",,"), "line 2: currency is missing"),
        (lambda line: f"{line}void", "line 2: record: there is no field 'reason'"),
    ],
)
def test_a_day_with_a_line_of_another_length_names_it(
    change: Callable[[str], str], said: str, day: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (day / "captures.csv").read_text().splitlines()
    lines[1] = change(lines[1])
    (day / "captures.csv").write_text("\n".join(lines))
    assert run(["demo", "--day", str(day)]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (("payouts.csv", "receiver", "nobody"), "bad-day"),
        (("payouts.csv", "receiver", ""), "bad-day"),
        (("confirmations.csv", "payout", "nobody"), "bad-day"),
        (("confirmations.csv", "party", "nobody"), "day-needs-parties"),
        (("confirmations.csv", "party", ""), "day-needs-parties"),
        (("floats.csv", "party", "nobody"), "day-needs-parties"),
        (("disputes.csv", "against", "nobody"), "day-needs-parties"),
        (("disputes.csv", "against", ""), "bad-day"),
    ],
)
def test_a_day_whose_files_contradict_one_another_is_not_played(
    cell: tuple[str, str, str], code: str, day: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, column, text = cell
    put_cell(day / name, column, text)
    capsys.readouterr()
    assert run(["demo", "--day", str(day)]) == 2
    assert capsys.readouterr().err.startswith(f"error: {code}: ")


@pytest.mark.parametrize(
    ("field", "value"),
    [("business_date", "gestern"), ("business_date", "9999-12-31"), ("platform", "institution")],
)
def test_a_day_with_a_bad_head_is_not_played(
    field: str, value: str, day: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = json.loads((day / "expected.json").read_text())
    (day / "expected.json").write_text(json.dumps({**expected, field: value}))
    assert run(["demo", "--day", str(day)]) == 2
    assert "error: bad-day: expected.json" in capsys.readouterr().err


def test_a_day_that_a_spreadsheet_saved_is_the_same_day(day: Path) -> None:
    before = read_day(day)
    for file in day.glob("*.csv"):
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert read_day(day) == before


def put_cell(file: Path, column: str, text: str) -> None:
    """Put ``text`` into a column of the first row of a file."""
    with file.open(encoding="utf-8", newline="") as old:
        head, *rows = csv.reader(old)
    rows[0][head.index(column)] = text
    with file.open("w", encoding="utf-8", newline="") as new:
        csv.writer(new, lineterminator="\n").writerows([head, *rows])


def test_a_closed_standard_input_has_no_records() -> None:
    closing = ["sh", "-c", 'exec "$@" <&-', "sh", sys.executable, "-m", "cli", "submit", "-", *NODE]
    done = subprocess.run(closing, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, first_words(done)) == (2, "error: unreadable-file:")


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("tokens.lock", ["token", "create", "--label", "x", "--home"]),
        ("tokens.lock", ["token", "revoke", "0badcafe", "--home"]),
        ("lock", ["node"]),
        ("rebuilding", ["node"]),
    ],
)
def test_a_home_that_cannot_be_written_is_said_so(
    name: str, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", str(tmp_path / "net")]) == 0
    home = tmp_path / "net" / "platform"
    (home / name).unlink(missing_ok=True)
    if name == "lock":
        os.mkfifo(home / name)
    else:
        (home / name).mkdir()
    capsys.readouterr()
    assert run([*command, str(home)]) in (1, 2)
    assert re.match(r"error: (unwritable-file|home-unreadable): \S+", capsys.readouterr().err)


OWN_FILES = {
    "cli/bench/machine.py": "what the kernel says",
    "cli/bench/page.py": "the style sheets that are shipped",
    "cli/calendars/files.py": "the calendar that is shipped",
    "node/storage/log_index.py": "what the kernel says",
    "demo/stage/processes.py": "what the kernel, and a node that was started here, say",
}


def test_files_are_read_with_a_bound() -> None:
    unbounded = re.compile(r"\.read_(text|bytes)\(|\.read\(\)")
    paths = [path for name in ("cli", "demo", "node") for path in (ROOT / name).rglob("*.py")]
    found = {str(path.relative_to(ROOT)) for path in paths if unbounded.search(path.read_text())}
    assert found - {"cli/client.py"} == set(OWN_FILES)  # the client reads answers, no files
