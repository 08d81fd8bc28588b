"""Every listing there is."""

from __future__ import annotations

from views.agreements import FEE_AGREEMENTS, PROFIT_AGREEMENTS
from views.balances import BALANCES
from views.compensations import COMPENSATIONS, COMPENSATIONS_DUE
from views.disputes import DISPUTES
from views.due import DUE_PAYOUTS
from views.expectations import EXPECTATIONS, UNMET_SUMS
from views.fees import CHARGES, FEES
from views.listing import Listing
from views.loans import LOANS
from views.overdue import OVERDUE
from views.payout_legs import PAYOUT_LEGS
from views.payouts import PAYOUTS
from views.refund_float import FLOATS, MOVEMENTS
from views.refunds import REFUNDS
from views.repayments import REPAYMENTS
from views.search import SEARCH

LISTINGS: tuple[Listing, ...] = (
    DUE_PAYOUTS,
    PAYOUTS,
    PAYOUT_LEGS,
    REFUNDS,
    FLOATS,
    MOVEMENTS,
    FEES,
    CHARGES,
    DISPUTES,
    FEE_AGREEMENTS,
    PROFIT_AGREEMENTS,
    EXPECTATIONS,
    UNMET_SUMS,
    SEARCH,
    BALANCES,
    OVERDUE,
    LOANS,
    REPAYMENTS,
    COMPENSATIONS_DUE,
    COMPENSATIONS,
)
