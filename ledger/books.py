"""Double-entry books: balanced postings and the balances they make.

Debits are positive, credits negative. An asset's balance is never below zero, a liability's never
above. Accounts are named by class and owner, such as ``pending:shop-7``; currencies never mix.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from ledger.errors import Refused
from ledger.limits import SAFE_INTEGER_MAX
from ledger.state import Row, Transaction

RESERVE = "reserve"

ASSETS = (
    "reserve",
    "fee_due",
    "principal",
    "interest_due",
    "fees_due",
    "claim",
)
LIABILITIES = (
    "suspense",
    "pending",
    "in_transit",
    "paid",
    "refund_float",
    "refund_due",
    "fee_income",
)
_SIDES = {**dict.fromkeys(ASSETS, 1), **dict.fromkeys(LIABILITIES, -1)}
_MAY_BE_DEBIT = ("reserve", *(f"{name}:" for name in ASSETS if name != "reserve"))
_MAY_BE_CREDIT = tuple(f"{name}:" for name in LIABILITIES)

EXPONENTS = {
    "BHD": 3,
    "CLP": 0,
    "ISK": 0,
    "JOD": 3,
    "JPY": 0,
    "KRW": 0,
    "KWD": 3,
    "OMR": 3,
    "TND": 3,
    "UGX": 0,
    "VND": 0,
    "XAF": 0,
    "XOF": 0,
}
"""Decimals of the currencies that do not have two. Source: ISO 4217 list one."""


class Posting(Row, frozen=True):
    """One line of a balanced posting. ``amount`` is in minor units, debit positive."""

    TABLE: ClassVar[str] = "postings"
    KEY: ClassVar[int] = 2
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (("account", "currency", "entry"),)

    entry: int
    line: int
    account: str
    currency: str
    amount: int


class Balance(Row, frozen=True):
    """The sum of an account's postings in one currency. There is no row for zero."""

    TABLE: ClassVar[str] = "balances"
    KEY: ClassVar[int] = 2

    account: str
    currency: str
    amount: int


def suspense(payment: str) -> str:
    """Return the account of money that was captured and is not yet split (挂账)."""
    return f"suspense:{payment}"


def pending(receiver: str) -> str:
    """Return the account of money that is due to ``receiver`` (待结算)."""
    return f"pending:{receiver}"


def in_transit(receiver: str) -> str:
    """Return the account of money that is on its way to ``receiver`` (在途)."""
    return f"in_transit:{receiver}"


def paid(receiver: str) -> str:
    """Return the account of money the institution says it paid, until ``receiver`` agrees."""
    return f"paid:{receiver}"


def post(tx: Transaction, currency: str, lines: Iterable[tuple[str, int]]) -> None:
    """Post ``lines`` as one balanced change of the books.

    Args:
        tx: The record's transaction.
        currency: ISO 4217 code of every line.
        lines: Account and amount (minor units, debit positive, not zero). They sum to zero.

    Raises:
        Refused: ``books-overdrawn`` or ``books-overflow``. No record that passed its contract's
            own guards gets here: both guard the books against a fault in a contract.
        ValueError: the lines do not sum to zero, or an account is of no known class.
    """
    entry, get, put = tx.entry, tx.get, tx.set
    line = tx.postings
    total = 0
    for account, amount in lines:
        key = (account, currency)
        balance = get(Balance, key)
        after = amount if balance is None else balance.amount + amount
        allowed = _MAY_BE_DEBIT if after > 0 else _MAY_BE_CREDIT
        if not account.startswith(allowed) or not -SAFE_INTEGER_MAX <= after <= SAFE_INTEGER_MAX:
            _refuse_balance(account, currency, amount, after)
        put(Balance, key, Balance(account, currency, after) if after else None)
        put(Posting, (entry, line), Posting(entry, line, account, currency, amount))
        line += 1
        total += amount
    tx.postings = line
    if total:
        raise ValueError(f"the lines of entry {entry} sum to {total} {currency}, not to zero")


def _refuse_balance(account: str, currency: str, amount: int, after: int) -> None:
    side = _SIDES.get(account.split(":", 1)[0])
    if side is None:
        raise ValueError(f"no class of accounts is known for {account!r}")
    if after * side < 0:
        raise Refused(
            "books-overdrawn",
            f"The account {account} would fall below zero.",
            expected=f"at most {money(abs(after - amount), currency)}",
            got=money(abs(amount), currency),
        )
    if after * side > SAFE_INTEGER_MAX:
        raise Refused(
            "books-overflow",
            f"The account {account} would exceed what the books can hold.",
            expected=f"at most {money(SAFE_INTEGER_MAX, currency)}",
            got=money(after * side, currency),
        )


def money(amount: int, currency: str) -> str:
    """Return an amount for people: minor units first, as ``10000 (100.00 CNY)``."""
    places = EXPONENTS.get(currency, 2)
    if not places:
        return f"{amount} ({amount} {currency})"
    whole, part = divmod(abs(amount), 10**places)
    sign = "-" if amount < 0 else ""
    return f"{amount} ({sign}{whole}.{part:0{places}d} {currency})"
