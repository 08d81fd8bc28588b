"""Check of the database in a process of its own, at the lowest priority, while the node runs.

It makes way for work as well: while the node computes, it rests for most of the time, since two
processes that share a machine share more than its processors.
The process is begun before the node holds its lock or its database, and waits for a word. It ends
with the node, however that ends. A round begins with the node, and another one a day later.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from ctypes import c_byte
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import msgspec
from sqlalchemy.engine import URL

from ledger.genesis import read as read_genesis
from node.home.home import Home
from node.storage.beside import CheckStanding, check_beside

NICE = 19
"""The lowest priority; Linux gives the disk to such a process last, too."""
BUSY = 0.1
"""The node has work when it computes for this part of the time, …"""
CALM_S = 2.0
"""… until it has not for so long; …"""
RESTS = 19
"""… meanwhile the check rests for so many times as long as it has worked, …"""
REST_MAX_S = 5.0
"""… but never longer than this at once, …"""
GIVES_WAY_S = 6 * 3600.0
"""… and not for longer than this after the round began: a check has to end."""
POLL_S = 0.25
WAIT_S = 2.0
"""How often a process that waits for the first word looks whether its node is there still."""
ROUND_S = 24 * 3600.0
"""From the beginning of one round to the beginning of the next."""

logger = logging.getLogger("tongzhang.check")


class Load:
    """Whether this process has work, from one look to the next."""

    def __init__(self) -> None:
        self._calm_at = 0.0
        self._at = time.monotonic(), time.process_time()

    def busy_now(self) -> bool:
        """Look again, and return whether there is work, or was a moment ago."""
        before, self._at = self._at, (time.monotonic(), time.process_time())
        if self._at[1] - before[1] >= BUSY * (self._at[0] - before[0]):
            self._calm_at = self._at[0] + CALM_S
        return self._at[0] < self._calm_at


class BackgroundCheck:
    """Checks of one node's database, one after the other.

    Args:
        home: The node's home.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self.standing = CheckStanding()
        """How far the newest check is."""
        self._gives_way = multiprocessing.RawValue("b", 0)
        self._process, self._pipe = self._begun("fork")

    async def run(self, found: Callable[[str], None], *, at_once: bool) -> None:
        """Have everything checked, again and again; until cancelled.

        Args:
            found: Told what is damaged, once.
            at_once: Whether there is anything to check yet; otherwise the first round is a day off.
        """
        while True:
            began_s = time.monotonic()
            if at_once:
                self.standing = CheckStanding("log")
                with suppress(OSError):  # it has ended already: the round says so
                    self._pipe.send_bytes(b"go")
                await self._round()
            if self.standing.state == "damaged":
                found(self.standing.message)
                return
            self.close()
            await asyncio.sleep(ROUND_S - (time.monotonic() - began_s))
            self._process, self._pipe = self._begun("spawn")
            at_once = True

    def close(self) -> None:
        """End the process; what it has checked is kept for the next one. It may be done again."""
        self._process.kill()
        self._process.join()
        self._pipe.close()

    async def _round(self) -> None:
        ended, load, until_s = False, Load(), time.monotonic() + GIVES_WAY_S
        while not ended:
            ended = not self._process.is_alive()  # what it has said is in the pipe by then
            self._hear()
            self._gives_way.value = time.monotonic() < until_s and load.busy_now()
            await asyncio.sleep(POLL_S)
        if self.standing.state not in ("clean", "damaged", "failed"):
            code = self._process.exitcode
            self.standing = msgspec.structs.replace(
                self.standing, state="failed", message=f"its process ended with {code}"
            )
        state, message = self.standing.state, self.standing.message
        level = logging.INFO if state == "clean" else logging.ERROR
        logger.log(level, "check of %d entries: %s %s", self.standing.entries, state, message)

    def _hear(self) -> None:
        with suppress(EOFError, OSError):  # it has ended, perhaps by force
            while self._pipe.poll():
                said = self._pipe.recv_bytes()
                self.standing = msgspec.msgpack.decode(said, type=CheckStanding)

    def _begun(self, method: str) -> tuple[BaseProcess, Connection]:
        """Begin the process: at first a copy of this one, which costs no time to load."""
        context = multiprocessing.get_context(method)
        ours, theirs = context.Pipe()
        home = self._home
        process: BaseProcess = context.Process(  # type: ignore[attr-defined]
            target=_run,
            args=(home.database_url, home.genesis.raw, home.path, theirs, self._gives_way),
            name="check",
        )
        process.daemon = True
        process.start()
        theirs.close()
        return process, ours


def _run(url: str | URL, genesis: bytes, folder: Path, pipe: Connection, gives_way: c_byte) -> None:
    """Check once, when told to."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # these are the node's business
        signal.signal(number, signal.SIG_IGN)
    os.nice(NICE)
    node = os.getppid()
    said_s = worked_s = 0.0

    def report(standing: CheckStanding) -> None:
        nonlocal said_s, worked_s
        if os.getppid() != node:
            os._exit(0)
        now_s, ended = time.monotonic(), standing.state in ("clean", "damaged", "failed")
        if now_s - said_s >= POLL_S or ended:
            said_s = now_s
            pipe.send_bytes(msgspec.msgpack.encode(standing))
        if gives_way.value and not ended:
            time.sleep(min(RESTS * (time.process_time() - worked_s), REST_MAX_S))
        worked_s = time.process_time()

    while not pipe.poll(WAIT_S):
        if os.getppid() != node:
            os._exit(0)
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)  # records and rows form no cycles
    with suppress(BrokenPipeError):
        check_beside(url, read_genesis(genesis), folder, report)
