"""What the business came to, read off the expectations and balances of a node."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from demo.summary import Books

Expectations = list[dict[str, Any]]

_RETURNED = "payout returned"
_DISPUTE = "dispute "


def figures(books: Books, platform: str) -> dict[str, Any]:
    """Return payouts, refunds, fees, profit and disputes, as the day's outcome says them.

    Args:
        books: What one node holds.
        platform: The party that has the refund float.
    """
    by_kind: dict[str, Expectations] = {}
    for each in books.expectations:
        by_kind.setdefault(each["kind"], []).append(each)
    payouts = by_kind.get("payout-result", [])
    invoices = by_kind.get("fee-settlement", [])
    incomes = _accounts(books, "fee_income:")
    return {
        "disputes": _disputes(by_kind.get("dispute", [])),
        "fees": {
            "accrued": sum(incomes.values()),
            "invoiced": _sum(invoices),
            "settled": _sum([each for each in invoices if each["state"] == "met"]),
        },
        "payouts": {
            "created": len(payouts),
            "returned": sum(each.get("detail", "").startswith(_RETURNED) for each in payouts),
        },
        "profit": incomes,
        "refunds": {
            **_refunds(by_kind.get("refund-result", [])),
            "float_free": _accounts(books, "refund_float:").get(platform, 0),
        },
    }


def facts_by_kind(expectations: Expectations, states: dict[str, str]) -> dict[str, dict[str, int]]:
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


def _accounts(books: Books, prefix: str) -> dict[str, int]:
    """Return the credit balances of a class of accounts by what they are of."""
    found = [each for each in books.balances if each["account"].startswith(prefix)]
    return {each["account"].removeprefix(prefix): -each["amount"] for each in found}


def _refunds(expectations: Expectations) -> dict[str, dict[str, int]]:
    paid = [each for each in expectations if each["state"] == "met" and not each.get("detail")]
    awaited = [each for each in expectations if each["state"] != "met"]
    return {
        "awaited": {"count": len(awaited), "amount": _sum(awaited)},
        "paid": {"count": len(paid), "amount": _sum(paid)},
    }


def _disputes(expectations: Expectations) -> dict[str, int]:
    answers: Counter[str] = Counter()
    for each in expectations:
        answer = each.get("detail", "").removeprefix(_DISPUTE).partition(":")[0]
        answers[answer if each["state"] in ("met", "conflicting") else "open"] += 1
    return {"raised": len(expectations), **dict(sorted(answers.items()))}


def _sum(expectations: Expectations) -> int:
    return sum(each["amount"] for each in expectations)
