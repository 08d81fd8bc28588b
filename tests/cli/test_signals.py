"""Signals: whatever ends a command, it leaves what it had to leave, or nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.files import write_files
from cli.main import run
from cli.signals import ended_in_order, uninterrupted
from demo.stage.processes import free_ports
from node.errors import HomeError
from node.home.home import LOCK, lock_home

ROOT = Path(__file__).resolve().parents[2]
QUIET = ("", "interrupted")  # not every version of Typer leaves that to be said here
ENDING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]

KILLED = """
import os, shutil, sys
from cli.main import main
from node.home import founding as home

def send(times):
    for _ in range(times):
        os.kill(os.getpid(), int(sys.argv[1]))

def third(path, *rest, seed, make=home.ask):
    if path.name == "funder":
        (path / "half").mkdir(parents=True)
        send(1)
    return make(path, *rest, seed=seed)

def again(path, *, remove=shutil.rmtree, **options):
    send(int(sys.argv[2]))
    remove(path, **options)

home.ask, home.shutil.rmtree = third, again
main(["init", *sys.argv[3:]])
"""
"""``init``, which gets a signal within the third home, and perhaps more while it cleans up."""


def killed(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, check=False, preexec_fn=_heard
    )


def _heard() -> None:
    """Let SIGHUP be heard also where the tests themselves run under ``nohup``."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.mark.parametrize(
    ("number", "more"), [*((each, 0) for each in ENDING), (signal.SIGTERM, 2), (signal.SIGHUP, 2)]
)
def test_a_consortium_that_is_cut_short_is_not_there(
    number: signal.Signals, more: int, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    for folder in ("net", "empty"):
        done = killed(KILLED, int(number), more, tmp_path / folder)
        assert (done.returncode, done.stdout) == (130, "")
        assert done.stderr.strip() in QUIET
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]


LEAVING = """
import atexit, os, sys
from cli import main as program

atexit.register(lambda: [os.kill(os.getpid(), int(each)) for each in sys.argv[1:]])
program.main(["--version"])
"""


def test_a_command_that_is_done_ends_with_its_own_exit_code() -> None:
    done = killed(LEAVING, *(int(each) for each in ENDING))
    assert (done.returncode, done.stderr) == (0, "")


IMPATIENT = """
import os, signal, sys
from cli import main as program

def again(text):
    os.kill(os.getpid(), signal.SIGINT)

def interrupted(*_, **__):
    raise KeyboardInterrupt

program.note = again
program.typer.main.get_command = lambda _: type("Command", (), {"main": interrupted})
program.main(["--version"])
"""


def test_ctrl_c_twice_is_ctrl_c() -> None:
    done = killed(IMPATIENT)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


EXPORT = """
import os, sys
from cli.client import Client
from cli.main import main

def lines(*_, **__):
    yield b"{}"
    yield b"x" * 100_000
    os.kill(os.getpid(), int(sys.argv[1]))
    yield b"{}"

Client.stream_lines = lines
main(["export", "log", "--url", "http://127.0.0.1:1", "--token", "t", "--out", sys.argv[2]])
"""


@pytest.mark.parametrize("number", ENDING)
def test_a_file_that_is_cut_short_is_the_one_that_was_there(
    number: signal.Signals, tmp_path: Path
) -> None:
    file = tmp_path / "f"
    file.write_text("old")
    done = killed(EXPORT, int(number), file)
    assert done.returncode == 130
    assert done.stderr.strip() in QUIET
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("number", ENDING)
def test_files_that_belong_together_take_their_names_all_or_none(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def replaced(old: Path, new: Path) -> None:
        os.kill(os.getpid(), number)
        replace(old, new)

    monkeypatch.setattr(os, "replace", replaced)
    paths = [tmp_path / name for name in ("a", "b", "c")]
    with ended_in_order(), pytest.raises(KeyboardInterrupt):
        write_files(dict.fromkeys(paths, b"new"))
    assert [path.read_bytes() for path in paths] == [b"new"] * 3
    assert sorted(tmp_path.iterdir()) == paths


@pytest.mark.parametrize("number", ENDING)
def test_a_node_that_is_told_to_end_ends_in_order(number: signal.Signals, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    parties = ["--parties", "platform,institution", "--base-port", str(port)]
    assert run(["init", str(tmp_path / "net"), *parties]) == 0
    command = [sys.executable, "-m", "cli", "node", str(tmp_path / "net" / "platform")]
    node = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        assert node.stderr is not None
        while "answers at" not in node.stderr.readline():
            assert node.poll() is None
        time.sleep(0.2)
        node.send_signal(number)
        _, said = node.communicate(timeout=30)
        assert node.returncode == 0
        assert "Traceback" not in said
    finally:
        node.kill()
        node.wait()


OWNER = """
import sys, time
from pathlib import Path
from demo.stage.network import found_network
from cli.parties import parse_parties

network = found_network(Path(sys.argv[1]), "owned", parse_parties("platform,institution"), 2)
node = network.node("platform")
node.start()
if sys.argv[2:]:
    node.let_go()
while "answers at" not in (node.home / "output.txt").read_text():
    node.refuse_dead()
    time.sleep(0.05)
print(flush=True)
time.sleep(600)
"""
"""Starts a node, and says so with a line."""


def test_nodes_end_in_order_with_the_process_that_started_them(tmp_path: Path) -> None:
    words = [sys.executable, "-c", OWNER, str(tmp_path / "net")]
    owner = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE)
    assert owner.stdout is not None
    try:
        assert owner.stdout.readline() == b"\n"
    finally:
        owner.kill()
        owner.communicate()
    home = tmp_path / "net" / "platform"
    until(lambda: not is_locked(home))
    assert "Traceback" not in (home / "output.txt").read_text()
    assert not (home / "ledger.db-wal").exists()  # it closed its database


def test_a_node_that_was_let_go_runs_on(tmp_path: Path) -> None:
    words = [sys.executable, "-c", OWNER, str(tmp_path / "net"), "let go"]
    owner = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE)
    assert owner.stdout is not None
    home = tmp_path / "net" / "platform"
    try:
        assert owner.stdout.readline() == b"\n"
        owner.kill()
        owner.wait()
        time.sleep(1)
        assert is_locked(home)
    finally:
        owner.kill()
        owner.communicate()
        if is_locked(home):
            os.kill(int((home / LOCK).read_text()), signal.SIGTERM)
    until(lambda: not is_locked(home))


def is_locked(home: Path) -> bool:
    try:
        with lock_home(home):
            return False
    except HomeError:
        return True


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


IMPORTED = """
import os
os.kill(os.getpid(), {number})
"""


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_while_the_command_is_imported_ends_it_as_later(
    number: signal.Signals, tmp_path: Path
) -> None:
    (tmp_path / "typer.py").write_text(IMPORTED.format(number=int(number)))
    done = subprocess.run(
        [sys.executable, "-m", "cli", "--version"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=_heard,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_signal_that_comes_to_another_thread_waits_as_well() -> None:
    ended = threading.Event()
    other = threading.Thread(target=ended.wait)
    other.start()
    done = False
    try:
        with ended_in_order(), pytest.raises(KeyboardInterrupt), uninterrupted():
            signal.pthread_kill(other.ident or 0, signal.SIGINT)
            time.sleep(0.05)
            done = True
    finally:
        ended.set()
        other.join()
    assert done


TOKEN = """
import os, sys
from cli.main import main
from node.home.tokens import Tokens

def created(*arguments, make=Tokens.create):
    made = make(*arguments)
    os.kill(os.getpid(), int(sys.argv[1]))
    return made

Tokens.create = created
main(["token", "create", "--label", "orders", "--home", sys.argv[2]])
"""


@pytest.mark.parametrize("number", ENDING)
def test_a_token_that_nobody_has_seen_is_not_valid(
    number: signal.Signals, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", str(tmp_path / "net"), "--parties", "platform,institution"]) == 0
    home = tmp_path / "net" / "platform"
    done = killed(TOKEN, int(number), home)
    assert (done.returncode, done.stdout) == (130, "")
    assert "is revoked again" in done.stderr
    capsys.readouterr()
    assert run(["token", "list", "--home", str(home)]) == 0
    assert "orders" not in capsys.readouterr().out


BOTH_AT_ONCE = """
import os, signal
from cli import main as program

def interrupted(*_, **__):
    both = {signal.SIGTERM, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, both)
    for each in both:
        os.kill(os.getpid(), each)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, both)
    raise AssertionError

program.typer.main.get_command = lambda _: type("Command", (), {"main": interrupted})
program.main(["--version"])
"""


def test_two_signals_at_once_are_one() -> None:
    done = killed(BOTH_AT_ONCE)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, "", "interrupted")
