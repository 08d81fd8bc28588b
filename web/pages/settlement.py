"""Settlement: what is due, upcoming, in transit, paid and returned, by day and by receiver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from api.parameters import DAYS_DEFAULT, Days
from views.due import due_date
from views.labels import Label
from views.listing import Column
from views.payouts import PayoutSummary
from views.settlement import (
    CameBack,
    DueDay,
    DueReceiverSum,
    PayoutDay,
    settlement_view,
)
from views.texts import gettext
from web.bars import WIDTH, Share, bar
from web.page import Pages, Visit

_DUE_DATE = Column(Label("due", "应付日", "date"), text=due_date)


class DrawnDay(NamedTuple):
    """The payouts of a cut-off date as a bar, and how wide it is beside that of the largest."""

    view: PayoutDay
    total: int
    bar: Sequence[Share]
    width: int


def add_to(pages: Pages) -> None:
    """Add the page of settlement."""
    pages.add("/settlement", "settlement.html", settlement_page)


def settlement_page(visit: Visit, *, days: Days = DAYS_DEFAULT) -> Mapping[str, Any]:
    """Show settlement, with so many days back and ahead."""
    view = settlement_view(visit.reader, visit.genesis, days, visit.now_ms)
    return {
        "settlement": view,
        "days": days,
        "drawn": _drawn(view.payouts),
        "due_date": _DUE_DATE,
        "day_view": DueDay,
        "receiver_view": DueReceiverSum,
        "payout_view": PayoutSummary,
        "back_view": CameBack,
        "twin": f"/v1/settlement?days={days}",
        "live": "/live",
    }


def _drawn(payouts: Sequence[PayoutDay]) -> list[DrawnDay]:
    """Return the days as bars; those of one currency are drawn in one scale."""
    most: dict[str, int] = {}
    for each in payouts:
        most[each.currency] = max(_total(each), most.get(each.currency, 0))
    return [
        DrawnDay(
            each,
            _total(each),
            bar(_parts(each)),
            max(_total(each) * WIDTH // (most[each.currency] or 1), 1),
        )
        for each in payouts
    ]


def _total(each: PayoutDay) -> int:
    return sum(amount for _, _, amount in _parts(each))


def _parts(each: PayoutDay) -> list[tuple[str, str, int]]:
    return [
        ("in-payout", gettext("in transit"), each.created),
        ("paid", gettext("paid"), each.paid),
        ("arrived", gettext("arrived"), each.confirmed),
        ("disputed", gettext("contradicted"), each.conflicting),
        ("returned", gettext("came back"), each.returned),
    ]
