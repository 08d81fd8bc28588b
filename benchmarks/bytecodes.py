"""Bytecodes that a record takes of four nodes, by stage, against a recorded budget.

Run with ``python -m benchmarks.bytecodes``: it prints what was counted beside the budget, and ends
with 1 if a stage takes more than ``TOLERANCE_PERCENT`` above it. ``--record`` writes what was
counted as the budget of this version of Python, and into the table of ``docs/performance.md``.

Four real hosts over real SQLite files make records final, in one process and on a clock of their
own. Only this project's own code counts, each bytecode for the innermost stage that it runs in; so
the count is the same in every run and on every machine, and says nothing of what C code takes
(SQLite, Ed25519, decoders).
"""

from __future__ import annotations

import gc
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType, FrameType
from typing import Any

from consensus import messages
from consensus.replica import Replica
from ledger import execute
from node.host.journal import Journal
from node.storage.store import Store
from tests.node.host_kit import World, capture, instruct, register

BUDGET = Path(__file__).with_suffix(".json")
PAGE = BUDGET.parents[1] / "docs" / "performance.md"
"""Whose table shows the budgets."""
SCENARIOS = ("bulk", "single")
TOLERANCE_PERCENT = 5
RECORDS = 100
"""Records of the bulk: captures and instructions, half and half."""
WITHIN_MS = 60_000
"""Simulated time within which everything is final."""

STAGES: dict[CodeType, str] = {
    messages.encode.__code__: "frames",
    messages.decode.__code__: "frames",
    execute.check_records.__code__: "decode",
    Journal.submit.__code__: "submit",
    Journal.pump.__code__: "seal and preview",
    Replica.step.__code__: "agree",
    execute.execute.__code__: "execute",
    Store.save.__code__: "save",
    Store.hold.__code__: "hold",
    Store.write.__code__: "write",
}
"""The functions at which a stage begins; what is in none of them is the host's."""
_MARKED = re.compile(r"(<!-- table: bytecodes -->\n).*?(<!-- end -->)", re.DOTALL)
_ROOT = str(Path(__file__).resolve().parents[1])
_COUNTED = tuple(f"{_ROOT}/{package}/" for package in ("ledger", "consensus", "node"))

Counts = dict[str, int]


class Tally:
    """Counts the bytecodes of this project's code while it is on, by stage."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._stage = "host"

    @contextmanager
    def on(self) -> Iterator[None]:
        """Count what runs inside; no collection of cycles runs code of its own meanwhile."""
        collecting, before = gc.isenabled(), sys.gettrace()
        gc.disable()
        sys.settrace(self._on_call)
        try:
            yield
        finally:
            sys.settrace(before)
            if collecting:
                gc.enable()

    def _on_call(self, frame: FrameType, _event: str, _value: object) -> Callable[..., Any] | None:
        code = frame.f_code
        if not code.co_filename.startswith(_COUNTED):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        outer, self._stage = self._stage, STAGES.get(code, self._stage)
        counts, stage = self.counts, self._stage

        def on_event(_frame: FrameType, event: str, _value: object) -> Callable[..., Any]:
            if event == "opcode":
                counts[stage] += 1
            elif event == "return":
                self._stage = outer
            return on_event

        return on_event


def count() -> dict[str, Counts]:
    """Return bytecodes by scenario and stage: a record of bulk, and a block of one record.

    They are of all four nodes together. Each scenario runs twice, and the second time counts: what
    is made on first use is there then, and newer Pythons have prepared all code for counting.
    """
    raws: list[bytes] = []
    for number in range(RECORDS):
        raws += [capture(f"P{number}"), instruct(f"P{number}")]
    found: dict[str, Counts] = {}
    with TemporaryDirectory(prefix="tongzhang-bytecodes-") as directory:
        world = World(Path(directory))
        world.open()
        try:
            _make_final(world, {"institution": [register("shop"), register("platform-fee")]})
            for name, pages in {
                "bulk": (raws[:RECORDS], raws[RECORDS : 2 * RECORDS]),
                "single": ([capture("first")], [capture("second")]),
            }.items():
                for page in pages:
                    tally = Tally()
                    with tally.on():
                        _make_final(world, _by_author(page))
                count = len(page)
                found[name] = {stage: n // count for stage, n in sorted(tally.counts.items())}
        finally:
            world.close()
    return found


def _by_author(raws: list[bytes]) -> dict[str, list[bytes]]:
    captures = [raw for raw in raws if b"payment.captured" in raw]
    rest = [raw for raw in raws if b"payment.captured" not in raw]
    return {"institution": captures, "platform": rest} if rest else {"institution": captures}


def _make_final(world: World, said: dict[str, list[bytes]]) -> None:
    """Submit records at their authors' nodes, until all nodes have them final and written."""
    wanted = world.stores["platform"].tip().size + sum(map(len, said.values()))
    for author, raws in said.items():
        taken = world.submit(author, raws)
        if any(each.outcome for each in taken):
            raise SystemExit(f"a record was refused: {taken}")

    def is_over() -> bool:
        stores = world.stores.values()
        return all(store.tip().size == wanted and not store.holds for store in stores)

    if not world.run(WITHIN_MS, is_over):
        raise SystemExit(f"not all was final within {WITHIN_MS} ms of simulated time")


def exceeded(counted: dict[str, Counts], budget: dict[str, Counts]) -> list[str]:
    """Return a line for each stage that takes more than its budget allows."""
    lines = []
    for scenario, stages in counted.items():
        for stage, found in stages.items():
            allowed = budget.get(scenario, {}).get(stage, 0)
            if found * 100 > allowed * (100 + TOLERANCE_PERCENT):
                said = f"{found:,} bytecodes a record, {allowed:,} are its budget"
                lines.append(f"{scenario}, {stage}: {said}")
    return lines


def version() -> str:
    """Return the version of Python whose compiler makes the same bytecodes."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def budgets() -> dict[str, dict[str, Counts]]:
    """Return the recorded budgets by version of Python."""
    return json.loads(BUDGET.read_text())  # type: ignore[no-any-return]


def render(page: str) -> str:
    """Return a page with the table of budgets between its marks as it is recorded now."""
    rows = ["| stage | what begins it | " + " | ".join(_columns()) + " |"]
    rows.append("|---|---|" + "---|" * len(_columns()))
    begins = {stage: f"`{code.co_qualname}`" for code, stage in STAGES.items()}
    for stage in [*dict.fromkeys(STAGES.values()), "host"]:
        found = (kept[scenario][stage] for kept in budgets().values() for scenario in SCENARIOS)
        shown = " | ".join(f"{each:,}" for each in found)
        rows.append(f"| {stage} | {begins.get(stage, 'anything else')} | {shown} |")
    return _MARKED.sub(lambda found: found[1] + "\n".join([*rows, found[2]]), page)


def _columns() -> list[str]:
    return [f"{scenario}, Python {name}" for name in budgets() for scenario in SCENARIOS]


NEXT_STEP = (
    "If the work is worth it, record it with `python -m benchmarks.bytecodes --record` and say why "
    "in the commit; otherwise look at what the stage does now (`git diff`, docs/performance.md)."
)


def main(arguments: list[str]) -> None:
    """Print what a record takes beside its budget; compare, or record it."""
    counted, kept = count(), budgets()
    budget = kept.get(version(), {})
    for scenario, stages in counted.items():
        print(f"{scenario}: {sum(stages.values()):,} bytecodes a record of four nodes")
        for stage, found in stages.items():
            allowed = budget.get(scenario, {}).get(stage, 0)
            print(f"  {stage:<18}{found:>9,}  budget {allowed:>9,}")
    if "--record" in arguments:
        kept[version()] = counted
        BUDGET.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n")
        PAGE.write_text(render(PAGE.read_text("utf-8")), "utf-8")
        return
    if not budget:
        print(f"no budget is recorded for Python {version()}: nothing was compared")
        return
    lines = exceeded(counted, budget)
    if lines:
        raise SystemExit("\n".join([*lines, NEXT_STEP]))


if __name__ == "__main__":
    main(sys.argv[1:])
