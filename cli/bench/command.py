"""``tongzhang bench``: how fast it is here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from cli.options import Json, path

Processes = Annotated[
    bool,
    typer.Option("--processes/--no-processes", help="Measure four node processes over HTTP."),
]
InProcess = Annotated[
    bool,
    typer.Option("--in-process/--no-in-process", help="Measure four hosts in this process."),
]
Records = Annotated[
    int,
    typer.Option(
        "--records", metavar="N", min=2, max=10_000_000, help="Records of a bulk measurement."
    ),
]
Singles = Annotated[
    int,
    typer.Option(
        "--singles", metavar="N", min=1, max=1_000_000, help="Single submissions, in sequence."
    ),
]
Runs = Annotated[
    int, typer.Option("--runs", metavar="N", min=1, max=1000, help="Bulk runs; the median counts.")
]
Out = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--out",
        metavar="FILE",
        help="Write the results to this file as JSON.",
        show_default=False,
        parser=path,
    ),
]


def bench(
    *,
    processes: Processes = True,
    in_process: InProcess = True,
    records: Records = 20_000,
    singles: Singles = 200,
    runs: Runs = 3,
    out: Out = None,
    json: Json = False,
) -> None:
    """Measure how fast it is on this machine.

    Four parties, quorum 3, every signature checked and every block synced to disk. Bulk rates
    count from the first byte sent until all four nodes have everything final.

    \b
    Examples:
      tongzhang bench
      tongzhang bench --records 200000 --runs 1 --no-in-process
      tongzhang bench --out benchmarks/results.json
    """
    from cli.bench.report import run_bench

    run_bench(
        kinds=(in_process, processes),
        sizes=(records, singles, runs),
        out=out,
        json=json,
    )
