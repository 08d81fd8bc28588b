"""Processes of the others: started, watched, and stopped whatever happens."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cli.errors import CheckFailed

STOP_S = 5.0
_TAIL_CHARS = 800
_TICKS = os.sysconf("SC_CLK_TCK")


class Programs:
    """Processes that end with this one: each reads its standard input, and ends when it does.

    Args:
        folder: What they print goes there, to ``NAME.txt``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def pids(self) -> list[int]:
        """Their ids."""
        return [process.pid for process in self._running.values()]

    def start(
        self, name: str, command: Sequence[str | Path], more: Mapping[str, str] | None = None
    ) -> None:
        """Start one, out of reach of this terminal's Ctrl-C.

        Args:
            name: What it is called.
            command: What is run.
            more: Variables of its environment besides this process's own.
        """
        with self._output(name).open("wb") as output:
            self._running[name] = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(more or {})},
                cwd=self._folder,
                start_new_session=True,
            )

    def refuse_dead(self) -> None:
        """Return if all run.

        Raises:
            CheckFailed: ``peer-ended``; it says what the process printed last.
        """
        for name, process in self._running.items():
            if process.poll() is not None:
                said = self._output(name).read_text("utf-8", "replace").strip()
                raise CheckFailed(
                    "peer-ended",
                    f"{name} ended by itself: {said[-_TAIL_CHARS:] or 'without words'}",
                )

    def stop(self) -> None:
        """Ask all to stop, and kill what does not within ``STOP_S``."""
        running = self._running.values()
        try:
            for process in running:
                process.terminate()
            deadline = time.monotonic() + STOP_S
            while any(each.poll() is None for each in running) and time.monotonic() < deadline:
                time.sleep(0.02)
        finally:
            for process in running:
                process.kill()
                process.communicate()
            self._running = {}

    def _output(self, name: str) -> Path:
        return self._folder / f"{name}.txt"


class Usage(NamedTuple):
    """What processes have used until now: processor time, bytes handed to disks, memory now."""

    cpu_s: float
    written: int
    memory: int


def usage(pids: Iterable[int]) -> Usage:
    """Return what processes and those that they started have used, added up.

    Raises:
        CheckFailed: ``no-proc``: this system does not tell.
    """
    if not Path("/proc/self/io").exists():
        raise CheckFailed("no-proc", "processor time and bytes written are read in /proc of Linux")
    found = [_one(pid) for pid in _with_children(pids)]
    return Usage(
        sum(each.cpu_s for each in found),
        sum(each.written for each in found),
        sum(each.memory for each in found),
    )


def _one(pid: int) -> Usage:
    """Return what one process has used; nothing if it is gone."""
    place = Path(f"/proc/{pid}")
    try:
        fields = (place / "stat").read_text("utf-8").rpartition(")")[2].split()
        told = dict(line.split(": ") for line in (place / "io").read_text("ascii").splitlines())
    except (FileNotFoundError, ProcessLookupError):
        return Usage(0.0, 0, 0)
    cpu = (int(fields[11]) + int(fields[12])) / _TICKS
    memory = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return Usage(cpu, int(told["write_bytes"]), memory)


def _with_children(pids: Iterable[int]) -> list[int]:
    parents: dict[int, list[int]] = {}
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                fields = (place / "stat").read_text("utf-8").rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents.setdefault(int(fields[1]), []).append(int(place.name))
    found = list(pids)
    for pid in found:  # it grows while it is walked
        found += parents.get(pid, [])
    return found
