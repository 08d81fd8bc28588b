"""Random months of fees: what accrued is what was posted, an invoice is its charges, all balances.

Any author says anything about few payments, agreements and invoices, often right and often wrong.
The kit checks after every block that the books balance (I6); the claims below are checked as well.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.contracts.fee_agreements import FeeAgreement
from ledger.contracts.fee_invoices import FeeInvoice
from ledger.contracts.fees import FeeCharge, FeePeriod, StaleCharges, charge_state
from ledger.contracts.halves import Capture
from ledger.contracts.profit_agreements import ProfitAgreement, ProfitTerm
from ledger.contracts.profits import ProfitPortion, ProfitShare
from ledger.expectations import Expectation
from ledger.state import Row
from tests.ledger.fee_kit import (
    agreed,
    charge_of,
    closing,
    confirmation_of,
    consent,
    consented,
    invoice_of,
    others_in_books,
    parts,
    plan,
    portions,
    reversal_of,
    settlement_of,
    share_of,
    terms,
)
from tests.ledger.ledger_kit import DAY, MORNING, Ledger, captured

Move = tuple[str, str, dict[str, Any]]

PAYMENT = st.sampled_from(["P1", "P2", "P3", "P4", "P5"])
AMOUNT = st.sampled_from([1, 83, 84, 10_000, 123_457])
FEE_AGREEMENT = st.sampled_from(["A1", "A2", "A3"])
PROFIT_AGREEMENT = st.sampled_from(["S1", "S2"])
INVOICE = st.sampled_from(["I1", "I2", "I3"])
SHARE = st.sampled_from(["D1", "D2"])
RATE = st.sampled_from([0, 3800, 6000])
MONTH = st.sampled_from(["2026-01", "2026-02", "2026-03"])
RECIPIENT = st.sampled_from(["platform", "funder"])


@st.composite
def a_payment(draw: st.DrawFn) -> Move:
    payment = draw(PAYMENT)
    if draw(st.integers(0, 4)) == 0:
        return "institution", "payment.reversed", {"payment": payment, "reason": "void"}
    fields = captured(payment, draw(AMOUNT), captured_at=MORNING + draw(st.integers(0, 70)) * DAY)
    return "institution", "payment.captured", fields


@st.composite
def an_agreement(draw: st.DrawFn) -> Move:
    author, type_ = draw(
        st.sampled_from([("institution", "fee.agreed"), ("platform", "fee.accepted")])
    )
    bounds: dict[str, Any] = draw(st.sampled_from([{}, {"minimum": 2}, {"maximum": 50}]))
    channel: dict[str, Any] = draw(st.sampled_from([{}, {"channel": "wechat"}]))
    day = draw(st.sampled_from(["2026-01-01", "2026-02-01"]))
    name, rate = draw(FEE_AGREEMENT), draw(RATE)
    return author, type_, terms(name, rate_ppm=rate, effective_from=day, **bounds, **channel)


@st.composite
def a_closing(draw: st.DrawFn) -> Move:
    kind, name = draw(st.sampled_from([("fee", FEE_AGREEMENT), ("profit", PROFIT_AGREEMENT)]))
    author = draw(st.sampled_from(["institution", "platform"]))
    return author, "offer.closed", closing(draw(name), kind)


@st.composite
def a_charge(draw: st.DrawFn) -> Move:
    payment = draw(PAYMENT)
    if draw(st.integers(0, 4)) == 0:
        return "institution", "fee.reversed", reversal_of(payment)
    return "institution", "fee.charged", charge_of(payment, agreement=draw(FEE_AGREEMENT))


@st.composite
def an_invoice(draw: st.DrawFn) -> Move:
    if draw(st.booleans()):
        return "platform", "fee.settled", settlement_of(draw(INVOICE))
    return "institution", "fee.invoiced", invoice_of(draw(INVOICE), period=draw(MONTH))


@st.composite
def a_share(draw: st.DrawFn) -> Move:
    if draw(st.integers(0, 2)):
        return draw(RECIPIENT), "profit.confirmed", confirmation_of(share=draw(SHARE))
    fields = share_of(draw(SHARE), invoice=draw(INVOICE), agreement=draw(PROFIT_AGREEMENT))
    return "institution", "profit.shared", fields


@st.composite
def a_plan(draw: st.DrawFn) -> Move:
    name, author = draw(PROFIT_AGREEMENT), draw(RECIPIENT)
    ppm = draw(st.sampled_from([0, 333_333]))
    both = {"effective_from": draw(MONTH), "delay": "D+1"}
    if draw(st.booleans()):
        return author, "profit.accepted", consent(name, ppm, **both)
    ratios = parts(institution=1_000_000 - 2 * ppm, platform=ppm, funder=ppm)
    return "institution", "profit.agreed", plan(name, recipients=ratios, **both)


MOVES = st.one_of(
    a_payment(),
    an_agreement(),
    a_plan(),
    a_closing(),
    a_charge(),
    a_charge(),
    an_invoice(),
    an_invoice(),
    a_share(),
)


def as_it_should_be(ledger: Ledger, type_: str, stated: dict[str, Any]) -> dict[str, Any]:
    """Return what a careful author would state, worked out here and not by the contracts."""
    if type_ == "payment.captured":
        return {**stated, "captured_at": min(stated["captured_at"], ledger.now)}
    if type_ == "fee.charged":
        open_ones = [c.payment for c in all_of(ledger, Capture) if c.stands]
        known = [(c, ledger.get(Capture, c.payment)) for c in all_of(ledger, FeeCharge) if c.stands]
        charged = {c.payment for c, at in known if at is None or at.entry == c.capture_entry}
        payment = next((p for p in open_ones if p not in charged), stated["payment"])
        return {
            **stated,
            "payment": payment,
            "amount": right_fee(ledger, {**stated, "payment": payment}) or 1,
        }
    if type_ == "fee.invoiced":
        return right_invoice(ledger, stated)
    if type_ == "fee.settled":
        unpaid = [row for row in all_of(ledger, FeeInvoice) if row.state != "settled"]
        return settlement_of(unpaid[0].invoice, unpaid[0].amount) if unpaid else stated
    if type_ == "profit.confirmed":
        owed = [
            row for row in all_of(ledger, ProfitPortion) if row.state in {"awaited", "conflicting"}
        ]
        return confirmation_of(owed[0].amount, share=owed[0].share) if owed else stated
    return right_share(ledger, stated) if type_ == "profit.shared" else stated


def right_invoice(ledger: Ledger, stated: dict[str, Any]) -> dict[str, Any]:
    charges = [row for row in all_of(ledger, FeeCharge) if row.stands]
    left = [row.period for row in all_of(ledger, FeePeriod) if not row.invoice]
    period = min(left, default=stated["period"])
    amounts = [row.amount for row in charges if row.period == period]
    used = {row.invoice for row in all_of(ledger, FeeInvoice)}
    invoice = next((name for name in ("I1", "I2", "I3") if name not in used), "I1")
    return invoice_of(invoice, sum(amounts) or 1, count=len(amounts) or 1, period=period)


def right_fee(ledger: Ledger, stated: dict[str, Any]) -> int:
    capture = ledger.get(Capture, stated["payment"])
    agreement = ledger.get(FeeAgreement, stated["agreement"])
    if capture is None or agreement is None:
        return 0
    exact = Fraction(capture.amount * agreement.rate_ppm, 1_000_000)
    fee = max(int(exact + Fraction(1, 2)), agreement.minimum)
    return min(fee, agreement.maximum or fee)


def right_share(ledger: Ledger, stated: dict[str, Any]) -> dict[str, Any]:
    ready = [row for row in all_of(ledger, FeeInvoice) if row.state == "settled" and not row.share]
    agreement = ledger.get(ProfitAgreement, stated["agreement"])
    if not ready or agreement is None:
        return stated
    invoice = ready[0]
    exact = [
        Fraction(invoice.amount * ledger.row(ProfitTerm, agreement.agreement, party).ppm, 1_000_000)
        for party in agreement.parties
    ]
    amounts = [int(each) for each in exact]
    order = sorted(range(len(exact)), key=lambda i: (int(exact[i]) - exact[i], i))
    for place in order[: invoice.amount - sum(amounts)]:
        amounts[place] += 1
    named = dict(zip(agreement.parties, amounts, strict=True))
    whole = {"invoice": invoice.invoice, "amount": invoice.amount}
    return {**stated, **whole, "portions": portions(**named)}


def all_of(ledger: Ledger, kind: type[Row]) -> list[Any]:
    return list(ledger.rows().get(kind.TABLE, []))


def check_fees(ledger: Ledger) -> None:
    """The accruals are the charges, the accounts are the accruals, an invoice is its charges."""
    sums: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for charge in all_of(ledger, FeeCharge):
        if charge.stands:
            sums[charge.period] += charge.amount
            counts[charge.period] += 1
    periods = {row.period: row for row in all_of(ledger, FeePeriod)}
    assert {name: row.amount for name, row in periods.items()} == sums
    assert {name: row.count for name, row in periods.items()} == counts
    invoices = {row.invoice: row for row in all_of(ledger, FeeInvoice)}
    for invoice in invoices.values():
        assert (invoice.amount, invoice.count) == (sums[invoice.period], counts[invoice.period])
        assert periods[invoice.period].invoice == invoice.invoice
    check_stale(ledger, periods)
    received = {row.period for row in invoices.values() if row.state == "settled"}
    owed = sum(amount for period, amount in sums.items() if period not in received)
    assert ledger.balance("fee_due:platform") == owed
    check_income(ledger, sum(sums.values()), sum(sums[period] for period in received))


def check_stale(ledger: Ledger, periods: dict[str, FeePeriod]) -> None:
    """Of every stale charge, and of no other, the reversal is awaited; all are counted."""
    stale: dict[str, set[str]] = {}
    for charge in all_of(ledger, FeeCharge):
        capture = ledger.get(Capture, charge.payment)
        if charge_state(charge, capture, periods.get(charge.period)) == "stale":
            stale.setdefault(charge.period, set()).add(charge.payment)
    counted = all_of(ledger, StaleCharges)
    assert {row.period: set(row.payments) for row in counted} == stale
    assert {row.period: row.count for row in counted} == {k: len(v) for k, v in stale.items()}
    awaited = {
        row.subject.removeprefix("payment:")
        for row in all_of(ledger, Expectation)
        if (row.kind, row.state) == ("fee-reversal", "open")
    }
    assert awaited == {name for names in stale.values() for name in names}


def check_offers(ledger: Ledger) -> None:
    """An acceptance is awaited as long as its offer is open; who contradicts it may go on."""
    rows = [*all_of(ledger, FeeAgreement), *all_of(ledger, ProfitAgreement)]
    is_open = {row.agreement: row.state in {"offered", "conflicting"} for row in rows}
    awaited: dict[str, bool] = dict.fromkeys(is_open, False)
    for row in all_of(ledger, Expectation):
        if row.kind.endswith("-acceptance"):
            name = row.subject.partition(":")[2].partition("/")[0]
            awaited[name] |= row.state == "open" or (row.state == "conflicting" and is_open[name])
    assert awaited == is_open


def check_income(ledger: Ledger, earned: int, received: int) -> None:
    """All income is earned by charges, and who has income has the money or a claim for it."""
    gone = 0
    portions_of = all_of(ledger, ProfitPortion)
    for party in ("platform", "funder"):
        own = [row for row in portions_of if row.party == party and row.state == "confirmed"]
        amount = sum(row.amount for row in own)
        assert ledger.balance(f"fee_income:{party}") == -amount
        assert ledger.balance(f"fee_received:{party}") == amount
        gone += amount
    assert ledger.balance("fee_income:institution") == gone - earned
    assert ledger.balance("fee_received:institution") == received - gone
    for share in all_of(ledger, ProfitShare):
        amounts = [row.amount for row in portions_of if row.share == share.share]
        assert sum(amounts) == share.amount


def play(ledger: Ledger, moves: list[tuple[Move, int]]) -> Counter[str]:
    """Let the moves happen, most of them as a careful author would; return what was applied."""
    applied: Counter[str] = Counter()
    for (author, type_, stated), luck in moves:
        ledger.now += luck * DAY
        fields = as_it_should_be(ledger, type_, stated) if luck else stated
        before = ledger.rows()
        money = others_in_books(ledger)
        if ledger.state(author, type_, **fields).refusals:
            assert ledger.rows() == before
        else:
            applied[type_] += 1
        if not type_.startswith("payment"):
            assert others_in_books(ledger) == money, "fees never touch the customers' money"
        check_fees(ledger)
        check_offers(ledger)
    return applied


@settings(max_examples=60)
@given(st.lists(st.tuples(MOVES, st.integers(0, 9)), min_size=20, max_size=60))
def test_random_months_keep_accruals_invoices_and_books_together(
    moves: list[tuple[Move, int]],
) -> None:
    ledger = consented(agreed())
    for payment, day in (("P4", 3), ("P5", 30)):
        ledger.now = MORNING + day * DAY
        ledger.capture(payment, captured_at=ledger.now)
    play(ledger, moves)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(PAYMENT, AMOUNT, st.integers(0, 40)), max_size=8), st.permutations([0, 1])
)
def test_a_careful_month_goes_through_to_the_last_confirmation(
    captures: list[tuple[str, int, int]], turns: list[int]
) -> None:
    ledger = consented(agreed())
    moves: list[tuple[Move, int]] = []
    for payment, amount, day in captures:
        fields = captured(payment, amount, captured_at=MORNING + day * DAY)
        moves.append((("institution", "payment.captured", fields), 1))
        moves.append((("institution", "fee.charged", charge_of(payment)), 1))
    moves.append((("institution", "fee.charged", charge_of()), 1))
    play(ledger, moves)
    ledger.now = max(ledger.now, MORNING + 30 * DAY)
    last: list[Move] = [
        ("institution", "fee.invoiced", invoice_of()),
        ("platform", "fee.settled", settlement_of()),
    ]
    assert play(ledger, [(move, 1) for move in last]).total() == 2
    ledger.now += 5 * DAY
    assert play(ledger, [(("institution", "profit.shared", share_of()), 1)]).total() == 1
    awaited = [row for row in all_of(ledger, ProfitPortion) if row.state == "awaited"]
    for row in [awaited[turn] for turn in turns if turn < len(awaited)]:
        stated = confirmation_of(row.amount)
        assert play(ledger, [((row.party, "profit.confirmed", stated), 0)]).total() == 1
    assert not [row for row in all_of(ledger, ProfitPortion) if row.state == "awaited"]


def test_the_checker_of_accruals_bites() -> None:
    ledger = agreed()
    ledger.apply("institution", "fee.charged", **charge_of())
    check_fees(ledger)
    period = ledger.row(FeePeriod, "2026-01", "CNY")
    ledger.view.changes[FeePeriod][period.key] = FeePeriod("2026-01", "CNY", 61, 1, "")
    with pytest.raises(AssertionError):
        check_fees(ledger)
