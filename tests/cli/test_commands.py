"""The table of commands: what it says is what they say, and help imports none of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from cli import commands
from cli.commands import COMMANDS, Command, load
from tests.cli.cli_kit import run
from tools.bytes_example import run as in_shell
from tools.bytes_example import shell_in

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("cli.client", "ledger.contracts", "httpx", "fastapi", "sqlalchemy", "cryptography", "rich")

ELSEWHERE = {
    "simulate": "cli.simulation.command",
    "bench": "cli.bench.command",
    "calendar": "cli.calendars.command",
}
"""Commands that are more than a file."""


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_the_table_says_what_the_command_says(entry: Command) -> None:
    command = load(entry)
    assert command.name == entry.name
    assert command.help.splitlines()[0] == entry.sentence


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_a_command_and_its_file_have_one_name(entry: Command) -> None:
    file = f"cli.{entry.name.replace('-', '_')}"
    own = "cli.listings" if entry.generated else file
    assert entry.loader.partition(":")[0] == ELSEWHERE.get(entry.name, own)


def test_names_are_distinct() -> None:
    assert len({entry.name for entry in COMMANDS}) == len(COMMANDS)


def imported_by(*arguments: str) -> set[str]:
    """Return what is imported when ``tongzhang`` is called so."""
    script = (
        "import sys; from cli.main import run; "
        f"run({list(arguments)!r}); "
        "print(' '.join(sys.modules), file=sys.stderr)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    return set(done.stderr.splitlines()[-1].split())


def test_help_imports_no_command() -> None:
    modules = {entry.loader.partition(":")[0] for entry in COMMANDS}
    found = imported_by("--help")
    assert "cli.commands" in found
    assert not found & {*modules, *HEAVY}


def test_a_command_imports_no_other() -> None:
    modules = {entry.loader.partition(":")[0] for entry in COMMANDS}
    assert imported_by("verify", "receipt", "--help") & modules == {"cli.verify"}
    assert imported_by("nonsense") & modules == set()


def test_help_shows_every_command_in_the_order_of_the_table(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("--help") == 0
    _, _, shown = capsys.readouterr().out.partition("Commands:\n")
    lines = [line.split(maxsplit=1) for line in shown.splitlines()]
    assert [name for name, _ in lines] == [entry.name for entry in COMMANDS]
    for (_, said), entry in zip(lines, COMMANDS, strict=True):
        assert entry.sentence.startswith(said.removesuffix("..."))


def test_a_mistyped_command_is_answered_with_what_is_near(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("recipt") == 2
    assert "No such command 'recipt'. Did you mean 'receipt'" in capsys.readouterr().err


def greeting(name: str) -> Callable[..., None]:
    """Make a command that says its name."""

    def greet() -> None:
        typer.echo(f"this is {name}")

    greet.__doc__ = f"Greet as {name}."
    return greet


def test_a_command_may_be_generated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    more = Command("hello", "Greet as hello.", f"{__name__}:greeting", generated=True)
    monkeypatch.setattr(commands, "COMMANDS", (*COMMANDS, more))
    made: Any = load(more)
    assert (made.name, made.help) == ("hello", more.sentence)
    assert run("hello") == 0
    assert capsys.readouterr().out == "this is hello\n"


# -- shell completion ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("pay", ["payment", "payout", "payouts"]),
        ("verify rec", ["receipt"]),
        ("status --j", ["--json"]),
        ("--lang zh stat", ["status"]),
    ],
)
def test_the_bash_script_completes(words: str, completed: list[str], tmp_path: Path) -> None:
    typed = ["tongzhang", *words.split()]
    script = f"""
        eval "$(_TONGZHANG_COMPLETE=source_bash tongzhang)"
        complete -p tongzhang
        COMP_WORDS=({" ".join(typed)})
        COMP_CWORD={len(typed) - 1}
        _tongzhang_completion tongzhang
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = in_shell(script, shell_in(tmp_path), tmp_path)
    assert done.stderr == ""
    registered, *found = done.stdout.splitlines()
    assert registered == "complete -o default -F _tongzhang_completion tongzhang"
    assert found == completed


def test_what_is_installed_is_what_the_shell_reads(tmp_path: Path) -> None:
    environment = shell_in(tmp_path) | {"HOME": str(tmp_path)}
    installed = in_shell("tongzhang --install-completion", environment, tmp_path)
    assert (installed.returncode, installed.stderr) == (0, "")
    asked = in_shell(". ./.bashrc; complete -p tongzhang", environment, tmp_path)
    assert asked.stdout == "complete -o default -F _tongzhang_completion tongzhang\n"


@pytest.mark.parametrize(
    ("shell", "said"), [("zsh", "#compdef tongzhang"), ("fish", "complete --command tongzhang")]
)
def test_other_shells_get_a_script_and_completions(shell: str, said: str, tmp_path: Path) -> None:
    environment = shell_in(tmp_path)
    script = in_shell(f"_TONGZHANG_COMPLETE=source_{shell} tongzhang", environment, tmp_path)
    assert script.stdout.strip().startswith(said)
    asked = {"_TYPER_COMPLETE_ARGS": "tongzhang pay", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    completed = in_shell(
        f"_TONGZHANG_COMPLETE=complete_{shell} tongzhang", environment | asked, tmp_path
    )
    assert all(name in completed.stdout for name in ("payment", "payout", "payouts"))
    assert "receipt" not in completed.stdout
