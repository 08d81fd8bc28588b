"""Balances of the books, by the beginning of their accounts' names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from ledger.books import Balance
from ledger.state import Walk
from views.labels import Currency, Label
from views.listing import Asked, Filter, Listing
from views.reader import walked
from views.view import ViewStruct


class BalanceView(ViewStruct, frozen=True, kw_only=True):
    """An account's balance in minor units, debit positive."""

    account: Annotated[str, Label("account", "账户", link="account")]
    currency: Currency
    amount: Annotated[int, Label("balance", "余额", "minor")]


def _rows(asked: Asked) -> Iterator[Balance]:
    prefix = asked.given.get("prefix", "")
    after = asked.after or (prefix, "")
    for row in walked(asked.reader, Balance, Walk({}, ("account", "currency")), after):
        if not row.account.startswith(prefix):
            return
        yield row


BALANCES = Listing(
    name="balances",
    title=Label("Balances", "余额"),
    row=Balance,
    view=BalanceView,
    help="List the balances of accounts that begin with a prefix.",
    filters=(
        Filter(name="prefix", kind="text", judged=True, help="How the account begins: `pending:`."),
    ),
    none=Label("nothing was posted", "没有记账"),
    columns=("account", "amount"),
    rows=_rows,
)
