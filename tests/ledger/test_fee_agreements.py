"""Agreements on fees: offered by the institution, in force once the platform says the same."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.contracts.fee_agreements import FeeAgreement, FeeTariff
from ledger.genesis import DUE_MS
from ledger.limits import (
    FEE_MAXIMUM_MAX,
    FEE_MINIMUM_MAX,
    FEE_RATE_PPM_MAX,
)
from tests.ledger.fee_kit import (
    agree,
    agreed,
    charge_of,
    fee_acceptance,
    offered,
    terms,
)
from tests.ledger.ledger_kit import MINUTE, opened


def test_an_offer_awaits_the_platform_and_is_not_in_force() -> None:
    ledger = offered()
    row = fee_acceptance(ledger)
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
    assert fee_acceptance(ledger).state == "met"
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
    assert fee_acceptance(ledger).state == "conflicting"
    assert named in fee_acceptance(ledger).detail
    assert ledger.row(FeeAgreement, "A1").state == "conflicting"
    ledger.capture()
    ledger.refuse("agreement-not-accepted", "institution", "fee.charged", **charge_of())


def test_the_platform_corrects_its_half_by_stating_it_again() -> None:
    ledger = offered()
    ledger.apply("platform", "fee.accepted", **terms(rate_ppm=3800))
    ledger.apply("platform", "fee.accepted", **terms())
    assert ledger.row(FeeAgreement, "A1").state == "in-force"
    assert (fee_acceptance(ledger).state, fee_acceptance(ledger).detail) == ("met", "")


def test_the_institution_corrects_its_half_and_the_platform_has_to_accept_it_again() -> None:
    ledger = offered()
    ledger.apply("platform", "fee.accepted", **terms(rate_ppm=3800))
    ledger.apply("institution", "fee.agreed", **terms(rate_ppm=3800))
    row = ledger.row(FeeAgreement, "A1")
    assert (row.state, row.rate_ppm) == ("conflicting", 3800)
    said = "stated again since: rate_ppm: agreed 6000, accepted 3800"
    assert (fee_acceptance(ledger).state, fee_acceptance(ledger).detail) == ("conflicting", said)
    ledger.apply("platform", "fee.accepted", **terms(rate_ppm=3800))
    assert ledger.row(FeeAgreement, "A1").state == "in-force"


def test_an_offer_stated_again_before_the_answer_keeps_the_age_of_what_it_awaits() -> None:
    ledger = offered()
    before = fee_acceptance(ledger)
    ledger.now += MINUTE
    ledger.apply("institution", "fee.agreed", **terms(rate_ppm=5000))
    assert fee_acceptance(ledger) == before


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
