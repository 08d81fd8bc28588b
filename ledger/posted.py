"""The stream of books: a head, the entries that posted something, and an end.

Each is one line of JSON. The head pins the place in the log up to which the books are told, so
that a log that grows meanwhile changes nothing. A stream without an end is not whole.
"""

from __future__ import annotations

import msgspec


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A place in the log: the end of a block.

    ``size`` counts the entries up to there, ``time`` is the block's in ms since the epoch, ``date``
    its business date. Height 0 is the founding.
    """

    height: int
    size: int
    time: int
    date: str


class PostedLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a balanced posting: minor units, debit positive."""

    account: str
    currency: str
    amount: int


class PostedEntry(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="entry"):
    """An entry of the log and what it posted. ``date`` is the business date of its block."""

    index: int
    height: int
    time: int
    date: str
    party: str
    id: str
    type: str
    subject: str
    postings: list[PostedLine]


class BooksHead(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="head"):
    """Whose books follow, and as of which place. ``party`` is empty for the common books."""

    origin: str
    ledger: str
    founded: str
    party: str
    as_of: Place


class BooksEnd(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="end"):
    """The last line: how many entries and lines of postings came."""

    entries: int
    postings: int


BooksLine = BooksHead | PostedEntry | BooksEnd
