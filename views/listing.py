"""Listings: what a list is of, how it is narrowed and ordered, and which columns people see.

From a listing come its HTTP route with its description, CSV and ``Link`` header (``api/listings``),
its command with options and table (``cli/listings``), and its page. A plain one says no more than
row, view and filters: it walks the longest of the row's indexes whose columns are all given, in the
order of the key, and looks at each row for what else is wanted. One that combines says how its rows
are found and shown, as functions of what is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from inspect import cleandoc
from itertools import takewhile
from keyword import iskeyword
from typing import Any, Literal, NamedTuple, get_type_hints

import msgspec

from ledger import forms
from ledger.genesis import Genesis
from ledger.limits import SAFE_INTEGER_MAX
from ledger.state import Row, Walk
from views.labels import Label
from views.reader import Reader, walked
from views.standing import as_shown
from views.texts import gettext
from views.view import ViewStruct, views_of

PAGE_MAX = 1000
SCANNED_MAX = 10 * PAGE_MAX
"""Rows that are looked at for one page: it is short rather than slow."""

Kind = Literal[
    "choice", "id", "party", "payment", "receiver", "payout", "loan", "expectation-kind",
    "currency", "day", "business-date", "height", "month", "as-of", "amount", "positive",
    "displayed", "age", "flag", "text",
]  # fmt: skip
"""What a filter is given as. A party, payment, receiver, payout, loan, block and kind has to exist.
A ``business-date`` is today's and ``as-of`` (a time in ms) is the present if it is left out."""


class Form(NamedTuple):
    """The form in which a filter of a kind is given.

    Args:
        metavar: What stands for it in the help of a command; of a choice, its name.
        bounds: What may be given, in pydantic's words.
        over_http: How it is written over HTTP, after the sentence that says what it does.
        typed: How it is typed on the command line.
        value: What its value is over HTTP, in Python; a choice is of its words.
    """

    metavar: str = ""
    bounds: Mapping[str, Any] = {}
    over_http: str = ""
    typed: str = ""
    value: type = str


def _number(metavar: str, over_http: str, typed: str, least: int = 0) -> Form:
    return Form(metavar, {"ge": least, "le": SAFE_INTEGER_MAX}, over_http, typed, int)


_ID = Form("ID", {"pattern": forms.IDENTIFIER})
_NAME = {"max_length": 32}
_SHOWN = (
    ", as it is displayed, `1,234.50`: in each currency by its own decimals, or in one, `1,000 JPY`"
)
FORMS: Mapping[Kind, Form] = {
    "choice": Form(),
    "flag": Form(over_http="; `false`: only the others", value=bool),
    "id": _ID,
    "payment": _ID,
    "payout": _ID,
    "receiver": _ID,
    "loan": _ID,
    "party": Form("PARTY", _NAME),
    "expectation-kind": Form("KIND", _NAME),
    "currency": Form("CODE", {"pattern": forms.CURRENCY}),
    "day": Form("DATE", {"pattern": forms.DAY}),
    "business-date": Form(
        "DATE",
        {"pattern": forms.DAY},
        "; today's business date if left out",
        ": `today` for today's business date",
    ),
    "month": Form("YYYY-MM", {"pattern": forms.MONTH}, ", as `YYYY-MM`"),
    "height": _number("HEIGHT", "", ""),
    "as-of": _number("MS", ", in ms; the present if left out", ": in ms since the epoch"),
    "age": _number("AGE", ", in ms", ": 90m, 12h, 3d"),
    "amount": _number("N", ", in minor units", ": in minor units"),
    "positive": _number("N", ", in minor units", ": in minor units", least=1),
    "displayed": Form("AMOUNT", _NAME, _SHOWN, ": as it is displayed, 1000.00 or 1,000 JPY"),
    "text": Form("TEXT", {"max_length": 128}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One way to narrow a list.

    Args:
        name: The parameter, and with ``-`` for ``_`` the option.
        kind: What it is given as.
        help: What it does, in a sentence.
        words: Those of a choice.
        judged: Whether the listing's own functions judge by it. If not, the row's column of its
            name has to be equal.
        required: Whether it has to be given.
        shown: Whether the page says which value it was judged by.
        option: The name of the command's option, if it is another; ``None`` for no option.
        default: What the command takes if the option is left out, in a word.
    """

    name: str
    kind: Kind
    help: str = ""
    words: tuple[str, ...] = ()
    judged: bool = False
    required: bool = False
    shown: bool = False
    option: str | None = ""
    default: str = ""

    @property
    def keyword(self) -> str:
        """The name of its parameter in Python, which has words of its own."""
        return f"{self.name}_" if iskeyword(self.name) else self.name

    @property
    def does(self) -> str:
        """What it does, as a sentence without its full stop."""
        return (self.help or f"Only in this {self.name}.").removesuffix(".")


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is not simply a field.

    Args:
        label: Its head.
        fields: The first of them that is there is shown.
        text: Makes the text of an item as JSON has it, instead.
        absent: What stands there if none of the fields is.
    """

    label: Label
    fields: tuple[str, ...] = ()
    text: Callable[[Mapping[str, Any]], str] | None = None
    absent: Label | None = None


Shown = str | Column
"""A field's name, or a column of its own."""


class Asked(NamedTuple):
    """What is asked of a list.

    ``given`` has the filters that were given, in their types; ``after`` is the place of the last
    row already seen; ``limit`` counts items; ``kept`` is the listing's own for
    this page, and empty at first.
    """

    reader: Reader
    genesis: Genesis
    given: Mapping[str, Any]
    after: tuple[Any, ...] | None
    limit: int
    kept: dict[str, Any]


class Found(NamedTuple):
    """A page: its items, and the place after which the list goes on, or None at its end."""

    items: list[Any]
    last: tuple[Any, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Listing:
    """A list, declared.

    Args:
        name: The plural, as its command is called.
        row: Of what rows it is made.
        view: What an item shows.
        help: What it lists, in a sentence; then more, and ``Examples:``, as a command says it.
        filters: How it is narrowed.
        columns: What a table shows; those in a tuple stand one above the other if need be.
        order: The columns of a row that are its place; the key if left out.
        rows: Finds rows after ``asked.after``; by the filters, along an index, if left out.
        fits: Whether a row that was found is wanted.
        items: Shows rows of one page; as plain views if left out, and views as they are.
        scans: How many rows are looked at for one page, where that is fewer than usual.
        subject: As what disputes name an item, whose name is its first field.
        path: Its address; ``/v1/<name>`` if left out. What is in braces is a filter too.
        member: The member of a page that has the items; the name if left out.
        operation: What generated clients call it; ``list_<name>`` if left out.
        page: The name of a page's struct; made of the name if left out.
        whole: It is short, and answered whole: without ``cursor``, ``limit`` and ``next``.
        none: Said of an empty list; ``no <name>`` if left out.
        title: Its head on a page; the name if left out.
    """

    name: str
    row: type[Any]
    view: type[ViewStruct]
    help: str
    filters: tuple[Filter, ...] = ()
    columns: tuple[Shown | tuple[Shown, ...], ...] = ()
    order: tuple[str, ...] = ()
    rows: Callable[[Asked], Iterable[Any]] | None = None
    fits: Callable[[Asked, Any], bool] | None = None
    items: Callable[[Asked, Sequence[Any]], Sequence[ViewStruct]] | None = None
    scans: Callable[[Asked], int] | None = None
    subject: str = ""
    path: str = ""
    member: str = ""
    operation: str = ""
    page: str = ""
    whole: bool = False
    none: Label | None = None
    title: Label | None = None

    @property
    def heading(self) -> Label:
        """Its head on a page."""
        words = self.name.replace("-", " ").capitalize()
        return self.title or Label(words, words)

    @property
    def about(self) -> str:
        """The sentence that says what is listed."""
        return cleandoc(self.help).partition("\n\n")[0].replace("\n", " ")

    @property
    def items_name(self) -> str:
        """The member of a page that has the items."""
        return self.member or self.name.replace("-", "_")

    @property
    def nothing(self) -> Label:
        """What is said of it when it is empty."""
        return self.none or Label(f"no {self.name}", "没有记录")

    @property
    def address(self) -> str:
        """Where it is had."""
        return self.path or f"/v1/{self.name}"

    @property
    def places(self) -> tuple[str, ...]:
        """The columns of a row that are its place in the list."""
        return self.order or self.row.__struct_fields__[: self.row.KEY]

    def place_types(self) -> tuple[type, ...]:
        """Return the types of a place: those of its columns."""
        hints = get_type_hints(self.row)
        return tuple(hints[name] for name in self.places)


def after_day(day: str | None) -> str | None:
    """Return what comes after a date and before the next, the end of a walk; None for none."""
    return f"{day}~" if day else None


class BadQuestion(Exception):
    """A question that no state of the ledger could answer; the text says what to ask instead."""


def foreign_place() -> str:
    """Return what is said of a place that the list did not make."""
    return gettext(
        "query.cursor: this list did not make it; use `next` of the page before, "
        "with the same address and filters"
    )


def page_of(listing: Listing, asked: Asked) -> Found:
    """Return a page of a list. It may be short: it goes on while there is a place."""
    wanted = _equalities(listing, asked)
    rows = walked_rows(listing, asked) if listing.rows is None else listing.rows(asked)
    found: list[Any] = []
    last: tuple[Any, ...] | None = None
    most = SCANNED_MAX if listing.scans is None else listing.scans(asked)
    for count, row in enumerate(rows):
        if not listing.whole and (len(found) == asked.limit or count == most):
            break
        last = tuple(getattr(row, name) for name in listing.places)
        if _fits(listing, asked, row, wanted):
            found.append(row)
    else:
        last = None
    return Found(shown_items(listing, asked, found), last)


def shown_items(listing: Listing, asked: Asked, rows: Sequence[Any]) -> list[Any]:
    """Return rows of a list as it shows them."""
    show = listing.items
    items = views_of(listing.view, rows) if show is None else list(show(asked, rows))
    return as_shown(asked.reader, listing.subject, items) if listing.subject else items


def walk_for(listing: Listing, wanted: Mapping[str, Any]) -> Walk:
    """Return the walk of a plain list: along the longest index whose columns are all given.

    Columns of the place that are given too are not walked, but for the last.
    """
    order = listing.places
    kind: type[Row] = listing.row
    usable = [found for index in kind.INDEXES if (found := _leading(index, order, wanted))]
    fixed = {name: wanted[name] for name in max(usable, key=len, default=())}
    while len(order) > 1 and order[0] in wanted:
        fixed[order[0]] = wanted[order[0]]
        order = order[1:]
    return Walk(fixed, order)


def _leading(
    index: tuple[str, ...], order: tuple[str, ...], wanted: Mapping[str, Any]
) -> tuple[str, ...]:
    """Return the columns with which an index begins before it goes on in an order; none if not."""
    leading = tuple(takewhile(lambda name: name not in order, index))
    rest = index[len(leading) :]
    is_usable = rest == order[: len(rest)] and all(name in wanted for name in leading)
    return leading if is_usable else ()


def walked_rows(listing: Listing, asked: Asked) -> Iterator[Any]:
    """Return the rows of a list along its index, after ``asked.after``."""
    walk = walk_for(listing, _equalities(listing, asked))
    after = None if asked.after is None else asked.after[-len(walk.order) :]
    return walked(asked.reader, listing.row, walk, after, asked.limit + 1)


def _equalities(listing: Listing, asked: Asked) -> dict[str, Any]:
    names = (each.name for each in listing.filters if not each.judged)
    return {name: asked.given[name] for name in names if name in asked.given}


def _fits(listing: Listing, asked: Asked, row: Any, wanted: Mapping[str, Any]) -> bool:
    is_equal = all(getattr(row, column) == value for column, value in wanted.items())
    return is_equal and (listing.fits is None or listing.fits(asked, row))


@cache
def page_struct(listing: Listing) -> type[msgspec.Struct]:
    """Return the struct of a page: what it was judged by, the items, and ``next``."""
    one = re.sub("ies$", "y", listing.name).removesuffix("s")
    name = listing.page or "".join(word.capitalize() for word in one.split("-")) + "Page"
    fields: list[Any] = [
        (each.name, FORMS[each.kind].value) for each in listing.filters if each.shown
    ]
    fields.append((listing.items_name, list[listing.view]))  # type: ignore[name-defined]
    if not listing.whole:
        fields.append(("next", str, ""))
    made = msgspec.defstruct(
        name, fields, bases=(ViewStruct,), module=__name__, frozen=True, kw_only=True,
        omit_defaults=True,
    )  # fmt: skip
    order = ", ".join(listing.places)
    made.__doc__ = f"{listing.name.replace('-', ' ').capitalize()} by {order}."
    if not listing.whole:
        made.__doc__ += " A page may be short: go on while there is a ``next``."
    return made
