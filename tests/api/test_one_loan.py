"""One loan over HTTP: what was agreed, what is open, both allocations; and what comes next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger.contracts.loan_rows import LoanAccount, LoanAgreement, RepaymentAttempt
from tests.api.loans_kit import KeptLoans, portfolio, portfolio_on

kept = portfolio_on()
NOW = "2026-04-20"


def loan(kept: KeptLoans, name: str = "L1", **query: Any) -> dict[str, Any]:
    found: dict[str, Any] = kept.get(f"/v1/loans/{name}", **{"as_of": NOW, **query})
    return found


def test_a_loan_has_its_terms_and_parties(kept: KeptLoans) -> None:
    found = loan(kept)
    assert (found["state"], found["terms"]["annual_rate_ppm"]) == ("disputed", 120_000)
    parties = {each["party"]: each for each in found["parties"]}
    assert [each["role"] for each in parties.values()] == [*["funder"] * 3, "guarantor", "platform"]
    assert sum(each.get("lent", 0) for each in parties.values()) == 600_000
    assert sum(each.get("ppm", 0) for each in parties.values()) == 1_000_000
    assert parties["fund-b"]["receiver"] == "fund-b-main"
    assert (parties["fund-b"]["funded"], parties["fund-b"]["funded_on"]) == (179_999, "2026-01-05")
    assert "funded" not in parties["fund-c"]
    assert loan(kept, "L4")["parties"][0]["accepted"] is False


def test_what_was_funded_later_is_not_known_of_a_date_before(kept: KeptLoans) -> None:
    for day, funded in (("2026-01-04", {0}), ("2026-01-05", {0, 179_999, 300_000})):
        parties = loan(kept, as_of=day)["parties"]
        assert {each.get("funded", 0) for each in parties} == funded
        assert {each.get("funded_on", "") for each in parties} <= {"", "2026-01-05"}
        assert ("2026-01-05" in {each.get("funded_on") for each in parties}) == (len(funded) > 1)


def test_the_schedule_sums_to_what_is_open_to_the_parties(kept: KeptLoans) -> None:
    for name in ("L1", "L2", "L3", "L8"):
        found = loan(kept, name)
        for row in found["schedule"]:
            parts = ("principal", "interest", "fees", "penalty")
            assert row["amount"] == sum(row[part] for part in parts)
            assert row["open"] == sum(row[f"open_{part}"] for part in parts)
            assert row["open"] == sum(each["open"] for each in row["claims"])
            assert row["open"] == sum(each["amount"] for each in row["holders"])
        opened = sum(each.get("open", 0) for each in found["parties"])
        assert opened == sum(row["open"] for row in found["schedule"])
        left = sum(row["open_principal"] for row in found["schedule"])
        assert left == found.get("open_principal", 0) == kept.row(LoanAccount, name).open_principal


def test_a_loan_is_a_subject_like_others(kept: KeptLoans) -> None:
    found = kept.get("/v1/about/loan:L1")
    assert found["timeline"] and "item" not in found  # it has a view of its own
    assert [each["dispute"] for each in found["disputes"]] == ["D1"]
    unknown = kept.client.get("/v1/about/loan:no")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "no-such-subject")


def test_instalments_have_their_states(kept: KeptLoans) -> None:
    states = [row["state"] for row in loan(kept)["schedule"]]
    assert states == ["paid", "overdue", "overdue", "open", "open", "open"]
    late = loan(kept)["schedule"][1]
    assert (late["days_past_due"], late["due"]) == (46, "2026-03-05")
    assert "guarantor" in [each["party"] for each in late["holders"]]
    settled = {row["state"] for row in loan(kept, "L3")["schedule"]}
    assert settled == {"paid"}


def test_each_repayment_has_both_allocations_side_by_side(kept: KeptLoans) -> None:
    for each in loan(kept)["repayments"]:
        for share in each["shares"]:
            assert share.get("stated", share["expected"]) == share["expected"]
            assert "difference" not in share
    (wrong,) = loan(kept, "L2")["repayments"]
    assert wrong["split"] == "conflicting"
    shares = {each["party"]: each for each in wrong["shares"]}
    assert {party: each["difference"] for party, each in shares.items()} == {
        "fund-a": -750, "fund-b": -1_050, "fund-c": -300, "platform": 2_100,
    }  # fmt: skip
    (overpaid,) = loan(kept, "L3")["repayments"]
    last = overpaid["shares"][-1]
    assert (last["receiver"], last["expected"], last["stated"]) == ("", 91_768, 91_768)
    total = sum(each["expected"] for each in overpaid["shares"])
    assert total == overpaid["amount"] == 700_000


def test_a_stated_share_of_a_receiver_that_gets_nothing_is_shown(tmp_path: Path) -> None:
    kept = portfolio(tmp_path)
    try:
        kept.register("stranger")
        fields = kept.repay_fields("L8-A9", 10_000, "2026-04-21", loan="L8")
        half = {name: fields[name] for name in ("payment", "order", "amount", "currency")}
        legs = [{"leg": 1, "receiver": "stranger", "purpose": "repayment", "amount": 10_000}]
        named = {"loan": "L8", "attempt": "L8-A9"}
        kept.apply("platform", "split.instructed", **half, mode="fixed", legs=legs, **named)
        kept.apply("institution", "payment.captured", **fields)
        shares = loan(kept, "L8", as_of="2026-04-21")["repayments"][-1]["shares"]
        stranger = next(each for each in shares if each["receiver"] == "stranger")
        assert (stranger["expected"], stranger["stated"], stranger["difference"]) == (
            0,
            *[10_000] * 2,
        )
        assert sum(each["difference"] for each in shares) == 0
    finally:
        kept.close()


def test_a_loan_says_what_is_awaited_proposed_and_disputed(kept: KeptLoans) -> None:
    found = loan(kept)
    awaited = {(each["kind"], each["awaited"], each["state"]) for each in found["expectations"]}
    assert ("loan-funding", "fund-b", "conflicting") in awaited
    assert ("loan-acceptance", "fund-b", "overdue") in awaited
    assert (found["plan"]["state"], found["plan"]["accepted"]) == ("proposed", ["fund-a"])
    assert sum(row["principal"] for row in found["plan"]["rows"]) == found["open_principal"]
    assert [each["dispute"] for each in found["disputes"]] == ["D1"]
    eighth = loan(kept, "L8")
    assert [(each["compensation"], each["state"]) for each in eighth["compensations"]] == [
        ("C2", "disputed")
    ]
    assert ("compensation", "guarantor", "conflicting") in {
        (each["kind"], each["awaited"], each["state"]) for each in eighth["expectations"]
    }
    assert [each["dispute"] for each in eighth["disputes"]] == ["D2"]


def test_the_timeline_has_every_record_about_the_loan_in_order(kept: KeptLoans) -> None:
    found = loan(kept)
    indexes = [each["index"] for each in found["timeline"]]
    assert indexes == sorted(indexes)
    assert found["timeline_whole"]
    outcomes = {(each["type"], each["outcome"]) for each in found["timeline"]}
    assert ("split.instructed", "allocation-differs") in outcomes
    types = {each["type"] for each in found["timeline"]}
    assert types >= {
        "loan.proposed", "loan.accepted", "loan.disbursed", "loan.funded", "payment.captured",
        "split.instructed", "repayment.failed", "loan.waived", "payment.reversed",
        "compensation.stated", "loan.replanned", "dispute.raised",
    }  # fmt: skip
    size = loan(kept, height=kept.heights["march"])["timeline"][-1]["index"]
    assert all(each["index"] <= size for each in found["timeline"] if each["index"] in indexes[:9])
    assert len(loan(kept, height=kept.heights["march"])["timeline"]) < len(indexes)


def test_payments_searches_and_expectations_name_the_loan(kept: KeptLoans) -> None:
    payment = kept.get("/v1/payments/P-L2-A1")
    for half in ("capture", "instruction"):
        assert (payment[half]["loan"], payment[half]["attempt"]) == ("L2", "L2-A1")
    assert kept.get("/v1/payments/P-L3-A1")["instruction"]["overpaid"] == 91_768
    assert kept.get("/v1/payments/P-C1")["capture"]["compensation"] == "C1"
    found = kept.get("/v1/search", loan="L1")["payments"]
    assert [each["payment"] for each in found] == ["P-L1-A1", "P-L1-A3", "P-L1-A4"]
    assert {each["loan"] for each in found} == {"L1"}
    funding = kept.get("/v1/expectations", kind="loan-funding", awaited="fund-b")["expectations"]
    assert "loan:L1/party:fund-b" in [each["subject"] for each in funding]
    assert kept.get("/v1/expectations", kind="compensation", state="conflicting")["expectations"]


@pytest.mark.parametrize("amount", [1, 600, 54_753, 104_100, 159_267, 300_000, 5_000_000])
@pytest.mark.parametrize("name", ["L1", "L2", "L8"])
def test_legs_that_were_asked_for_are_split_as_they_are(
    tmp_path: Path, name: str, amount: int
) -> None:
    kept = portfolio(tmp_path)
    try:
        day, attempt = "2026-05-05", f"{name}-A9"
        asked = kept.get(f"/v1/loans/{name}/allocation", amount=amount, date=day)
        captured = kept.repay(attempt, amount, day, loan=name)
        fields = kept.split_fields(captured)
        overpaid = {"overpaid": asked["overpaid"]} if asked["overpaid"] else {}
        kept.apply("platform", "split.instructed", **{**fields, "legs": asked["legs"], **overpaid})
        found = loan(kept, name, as_of=day)
        opened = {row["number"] for row in found["schedule"] if row["open"]}
        assert not opened & set(asked["closes"])
        assert asked["settles"] == (kept.row(LoanAgreement, name).state == "settled")
        row = kept.row(RepaymentAttempt, name, attempt)
        assert asked["replans"] == bool(row.ahead and not asked["settles"])
        parts = sum(each["amount"] for each in asked["parts"])
        assert parts == sum(each["amount"] for each in asked["legs"]) == amount - row.overpaid
    finally:
        kept.close()


def test_an_amount_is_asked_for_as_it_is_displayed(kept: KeptLoans) -> None:
    path, day = "/v1/loans/L2/allocation", {"date": "2026-05-05"}
    shown = kept.get(path, amount_shown="1,041.00", **day)
    assert shown == kept.get(path, amount=104_100, **day)
    assert shown == kept.get(path, amount_shown="1041 CNY", **day)


def test_a_payment_that_became_another_attempt_says_nothing_of_the_first(tmp_path: Path) -> None:
    """Attempts are named by loan: those of two loans may have one name, and even one payment."""
    kept = KeptLoans(tmp_path)
    kept.lend("L1")
    kept.lend("L2")
    kept.repay("A1", 104_100, "2026-02-05")
    void = {"payment": "P-A1", "reason": "of another loan", "date": "2026-02-05"}
    kept.apply("institution", "payment.reversed", **void)
    kept.split_repayment(kept.repay("A1", 50_000, "2026-02-05", loan="L2"))
    (first,), (second,) = (loan(kept, name)["repayments"] for name in ("L1", "L2"))
    assert (first["state"], first["split"]) == ("reversed", "reversed")
    assert not [each for each in first["shares"] if "stated" in each or "difference" in each]
    assert (second["state"], second["split"]) == ("succeeded", "split")
    assert all(each["stated"] == each["expected"] for each in second["shares"])
    kept.close()
