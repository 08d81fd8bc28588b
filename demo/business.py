"""Figures of the business: payouts, refunds, fees, profit and disputes, counted from lists.

Each is read off a state, a field or an account; what is written for people is not read.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from demo.day.accounts import Balances
from demo.stage.pages import all_of

if TYPE_CHECKING:
    from demo.stage.observer import Observer

Items = list[dict[str, Any]]

FACT_STATES = {"met": "complete", "open": "open", "overdue": "open", "conflicting": "conflicting"}
"""What a fact is of which one half is expected, by the state of the expectation."""


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


def facts(expectations: Items) -> dict[str, Any]:
    """Return how many facts are complete, open and conflicting, by kind too, and which are loose.

    A capture and its instruction are the halves of one fact, a split.
    """
    kinds: dict[str, Counter[str]] = {}
    subjects: dict[str, list[str]] = {"complete": [], "open": [], "conflicting": []}
    for each in expectations:
        kind, state = each["kind"], FACT_STATES[each["state"]]
        fact = "split" if kind in ("capture", "instruction") else kind
        kinds.setdefault(fact, Counter())[state] += 1
        subjects[state].append(f"{kind} {each['subject']}" if state == "open" else each["subject"])
    return {
        "facts": {state: len(found) for state, found in subjects.items()},
        "facts_by_kind": {kind: dict(sorted(kinds[kind].items())) for kind in sorted(kinds)},
        "one_sided": sorted(subjects["open"]),
        "conflicting": sorted(subjects["conflicting"]),
    }


def differing(expected: Balances, got: Balances) -> tuple[dict[str, int], dict[str, int]]:
    """Return of two states of the books only the accounts in which they differ."""
    ours, theirs = _flat(expected), _flat(got)
    names = sorted(ours.keys() | theirs.keys())
    names = [name for name in names if ours.get(name, 0) != theirs.get(name, 0)]
    return {name: ours.get(name, 0) for name in names}, {n: theirs.get(n, 0) for n in names}


def _flat(books: Balances) -> dict[str, int]:
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
