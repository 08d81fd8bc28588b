"""The commands of ``tongzhang``: a table, from which a command is imported when it is used.

``tongzhang --help`` shows the sentences of the table and imports no command.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup


class Command(NamedTuple):
    """A command as the table has it.

    Args:
        name: What is typed.
        sentence: The first line of its help.
        loader: ``module:attribute``: a function, or a ``typer.Typer`` with commands of its own.
        generated: The attribute makes the command's function when it is called with the name.
    """

    name: str
    sentence: str
    loader: str
    generated: bool = False


COMMANDS = (
    Command("init", "Found a consortium: one home for each party.", "cli.init:init"),
    Command(
        "join",
        "Join a consortium: sign its genesis, and collect the signatures of the others.",
        "cli.join:join",
    ),
    Command("node", "Run one party's node until Ctrl-C or SIGTERM.", "cli.node:node"),
    Command(
        "demo", "Drive one business day and a funders' morning through real nodes.", "cli.demo:demo"
    ),
    Command(
        "sample",
        "Write a day's files, with planted trouble; or a portfolio's, with --loans.",
        "cli.sample:sample",
    ),
    Command("submit", "Submit records to a party's own node.", "cli.submit:submit"),
    Command(
        "payment",
        "Show where a payment's money is, who stated what, and what is still awaited.",
        "cli.payment:payment",
    ),
    Command(
        "search",
        "Find payments by order, id, loan, receiver, amount or channel's number, and capture date.",
        "cli.search:search",
    ),
    Command(
        "receiver",
        "Show a receiver, what is due to it, and its statement with running sums.",
        "cli.receiver:receiver",
    ),
    Command(
        "payout",
        "Show a payout: how far it has got, which legs it settles, and what is awaited.",
        "cli.payout:payout",
    ),
    Command(
        "payouts",
        "List payouts, or what is due to receivers and not in a payout yet.",
        "cli.payouts:payouts",
    ),
    Command("refunds", "List refunds with their state.", "cli.listings:command", generated=True),
    Command(
        "float",
        "Show the refund float (预存退款): what of it is free, and its deposits and withdrawals.",
        "cli.float:refund_float",
    ),
    Command(
        "disputes",
        "List disputes: who contests what, and what the answer was.",
        "cli.listings:command",
        generated=True,
    ),
    Command(
        "loans",
        "List loans (助贷): what was lent by whom, what is open, and how they stand.",
        "cli.listings:command",
        generated=True,
    ),
    Command(
        "repayments",
        "List repayments (还款): each attempt to collect, what came of it, how far its split is.",
        "cli.listings:command",
        generated=True,
    ),
    Command(
        "overdue",
        "List what is overdue of loans, oldest first: how much of what, since when, and whose.",
        "cli.listings:command",
        generated=True,
    ),
    Command(
        "compensations",
        "List compensations (代偿) that guarantors have stated, or those due and not stated.",
        "cli.compensations:compensations",
    ),
    Command(
        "fees",
        "Show fees by month; with --period also who shares them, and the charges.",
        "cli.fees:fees",
    ),
    Command(
        "agreements",
        "List agreements on fees and on profit sharing (分润): terms, acceptances, "
        "what replaces what.",
        "cli.agreements:agreements",
    ),
    Command("expectations", "Show who owes what, since when.", "cli.expectations:expectations"),
    Command(
        "trial-balance",
        "Show the trial balance (试算平衡表): balances by class of accounts, "
        "debits beside credits.",
        "cli.trial_balance:trial_balance",
    ),
    Command(
        "page",
        "Open a node's page in the browser, signed in with the operator's token.",
        "cli.page:page",
    ),
    Command("status", "Show where a node stands.", "cli.status:status"),
    Command(
        "members",
        "Show the parties, who of them votes now, and how many may still be down.",
        "cli.members:members",
    ),
    Command("receipt", "Write the receipt that proves a record offline.", "cli.receipt:receipt"),
    Command(
        "simulate",
        "Run a consortium on simulated clocks, network and disks.",
        "cli.simulation.command:simulate",
    ),
    Command("bench", "Measure how fast it is on this machine.", "cli.bench.command:bench"),
    Command(
        "version", "Show the versions of the program and of what it reads.", "cli.version:version"
    ),
    Command("key", "Make a party's key and its request to be founded.", "cli.key:app"),
    Command(
        "genesis", "Make the founding document of a consortium, and show it.", "cli.genesis:app"
    ),
    Command(
        "open",
        "Open an exported log like a file: verify it, execute it, show it; or compare several.",
        "cli.open:open_",
    ),
    Command(
        "verify", "Verify a receipt, a log, a checkpoint or evidence offline.", "cli.verify:app"
    ),
    Command("export", "Export what a node holds.", "cli.export:app"),
    Command(
        "evidence",
        "Show the evidence that a node holds against keys that contradict themselves.",
        "cli.evidence:app",
    ),
    Command("token", "Create, list and revoke the bearer tokens of a node.", "cli.token:app"),
    Command(
        "calendar", "Show the calendar, declare or accept a year.", "cli.calendars.command:app"
    ),
    Command(
        "report",
        "Make reports: what of a business date concerns a party, exceptions first.",
        "cli.report:app",
    ),
    Command(
        "loan",
        "Show a loan (助贷), how a repayment would be allocated, or compute a schedule.",
        "cli.loan:app",
    ),
)
"""In the order of the help."""


def load(command: Command) -> Any:
    """Return a command itself, its module imported."""
    module, _, attribute = command.loader.partition(":")
    found = getattr(import_module(module), attribute)
    if command.generated:
        found = found(command.name)
    from cli.log_options import with_log

    found = with_log(found)
    around = typer.Typer(add_completion=False, rich_markup_mode=None)
    if isinstance(found, typer.Typer):
        around.add_typer(found, name=command.name)
        groups: Any = typer.main.get_command(around)
        return groups.commands[command.name]
    around.command(command.name)(found)
    return typer.main.get_command(around)


class LazyGroup(TyperGroup):
    """A group of the commands in :data:`COMMANDS`.

    Until one is used, a command without parameters that has its name and sentence stands for it:
    that is all that help, completion and suggestions need.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for command in COMMANDS:
            self.add_command(TyperCommand(command.name, help=command.sentence))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return name, command and the arguments that are left; the command is imported."""
        name, standing, rest = super().resolve_command(ctx, args)
        command = next((command for command in COMMANDS if command.name == name), None)
        return name, standing if command is None else load(command), rest
