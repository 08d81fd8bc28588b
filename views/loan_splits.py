"""Repayments of a loan with both allocations: what the ledger expects, and what was stated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from msgspec.structs import asdict

from ledger.contracts.loan_rows import RepaymentAttempt
from ledger.contracts.receivers import Receiver as ReceiverRow
from views.labels import Label, Party, Receiver
from views.loan_history import Vantage
from views.reader import Reader
from views.repayments import RepaymentView, halves_known, is_of, views_with
from views.sheets.former import Halves
from views.view import ViewStruct


class ShareView(ViewStruct, frozen=True, kw_only=True):
    """What a receiver gets of a repayment: by the ledger, and by the platform's split.

    ``difference`` is what was stated more than expected. Nothing is stated where no split stands.
    The line without a receiver is what is overpaid, and stays in suspense.
    """

    receiver: Receiver
    party: Party
    expected: Annotated[int, Label("expected", "应分", "minor")]
    stated: Annotated[int | None, Label("stated", "已分", "minor")] = None
    difference: Annotated[int, Label("difference", "差额", "minor")] = 0


class LoanRepayment(RepaymentView, frozen=True, kw_only=True):
    """A repayment with its allocation, receiver by receiver."""

    shares: list[ShareView]


def loan_repayments(
    reader: Reader, rows: Sequence[RepaymentAttempt], known: Vantage
) -> list[LoanRepayment]:
    """Return the attempts of a loan with expected and stated shares, the oldest first."""
    ordered = sorted(rows, key=lambda row: (row.date, row.entry))
    halves = halves_known(reader, ordered, known)
    stated = {name: _stated(found) for name, found in halves.items() if _stands(found)}
    owners = _owners(reader, ordered, stated)
    views = views_with(reader, ordered, known, halves)
    said = [
        stated.get(row.payment) if is_of(row, halves.get(row.payment)) else None for row in ordered
    ]
    return [
        LoanRepayment(**asdict(view), shares=_shares(row, split, owners))
        for row, view, split in zip(ordered, views, said, strict=True)
    ]


Stated = dict[str, int]
"""What is stated for each receiver; what is overpaid stands under the empty name."""


def _stands(halves: Halves) -> bool:
    return halves.instruction is not None and halves.instruction.stands


def _stated(halves: Halves) -> Stated:
    """Return what a split that stands says."""
    sums = {"": 0 if halves.instruction is None else halves.instruction.overpaid}
    for leg in halves.legs:
        sums[leg.receiver] = sums.get(leg.receiver, 0) + leg.amount
    return sums


def expected_of(row: RepaymentAttempt) -> Stated:
    """Return what the ledger allocates to each receiver; what is overpaid under the empty name."""
    pairs = (text.rpartition(":") for text in row.shares)
    return {receiver: int(amount) for receiver, _, amount in pairs} | {"": row.overpaid}


def _owners(
    reader: Reader, rows: Sequence[RepaymentAttempt], stated: Mapping[str, Stated]
) -> dict[Any, ReceiverRow]:
    names = {name for row in rows for name in expected_of(row)}
    names |= {name for sums in stated.values() for name in sums}
    return reader.rows_under(ReceiverRow, [(name,) for name in sorted(names) if name])


def _shares(
    row: RepaymentAttempt, stated: Stated | None, owners: Mapping[Any, ReceiverRow]
) -> list[ShareView]:
    """Return a line a receiver, those of the ledger first, and one for what is overpaid if any."""
    if not row.payment:
        return []
    expected = expected_of(row)
    overpaid = expected.pop("")
    names = [*expected, *(name for name in stated or {} if name and name not in expected)]
    if overpaid or (stated or {}).get(""):
        names.append("")
    views = []
    for name in names:
        amount = expected.get(name, 0) if name else overpaid
        said = None if stated is None else stated.get(name, 0)
        owner = owners.get((name,))
        views.append(
            ShareView(
                receiver=name,
                party="" if owner is None else owner.owner,
                expected=amount,
                stated=said,
                difference=0 if said is None else said - amount,
            )
        )
    return views
