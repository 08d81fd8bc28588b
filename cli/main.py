"""The ``tongzhang`` command line: what comes before any command, and how each of them ends.

Exit codes: 0 done and good, 1 checked and bad, 2 called wrongly, 130 interrupted.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from contextvars import copy_context
from typing import Annotated, Any

import typer

from cli.commands import LazyGroup
from cli.errors import BAD, GOOD, USAGE, CliError, OutputFailed, UsageError
from cli.output import drop_output, expect_json, note, show_error, watch_output
from cli.signals import INTERRUPTED, end_in_order, leave_in_peace
from views import texts

LANGUAGE_VARIABLES = ("TONGZHANG_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
"""The first of these that is set says the language, as with other programs."""
_LANGUAGE = re.compile(f"({'|'.join(texts.LANGUAGES)})([-_.].*)?", re.IGNORECASE)
"""A language, alone or as the beginning of a locale."""


def _show_version(wanted: bool) -> None:
    if wanted:
        from cli.version import version

        version()
        raise typer.Exit


def _speak(wanted: str) -> str:
    if not wanted:
        return wanted
    if not _LANGUAGE.fullmatch(wanted):
        said = f"{wanted!r} is none of {', '.join(texts.LANGUAGES)}"
        raise typer.BadParameter(f"{said}: write --lang zh for Chinese (zh_CN and zh-Hans do, too)")
    texts.choose(texts.language_of(wanted))
    return wanted


Version = Annotated[
    bool,
    typer.Option(
        "--version",
        help="Print the version, the format of ledgers, and Python's version.",
        callback=_show_version,
        is_eager=True,
    ),
]
Lang = Annotated[
    str,
    typer.Option(
        "--lang",
        metavar="en|zh",
        help="The language of what is said to people.",
        show_default="the locale's",
        envvar="TONGZHANG_LANG",
        callback=_speak,
        is_eager=True,
    ),
]

app = typer.Typer(
    name="tongzhang",
    cls=LazyGroup,
    help="A permissioned multi-party ledger for split and settlement records (同账).",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback()
def tongzhang(version: Version = False, lang: Lang = "") -> None:
    """Take the options that come before any command."""


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
    """Run one command and return its exit code. Its language and style are chosen for it alone."""
    return copy_context().run(_run, arguments)


def _run(arguments: Sequence[str]) -> int:
    texts.choose(_language(os.environ))
    expect_json(_wants_json(arguments))
    try:
        command = typer.main.get_command(app)
        code = command.main(list(arguments), prog_name="tongzhang", standalone_mode=False)
        return code if isinstance(code, int) else GOOD
    except CliError as error:
        return _failed(error)
    except (KeyboardInterrupt, typer.Abort):
        note(texts.gettext("interrupted"))
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
        return _failed(known)


def _language(environment: Mapping[str, str]) -> texts.Language:
    """Return the language that the environment asks for."""
    said = (environment.get(name) for name in LANGUAGE_VARIABLES)
    return texts.language_of(next(filter(None, said), ""))


def _wants_json(arguments: Sequence[str]) -> bool:
    """Return whether ``--json`` was given, also where the rest of the line is wrong."""
    words = list(arguments)
    return "--json" in words[: words.index("--") if "--" in words else None]


def _failed(error: CliError) -> int:
    """Show an error, and return the exit code that says it."""
    if isinstance(error, OutputFailed):
        drop_output()
    try:
        show_error(error)
    except OutputFailed as failed:  # the problem document did not get out
        drop_output()
        show_error(failed)
    except BrokenPipeError:
        drop_output()
    return error.exit_code


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
