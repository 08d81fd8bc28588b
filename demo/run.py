"""The demo from its first process to its last: nothing it started is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from cli.errors import CheckFailed, UsageError, unwrapped, writing
from cli.output import say_json
from demo import report
from demo.day.cast import DayPlan, owners, sole
from demo.day.files import read_day, read_expected
from demo.day.generate import generate
from demo.day.lines import DayFiles
from demo.day.outcome import outcome
from demo.day.phases import founding
from demo.stage.morning import FundersMorning, morning_plan
from demo.stage.network import LocalNetwork, found_network
from demo.stage.processes import stop_all
from demo.stage.proofs import LOG, RECEIPT, prove
from demo.stage.screen import Screen
from demo.stage.stage import Stage
from demo.summary import conclude, summarize

if TYPE_CHECKING:
    from ledger.genesis import Role

PAYMENTS, SEED = 500, 7
NAME = "demo"
MADE = ("consortium", RECEIPT, LOG, f"changed-{RECEIPT}")


@dataclass(frozen=True, slots=True)
class DemoChoices:
    """Choices of the user. None stands for the default."""

    payments: int | None
    seed: int | None
    day: Path | None
    parties: list[tuple[str, Role]]
    quorum: int
    folder: Path | None
    keep: bool
    kill: bool
    json: bool


def run_demo(choices: DemoChoices) -> Path:
    """Run the demo and print its report.

    Returns:
        The home of the first party.

    Raises:
        UsageError: the choices do not fit together.
        CheckFailed: something was not as it had to be; the report says what.
    """
    day, expected = _day(choices)
    screen = Screen(Console(), choices.json)
    with _folder(choices) as folder:
        with writing(folder):
            network = found_network(
                folder / "consortium",
                NAME,
                choices.parties,
                choices.quorum,
                calendar=founding(day),
            )
        if choices.keep:
            network.nodes[0].arguments = ("--simulator",)
        left_running = False
        try:
            with unwrapped():
                plan = morning_plan(choices.parties, day.seed)
                stage = Stage(network, day, screen, FundersMorning(plan) if plan else None)
                summary = asyncio.run(_play(stage, choices, expected, folder))
            left_running = choices.keep
        except CheckFailed:
            for node in network.nodes:
                node.refuse_dead()  # a node that ended by itself explains more than its silence
            raise
        finally:
            if not left_running:
                stop_all(network.nodes)
        for node in network.nodes if left_running else ():
            node.let_go()
        _show(summary, choices, network, folder)
    if not summary["ok"]:
        bad = [check["name"] for check in summary["checks"] if not check["good"]]
        raise CheckFailed("demo-differs", f"not as expected: {', '.join(bad)}")
    return network.nodes[0].home


async def _play(
    stage: Stage, choices: DemoChoices, expected: dict[str, Any], folder: Path
) -> dict[str, Any]:
    try:
        played = await stage.play(kill=choices.kill)
        summary = await summarize(stage, played, expected)
        morning = await stage.live_morning()
        proofs = await prove(stage.network.nodes[-1], stage.observer, played.receipt_of, folder)
        return await conclude(stage, summary, morning, proofs)
    finally:
        await stage.close()


def _show(
    summary: dict[str, Any], choices: DemoChoices, network: LocalNetwork, folder: Path
) -> None:
    summary["kept"] = None
    if choices.keep:
        summary["kept"] = {
            "folder": str(folder),
            "remove": shlex.join(["rm", "-r", *map(str, _made(choices, folder))]),
            "nodes": [
                {"party": node.party, "url": node.url, "home": str(node.home), "pid": node.pid}
                for node in network.nodes
            ],
        }
    if choices.json:
        say_json(summary)
    else:
        report.show(summary, Console())


def _made(choices: DemoChoices, folder: Path) -> list[Path]:
    """Return what to remove: never a folder of the user's own with what else is in it."""
    return [folder] if choices.folder is None else [folder / name for name in MADE]


def _day(choices: DemoChoices) -> tuple[DayFiles, dict[str, Any]]:
    parties = choices.parties
    if choices.day is not None:
        return _given_day(choices, choices.day, {name for name, _ in parties})
    plan = DayPlan(
        payments=PAYMENTS if choices.payments is None else choices.payments,
        seed=SEED if choices.seed is None else choices.seed,
        platform=sole(parties, "platform"),
        institution=sole(parties, "institution"),
        owners=owners(parties),
    )
    day = generate(plan)
    return day, outcome(day)


def _given_day(
    choices: DemoChoices, folder: Path, parties: set[str]
) -> tuple[DayFiles, dict[str, Any]]:
    if choices.payments is not None or choices.seed is not None:
        raise UsageError(
            "day-or-plan", "--day takes a day as it is; --payments and --seed make another one"
        )
    day = read_day(folder)
    _refuse_running_month(day)
    missing = sorted(name or "''" for name in day.parties - parties)
    if missing:
        raise UsageError(
            "day-needs-parties",
            f"the day names parties that this consortium lacks: {', '.join(missing)}",
            "name them with --parties",
        )
    return day, read_expected(folder)


def _refuse_running_month(day: DayFiles) -> None:
    today = day.dates.business_date(time.time_ns() // 1_000_000).isoformat()
    ends_on = day.dates.after_month(day.business_date)
    if today < ends_on:
        raise UsageError(
            "month-not-over",
            f"the nodes run on today's clock: what is captured on {day.business_date} is paid out, "
            f"and the fees of its month are invoiced, by {ends_on} only",
            "play a day of an earlier month: tongzhang sample --date",
        )


@contextlib.contextmanager
def _folder(choices: DemoChoices) -> Iterator[Path]:
    if choices.folder is not None:
        with writing(choices.folder):
            choices.folder.mkdir(parents=True, exist_ok=True)
        yield choices.folder
        return
    with writing(Path("TMPDIR")):
        folder = Path(tempfile.mkdtemp(prefix="tongzhang-demo-"))
    try:
        yield folder
    finally:
        if not choices.keep:
            shutil.rmtree(folder, ignore_errors=True)
