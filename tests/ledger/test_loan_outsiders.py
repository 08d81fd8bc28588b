"""What outsiders try with loans: each attempt is refused or conflicts, and moves no money."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.books import money
from ledger.contracts.halves import Capture, Instruction, payment_state
from ledger.contracts.loan_rows import (
    LoanAccount,
    LoanAgreement,
    LoanCompensation,
    RepaymentAttempt,
)
from ledger.expectations import Expectation
from tests.ledger.ledger_kit import leg
from tests.ledger.loan_kit import FUNDERS, LoanLedger
from tests.ledger.loan_said import (
    FIRST_DUE,
    agreed,
    captured_only,
    compensated,
    compensation,
    dated,
    guaranteed,
    legs,
    lending,
    lent_by,
    plain,
    plan,
    refund,
    reversal,
    settled,
    stated,
)

HALVES = ("instruction", "payment:P-A1")


def state_of(ledger: LoanLedger, payment: str = "P-A1") -> str:
    instruction = ledger.get(Instruction, payment)
    return payment_state(ledger.get(Capture, payment), instruction)


def right(ledger: LoanLedger, **fields: Any) -> dict[str, Any]:
    return ledger.split_fields(ledger.row(RepaymentAttempt, "L1", "A1"), **fields)


def swapped(fields: dict[str, Any], units: int = 1) -> dict[str, Any]:
    """Return a split of which one leg has some units more, and another as many less."""
    one, two, *rest = fields["legs"]
    moved = [
        {**one, "amount": one["amount"] + units},
        {**two, "amount": two["amount"] - units},
        *rest,
    ]
    return {**fields, "legs": moved}


# --- the platform -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "detail"),
    [
        ({"loan": None, "attempt": None}, "loan: captured L1, instructed none"),
        ({"attempt": "A2"}, "attempt: captured A1, instructed A2"),
        ({"loan": "L2"}, "loan: captured L1, instructed L2"),
    ],
)
def test_a_split_that_names_another_loan_or_attempt_or_none_conflicts(
    wrong: dict[str, Any], detail: str
) -> None:
    ledger = captured_only()
    ledger.lend("L2")
    fields = {**right(ledger), **wrong}
    before = ledger.balances()
    ledger.apply("platform", "split.instructed", **{k: v for k, v in fields.items() if v})
    row = ledger.row(Expectation, *HALVES)
    assert (row.state, row.awaited) == ("conflicting", "platform")
    assert detail in row.detail
    assert ledger.balances() == before
    ledger.apply("platform", "split.amended", **right(ledger))
    assert state_of(ledger) == "split"


def test_a_platform_that_instructs_first_and_leaves_the_loan_out_conflicts_at_the_capture() -> None:
    ledger = lending()
    ledger.apply("platform", "split.instructed", **plain())
    ledger.repay("A1", 104_100, FIRST_DUE)
    assert state_of(ledger) == "conflicting"
    assert ledger.balance("suspense:P-A1") == -104_100


def test_a_split_by_shares_instead_of_by_what_is_open_is_refused() -> None:
    """After one funder has waived, its part of a repayment is less than its share."""
    ledger = lending()
    waived = {"loan": "L1", "instalment": 1, "component": "principal", "date": "2026-01-05"}
    ledger.apply("fund-a", "loan.waived", **waived, amount=20_000)
    ledger.repay("A1", 60_000, FIRST_DUE)
    wanted = right(ledger)
    service = next(each["amount"] for each in wanted["legs"] if "platform" in each["receiver"])
    by_share = [
        leg(number, f"{party}-main", amount=(60_000 - service) * ppm // 1_000_000)
        for number, (party, ppm) in enumerate(FUNDERS, 1)
    ]
    by_share.append(leg(4, "platform-main", amount=service))
    by_share[0]["amount"] += 60_000 - sum(each["amount"] for each in by_share)
    refused = ledger.refuse(
        "allocation-differs", "platform", "split.instructed", **{**wanted, "legs": by_share}
    )
    for each in wanted["legs"]:
        assert f"{each['receiver']} {each['amount']} (" in refused.expected
    ledger.apply("platform", "split.instructed", **wanted)


def test_a_split_by_ratio_passes_only_if_it_comes_to_the_same() -> None:
    ledger = captured_only()
    by_ratio = [leg(n, f"{party}-main", ppm=ppm) for n, (party, ppm) in enumerate(FUNDERS, 1)]
    fields = {**right(ledger), "mode": "ratio", "legs": by_ratio}
    ledger.refuse("allocation-differs", "platform", "split.instructed", **fields)


def test_a_leg_to_a_receiver_that_the_named_party_does_not_own_is_refused() -> None:
    ledger = captured_only()
    ledger.register("shop")
    ledger.register("fund-a-second", owner="fund-a")
    for other in ("shop", "fund-a-second", "guarantor-main"):
        fields = right(ledger)
        fields["legs"][0]["receiver"] = other
        refused = ledger.refuse("allocation-differs", "platform", "split.instructed", **fields)
        assert other in refused.got
        assert other not in refused.expected


def test_a_leg_that_is_split_in_two_is_refused() -> None:
    ledger = captured_only()
    fields = right(ledger)
    first = fields["legs"][0]
    more = {**first, "leg": len(fields["legs"]) + 1, "amount": 1}
    fields["legs"] = [{**first, "amount": first["amount"] - 1}, *fields["legs"][1:], more]
    ledger.refuse("allocation-differs", "platform", "split.instructed", **fields)


def test_the_order_and_the_purpose_of_legs_are_the_platforms() -> None:
    ledger = captured_only()
    turned = [
        {**each, "leg": number, "purpose": "interest and principal"}
        for number, each in enumerate(reversed(right(ledger)["legs"]), 1)
    ]
    ledger.apply("platform", "split.instructed", **{**right(ledger), "legs": turned})
    assert state_of(ledger) == "split"


@pytest.mark.parametrize("units", [1, -1, 1_000])
def test_an_allocation_that_is_off_is_refused_with_every_leg_for_people_too(units: int) -> None:
    ledger = captured_only()
    wrong = swapped(right(ledger), units)
    refused = ledger.refuse("allocation-differs", "platform", "split.instructed", **wrong)
    for each in wrong["legs"]:
        assert f"{each['receiver']} {each['amount']} (" in refused.got
    assert " CNY)" in refused.expected
    assert "loan allocate" in refused.message
    apart = {each["receiver"]: each["amount"] for each in wrong["legs"]}
    for each in right(ledger)["legs"]:
        apart[each["receiver"]] -= each["amount"]
    said = [f"{name} {money(apart[name], 'CNY')}" for name in sorted(apart) if apart[name]]
    assert f"The difference is {', '.join(said)}." in refused.message


def test_a_share_in_two_legs_is_refused_and_says_so() -> None:
    ledger = captured_only()
    fields = right(ledger)
    first, *others = fields["legs"]
    halves = [{**first, "amount": 1}, {**first, "amount": first["amount"] - 1}]
    fields["legs"] = [{**each, "leg": at} for at, each in enumerate([*halves, *others], 1)]
    refused = ledger.refuse("allocation-differs", "platform", "split.instructed", **fields)
    assert "The difference is that a receiver has more than one leg." in refused.message


def test_what_is_overpaid_is_neither_kept_nor_split() -> None:
    ledger = lending()
    attempt = ledger.repay("A1", 700_000, FIRST_DUE)
    fields = ledger.split_fields(attempt)
    more = {**fields["legs"][0], "amount": fields["legs"][0]["amount"] + attempt.overpaid}
    all_split = {**fields, "legs": [more, *fields["legs"][1:]]}
    del all_split["overpaid"]
    refused = ledger.refuse("allocation-differs", "platform", "split.instructed", **all_split)
    assert f"overpaid {attempt.overpaid} (" in refused.expected
    assert f"overpaid {money(-attempt.overpaid, 'CNY')}." in refused.message
    assert "overpaid" not in refused.got


def test_an_amended_split_stays_the_ledgers_allocation() -> None:
    ledger = captured_only()
    ledger.apply("platform", "split.instructed", **right(ledger))
    ledger.refuse("allocation-differs", "platform", "split.amended", **swapped(right(ledger)))
    ledger.apply("platform", "split.amended", **right(ledger))
    assert ledger.balance("suspense:P-A1") == 0


def test_the_platform_cannot_keep_a_guarantors_money_from_being_captured() -> None:
    """It may split a payment in advance; the institution then captures under another id."""
    ledger = stated()
    one = [leg(1, "fund-a-main", amount=1)]
    fields = {"payment": "P-C1", "order": "O-C1", "amount": 1, "currency": "CNY", "mode": "fixed"}
    ledger.apply("platform", "split.instructed", **fields, legs=one)
    ledger.refuse("already-instructed", "institution", "payment.captured", **guaranteed())
    ledger.apply("institution", "payment.captured", **guaranteed(payment="P-C2"))
    assert ledger.row(LoanCompensation, "C1").state == "settled"


# --- funders and guarantor ----------------------------------------------------------------------


def test_who_has_not_accepted_keeps_nobody_from_a_new_proposal() -> None:
    ledger = LoanLedger()
    ledger.propose()
    proposal = ledger.propose(**lent_by(("fund-b", 1_000_000)))
    assert ledger.row(Expectation, "loan-acceptance", "loan:L1/party:fund-a").state == "met"
    ledger.accept(proposal)
    assert ledger.row(LoanAgreement, "L1").state == "accepted"


def test_a_funder_that_contradicts_its_funding_holds_back_no_repayment() -> None:
    ledger = lending()
    ledger.apply("fund-a", "loan.funded", loan="L1", amount=1, date="2026-01-05")
    ledger.split_repayment(ledger.repay("A1", 104_100, FIRST_DUE))
    assert state_of(ledger) == "split"


def test_a_receiver_that_is_named_between_capture_and_split_gets_the_next_repayment() -> None:
    ledger = captured_only()
    ledger.register("fund-a-second", owner="fund-a")
    ledger.apply("fund-a", "loan.receiver_named", loan="L1", receiver="fund-a-second")
    ledger.apply("platform", "split.instructed", **right(ledger))
    assert ledger.balance("pending:fund-a-main") < 0
    attempt = ledger.repay("A2", 104_100, "2026-03-05")
    assert any(text.startswith("fund-a-second:") for text in attempt.shares)


# --- the institution, and the order of records --------------------------------------------------


def test_two_repayments_in_one_block_settle_and_the_second_finds_nothing_open() -> None:
    ledger = lending()
    records = [
        ledger.record("payment.captured", ledger.repay_fields(name, 700_000, FIRST_DUE))
        for name in ("A1", "A2")
    ]
    done = ledger.run(ledger.seal("institution", records))
    assert [refused.code for _, refused in done.refusals] == ["loan-settled"]


def test_a_reversal_between_two_others_leaves_the_later_one_as_it_was() -> None:
    ledger = lending()
    first = ledger.repay("A1", 104_100, FIRST_DUE)
    second = ledger.repay("A2", 104_100, "2026-03-05")
    third = ledger.repay("A3", 50_000, "2026-03-06")
    for attempt in (first, second, third):
        ledger.split_repayment(attempt)
    balances = {name: ledger.balance(f"pending:{name}-main") for name in ("fund-a", "platform")}
    ledger.apply("institution", "payment.reversed", **reversal("P-A2", date="2026-03-06"))
    assert ledger.row(RepaymentAttempt, "L1", "A1") == first
    assert ledger.row(RepaymentAttempt, "L1", "A3") == third
    parts = dict(text.rsplit(":", 1) for text in second.shares)
    for name, before in balances.items():
        assert ledger.balance(f"pending:{name}-main") == before + int(parts[f"{name}-main"])
    account = ledger.row(LoanAccount, "L1")
    assert (account.settled, account.due_from) == (1, "2026-03-05")


def test_money_of_a_loan_that_is_being_refunded_is_not_reversed_whatever_is_instructed() -> None:
    """What was overpaid is refunded out of the payment's own suspense."""
    ledger = lending()
    attempt = ledger.repay("A1", 700_000, FIRST_DUE)
    ledger.apply("platform", "refund.requested", **refund(attempt.overpaid))
    ledger.apply("platform", "split.instructed", **legs(amount=700_000, attempt="A2"))
    assert state_of(ledger) == "conflicting"
    void = reversal(date=FIRST_DUE)
    ledger.refuse("payment-refunded", "institution", "payment.reversed", **void)
    ledger.apply("institution", "refund.failed", refund="R1", reason="card closed")
    ledger.apply("institution", "payment.reversed", **void)
    assert ledger.balance("suspense:P-A1") == 0


def test_a_refund_of_a_repayment_that_is_split_wrongly_says_what_is_wrong() -> None:
    ledger = lending()
    ledger.apply("platform", "split.instructed", **legs(amount=700_000))
    attempt = ledger.repay("A1", 700_000, FIRST_DUE)
    refused = ledger.refuse(
        "halves-conflict", "platform", "refund.requested", **refund(attempt.overpaid)
    )
    assert refused.got == "legs other than the ledger allocates"


# --- bad input: rule, expected, got, and the difference in minor units and for people -----------


@pytest.mark.parametrize(
    ("ledger", "said", "code", "words"),
    [
        (
            lending,
            ("platform", "loan.replanned", plan(date="2026-01-05", rows=plan()["rows"][:1])),
            "schedule-does-not-close",
            ("600000 (6000.00 CNY)", "300000 (3000.00 CNY)", "-300000 (-3000.00 CNY)"),
        ),
        (
            LoanLedger,
            ("platform", "loan.proposed", agreed(annual_rate_ppm=1_000_001)),
            "terms-out-of-range",
            ("annual_rate_ppm", "0 (0.0000 %) to 1,000,000 (100.0000 %)", "1,000,001 (100.0001 %)"),
        ),
        (
            LoanLedger,
            ("platform", "loan.proposed", agreed(principal=20_000_000_000_000)),
            "amount-over-limit",
            ("10000000000000 (100000000000.00 CNY)", "20000000000000 (200000000000.00 CNY)"),
        ),
        (
            LoanLedger,
            ("platform", "loan.proposed", lent_by(("fund-a", 500_000), ("fund-a", 500_000))),
            "funders-form",
            ("no party twice", "fund-a, fund-a"),
        ),
        (
            LoanLedger,
            ("platform", "loan.proposed", agreed(first_due="2026-01-05")),
            "dates-out-of-order",
            ("a date after 2026-01-05",),
        ),
        (
            LoanLedger,
            ("platform", "loan.proposed", lent_by(("fund-a", 500_000), ("fund-b", 499_999))),
            "shares-do-not-sum",
            ("1,000,000", "500,000 + 499,999", "-1 ppm"),
        ),
        (
            LoanLedger,
            ("platform", "loan.proposed", lent_by(("stranger", 1_000_000))),
            "unknown-party",
            ("fund-a or fund-b or fund-c", "stranger"),
        ),
        (
            LoanLedger,
            ("platform", "loan.proposed", agreed(annual_rate_ppm=239_000, penalty_ppm=None)),
            "cost-over-limit",
            ("at most 24.0000 %", "25.1000 %"),
        ),
        (
            settled,
            ("institution", "payment.captured", {}),
            "loan-settled",
            ("a settled one", "100 (1.00 CNY)"),
        ),
        (
            dated,
            ("guarantor", "compensation.stated", compensation(date="2026-02-10")),
            "compensation-too-early",
            ("more than 30 days past due", "5 days"),
        ),
        (
            compensated,
            ("institution", "payment.captured", guaranteed(payment="P2")),
            "compensation-settled",
            ("captured as P-C1",),
        ),
    ],
)
def test_bad_input_is_refused_with_what_was_expected_and_what_came(
    ledger: Any, said: Any, code: str, words: tuple[str, ...]
) -> None:
    made = ledger()
    author, type_, fields = said
    refused = made.refuse(
        code, author, type_, **(fields or made.repay_fields("A2", 100, "2026-02-06"))
    )
    text = f"{refused.message} {refused.expected} {refused.got}"
    for word in words:
        assert word in text
