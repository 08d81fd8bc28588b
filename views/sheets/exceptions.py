"""Exceptions of a sheet: what some party has to act on, of the date or of an earlier one.

Halves of a payment make one exception a payment, what is due and not paid out one a receiver's
date, a payout one. What is awaited in time is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from views.reader import Reader
from views.sheets.repayments import Traced, by_payment
from views.sheets.views import CompensationLine, ExceptionLine
from views.sheets.wrong import Search
from views.sheets.wrong_claims import of_compensations, of_disputes
from views.sheets.wrong_halves import of_earlier_halves, of_the_date
from views.sheets.wrong_payouts import of_payouts


def exceptions(
    search: Search, found: Sequence[Traced], compensations: Sequence[CompensationLine]
) -> list[ExceptionLine]:
    """Return all exceptions, the oldest first, each with the record that began it.

    Args:
        search: Where they are looked for.
        found: The repayments of the date.
        compensations: What is to compensate, or stated and not paid.
    """
    lines = [
        *of_the_date(search, found),
        *of_earlier_halves(search, by_payment(found)),
        *of_payouts(search, found),
        *of_compensations(search, compensations),
        *of_disputes(search),
    ]
    as_of = search.point.as_of_ms
    lines = [replace(each, age=max(0, as_of - each.since)) for each in lines]
    lines.sort(key=lambda each: (each.since, each.kind, each.loan, each.payment, each.payout))
    return _with_records(search.reader, lines)


def _with_records(reader: Reader, lines: Iterable[ExceptionLine]) -> list[ExceptionLine]:
    """Return exceptions with the record that began each, and the command that proves it."""
    found = []
    for each in lines:
        entries = reader.entries(each.entry, 1) if each.entry >= 0 else ()
        for entry in entries:
            command = f"tongzhang receipt {entry.id} --party {entry.party}"
            each = replace(each, author=entry.party, record=entry.id, receipt=command)
        found.append(each)
    return found
