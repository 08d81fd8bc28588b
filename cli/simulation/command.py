"""The command ``tongzhang simulate`` and its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from cli.options import Json, path

# Typer reads these at run time and knows no `int | None` inside Annotated before 0.9.
Number = Optional[int]  # noqa: UP045
File = Optional[Path]  # noqa: UP045

Seed = Annotated[
    Number,
    typer.Option("--seed", metavar="N", help="Decides everything in the run.", show_default="7"),
]
Seeds = Annotated[
    str,
    typer.Option("--seeds", help="Many runs: 1..1000.", metavar="A..B", show_default=False),
]
Jobs = Annotated[
    Number,
    typer.Option(
        "--jobs", metavar="N", help="Processes for --seeds.", show_default="one a processor"
    ),
]
Nodes = Annotated[
    Number, typer.Option("--nodes", metavar="N", help="How many parties.", show_default="4")
]
Quorum = Annotated[
    Number,
    typer.Option(
        "--quorum", metavar="N", help="Equal votes that make a block final.", show_default="safest"
    ),
]
Records = Annotated[
    Number,
    typer.Option(
        "--records", metavar="N", help="What the clients submit.", show_default="300 blocks"
    ),
]
Blocks = Annotated[
    Number,
    typer.Option(
        "--blocks", metavar="N", help="Stop submitting at so many blocks.", show_default="300"
    ),
]
Until = Annotated[
    Number,
    typer.Option(
        "--until",
        help="When the world heals at the latest, in ms of simulated time.",
        metavar="MS",
        show_default="600000",
    ),
]
Byzantine = Annotated[
    str,
    typer.Option(
        "--byzantine",
        help="Who lies, and how: platform=equivocator,funder=forger.",
        metavar="PARTY=LIE,…",
        show_default=False,
    ),
]
Trouble = Annotated[
    str,
    typer.Option(
        "--trouble",
        help="Draw only these kinds of trouble, and no liars: partition,crash,network.",
        metavar="KIND,…",
        show_default=False,
    ),
]
Faults = Annotated[
    File,
    typer.Option(
        "--faults",
        metavar="FILE",
        help="A TOML file with these faults, instead of drawn ones.",
        show_default=False,
        parser=path,
    ),
]
Calm = Annotated[bool, typer.Option("--calm", help="Draw no faults and no liars.")]
Scenario = Annotated[
    str,
    typer.Option(
        "--scenario",
        help="Run a scenario of the library; list names them.",
        metavar="NAME",
        show_default=False,
    ),
]
PlanFile = Annotated[
    File,
    typer.Option(
        "--plan",
        metavar="FILE",
        help="Run exactly this plan, a TOML file.",
        show_default=False,
        parser=path,
    ),
]
TraceFile = Annotated[
    File,
    typer.Option(
        "--trace",
        metavar="FILE",
        help="Write every event to this file.",
        show_default=False,
        parser=path,
    ),
]
Replay = Annotated[
    File,
    typer.Option(
        "--replay",
        metavar="FILE",
        help="Run a trace's plan again, compare, and show it step by step.",
        show_default=False,
        parser=path,
    ),
]
Diagram = Annotated[
    File,
    typer.Option(
        "--diagram",
        metavar="FILE",
        help="Write a slice of the run as a sequence diagram: FILE.svg, or FILE.mmd for Mermaid.",
        show_default=False,
        parser=path,
    ),
]
HtmlFile = Annotated[
    File,
    typer.Option(
        "--html",
        metavar="FILE",
        help="Write the run as a page that plays it: one file, for any browser, without a network.",
        show_default=False,
        parser=path,
    ),
]
RecordingFile = Annotated[
    File,
    typer.Option(
        "--recording",
        metavar="FILE",
        help="Write what such a page plays, as JSON.",
        show_default=False,
        parser=path,
    ),
]
FromMs = Annotated[
    Number, typer.Option("--from", help="Where a slice begins.", metavar="MS", show_default="0")
]
ToMs = Annotated[
    Number, typer.Option("--to", help="Where it ends.", metavar="MS", show_default="the end")
]
NodeNames = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--node",
        metavar="PARTY",
        help="Of a slice only this machine; repeatable.",
        show_default=False,
    ),
]
EventNames = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--event",
        metavar="EVENT",
        help="Of a slice only this event; repeatable.",
        show_default=False,
    ),
]
Coverage = Annotated[
    bool,
    typer.Option(
        "--coverage",
        help="Rehearse the clients' records without machines: each type with each outcome.",
    ),
]
NoShrink = Annotated[
    bool, typer.Option("--no-shrink", help="Leave a plan that breaks an invariant as it is.")
]


def simulate(
    *,
    seed: Seed = None,
    seeds: Seeds = "",
    jobs: Jobs = None,
    nodes: Nodes = None,
    quorum: Quorum = None,
    records: Records = None,
    blocks: Blocks = None,
    until: Until = None,
    byzantine: Byzantine = "",
    trouble: Trouble = "",
    faults: Faults = None,
    calm: Calm = False,
    scenario: Scenario = "",
    plan: PlanFile = None,
    trace: TraceFile = None,
    replay: Replay = None,
    diagram: Diagram = None,
    html: HtmlFile = None,
    recording: RecordingFile = None,
    from_ms: FromMs = None,
    to_ms: ToMs = None,
    nodes_shown: NodeNames = None,
    events_shown: EventNames = None,
    coverage: Coverage = False,
    no_shrink: NoShrink = False,
    json: Json = False,
) -> None:
    """Run a consortium on simulated clocks, network and disks.

    Everything but clock, network and disk is the code of a real node. The seed decides the
    clients' business, the faults and who lies; the same seed is the same run to the byte. Ends
    with a verdict over the invariants, what happened, and the command that reproduces
    it. Exit code 1 if an invariant is broken, a scenario ends otherwise than it says, or a
    replayed trace differs. A broken invariant is made small first: violation-SEED.toml and
    violation-SEED.trace are written to the current directory, or violation-SEED-2 and so on where
    something else has that name.

    \b
    Examples:
      tongzhang simulate --seed 7
      tongzhang simulate --nodes 7 --byzantine platform=equivocator --trace run.trace
      tongzhang simulate --scenario list
      tongzhang simulate --scenario leader-crash --diagram crash.svg
      tongzhang simulate --scenario leader-lies-to-halves --html lies.html
      tongzhang simulate --faults faults.toml --records 2000
      tongzhang simulate --seeds 1..1000 --jobs 2
      tongzhang simulate --coverage
      tongzhang simulate --replay run.trace --from 500 --to 900 --node platform
    """
    given = {name: value for name, value in locals().items() if value is not None}
    from cli.simulation.choices import Choices
    from cli.simulation.dispatch import dispatch

    dispatch(Choices(**given))
