"""Disputes as they are shown beside what they are about."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from api.limits import PAGE_MAX
from ledger.contracts.disputes import DISPUTED, OPEN, Dispute
from node.storage.queries import Walk, along
from node.storage.reads import Reader


class DisputeView(msgspec.Struct, frozen=True, kw_only=True):
    """One dispute about a subject, or about the leg of a payment.

    ``state`` is open, upheld, rejected or withdrawn; ``answer`` says why.
    """

    dispute: str
    subject: str
    raiser: str
    against: str
    reason: str
    state: str
    entry: int
    last_entry: int
    leg: int | UnsetType = UNSET
    answer: str | UnsetType = UNSET


def disputes_about(reader: Reader, subjects: Sequence[str]) -> list[DisputeView]:
    """Return the disputes about any of ``subjects``, or their legs, in the order of the log."""
    found: list[Dispute] = []
    for subject in subjects:
        found += along(
            reader, Dispute, Walk({"subject": subject}, ("state", "dispute")), limit=PAGE_MAX
        )
    return [_view(row) for row in sorted(found, key=lambda each: each.entry)]


def shown(state: str, disputes: Sequence[DisputeView]) -> str:
    """Return the state to show of what the disputes are about, or of what contains it."""
    return DISPUTED if any(each.state == OPEN for each in disputes) else state


def _view(row: Dispute) -> DisputeView:
    return DisputeView(
        dispute=row.dispute,
        subject=row.subject,
        raiser=row.raiser,
        against=row.against,
        reason=row.reason,
        state=row.state,
        entry=row.entry,
        last_entry=row.last_entry,
        leg=row.leg or UNSET,
        answer=row.answer or UNSET,
    )
