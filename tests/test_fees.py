"""Fees: an agreed rate, to the last minor unit; a month invoiced as a whole; never the reserve."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from ledger.contracts import decode_record
from ledger.contracts.fee_agreements import FeeAgreement, FeeTariff, fee_of
from ledger.contracts.fee_invoices import FeeInvoice
from ledger.contracts.fees import CURRENT, FeeCharge, FeePeriod, StaleCharges, charge_state
from ledger.contracts.halves import Capture
from ledger.errors import DecodeError
from ledger.expectations import Expectation
from ledger.genesis import DUE_MS
from ledger.limits import (
    FEE_MAXIMUM_MAX,
    FEE_MINIMUM_MAX,
    FEE_RATE_PPM_MAX,
    STALE_NAMED_MAX,
)
from tests.fee_kit import (
    FEBRUARY,
    agree,
    agreed,
    charge,
    charge_of,
    charged,
    invoice_of,
    invoiced,
    month_over,
    offered,
    reversal_of,
    settled,
    settlement_of,
    stale,
    terms,
)
from tests.ledger_kit import DAY, HEX, MINUTE, MORNING, Ledger, opened

JANUARY = ("2026-01", "CNY")
ACCRUED = {"fee_due:platform": 60, "fee_income:institution": -60}
RECEIVED = {"fee_received:institution": 60, "fee_income:institution": -60}


def fees_in_books(ledger: Ledger) -> dict[str, int]:
    return {name: amount for name, amount in ledger.balances().items() if name.startswith("fee")}


def others_in_books(ledger: Ledger) -> dict[str, int]:
    return {k: amount for k, amount in ledger.balances().items() if not k.startswith("fee")}


def acceptance(ledger: Ledger, agreement: str = "A1") -> Expectation:
    return ledger.row(Expectation, "fee-acceptance", f"fee-agreement:{agreement}")


def settlement(ledger: Ledger) -> Expectation:
    return ledger.row(Expectation, "fee-settlement", "invoice:I1")


def take_back(ledger: Ledger, payment: str = "P1") -> int:
    return ledger.apply("institution", "fee.reversed", **reversal_of(payment))


# --- agreements ---------------------------------------------------------------------------------


def test_an_offer_awaits_the_platform_and_is_not_in_force() -> None:
    ledger = offered()
    row = acceptance(ledger)
    assert (row.awaited, row.opener, row.state, row.amount) == (
        "platform",
        "institution",
        "open",
        0,
    )
    assert row.due_at == ledger.now + DUE_MS["fee-acceptance"]
    assert ledger.row(FeeAgreement, "A1").state == "offered"
    assert ledger.get(FeeTariff, "CNY") is None


def test_equal_terms_put_an_agreement_in_force() -> None:
    ledger = offered()
    entry = ledger.apply("platform", "fee.accepted", **terms())
    row = ledger.row(FeeAgreement, "A1")
    assert (row.state, row.accepted_entry, row.replaces) == ("in-force", entry, "")
    assert acceptance(ledger).state == "met"
    assert ledger.row(FeeTariff, "CNY") == FeeTariff("CNY", ("",), ("A1",))


@pytest.mark.parametrize(
    ("stated", "named"),
    [
        ({"rate_ppm": 3800}, "rate_ppm: agreed 6000, accepted 3800"),
        ({"minimum": 10}, "minimum: agreed none, accepted 10 (0.10 CNY)"),
        ({"maximum": 500}, "maximum: agreed none, accepted 500 (5.00 CNY)"),
        ({"channel": "alipay"}, "channel: agreed none, accepted alipay"),
        ({"currency": "USD"}, "currency: agreed CNY, accepted USD"),
        ({"effective_from": "2026-02-01"}, "agreed 2026-01-01, accepted 2026-02-01"),
        ({"rate_ppm": 0, "minimum": 7}, "rate_ppm: agreed 6000, accepted 0; minimum: "),
    ],
)
def test_terms_that_differ_conflict_and_are_named(stated: dict[str, Any], named: str) -> None:
    ledger = offered()
    ledger.apply("platform", "fee.accepted", **terms(**stated))
    assert acceptance(ledger).state == "conflicting"
    assert named in acceptance(ledger).detail
    assert ledger.row(FeeAgreement, "A1").state == "conflicting"
    ledger.capture()
    ledger.refuse("agreement-not-accepted", "institution", "fee.charged", **charge_of())


def test_the_platform_corrects_its_half_by_stating_it_again() -> None:
    ledger = offered()
    ledger.apply("platform", "fee.accepted", **terms(rate_ppm=3800))
    ledger.apply("platform", "fee.accepted", **terms())
    assert ledger.row(FeeAgreement, "A1").state == "in-force"
    assert (acceptance(ledger).state, acceptance(ledger).detail) == ("met", "")


def test_the_institution_corrects_its_half_and_the_platform_is_asked_again() -> None:
    ledger = offered()
    ledger.apply("platform", "fee.accepted", **terms(rate_ppm=3800))
    ledger.apply("institution", "fee.agreed", **terms(rate_ppm=3800))
    row = ledger.row(FeeAgreement, "A1")
    assert (row.state, row.rate_ppm) == ("offered", 3800)
    assert acceptance(ledger).state == "open"
    ledger.apply("platform", "fee.accepted", **terms(rate_ppm=3800))
    assert ledger.row(FeeAgreement, "A1").state == "in-force"


def test_an_offer_stated_again_before_the_answer_keeps_the_age_of_what_it_awaits() -> None:
    ledger = offered()
    before = acceptance(ledger)
    ledger.now += MINUTE
    ledger.apply("institution", "fee.agreed", **terms(rate_ppm=5000))
    assert acceptance(ledger) == before


def test_what_is_in_force_is_neither_restated_nor_accepted_twice() -> None:
    ledger = agreed()
    ledger.refuse("agreement-in-force", "institution", "fee.agreed", **terms())
    ledger.refuse("already-accepted", "platform", "fee.accepted", **terms())


def test_an_offer_takes_effect_on_a_day_of_the_calendar() -> None:
    stated = terms(effective_from="2026-02-30")
    opened().refuse("no-such-date", "institution", "fee.agreed", **stated)


def test_the_smallest_fee_is_not_above_the_largest() -> None:
    ledger = opened()
    stated = terms(minimum=11, maximum=10)
    refused = ledger.refuse("fee-bounds", "institution", "fee.agreed", **stated)
    assert (refused.expected, refused.got) == ("a minimum up to 10 (0.10 CNY)", "11 (0.11 CNY)")
    agree(ledger, minimum=10, maximum=10)


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("rate_ppm", FEE_RATE_PPM_MAX),
        ("minimum", FEE_MINIMUM_MAX),
        ("maximum", FEE_MAXIMUM_MAX),
    ],
)
def test_terms_that_no_fee_has_are_refused(name: str, bound: int) -> None:
    ledger = opened()
    stated = terms(**{name: bound + 1})
    refused = ledger.refuse("fee-terms-out-of-range", "institution", "fee.agreed", **stated)
    assert (refused.expected, refused.got) == (f"a {name} of at most {bound}", str(bound + 1))
    agree(ledger, **{name: bound})


def test_a_new_agreement_takes_effect_no_earlier_than_the_one_it_replaces() -> None:
    ledger = agreed()
    early = terms("A2", effective_from="2025-12-31")
    refused = ledger.refuse("effective-too-early", "institution", "fee.agreed", **early)
    assert (refused.expected, refused.got) == ("2026-01-01 or later", "2025-12-31")
    agree(ledger, "A2")
    assert ledger.row(FeeAgreement, "A2").replaces == "A1"


def test_an_agreement_takes_effect_within_ten_years() -> None:
    ledger = opened()
    late = terms(effective_from="2036-01-06")
    refused = ledger.refuse("effective-too-late", "institution", "fee.agreed", **late)
    assert (refused.expected, refused.got) == ("2036-01-05 or earlier", "2036-01-06")
    ledger.refuse(
        "effective-too-late", "institution", "fee.agreed", **terms(effective_from="9999-12-31")
    )
    agree(ledger, effective_from="2036-01-05")


def test_the_order_of_effect_is_checked_again_when_an_offer_is_accepted() -> None:
    ledger = opened()
    for name, day in (("A1", "2026-01-01"), ("A2", "2026-02-01")):
        ledger.apply("institution", "fee.agreed", **terms(name, effective_from=day))
    ledger.apply("platform", "fee.accepted", **terms("A2", effective_from="2026-02-01"))
    ledger.refuse("effective-too-early", "platform", "fee.accepted", **terms())
    ledger.apply("institution", "fee.agreed", **terms(effective_from="2026-02-01"))
    ledger.apply("platform", "fee.accepted", **terms(effective_from="2026-02-01"))


# --- charges ------------------------------------------------------------------------------------


def test_a_charge_accrues_and_leaves_the_payment_and_the_reserve_alone() -> None:
    ledger = agreed()
    before = others_in_books(ledger)
    entry = charge(ledger)
    assert fees_in_books(ledger) == ACCRUED
    assert others_in_books(ledger) == before == {"reserve": 10_000, "suspense:P1": -10_000}
    assert ledger.row(FeePeriod, *JANUARY) == FeePeriod("2026-01", "CNY", 60, 1, "")
    row = ledger.row(FeeCharge, "P1", CURRENT)
    assert (row.agreement, row.amount, row.period, row.entry) == ("A1", 60, "2026-01", entry)


@pytest.mark.parametrize(
    ("amount", "rate", "minimum", "maximum", "fee"),
    [
        (10_000, 6000, 0, 0, 60),
        (83, 6000, 0, 0, 0),  # 0.498
        (84, 6000, 0, 0, 1),  # 0.504
        (250, 6000, 0, 0, 2),  # 1.5: half up
        (100, 6000, 10, 0, 10),
        (10_000, 6000, 0, 50, 50),
        (10_000, 0, 25, 0, 25),
        (2**53 - 1, 1_000_000, 0, 0, 2**53 - 1),
    ],
)
def test_a_fee_is_the_rate_rounded_half_up_and_bounded(
    amount: int, rate: int, minimum: int, maximum: int, fee: int
) -> None:
    row = FeeAgreement("A", "CNY", "2026-01-01", "in-force", "", 1, 2, "", rate, minimum, maximum)
    assert fee_of(row, amount) == fee


def test_an_amount_that_is_not_the_fee_is_refused_with_the_fee() -> None:
    ledger = opened()
    agree(ledger, minimum=10, maximum=50)
    ledger.capture()
    refused = ledger.refuse("fee-differs", "institution", "fee.charged", **charge_of(amount=60))
    assert (refused.expected, refused.got) == ("50 (0.50 CNY)", "60 (0.60 CNY)")
    assert "6000 ppm" in refused.message
    assert "at least 10 (0.10 CNY), at most 50 (0.50 CNY)" in refused.message


def test_a_payment_whose_fee_is_nothing_is_not_charged() -> None:
    ledger = agreed()
    ledger.capture("P2", amount=83)
    stated = charge_of("P2", amount=1)
    refused = ledger.refuse("fee-differs", "institution", "fee.charged", **stated)
    assert refused.expected == "no charge, since the fee is nothing"


def test_a_payment_is_charged_once() -> None:
    ledger = charged()
    refused = ledger.refuse("already-charged", "institution", "fee.charged", **charge_of())
    assert refused.got.startswith("60 (0.60 CNY), charged in entry")


def test_only_a_standing_capture_is_charged_and_in_its_currency() -> None:
    ledger = agreed()
    ledger.refuse("not-captured", "institution", "fee.charged", **charge_of("P9"))
    dollars = charge_of(currency="USD")
    refused = ledger.refuse("wrong-currency", "institution", "fee.charged", **dollars)
    assert (refused.expected, refused.got) == ("CNY", "USD")
    ledger.apply("institution", "payment.reversed", payment="P1", reason="void")
    ledger.refuse("not-captured", "institution", "fee.charged", **charge_of())


def test_a_charge_names_a_known_agreement() -> None:
    stated = charge_of(agreement="A9")
    agreed().refuse("unknown-agreement", "institution", "fee.charged", **stated)


def test_the_agreement_of_the_captures_date_counts_and_not_the_newest() -> None:
    ledger = agreed()
    agree(ledger, "A2", effective_from="2026-01-10", rate_ppm=3800)
    ledger.now = MORNING + 5 * DAY
    ledger.capture("P2", captured_at=ledger.now)
    newest = charge_of(agreement="A2", amount=38)
    refused = ledger.refuse("agreement-not-in-force", "institution", "fee.charged", **newest)
    assert (refused.expected, refused.got) == ("A1", "A2, effective from 2026-01-10")
    ledger.refuse("agreement-not-in-force", "institution", "fee.charged", **charge_of("P2"))
    charge(ledger)
    charge(ledger, "P2", 38, agreement="A2")
    assert ledger.row(FeePeriod, *JANUARY).amount == 98


def test_an_agreement_of_the_same_date_takes_the_others_place() -> None:
    ledger = agreed()
    agree(ledger, "A2", rate_ppm=3800)
    ledger.refuse("agreement-not-in-force", "institution", "fee.charged", **charge_of())
    charge(ledger, amount=38, agreement="A2")


def test_the_agreement_of_a_channel_goes_before_that_for_all() -> None:
    ledger = agreed()
    agree(ledger, "A2", channel="wechat", rate_ppm=3800)
    agree(ledger, "A3", channel="alipay", rate_ppm=5000, effective_from="2026-01-10")
    ledger.capture("P2", channel="alipay")
    ledger.refuse("agreement-not-in-force", "institution", "fee.charged", **charge_of())
    charge(ledger, amount=38, agreement="A2")
    charge(ledger, "P2")
    assert ledger.row(FeeTariff, "CNY").channels == ("", "wechat", "alipay")


def test_a_charge_before_any_agreement_took_effect_is_refused() -> None:
    ledger = agreed()
    ledger.capture("P2", captured_at=MORNING - 5 * DAY)
    stated = charge_of("P2")
    refused = ledger.refuse("agreement-not-in-force", "institution", "fee.charged", **stated)
    assert refused.expected == "no agreement, since none holds"
    assert "on 2025-12-31" in refused.message


def test_a_charge_accrues_in_the_month_of_the_captures_business_date() -> None:
    ledger = agreed()
    midnight = MORNING + 26 * DAY + 14 * 60 * MINUTE  # 2026-02-01 00:00 at UTC+8
    ledger.now = midnight
    for payment, captured_at in (("P2", midnight - 1), ("P3", midnight)):
        ledger.capture(payment, captured_at=captured_at)
        charge(ledger, payment)
    assert ledger.row(FeeCharge, "P2", CURRENT).period == "2026-01"
    assert ledger.row(FeeCharge, "P3", CURRENT).period == "2026-02"


def test_an_authors_claim_beyond_the_calendar_harms_nothing() -> None:
    fields = charge_of(at=2**53 - 1)
    agreed().refuse("time-in-future", "institution", "fee.charged", **fields)


# --- reversals of charges -----------------------------------------------------------------------


def test_a_charge_is_taken_back_and_may_be_stated_again() -> None:
    ledger = charged()
    take_back(ledger)
    assert fees_in_books(ledger) == {}
    assert ledger.get(FeePeriod, *JANUARY) is None
    refused = ledger.refuse("not-charged", "institution", "fee.reversed", **reversal_of())
    assert refused.got == f"reversed in entry {ledger.row(FeeCharge, 'P1', CURRENT).entry}"
    charge(ledger)
    assert fees_in_books(ledger) == ACCRUED


def test_a_charge_taken_back_leaves_the_others() -> None:
    ledger = charged()
    ledger.capture("P2", amount=20_000)
    charge(ledger, "P2", 120)
    take_back(ledger)
    assert ledger.row(FeePeriod, *JANUARY) == FeePeriod("2026-01", "CNY", 120, 1, "")


def state_of_charge(ledger: Ledger) -> str:
    row = ledger.row(FeeCharge, "P1", CURRENT)
    period = ledger.get(FeePeriod, row.period, row.currency)
    return charge_state(row, ledger.get(Capture, "P1"), period)


def test_the_charge_of_a_reversed_payment_is_stale_until_it_is_taken_back() -> None:
    ledger = charged()
    assert state_of_charge(ledger) == "charged"
    ledger.apply("institution", "payment.reversed", payment="P1", reason="void")
    assert state_of_charge(ledger) == "stale"
    ledger.capture(amount=20_000)
    assert state_of_charge(ledger) == "stale"
    take_back(ledger)
    assert state_of_charge(ledger) == "reversed"
    charge(ledger, amount=120)
    assert state_of_charge(ledger) == "charged"


def awaited_reversal(ledger: Ledger, payment: str = "P1") -> Expectation:
    return ledger.row(Expectation, "fee-reversal", f"payment:{payment}")


def test_a_reversed_payment_makes_the_institution_owe_the_reversal_of_its_charge() -> None:
    ledger = stale()
    owed = awaited_reversal(ledger)
    assert (owed.awaited, owed.opener, owed.state) == ("institution", "institution", "open")
    assert (owed.amount, owed.currency) == (60, "CNY")
    assert owed.due_at == ledger.now + DUE_MS["fee-reversal"]
    take_back(ledger)
    assert awaited_reversal(ledger).state == "met"
    assert ledger.get(StaleCharges, *JANUARY) is None


def test_no_reversal_is_awaited_of_what_is_not_charged_or_is_invoiced() -> None:
    for ledger in (agreed(), invoiced()):
        ledger.apply("institution", "payment.reversed", payment="P1", reason="void")
        assert ledger.get(Expectation, "fee-reversal", "payment:P1") is None
        assert ledger.get(StaleCharges, *JANUARY) is None


def test_a_charge_that_goes_stale_twice_is_counted_once_and_keeps_its_age() -> None:
    ledger = stale()
    owed = awaited_reversal(ledger)
    ledger.now += DAY
    ledger.capture()
    ledger.apply("institution", "payment.reversed", payment="P1", reason="void again")
    assert awaited_reversal(ledger) == owed
    assert ledger.row(StaleCharges, *JANUARY) == StaleCharges("2026-01", "CNY", 1, ("P1",))


def test_a_month_with_stale_charges_is_not_invoiced_and_says_which() -> None:
    ledger = charged()
    for number in range(2, STALE_NAMED_MAX + 3):
        ledger.capture(f"P{number}")
        charge(ledger, f"P{number}")
    ledger.now = FEBRUARY
    whole = invoice_of(amount=60 * 22, count=22)
    for number in range(2, STALE_NAMED_MAX + 3):
        ledger.apply("institution", "payment.reversed", payment=f"P{number}", reason="void")
    refused = ledger.refuse("stale-charge", "institution", "fee.invoiced", **whole)
    assert refused.got.startswith("21: P2, P3, ")
    assert refused.got.endswith("P21 and others")
    for number in range(2, STALE_NAMED_MAX + 2):
        take_back(ledger, f"P{number}")
    refused = ledger.refuse("stale-charge", "institution", "fee.invoiced", **invoice_of())
    assert refused.got == "1: others"
    take_back(ledger, "P22")
    ledger.apply("institution", "fee.invoiced", **invoice_of())


# --- invoices -----------------------------------------------------------------------------------


def test_an_invoice_closes_its_month_and_awaits_the_platform() -> None:
    ledger = month_over()
    entry = ledger.apply("institution", "fee.invoiced", **invoice_of())
    row = ledger.row(FeeInvoice, "I1")
    assert (row.amount, row.count, row.state, row.entry) == (60, 1, "invoiced", entry)
    assert ledger.row(FeePeriod, *JANUARY).invoice == "I1"
    assert (settlement(ledger).awaited, settlement(ledger).state) == ("platform", "open")
    assert settlement(ledger).amount == 60
    assert settlement(ledger).due_at == ledger.now + DUE_MS["fee-settlement"]
    assert fees_in_books(ledger) == ACCRUED
    assert state_of_charge(ledger) == "invoiced"


@pytest.mark.parametrize(
    ("stated", "difference"),
    [
        ({"amount": 61}, "1 (0.01 CNY) and 0 charges"),
        ({"amount": 59}, "-1 (-0.01 CNY) and 0 charges"),
        ({"count": 2}, "0 (0.00 CNY) and 1 charges"),
    ],
)
def test_an_invoice_that_differs_is_refused_with_the_ledgers_own_sum(
    stated: dict[str, Any], difference: str
) -> None:
    fields = {**invoice_of(), **stated}
    refused = month_over().refuse("invoice-differs", "institution", "fee.invoiced", **fields)
    assert refused.expected == "60 (0.60 CNY) for 1 charges"
    assert difference in refused.message


def test_a_month_is_invoiced_when_it_is_over() -> None:
    ledger = charged()
    last_minute = MORNING + 26 * DAY + 14 * 60 * MINUTE - 1
    ledger.now = last_minute
    refused = ledger.refuse("period-not-over", "institution", "fee.invoiced", **invoice_of())
    assert refused.got == "2026-01"
    ledger.now += 1
    ledger.apply("institution", "fee.invoiced", **invoice_of())


def test_a_month_in_a_currency_is_invoiced_once_and_an_id_is_used_once() -> None:
    ledger = invoiced()
    again = invoice_of("I2")
    refused = ledger.refuse("period-invoiced", "institution", "fee.invoiced", **again)
    assert refused.got == "2026-01, in invoice I1"
    ledger.refuse("invoice-exists", "institution", "fee.invoiced", **invoice_of())
    empty = invoice_of("I2", currency="USD")
    ledger.refuse("nothing-accrued", "institution", "fee.invoiced", **empty)


def test_nothing_is_taken_out_of_an_invoiced_month() -> None:
    refused = invoiced().refuse("period-invoiced", "institution", "fee.reversed", **reversal_of())
    assert "reversed" in refused.message


def test_what_is_charged_after_its_month_was_invoiced_accrues_in_the_running_month() -> None:
    ledger = invoiced()
    january = ledger.row(FeePeriod, *JANUARY)
    ledger.capture("P2")
    charge(ledger, "P2")
    assert ledger.row(FeeCharge, "P2", CURRENT).period == "2026-02"
    assert ledger.row(FeePeriod, "2026-02", "CNY") == FeePeriod("2026-02", "CNY", 60, 1, "")
    assert ledger.row(FeePeriod, *JANUARY) == january
    take_back(ledger, "P2")
    assert ledger.get(FeePeriod, "2026-02", "CNY") is None


def void(ledger: Ledger) -> None:
    ledger.apply("institution", "payment.reversed", payment="P1", reason="void")


def test_an_invoiced_fee_stands_though_its_payment_is_reversed_and_captured_again() -> None:
    ledger = invoiced()
    void(ledger)
    refused = ledger.refuse("not-captured", "institution", "fee.charged", **charge_of())
    assert "reversed" in refused.got
    ledger.capture(captured_at=FEBRUARY)
    assert (state_of_charge(ledger), fees_in_books(ledger)) == ("invoiced", ACCRUED)
    ledger.refuse("period-invoiced", "institution", "fee.reversed", **reversal_of())


@pytest.mark.parametrize("captured_at", [MORNING, FEBRUARY])
def test_a_payment_captured_anew_is_charged_anew_beside_its_invoiced_charge(
    captured_at: int,
) -> None:
    ledger = invoiced()
    first = ledger.row(FeeCharge, "P1", CURRENT)
    void(ledger)
    ledger.capture(amount=20_000, captured_at=captured_at)
    charge(ledger, amount=120)
    second = ledger.row(FeeCharge, "P1", CURRENT)
    assert (second.amount, second.period, second.earlier) == (120, "2026-02", 1)
    assert ledger.row(FeeCharge, "P1", 1) == replace(first, number=1)
    assert ledger.row(FeePeriod, *JANUARY).amount == 60
    assert ledger.row(FeePeriod, "2026-02", "CNY").amount == 120
    ledger.refuse("already-charged", "institution", "fee.charged", **charge_of(amount=120))


def test_a_payment_whose_charges_were_invoiced_twice_keeps_them_both() -> None:
    ledger = invoiced()
    void(ledger)
    ledger.capture()
    charge(ledger)
    ledger.now += 30 * DAY
    again = invoice_of("I2", period="2026-02")
    ledger.apply("institution", "fee.invoiced", **again)
    void(ledger)
    ledger.capture()
    charge(ledger)
    rows = [ledger.row(FeeCharge, "P1", number) for number in (1, 2, CURRENT)]
    assert [row.period for row in rows] == ["2026-01", "2026-02", "2026-03"]
    assert rows[-1].earlier == 2


def test_the_second_charge_goes_stale_and_is_taken_back_like_any_other() -> None:
    ledger = invoiced()
    void(ledger)
    ledger.capture()
    charge(ledger)
    void(ledger)
    assert state_of_charge(ledger) == "stale"
    assert awaited_reversal(ledger).state == "open"
    ledger.capture()
    ledger.refuse("already-charged", "institution", "fee.charged", **charge_of())
    take_back(ledger)
    charge(ledger)
    assert ledger.row(FeeCharge, "P1", CURRENT).earlier == 1
    assert ledger.row(FeeCharge, "P1", 1).period == "2026-01"


def test_a_settlement_that_agrees_moves_the_fee_money_and_never_the_reserve() -> None:
    ledger = invoiced()
    before = others_in_books(ledger)
    entry = ledger.apply("platform", "fee.settled", **settlement_of())
    assert fees_in_books(ledger) == RECEIVED
    assert others_in_books(ledger) == before
    assert (settlement(ledger).state, settlement(ledger).settled_entry) == ("met", entry)
    row = ledger.row(FeeInvoice, "I1")
    assert (row.state, row.settled_amount, row.settled_at) == ("settled", 60, ledger.now)
    assert (row.paid_at, row.bank_reference) == (FEBRUARY, HEX)


@pytest.mark.parametrize(
    ("stated", "paid"),
    [({"amount": 59}, "59 (0.59 CNY)"), ({"currency": "USD"}, "60 (0.60 USD)")],
)
def test_a_settlement_that_differs_conflicts_until_it_is_stated_right(
    stated: dict[str, Any], paid: str
) -> None:
    ledger = invoiced()
    ledger.apply("platform", "fee.settled", **{**settlement_of(), **stated})
    assert settlement(ledger).state == "conflicting"
    assert settlement(ledger).detail == f"amount: invoiced 60 (0.60 CNY), paid {paid}"
    assert (fees_in_books(ledger), ledger.row(FeeInvoice, "I1").settled_at) == (ACCRUED, -1)
    ledger.apply("platform", "fee.settled", **settlement_of())
    assert (settlement(ledger).state, fees_in_books(ledger)) == ("met", RECEIVED)


def test_an_invoice_is_settled_once_and_only_when_it_was_stated() -> None:
    ledger = settled()
    refused = ledger.refuse("already-settled", "platform", "fee.settled", **settlement_of())
    assert refused.got.startswith("settled in entry")
    ledger.refuse("unknown-invoice", "platform", "fee.settled", **settlement_of("I9"))


# --- authors and forms --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("author", "type_", "fields"),
    [
        ("platform", "fee.agreed", terms()),
        ("institution", "fee.accepted", terms()),
        ("platform", "fee.charged", charge_of()),
        ("platform", "fee.reversed", reversal_of()),
        ("platform", "fee.invoiced", invoice_of()),
        ("institution", "fee.settled", settlement_of()),
    ],
)
def test_only_the_party_that_knows_may_state_it(
    author: str, type_: str, fields: dict[str, Any]
) -> None:
    month_over().refuse("wrong-author", author, type_, **fields)


@pytest.mark.parametrize(
    ("type_", "fields", "code"),
    [
        ("fee.invoiced", invoice_of(period="2026-13"), "bad-format"),
        ("fee.invoiced", invoice_of(count=0), "integer-range"),
        ("fee.agreed", terms(rate_ppm=1_000_001), "integer-range"),
        ("fee.charged", charge_of(amount=0), "integer-range"),
    ],
)
def test_fields_out_of_their_bounds_are_no_record(
    type_: str, fields: dict[str, Any], code: str
) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_record(opened().record(type_, fields))
    assert caught.value.code == code
