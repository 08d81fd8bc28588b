"""The command: play attacks, print what each cost, fail if a bound is broken."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from pathlib import Path
from textwrap import wrap
from typing import Any

from benchmarks.attacks.attack import ALWAYS, Attack, Cost
from benchmarks.attacks.field import PARTIES, QUORUM, Field
from benchmarks.attacks.table import ATTACKS
from cli.bench.machine import machine
from cli.errors import CliError
from demo.stage.network import found_network

RECORDS = (10_000, 1000)
_INDENT: Any = {"initial_indent": "    ", "subsequent_indent": "    "}

HEAD = """\
                    memory, MB       records/s       p50, ms  p95   stall skip
attack           calm peak kept calm busy  now    calm    now   ms      s  ped"""

EPILOG = """\
Four nodes run on this machine. Each attack finds them just started (in small
only where it has to, or the one before broke a bound), and stops when its time
is over. Bounds that are broken stand below its line; the exit code is then 1.
Peers with a key take the place of the fourth node, in turns with it switched
off. Their process shares this machine with the nodes, but a peer has its own:
so they are compared with "busy", a process beside the nodes that takes as much
of the processors and sends nothing (0: there was none, and "calm" is compared).

Examples:
  python -m benchmarks.attacks --json attacks.json
  python -m benchmarks.attacks --only heavy-readers --only token-guesses
  python -m benchmarks.attacks --small
"""


def line(name: str, cost: Cost) -> str:
    """Return the line of the table for one attack."""
    return (
        f"{name:17}{cost.memory_calm_mb:4.0f}{cost.memory_peak_mb:5.0f}{cost.memory_kept_mb:5.0f}"
        f"{cost.calm_per_s:5.0f}{cost.control_per_s:5.0f}{cost.per_s:5.0f}{cost.calm_p50_ms:8.0f}{cost.p50_ms:7.0f}"
        f"{cost.p95_ms:6.0f}{cost.stall_s:7.2f}{cost.slots_skipped:5}"
    )


def verdicts(attack: Attack, cost: Cost) -> list[str]:
    """Return a line for every bound that is broken."""
    return [
        f"  broken: {bound}, it was {cost.value(bound.measure):g}" for bound in attack.broken(cost)
    ]


async def play(names: list[str], *, small: bool, again: bool = False) -> list[tuple[Attack, Cost]]:
    """Play attacks and print each as it ends; one that broke a bound once more, if ``again``.

    Who convicts an honest party has done so: that is no bad minute of the machine.
    """
    costs: list[tuple[Attack, Cost]] = []
    if task := asyncio.current_task():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with tempfile.TemporaryDirectory(prefix="tongzhang-attacks-") as folder:
        network = found_network(Path(folder) / "homes", "attacked", PARTIES, QUORUM)
        field = Field(network, small=small, say=lambda text: print(text, file=sys.stderr))
        try:
            await field.fill(RECORDS[small])
            print(HEAD, flush=True)
            for attack in (ATTACKS[name] for name in names):
                cost = await field.play(attack)
                _show(attack, cost)
                if again and attack.broken(cost) and not cost.honest_convicted:
                    print("  once more:")
                    cost = await field.play(attack)
                    _show(attack, cost)
                costs.append((attack, cost))
        finally:
            await field.stop()
    return costs


def _show(attack: Attack, cost: Cost) -> None:
    print("\n".join([line(attack.name, cost), *verdicts(attack, cost)]), flush=True)


def document(costs: list[tuple[Attack, Cost]], *, small: bool) -> dict[str, Any]:
    """Return everything that was measured."""
    return {
        "machine": machine(),
        "small": small,
        "attacks": {
            attack.name: {
                **cost._asdict(),
                "submissions_percent": round(cost.submissions_percent),
                "broken": [str(bound) for bound in attack.broken(cost)],
            }
            for attack, cost in costs
        },
    }


def arguments() -> argparse.ArgumentParser:
    """Return what the command line may say."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.attacks",
        description="Attack four real nodes and say what each attack cost.",
        epilog=f"{_listed()}\n{EPILOG}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only",
        metavar="NAME",
        action="append",
        choices=ATTACKS,
        help="play this attack; may be given more than once",
    )
    parser.add_argument(
        "--small", action="store_true", help="shorter, for a check: about nine minutes in all"
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="play what broke a bound once more, and count that: the machine is shared",
    )
    parser.add_argument(
        "--json", metavar="FILE", type=Path, help="write everything that was measured to a file"
    )
    return parser


def _listed() -> str:
    lines = [*wrap(f"Each: {', '.join(map(str, ALWAYS))}.", 76), ""]
    for attack in ATTACKS.values():
        lines += [attack.name, *wrap(f"{attack.size[0]} {attack.sentence}", 76, **_INDENT)]
        lines += [f"    {bound}" for bound in attack.bounds]
    return "\n".join(lines)


def main() -> int:
    """Run the command; return its exit code."""
    given = arguments().parse_args()
    try:
        costs = asyncio.run(play(given.only or list(ATTACKS), small=given.small, again=given.again))
    except asyncio.CancelledError:
        return 128 + signal.SIGTERM
    except CliError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if given.json:
        text = json.dumps(document(costs, small=given.small), indent=1)
        given.json.write_text(f"{text}\n", "utf-8")
    broken = [attack.name for attack, cost in costs if attack.broken(cost)]
    print(f"bounds are broken by {', '.join(broken)}" if broken else "every bound holds")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
