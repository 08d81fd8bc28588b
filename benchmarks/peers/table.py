"""Table of what was measured, at 80 columns, and what of it cannot be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any

WIDTH = 80
NAME = 16
_HANGING: dict[str, Any] = {"initial_indent": "  ", "subsequent_indent": "      "}

DIFFERENT = (
    "Four nodes tolerate one that lies (ours and CometBFT's), three tolerate one that fails "
    "(etcd's and PySyncObj's): they agree in fewer messages and sign nothing.",
    "Only ours executes the contracts of the records and proves each entry to its parties.",
    "All share the cores of this machine with what loads them; how much of them the driver took "
    "is in the JSON (driver_cpu_us). A client of etcd is in Go, the others in Python.",
)


def lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the table: figures, ratios, and what they do not say."""
    systems = document["systems"]
    yield from _figures(systems)
    if any("ratio" in found for found in systems.values()):
        yield ""
        yield from _ratios(systems)
    yield ""
    yield from _natures(systems)


def _figures(systems: Mapping[str, Any]) -> Iterator[str]:
    clients = list(next(iter(systems.values()))["median"]["waiting"])
    yield f"{'median':{NAME}}{'':5}{'bulk':>17}" + "".join(
        f"{_clients(each):>14}" for each in clients
    )
    yield f"{'':{NAME}}{'nodes':>5}{'/s':>8}{'CPU µs':>9}" + "".join(
        f"{'ms':>7}{'p99':>7}" if each == "1" else f"{'/s':>7}{'p99 ms':>7}" for each in clients
    )
    for name, found in systems.items():
        bulk = found["median"]["bulk"]
        line = f"{name:{NAME}}{found['nodes']:5}{bulk['records_per_s']:8,.0f}{bulk['cpu_us']:9,.0f}"
        for each in clients:
            waiting = found["median"]["waiting"][each]
            times = waiting["latency_ms"]
            first = f"{times['p50']:7.1f}" if each == "1" else f"{waiting['records_per_s']:7,.0f}"
            line += f"{first}{times['p99']:7.1f}"
        yield line


def _ratios(systems: Mapping[str, Any]) -> Iterator[str]:
    clients = list(next(iter(systems.values()))["median"]["waiting"])
    yield "how many times better ours is (median over rounds; under 1: worse)"
    for name, found in systems.items():
        if "ratio" not in found:
            continue
        ratio = found["ratio"]
        line = f"{'to ' + name:{NAME + 5}}{ratio['bulk']:8.2f}{ratio['bulk_cpu']:9.2f}"
        for each in clients:
            better = ratio["waiting"][each]
            first = better["p50" if each == "1" else "records_per_s"]
            line += f"{first:7.2f}{better['p99']:7.2f}"
        yield line


def _clients(count: str) -> str:
    return "1 client" if count == "1" else f"{count} clients"


def _natures(systems: Mapping[str, Any]) -> Iterator[str]:
    yield "What is not comparable:"
    for text in DIFFERENT:
        yield from wrap(f"- {text}", WIDTH, subsequent_indent="  ")
    for name, found in systems.items():
        yield ""
        yield f"{name}: {found['title']}"
        for what, said in found["nature"].items():
            yield from wrap(f"{what}: {said}", WIDTH, **_HANGING)
