"""One payout: how far its transfer is, which legs it settles, who stated what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.named import no_such_payout
from api.paging import Name
from views.disputes import DisputeView
from views.expectations import ExpectationView
from views.legs import LegView
from views.payouts import payout_view
from web import timeline
from web.owed import owed
from web.page import Pages, Visit

LEGS_SHOWN = 50
"""Legs on the page itself; the list of them has them all."""


def add_to(pages: Pages) -> None:
    """Add the page of a payout."""
    pages.add("/payouts/{payout}", "payout.html", payout_page)


def payout_page(visit: Visit, payout: Name) -> Mapping[str, Any]:
    """Show one payout.

    Raises:
        Problem: ``no-such-payout``.
    """
    view = payout_view(visit.reader, visit.genesis, payout, visit.now_ms)
    if view is None:
        raise no_such_payout(payout)
    return {
        "payout": view,
        "owed": owed,
        "unmet": [each for each in view.expectations if each.state != "met"],
        "timeline": timeline.drawn(visit, view.timeline, view.expectations),
        "legs": view.legs[:LEGS_SHOWN],
        "leg_view": LegView,
        "dispute_view": DisputeView,
        "expectation_view": ExpectationView,
        "late_by": timeline.LATE_BY,
        "twin": f"/v1/payouts/{payout}",
        "live": f"/live?subject=payout:{payout}",
    }
