"""Files that commands write: a full disk or Ctrl-C leaves what was there, and nothing half-done."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cli.client import Client
from cli.errors import UsageError
from cli.files import refuse_unwritable, whole, write_files
from cli.main import run
from node.storage.store import ConsensusItem, Item
from simulator.disk import SimulatedStore
from simulator.plan import Fault, Plan, write

ROOT = Path(__file__).parents[2]
Captured = pytest.CaptureFixture[str]

DISK_BYTES = 256 * 1024
LEFT_BYTES = 8 * 1024
"""What is free on the full disk: enough for a beginning."""

LONG = b"x" * (3 * LEFT_BYTES)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)]
    try:
        made = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if made.returncode:
        pytest.skip(f"mounting is not permitted here: {made.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def fill(disk: Path) -> None:
    """Leave ``LEFT_BYTES`` free."""
    state = os.statvfs(disk)
    (disk / "filler").write_bytes(bytes(state.f_bavail * state.f_frsize - LEFT_BYTES))


def held(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_full_disk_leaves_the_file_that_was_there(disk: Path) -> None:
    file = disk / "f"
    file.write_bytes(b"old")
    fill(disk)
    before = held(disk)
    with (
        pytest.raises(UsageError, match=r"f: No space left on device$") as error,
        whole(file) as to,
    ):
        to.write(LONG)
    assert error.value.code == "unwritable-file"
    assert held(disk) == before


def test_files_that_belong_together_are_all_written_or_none(disk: Path) -> None:
    first, second = disk / "first", disk / "second"
    first.write_bytes(b"old")
    fill(disk)
    before = held(disk)
    with pytest.raises(UsageError, match=r"second: No space left on device$"):
        write_files({first: b"new", second: LONG})
    assert held(disk) == before


def test_ctrl_c_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), whole(file) as to:
        to.write(LONG)
        raise KeyboardInterrupt
    assert held(tmp_path) == {"f": b"old"}


def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"old")
    file.chmod(0o600)
    write_files({file: b"new"})
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"new", 0o600)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to everything")
def test_a_file_that_may_not_be_written_is_not_replaced(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"old")
    file.chmod(0o400)
    for attempt in (refuse_unwritable, lambda path: write_files({path: b"new"})):
        with pytest.raises(UsageError, match="Permission denied"):
            attempt(file)
    assert file.read_bytes() == b"old"


def test_a_full_device_is_an_unwritable_file() -> None:
    with pytest.raises(UsageError, match="/dev/full: No space left on device"):
        write_files({Path("/dev/full"): b"x"})


def test_a_pipe_is_written_by_its_path() -> None:
    read, write_end = os.pipe()
    with open(read, "rb") as reader, open(write_end, "wb"):
        path = Path(f"/dev/fd/{write_end}")
        refuse_unwritable(path)
        write_files({path: b"receipt"})
        assert os.read(reader.fileno(), 100) == b"receipt"


REDIRECTED = """
from pathlib import Path
from cli.files import refuse_unwritable, write_files
import sys
print("before", flush=True)
refuse_unwritable(Path(sys.argv[1]))
write_files({Path(sys.argv[1]): b"content\\n"})
print("after", flush=True)
"""


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "f"])
@pytest.mark.parametrize("mode", ["wb", "ab"])
def test_a_redirected_output_is_written_on(name: str, mode: str, tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"old\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with file.open(mode) as output:  # type: ignore[call-overload]
        command = [sys.executable, "-c", REDIRECTED, name]
        subprocess.run(command, cwd=tmp_path, env=environment, stdout=output, check=True)
    old = b"old\n" if mode == "ab" else b""
    assert held(tmp_path) == {"f": old + b"before\ncontent\nafter\n"}


def test_an_open_file_is_written_on_by_its_number(tmp_path: Path) -> None:
    file = tmp_path / "f"
    with file.open("wb") as opened:
        opened.write(b"before ")
        opened.flush()
        write_files({Path(f"/dev/fd/{opened.fileno()}"): b"content"})
        opened.write(b" after")
    assert held(tmp_path) == {"f": b"before content after"}


def test_links_that_lead_to_one_another_are_an_unwritable_file(tmp_path: Path) -> None:
    loop, back = tmp_path / "loop", tmp_path / "back"
    loop.symlink_to(back)
    back.symlink_to(loop)
    for attempt in (refuse_unwritable, lambda path: write_files({path: b"new"})):
        with pytest.raises(UsageError, match="loop: Too many levels of symbolic links"):
            attempt(loop)
    assert {path.name for path in tmp_path.iterdir()} == {"loop", "back"}


# -- commands -------------------------------------------------------------------------------------


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a node answer whatever is asked with more than the disk takes."""
    block = b'{"block":"' + LONG + b'"}'
    monkeypatch.setattr(Client, "stream_lines", lambda *_, **__: iter([b"{}", block]))
    monkeypatch.setattr(Client, "get_text", lambda *_, **__: LONG.decode())

    def get(self: Client, path: str, **query: Any) -> dict[str, Any]:
        return {"party": "a", "file": {"x": LONG.decode()}, "evidence": [{"id": "e1"}]}

    monkeypatch.setattr(Client, "get", get)


NODE = ("--url", "http://127.0.0.1:1", "--token", "t")


@pytest.mark.usefixtures("answers")
@pytest.mark.parametrize(
    "command", [["export", "log"], ["receipt", "r1"], ["evidence", "show", "e1"]]
)
def test_a_command_on_a_full_disk_leaves_the_file_that_was_there(
    command: list[str], disk: Path, capsys: Captured
) -> None:
    file = disk / "f"
    file.write_bytes(b"old")
    fill(disk)
    before = held(disk)
    assert run([*command, *NODE, "--out", str(file)]) == 2
    assert capsys.readouterr().err == f"error: unwritable-file: {file}: No space left on device\n"
    assert held(disk) == before


def test_a_day_on_a_full_disk_stays_the_day_that_was_there(disk: Path, capsys: Captured) -> None:
    day = ["sample", "--out", str(disk / "day"), "--payments", "100"]
    assert run(day) == 0
    fill(disk)
    before = held(disk)
    assert run([*day, "--seed", "8"]) == 2
    assert "error: unwritable-file: " in capsys.readouterr().err
    assert held(disk) == before


def test_a_trace_or_diagram_on_a_full_disk_is_left_out_whole(disk: Path, capsys: Captured) -> None:
    fill(disk)
    command = ["simulate", "--records", "20", "--seed", "4"]
    for option in (["--trace", str(disk / "t")], ["--diagram", str(disk / "d.svg"), "--to", "90"]):
        assert run([*command, *option]) == 2
        said = capsys.readouterr()
        assert "every invariant held" in said.out
        assert f"error: unwritable-file: {option[1]}: No space left on device\n" in said.err
    assert list(held(disk)) == ["filler"]


def test_a_violation_on_a_full_disk_is_shown_and_leaves_no_half_of_it(
    disk: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = SimulatedStore.save

    def forget(self: SimulatedStore, items: Sequence[Item]) -> None:
        again = self.process is not None and self.process.life > 1
        save(self, [each for each in items if not (again and isinstance(each, ConsensusItem))])

    monkeypatch.setattr(SimulatedStore, "save", forget)
    crash = Fault(kind="crash", at_ms=100, for_ms=100, who=("platform",))
    (disk / "p.toml").write_text(write(Plan(records=60, skew_ms=40, faults=(crash,))))
    fill(disk)
    monkeypatch.chdir(disk)
    assert run(["simulate", "--plan", "p.toml", "--no-shrink", "--trace", "t"]) == 1
    said = capsys.readouterr()
    assert "I2 is broken" in said.out
    assert "no small plan: violation-0.trace: No space left on device" in said.err
    assert "no trace: t: No space left on device" in said.err
    assert "violation-0" not in said.out
    assert set(held(disk)) == {"filler", "p.toml"}
    assert run(["simulate", "--plan", "p.toml", "--no-shrink", "--json"]) == 1
    shrunk = json.loads(capsys.readouterr().out)["shrunk"]
    assert (shrunk["plan"], shrunk["trace"]) == (None, None)


def test_a_consortium_that_does_not_fit_is_not_founded(disk: Path, capsys: Captured) -> None:
    fill(disk)
    for folder in (disk / "net", disk / "there"):
        if folder.name == "there":
            folder.mkdir()
        assert run(["init", str(folder)]) == 2
        assert "error: unwritable-file: " in capsys.readouterr().err
    assert {path.name for path in disk.rglob("*")} == {"filler", "there"}


NOT_ASKED_FOR = {
    "cli/bench/real.py": "within the benchmark's own folder",
    "cli/simulation/worker.py": "within the run's own folder",
    "demo/stage/proofs.py": "within the demo's own folder",
}


def test_commands_write_files_in_one_way() -> None:
    direct = re.compile(r'\.write_(text|bytes)\(|open\("[wx]')
    paths = [path for name in ("cli", "demo") for path in (ROOT / name).rglob("*.py")]
    found = {str(path.relative_to(ROOT)) for path in paths if direct.search(path.read_text())}
    assert found - {"cli/files.py"} == set(NOT_ASKED_FOR)


def test_two_that_write_one_file_do_not_mix(tmp_path: Path) -> None:
    file = tmp_path / "f"
    with whole(file) as slow:
        slow.write(b"slow")
        slow.flush()
        with whole(file) as quick:
            quick.write(b"quick")
        assert file.read_bytes() == b"quick"
        refuse_unwritable(file)
    assert file.read_bytes() == b"slow"
    assert list(tmp_path.iterdir()) == [file]
