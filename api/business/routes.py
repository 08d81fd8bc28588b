"""All routes that show what the records of the log add up to."""

from __future__ import annotations

from fastapi import APIRouter

from api.business.agreements import agreement_routes
from api.business.balances import balance_routes
from api.business.calendars import calendar_routes
from api.business.disputes import dispute_routes
from api.business.due import due_routes
from api.business.expectations import expectation_routes
from api.business.fees import fee_routes
from api.business.payments import payment_routes
from api.business.payout_legs import payout_leg_routes
from api.business.payouts import payout_routes
from api.business.receivers import receiver_routes
from api.business.refunds import refund_routes
from api.business.search import search_routes
from api.reading import Reading


def business_routes(reading: Reading) -> APIRouter:
    """Return the router that shows what the records of a ledger add up to."""
    router = reading.router("business")
    for add in (
        payment_routes,
        due_routes,  # before /v1/payouts/{payout}
        payout_routes,
        payout_leg_routes,
        receiver_routes,
        refund_routes,
        fee_routes,
        dispute_routes,
        agreement_routes,
        expectation_routes,
        search_routes,
        balance_routes,
        calendar_routes,
    ):
        add(router, reading)
    return router
