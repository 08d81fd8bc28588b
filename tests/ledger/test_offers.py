"""Offers that nobody will accept any more: withdrawn by their author, or declined by the other."""

from __future__ import annotations

import pytest

from ledger.contracts.fee_agreements import FeeAgreement
from ledger.contracts.profit_agreements import ProfitAgreement
from ledger.genesis import DUE_MS
from tests.ledger.fee_kit import (
    agree,
    agreed,
    charge_of,
    closing,
    consent,
    consented,
    fee_acceptance,
    offered,
    plan,
    planned,
    profit_acceptance,
    terms,
)
from tests.ledger.ledger_kit import DAY, opened


@pytest.mark.parametrize(
    ("author", "outcome"), [("institution", "withdrawn"), ("platform", "declined")]
)
def test_either_side_of_a_fee_offer_closes_it(author: str, outcome: str) -> None:
    ledger = offered()
    entry = ledger.apply(author, "offer.closed", **closing(reason="too dear"))
    assert ledger.row(FeeAgreement, "A1").state == outcome
    row = fee_acceptance(ledger)
    assert (row.state, row.settled_entry) == ("met", entry)
    assert row.detail == f"offer {outcome}: too dear"


def test_who_has_accepted_other_terms_contradicts_until_it_closes_the_offer_too() -> None:
    ledger = offered()
    ledger.apply("platform", "fee.accepted", **terms(rate_ppm=5000))
    ledger.apply("institution", "offer.closed", **closing(reason="too dear"))
    row = fee_acceptance(ledger)
    expected = "offer withdrawn: too dear; rate_ppm: agreed 6000, accepted 5000"
    assert (row.state, row.detail) == ("conflicting", expected)
    ledger.refuse("offer-closed", "institution", "offer.closed", **closing())
    ledger.refuse("offer-closed", "platform", "fee.accepted", **terms())
    ledger.apply("platform", "offer.closed", **closing())
    assert fee_acceptance(ledger).state == "met"
    ledger.refuse("offer-closed", "platform", "offer.closed", **closing())


@pytest.mark.parametrize(
    ("author", "outcome"), [("institution", "withdrawn"), ("funder", "declined")]
)
def test_one_word_closes_an_offer_to_many_for_all_of_them(author: str, outcome: str) -> None:
    ledger = planned()
    ledger.apply("platform", "profit.accepted", **consent())
    accepted = profit_acceptance(ledger, "platform")
    ledger.apply(author, "offer.closed", **closing("S1", "profit"))
    assert ledger.row(ProfitAgreement, "S1").state == outcome
    assert profit_acceptance(ledger, "platform") == accepted
    assert profit_acceptance(ledger, "funder").detail == f"offer {outcome}: not needed"


def test_who_has_accepted_may_decline_as_long_as_the_others_have_not() -> None:
    ledger = planned()
    ledger.apply("platform", "profit.accepted", **consent())
    ledger.apply("platform", "offer.closed", **closing("S1", "profit"))
    assert profit_acceptance(ledger, "funder").state == "met"
    ledger.refuse("offer-closed", "funder", "profit.accepted", **consent(ppm=200_000))


def test_an_offer_that_a_later_one_overtook_is_closed_and_no_longer_overdue() -> None:
    ledger = offered()
    agree(ledger, "A2", effective_from="2026-02-01")
    ledger.now += DUE_MS["fee-acceptance"] + DAY
    ledger.refuse("effective-too-early", "platform", "fee.accepted", **terms())
    ledger.apply("institution", "offer.closed", **closing())
    row = fee_acceptance(ledger)
    assert (row.state, row.settled_at > row.due_at) == ("met", True)
    assert ledger.row(FeeAgreement, "A2").state == "in-force"


def test_an_offer_that_conflicts_can_be_closed() -> None:
    ledger = offered()
    ledger.apply("platform", "fee.accepted", **terms(rate_ppm=3800))
    ledger.apply("platform", "offer.closed", **closing())
    assert fee_acceptance(ledger).state == "met"


def test_a_closed_offer_is_neither_accepted_nor_closed_again_nor_charged_by() -> None:
    ledger = offered()
    ledger.apply("institution", "offer.closed", **closing())
    refused = ledger.refuse("offer-closed", "platform", "fee.accepted", **terms())
    assert (refused.expected, refused.got) == ("an open offer", "A1, withdrawn")
    ledger.refuse("offer-closed", "platform", "offer.closed", **closing())
    ledger.capture()
    ledger.refuse("agreement-not-accepted", "institution", "fee.charged", **charge_of())


def test_what_is_in_force_is_not_closed() -> None:
    agreed().refuse("agreement-in-force", "platform", "offer.closed", **closing())
    ledger = consented()
    ledger.refuse("agreement-in-force", "funder", "offer.closed", **closing("S1", "profit"))


def test_only_the_institution_and_those_who_are_asked_close_an_offer() -> None:
    refused = offered().refuse("wrong-author", "funder", "offer.closed", **closing())
    assert (refused.expected, refused.got) == ("institution or platform", "funder")
    stranger = planned().refuse(
        "wrong-author", "auditor", "offer.closed", **closing("S1", "profit")
    )
    assert stranger.expected == "institution or platform or funder"


def test_fee_and_profit_agreements_have_names_of_their_own() -> None:
    opened().refuse("unknown-agreement", "institution", "offer.closed", **closing())
    offered().refuse("unknown-agreement", "institution", "offer.closed", **closing("A1", "profit"))


def test_a_closed_fee_offer_is_stated_again_and_awaited_from_then_on() -> None:
    ledger = offered()
    ledger.apply("platform", "offer.closed", **closing())
    ledger.now += DAY
    ledger.apply("institution", "fee.agreed", **terms(rate_ppm=5000))
    row = fee_acceptance(ledger)
    assert (row.state, row.opened_at, row.detail) == ("open", ledger.now, "")
    ledger.apply("platform", "fee.accepted", **terms(rate_ppm=5000))
    assert ledger.row(FeeAgreement, "A1").state == "in-force"


def test_a_closed_profit_offer_that_is_stated_again_asks_all_again() -> None:
    ledger = planned()
    ledger.apply("platform", "profit.accepted", **consent())
    ledger.apply("funder", "offer.closed", **closing("S1", "profit"))
    ledger.apply("institution", "profit.agreed", **plan())
    states = [profit_acceptance(ledger, party).state for party in ("platform", "funder")]
    assert states == ["open", "open"]
    assert ledger.row(ProfitAgreement, "S1").awaiting == 2
