"""``tongzhang version``: the versions of the program, of its formats, and of Python."""

from __future__ import annotations

from cli.options import Json
from cli.output import say, say_json


def version(json: Json = False) -> None:
    """Show the versions of the program and of what it reads.

    Ledgers, homes and databases have a format number; this program reads one of them.

    \b
    Examples:
      tongzhang version
      tongzhang version --json
    """
    from importlib import metadata
    from platform import python_version

    from ledger.genesis import FORMAT

    try:
        ours = metadata.version("tongzhang")
    except metadata.PackageNotFoundError:
        ours = "unknown"
    if json:
        say_json({"version": ours, "format": FORMAT, "python": python_version()})
        return
    say(f"tongzhang {ours}")
    say(f"format {FORMAT}")
    say(f"Python {python_version()}")
