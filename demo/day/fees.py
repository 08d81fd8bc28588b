"""The fees of a generated day: the terms, a charge for every capture, the month's invoice.

The institution's billing works from its own list of captures. So it also charges for one whose
notification never reached the node, which the node refuses.
"""

from __future__ import annotations

from hashlib import sha256

from demo.day.cast import CURRENCY, Plan
from demo.day.dice import Dice
from demo.day.fee_tally import FeeTally, fee_of, terms_for
from demo.day.rows import (
    REVERSE,
    CaptureRow,
    Day,
    FeeRow,
    InvoiceRow,
    ProfitRow,
    TermsRow,
    moment,
    stamp,
)
from demo.day.tally import shares

_CHARGE_TIME = "23:05:00"
_MINUTE_MS = 60_000
_OWNER_PPM = 333_333
_OWNERS_PPM = 700_000
_MILLION = 1_000_000
_DELAY = "D+0"


def terms(plan: Plan) -> tuple[TermsRow, ...]:
    """Return the fee agreements: 0.38 % in general, 0.6 % with bounds for cards."""
    month = plan.date[:7]
    both = TermsRow(
        agreement=f"fee-{month}",
        channel="",
        currency=CURRENCY,
        rate_ppm=3_800,
        minimum=1,
        maximum=0,
        effective_from=f"{month}-01",
        agreed_at=f"{plan.date}T07:00:00.000+08:00",
        accepted_at=f"{plan.date}T07:20:00.000+08:00",
    )
    card = both._replace(
        agreement=f"fee-card-{month}", channel="card", rate_ppm=6_000, minimum=10, maximum=1_000
    )
    return both, card


def fees(day: Day, dice: Dice) -> tuple[FeeRow, ...]:
    """Return a charge for every capture that stands; a few are wrong, and corrected afterwards."""
    wrong = set(day.troubles["fee-miscalculated"])
    undone = {row.payment for row in day.captures if row.action == REVERSE}
    captures = {capture.payment: capture for capture in reversed(day.captures)}
    clock_ms = moment(f"{day.business_date}T{_CHARGE_TIME}+08:00")
    rows, corrected = [], []
    for payment in sorted(captures.keys() - undone):
        capture = captures[payment]
        clock_ms += dice.between(20, 80)
        row = _charge(capture, terms_for(day.terms, capture.channel), clock_ms)
        if payment in wrong:
            corrected.append(row._replace(record=f"{row.record}-b"))
            row = row._replace(amount=row.amount + 1)
        rows.append(row)
    clock_ms += _MINUTE_MS
    return (*rows, *(row._replace(charged_at=stamp(clock_ms)) for row in corrected))


def invoices(day: Day, dice: Dice, tally: FeeTally) -> tuple[InvoiceRow, ...]:
    """Return the invoice of the day's month, stated and paid when the month is over."""
    period = day.business_date[:7]
    amount, charges = tally.accrued(period)
    stated_on = day.dates.after_month(day.business_date)
    invoice = InvoiceRow(
        invoice=f"inv-{period}",
        period=period,
        amount=amount,
        currency=CURRENCY,
        charges=charges,
        invoiced_at=f"{stated_on}T10:00:00.000+08:00",
        bank_reference=sha256(dice.octets(32)).hexdigest(),
        paid_at=f"{stated_on}T15:00:00.000+08:00",
    )
    return (invoice,)


def profits(plan: Plan, day: Day) -> tuple[ProfitRow, ...]:
    """Return how the income of the day's invoices is shared: a part for each owner.

    The delay is D+0, so that the share may follow the settlement on the same day.
    """
    ppm = min(_OWNER_PPM, _OWNERS_PPM // len(plan.owners))
    rest = _MILLION - ppm * len(plan.owners)
    parts = {plan.institution: rest, **dict.fromkeys(plan.owners, ppm)}
    rows = []
    for invoice in day.invoices:
        amounts = shares(invoice.amount, list(parts.values()))
        for (party, part), amount in zip(parts.items(), amounts, strict=True):
            rows.append(_portion(plan, invoice, party, part)._replace(amount=amount))
    return tuple(rows)


def _charge(capture: CaptureRow, agreed: TermsRow, at_ms: int) -> FeeRow:
    return FeeRow(
        record=capture.record.replace("cap-", "fee-"),
        payment=capture.payment,
        agreement=agreed.agreement,
        amount=fee_of(agreed, capture.amount),
        currency=capture.currency,
        charged_at=stamp(at_ms),
    )


def _portion(plan: Plan, invoice: InvoiceRow, party: str, ppm: int) -> ProfitRow:
    own = party == plan.institution
    shared_on = invoice.paid_at[:10]
    return ProfitRow(
        agreement=f"profit-{invoice.period}",
        effective_from=invoice.period,
        delay=_DELAY,
        party=party,
        ppm=ppm,
        agreed_at=f"{plan.date}T07:05:00.000+08:00",
        accepted_at="" if own else f"{plan.date}T07:25:00.000+08:00",
        share=f"share-{invoice.period}",
        invoice=invoice.invoice,
        amount=0,
        currency=invoice.currency,
        shared_at=f"{shared_on}T16:00:00.000+08:00",
        received_at="" if own else f"{shared_on}T17:00:00.000+08:00",
    )
