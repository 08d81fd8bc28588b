"""The sheet of an earlier height is the one that was made then, whatever came since."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ledger.contracts.loan_rows import LoanPlan
from tests.api.lending_kit import MARCH, CosignedLoans, lending_day

PARTIES = ("fund-a", "fund-b", "guarantor", "platform", "institution")
LISTS = ("figures", "repayments", "overdue", "compensations")
OF_THE_DATE = ("split-differs", "waits-in-suspense", "compensation-due")
"""Exceptions that follow from the rows of the sheet alone."""


class Seen(NamedTuple):
    """A sheet as it was made when its block was the newest."""

    height: int
    party: str
    sheet: dict[str, Any]


def right_split(kept: CosignedLoans, loan: str) -> dict[str, Any]:
    return kept.split_fields(kept.attempt(loan, f"{loan}-{MARCH}"))


def amend(loan: str) -> Callable[[CosignedLoans], None]:
    return lambda kept: _apply(kept, "platform", "split.amended", right_split(kept, loan))


def _apply(kept: CosignedLoans, author: str, type_: str, fields: dict[str, Any]) -> None:
    kept.apply(author, type_, **fields)


def split_late(kept: CosignedLoans) -> None:
    kept.split_repayment(kept.attempt("L03", f"L03-{MARCH}"))


def pay_compensation(kept: CosignedLoans) -> None:
    facts = kept.compensation_fields("C8", 103_500, "2026-03-06", compensation="C-L08")
    kept.apply("institution", "payment.captured", **facts)


def withdraw_compensation(kept: CosignedLoans) -> None:
    kept.apply("guarantor", "compensation.withdrawn", compensation="C-L08", reason="by mistake")


def state_compensation_again(kept: CosignedLoans) -> None:
    stated = {"compensation": "C-L08", "loan": "L08", "amount": 103_500, "date": MARCH}
    kept.apply("guarantor", "compensation.stated", **stated, instalments=[1])


def confirm(kept: CosignedLoans) -> None:
    amount = kept.get("/v1/payouts/OUT-MARCH")["amount"]
    said = {"payout": "OUT-MARCH", "amount": amount, "currency": "CNY", "received_at": kept.now}
    kept.apply("fund-a", "settlement.confirmed", **said)


def pay_late(kept: CosignedLoans) -> None:
    kept.pay_due("L06", "2026-03-07")


def send_back(kept: CosignedLoans) -> None:
    kept.settle("OUT-C", "fund-c-main", "2026-03-09", "paid", "returned")


def send_again(kept: CosignedLoans) -> None:
    kept.settle("OUT-C2", "fund-c-main", "2026-03-09", "paid", "confirmed")


def reverse(kept: CosignedLoans) -> None:
    kept.on("2026-03-10")
    stated = {"payment": f"P-L03-{MARCH}", "reason": "void", "date": "2026-03-10"}
    kept.apply("institution", "payment.reversed", **stated)


def waive(kept: CosignedLoans) -> None:
    stated = {"loan": "L05", "instalment": 2, "component": "interest", "amount": 100}
    kept.apply("fund-a", "loan.waived", **stated, date="2026-03-10")


def replan(kept: CosignedLoans) -> None:
    day = date(2026, 3, 11)
    kept.on(day.isoformat())
    held = [each for each in kept.loan("L04").as_of(day) if each.open]
    owed = sum(c.open for each in held for c in each.claims if c.component == "principal")
    rows = [{"number": 1, "due": "2026-06-05", "principal": owed, "interest": 9_000, "fees": [0]}]
    stated = {"loan": "L04", "date": day.isoformat(), "rows": rows}
    kept.apply("platform", "loan.replanned", **stated)
    kept.accept(kept.row(LoanPlan, "L04").proposal, "L04")


LATER: tuple[Callable[[CosignedLoans], None], ...] = (
    amend("L02"),
    split_late,
    reverse,
    amend("L09"),
    withdraw_compensation,
    state_compensation_again,
    pay_compensation,
    confirm,
    pay_late,
    send_back,
    send_again,
    waive,
    replan,
)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CosignedLoans, list[Seen]]]:
    kept = lending_day(tmp_path_factory.mktemp("heights"))
    found = []
    for step in (*LATER, None):
        for party in PARTIES:
            sheet = kept.sheet(party, MARCH)
            found.append(Seen(kept.tip.height, party, sheet))
        if step is not None:
            step(kept)
    yield kept, found
    kept.close()


def test_every_step_changes_what_somebody_sees(seen: tuple[CosignedLoans, list[Seen]]) -> None:
    """Else the comparison below would show nothing."""
    _, found = seen
    states = {(row["loan"], row["state"]) for each in found for row in each.sheet["repayments"]}
    assert {("L02", "differs"), ("L02", "due"), ("L03", "reversed"), ("L01", "arrived")} <= states
    settled = [each for each in found if each.party == "guarantor"]
    assert len({len(each.sheet["compensations"]) for each in settled}) > 1


@pytest.mark.parametrize("party", PARTIES)
def test_a_sheet_by_a_height_is_what_it_was(
    seen: tuple[CosignedLoans, list[Seen]], party: str
) -> None:
    kept, found = seen
    for height, whose, before in found:
        if whose == party:
            after = kept.sheet(party, MARCH, height=height)
            assert (after["height"], after["size"]) == (height, before["size"])
            assert after["as_of"] == before["as_of"]
            for name in LISTS:
                assert after[name] == before[name], (height, name)
            assert _certain(after) == _certain(before), height


def _certain(sheet: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the exceptions of the date, without what only the newest state can say of them."""
    return [
        {
            name: value
            for name, value in each.items()
            if name not in ("detail", "party", "since", "age")
        }
        for each in sheet["exceptions"]
        if each["kind"] in OF_THE_DATE
    ]


def test_a_sheet_of_an_earlier_height_is_tied_to_its_own_checkpoint(
    seen: tuple[CosignedLoans, list[Seen]],
) -> None:
    kept, found = seen
    for each in found[::7]:
        sheet = kept.sheet(each.party, MARCH, height=each.height)
        assert sheet["checkpoint"] == each.sheet["checkpoint"]
        assert sheet["checkpoint"]["height"] == each.height


def test_later_records_change_nothing_of_a_loan_as_of_the_date(tmp_path: Path) -> None:
    kept = lending_day(tmp_path)
    before = kept.sheet("fund-a", MARCH)
    for step in (pay_late, waive):
        kept.on("2026-03-12")
        step(kept)
    after = kept.sheet("fund-a", MARCH)
    assert after["overdue"] == before["overdue"]
    due = [each for each in before["figures"] if each["name"].startswith(("due", "overdue"))]
    assert [each for each in after["figures"] if each in due] == due
    kept.close()


def test_a_new_plan_leaves_what_was_due_before_it(tmp_path: Path) -> None:
    kept = CosignedLoans(tmp_path)
    kept.lend("L04")
    kept.on(MARCH)
    before = kept.sheet("fund-a", MARCH)
    (row,) = before["repayments"]
    assert (row["state"], row["due"]) == ("nothing-came", 51_751)
    replan(kept)
    after = kept.sheet("fund-a", MARCH)
    assert after["repayments"] == before["repayments"]
    assert after["overdue"] == before["overdue"]
    assert kept.sheet("fund-a", "2026-06-05")["repayments"][0]["due_interest"] == 4_500
    kept.close()
