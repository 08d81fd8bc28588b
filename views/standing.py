"""Standing disputes: what they are about is shown as disputed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from ledger.contracts.disputes import DISPUTED, STANDING, Dispute
from ledger.contracts.receivers import SUSPENDED
from views.reader import Reader

S = TypeVar("S", bound=Any)
"""Rows or views: the first field is the name, and one is the state."""


def standing_disputes(reader: Reader, subjects: Sequence[str]) -> dict[str, list[Dispute]]:
    """Return the disputes that stand about ``subjects``, and about their legs, by subject."""
    found: dict[str, list[Dispute]] = {}
    for row in reader.rows_among(Dispute, {"subject": subjects, "state": STANDING}):
        found.setdefault(row.subject, []).append(row)
    return found


def state_or_disputed(state: str, disputes: Sequence[Any]) -> Any:
    """Return the state to show of what the disputes are about, or of what contains it."""
    is_disputed = any(each.state in STANDING for each in disputes)
    return DISPUTED if is_disputed and state != SUSPENDED else state


def as_shown(reader: Reader, subject: str, items: Sequence[S]) -> list[S]:
    """Return things of a kind, such as ``payout``, with the state to show: one query."""
    about = [f"{subject}:{getattr(item, item.__struct_fields__[0])}" for item in items]
    disputes = standing_disputes(reader, about)
    return [
        replace(item, state=state_or_disputed(item.state, disputes[name]))
        if name in disputes
        else item
        for name, item in zip(about, items, strict=True)
    ]
