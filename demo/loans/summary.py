"""The answer key for people: what is in a portfolio, and what has to come of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from cli.output import money
from demo.loans.cast import CURRENCY

Plain = dict[str, Any]

_HEADS = ("due", "captured", "split", "differing", "unstated", "failed")


def summary(key: Plain) -> str:
    """Return an answer key as Markdown: the figures of the last day, and each planted fault."""
    plan = key["plan"]
    parts = [
        f"# {plan['loans']} loans, {plan['months']} months, seed {plan['seed']}",
        f"The history ends on {plan['date']}. All figures are worked out by the second computation "
        "of loans, without the ledger; `answer.json` has every one of them, in fen.",
        f"{key['records']['stated']:,} records, {key['records']['refused']} of them are refused. "
        f"{len(key['repayments']):,} repayments, {len(key['compensations'])} compensations.",
        "## Buckets on the last day",
        _table(("bucket", "loans"), sorted(key["buckets"].items())),
        "## Open on the last day, by holder",
        _table(("holder", "principal", "interest", "fees", "penalty"), _open(key["loans"])),
        f"## The last day, {plan['date']}",
        "Due is by plan, paid or not; what was captured is split as agreed, or differs, or its "
        "split is not stated yet. Failed attempts are whole amounts.",
        _table(("party", *_HEADS), _last_day(key)),
        "## Planted wrong splits",
        "`allocation-differs` is refused; a conflicting one stops the money until it is amended.",
        _table(
            ("fault", "payment", "on", "outcome", "harmed", "corrected on"),
            [_fault(each) for each in key["faults"]],
        ),
        "## Stories",
        _table(("loan", "story"), sorted((loan, name) for name, loan in key["stories"].items())),
    ]
    return "\n\n".join(parts) + "\n"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _yuan(amount: int) -> str:
    return money(amount, CURRENCY).removesuffix(f" {CURRENCY}")


def _open(loans: Iterable[Plain]) -> list[list[str]]:
    sums: dict[str, Counter[str]] = {}
    for loan in loans:
        for party, found in loan["open"].items():
            sums.setdefault(party, Counter()).update(found)
    names = ("principal", "interest", "fees", "penalty")
    return [[party, *(_yuan(sums[party][name]) for name in names)] for party in sorted(sums)]


def _last_day(key: Plain) -> list[list[str]]:
    rows = [each for each in key["days"] if each["date"] == key["plan"]["date"]]
    return [[row["party"], *(_yuan(row[name]) for name in _HEADS)] for row in rows]


def _fault(fault: Plain) -> list[str]:
    harmed = ", ".join(f"{party} {_yuan(amount)}" for party, amount in fault["harmed"].items())
    corrected = fault["corrected"] or "not yet"
    named = [fault[name] for name in ("fault", "payment", "date", "outcome")]
    return [*named, harmed, corrected]
