"""The index of a log: as a node would have stored it, kept, gone on with, and never half."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ledger.block import Block
from ledger.genesis import Genesis
from ledger.log_check import LogChecker
from ledger.log_lines import BlockLine, decode_line
from node.storage import bulk
from node.storage.log_index import open_log
from node.storage.opened import OpenedLog
from node.storage.store import Store
from tests.ledger.log_kit import Logged, write_log
from tests.node.store_kit import make_final

ROOT = Path(__file__).parents[2]
SMALL_CHUNK = 60
Rows = dict[str, list[tuple[Any, ...]]]


class Written(NamedTuple):
    """A log that was written once for all tests, and what a node's store makes of it."""

    folder: Path
    ledger: Logged

    @property
    def genesis(self) -> Genesis:
        return self.ledger.genesis


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("written")
    return Written(folder, write_log(100, folder))


@pytest.fixture
def log(written: Written, tmp_path: Path) -> Path:
    return Path(shutil.copy(written.folder / "log.ndjson", tmp_path))


@pytest.fixture(params=["as it is", "small"])
def sizes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let chunks and memory be so small that rows are dropped and read again all the time."""
    if request.param == "small":
        monkeypatch.setattr(bulk, "CHUNK_ENTRIES", SMALL_CHUNK)
        monkeypatch.setattr(bulk, "GENERATION_ROWS", 100)


class Opening:
    """One opening of a log, and how far it was told that it is."""

    def __init__(self, log: Path, genesis: Genesis, *, anew: bool = False) -> None:
        self.told: list[int] = []
        self.folder = log.parent / "index"
        self.log = open_log(log, genesis, self.folder, self._tell, anew=anew)
        self.log.close()

    def _tell(self, done: int, total: int) -> None:
        self.told.append(done)

    @property
    def opened(self) -> OpenedLog:
        return self.log


def rows_of(path: Path) -> Rows:
    """Return every row of a database, but what it says of itself."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: sorted(database.execute(f"SELECT * FROM {name}").fetchall(), key=repr)
            for (name,) in names
            if name != "meta"
        }


def index_of(folder: Path) -> Path:
    (found,) = folder.glob("*.db")
    return found


def stored(written: Written, folder: Path) -> Rows:
    """Return what a node stores that commits the same blocks one by one."""
    store = Store(f"sqlite:///{folder / 'node.db'}", written.genesis)
    with (written.folder / "log.ndjson").open("rb") as file:
        for raw in islice(file, written.ledger.tip.height):
            line = decode_line(raw.rstrip())
            assert isinstance(line, BlockLine)
            tip, frontier = store.tip(), store.frontier()
            checker = LogChecker(written.genesis, tip, frontier, _heads(store), view=store.view())
            block = checker.check(line, checker.follow(line))
            assert block.execution is not None
            make_final(
                store, Block(block.raw_header, b"", block.batches), block.execution, None, b""
            )
    store.close()
    return rows_of(folder / "node.db")


def _heads(store: Store) -> dict[str, tuple[int, str]]:
    from ledger.execute import BatchHead

    found = (store.view().get(BatchHead, (name,)) for name in store.genesis.names)
    return {head.party: (head.number, head.hash_hex) for head in found if head is not None}


@pytest.mark.usefixtures("sizes")
def test_an_index_holds_what_a_node_stores(written: Written, log: Path, tmp_path: Path) -> None:
    opening = Opening(log, written.genesis)
    summary, tip = opening.opened.summary, written.ledger.tip
    assert (summary.height, summary.size) == (tip.height, tip.size)
    assert (summary.root, summary.state) == (tip.root.hex(), tip.state.hex())
    assert (summary.fault, summary.certified, len(summary.cosigners)) == (None, True, 4)
    found, due = rows_of(index_of(opening.folder)), stored(written, tmp_path)
    last = [row for row in found["blocks"] if row[0] == tip.height]
    assert last[0][7] is not None, "the checkpoint is kept as the last block's certificate"
    own = [row[:7] + row[8:10] for row in found.pop("blocks")]
    assert own == [row[:7] + row[8:10] for row in due.pop("blocks")]
    assert found == due


def test_a_kept_index_is_opened_without_reading_the_log(written: Written, log: Path) -> None:
    first = Opening(log, written.genesis)
    again = Opening(log, written.genesis)
    assert first.told[-1] > 0
    assert first.told == sorted(first.told)
    assert again.told == []
    assert again.opened.summary == first.opened.summary
    assert Opening(log, written.genesis, anew=True).told == first.told


@pytest.mark.parametrize("change", ["time", "copy", "byte at the start", "byte in the middle"])
def test_a_log_that_is_another_file_is_read_again(written: Written, log: Path, change: str) -> None:
    first = Opening(log, written.genesis).opened.summary
    before = log.stat()
    raw = bytearray(log.read_bytes())
    if change == "time":
        os.utime(log, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    elif change == "copy":
        os.replace(shutil.copy2(log, log.with_suffix(".copy")), log)
    else:
        raw[50 if change == "byte at the start" else len(raw) // 2] ^= 1
        log.write_bytes(raw)
        os.utime(log, ns=(before.st_atime_ns, before.st_mtime_ns))
    again = Opening(log, written.genesis).opened.summary
    assert again.stamp != first.stamp
    assert (again.fault is None) == (not change.startswith("byte"))
    if again.fault is not None:
        assert again.height == again.fault.height - 1 < first.height


def test_a_false_log_says_so_each_time(written: Written, log: Path) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    lines[5] = lines[5].replace(b'"amount":', b'"amount":1', 1)
    log.write_bytes(b"".join(lines))
    first, again = Opening(log, written.genesis), Opening(log, written.genesis)
    assert first.opened.summary.fault is not None
    assert first.opened.summary.fault.height == 6
    assert again.told == []
    assert again.opened.summary == first.opened.summary


@pytest.mark.parametrize("after", [3, 7])
def test_what_is_left_of_a_killed_process_goes_on_and_is_never_taken_for_whole(
    written: Written, log: Path, tmp_path: Path, after: int
) -> None:
    folder = tmp_path / "index"
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from ledger.genesis import read\n"
        "from node.storage import bulk\n"
        "from node.storage.log_index import open_log\n"
        f"bulk.CHUNK_ENTRIES = {SMALL_CHUNK}\n"
        "told = []\n"
        "def tell(done, total):\n"
        "    told.append(done)\n"
        f"    if len(told) == {after}:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "genesis = read(Path(sys.argv[2]).read_bytes())\n"
        "open_log(Path(sys.argv[1]), genesis, Path(sys.argv[3]), tell)\n"
    )
    words = [str(log), str(written.folder / "genesis.json"), str(folder)]
    done = subprocess.run([sys.executable, "-c", script, *words], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert not list(folder.glob("*.db"))
    assert len(list(folder.glob("*.part"))) == 1
    opening = Opening(log, written.genesis)
    whole = rows_of(index_of(folder))
    assert opening.opened.summary.fault is None
    assert whole == rows_of(_fresh(written, log))
    assert not list(folder.glob("*.part*"))


def test_a_part_goes_on_where_it_stopped(
    written: Written, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK_ENTRIES", SMALL_CHUNK)
    monkeypatch.setattr(bulk, "CHUNKS_AHEAD", 0)
    folder = log.parent / "index"

    class Stop(Exception):
        pass

    told: list[int] = []

    def stop(done: int, total: int) -> None:
        told.append(done)
        if len(told) == 7:
            raise Stop

    with pytest.raises(Stop):
        open_log(log, written.genesis, folder, stop)
    opening = Opening(log, written.genesis)
    assert 0 < len(opening.told) < written.ledger.tip.height
    assert opening.told[0] > told[2]
    assert rows_of(index_of(folder)) == rows_of(_fresh(written, log))


def test_a_part_of_another_log_or_of_another_start_of_the_machine_is_begun_anew(
    written: Written, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Opening(log, written.genesis)
    whole = index_of(first.folder)
    part = whole.with_suffix(".part")
    for key, value in (("boot", '"boot":"another"'), ("sha256", f'"sha256":"{"0" * 64}"')):
        whole.rename(part)
        with closing(sqlite3.connect(part)) as database, database:
            (mark,) = database.execute("SELECT value FROM meta WHERE key = 'mark'").fetchone()
            before = mark[mark.index(f'"{key}"') :].partition(",")[0].rstrip("}")
            changed = mark.replace(before, value)
            assert changed != mark
            database.execute("UPDATE meta SET value = ? WHERE key = 'mark'", (changed,))
        assert Opening(log, written.genesis).told == first.told


def test_a_damaged_index_is_made_anew(written: Written, log: Path) -> None:
    first = Opening(log, written.genesis)
    whole = index_of(first.folder)
    whole.write_bytes(b"no database" * 1000)
    again = Opening(log, written.genesis)
    assert again.told == first.told
    assert again.opened.summary == first.opened.summary


def test_a_longer_export_goes_on_from_the_index_of_the_shorter(written: Written, log: Path) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    half = len(lines) // 2
    ends = written.ledger.checkpoint(written.ledger.tips[half - 1]) + b"\n"
    log.write_bytes(b"".join([*lines[:half], ends]))
    shorter = Opening(log, written.genesis)
    assert (shorter.opened.summary.height, shorter.opened.summary.certified) == (half, True)
    log.write_bytes(b"".join(lines))
    longer = Opening(log, written.genesis)
    assert longer.opened.summary.height == written.ledger.tip.height
    assert len(longer.told) == written.ledger.tip.height - half
    fresh, found = rows_of(_fresh(written, log)), rows_of(index_of(longer.folder))
    assert fresh.pop("blocks") != found.pop("blocks"), "the earlier checkpoint is still known"
    assert fresh == found


def test_an_index_on_a_medium_that_takes_no_writes_is_read(written: Written, log: Path) -> None:
    first = Opening(log, written.genesis)
    whole = index_of(first.folder)
    assert not [each for each in first.folder.iterdir() if each.suffix in ("-wal", "-shm")]
    whole.chmod(0o400)
    assert Opening(log, written.genesis).opened.summary == first.opened.summary


def _fresh(written: Written, log: Path) -> Path:
    """Return the index of the same bytes, made in one go."""
    other = log.parent / "fresh"
    other.mkdir()
    shutil.copy(log, other / "log.ndjson")
    return index_of(Opening(other / "log.ndjson", written.genesis).folder)


@pytest.fixture(autouse=True)
def no_leftovers() -> Iterator[None]:
    yield
    import multiprocessing

    assert not multiprocessing.active_children()
