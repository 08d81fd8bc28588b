"""The books as a node tells them: a stream of entries, and pages of accounts, as of one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from cli.errors import CheckFailed
from ledger.chart import OTHERS
from ledger.posted import BooksEnd, BooksHead, BooksLine, PostedEntry

if TYPE_CHECKING:
    from cli.client import Client

PAGE = 1000

_decoder: msgspec.json.Decoder[BooksLine] = msgspec.json.Decoder(BooksLine)


class Account(msgspec.Struct, frozen=True):
    """An account's balance at the place, in minor units, debit positive."""

    account: str
    currency: str
    balance: int


class _Page(msgspec.Struct, frozen=True):
    accounts: list[Account]
    next: str | None = None


class Books:
    """One party's books, or the common ones, as of the place that ``head`` pins.

    Args:
        lines: The stream's lines.
        get_page: Returns a page of accounts for a cursor; None for the first one.

    Raises:
        CheckFailed: ``export-cut-off``, here and while reading: the stream is not whole.
    """

    def __init__(self, lines: Iterator[bytes], get_page: Callable[[str | None], Any]) -> None:
        self._lines = lines
        self._get_page = get_page
        head = self._next()
        if not isinstance(head, BooksHead):
            raise _cut_off()
        self.head = head

    def entries(self) -> Iterator[PostedEntry]:
        """Yield the entries in the order of the log; once."""
        count = postings = 0
        while isinstance(line := self._next(), PostedEntry):
            count += 1
            postings += len(line.postings)
            yield line
        if line != BooksEnd(entries=count, postings=postings):
            raise _cut_off()

    def accounts(self) -> Iterator[Account]:
        """Yield the accounts by name and currency; what balances one party's book comes last."""
        rest: dict[str, int] = {}
        cursor: str | None = None
        while True:
            page = msgspec.convert(self._get_page(cursor), _Page)
            for each in page.accounts:
                rest[each.currency] = rest.get(each.currency, 0) - each.balance
                yield each
            cursor = page.next
            if cursor is None:
                break
        if self.head.party:
            yield from (Account(OTHERS, *each) for each in sorted(rest.items()))

    def _next(self) -> BooksLine:
        try:
            return _decoder.decode(next(self._lines, b""))
        except msgspec.DecodeError:
            raise _cut_off() from None


def ask(client: Client, as_of: str | None, party: str | None) -> Books:
    """Return the books that a node tells.

    Args:
        client: The node.
        as_of: A height or a date; None for the newest block.
        party: Whose books; None for the common ones.
    """
    lines = client.stream_lines("/v1/books/postings", as_of=as_of, party=party)

    def get_page(cursor: str | None) -> Any:
        place = books.head.as_of.height
        query = {"as_of": place, "party": party, "cursor": cursor, "limit": PAGE}
        return client.get("/v1/books/accounts", **query)

    books = Books(lines, get_page)
    return books


def title(head: BooksHead) -> str:
    """Return what the books are, in one line."""
    whose = f"books of {head.party}" if head.party else "books"
    return f"{head.origin}: {whose} as of block {head.as_of.height} ({head.as_of.date})"


def _cut_off() -> CheckFailed:
    return CheckFailed(
        "export-cut-off",
        "the node's stream of books ended before its end",
        "export again; the node's own log says why it stopped",
    )
