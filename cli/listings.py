"""Commands of lists: options, table, JSON and CSV, from their listings.

A list that needs no word of its own is a line in ``cli/commands.py``. A command that shows several
lists, or says more, is written out, with the parameters that :func:`takes` gives it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from inspect import Parameter, Signature, cleandoc
from typing import Annotated, Any, NamedTuple, Optional, TypeVar

import typer

from cli.client import Client, unexpected
from cli.errors import UsageError
from cli.options import Home, Json, Token, Url
from cli.output import harmless, say, say_csv, say_json, table
from cli.pages import Limit, age_ms, day, displayed, follow, month, note_more
from views import cells
from views.cells import Style
from views.listing import Filter, Kind, Listing, Shown
from views.listings import LISTINGS
from views.texts import language
from views.view import ViewStruct

LIMIT = 100

Csv = Annotated[bool, typer.Option("--csv", help="Print CSV for spreadsheets, with all fields.")]
Wide = Annotated[bool, typer.Option("--wide", help="Show all fields.")]
Minor = Annotated[
    bool, typer.Option("--minor", help="Amounts in minor units (fen), and times in ms.")
]
InUtc = Annotated[
    bool, typer.Option("--utc", help="Times in UTC, not in the zone of the calendar.")
]

F = TypeVar("F", bound=Callable[..., None])

_METAVARS: Mapping[Kind, str] = {
    "party": "PARTY",
    "day": "DATE",
    "business-date": "DATE",
    "month": "YYYY-MM",
    "displayed": "AMOUNT",
    "age": "AGE",
    "text": "TEXT",
    "count": "N",
    "amount": "N",
    "positive": "N",
    "as-of": "MS",
    "currency": "CODE",
    "expectation-kind": "KIND",
}
_FORMS: Mapping[Kind, str] = {
    "displayed": "as it is displayed, 1000.00 or 1,000 JPY",
    "age": "90m, 12h, 3d",
    "amount": "in minor units",
    "positive": "in minor units",
    "as-of": "in ms since the epoch",
    "business-date": "`today` for today's business date",
}
_READ: Mapping[Kind, Callable[[str], Any]] = {
    "day": day,
    "business-date": lambda text: None if text == "today" else day(text),
    "month": month,
    "displayed": displayed,
    "age": age_ms,
}


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


def takes(listing: Listing, *without: str, **more: Any) -> Callable[[F], F]:
    """Give a command, which is called with keywords, the parameters of a list.

    Args:
        listing: The list.
        without: Filters that are no options of it.
        more: Annotations of options beside them: those that are given as ``Optional`` are None if
            left out, the others false.
    """
    options = [each for each in listing.filters if each.option is not None]
    kept = [each for each in options if each.name not in without]
    common = [("home", Home, None), ("url", Url, ""), ("token", Token, "")]
    own = [(each.keyword, _typed(each), False if each.kind == "flag" else None) for each in kept]
    added = [(name, kind, _default(kind)) for name, kind in more.items()]
    looks = [("limit", Limit, LIMIT), ("json", Json, False), ("csv", Csv, False)]
    looks += [("wide", Wide, False), ("minor", Minor, False), ("utc", InUtc, False)]

    def give(function: F) -> F:
        every = [*common, *own, *added, *looks]
        parameters = [
            Parameter(name, Parameter.KEYWORD_ONLY, annotation=kind, default=default)
            for name, kind, default in every
        ]
        function.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        function.__annotations__ = {name: kind for name, kind, _ in every}
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
    path = listing.address.format_map(asked)
    given = {each.name: _read(each, asked.get(each.keyword)) for each in listing.filters}
    query = {name: value for name, value in given.items() if f"{{{name}}}" not in listing.address}
    if not listing.whole:
        return follow(client, path, listing.items_name, limit, **query)
    page = client.get(path, **query)
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
    if showing.csv:
        with _shown_as(listing):
            text = csv_text(listing, items)
        say_csv(text)
    elif items:
        with _shown_as(listing):
            show_table(listing, items, showing.wide)
    else:
        say(listing.nothing.text(language()))


@contextmanager
def _shown_as(listing: Listing) -> Iterator[None]:
    """Say that an answer is none of a node where it has not the form of a view."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        raise unexpected(f"an item of {listing.address} is not as a node shows it") from None


def show_table(listing: Listing, items: Sequence[dict[str, Any]], wide: bool = False) -> None:
    """Show items as a table: the columns of the list, or all fields."""
    view = listing.view
    columns = view.__struct_fields__ if wide or not listing.columns else listing.columns
    if wide:
        columns = tuple(name for name in columns if any(name in item for item in items))
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
    names: Sequence[Shown] = listing.view.__struct_fields__
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([cells.head(listing.view, name) for name in names])
    for item in items:
        writer.writerow(list(_guarded(listing, names, item)))
    return out.getvalue()


def _guarded(listing: Listing, names: Sequence[Shown], item: dict[str, Any]) -> Iterator[str]:
    for name in names:
        text = harmless(cells.cell(listing.view, name, item))
        is_number = isinstance(name, str) and isinstance(item.get(name), int)
        yield text if is_number else cells.inert(text)


def _typed(each: Filter) -> Any:
    """Return the annotation of an option."""
    name = f"--{each.option or each.name.replace('_', '-')}"
    listed = f": {', '.join(each.words)}" if each.words else ""
    form = f": {_FORMS[each.kind]}" if each.kind in _FORMS else listed
    help_ = f"{each.sentence.removesuffix('.')}{form}."
    if each.kind == "flag":
        return Annotated[bool, typer.Option(name, help=help_)]
    kind: Any = str
    if each.kind == "choice":
        words = [(word.upper().replace("-", "_"), word) for word in each.words]
        kind = StrEnum.__call__(each.name, words)
    metavar = _METAVARS.get(each.kind, each.name.upper() if each.kind == "choice" else "ID")
    default = each.default or False
    option = typer.Option(name, metavar=metavar, help=help_, show_default=default)
    return Annotated[Optional[kind], option]  # noqa: UP045


def _default(kind: Any) -> Any:
    return False if kind.__origin__ is bool else None


def _read(each: Filter, value: Any) -> Any:
    """Return what was typed as the parameter of a question; None for what was left out."""
    if value is None or value is False:
        return None
    if value is True:
        return "true"
    return _READ.get(each.kind, str)(value)
