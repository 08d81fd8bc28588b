"""Figures of the business: payouts, refunds, fees, profit and disputes, counted from lists.

Each is read off a state, a field or an account; what is written for people is not read.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from demo.stage.pages import all_of

if TYPE_CHECKING:
    from demo.stage.observer import Observer

Items = list[dict[str, Any]]


class Business(NamedTuple):
    """Lists of one node that the figures come from. ``periods`` are the months of its fees.

    ``returned``, ``requested`` and ``paid`` were asked for by state: an item's own says disputed
    while a dispute stands.
    """

    payouts: Items
    returned: Items
    requested: Items
    paid: Items
    disputes: Items
    periods: Items


async def read_business(observer: Observer, party: str) -> Business:
    """Return the lists of a node."""
    get = partial(observer.get, party)
    return Business(
        *await asyncio.gather(
            all_of(get, "payouts"),
            all_of(get, "payouts", state="returned"),
            all_of(get, "refunds", state="requested"),
            all_of(get, "refunds", state="paid"),
            all_of(get, "disputes"),
            all_of(get, "fees", "periods"),
        )
    )


def figures(business: Business, balances: Items, platform: str) -> dict[str, Any]:
    """Return payouts, refunds, fees, profit and disputes, as the day's outcome says them.

    Args:
        business: The lists of one node.
        balances: The balances of its books.
        platform: The party that has the refund float.
    """
    periods = business.periods
    return {
        "disputes": {
            "raised": len(business.disputes),
            **dict(sorted(Counter(each["state"] for each in business.disputes).items())),
        },
        "fees": {
            "accrued": _sum(periods),
            "invoiced": _sum([each for each in periods if "invoice" in each]),
            "settled": _sum([each for each in periods if "settled_at" in each]),
        },
        "payouts": {"created": len(business.payouts), "returned": len(business.returned)},
        "profit": _credits(balances, "fee_income:"),
        "refunds": {
            "awaited": {"count": len(business.requested), "amount": _sum(business.requested)},
            "float_free": _credits(balances, "refund_float:").get(platform, 0),
            "paid": {"count": len(business.paid), "amount": _sum(business.paid)},
        },
    }


def facts_by_kind(expectations: Items, states: dict[str, str]) -> dict[str, dict[str, int]]:
    """Return how many facts of each kind are complete, open and conflicting.

    A capture and its instruction are the halves of one fact, a split.

    Args:
        expectations: A node's expectations.
        states: What their states are called as facts.
    """
    kinds: dict[str, Counter[str]] = {}
    for each in expectations:
        kind = "split" if each["kind"] in ("capture", "instruction") else each["kind"]
        kinds.setdefault(kind, Counter())[states[each["state"]]] += 1
    return {kind: dict(sorted(counts.items())) for kind, counts in sorted(kinds.items())}


def differing(
    expected: dict[str, dict[str, int]], got: dict[str, dict[str, int]]
) -> tuple[dict[str, int], dict[str, int]]:
    """Return of two states of the books only the accounts in which they differ."""
    ours, theirs = _flat(expected), _flat(got)
    names = sorted(ours.keys() | theirs.keys())
    names = [name for name in names if ours.get(name, 0) != theirs.get(name, 0)]
    return {name: ours.get(name, 0) for name in names}, {n: theirs.get(n, 0) for n in names}


def _flat(books: dict[str, dict[str, int]]) -> dict[str, int]:
    return {
        f"{account} {currency}": amount
        for currency, book in books.items()
        for account, amount in book.items()
    }


def _credits(balances: Items, prefix: str) -> dict[str, int]:
    """Return the credit balances of a class of accounts by what they are of."""
    found = [each for each in balances if each["account"].startswith(prefix)]
    return {each["account"].removeprefix(prefix): -each["amount"] for each in found}


def _sum(items: Items) -> int:
    return sum(each["amount"] for each in items)
