"""``docs/cli.md``, from the commands' help: ``python -m tools.cli_reference > docs/cli.md``."""

from __future__ import annotations

import inspect
import re
from typing import Any

import typer

from cli.main import app

_HEAD = """# Command line

Every command has `--help`. Exit codes: 0 done and good, 1 checked and bad, 2 called wrongly,
130 interrupted. Results go to standard output, remarks and errors to standard error; an error is
one line, `error: code: message`, and the next step where there is one.

Which node a command talks to is said by `--home HOME` (or the environment variable
`TONGZHANG_HOME`), or by `--url` with `--token`.
"""


def render() -> str:
    """Return the reference of all commands as Markdown."""
    root: Any = typer.main.get_command(app)
    parts = [_HEAD]
    for path, command in leaves("tongzhang", root):
        parts.append(_section(path, command))
    return "\n".join(parts)


def leaves(path: str, command: Any) -> list[tuple[str, Any]]:
    """Return every command under a group, each with the words by which it is called."""
    children = getattr(command, "commands", None)
    if not children:
        return [(path, command)]
    return [leaf for name in children for leaf in leaves(f"{path} {name}", children[name])]


def _section(path: str, command: Any) -> str:
    prose, examples = _split(inspect.cleandoc(command.callback.__doc__ or ""))
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
    usage = " ".join([path, *(p.metavar or p.name.upper() for p in arguments)])
    lines = [f"## {path}", "", prose, "", "```", f"{usage} [options]", "```", ""]
    if arguments or options:
        lines += ["| | |", "|---|---|"]
        lines += [f"| `{p.metavar or p.name.upper()}` | {p.help} |" for p in arguments]
        lines += [f"| {_names(p)} | {_text(p)} |" for p in options]
        lines.append("")
    if examples:
        lines += ["```", examples, "```", ""]
    return "\n".join(lines)


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
