"""One payment: where its money is, who stated what, and which half is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from api.named import no_such_payment
from api.paging import Name
from views.disputes import DisputeView
from views.expectations import ExpectationView
from views.fees import ChargeView
from views.legs import LegView
from views.payments import PaymentView, payment_view
from views.payouts import PayoutSummary
from views.refunds import RefundView
from web import timeline
from web.bars import bar
from web.owed import owed
from web.page import Pages, Visit
from web.words import where_money_is


def add_to(pages: Pages) -> None:
    """Add the pages of payments."""
    pages.add("/payments/{payment}", "payment.html", payment_page)


def payment_page(visit: Visit, payment: Name) -> Mapping[str, Any]:
    """Show one payment.

    Raises:
        Problem: ``no-such-payment``.
    """
    view = payment_view(visit.reader, visit.genesis, payment, visit.now_ms)
    if view is None:
        raise no_such_payment(payment)
    half = next((each for each in (view.capture, view.instruction) if each is not UNSET), None)
    names = where_money_is()
    return {
        "payment": view,
        "half": half,
        "capture": view.capture or None,
        "instruction": view.instruction or None,
        "fee": view.fee or None,
        "owed": owed,
        "unmet": [each for each in view.expectations if each.state != "met"],
        "money_bar_shares": bar((word, names[word], view.money.get(word, 0)) for word in names),
        "timeline": timeline.drawn(visit, view.timeline, view.expectations),
        "leg_view": LegView,
        "payout_view": PayoutSummary,
        "refund_view": RefundView,
        "dispute_view": DisputeView,
        "charge_view": ChargeView,
        "expectation_view": ExpectationView,
        "late_by": timeline.LATE_BY,
        "charges": _charges(view),
        "twin": f"/v1/payments/{payment}",
        "live": f"/live?subject=payment:{payment}",
    }


def _charges(view: PaymentView) -> list[ChargeView]:
    last = [] if view.fee is UNSET else [view.fee]
    return [*view.earlier_fees, *last]
