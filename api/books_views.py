"""Books as they are shown: accounts, trial balances, statements, the postings of an entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
from msgspec import UNSET, UnsetType

from ledger.chart import CLASSES, Side, class_of, parties_of
from ledger.genesis import Genesis
from ledger.posted import BooksEnd, BooksHead, Place, PostedEntry
from node.storage.books import AccountTotal, BookReader, ClassTotal, StatementLine

IN_BOOKS_OF_OTHERS = ("其他方", "in the books of others")
"""What balances the book of one party, in Chinese and in English."""


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account, what was ever posted to it, and the parties that are a side of it.

    ``debit`` and ``credit`` are the sums of its debits and of its credits, both above zero;
    ``balance`` is their difference, debit positive. All in minor units.
    """

    account: str
    currency: str
    kind: str
    side: Side
    parties: tuple[str, ...]
    debit: int
    credit: int
    balance: int
    postings: int


class AccountPage(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts by name and currency. Go on while there is a ``next``."""

    as_of: Place
    party: str
    accounts: list[AccountView]
    next: str | UnsetType = UNSET


class TrialLine(msgspec.Struct, frozen=True, kw_only=True):
    """The balance of a class of accounts in one currency, in its column.

    ``kind`` is the class; ``others`` is what balances one party's book.
    """

    kind: str
    zh: str
    en: str
    currency: str
    debit: int
    credit: int


class TrialTotal(msgspec.Struct, frozen=True, kw_only=True):
    """The two columns of a currency. They are equal (I6)."""

    currency: str
    debit: int
    credit: int


class TrialBalance(msgspec.Struct, frozen=True, kw_only=True):
    """A trial balance (试算平衡表) as of a place in the log. ``party`` is empty for all."""

    as_of: Place
    party: str
    lines: list[TrialLine]
    totals: list[TrialTotal]


class StatementLineView(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a statement. ``balance`` is the account's after it, debit positive."""

    entry: int
    height: int
    time: int
    date: str
    party: str
    id: str
    type: str
    subject: str
    amount: int
    balance: int


class AccountStatement(msgspec.Struct, frozen=True, kw_only=True):
    """An account's statement, or a page of it. Go on while there is a ``next``.

    ``opening`` is the balance before the first line here, ``closing`` that after the last.
    """

    as_of: Place
    account: str
    currency: str
    kind: str
    side: Side
    parties: tuple[str, ...]
    opening: int
    lines: list[StatementLineView]
    closing: int
    next: str | UnsetType = UNSET


class PostingView(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a balanced posting, and the parties that are a side of its account."""

    account: str
    currency: str
    amount: int
    parties: tuple[str, ...]


class EntryPostings(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry posted: lines that sum to zero per currency, or none."""

    entry: int
    postings: list[PostingView]


def account_view(books: BookReader, genesis: Genesis, total: AccountTotal) -> AccountView:
    """Return an account as it is shown."""
    kind = class_of(total.account)
    return AccountView(
        account=total.account,
        currency=total.currency,
        kind=kind.name,
        side=kind.side,
        parties=parties_of(total.account, genesis, books.owner_of),
        debit=total.debit,
        credit=total.credit,
        balance=total.balance,
        postings=total.postings,
    )


def trial_balance(place: Place, party: str, totals: list[ClassTotal]) -> TrialBalance:
    """Return the trial balance that sums of classes make."""
    lines = [_trial_line(total) for total in totals]
    return TrialBalance(
        as_of=place,
        party=party,
        lines=lines,
        totals=[
            TrialTotal(
                currency=currency,
                debit=sum(line.debit for line in lines if line.currency == currency),
                credit=sum(line.credit for line in lines if line.currency == currency),
            )
            for currency in sorted({line.currency for line in lines})
        ],
    )


def statement_page(
    place: Place,
    account: tuple[str, str],
    lines: Sequence[StatementLine],
    *,
    opening: int,
    parties: tuple[str, ...],
) -> AccountStatement:
    """Return a page of a statement.

    Args:
        place: As of when.
        account: Account and currency.
        lines: The lines of this page.
        opening: The balance where the statement begins, for one without lines.
        parties: Who is a side of the account.
    """
    kind = class_of(account[0])
    if lines:
        opening = lines[0].balance - lines[0].amount
    return AccountStatement(
        as_of=place,
        account=account[0],
        currency=account[1],
        kind=kind.name,
        side=kind.side,
        parties=parties,
        opening=opening,
        lines=[_statement_line(line) for line in lines],
        closing=lines[-1].balance if lines else opening,
    )


def entry_postings(books: BookReader, genesis: Genesis, index: int) -> EntryPostings:
    """Return what the entry at ``index`` posted."""
    found = books.entries(index, index + 1)
    lines = found[0].postings if found else []
    views = [
        PostingView(
            account=line.account,
            currency=line.currency,
            amount=line.amount,
            parties=parties_of(line.account, genesis, books.owner_of),
        )
        for line in lines
    ]
    return EntryPostings(entry=index, postings=views)


def books_stream(head: BooksHead, pages: Iterable[Sequence[PostedEntry]]) -> Iterator[bytes]:
    """Yield a stream of books in parts of whole lines of JSON: head, entries, end."""
    encode: Callable[[Sequence[object]], bytes] = msgspec.json.Encoder().encode_lines
    yield encode([head])
    count = postings = 0
    for page in pages:
        count += len(page)
        postings += sum(len(entry.postings) for entry in page)
        yield encode(page)
    yield encode([BooksEnd(entries=count, postings=postings)])


def _trial_line(total: ClassTotal) -> TrialLine:
    kind = CLASSES.get(total.name)
    zh, en = IN_BOOKS_OF_OTHERS if kind is None else (kind.zh, kind.en)
    return TrialLine(
        kind=total.name,
        zh=zh,
        en=en,
        currency=total.currency,
        debit=max(total.balance, 0),
        credit=max(-total.balance, 0),
    )


def _statement_line(line: StatementLine) -> StatementLineView:
    entry = line.entry
    return StatementLineView(
        entry=entry.index,
        height=entry.height,
        time=entry.time,
        date=entry.date,
        party=entry.party,
        id=entry.id,
        type=entry.type,
        subject=entry.subject,
        amount=line.amount,
        balance=line.balance,
    )
