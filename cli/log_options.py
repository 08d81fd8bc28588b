"""Options by which every command that reads a node reads an exported log instead."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from cli.options import path

NODE_OPTIONS = frozenset(("home", "url", "token"))
"""The parameters of what talks to a node."""
STATING = frozenset(("submit", "import_"))
"""Functions of commands that state records, which a log cannot take."""

Log = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--log",
        metavar="LOG",
        help="Read an exported log, verified and executed, instead of a node.",
        show_default=False,
        parser=path,
    ),
]
LogGenesis = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--genesis",
        metavar="FILE",
        help="With --log: the genesis document of its consortium.",
        show_default=False,
        parser=path,
    ),
]
Index = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--index",
        metavar="DIR",
        help="Where the log's index is kept.",
        show_default="the user's cache",
        parser=path,
    ),
]
_OPTIONS = {"log": Log, "genesis": LogGenesis, "index": Index}


def with_log(found: Any) -> Any:
    """Return a command, or a group with its commands, that takes a log instead of a node.

    What states records, and what talks to no node, is returned as it is.
    """
    if isinstance(found, typer.Typer):
        for each in found.registered_commands:
            if each.callback is not None:
                each.callback = with_log(each.callback)
        for group in found.registered_groups:
            with_log(group.typer_instance)
        return found
    return _taking(found) if _reads_a_node(found) else found


def _reads_a_node(function: Callable[..., Any]) -> bool:
    taken = signature(function).parameters.keys()
    return taken >= NODE_OPTIONS and "log" not in taken and function.__name__ not in STATING


def _taking(function: Callable[..., Any]) -> Callable[..., Any]:
    own = signature(function, eval_str=True)
    more = [
        Parameter(name, Parameter.KEYWORD_ONLY, annotation=kind, default=None)
        for name, kind in _OPTIONS.items()
    ]

    @wraps(function)
    def run(*given: Any, **asked: Any) -> Any:
        from cli.opened_log import Named, named

        named.set(Named(*(asked.pop(name) for name in _OPTIONS)))
        return function(*given, **asked)

    run.__signature__ = own.replace(parameters=[*own.parameters.values(), *more])  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in own.parameters.values()}
    run.__annotations__ |= _OPTIONS
    return run
