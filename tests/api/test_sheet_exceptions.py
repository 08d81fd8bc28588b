"""Exceptions of a sheet: each kind planted on a loan of its own, and found with who has to act."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from ledger.contracts.loan_rows import RepaymentAttempt
from tests.api.lending_kit import DAY_AFTER, FEBRUARY, CosignedLoans
from tests.ledger.ledger_kit import DAY
from views.sheets.views import ExceptionKind

WHOLE, HALF = 104_100, 51_750
Case = tuple[str, str, int]
"""Who has to act, the party whose sheet it is, and what is in question."""


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[CosignedLoans]:
    made = CosignedLoans(tmp_path)
    made.lend("L1")
    yield made
    made.close()


def split_not_stated(kept: CosignedLoans) -> None:
    kept.pay_due("L1", FEBRUARY, split=False)


def split_differs(kept: CosignedLoans) -> None:
    kept.instruct_wrongly("L1", FEBRUARY)
    kept.pay_due("L1", FEBRUARY, split=False)


def capture_not_stated(kept: CosignedLoans) -> None:
    kept.instruct_wrongly("L1", FEBRUARY)


def reversal_unanswered(kept: CosignedLoans) -> None:
    kept.pay_due("L1", FEBRUARY)
    stated = {"payment": f"P-L1-{FEBRUARY}", "reason": "void", "date": FEBRUARY}
    kept.apply("institution", "payment.reversed", **stated)


def waits_in_suspense(kept: CosignedLoans) -> None:
    kept.on(FEBRUARY)
    kept.apply("institution", "receiver.suspended", receiver="fund-a-main", reason="review")
    kept.pay_due("L1", FEBRUARY)


def not_paid_out(kept: CosignedLoans) -> None:
    kept.pay_due("L1", FEBRUARY)


def payout_returned(kept: CosignedLoans) -> None:
    kept.pay_due("L1", FEBRUARY)
    kept.settle("OUT", "fund-a-main", DAY_AFTER, "paid", "returned")


def payout_without_result(kept: CosignedLoans) -> None:
    kept.pay_due("L1", FEBRUARY)
    kept.settle("OUT", "fund-a-main", DAY_AFTER)


def arrival_not_confirmed(kept: CosignedLoans) -> None:
    kept.pay_due("L1", FEBRUARY)
    kept.settle("OUT", "fund-a-main", DAY_AFTER, "paid")


def arrival_differs(kept: CosignedLoans) -> None:
    arrival_not_confirmed(kept)
    said = {"payout": "OUT", "amount": HALF - 1, "currency": "CNY", "received_at": kept.now}
    kept.apply("fund-a", "settlement.confirmed", **said)


def disputed(kept: CosignedLoans) -> None:
    kept.pay_due("L1", FEBRUARY)
    kept.settle("OUT", "fund-a-main", DAY_AFTER, "paid", "confirmed")
    stated = {"dispute": "D1", "subject": f"payment:P-L1-{FEBRUARY}", "against": "platform"}
    kept.apply("fund-a", "dispute.raised", **stated, reason="we agreed otherwise")


def compensation_due(kept: CosignedLoans) -> None:
    kept.on("2026-03-08")


def compensation_unpaid(kept: CosignedLoans) -> int:
    owed = kept.compensable("2026-03-09", instalments=[1])
    stated = {"compensation": "C1", "loan": "L1", "amount": owed, "date": "2026-03-09"}
    kept.apply("guarantor", "compensation.stated", **stated, instalments=[1])
    return owed


def compensation_differs(kept: CosignedLoans) -> None:
    owed = compensation_unpaid(kept)
    facts = kept.compensation_fields("C1", owed - 1, "2026-03-09", compensation="C1")
    kept.apply("institution", "payment.captured", **facts)


CASES: dict[ExceptionKind, tuple[Callable[[CosignedLoans], Any], Case]] = {
    "split-not-stated": (split_not_stated, ("platform", "fund-a", HALF)),
    "split-differs": (split_differs, ("platform", "fund-a", HALF)),
    "capture-not-stated": (capture_not_stated, ("institution", "institution", WHOLE)),
    "reversal-unanswered": (reversal_unanswered, ("platform", "fund-a", HALF)),
    "waits-in-suspense": (waits_in_suspense, ("institution", "fund-a", HALF)),
    "not-paid-out": (not_paid_out, ("institution", "fund-a", HALF)),
    "payout-returned": (payout_returned, ("institution", "fund-a", HALF)),
    "payout-without-result": (payout_without_result, ("institution", "fund-a", HALF)),
    "arrival-not-confirmed": (arrival_not_confirmed, ("fund-a", "fund-a", HALF)),
    "arrival-differs": (arrival_differs, ("fund-a", "fund-a", HALF)),
    "disputed": (disputed, ("platform", "fund-a", HALF)),
    "compensation-due": (compensation_due, ("guarantor", "fund-a", HALF)),
    "compensation-unpaid": (compensation_unpaid, ("institution", "fund-a", HALF)),
    "compensation-differs": (compensation_differs, ("guarantor", "fund-a", HALF)),
}


def of_kind(sheet: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [each for each in sheet["exceptions"] if each["kind"] == kind]


def test_there_is_a_case_for_every_kind() -> None:
    assert set(CASES) == set(get_args(ExceptionKind))


@pytest.mark.parametrize("kind", CASES)
def test_a_kind_is_found_when_it_is_late_with_who_has_to_act(
    kept: CosignedLoans, kind: ExceptionKind
) -> None:
    plant, (acting, party, amount) = CASES[kind]
    plant(kept)
    late = kept.now + 4 * DAY
    day = kept.genesis.calendar.business_date(kept.now)
    (line,) = of_kind(kept.sheet(party, day, as_of=late), kind)
    assert (line["party"], line["amount"], line["currency"]) == (acting, amount, "CNY")
    assert line["age"] == late - line["since"] > 0
    if "loan" in line:
        assert line["loan"] == "L1"


@pytest.mark.parametrize(
    "kind",
    ("split-not-stated", "not-paid-out", "payout-without-result", "arrival-not-confirmed"),
)
def test_what_is_awaited_in_time_is_no_exception(kept: CosignedLoans, kind: ExceptionKind) -> None:
    plant, (_, party, _) = CASES[kind]
    plant(kept)
    sheet = kept.sheet(party, FEBRUARY, as_of=kept.now)
    assert sheet["exceptions"] == []
    assert not any(row.get("missing") for row in sheet["repayments"])


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind in CASES
        if not kind.startswith("compensation") and kind not in ("capture-not-stated", "disputed")
    ],
)
def test_what_is_late_of_a_repayment_is_missing_of_it(
    kept: CosignedLoans, kind: ExceptionKind
) -> None:
    plant, (_, party, amount) = CASES[kind]
    plant(kept)
    (row,) = kept.sheet(party, FEBRUARY, as_of=kept.now + 4 * DAY)["repayments"]
    if kind == "reversal-unanswered":
        assert (row["state"], row["reversed"], "captured" in row) == ("reversed", amount, False)
    else:
        assert row["missing"] == row["captured"] == amount


def test_an_exception_of_an_earlier_date_stays_until_it_is_settled(kept: CosignedLoans) -> None:
    attempt: RepaymentAttempt = kept.pay_due("L1", FEBRUARY, split=False)
    kept.on("2026-02-20")
    (line,) = of_kind(kept.sheet("fund-a", "2026-02-20"), "split-not-stated")
    assert (line["loan"], line["attempt"], line["amount"]) == ("L1", attempt.attempt, HALF)
    assert not of_kind(kept.sheet("fund-a", "2026-02-04"), "split-not-stated")  # not yet captured
    kept.split_repayment(attempt)
    assert not of_kind(kept.sheet("fund-a", "2026-02-20"), "split-not-stated")


def test_a_payout_of_an_earlier_date_that_nobody_confirms_stays(kept: CosignedLoans) -> None:
    kept.pay_due("L1", FEBRUARY)
    kept.settle("OUT", "fund-a-main", DAY_AFTER, "paid")
    kept.on("2026-02-20")
    (line,) = kept.sheet("fund-a", "2026-02-20")["exceptions"]
    assert (line["kind"], line["payout"], line["party"]) == (
        "arrival-not-confirmed",
        "OUT",
        "fund-a",
    )
    said = {"payout": "OUT", "amount": HALF, "currency": "CNY", "received_at": kept.now}
    kept.apply("fund-a", "settlement.confirmed", **said)
    assert kept.sheet("fund-a", "2026-02-20")["exceptions"] == []


def test_a_payout_that_came_back_is_found_with_its_next(kept: CosignedLoans) -> None:
    payout_returned(kept)
    kept.settle("OUT-2", "fund-a-main", DAY_AFTER, "paid", "confirmed")
    sheet = kept.sheet("fund-a", FEBRUARY, as_of=kept.now + 4 * DAY)
    assert sheet["exceptions"] == []
    (row,) = sheet["repayments"]
    assert (row["state"], row["arrived"], row["payouts"]) == ("arrived", HALF, ["OUT-2"])


def test_what_conflicts_is_missing_at_once(kept: CosignedLoans) -> None:
    split_differs(kept)
    (line,) = kept.sheet("fund-a", FEBRUARY, as_of=kept.now)["exceptions"]
    assert line["kind"] == "split-differs"
    assert "expected fund-a-main 51750" in line["detail"]


def test_a_withdrawn_compensation_is_not_awaited_and_what_is_due_is_due_again(
    kept: CosignedLoans,
) -> None:
    compensation_unpaid(kept)
    size = kept.tip.size
    kept.apply("guarantor", "compensation.withdrawn", compensation="C1", reason="by mistake")
    sheet = kept.sheet("fund-a", "2026-03-10", as_of=kept.now + 4 * DAY)
    (line,) = sheet["compensations"]
    assert (line["state"], line["due"], "unpaid" in line) == ("due", HALF, False)
    assert [each["amount"] for each in of_kind(sheet, "compensation-due")] == [HALF]
    assert not of_kind(sheet, "compensation-unpaid")
    (row,) = kept.get("/v1/compensations", state="withdrawn")["compensations"]
    assert (row["compensation"], row["last_entry"]) == ("C1", size)
    (due,) = kept.get("/v1/compensations/due", as_of="2026-03-10")["due"]
    assert (due["loan"], due["instalments"]) == ("L1", [1])
    past = kept.get("/v1/compensations/due", as_of="2026-03-10", height=kept.tip.height - 1)
    assert past["due"] == []
    (shown,) = kept.get("/v1/loans/L1")["compensations"]
    assert shown["state"] == "withdrawn"


def test_a_compensation_withdrawn_after_its_money_was_reversed_is_what_it_was_at_each_height(
    kept: CosignedLoans,
) -> None:
    owed = compensation_unpaid(kept)
    facts = kept.compensation_fields("C1", owed, "2026-03-09", compensation="C1")
    void = {"payment": "P-C1", "reason": "void", "date": "2026-03-09"}
    steps: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("institution", "payment.captured", facts),
        ("institution", "payment.reversed", void),
        ("guarantor", "compensation.withdrawn", {"compensation": "C1", "reason": "paid"}),
    )
    seen = []
    for step in (*steps, None):
        seen.append((kept.tip.height, kept.sheet("fund-a", "2026-03-10")["compensations"]))
        if step is not None:
            kept.apply(step[0], step[1], **step[2])
    states = [[line["state"] for line in lines] for _, lines in seen]
    assert states == [["stated"], [], ["reversed"], ["due"]]
    for height, lines in seen:
        then = kept.sheet("fund-a", "2026-03-10", height=height)["compensations"]
        assert [line["state"] for line in then] == [line["state"] for line in lines]


def test_a_compensation_whose_money_was_reversed_awaits_it_and_is_not_due_anew(
    kept: CosignedLoans,
) -> None:
    owed = compensation_unpaid(kept)
    facts = kept.compensation_fields("C1", owed, "2026-03-09", compensation="C1")
    kept.apply("institution", "payment.captured", **facts)
    stated = {"payment": "P-C1", "reason": "void", "date": "2026-03-09"}
    kept.apply("institution", "payment.reversed", **stated)
    sheet = kept.sheet("fund-a", "2026-03-10", as_of=kept.now + 4 * DAY)
    (line,) = sheet["compensations"]
    assert (line["state"], line["unpaid"], "due" in line) == ("reversed", HALF, False)
    (wrong,) = of_kind(sheet, "compensation-unpaid")
    assert (wrong["party"], wrong["amount"]) == ("institution", HALF)
    assert not of_kind(sheet, "compensation-due")
