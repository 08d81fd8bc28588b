"""Disputes: about anything the log knows, answered by the party named, moving no money."""

from __future__ import annotations

import pytest

from ledger.contracts import decode_record
from ledger.contracts.allocation import Leg
from ledger.contracts.disputes import DISPUTED, SUBJECTS, Dispute, shown_state
from ledger.errors import DecodeError
from ledger.expectations import Expectation
from tests.ledger import fee_kit, loan_said
from tests.ledger.ledger_kit import GENESIS, Ledger, captured, opened, split, split_ledger
from tests.ledger.refund_kit import (
    answer_of,
    dispute,
    dispute_of,
    disputed,
    requested,
    resolved,
)


def awaited(ledger: Ledger, name: str = "D1") -> Expectation:
    return ledger.row(Expectation, "dispute", f"dispute:{name}")


def everything() -> Ledger:
    """Return a ledger that knows a subject of every kind."""
    ledger = requested()
    ledger.create()
    return ledger


def test_a_dispute_awaits_the_party_that_it_names() -> None:
    ledger = split_ledger()
    entry = dispute(ledger)
    row = awaited(ledger)
    assert (row.awaited, row.opener, row.state) == ("institution", "platform", "open")
    assert (row.amount, row.currency, row.opened_entry) == (10_000, "CNY", entry)
    assert row.due_at == ledger.now + GENESIS.due_after_ms["dispute"]
    stands = ledger.row(Dispute, "D1")
    assert (stands.subject, stands.leg, stands.state) == ("payment:P1", 0, "open")
    assert (stands.raiser, stands.against, stands.reason) == (
        "platform",
        "institution",
        "charged twice",
    )


@pytest.mark.parametrize(
    ("subject", "amount"),
    [
        ("payment:P1", 10_000),
        ("payment:P1/leg:2", 3000),
        ("payout:O1", 7000),
        ("refund:R1", 4000),
        ("receiver:shop", 0),
        ("float:M1", 20_000),
    ],
)
def test_whatever_the_log_knows_can_be_disputed(subject: str, amount: int) -> None:
    ledger = everything()
    dispute(ledger, "D1", subject)
    assert (awaited(ledger).amount, awaited(ledger).currency) == (amount, "CNY")


@pytest.mark.parametrize(
    ("subject", "amount"),
    [
        ("fee-agreement:A1", 0),
        ("invoice:I1", 60),
        ("profit-agreement:S1", 0),
        ("share:D1", 60),
    ],
)
def test_fees_and_profit_can_be_disputed(subject: str, amount: int) -> None:
    ledger = fee_kit.shared()
    dispute(ledger, "D1", subject)
    assert (awaited(ledger).amount, awaited(ledger).currency) == (amount, "CNY")


def test_a_loan_can_be_disputed_by_whoever_takes_part_and_a_compensation() -> None:
    for number, subject in enumerate(("loan:L1", "compensation:C1")):
        ledger = loan_said.stated()
        fields = dispute_of(f"D{number}", subject)
        ledger.apply("fund-a", "dispute.raised", **fields)
        assert awaited(ledger, f"D{number}").currency == "CNY"


def test_every_kind_of_subject_has_a_case_above() -> None:
    business = {"payment", "payout", "refund", "receiver", "float"}
    fees = {"fee-agreement", "invoice", "profit-agreement", "share"}
    assert set(SUBJECTS) == business | fees | {"loan", "compensation"}


@pytest.mark.parametrize(
    "subject",
    [
        "payment:P9",
        "payment:P1/leg:3",
        "payment:P9/leg:1",
        "payout:O1",
        "refund:R1",
        "receiver:nobody",
        "receiver:shop/leg:1",
        "float:M1",
        "weather:P1",
    ],
)
def test_what_the_log_does_not_know_cannot_be_disputed(subject: str) -> None:
    fields = dispute_of(subject=subject)
    refused = split_ledger().refuse("unknown-subject", "platform", "dispute.raised", **fields)
    assert (refused.got, "payment:id/leg:n" in refused.expected) == (subject, True)


@pytest.mark.parametrize(
    ("subject", "code"),
    [
        ("payment", "bad-format"),
        ("payment:", "bad-format"),
        ("Payment:P1", "bad-format"),
        ("payment:P1/leg:0", "bad-format"),
        ("payment:P1/leg:100", "bad-format"),
        ("payment:P1/payout:O1", "bad-format"),
        ("payment:P1\n", "bad-format"),
        (f"payment:{'P' * 90}", "too-long"),
    ],
)
def test_a_subject_is_kind_and_id_and_perhaps_a_leg(subject: str, code: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_record(opened().record("dispute.raised", dispute_of(subject=subject)))
    assert caught.value.code == code


def test_one_half_of_a_payment_is_enough_to_dispute_it() -> None:
    ledger = opened()
    ledger.instruct(amount=9000)
    dispute(ledger)
    assert awaited(ledger).amount == 9000


def test_a_party_of_any_role_may_raise_a_dispute() -> None:
    ledger = split_ledger()
    for author in ("platform", "funder", "auditor"):
        ledger.apply(author, "dispute.raised", **dispute_of(f"D-{author}"))
    assert awaited(ledger, "D-auditor").opener == "auditor"


def test_a_dispute_names_another_party_of_the_consortium() -> None:
    ledger = split_ledger()
    fields = dispute_of(against="stranger")
    refused = ledger.refuse("unknown-party", "platform", "dispute.raised", **fields)
    assert refused.expected == "institution, funder, auditor"
    fields = dispute_of(against="platform")
    refused = ledger.refuse("dispute-with-oneself", "platform", "dispute.raised", **fields)
    assert refused.got == "platform"


def test_a_dispute_id_is_used_once_by_whatever_party() -> None:
    ledger = disputed()
    refused = ledger.refuse("dispute-exists", "funder", "dispute.raised", **dispute_of())
    assert "D1, raised in entry" in refused.got


@pytest.mark.parametrize(
    ("author", "outcome"),
    [("institution", "upheld"), ("platform", "withdrawn")],
)
def test_a_dispute_is_answered_or_withdrawn(author: str, outcome: str) -> None:
    ledger = disputed()
    entry = ledger.apply(author, "dispute.resolved", **answer_of(outcome))
    stands = ledger.row(Dispute, "D1")
    assert (stands.state, stands.answer, stands.last_entry) == (outcome, "checked", entry)
    row = awaited(ledger)
    assert (row.state, row.settled_entry) == ("met", entry)
    assert row.detail == f"dispute {outcome}: checked"


def test_a_rejected_dispute_stands_until_it_is_withdrawn_or_upheld_after_all() -> None:
    for author, outcome in (("platform", "withdrawn"), ("institution", "upheld")):
        ledger = disputed()
        ledger.apply("institution", "dispute.resolved", **answer_of("rejected"))
        row = awaited(ledger)
        assert (row.state, row.detail) == ("conflicting", "dispute rejected: checked")
        assert shown_state("split", [ledger.row(Dispute, "D1")]) == DISPUTED
        fields = answer_of("rejected")
        refused = ledger.refuse("dispute-outcome", "institution", "dispute.resolved", **fields)
        assert (refused.expected, refused.got) == ("upheld", "rejected")
        ledger.apply(author, "dispute.resolved", **answer_of(outcome))
        assert awaited(ledger).state == "met"
        assert shown_state("split", [ledger.row(Dispute, "D1")]) == "split"


@pytest.mark.parametrize(
    ("author", "outcome", "expected"),
    [
        ("institution", "withdrawn", "upheld or rejected"),
        ("platform", "upheld", "withdrawn"),
        ("platform", "rejected", "withdrawn"),
    ],
)
def test_neither_party_takes_the_others_part(author: str, outcome: str, expected: str) -> None:
    fields = answer_of(outcome)
    refused = disputed().refuse("dispute-outcome", author, "dispute.resolved", **fields)
    assert (refused.expected, refused.got) == (expected, f"{outcome} by {author}")


def test_only_the_two_parties_of_a_dispute_resolve_it() -> None:
    for author in ("funder", "auditor"):
        refused = disputed().refuse("wrong-author", author, "dispute.resolved", **answer_of())
        assert refused.expected == "institution, or platform to withdraw it"


def test_a_resolved_dispute_stays_so_and_a_new_one_may_follow() -> None:
    ledger = resolved()
    for author, outcome in (("institution", "rejected"), ("platform", "withdrawn")):
        fields = answer_of(outcome)
        refused = ledger.refuse("dispute-resolved", author, "dispute.resolved", **fields)
        assert "upheld in entry" in refused.got
    dispute(ledger, "D2")
    assert awaited(ledger, "D2").state == "open"


def test_a_dispute_is_raised_before_it_is_resolved() -> None:
    split_ledger().refuse("unknown-dispute", "institution", "dispute.resolved", **answer_of())


def test_a_dispute_moves_no_money_and_holds_none_back() -> None:
    ledger = split_ledger()
    before = ledger.balances()
    dispute(ledger, "D1", "payment:P1/leg:1")
    assert ledger.balances() == before
    ledger.create()
    ledger.paid()
    ledger.apply("institution", "dispute.resolved", **answer_of())
    assert ledger.balance("pending:shop") == 0


def test_a_leg_disputed_before_it_was_stated_is_still_allocated_in_that_block() -> None:
    ledger = Ledger()
    ledger.register("shop")
    ledger.register("platform-fee")
    early = dispute_of("D1", "payment:P1/leg:1", against="platform")
    block = ledger.run(
        ledger.seal("auditor", [ledger.record("dispute.raised", early)]),
        ledger.seal("platform", [ledger.record("split.instructed", split("P1"))]),
        ledger.seal("institution", [ledger.record("payment.captured", captured("P1"))]),
    )
    assert [refused.code for _, refused in block.refusals] == ["unknown-subject"]
    assert all(ledger.row(Leg, "P1", number).bucket for number in (1, 2))
    assert ledger.balance("pending:shop") == -7_000


def test_an_answer_that_comes_late_still_meets() -> None:
    ledger = disputed()
    ledger.now = awaited(ledger).due_at + 5000
    ledger.apply("institution", "dispute.resolved", **answer_of())
    assert (awaited(ledger).state, awaited(ledger).settled_at) == ("met", ledger.now)


def about(subject: str, *, end: bool = False) -> list[Dispute]:
    ledger = split_ledger()
    dispute(ledger, "D1", subject)
    if end:
        ledger.apply("platform", "dispute.resolved", **answer_of("withdrawn"))
    row = ledger.row(Dispute, "D1")
    assert row.subject == "payment:P1"
    return [row]


@pytest.mark.parametrize(
    ("disputes", "payment", "first", "second"),
    [
        ([], "split", "allocated", "allocated"),
        (about("payment:P1"), "disputed", "allocated", "allocated"),
        (about("payment:P1/leg:2"), "disputed", "allocated", "disputed"),
        (about("payment:P1/leg:2", end=True), "split", "allocated", "allocated"),
    ],
    ids=["none", "payment", "leg", "withdrawn"],
)
def test_what_is_disputed_shows_so_until_it_is_resolved(
    disputes: list[Dispute], payment: str, first: str, second: str
) -> None:
    assert shown_state("split", disputes) == payment
    assert shown_state("allocated", disputes, 1) == first
    assert shown_state("allocated", disputes, 2) == second
