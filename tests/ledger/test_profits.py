"""Profit sharing: ratios all recipients accepted, exact to the last unit, booked when confirmed."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.contracts import decode_record
from ledger.contracts.allocation import MILLION
from ledger.contracts.fee_invoices import FeeInvoice
from ledger.contracts.profit_agreements import ProfitAgreement, ProfitPlan, ProfitTerm
from ledger.contracts.profits import ProfitPortion, ProfitShare
from ledger.errors import DecodeError
from ledger.expectations import Expectation
from ledger.genesis import DUE_MS
from tests.ledger.fee_kit import (
    FEBRUARY,
    SHARING,
    agree,
    charge,
    confirmation_of,
    confirmed,
    consent,
    consented,
    fees_in_books,
    invoice_of,
    invoiced,
    parts,
    plan,
    planned,
    portions,
    profit_acceptance,
    settled,
    settlement_of,
    share_of,
    shareable,
    shared,
)
from tests.ledger.ledger_kit import DAY, MINUTE, Ledger, opened


def confirmation(ledger: Ledger, party: str) -> Expectation:
    return ledger.row(Expectation, "profit-confirmation", f"share:D1/{party}")


def state_of(ledger: Ledger, agreement: str = "S1") -> str:
    return ledger.row(ProfitAgreement, agreement).state


def accept(ledger: Ledger, party: str, agreement: str = "S1", **fields: Any) -> int:
    return ledger.apply(party, "profit.accepted", **consent(agreement, **fields))


# --- agreements ---------------------------------------------------------------------------------


def test_an_offer_awaits_every_recipient_but_the_institution() -> None:
    ledger = planned()
    row = profit_acceptance(ledger, "platform")
    assert (row.awaited, row.opener, row.state) == ("platform", "institution", "open")
    assert row.due_at == ledger.now + DUE_MS["profit-acceptance"]
    assert profit_acceptance(ledger, "funder").state == "open"
    subject = "profit-agreement:S1/institution"
    assert ledger.get(Expectation, "profit-acceptance", subject) is None
    offer = ledger.row(ProfitAgreement, "S1")
    assert (offer.state, offer.awaiting) == ("offered", 2)


def test_an_agreement_is_in_force_when_the_last_recipient_has_accepted() -> None:
    ledger = planned()
    accept(ledger, "platform")
    assert (state_of(ledger), ledger.get(ProfitPlan, "CNY")) == ("offered", None)
    entry = accept(ledger, "funder", ppm=200_000)
    offer = ledger.row(ProfitAgreement, "S1")
    assert (offer.state, offer.awaiting, offer.accepted_entry) == ("in-force", 0, entry)
    assert ledger.row(ProfitPlan, "CNY").latest == "S1"
    assert [profit_acceptance(ledger, p).state for p in ("platform", "funder")] == ["met", "met"]


@pytest.mark.parametrize(
    ("stated", "named"),
    [
        ({"ppm": 400_000}, "ppm: agreed 300000, accepted 400000"),
        ({"delay": "T+1"}, "delay: agreed T+2, accepted T+1"),
        ({"currency": "USD"}, "currency: agreed CNY, accepted USD"),
        ({"effective_from": "2026-02"}, "effective_from: agreed 2026-01, accepted 2026-02"),
    ],
)
def test_an_acceptance_that_differs_conflicts_until_it_is_stated_right(
    stated: dict[str, Any], named: str
) -> None:
    ledger = planned()
    accept(ledger, "platform", **stated)
    assert profit_acceptance(ledger, "platform").state == "conflicting"
    assert profit_acceptance(ledger, "platform").detail == named
    accept(ledger, "funder", ppm=200_000)
    assert state_of(ledger) == "conflicting"
    accept(ledger, "platform")
    assert (state_of(ledger), profit_acceptance(ledger, "platform").state) == ("in-force", "met")


def test_a_conflict_that_is_resolved_leaves_an_offer_that_awaits_the_rest() -> None:
    ledger = planned()
    accept(ledger, "platform", ppm=1)
    accept(ledger, "platform")
    assert state_of(ledger) == "offered"


def test_an_offer_stated_again_asks_all_again() -> None:
    ledger = planned()
    accept(ledger, "platform")
    corrected = plan(recipients=parts(institution=500_000, platform=400_000, auditor=100_000))
    ledger.apply("institution", "profit.agreed", **corrected)
    offer = ledger.row(ProfitAgreement, "S1")
    assert (offer.state, offer.awaiting) == ("offered", 2)
    assert profit_acceptance(ledger, "platform").state == "open"
    assert ledger.get(ProfitTerm, "S1", "funder") is None
    dropped = profit_acceptance(ledger, "funder")
    assert (dropped.state, "without this party" in dropped.detail) == ("met", True)
    ledger.refuse("wrong-author", "funder", "profit.accepted", **consent())
    accept(ledger, "platform", ppm=400_000)
    accept(ledger, "auditor", ppm=100_000)
    assert state_of(ledger) == "in-force"


def test_who_contradicts_an_offer_is_not_left_out_of_it_and_goes_on_until_it_accepts() -> None:
    ledger = planned()
    accept(ledger, "funder", ppm=1)
    corrected = plan(recipients=parts(institution=600_000, platform=400_000))
    refused = ledger.refuse("recipient-missing", "institution", "profit.agreed", **corrected)
    assert (refused.expected, refused.got) == ("a recipient funder", "platform")
    corrected = plan(recipients=parts(institution=600_000, platform=400_000, funder=0))
    for _ in range(2):
        ledger.apply("institution", "profit.agreed", **corrected)
        assert state_of(ledger) == "conflicting"
        row = profit_acceptance(ledger, "funder")
        expected = "stated again since: ppm: agreed 200000, accepted 1"
        assert (row.state, row.detail) == ("conflicting", expected)
    accept(ledger, "platform", ppm=400_000)
    assert state_of(ledger) == "conflicting"
    accept(ledger, "funder", ppm=0)
    assert state_of(ledger) == "in-force"


def test_an_offer_stated_again_before_the_answer_keeps_the_age_of_what_it_awaits() -> None:
    ledger = planned()
    before = profit_acceptance(ledger, "platform")
    ledger.now += MINUTE
    ledger.apply("institution", "profit.agreed", **plan(delay="D+3"))
    assert profit_acceptance(ledger, "platform") == before


def test_only_a_recipient_accepts_and_only_once() -> None:
    ledger = planned()
    refused = ledger.refuse("wrong-author", "auditor", "profit.accepted", **consent())
    assert (refused.expected, refused.got) == ("platform or funder", "auditor")
    own = consent(ppm=500_000)
    ledger.refuse("wrong-author", "institution", "profit.accepted", **own)
    accept(ledger, "platform")
    ledger.refuse("already-accepted", "platform", "profit.accepted", **consent())
    ledger.refuse("unknown-agreement", "platform", "profit.accepted", **consent("S9"))


@pytest.mark.parametrize(
    ("code", "recipients", "expected"),
    [
        ("unknown-party", parts(stranger=MILLION), "platform, institution, funder, auditor"),
        ("recipient-twice", 2 * parts(platform=500_000), "every party at most once"),
        ("no-recipient", parts(institution=MILLION), "another party"),
        ("ratios-do-not-sum", parts(institution=1, platform=2), "1000000 ppm"),
    ],
)
def test_the_recipients_are_parties_each_once_and_their_parts_are_the_whole(
    code: str, recipients: list[dict[str, Any]], expected: str
) -> None:
    stated = plan(recipients=recipients)
    refused = opened().refuse(code, "institution", "profit.agreed", **stated)
    assert refused.expected == expected
    assert refused.got


def test_what_is_in_force_is_not_restated_but_replaced() -> None:
    ledger = consented()
    ledger.refuse("agreement-in-force", "institution", "profit.agreed", **plan())
    ledger.apply("institution", "profit.agreed", **plan("S2"))
    accept(ledger, "platform", "S2")
    accept(ledger, "funder", "S2", ppm=200_000)
    assert ledger.row(ProfitAgreement, "S2").replaces == "S1"


def test_a_new_agreement_takes_effect_no_earlier_than_the_one_it_replaces() -> None:
    early = plan("S2", effective_from="2025-12")
    refused = consented().refuse("effective-too-early", "institution", "profit.agreed", **early)
    assert (refused.expected, refused.got) == ("2026-01 or later", "2025-12")


def test_an_agreement_takes_effect_within_ten_years() -> None:
    ledger = opened()
    late = plan(effective_from="2036-02")
    refused = ledger.refuse("effective-too-late", "institution", "profit.agreed", **late)
    assert (refused.expected, refused.got) == ("2036-01 or earlier", "2036-02")
    ledger.apply("institution", "profit.agreed", **plan(effective_from="2036-01"))


def test_nobodys_part_ends_without_its_own_word() -> None:
    ledger = consented()
    alone = plan("S2", recipients=parts(platform=MILLION))
    refused = ledger.refuse("recipient-missing", "institution", "profit.agreed", **alone)
    assert refused.expected == "a recipient funder"
    ledger.apply(
        "institution", "profit.agreed", **plan("S2", recipients=parts(platform=MILLION, funder=0))
    )
    accept(ledger, "platform", "S2", ppm=MILLION)
    assert state_of(ledger, "S2") == "offered"
    accept(ledger, "funder", "S2", ppm=0)
    assert state_of(ledger, "S2") == "in-force"
    ledger.apply("institution", "profit.agreed", **plan("S3", recipients=parts(platform=MILLION)))


def test_what_is_replaced_is_checked_again_when_the_last_recipient_accepts() -> None:
    ledger = opened()
    lone = plan("S2", recipients=parts(platform=MILLION))
    ledger.apply("institution", "profit.agreed", **lone)
    consented(ledger)
    late = consent("S2", MILLION)
    refused = ledger.refuse("recipient-missing", "platform", "profit.accepted", **late)
    assert refused.expected == "a recipient funder"
    assert profit_acceptance(ledger, "platform", "S2").state == "open"


# --- shares -------------------------------------------------------------------------------------


def test_a_share_awaits_every_recipient_and_moves_nothing_yet() -> None:
    ledger = shareable()
    before = ledger.balances()
    entry = ledger.apply("institution", "profit.shared", **share_of())
    row = ledger.row(ProfitShare, "D1")
    assert (row.invoice, row.period, row.amount, row.tail) == ("I1", "2026-01", 60, 0)
    assert (row.parties, row.entry) == (("institution", "platform", "funder"), entry)
    assert ledger.row(FeeInvoice, "I1").share == "D1"
    states = [ledger.row(ProfitPortion, "D1", party).state for party in row.parties]
    assert states == ["kept", "awaited", "awaited"]
    open_one = confirmation(ledger, "platform")
    assert (open_one.awaited, open_one.amount, open_one.state) == ("platform", 18, "open")
    assert open_one.due_at == ledger.now + DUE_MS["profit-confirmation"]
    assert ledger.balances() == before


def test_a_confirmation_moves_income_and_money_of_that_recipient() -> None:
    ledger = confirmed()
    assert fees_in_books(ledger) == {
        "fee_income:institution": -42,
        "fee_received:institution": 42,
        "fee_income:platform": -18,
        "fee_received:platform": 18,
    }
    assert confirmation(ledger, "platform").state == "met"
    assert confirmation(ledger, "funder").state == "open"
    portion = ledger.row(ProfitPortion, "D1", "platform")
    assert (portion.state, portion.confirmed_amount) == ("confirmed", 18)
    assert portion.received_at == SHARING


@pytest.mark.parametrize(
    ("stated", "received"),
    [
        ({"amount": 17}, "17 (0.17 CNY); the difference is -1 (-0.01 CNY)"),
        ({"currency": "USD"}, "18 (0.18 USD)"),
    ],
)
def test_a_confirmation_that_differs_conflicts_until_it_is_stated_right(
    stated: dict[str, Any], received: str
) -> None:
    ledger = shared()
    before = ledger.balances()
    ledger.apply("platform", "profit.confirmed", **{**confirmation_of(), **stated})
    row = confirmation(ledger, "platform")
    assert row.state == "conflicting"
    assert row.detail == f"amount: shared 18 (0.18 CNY), received {received}"
    assert (ledger.balances(), confirmation(ledger, "funder").state) == (before, "open")
    ledger.apply("platform", "profit.confirmed", **confirmation_of())
    assert confirmation(ledger, "platform").state == "met"
    assert ledger.balance("fee_income:platform") == -18


@pytest.mark.parametrize(
    ("stated", "got"),
    [
        (
            {"portions": portions(institution=29, platform=19, funder=12)},
            "60 (0.60 CNY): institution 29 (0.29 CNY), platform 19 (0.19 CNY), "
            "funder 12 (0.12 CNY)",
        ),
        (
            {"portions": portions(platform=18, institution=30, funder=12)},
            "60 (0.60 CNY): platform 18 (0.18 CNY), institution 30 (0.30 CNY), "
            "funder 12 (0.12 CNY)",
        ),
        ({"portions": portions(platform=60)}, "60 (0.60 CNY): platform 60 (0.60 CNY)"),
        ({"amount": 61}, None),
    ],
)
def test_a_share_that_differs_is_refused_party_by_party(
    stated: dict[str, Any], got: str | None
) -> None:
    fields = {**share_of(), **stated}
    refused = shareable().refuse("share-differs", "institution", "profit.shared", **fields)
    assert refused.expected == (
        "60 (0.60 CNY): institution 30 (0.30 CNY), platform 18 (0.18 CNY), funder 12 (0.12 CNY)"
    )
    assert got is None or refused.got == got


def ready(recipients: list[dict[str, Any]]) -> Ledger:
    """Return a ledger on the day to share 0.60, with these recipients in force."""
    ledger = settled()
    ledger.apply("institution", "profit.agreed", **plan(recipients=recipients))
    for each in recipients:
        if each["party"] != "institution":
            accept(ledger, each["party"], ppm=each["ppm"])
    ledger.now = SHARING
    return ledger


def test_the_tail_goes_to_the_largest_remainders_and_ties_to_the_earlier() -> None:
    # 60 units by 1/8, 3/8, 1/2 are 7.5, 22.5 and 30: one unit is left, and two have a tie.
    ledger = ready(parts(funder=125_000, platform=375_000, institution=500_000))
    right = portions(funder=8, platform=22, institution=30)
    ledger.apply("institution", "profit.shared", **share_of(portions=right))
    assert ledger.row(ProfitShare, "D1").tail == 1


def test_a_portion_of_nothing_is_stated_and_not_awaited() -> None:
    ledger = ready(parts(platform=999_999, funder=1))
    right = portions(platform=60, funder=0)
    ledger.apply("institution", "profit.shared", **share_of(portions=right))
    assert ledger.row(ProfitPortion, "D1", "funder").state == "nothing-due"
    assert ledger.get(Expectation, "profit-confirmation", "share:D1/funder") is None
    nothing = confirmation_of(1)
    ledger.refuse("nothing-due", "funder", "profit.confirmed", **nothing)


def test_income_is_shared_after_the_delay_in_business_days() -> None:
    ledger = consented(settled())
    for _ in range(2):  # Monday and Tuesday
        refused = ledger.refuse("share-too-early", "institution", "profit.shared", **share_of())
        assert refused.expected == "2026-02-04 or later"
        ledger.now += DAY
    ledger.apply("institution", "profit.shared", **share_of())


def test_the_delay_counts_from_the_blocks_time_of_the_settlement_that_agrees() -> None:
    ledger = consented(invoiced())
    ledger.apply("platform", "fee.settled", **settlement_of(amount=1))
    ledger.now = FEBRUARY + 4 * DAY  # a Friday
    ledger.apply("platform", "fee.settled", **settlement_of())
    refused = ledger.refuse("share-too-early", "institution", "profit.shared", **share_of())
    assert refused.expected == "2026-02-10 or later"


def test_only_settled_income_is_shared() -> None:
    ledger = consented(invoiced())
    refused = ledger.refuse("invoice-not-settled", "institution", "profit.shared", **share_of())
    assert refused.got == "invoiced"
    ledger.apply("platform", "fee.settled", **settlement_of(amount=1))
    refused = ledger.refuse("invoice-not-settled", "institution", "profit.shared", **share_of())
    assert refused.got == "conflicting"
    unknown = share_of(invoice="I9")
    ledger.refuse("unknown-invoice", "institution", "profit.shared", **unknown)


def test_income_is_shared_once_under_an_id_of_its_own() -> None:
    ledger = shared()
    ledger.refuse("share-exists", "institution", "profit.shared", **share_of())
    refused = ledger.refuse("already-shared", "institution", "profit.shared", **share_of("D2"))
    assert refused.got == "shared as D1"


def test_the_agreement_of_the_invoices_month_counts_and_not_the_newest() -> None:
    ledger = shareable()
    later = plan("S2", effective_from="2026-02", recipients=parts(platform=MILLION, funder=0))
    ledger.apply("institution", "profit.agreed", **later)
    newest = share_of(agreement="S2", portions=portions(platform=60, funder=0))
    ledger.refuse("agreement-not-accepted", "institution", "profit.shared", **newest)
    accept(ledger, "platform", "S2", ppm=MILLION, effective_from="2026-02")
    accept(ledger, "funder", "S2", ppm=0, effective_from="2026-02")
    refused = ledger.refuse("agreement-not-in-force", "institution", "profit.shared", **newest)
    assert (refused.expected, refused.got) == ("S1", "S2, effective from 2026-02")
    wrong = share_of(agreement="profit")
    refused = ledger.refuse("unknown-agreement", "institution", "profit.shared", **wrong)
    assert (refused.expected, refused.got) == ("S1", "profit")
    assert "S1 holds for income of 2026-01 in CNY" in refused.message
    ledger.apply("institution", "profit.shared", **share_of())


def test_income_is_shared_in_its_currency() -> None:
    dollars = share_of(currency="USD")
    refused = shareable().refuse("wrong-currency", "institution", "profit.shared", **dollars)
    assert (refused.expected, refused.got) == ("CNY", "USD")


def test_only_a_recipient_confirms_and_only_once() -> None:
    ledger = confirmed()
    stated = confirmation_of()
    refused = ledger.refuse("wrong-author", "auditor", "profit.confirmed", **stated)
    assert (refused.expected, refused.got) == ("platform or funder", "auditor")
    ledger.refuse("wrong-author", "institution", "profit.confirmed", **stated)
    ledger.refuse("already-confirmed", "platform", "profit.confirmed", **stated)
    other = confirmation_of(share="D9")
    ledger.refuse("unknown-share", "platform", "profit.confirmed", **other)


def test_ids_with_colons_do_not_mix_up_what_is_awaited() -> None:
    ledger = shareable()
    ledger.apply("institution", "profit.shared", **share_of("D1:platform"))
    assert ledger.get(Expectation, "profit-confirmation", "share:D1:platform/platform")
    assert ledger.get(Expectation, "profit-confirmation", "share:D1/platform") is None


def test_months_follow_each_other_and_only_settled_income_is_handed_over() -> None:
    ledger = confirmed()
    agree(ledger, "A2", effective_from="2026-02-01", rate_ppm=10_000)
    ledger.capture("P2", amount=30_000, captured_at=FEBRUARY)
    charge(ledger, "P2", 300, agreement="A2")
    ledger.now = FEBRUARY + 28 * DAY
    second = invoice_of("I2", 300, period="2026-02")
    ledger.apply("institution", "fee.invoiced", **second)
    assert ledger.balance("fee_due:platform") == 300
    ledger.apply("platform", "fee.settled", **settlement_of("I2", 300))
    ledger.now += 2 * DAY
    amounts = portions(institution=150, platform=90, funder=60)
    both = share_of("D2", invoice="I2", amount=300, portions=amounts)
    ledger.apply("institution", "profit.shared", **both)
    ledger.apply("funder", "profit.confirmed", **confirmation_of(12))
    ledger.apply("funder", "profit.confirmed", **confirmation_of(60, share="D2"))
    assert ledger.balance("fee_income:funder") == -72
    assert ledger.balance("fee_received:institution") == 60 + 300 - 18 - 72


@pytest.mark.parametrize("author", ["platform", "funder", "auditor"])
def test_only_the_institution_agrees_and_shares(author: str) -> None:
    ledger = shareable()
    ledger.refuse("wrong-author", author, "profit.agreed", **plan("S2"))
    ledger.refuse("wrong-author", author, "profit.shared", **share_of())


@pytest.mark.parametrize(
    ("type_", "fields", "code"),
    [
        ("profit.agreed", plan(delay="T+31"), "bad-format"),
        ("profit.agreed", plan(effective_from="2026-00"), "bad-format"),
        ("profit.agreed", plan(recipients=[]), "too-short"),
        ("profit.agreed", plan(recipients=parts(platform=MILLION + 1)), "integer-range"),
        ("profit.shared", share_of(portions=portions(platform=-1)), "integer-range"),
        ("profit.confirmed", confirmation_of(0), "integer-range"),
    ],
)
def test_fields_out_of_their_bounds_are_no_record(
    type_: str, fields: dict[str, Any], code: str
) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_record(opened().record(type_, fields))
    assert caught.value.code == code


def test_the_delay_of_a_settlement_on_a_saturday_counts_from_the_monday() -> None:
    ledger = consented(invoiced())
    ledger.now = FEBRUARY + 5 * DAY  # Saturday 2026-02-07
    ledger.apply("platform", "fee.settled", **settlement_of())
    ledger.now += 2 * DAY
    refused = ledger.refuse("share-too-early", "institution", "profit.shared", **share_of())
    assert (refused.expected, refused.got) == ("2026-02-10 or later", "2026-02-09")
    ledger.now += DAY
    ledger.apply("institution", "profit.shared", **share_of())
