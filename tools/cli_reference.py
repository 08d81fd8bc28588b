"""``docs/cli.md``, from the commands' help: ``python -m tools.cli_reference > docs/cli.md``."""

from __future__ import annotations

import inspect
import re
from typing import Any

import typer

from cli.commands import COMMANDS, load
from cli.main import app

_HEAD = """# Command line

Every command has `--help`. Exit codes: 0 done and good, 1 checked and bad, 2 called wrongly,
130 interrupted. Results go to standard output, remarks and errors to standard error; an error is
one line, `error: code: message`, and the next step where there is one. With `--json` it is a
problem document on standard output, too ([errors.md](errors.md#on-the-command-line)).

Which node a command talks to is said by `--home HOME` (or the environment variable
`TONGZHANG_HOME`), or by `--url` with `--token`. What reads a node reads an exported log with
`--log` and `--genesis` instead ([open.md](open.md)).

Commands and options are completed by bash, zsh and fish: `tongzhang --install-completion` writes
what the shell needs to its start-up files, `tongzhang --show-completion` shows it. Where the shell
is not recognised: `eval "$(_TONGZHANG_COMPLETE=source_bash tongzhang)"`, or `source_zsh`.

The language of what is said to people is that of `--lang`, of the variable `TONGZHANG_LANG`, or of
the locale (`LC_ALL`, `LC_MESSAGES`, `LANG`). Texts that are not translated stay English; codes,
JSON and CSV are the same in every language.

These options come before the command:

"""


def render() -> str:
    """Return the reference of all commands as Markdown."""
    root = whole()
    sections = (_section(path, command) for path, command in leaves("tongzhang", root))
    return "\n".join((_HEAD + "\n".join(_table(root)), *sections))


def whole() -> Any:
    """Return the command line with all its commands imported."""
    root: Any = typer.main.get_command(app)
    root.commands = {entry.name: load(entry) for entry in COMMANDS}
    return root


def leaves(path: str, command: Any) -> list[tuple[str, Any]]:
    """Return every command under a group, each with the words by which it is called."""
    children = getattr(command, "commands", None)
    if not children:
        return [(path, command)]
    return [leaf for name in children for leaf in leaves(f"{path} {name}", children[name])]


def _section(path: str, command: Any) -> str:
    prose, examples = _split(inspect.cleandoc(command.callback.__doc__ or ""))
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    usage = " ".join([path, *(p.metavar or p.name.upper() for p in arguments)])
    lines = [f"## {path}", "", prose, "", "```", f"{usage} [options]", "```", ""]
    lines += _table(command)
    if examples:
        lines += ["```", examples, "```", ""]
    return "\n".join(lines)


def _table(command: Any) -> list[str]:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
    if not arguments and not options:
        return []
    return [
        "| | |",
        "|---|---|",
        *(f"| `{p.metavar or p.name.upper()}` | {p.help} |" for p in arguments),
        *(f"| {_names(p)} | {_text(p)} |" for p in options),
        "",
    ]


def _split(text: str) -> tuple[str, str]:
    prose, _, examples = text.partition("\b\nExamples:\n")
    return prose.strip(), inspect.cleandoc(examples)


def _names(option: Any) -> str:
    return ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))


def _text(option: Any) -> str:
    text = re.sub(r"\s+", " ", option.help or "")
    shown = option.show_default
    if isinstance(shown, str):
        return f"{text} Default: {shown}."
    if shown is False or option.is_flag or option.default in (None, ""):
        return text
    return f"{text} Default: `{option.default}`."


if __name__ == "__main__":
    print(render(), end="")
