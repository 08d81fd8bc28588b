"""Finding by a name alone: whatever it names, of any kind, is a candidate.

First what is called exactly so: an entry or block by its number, things by their ids, records by
their authors' ids, payments by their order or a channel's number, accounts. If nothing is, what
begins so. Each is asked for by a key or along an index, and bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Annotated

from ledger.books import Balance
from ledger.contracts.halves import Capture, Instruction
from ledger.genesis import Genesis
from ledger.limits import SAFE_INTEGER_MAX
from ledger.records import Recorded
from ledger.state import Row, Walk
from views.channels import subjects_numbered
from views.labels import Label
from views.reader import Reader
from views.subjects import KINDS, is_known
from views.view import ViewStruct

CANDIDATES_MAX = 40
_PER_KIND = 8
_HALVES: tuple[type[Row], ...] = (Capture, Instruction)
"""Either of them makes a payment known, and its order."""
_AFTER_ALL = "~"
"""A sign after all those of identifiers."""


class Candidate(ViewStruct, frozen=True, kw_only=True):
    """Something that may be meant. ``kind`` is that of a subject, or ``entry``, ``block``,
    ``order`` or ``account``; ``by`` says by what it was found if not by its name."""

    kind: Annotated[str, Label("kind", "种类")]
    name: Annotated[str, Label("name", "名称")]
    by: Annotated[str, Label("found by", "匹配项")] = ""


class FindView(ViewStruct, frozen=True, kw_only=True):
    """What a text may mean. ``exact`` says whether the candidates are called exactly so."""

    query: Annotated[str, Label("query", "查询")]
    exact: Annotated[bool, Label("exact", "完全匹配")]
    candidates: list[Candidate]


def find_view(reader: Reader, genesis: Genesis, text: str) -> FindView:
    """Return what a text may mean."""
    query = text.strip()
    exact = list(dict.fromkeys(_exactly(reader, genesis, query))) if query else []
    found = exact or (list(islice(_beginning(reader, query), CANDIDATES_MAX)) if query else [])
    return FindView(query=query, exact=bool(exact), candidates=found)


def _exactly(reader: Reader, genesis: Genesis, query: str) -> Iterator[Candidate]:
    yield from _numbered(reader, query)
    kind, _, name = query.partition(":")
    if is_known(reader, kind, name):
        yield Candidate(kind=kind, name=name)
    for each in KINDS:
        if is_known(reader, each, query):
            yield Candidate(kind=each, name=query)
    yield from _of_order(reader, query)
    for kind in ("payment", "refund"):
        for name in subjects_numbered(reader, query, kind)[:_PER_KIND]:
            yield Candidate(kind=kind, name=name, by="channel-number")
    if reader.along(Balance, Walk({"account": query}, ("currency",)), limit=1):
        yield Candidate(kind="account", name=query)
    recorded = reader.rows_under(Recorded, [(party, query) for party in genesis.names])
    for row in recorded.values():
        yield Candidate(kind="entry", name=str(row.entry), by=f"{row.party} {row.id}")


def _numbered(reader: Reader, query: str) -> Iterator[Candidate]:
    digits = query.removeprefix("#").replace(",", "")
    number = int(digits) if digits.isascii() and digits.isdigit() else SAFE_INTEGER_MAX
    if number >= SAFE_INTEGER_MAX:
        return
    if any(each.index == number for each in reader.entries(number, 1)):
        yield Candidate(kind="entry", name=str(number))
    if 0 < number <= reader.height() and not query.startswith("#"):
        yield Candidate(kind="block", name=str(number))


def _of_order(reader: Reader, query: str) -> Iterator[Candidate]:
    walk = Walk({"order": query}, ("payment",))
    names = _names(reader, _HALVES, walk, "payment")
    if len(names) > 1:
        yield Candidate(kind="order", name=query)
    elif names:
        yield Candidate(kind="payment", name=names[0], by="order")


def _beginning(reader: Reader, query: str) -> Iterator[Candidate]:
    until = query + _AFTER_ALL
    for kind, rows in KINDS.items():
        key = rows[0].__struct_fields__[0]
        for name in _names(reader, rows, Walk({}, (key,), query, until), key):
            yield Candidate(kind=kind, name=name)
    walk = Walk({}, ("order", "payment"), query, until)
    for name in _names(reader, _HALVES, walk, "order"):
        yield Candidate(kind="order", name=name)


def _names(reader: Reader, rows: tuple[type[Row], ...], walk: Walk, column: str) -> list[str]:
    """Return the first names in a column of rows on a walk."""
    found = (each for row in rows for each in reader.along(row, walk, limit=_PER_KIND))
    return sorted({getattr(each, column) for each in found})[:_PER_KIND]
