"""The fees of a generated day: the terms, a charge for every capture, the month's invoice.

The institution's billing works from its own list of captures. So it also charges for one whose
notification never reached the node, which the node refuses.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from msgspec.structs import asdict, replace

from demo.day.cast import CURRENCY, DayPlan
from demo.day.dice import Dice
from demo.day.fee_tally import FeeTally, fee_of, terms_for
from demo.day.lines import Agreements, DayFiles, DayLine, DayLines, Invoices, Profits, at, records
from demo.day.tally import shares
from ledger.contracts.fee_agreements import FeeAccepted, FeeAgreed
from ledger.contracts.fee_invoices import FeeInvoiced, FeeSettled
from ledger.contracts.fees import FeeCharged
from ledger.contracts.payments import PaymentCaptured
from ledger.contracts.profit_agreements import ProfitAccepted, ProfitAgreed, Recipient
from ledger.contracts.profits import Portion, ProfitConfirmed, ProfitShared
from ledger.contracts.reversals import PaymentReversed

_CHARGE_TIME = "23:05"
_MINUTE_MS = 60_000
_OWNER_PPM = 333_333
_OWNERS_PPM = 700_000
_MILLION = 1_000_000
_DELAY = "D+0"


def terms(plan: DayPlan) -> Agreements:
    """Return the agreements: on fees, which the platform accepts, and on profit.

    The fee is 0.38 % in general, 0.6 % with bounds for cards.
    """
    month = plan.date[:7]
    both = FeeAgreed(
        id=f"fee-{month}.agreed",
        at=at(plan.date, "07:00"),
        agreement=f"fee-{month}",
        currency=CURRENCY,
        rate_ppm=3_800,
        minimum=1,
        effective_from=f"{month}-01",
    )
    card = replace(
        both,
        id=f"fee-card-{month}.agreed",
        agreement=f"fee-card-{month}",
        channel="card",
        rate_ppm=6_000,
        minimum=10,
        maximum=1_000,
    )
    lines: list[DayLine[Any]] = []
    for offer in (both, card):
        accepted = {"id": f"{offer.agreement}.accepted", "at": at(plan.date, "07:20")}
        lines.append(DayLine(plan.institution, offer))
        lines.append(DayLine(plan.platform, FeeAccepted(**{**asdict(offer), **accepted})))
    return (*lines, *_profit_terms(plan))


def _profit_terms(plan: DayPlan) -> Iterator[DayLine[ProfitAgreed | ProfitAccepted]]:
    """Yield how the income of the month is shared: a part for each owner.

    The delay is D+0, so that the share may follow the settlement on the same day.
    """
    month = plan.date[:7]
    ppm = min(_OWNER_PPM, _OWNERS_PPM // len(plan.owners))
    rest = _MILLION - ppm * len(plan.owners)
    parts = {plan.institution: rest, **dict.fromkeys(plan.owners, ppm)}
    agreement, said = f"profit-{month}", {"currency": CURRENCY, "effective_from": month}
    offer = ProfitAgreed(
        id=f"{agreement}.agreed",
        at=at(plan.date, "07:05"),
        agreement=agreement,
        delay=_DELAY,
        recipients=tuple(Recipient(party=party, ppm=part) for party, part in parts.items()),
        **said,
    )
    yield DayLine(plan.institution, offer)
    for owner in plan.owners:
        acceptance = ProfitAccepted(
            id=f"{agreement}.accepted",
            at=at(plan.date, "07:25"),
            agreement=agreement,
            delay=_DELAY,
            ppm=ppm,
            **said,
        )
        yield DayLine(owner, acceptance)


def fees(day: DayFiles, dice: Dice) -> DayLines[FeeCharged]:
    """Return a charge for every capture that stands; a few are wrong, and corrected afterwards."""
    wrong = set(day.troubles["fee-miscalculated"])
    undone = {row.payment for row in records(day.captures, PaymentReversed)}
    captures = {row.payment: row for row in reversed(records(day.captures, PaymentCaptured))}
    agreed = records(day.terms, FeeAgreed)
    now_ms = at(day.business_date, _CHARGE_TIME)
    charges, corrected = [], []
    for payment in sorted(captures.keys() - undone):
        capture = captures[payment]
        now_ms += dice.between(20, 80)
        charge = _charge(capture, terms_for(agreed, capture.channel), now_ms)
        if payment in wrong:
            corrected.append(replace(charge, id=f"{charge.id}-b"))
            charge = replace(charge, amount=charge.amount + 1)
        charges.append(charge)
    charges += [replace(charge, at=now_ms + _MINUTE_MS) for charge in corrected]
    return tuple(DayLine(day.institution, charge) for charge in charges)


def _charge(capture: PaymentCaptured, agreed: FeeAgreed, at_ms: int) -> FeeCharged:
    return FeeCharged(
        id=capture.id.replace("cap-", "fee-"),
        at=at_ms,
        payment=capture.payment,
        agreement=agreed.agreement,
        amount=fee_of(agreed, capture.amount),
        currency=capture.currency,
    )


def invoices(day: DayFiles, dice: Dice, tally: FeeTally) -> Invoices:
    """Return the invoice of the day's month, stated and paid when the month is over."""
    period = day.business_date[:7]
    amount, count = tally.accrued(period)
    stated_on = day.dates.after_month(day.business_date)
    invoice, paid_ms = f"inv-{period}", at(stated_on, "15:00")
    stated = FeeInvoiced(
        id=f"{invoice}.invoiced",
        at=at(stated_on, "10:00"),
        invoice=invoice,
        period=period,
        amount=amount,
        currency=CURRENCY,
        count=count,
    )
    settled = FeeSettled(
        id=f"{invoice}.settled",
        at=paid_ms,
        invoice=invoice,
        amount=amount,
        currency=CURRENCY,
        paid_at=paid_ms,
        bank_reference=sha256(dice.octets(32)).hexdigest(),
    )
    return DayLine(day.institution, stated), DayLine(day.platform, settled)


def profits(day: DayFiles) -> Profits:
    """Return how the income of the day's invoice is shared, and what reached its owners."""
    (agreed,), (invoice,) = records(day.terms, ProfitAgreed), records(day.invoices, FeeInvoiced)
    shared_on = day.dates.after_month(day.business_date)
    share, received_ms = f"share-{invoice.period}", at(shared_on, "17:00")
    amounts = shares(invoice.amount, [each.ppm for each in agreed.recipients])
    parts = {each.party: part for each, part in zip(agreed.recipients, amounts, strict=True)}
    shared = ProfitShared(
        id=f"{share}.shared",
        at=at(shared_on, "16:00"),
        share=share,
        invoice=invoice.invoice,
        agreement=agreed.agreement,
        amount=invoice.amount,
        currency=invoice.currency,
        portions=tuple(Portion(party=party, amount=part) for party, part in parts.items()),
    )
    lines: list[DayLine[Any]] = [DayLine(day.institution, shared)]
    for party in (party for party in parts if party != day.institution):
        received = ProfitConfirmed(
            id=f"{share}.confirmed",
            at=received_ms,
            share=share,
            amount=parts[party],
            currency=invoice.currency,
            received_at=received_ms,
        )
        lines.append(DayLine(party, received))
    return tuple(lines)
