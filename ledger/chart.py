"""The chart of accounts: every class of accounts, its names, and which parties are a side of it.

An account is named by its class and, but for ``reserve``, by what it is of: ``pending:shop-7``.
Each party's book is the part of the postings on accounts that the party is a side of. Amounts keep
the sign that they have in the common books; nothing is mirrored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from ledger.genesis import Genesis

Side = Literal["asset", "liability", "income"]
Token = Literal["institution", "platform", "named", "owner"]
Share = Literal["all", "named", "owned", "none"]

OTHERS = "others"
"""In one party's book: what the rest of its entries comes to, in the books of others."""


class AccountClass(NamedTuple):
    """A class of accounts.

    ``of`` says what the name after the colon is, empty if there is none. ``sides`` says who is a
    side of an account: a role, the party that the account names, or the owner of its receiver.
    Assets are debit (positive); liabilities and income are credit.
    """

    name: str
    side: Side
    of: str
    sides: tuple[Token, ...]
    zh: str
    en: str


CHART: tuple[AccountClass, ...] = (
    AccountClass(
        "reserve", "asset", "", ("institution",), "客户备付金", "customers' money that is held"
    ),
    AccountClass(
        "suspense", "liability", "payment", ("institution", "platform"),
        "挂账", "captured and not yet split",
    ),
    AccountClass(
        "pending", "liability", "receiver", ("institution", "owner"),
        "待结算", "due to a receiver",
    ),
    AccountClass(
        "in_transit", "liability", "receiver", ("institution", "owner"),
        "在途", "on its way to a receiver",
    ),
    AccountClass(
        "paid", "liability", "receiver", ("institution", "owner"),
        "已付待确认", "paid, and its arrival not confirmed",
    ),
    AccountClass(
        "refund_float", "liability", "party", ("institution", "named"),
        "预存退款", "deposited for refunds, and free",
    ),
    AccountClass(
        "refund_due", "liability", "payment", ("institution", "platform"),
        "待退款", "held for refunds that were requested",
    ),
    AccountClass(
        "fee_due", "asset", "party", ("institution", "named"),
        "应收手续费", "fees that a platform owes",
    ),
    AccountClass(
        "fee_received", "asset", "party", ("named",),
        "已收手续费", "fee money on a party's own account (自有资金)",
    ),
    AccountClass("fee_income", "income", "party", ("named",), "手续费收入", "income from fees"),
    AccountClass(
        "principal", "asset", "loan", ("platform", "institution"),
        "应收本金", "principal of a loan that is open",
    ),
    AccountClass(
        "loan_receipts", "asset", "party", ("institution", "named"),
        "已收息费", "interest, fees and penalty paid of a platform's loans",
    ),
    AccountClass(
        "funding", "liability", "party", ("platform", "named"),
        "出资", "principal that is open to who lent it, or took it over",
    ),
    AccountClass(
        "interest_income", "income", "party", ("named",), "利息收入", "interest from loans"
    ),
    AccountClass(
        "loan_fee_income", "income", "party", ("named",), "贷款费用收入", "fees from loans"
    ),
    AccountClass(
        "penalty_income", "income", "party", ("named",), "罚息收入", "penalty from loans"
    ),
)  # fmt: skip
"""All classes."""

CLASSES: dict[str, AccountClass] = {kind.name: kind for kind in CHART}
"""The classes by their names."""

ACCOUNT_FORMS = tuple(f"{each.name}:<{each.of}>" if each.of else each.name for each in CHART)
"""How accounts are written, by class."""


def class_of(account: str) -> AccountClass:
    """Return the class of an account.

    Raises:
        LookupError: the chart has no such class, or the account is not named as its class asks.
    """
    name, colon, of = account.partition(":")
    kind = CLASSES.get(name)
    if kind is None or bool(colon) != bool(kind.of) or bool(of) != bool(kind.of):
        known = ", ".join(ACCOUNT_FORMS)
        raise LookupError(f"{account!r} is no account; accounts are {known}")
    return kind


def share_of(kind: AccountClass, genesis: Genesis, party: str) -> Share:
    """Return which accounts of a class ``party`` is a side of.

    Returns:
        ``all`` of them, those that ``named`` it, those of receivers ``owned`` by it, or ``none``.
    """
    if genesis.roles[party] in kind.sides:
        return "all"
    if "named" in kind.sides:
        return "named"
    return "owned" if "owner" in kind.sides else "none"


class PartyBook:
    """One party's book: tells which accounts the party is a side of.

    Args:
        genesis: The consortium.
        party: One of its parties.
        owns: Whether the party owns a receiver.
    """

    def __init__(self, genesis: Genesis, party: str, owns: Callable[[str], bool]) -> None:
        self.party = party
        self._shares = {kind.name: share_of(kind, genesis, party) for kind in CHART}
        self._owns = owns

    def holds(self, account: str) -> bool:
        """Return whether the party is a side of an account."""
        name, _, of = account.partition(":")
        share = self._shares[name]
        if share == "named":
            return of.partition(":")[0] == self.party
        return share == "all" or (share == "owned" and self._owns(of))

    def part(self, lines: Iterable[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
        """Return the lines of one entry that stand in this book, balanced by :data:`OTHERS`.

        Args:
            lines: Account, currency and amount of the entry's lines.

        Returns:
            Its lines as they are, then one line a currency for what is not in this book; nothing
            if the party is a side of no line.
        """
        mine = [line for line in lines if self.holds(line[0])]
        rest: dict[str, int] = {}
        for _, currency, amount in mine:
            rest[currency] = rest.get(currency, 0) - amount
        return mine + [(OTHERS, currency, amount) for currency, amount in rest.items() if amount]


def parties_of(account: str, genesis: Genesis, owner_of: Callable[[str], str]) -> tuple[str, ...]:
    """Return the parties that are a side of an account, in the order of genesis.

    Args:
        account: An account.
        genesis: The consortium.
        owner_of: The party that owns a receiver, or the empty string.
    """

    def book_of(party: str) -> PartyBook:
        return PartyBook(genesis, party, lambda receiver: owner_of(receiver) == party)

    return tuple(party for party in genesis.names if book_of(party).holds(account))
