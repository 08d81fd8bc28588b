"""Real node processes of a consortium on this machine: started, killed, stopped, never lost."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import demo
from cli.errors import CheckFailed
from node.home.private import PRIVATE_FILE

STOP_S = 6.0
OUTPUT = "output.txt"
_POLL_S = 0.05
_PORTS = (10_000, 32_000)
_TAIL_CHARS = 600


@dataclass(slots=True)
class NodeProcess:
    """One party's node as a process of its own.

    Args:
        party: The party's name.
        home: Its home directory; what the process prints goes to ``output.txt`` there.
        url: Where its HTTP interface answers.
        token: The operator's token.
        arguments: What it is started with, whenever it is.
    """

    party: str
    home: Path
    url: str
    token: str
    arguments: tuple[str, ...] = ()
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _ended: bool = field(default=False, repr=False)

    @property
    def pid(self) -> int:
        """The process id; 0 while it is not started."""
        return self._process.pid if self._process else 0

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self, *arguments: str) -> None:
        """Start ``tongzhang node HOME``, out of reach of this terminal's Ctrl-C.

        It stops when this process ends, however that comes: with it goes the other end of its
        standard input.
        """
        with open(self.home / OUTPUT, "ab", opener=_private) as output:
            self._process = subprocess.Popen(
                [*command(), "node", str(self.home), "--until-eof", *self.arguments, *arguments],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment(),
                start_new_session=True,
            )
        self._ended = False

    def let_go(self) -> None:
        """Let the process run on when this one ends."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(b"\n")
                self._process.stdin.flush()

    def kill(self) -> None:
        """End the process at once (kill -9), as a power cut would."""
        self._ended = True
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def ask_to_stop(self) -> None:
        """Send SIGTERM; the process ends in order."""
        self._ended = True
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def refuse_dead(self) -> None:
        """Return if the process runs, or was ended from here, or was never started.

        Raises:
            CheckFailed: it ended by itself; the message holds the end of what it printed.
        """
        if self.alive or self._ended or self._process is None:
            return
        text = (self.home / OUTPUT).read_text("utf-8", "replace").strip()
        raise CheckFailed(
            "node-ended",
            f"the node of {self.party} ended by itself: {text[-_TAIL_CHARS:] or 'it said nothing'}",
        )

    def memory_bytes(self) -> int:
        """Return the resident memory of the process; 0 where the system does not tell."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text("ascii")
        except OSError:
            return 0
        for line in status.splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0


def stop_all(nodes: list[NodeProcess]) -> None:
    """Stop every process in order, and kill what does not stop within ``STOP_S``."""
    try:
        for node in nodes:
            node.ask_to_stop()
        deadline = time.monotonic() + STOP_S
        while any(node.alive for node in nodes) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
    finally:
        for node in nodes:
            node.kill()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, PRIVATE_FILE)


def command() -> list[str]:
    """Return how this very ``tongzhang`` is started again as a process."""
    return [sys.executable, "-P", "-m", "cli"]


def environment() -> dict[str, str]:
    """Return the environment for a process that must find the same packages as this one."""
    root = str(Path(demo.__file__).resolve().parent.parent)
    known = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{known}" if known else root}


def free_ports(count: int) -> list[int]:
    """Return ports on the loopback address that nobody listens on at the moment.

    They lie below those that systems give to connections, so that none of these takes one before
    it is listened on.
    """
    sockets: list[socket.socket] = []
    try:
        while len(sockets) < count:
            with contextlib.suppress(OSError):
                address = ("127.0.0.1", random.randint(*_PORTS))
                sockets.append(socket.create_server(address))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()
