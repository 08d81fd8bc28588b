"""One run of one plan: from a plan to an outcome, which says everything that a verdict needs."""

from __future__ import annotations

import gc
import logging
import os
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Literal

import msgspec

from simulator.checkers import CHECKERS, Checker
from simulator.chronicle import Chronicle
from simulator.errors import Violation
from simulator.plan import Plan
from simulator.templates import Templates
from simulator.trace import Trace
from simulator.world import World

MEMORY_DISK = Path("/dev/shm")
"""Where the files of simulated disks go, if there is such a place."""

CODE = "code"
"""The invariant that is broken when the code raises what nobody expects."""

Judgement = Literal["held", "broken", "not owed", "not judged"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A broken invariant: what was seen, when in the world, and at which step of the run."""

    invariant: str
    text: str
    at_ms: int
    step: int


class RunOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a run.

    ``verdict`` says of each invariant whether it held. ``evidence`` counts, by convicted party, the
    kinds of contradictions that honest nodes keep; ``halts`` gives the code by machine.
    ``shut_out`` counts how often honest nodes listened to a party no more.
    ``remainder`` are parties that said something twice, and nobody who answered them could tell.
    ``skips_in_a_row`` is the longest run of slots between two final blocks, ``frame_bytes`` the
    size of the largest frame of an honest node. ``settled`` says that in the healed world
    everything became final everywhere.
    """

    seed: int
    verdict: dict[str, Judgement] = {}
    finding: Finding | None = None
    blocks: int = 0
    entries: int = 0
    skipped_slots: int = 0
    skips_in_a_row: int = 0
    frame_bytes: int = 0
    faults: dict[str, int] = {}
    lies: dict[str, str] = {}
    crashes: int = 0
    recoveries: int = 0
    lost_frames: int = 0
    doubled_frames: int = 0
    nonsense_frames: int = 0
    evidence: dict[str, dict[str, int]] = {}
    shut_out: dict[str, int] = {}
    remainder: tuple[str, ...] = ()
    halts: dict[str, str] = {}
    fork: bool = False
    settled: bool = False
    simulated_ms: int = 0
    steps: int = 0
    digest: str = ""

    @property
    def is_good(self) -> bool:
        """Whether every invariant held."""
        return self.finding is None

    @property
    def records_per_s(self) -> int:
        """Entries in the log per second of simulated time."""
        return self.entries * 1000 // max(1, self.simulated_ms)


class Runner:
    """Runs plans one after the other; keeps empty databases from one run for the next.

    Args:
        checkers: The classes of those who watch.
        within: Where its files go; the machine's memory, if it has a disk for that.
    """

    def __init__(
        self, checkers: Sequence[type[Checker]] = CHECKERS, within: Path | None = None
    ) -> None:
        self._checkers = (*checkers, Chronicle)
        self._temporary = scratch(within)
        self.directory = Path(self._temporary.name)
        self._templates = Templates(self.directory)

    def __enter__(self) -> Runner:
        gc.freeze()  # what is there now stays: the collections between runs need not look at it
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        gc.unfreeze()
        self._temporary.cleanup()

    def run(
        self,
        plan: Plan,
        trace: Trace | None = None,
        on_blocks: Callable[[int], None] | None = None,
    ) -> RunOutcome:
        """Run ``plan`` and return how it ended. Only a plan that cannot be raises.

        Args:
            plan: What to run.
            trace: Where every event is written down; None for nowhere.
            on_blocks: Called with the height of the log whenever it has grown.

        Raises:
            SimulatorError: the plan is not possible.
        """
        with quiet(), tempfile.TemporaryDirectory(dir=self.directory) as directory:
            return self._run_within(Path(directory), plan, trace, on_blocks)

    def _run_within(
        self,
        directory: Path,
        plan: Plan,
        trace: Trace | None,
        on_blocks: Callable[[int], None] | None,
    ) -> RunOutcome:
        """Run a plan in a world that nothing refers to any more on return, so it can be freed."""
        world = World(
            plan,
            directory,
            templates=self._templates,
            checkers=self._checkers,
            trace=trace,
        )
        _chronicle(world).on_blocks = on_blocks
        finding = _finish(world)
        if finding is None:
            world.note(None, "end", f"height {_chronicle(world).height}")
        else:
            world.note(None, "violation", f"{finding.invariant}: {finding.text}")
        return _outcome(world, finding)


def scratch(within: Path | None = None) -> tempfile.TemporaryDirectory[str]:
    """Return a new directory for simulated disks, in memory if there is a place for that."""
    if within is None and MEMORY_DISK.is_dir() and os.access(MEMORY_DISK, os.W_OK):
        within = MEMORY_DISK
    return tempfile.TemporaryDirectory(prefix=f"tongzhang-{os.getpid()}-", dir=within)


def _finish(world: World) -> Finding | None:
    try:
        world.run()
    except Violation as violation:
        invariant, text = violation.invariant, violation.text
    except Exception as error:
        invariant, text = CODE, _last_lines(error)
    else:
        return None
    return Finding(invariant=invariant, text=text, at_ms=world.now_us // 1000, step=world.steps)


def _last_lines(error: Exception) -> str:
    """Return what was raised, and the innermost places that it came through."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = [f"{_module(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]
    return f"{type(error).__name__}: {error} (at {' < '.join(reversed(places))})"


def _module(filename: str) -> str:
    """Return a source file's path from its outermost package on, the same on every machine."""
    path = Path(filename)
    above = (each for each in path.parents if not (each / "__init__.py").exists())
    return path.relative_to(next(above, path.parent)).as_posix()


def _chronicle(world: World) -> Chronicle:
    return next(each for each in world.checkers if isinstance(each, Chronicle))


def _outcome(world: World, finding: Finding | None) -> RunOutcome:
    told, counts, plan = _chronicle(world), world.counts, world.plan
    kinds = sorted({fault.kind for fault in plan.faults})
    return RunOutcome(
        seed=plan.seed,
        verdict=_verdict(world, finding),
        finding=finding,
        blocks=told.height,
        entries=told.entries,
        skipped_slots=told.slot - told.height,
        skips_in_a_row=told.skips_in_a_row,
        frame_bytes=told.frame_bytes,
        faults={kind: counts[kind] for kind in kinds if counts[kind]},
        lies=dict(plan.liars),
        crashes=counts["crashes"],
        recoveries=told.recoveries,
        lost_frames=world.lines.lost,
        doubled_frames=world.lines.doubled,
        nonsense_frames=counts["nonsense frames"],
        evidence={party: dict(sorted(kinds.items())) for party, kinds in told.evidence.items()},
        shut_out=dict(sorted(told.shut_out.items())),
        remainder=tuple(sorted({party for party, _ in world.remainder})),
        halts={name: why.code for name, why in world.halts.items()},
        fork=told.fork,
        settled=world.settled and not all(p.name in world.halts for p in world.honest()),
        simulated_ms=world.now_us // 1000,
        steps=world.steps,
        digest=world.trace.digest() if world.trace is not None else "",
    )


def _verdict(world: World, finding: Finding | None) -> dict[str, Judgement]:
    """Return how each invariant stands; what was not looked at to the end was not judged."""
    found: dict[str, Judgement] = {}
    for checker in world.checkers:
        if checker.invariant:
            found[checker.invariant] = "held" if finding is None else "not judged"
    if finding is not None:
        found[finding.invariant] = "broken"
    elif not _chronicle(world).owed_progress and "I7" in found:
        found["I7"] = "not owed"
    return dict(sorted(found.items()))


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what nodes log to themselves, and leave the collection of cycles to reference counts.

    A run makes many small objects that live as long as the world; looking for cycles among them
    again and again takes a tenth of its time.
    """
    logger = logging.getLogger("tongzhang")
    level, collecting = logger.level, gc.isenabled()
    logger.setLevel(logging.CRITICAL + 1)
    gc.disable()
    try:
        yield
    finally:
        logger.setLevel(level)
        if collecting:
            gc.enable()
            gc.collect()
