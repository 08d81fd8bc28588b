"""The books as a Beancount file: what our accounts are called there, and what the file holds.

Every entry that posted something is a transaction on its business date. At the end every account
has an assertion of its balance, without tolerance, on the day after: ``bean-check`` then adds up
all transactions and compares.

An account is called ``Root:Class:Name``. The name is what the account is of, with its first letter
made large, and otherwise unchanged where Beancount allows it:

=====================  ========================================
in our name            in Beancount's
=====================  ========================================
first letter small     the same letter large
first letter large     ``X--`` and the letter
``.``                  ``--d``
``_``                  ``--u``
``:``                  ``--c``
``-`` before or after  ``--h``
no letter or digit
=====================  ========================================

So no two accounts get one name, and :func:`own_name` finds the way back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import groupby
from typing import BinaryIO

from cli.books.source import Account, Books, title
from ledger.chart import CLASSES, OTHERS, class_of
from ledger.currencies import decimal
from ledger.posted import BooksHead, PostedEntry

_ROOTS = {"asset": "Assets", "liability": "Liabilities", "income": "Income"}
_OTHERS = "Equity:Others"
_ESCAPES = {
    ".": "--d",
    "_": "--u",
    ":": "--c",
    "-": "--h",
    "|": "--p",
    "*": "--s",
    "@": "--a",
}
_SIGNS = {escape: sign for sign, escape in _ESCAPES.items()}
_ODD = re.compile(r"[._:|*@]|(?<![A-Za-z0-9])-|-(?![A-Za-z0-9])")
_ESCAPED = re.compile(r"--[a-z]")
_LARGE = "X--"


def write(books: Books, file: BinaryIO) -> Iterator[PostedEntry]:
    """Write the books to ``file`` and yield each entry that is written."""
    file.write(_head(books.head).encode())
    for account, group in groupby(books.accounts(), lambda each: each.account):
        currencies = ",".join(each.currency for each in group)
        file.write(_open(books.head.founded, account, currencies).encode())
    for entry in books.entries():
        file.write(_transaction(entry).encode())
        yield entry
    day_after = date.fromisoformat(books.head.as_of.date) + timedelta(days=1)
    file.write(b"\n")
    for each in books.accounts():
        file.write(_assertion(day_after.isoformat(), each).encode())


def their_name(account: str) -> str:
    """Return what one of our accounts is called in Beancount."""
    if account == OTHERS:
        return _OTHERS
    kind, (name, _, of) = class_of(account), account.partition(":")
    parts = [_ROOTS[kind.side], "-".join(word.capitalize() for word in name.split("_"))]
    return ":".join(parts + ([_escaped(of)] if of else []))


def own_name(account: str) -> str:
    """Return which of our accounts has this name in Beancount.

    Raises:
        KeyError: none has.
    """
    if account == _OTHERS:
        return OTHERS
    _, name, *of = account.split(":")
    kind = CLASSES[name.lower().replace("-", "_")]
    return ":".join([kind.name, *map(_unescaped, of)])


def _escaped(text: str) -> str:
    tail = _ODD.sub(lambda odd: _ESCAPES[odd[0]], text)
    is_kept = text[0].isupper() or tail[0] == "-"
    return f"{_LARGE}{tail}" if is_kept else tail[0].upper() + tail[1:]


def _unescaped(text: str) -> str:
    rest = text.removeprefix(_LARGE)
    is_kept = rest != text and (rest[:1].isupper() or rest[:1] == "-")
    own = rest if is_kept else text[0].lower() + text[1:]
    return _ESCAPED.sub(lambda escape: _SIGNS[escape[0]], own)


def _head(head: BooksHead) -> str:
    return (
        f"; {title(head)}\n"
        f"; ledger {head.ledger}, {head.as_of.size} entries\n"
        f"; business dates; debit positive; made by tongzhang export books\n"
        f'option "title" {_quoted(title(head))}\n\n'
    )


def _open(day: str, account: str, currencies: str) -> str:
    zh = CLASSES[class_of(account).name].zh if account != OTHERS else "其他方"
    return (
        f"{day} open {their_name(account)} {currencies}\n"
        f"  account: {_quoted(account)}\n"
        f"  name: {_quoted(zh)}\n"
    )


def _transaction(entry: PostedEntry) -> str:
    lines = [
        "",
        f"{entry.date} * {_quoted(entry.party)} {_quoted(f'{entry.type} {entry.id}')}",
        f"  entry: {entry.index}",
        f"  height: {entry.height}",
        f"  party: {_quoted(entry.party)}",
        f"  type: {_quoted(entry.type)}",
        f"  id: {_quoted(entry.id)}",
        f"  subject: {_quoted(entry.subject)}",
    ]
    for each in entry.postings:
        amount = decimal(each.amount, each.currency)
        lines.append(f"  {their_name(each.account)}  {amount} {each.currency}")
    return "\n".join(lines) + "\n"


def _assertion(day: str, each: Account) -> str:
    amount = decimal(each.balance, each.currency)
    return f"{day} balance {their_name(each.account)}  {amount} ~ 0 {each.currency}\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
