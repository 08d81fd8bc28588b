"""``tongzhang bench``: how fast it is here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from cli.errors import UsageError
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


Rates = Annotated[
    Optional[list[int]],  # noqa: UP045
    typer.Option(
        "--rate",
        metavar="N",
        min=1,
        max=100_000,
        show_default=False,
        help="Instead: N records a second that arrive on a schedule; again for another stretch.",
    ),
]
Seconds = Annotated[
    int,
    typer.Option(
        "--seconds", metavar="N", min=1, max=3600, help="How long records arrive, for each --rate."
    ),
]
Html = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--html",
        metavar="FILE",
        help="Write a report with charts to this file.",
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
    rate: Rates = None,
    seconds: Seconds = 20,
    out: Out = None,
    html: Html = None,
    json: Json = False,
) -> None:
    """Measure how fast it is on this machine.

    Four parties, quorum 3, every signature checked and every block synced to disk. Bulk rates
    count from the first byte sent until all four nodes have everything final.

    With --rate records arrive on a schedule, each as a request of its own, whether or not earlier
    ones were answered, and a latency counts from when its record was to arrive.

    \b
    Examples:
      tongzhang bench
      tongzhang bench --records 200000 --runs 1 --no-in-process
      tongzhang bench --out benchmarks/results.json
      tongzhang bench --rate 200 --rate 400 --rate 800 --html bench.html
    """
    from cli.bench.report import Files, run_bench, run_rates

    files = Files(out, html)
    if rate:
        if not processes:
            raise UsageError("usage", "--rate measures node processes: leave --no-processes out")
        run_rates(rate, seconds, files, json=json)
    else:
        run_bench(
            kinds=(in_process, processes),
            sizes=(records, singles, runs),
            files=files,
            json=json,
        )
