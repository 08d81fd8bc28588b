"""Commands of lists: options, table, JSON and CSV, from their listings.

A list that needs no word of its own is a line in ``cli/commands.py``. A command that shows several
lists, or says more, is written out, with the parameters that :func:`takes` gives it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from inspect import Parameter, Signature, cleandoc
from typing import Annotated, Any, NamedTuple, Optional, TypeVar

import typer

from cli.client import Client, unexpected
from cli.errors import UsageError
from cli.options import Csv, Home, InUtc, Json, Minor, Token, Url, Wide
from cli.output import say, say_csv, say_json, table
from cli.pages import Limit, age_ms, day, displayed, follow, month, note_more
from views import cells
from views.cells import Style
from views.listing import FORMS, Filter, Kind, Listing, Shown
from views.listings import LISTINGS
from views.texts import harmless, language
from views.view import ViewStruct

LIMIT = 100

F = TypeVar("F", bound=Callable[..., None])

_READ: Mapping[Kind, Callable[[str], Any]] = {
    "day": day,
    "business-date": lambda text: None if text == "today" else day(text),
    "month": month,
    "displayed": displayed,
    "age": age_ms,
}
"""What is typed otherwise than it is given over HTTP."""
_LEFT_OUT: Mapping[str, Any] = {"url": "", "token": "", "limit": LIMIT}
"""The values of options that are left out; of all others it is None."""


class Showing(NamedTuple):
    """How a list is shown."""

    limit: int = LIMIT
    json: bool = False
    csv: bool = False
    wide: bool = False


def command(name: str) -> Callable[..., None]:
    """Return the command of the list of that name."""
    listing = next(each for each in LISTINGS if each.name == name)

    @takes(listing)
    def run(**asked: Any) -> None:
        client, showing = opened(asked)
        show(listing, ask(client, listing, showing.limit, asked), showing)

    run.__doc__ = cleandoc(listing.help)
    return run


def takes(listing: Listing, **more: Any) -> Callable[[F], F]:
    """Give a command, which is called with keywords, the parameters of a list.

    Args:
        listing: The list.
        more: Annotations of options beside them.
    """
    kinds: dict[str, Any] = {"home": Home, "url": Url, "token": Token}
    kinds |= {each.keyword: _option(each) for each in listing.filters if each.option is not None}
    kinds |= more
    kinds |= {"limit": Limit, "json": Json, "csv": Csv, "wide": Wide, "minor": Minor, "utc": InUtc}

    def give(function: F) -> F:
        parameters = [
            Parameter(name, Parameter.KEYWORD_ONLY, annotation=kind, default=_LEFT_OUT.get(name))
            for name, kind in kinds.items()
        ]
        function.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        function.__annotations__ = kinds
        return function

    return give


def opened(asked: dict[str, Any]) -> tuple[Client, Showing]:
    """Return the node that is asked, and how what it answers is shown.

    They are taken out of ``asked``, and cells are written so from now on.

    Raises:
        UsageError: ``usage``, both JSON and CSV are wanted.
    """
    from cli.connection import connect

    client = connect(asked.pop("home"), asked.pop("url"), asked.pop("token"))
    showing = Showing(*(asked.pop(name) for name in Showing._fields))
    if showing.json and showing.csv:
        raise UsageError("usage", "--json and --csv are two forms: leave one of them out")
    minor, utc = asked.pop("minor"), asked.pop("utc")
    in_zone(client, utc, minor=minor, grouped=not showing.csv)
    return client, showing


def in_zone(client: Client, utc: bool, *, minor: bool = False, grouped: bool = True) -> None:
    """Have cells written with times in UTC, or else in the zone of the consortium's calendar."""
    zone = (lambda: 0) if utc else client.offset_minutes
    cells.choose(Style(offset_minutes=zone, minor=minor, grouped=grouped))


def ask(client: Client, listing: Listing, limit: int, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return a list's document with up to ``limit`` items, as :func:`cli.pages.follow` does.

    Args:
        client: The node.
        listing: The list.
        limit: How many items at most.
        asked: Options by the names of filters; what is no filter of the list is left out.
    """
    query = {each.name: _read(each, asked.get(each.keyword)) for each in listing.filters}
    if not listing.whole:
        return follow(client, listing.address, listing.items_name, limit, **query)
    page = client.get(listing.address, **query)
    items = page[listing.items_name]
    return {**page, listing.items_name: items[:limit], "more": len(items) > limit}


def show(listing: Listing, page: dict[str, Any], showing: Showing) -> None:
    """Show a list as it is wanted, and that there is more of it if so."""
    if showing.json:
        say_json(page)
    else:
        show_items(listing, page[listing.items_name], showing)
    note_more(page, showing.limit)


def show_items(listing: Listing, items: Sequence[dict[str, Any]], showing: Showing) -> None:
    """Show items as CSV, or as a table; of none, that there are none."""
    if not (items or showing.csv):
        say(listing.nothing.text(language()))
        return
    try:
        if not showing.csv:
            show_table(listing, items, showing.wide)
            return
        text = csv_text(listing, items)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        raise unexpected(f"an item of {listing.address} is not as a node shows it") from None
    say_csv(text)


def show_table(listing: Listing, items: Sequence[dict[str, Any]], wide: bool = False) -> None:
    """Show items as a table: the columns of the list, or all fields."""
    view = listing.view
    columns = listing.columns
    if wide or not columns:
        columns = tuple(
            name for name in view.__struct_fields__ if any(name in item for item in items)
        )
    show_rows(view, columns, items)


def show_rows(
    view: type[ViewStruct],
    columns: Sequence[Shown | tuple[Shown, ...]],
    items: Sequence[dict[str, Any]],
) -> None:
    """Show items of a view as a table of some columns."""
    stacks = [each if isinstance(each, tuple) else (each,) for each in columns]
    table(
        [tuple(cells.head(view, each) for each in stack) for stack in stacks],
        [
            [tuple(cells.cell(view, each, item) for each in stack) for stack in stacks]
            for item in items
        ],
        right=[at for at, stack in enumerate(stacks) if cells.is_figure(view, stack[0])],
    )


def csv_text(listing: Listing, items: Sequence[dict[str, Any]]) -> str:
    """Return items as CSV (RFC 4180) with all fields, amounts as people write them.

    A text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    view = listing.view
    names = view.__struct_fields__
    rows = [[_csv_cell(listing, name, item) for name in names] for item in items]
    return cells.as_csv([[cells.head(view, name) for name in names], *rows])


def _csv_cell(listing: Listing, name: str, item: dict[str, Any]) -> str:
    text = harmless(cells.cell(listing.view, name, item))
    return text if isinstance(item.get(name), int) else cells.inert(text)


def _option(each: Filter) -> Any:
    """Return the annotation of an option."""
    name = f"--{each.option or each.name.replace('_', '-')}"
    listed = f": {', '.join(each.words)}" if each.words else ""
    about = f"{each.does}{FORMS[each.kind].typed or listed}."
    if each.kind == "flag":
        return Annotated[bool, typer.Option(name, help=about)]
    kind: Any = str
    if each.kind == "choice":
        kind = StrEnum.__call__(each.name, [(word, word) for word in each.words])
    metavar = FORMS[each.kind].metavar or each.name.upper()
    option = typer.Option(name, metavar=metavar, help=about, show_default=each.default or False)
    return Annotated[Optional[kind], option]  # noqa: UP045


def _read(each: Filter, value: Any) -> Any:
    """Return what was typed as the parameter of a question; None for what was left out."""
    if isinstance(value, str):
        return _READ.get(each.kind, str)(value)
    return value or None
