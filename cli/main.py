"""The ``tongzhang`` command: one function a command, imported only as far as it is needed.

Exit codes: 0 done and good, 1 checked and bad, 2 called wrongly, 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from cli import (
    agreements,
    consortium,
    disputes,
    evidence,
    expectations,
    export,
    fees,
    genesis,
    join,
    key,
    members,
    payment,
    payout,
    payouts,
    records,
    refunds,
    sample,
    search,
    submit,
    tokens,
    trial_balance,
    verify,
)
from cli.bench.command import bench
from cli.calendars import command as calendars
from cli.demo import demo
from cli.errors import BAD, GOOD, USAGE, CliError, OutputFailed, UsageError
from cli.output import drop_output, note, say, show_error, watch_output
from cli.signals import INTERRUPTED, end_in_order, leave_in_peace
from cli.simulation.command import simulate


def _show_version(wanted: bool) -> None:
    if not wanted:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        say(f"tongzhang {version('tongzhang')}")
    except PackageNotFoundError:
        say("tongzhang unknown")
    raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True),
]

app = typer.Typer(
    name="tongzhang",
    help="A permissioned multi-party ledger for split and settlement records (同账).",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback()
def tongzhang(version: Version = False) -> None:
    """Take the options that come before any command."""


app.command("init")(consortium.init)
app.add_typer(key.app, name="key")
app.add_typer(genesis.app, name="genesis")
app.command("join")(join.join)
app.command("node")(consortium.node)
app.command("demo")(demo)
app.command("sample")(sample.sample)
app.command("submit")(submit.submit)
app.command("payment")(payment.payment)
app.command("search")(search.search)
app.command("receiver")(payouts.receiver)
app.command("payout")(payout.payout)
app.command("payouts")(payouts.payouts)
app.command("refunds")(refunds.refunds)
app.command("float")(refunds.refund_float)
app.command("disputes")(disputes.disputes)
app.command("fees")(fees.fees)
app.command("agreements")(agreements.agreements)
app.command("expectations")(expectations.expectations)
app.command("trial-balance")(trial_balance.trial_balance)
app.command("status")(records.status)
app.command("members")(members.members)
app.command("receipt")(records.receipt)
app.add_typer(verify.app, name="verify")
app.add_typer(export.app, name="export")
app.add_typer(evidence.app, name="evidence")
app.add_typer(tokens.app, name="token")
app.add_typer(calendars.app, name="calendar")
app.command("simulate")(simulate)
app.command("bench")(bench)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit. SIGTERM and SIGHUP end it as Ctrl-C does.

    Args:
        arguments: The arguments, without the program's name; those of the process if left out.
    """
    watch_output()
    end_in_order()
    try:
        code = run(sys.argv[1:] if arguments is None else list(arguments))
        leave_in_peace()
    except KeyboardInterrupt:  # another one, within what is done about the first
        leave_in_peace()
        code = INTERRUPTED
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    command = typer.main.get_command(app)
    try:
        code = command.main(list(arguments), prog_name="tongzhang", standalone_mode=False)
        return code if isinstance(code, int) else GOOD
    except CliError as error:
        if isinstance(error, OutputFailed):
            drop_output()
        show_error(error)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        note("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output went away, as head does: no word of it
        drop_output()
        return BAD
    except Exception as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # click's, vendored or not
            shown: Any = error
            note(shown.format_message())
            return USAGE
        known = _known(error)
        if known is None:
            raise
        show_error(known)
        return known.exit_code


def _known(error: Exception) -> CliError | None:
    """Return the error that says what an error of the layers below means here."""
    from ledger.errors import GenesisError, LedgerError
    from node.errors import HomeError, NodeError, TokenError

    if isinstance(error, typer.BadParameter.__mro__[1]):  # click's UsageError, vendored or not
        usage: Any = error
        path = usage.ctx.command_path if usage.ctx else "tongzhang"
        said = usage.format_message().replace(": Value error, ", ": ")
        return UsageError("usage", said, f"{path} --help")
    if isinstance(error, GenesisError | TokenError):
        return UsageError(error.code, error.message)
    called_wrongly = ("not-a-home", "home-not-empty", "bad-port", "already-joined", "not-requested")
    if isinstance(error, HomeError) and error.code in called_wrongly:
        return UsageError(error.code, error.message)
    if isinstance(error, LedgerError | NodeError):
        return CliError(error.code, error.message)
    return None
