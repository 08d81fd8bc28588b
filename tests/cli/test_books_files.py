"""Exported books as files: whole or not at all, and said with what was written."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import main
from cli.books.source import Books
from cli.client import Client
from cli.errors import CheckFailed
from cli.files import whole
from ledger.currencies import decimal
from tests.api.books_kit import Served, month_served
from tests.cli.export_kit import (
    Capture,
    export,
    exported,
    stream_of,
)

ROOT = Path(__file__).resolve().parents[2]

served = month_served()


@pytest.mark.parametrize("chosen", ["beancount", "csv", "xlsx"])
def test_the_same_books_give_the_same_bytes(served: Served, tmp_path: Path, chosen: str) -> None:
    first = exported(served, tmp_path / "first", "--format", chosen).read_bytes()
    assert exported(served, tmp_path / "second", "--format", chosen).read_bytes() == first
    if chosen == "xlsx":
        with zipfile.ZipFile(tmp_path / "first") as archive:
            assert {each.date_time[0] for each in archive.infolist()} == {1980}
            assert b"2026-02-04T00:00:00Z" in archive.read("docProps/core.xml")


def test_a_stream_that_is_cut_off_leaves_no_file(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    out = tmp_path / "books.csv"
    out.write_text("older")
    whole = Client.stream_lines

    def cut(self: Client, path: str, **query: object) -> Iterator[bytes]:
        lines = list(whole(self, path, **query))
        yield from lines[:-2]

    monkeypatch.setattr(Client, "stream_lines", cut)
    assert export(served, "--format", "csv", "--out", out) == 1
    assert capsys.readouterr().err.startswith("error: export-cut-off: ")
    assert [each.name for each in tmp_path.iterdir()] == ["books.csv"]
    assert out.read_text() == "older"


@pytest.mark.parametrize("keep", [slice(0, 0), slice(0, 1), slice(0, 2), slice(1, 3)])
def test_a_stream_without_its_head_or_end_is_not_whole(keep: slice) -> None:
    with pytest.raises(CheckFailed, match="before its end"):
        list(Books(iter(stream_of("reserve", 5)[keep]), lambda _: {}).entries())


def test_a_folder_that_is_not_there_is_an_unwritable_file(
    served: Served, tmp_path: Path, capsys: Capture
) -> None:
    assert export(served, "--out", tmp_path / "none" / "books.csv") == 2
    assert capsys.readouterr().err.startswith("error: unwritable-file: ")


@pytest.mark.parametrize("chosen", ["beancount", "csv", "xlsx"])
def test_books_on_a_full_disk_are_one_error_line(served: Served, chosen: str) -> None:
    words = ["export", "books", "--format", chosen, "--out", "/dev/full"]
    where = ["--url", served.url, "--token", served.token]
    command = [sys.executable, "-m", "cli", *words, *where]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    error = "error: unwritable-file: /dev/full: No space left on device\n"
    assert (done.returncode, done.stderr) == (2, error)


@pytest.mark.parametrize("bytes_max", [100, 1_000, 4_000])
def test_temporary_files_that_find_no_room_are_one_error_line(
    served: Served, bytes_max: int
) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_max, bytes_max))

    words = ["export", "books", "--format", "xlsx", "--out", "/dev/null"]
    where = ["--url", served.url, "--token", served.token]
    command = [sys.executable, "-B", "-m", "cli", *words, *where]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, preexec_fn=limit)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert re.fullmatch(r"error: unwritable-file: /\S+/tongzhang-\S+: .*File too large", line)


def test_a_workbook_does_not_go_to_standard_output(capsys: Capture) -> None:
    assert main.run(["export", "books", "--format", "xlsx", "--url", "http://x"]) == 2
    assert capsys.readouterr().err.startswith("error: out-needed: ")


@pytest.mark.parametrize(
    ("options", "outcome"),
    [
        (
            ("--party", "bank"),
            (2, "no-such-party: the parties are platform, institution, funder"),
        ),
        (
            ("--as-of", "36"),
            (1, "no-such-block: heights are 0, before the first block, to 35; got 36"),
        ),
        (("--as-of", "9998-12-31"), (1, "date-in-future: the business date is ")),
        (
            ("--as-of", "2025-12-31"),
            (1, "date-before-founding: the ledger was founded on 2026-01-01; as of 2025-12-31 "),
        ),
        (("--as-of", "2026-02-30"), (2, "bad-place: '2026-02-30' is no block's height and no")),
        (("--as-of", "yesterday"), (2, "bad-place: 'yesterday' is no block's height and no date")),
    ],
)
def test_what_cannot_be_exported_is_said_with_its_code(
    served: Served,
    tmp_path: Path,
    capsys: Capture,
    options: tuple[str, ...],
    outcome: tuple[int, str],
) -> None:
    code, error = outcome
    assert export(served, "--out", tmp_path / "x", *options) == code
    assert capsys.readouterr().err.startswith(f"error: {error}")
    assert not list(tmp_path.iterdir())


def test_the_end_of_an_export_says_what_was_written(
    served: Served, tmp_path: Path, capsys: Capture
) -> None:
    exported(served, tmp_path / "books.beancount")
    said = capsys.readouterr().err
    assert re.search(r"^45 postings of 20 records written to .*, as of block 35 \(2026-", said)


def test_decimals_are_those_of_the_currency() -> None:
    said = [decimal(-5, "CNY"), decimal(1005, "JPY"), decimal(-1234, "KWD"), decimal(0, "USD")]
    assert said == ["-0.05", "1005", "-1.234", "0.00"]


def test_no_code_of_the_product_imports_beancount() -> None:
    root = Path(__file__).resolve().parents[2]
    packages = ("ledger", "consensus", "views", "node", "api", "simulator", "demo", "cli")
    sources = [path for name in packages for path in (root / name).rglob("*.py")]
    pattern = re.compile(r"^\s*(from|import) beancount\b", re.MULTILINE)
    assert not [path for path in sources if pattern.search(path.read_text("utf-8"))]


def test_a_device_or_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with whole(pipe) as file:
            file.write(b"books")
        assert os.read(reader, 100) == b"books"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_a_link_keeps_pointing_at_what_is_written(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    link.symlink_to(real)
    with whole(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
