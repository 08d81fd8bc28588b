"""Double-entry books: balanced postings and the balances they make.

Debits are positive, credits negative. An asset's balance is never below zero, a liability's never
above. Accounts are named by class and owner, such as ``pending:shop-7``; currencies never mix.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from ledger.currencies import decimal
from ledger.errors import Refused
from ledger.limits import SAFE_INTEGER_MAX
from ledger.state import ABSENT, Key, Row, Transaction

RESERVE = "reserve"

ASSETS = (
    "reserve",
    "fee_due",
    "fee_received",
    "principal",
    "loan_receipts",
)
LIABILITIES = (
    "suspense",
    "pending",
    "in_transit",
    "paid",
    "refund_float",
    "refund_due",
    "fee_income",
    "funding",
    "interest_income",
    "loan_fee_income",
    "penalty_income",
)
_SIDES = {**dict.fromkeys(ASSETS, 1), **dict.fromkeys(LIABILITIES, -1)}


class Posting(Row, frozen=True):
    """One line of a balanced posting, as it stands in the statement of its account.

    ``amount`` is in minor units, debit positive; ``balance`` is the account's after it. ``line``
    counts the lines of the entry. The key is the order of a statement, so that one index serves;
    the other one finds the lines of an entry.
    """

    TABLE: ClassVar[str] = "postings"
    KEY: ClassVar[int] = 4
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (("entry",),)

    account: str
    currency: str
    entry: int
    line: int
    amount: int
    balance: int


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


def refund_float(platform: str) -> str:
    """Return the account of what ``platform`` deposited for refunds (预存退款)."""
    return f"refund_float:{platform}"


def refund_due(payment: str) -> str:
    """Return the account of what is held of the float for refunds of ``payment``."""
    return f"refund_due:{payment}"


def fee_due(platform: str) -> str:
    """Return the account of fees that ``platform`` owes the institution."""
    return f"fee_due:{platform}"


def fee_received(party: str) -> str:
    """Return the account of fee money that reached ``party``: its own money (自有资金)."""
    return f"fee_received:{party}"


def fee_income(party: str) -> str:
    """Return the account of ``party``'s income from fees."""
    return f"fee_income:{party}"


def principal(loan: str) -> str:
    """Return the account of the principal of ``loan`` that is open (应收本金)."""
    return f"principal:{loan}"


def funding(party: str) -> str:
    """Return the account of open principal that ``party`` has lent, or taken over (出资)."""
    return f"funding:{party}"


def loan_receipts(platform: str) -> str:
    """Return the account of interest, fees and penalty that were paid of a platform's loans."""
    return f"loan_receipts:{platform}"


def interest_income(party: str) -> str:
    """Return the account of ``party``'s interest from loans (利息收入)."""
    return f"interest_income:{party}"


def loan_fee_income(party: str) -> str:
    """Return the account of ``party``'s fees from loans (贷款费用收入)."""
    return f"loan_fee_income:{party}"


def penalty_income(party: str) -> str:
    """Return the account of ``party``'s penalty from loans (罚息收入)."""
    return f"penalty_income:{party}"


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
    entry, line, total = tx.entry, tx.postings, 0
    balances, postings, log = tx.rows[Balance], tx.rows[Posting], tx.log
    changed, added = balances.changed, postings.changed
    for account, amount in lines:
        key: Key = (account, currency)
        balance = balances[key]
        before = 0 if balance is None else balance.amount
        after = before + amount
        # An account that stays on its side of zero, or falls to zero, is on the right one.
        if (before * after <= 0 and after) or abs(after) > SAFE_INTEGER_MAX:
            _refuse_balance(account, currency, amount, after)
        # What Transaction.set and add do, written out: half of all rows are set here.
        log.append((balances, key, changed.get(key, ABSENT)))
        balances[key] = changed[key] = Balance(account, currency, after) if after else None
        key = (account, currency, entry, line)
        log.append((postings, key, ABSENT))
        added[key] = Posting(account, currency, entry, line, amount, after)
        line += 1
        total += amount
    if total:
        raise ValueError(f"the lines of entry {entry} sum to {total} {currency}, not to zero")
    tx.postings = line


def transfer(tx: Transaction, currency: str, accounts: tuple[str, str], amount: int) -> None:
    """Post two lines: debit the first of two accounts with ``amount``, and credit the second."""
    debited, credited = accounts
    post(tx, currency, ((debited, amount), (credited, -amount)))


def refuse_amount(tx: Transaction, amount: int, currency: str) -> None:
    """Return if one record may bring ``amount`` in minor units into the books.

    Asked where money enters from outside. What follows from it inside is bounded by that.

    Raises:
        Refused: ``amount-over-limit``.
    """
    limit = tx.genesis.limits.amount
    if amount > limit:
        raise Refused(
            "amount-over-limit",
            "The consortium limits the amount of one record. It is in minor units; check it, or "
            "state it as several.",
            expected=f"at most {money(limit, currency)}",
            got=money(amount, currency),
        )


def _refuse_balance(account: str, currency: str, amount: int, after: int) -> None:
    """Refuse a balance on the wrong side of its account, or beyond what the books can hold."""
    side = _SIDES.get(account.partition(":")[0])
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
    return f"{amount} ({decimal(amount, currency)} {currency})"


def contradiction(said: str, first: tuple[int, str], answered: str, second: tuple[int, str]) -> str:
    """Return two amounts that should be one, and by how much the second is above the first.

    Args:
        said: What the first word says of it, such as ``paid``.
        first: Minor units, and the ISO 4217 code of their currency.
        answered: What the other word says, such as ``received``.
        second: The other amount.
    """
    (before, currency), (after, other) = first, second
    both = f"{said} {money(*first)}, {answered} {money(*second)}"
    apart = f"; the difference is {money(after - before, currency)}"
    return both + apart if currency == other else both
