"""Fees: an agreed rate, to the last minor unit, and what is taken back."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.contracts import decode_record
from ledger.contracts.fee_agreements import FeeAgreement, FeeTariff, fee_of
from ledger.contracts.fees import CURRENT, FeeCharge, FeePeriod, StaleCharges
from ledger.errors import DecodeError
from ledger.expectations import Expectation
from ledger.genesis import DUE_MS
from ledger.limits import (
    STALE_NAMED_MAX,
)
from tests.ledger.fee_kit import (
    ACCRUED,
    FEBRUARY,
    JANUARY,
    agree,
    agreed,
    awaited_reversal,
    captured,
    charge,
    charge_of,
    charged,
    fees_in_books,
    invoice_of,
    invoiced,
    month_over,
    offered,
    others_in_books,
    reversal_of,
    settlement_of,
    stale,
    state_of_charge,
    take_back,
    terms,
)
from tests.ledger.ledger_kit import DAY, MINUTE, MORNING, opened

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
    row = FeeAgreement(
        agreement="A",
        currency="CNY",
        effective_from="2026-01-01",
        state="in-force",
        entry=1,
        channel="",
        rate_ppm=rate,
        minimum=minimum,
        maximum=maximum,
    )
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


def test_a_charge_that_names_a_wrong_agreement_learns_which_one_holds() -> None:
    ledger = agreed()
    agree(ledger, "A2", channel="alipay")
    ledger.apply("institution", "fee.agreed", **terms("A3"))
    for named, code in (
        ("A9", "unknown-agreement"),
        ("A3", "agreement-not-accepted"),
        ("A2", "agreement-not-in-force"),
    ):
        refused = ledger.refuse(code, "institution", "fee.charged", **charge_of(agreement=named))
        assert refused.expected == "A1"
    refused = ledger.refuse(
        "unknown-agreement", "institution", "fee.charged", **charge_of(agreement="A9")
    )
    assert "A1 holds for CNY by channel wechat on 2026-01-05" in refused.message
    assert refused.got == "A9"


def test_a_charge_learns_the_agreement_that_has_replaced_the_first_one() -> None:
    ledger = agreed()
    agree(ledger, "A2", effective_from="2026-01-05", rate_ppm=3800)
    wrong = charge_of(agreement="A9")
    assert ledger.refuse("unknown-agreement", "institution", "fee.charged", **wrong).expected == (
        "A2"
    )


def test_a_charge_where_no_agreement_holds_learns_that() -> None:
    ledger = captured(offered())
    wrong = charge_of(agreement="A9")
    refused = ledger.refuse("unknown-agreement", "institution", "fee.charged", **wrong)
    assert refused.expected == "no agreement, since none holds"
    assert "none holds for CNY" in refused.message


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
