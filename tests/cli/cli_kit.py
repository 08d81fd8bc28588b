"""The command line to test with: run in this process, and homes founded by it."""

from __future__ import annotations

from pathlib import Path

from cli import main


def run(*arguments: object) -> int:
    """Return the exit code of ``tongzhang`` with these arguments."""
    return main.run([str(argument) for argument in arguments])


def founded(folder: Path) -> Path:
    """Found a consortium of two parties in ``folder``, and return it."""
    assert run("init", folder, "--parties", "platform,institution", "--base-port", "1") == 0
    return folder
