"""One payment: where its money is, who stated what, and which half is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.named import no_such_payment
from api.paging import Name
from views.legs import LegView
from views.payments import payment_view
from web.page import Pages, Visit


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
    return {
        "payment": view,
        "leg_view": LegView,
        "twin": f"/v1/payments/{payment}",
        "live": f"/live?subject=payment:{payment}",
    }
