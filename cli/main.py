"""The ``tongzhang`` command: one function a command, imported only as far as it is needed.

Exit codes: 0 done and good, 1 checked and bad, 2 called wrongly, 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from cli import bench, consortium, demo, export, records, sample, submit, tokens, verify
from cli.errors import BAD, GOOD, USAGE, CliError, UsageError
from cli.output import note, show_error

INTERRUPTED = 130
_UsageProblem = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="tongzhang",
    help="A permissioned multi-party ledger for split and settlement records (同账).",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
