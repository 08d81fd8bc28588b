"""Worker that runs one simulation for a node: ``python -m cli.simulation.worker FOLDER``.

It bounds itself (:func:`bound`), takes what is wanted from its standard input, and ends when that
ends. What it says and leaves stands in :mod:`api.simulations`.
"""

from __future__ import annotations

import gzip
import os
import resource
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec

from api.simulations import RECORDING, Simulator, WantedRun
from cli.errors import CliError
from cli.simulation.choices import Choices, one_plan, reproduce
from simulator import library
from simulator.errors import SimulatorError
from simulator.liars import LIES, sentence
from simulator.plan import CASTS
from simulator.recording import Recorder
from simulator.run import CODE, MEMORY_DISK, Runner
from simulator.swarm import TROUBLE
from simulator.words import LIES_ZH, story_of
from simulator.words import TROUBLE as TROUBLE_WORDS

MEMORY_BYTES_MAX = 1024 * 1024 * 1024
FILE_BYTES_MAX = 64 * 1024 * 1024
CPU_S_MAX = 100
NICE = 19
SAID_EVERY = 5
"""After how many blocks its progress is said."""


def offered() -> Simulator:
    """Return the simulator, for a node to offer."""
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PATH": os.defpath}
    is_writable = MEMORY_DISK.is_dir() and os.access(MEMORY_DISK, os.W_OK)
    return Simulator(
        choices=choices(),
        command=lambda folder: (sys.executable, "-P", "-m", "cli.simulation.worker", str(folder)),
        environment=environment,
        within=MEMORY_DISK if is_writable else None,
    )


def choices() -> dict[str, Any]:
    """Return what may be asked for, each with a sentence in both languages."""
    return {
        "scenarios": [{"name": name, **story_of(library.load(name))} for name in library.names()],
        "lies": [{"name": lie, "en": sentence(lie), "zh": LIES_ZH[lie]} for lie in LIES],
        "trouble": [
            {"name": name, "en": TROUBLE_WORDS[name][0], "zh": TROUBLE_WORDS[name][1]}
            for name in TROUBLE
        ],
        "parties": list(CASTS["usual"]),
        "bounds": {"nodes": [2, 7], "blocks": [1, 300], "seed": [0, 2**53 - 1]},
    }


def wanted_choices(wanted: WantedRun) -> Choices:
    """Return the options of ``tongzhang simulate`` that say what is wanted."""
    if wanted.scenario:
        return Choices(scenario=wanted.scenario, seed=wanted.seed)
    return Choices(
        seed=wanted.seed,
        nodes=wanted.nodes,
        blocks=wanted.blocks,
        byzantine=",".join(f"{party}={lie}" for party, lie in wanted.liars.items()),
        trouble=",".join(wanted.faults),
        calm=wanted.calm,
    )


def bound() -> None:
    """Give way to everything else on this machine, and take no more than a simulation may."""
    os.nice(NICE)
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES_MAX),
        (resource.RLIMIT_FSIZE, FILE_BYTES_MAX),
        (resource.RLIMIT_CPU, CPU_S_MAX),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def run(wanted: WantedRun, folder: Path) -> None:
    """Run what is wanted, say how far it has come and how it ended, and leave the recording."""
    asked = wanted_choices(wanted)
    try:
        plan = one_plan(asked)
    except (SimulatorError, CliError) as error:
        say(refused=error.message)
        return
    recorder = Recorder(plan)
    most = plan.blocks or plan.records // 2

    def progress(blocks: int) -> None:
        if blocks % SAID_EVERY == 0:
            say(blocks=min(blocks, most), of=most)

    with Runner(within=folder) as runner:
        outcome = runner.run(plan, recorder, progress)
    finding = outcome.finding
    if finding is not None and finding.invariant == CODE and "MemoryError" in finding.text:
        say(refused="ended: it needed more memory than it may use")
        return
    document = recorder.document(outcome, reproduce(asked, None if asked.is_exact else plan.seed))
    raw = msgspec.json.encode(document)
    (folder / RECORDING).write_bytes(gzip.compress(raw, compresslevel=6, mtime=0))
    say(blocks=most, of=most, verdict=msgspec.to_builtins(document["verdict"]))


def say(**what: Any) -> None:
    """Say something to the node, on a line of its own."""
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.buffer.flush()


def _end_with_input() -> None:
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(1)


def main() -> None:
    """Run one simulation."""
    bound()
    wanted = msgspec.json.decode(sys.stdin.buffer.readline(), type=WantedRun)
    threading.Thread(target=_end_with_input, name="stdin", daemon=True).start()
    run(wanted, Path(sys.argv[1]))


if __name__ == "__main__":
    main()
