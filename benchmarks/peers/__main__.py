"""The command: every system in turn, on this machine, and a table of what was measured."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from api.server import loop_factory
from benchmarks.peers.built import Tools, default_cache
from benchmarks.peers.comet import CometBFT, SignedCometBFT
from benchmarks.peers.etcd import Etcd
from benchmarks.peers.ours import Tongzhang, TongzhangOfSeven
from benchmarks.peers.pysyncobj import PySyncObj
from benchmarks.peers.rounds import SMALL, Sizes, medians, play, ratios
from benchmarks.peers.system import System
from benchmarks.peers.table import lines
from cli.bench.machine import machine
from cli.errors import CliError, unwrapped

SYSTEMS: dict[str, type[System]] = {
    each.name: each
    for each in (Tongzhang, TongzhangOfSeven, CometBFT, SignedCometBFT, Etcd, PySyncObj)
}
EPILOG = """\
Systems: tongzhang, tongzhang-7 (seven nodes), cometbft, cometbft-signed, etcd,
pysyncobj. Each is started on the loopback address in every round, loaded and
stopped; all of them are synced to disk. The others are downloaded and built
the first time, by go and pip, which takes some minutes; nothing of them is
installed elsewhere.

Examples:
  python -m benchmarks.peers --json peers.json
  python -m benchmarks.peers --only tongzhang --only cometbft --rounds 5
  python -m benchmarks.peers --small
"""


def arguments() -> argparse.ArgumentParser:
    """Return what the command line may say."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description="Measure Tongzhang beside what others build, with the same records.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only",
        metavar="NAME",
        action="append",
        choices=SYSTEMS,
        help="measure this system; may be given more than once",
    )
    parser.add_argument("--rounds", metavar="N", type=_whole(1, 100), default=3)
    parser.add_argument(
        "--records",
        metavar="N",
        type=_whole(2, 200_000),
        default=20_000,
        help="records of a bulk load (default: 20000)",
    )
    parser.add_argument(
        "--seconds",
        metavar="N",
        type=_whole(1, 120),
        default=8,
        help="how long clients wait and ask again (default: 8)",
    )
    parser.add_argument(
        "--small", action="store_true", help="one short round of everything: a minute when built"
    )
    parser.add_argument(
        "--json", metavar="FILE", type=Path, help="write everything that was measured to a file"
    )
    parser.add_argument(
        "--cache",
        metavar="DIR",
        type=Path,
        default=default_cache(),
        help="where the others are downloaded and built (default: in the user's cache)",
    )
    return parser


def _whole(least: int, most: int) -> Any:
    def whole(text: str) -> int:
        if not (text.isdecimal() and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"expected {least} to {most:,}, not {text}")
        return int(text)

    return whole


def document(found: Mapping[str, Sequence[Mapping[str, Any]]], sizes: Sizes) -> dict[str, Any]:
    """Return everything that was measured, and what kind of thing each system is."""
    ours = found.get(Tongzhang.name)
    systems = {}
    for name, rounds in found.items():
        kind = SYSTEMS[name]
        systems[name] = {
            "title": kind.title,
            "nodes": kind.nodes,
            "nature": kind.nature._asdict(),
            "median": medians(rounds),
            **({"ratio": ratios(ours, rounds)} if ours and name != Tongzhang.name else {}),
            "rounds": list(rounds),
        }
    return {"machine": machine(), "sizes": sizes._asdict(), "systems": systems}


async def _play(
    given: argparse.Namespace, sizes: Sizes, ends: list[int]
) -> dict[str, list[dict[str, Any]]]:
    task = asyncio.current_task()

    def end(number: int) -> None:
        ends.append(number)
        if task is not None:
            task.cancel()

    for each in (signal.SIGINT, signal.SIGTERM):  # a second one cancels again
        asyncio.get_running_loop().add_signal_handler(each, end, each)
    tools = Tools(given.cache.absolute(), lambda text: print(text, file=sys.stderr, flush=True))
    return await play([SYSTEMS[name] for name in given.only or SYSTEMS], sizes, tools)


def main() -> int:
    """Run the command; return its exit code."""
    given = arguments().parse_args()
    sizes = SMALL if given.small else Sizes(given.rounds, given.records, given.seconds)
    ends: list[int] = []
    try:
        with unwrapped(), asyncio.Runner(loop_factory=loop_factory()) as runner:
            found = runner.run(_play(given, sizes, ends))
    except CliError as error:
        print(f"error: {error.code}: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("interrupted; everything is stopped", file=sys.stderr)
        return 128 + (ends[0] if ends else signal.SIGINT)
    told = document(found, sizes)
    print("\n".join(lines(told)))
    if given.json:
        given.json.write_text(f"{json.dumps(told, indent=1)}\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
