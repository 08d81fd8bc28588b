"""Simulations that somebody at the page asks for: one at a time, each in a process of its own.

This module knows nothing of the simulator: it is given a :class:`Simulator`, which says what may be
asked for and begins a process that runs it. Such a process gets what is wanted as a line of JSON on
its standard input, which stays open as long as the node wants the answer. It says its progress as
lines of JSON (``{"blocks": 12, "of": 100}``), at last ``{"verdict": …}`` or ``{"refused": …}``, and
leaves the recording, compressed, in the folder that it was given.

The run can do no harm: it is niced and bounded by itself, ended by this module when it takes too
long, waits its turn, and holds nothing of the node's.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import logging
import secrets
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from api.limits import (
    RECORDING_BYTES_MAX,
    SIMULATION_S_MAX,
    SIMULATIONS_KEPT,
    SIMULATIONS_PER_TOKEN,
    SIMULATIONS_WAITING_MAX,
)
from api.problems import Problem

RECORDING = "recording.json.gz"
_LINE_BYTES_MAX = 256 * 1024
_NAME = Annotated[str, Meta(max_length=64)]

logger = logging.getLogger("tongzhang.api")

State = Literal["waiting", "running", "done", "failed"]


class WantedRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be simulated. A scenario has its own nodes, blocks, liars and faults.

    ``faults`` are kinds of trouble; none: what the seed draws, unless ``calm``. ``liars`` gives the
    lie of a party; none: what the seed draws, unless ``calm`` or faults are named.
    """

    scenario: _NAME = ""
    seed: Annotated[int, Meta(ge=0, le=2**53 - 1)] | None = None
    nodes: Annotated[int, Meta(ge=2, le=7)] = 4
    blocks: Annotated[int, Meta(ge=1, le=300)] = 100
    liars: Annotated[dict[_NAME, _NAME], Meta(max_length=7)] = {}
    faults: Annotated[list[_NAME], Meta(max_length=16)] = []
    calm: bool = False


class Simulator(msgspec.Struct, frozen=True, kw_only=True):
    """The simulator, as whoever starts the node hands it.

    ``choices`` is the document of what may be asked for; ``command`` returns how a run is begun
    that uses a folder, and in which environment; ``within`` is where such folders go.
    """

    choices: Mapping[str, Any]
    command: Callable[[Path], Sequence[str]]
    environment: Mapping[str, str]
    within: Path | None = None
    seconds_max: float = SIMULATION_S_MAX


class SimulationView(msgspec.Struct, frozen=True, kw_only=True):
    """A simulation: ``blocks`` of ``blocks_wanted`` are made, ``ahead`` others come before it.

    ``detail`` says in words why it failed.
    """

    id: str
    state: State
    wanted: WantedRun
    blocks: int
    blocks_wanted: int
    ahead: int
    verdict: dict[str, Any] | None
    detail: str


class _Simulation:
    """One of them, and how far it has come."""

    def __init__(self, token: str, wanted: WantedRun) -> None:
        self.id = secrets.token_hex(8)
        self.token = token
        self.wanted = wanted
        self.state: State = "waiting"
        self.blocks, self.blocks_wanted = 0, wanted.blocks
        self.verdict: dict[str, Any] | None = None
        self.detail = ""
        self.recording = b""

    @property
    def is_over(self) -> bool:
        return self.state in ("done", "failed")


class Simulations:
    """The simulations of one node: those that wait, the one that runs, and the last ones.

    Args:
        simulator: What runs them.
    """

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self._all: dict[str, _Simulation] = {}
        self._running: asyncio.Task[None] | None = None
        self._is_stopping = False

    def begin(self, token: str, wanted: WantedRun) -> SimulationView:
        """Take a simulation into the queue.

        Raises:
            Problem: ``busy`` or ``stopping``.
        """
        if self._is_stopping:
            raise Problem("stopping", "this node is shutting down")
        open_ = [each for each in self._all.values() if not each.is_over]
        if sum(each.token == token for each in open_) >= SIMULATIONS_PER_TOKEN:
            raise Problem(
                "busy", f"{SIMULATIONS_PER_TOKEN} simulations of this token are under way"
            )
        if len(open_) > SIMULATIONS_WAITING_MAX:
            raise Problem("busy", f"{SIMULATIONS_WAITING_MAX} simulations wait already")
        simulation = _Simulation(token, wanted)
        self._all[simulation.id] = simulation
        self._forget()
        if self._running is None:
            self._running = asyncio.create_task(self._run_all(), name="simulations")
        return self._view(simulation)

    async def stop(self) -> None:
        """End the one that runs, and begin none any more."""
        self._is_stopping = True
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    def find(self, id_: str) -> SimulationView:
        """Return a simulation. Raises :class:`Problem` ``no-such-simulation``."""
        return self._view(self._of(id_))

    def recording(self, id_: str) -> bytes:
        """Return the recording of a simulation that is done, compressed by gzip.

        Raises:
            Problem: ``no-such-simulation`` or ``no-recording``.
        """
        simulation = self._of(id_)
        if not simulation.recording:
            raise Problem(
                "no-recording", f"the simulation is {simulation.state}; ask when it is done"
            )
        return simulation.recording

    def _of(self, id_: str) -> _Simulation:
        found = self._all.get(id_)
        if found is None:
            raise Problem(
                "no-such-simulation", f"the last {SIMULATIONS_KEPT} are kept; begin another"
            )
        return found

    def _view(self, simulation: _Simulation) -> SimulationView:
        before: list[_Simulation] = []
        for each in self._all.values():
            if each is simulation or simulation.is_over:
                break
            before += [] if each.is_over else [each]
        return SimulationView(
            id=simulation.id,
            state=simulation.state,
            wanted=simulation.wanted,
            blocks=simulation.blocks,
            blocks_wanted=simulation.blocks_wanted,
            ahead=len(before),
            verdict=simulation.verdict,
            detail=simulation.detail,
        )

    def _forget(self) -> None:
        over = [each.id for each in self._all.values() if each.is_over]
        for id_ in over[: max(0, len(over) - SIMULATIONS_KEPT)]:
            del self._all[id_]

    # -- running -----------------------------------------------------------------------------------

    async def _run_all(self) -> None:
        """Run what waits, one after the other, until nothing does."""
        try:
            while waiting := [each for each in self._all.values() if each.state == "waiting"]:
                await self._run(waiting[0])
                self._forget()
        finally:
            self._running = None

    async def _run(self, simulation: _Simulation) -> None:
        simulation.state = "running"
        try:
            with tempfile.TemporaryDirectory(
                prefix="tongzhang-simulation-", dir=self.simulator.within
            ) as folder:
                await self._run_in(simulation, Path(folder))
        except TimeoutError:
            simulation.detail = f"ended: it took more than {self.simulator.seconds_max:.0f} s"
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            logger.error("a simulation could not be run: %s", error)
            simulation.detail = simulation.detail or "it could not be run; the node's log says why"
        finally:
            if simulation.state == "running":
                simulation.state = "failed"

    async def _run_in(self, simulation: _Simulation, folder: Path) -> None:
        process = await asyncio.create_subprocess_exec(
            *self.simulator.command(folder),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=dict(self.simulator.environment),
            limit=_LINE_BYTES_MAX,
        )
        try:
            async with asyncio.timeout(self.simulator.seconds_max):
                await self._listen(simulation, process)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if simulation.verdict is None:
            simulation.detail = simulation.detail or "ended: it needed more than it may use"
            return
        simulation.recording = await asyncio.to_thread(_read_recording, folder / RECORDING)
        simulation.state = "done"

    async def _listen(self, simulation: _Simulation, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None and process.stdout is not None  # both are pipes
        process.stdin.write(msgspec.json.encode(simulation.wanted) + b"\n")
        async for line in process.stdout:
            said = msgspec.json.decode(line, type=dict[str, Any])
            simulation.blocks = said.get("blocks", simulation.blocks)
            simulation.blocks_wanted = said.get("of", simulation.blocks_wanted)
            simulation.verdict = said.get("verdict")
            simulation.detail = str(said.get("refused", ""))


def _read_recording(path: Path) -> bytes:
    if path.stat().st_size > RECORDING_BYTES_MAX:
        raise ValueError(f"a recording has at most {RECORDING_BYTES_MAX} bytes")
    return path.read_bytes()


def unpacked(recording: bytes) -> bytes:
    """Return a recording as JSON, for who does not take it compressed."""
    return gzip.decompress(recording)
