"""The sheet of a party for a business date: each figure, each exception, at any height.

The numbers are worked out by hand. 6,000.00 at 12 % over six months by 30/360, in whole yuan, are
1,035.00 a month; of the first 60.00 are interest, of the second 50.25, and 6.00 the platform's fee.
fund-a lends half: of the second 492.38 and 25.13.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.log.checkpoint import Checkpoint
from tests.api.lending_kit import LENT, MARCH, CosignedLoans, lending_day
from tests.api.queries_kit import refused
from views.sheets.figures import FIGURES, RATE
from views.sheets.views import LISTS

HALF, LATE = 51_751, 52_129
"""Of fund-a: the second instalment; the first one with a penalty of 28 days on 975.00, half."""
PARTIES = ("fund-a", "fund-b", "guarantor", "platform", "institution")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CosignedLoans]:
    made = lending_day(tmp_path_factory.mktemp("sheet"))
    yield made
    made.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[CosignedLoans]:
    made = CosignedLoans(tmp_path)
    yield made
    made.close()


def figures_of(sheet: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {each["name"]: (each["amount"], each["count"]) for each in sheet["figures"]}


def row_of(sheet: dict[str, Any], loan: str) -> dict[str, Any]:
    (row,) = (each for each in sheet["repayments"] if each["loan"] == loan)
    return row


def found(sheet: dict[str, Any]) -> list[tuple[str, str, str, int]]:
    """Return the exceptions: what, about what, who has to act, the amount."""
    return [
        (
            each["kind"],
            next(each[name] for name in ("loan", "payout", "receiver") if name in each),
            each["party"],
            each["amount"],
        )
        for each in sheet["exceptions"]
    ]


def test_the_figures_of_a_funder_are_those_worked_out_by_hand(kept: CosignedLoans) -> None:
    sheet = kept.sheet("fund-a", MARCH)
    payoff = (600_000 - 97_500) // 2 + 2_513  # half of what the first one left, and interest
    assert {name: each for name, each in figures_of(sheet).items() if each[1]} == {
        "due": (12 * HALF, 12),
        "due-principal": (12 * 49_238, 12),
        "due-interest": (12 * 2_513, 12),
        "captured": (5 * HALF + payoff, 6),
        "split": (3 * HALF + payoff, 4),
        "differing": (HALF, 1),
        "unstated": (HALF, 1),
        "in-transit": (3 * HALF + payoff, 4),
        "missing": (2 * HALF, 2),
        "failed": (104_100, 1),
        "overpaid": (700_000 - 502_500 - 5_025 - 600, 1),
        "success-rate": (5 * 104_100 + 700_000, 6),
        "overdue-M1": (3 * LATE, 3),
        "compensation-due": (51_750, 1),
        "compensation-unpaid": (51_750, 1),
    }
    (rate,) = (each for each in sheet["figures"] if each["name"] == RATE)
    whole = 6 * 104_100 + 700_000
    assert rate["rate_count"] == 6 * 1_000_000 // 7
    assert rate["rate_amount"] == (whole - 104_100) * 1_000_000 // whole


@pytest.mark.parametrize("party", PARTIES)
def test_every_figure_is_the_sum_of_a_column_of_its_list(kept: CosignedLoans, party: str) -> None:
    sheet = kept.sheet(party, MARCH)
    assert [each["name"] for each in sheet["figures"]] == [each.name for each in FIGURES]
    for each in sheet["figures"]:
        rows = [row for row in sheet[each["list"]] if row.get(each["column"])]
        if "bucket" in each:
            rows = [row for row in rows if row["bucket"] == each["bucket"]]
        assert each["amount"] == sum(row[each["column"]] for row in rows)
        assert each["count"] == len(rows)
        assert each["column"] in LISTS[each["list"]].__struct_fields__


@pytest.mark.parametrize("party", PARTIES)
def test_what_is_captured_is_somewhere(kept: CosignedLoans, party: str) -> None:
    parts = {
        "captured": ("split", "differing", "unstated"),
        "split": ("suspended", "to_pay", "in_transit", "arrived"),
        "due": ("due_principal", "due_interest", "due_fees"),
    }
    for row in kept.sheet(party, MARCH)["repayments"]:
        for name, into in parts.items():
            assert row.get(name, 0) == sum(row.get(each, 0) for each in into)
        assert row.get("missing", 0) <= row.get("captured", 0)


def test_the_parts_of_all_are_the_whole(kept: CosignedLoans) -> None:
    sheets = {
        party: figures_of(kept.sheet(party, MARCH))
        for party in ("fund-a", "fund-b", "fund-c", "guarantor", "platform", "institution")
    }
    whole = sheets.pop("institution")
    for name in ("due", "captured", "split", "differing", "in-transit", "to-pay", "overdue-M1"):
        assert whole[name][0] == sum(each[name][0] for each in sheets.values())
    assert whole["captured"][0] + whole["overpaid"][0] == 5 * 104_100 + 700_000
    assert sheets["platform"]["due-fees"] == (12 * 600, 12)
    assert sheets["platform"]["due-principal"] == (0, 0)
    assert sheets["guarantor"]["due"] == (0, 0)
    assert sheets["guarantor"]["compensation-due"] == (103_500, 1)


def test_the_states_of_the_rows(kept: CosignedLoans) -> None:
    sheet = kept.sheet("fund-a", MARCH)
    assert {each["loan"]: each["state"] for each in sheet["repayments"]} == {
        **dict.fromkeys(("L05", "L06", "L07", "L08", "L11"), "nothing-came"),
        **dict.fromkeys(("L01", "L09", "L10", "L12"), "on-its-way"),
        "L02": "differs",
        "L03": "not-split",
        "L04": "failed",
    }
    assert row_of(kept.sheet("fund-b", MARCH), "L09")["state"] == "in-suspense"
    assert row_of(kept.sheet("guarantor", MARCH), "L01")["state"] == "due"  # that of all
    assert row_of(sheet, "L04")["reason"] == "insufficient-funds: =cmd|' /C calc'!A0"
    assert row_of(sheet, "L10")["instalments"] == [2, 3, 4, 5, 6]


def test_the_exceptions_of_a_funder(kept: CosignedLoans) -> None:
    assert found(kept.sheet("fund-a", MARCH)) == [
        ("split-not-stated", "L11", "platform", 51_750),
        ("compensation-due", "L07", "guarantor", 51_750),
        ("split-differs", "L02", "platform", HALF),
        ("split-not-stated", "L03", "platform", HALF),
    ]


def test_whoever_has_to_act_sees_all_of_it(kept: CosignedLoans) -> None:
    platform = found(kept.sheet("platform", MARCH))
    assert ("split-not-stated", "L11", "platform", 104_100) in platform
    assert ("split-differs", "L02", "platform", 104_100) in platform
    assert ("compensation-due", "L07", "guarantor", 103_500) in found(
        kept.sheet("guarantor", MARCH)
    )


def test_money_of_a_suspended_receiver_is_missing_until_the_platform_states_it_again(
    kept: CosignedLoans,
) -> None:
    sheet = kept.sheet("fund-b", MARCH)
    waits = ("waits-in-suspense", "L09", "platform", 31_049)
    assert waits in found(sheet)
    assert row_of(sheet, "L09")["missing"] == row_of(sheet, "L09")["suspended"] == 31_049
    assert waits not in found(kept.sheet("fund-a", MARCH))


def test_an_exception_names_its_record_and_the_command_that_proves_it(kept: CosignedLoans) -> None:
    for each in kept.sheet("institution", MARCH)["exceptions"]:
        if "entry" not in each:  # nobody has said anything: the money is due and not paid out
            assert each["kind"] == "not-paid-out"
            continue
        entry = kept.get(f"/v1/entries/{each['entry']}")
        assert (entry["party"], entry["id"]) == (each["author"], each["record"])
        assert each["receipt"] == f"tongzhang receipt {entry['id']} --party {entry['party']}"


def test_every_row_names_entries_about_it(kept: CosignedLoans) -> None:
    sheet = kept.sheet("fund-a", MARCH)
    for row in (*sheet["repayments"], *sheet["overdue"], *sheet["compensations"]):
        assert row["entries"]
        bodies = [str(kept.get(f"/v1/entries/{index}")["record"]) for index in row["entries"]]
        assert any(f"'{row['loan']}'" in body for body in bodies)


def test_a_sheet_is_tied_to_a_checkpoint_that_verifies(kept: CosignedLoans) -> None:
    sheet = kept.sheet("fund-a", MARCH)
    note = kept.client.get("/v1/checkpoint").text
    served = Checkpoint.parse(note.partition("\n\n")[0] + "\n")
    point = sheet["checkpoint"]
    assert (point["height"], point["size"]) == (served.height, served.size)
    assert point["root"] in note
    assert len(point["cosigned_by"]) == kept.genesis.quorum
    assert sheet["size"] == point["size"]
    assert "beyond" not in sheet


def test_bad_questions_are_refused(kept: CosignedLoans) -> None:
    def ask(**query: Any) -> Any:
        return kept.client.get("/v1/reports/day", params={"party": "fund-a", "date": MARCH} | query)

    assert "the parties are" in refused(ask(party="nobody"), 404, "no-such-party")
    assert "query.date" in refused(ask(date="2026-02-30"), 400, "bad-parameter")
    refused(ask(date="yesterday"), 400, "bad-parameter")
    assert "the newest block is" in refused(ask(height=10_000), 404, "no-such-block")


def test_a_day_without_anything_has_noughts(fresh: CosignedLoans) -> None:
    sheet = fresh.sheet("fund-a", MARCH)
    assert not any(sheet[name] for name in LISTS)
    assert {(each["amount"], each["count"]) for each in sheet["figures"]} == {(0, 0)}


def test_before_the_first_block_nothing_is_known(kept: CosignedLoans) -> None:
    sheet = kept.sheet("fund-a", MARCH, height=0)
    assert not any(sheet[name] for name in LISTS)
    assert (sheet["height"], sheet["size"]) == (0, 0)
    assert sheet["checkpoint"]["height"] == kept.tip.height  # the newest covers it


def test_entries_beyond_the_checkpoint_are_counted(
    fresh: CosignedLoans, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fresh.tip
    monkeypatch.setattr(fresh, "certificate", lambda block: None)
    fresh.lend("L1")
    sheet = fresh.sheet("fund-a", MARCH)
    assert sheet["checkpoint"]["height"] == before.height
    assert sheet["beyond"] == fresh.tip.size - before.size > 0


def test_a_loan_whose_terms_cover_nothing_asks_for_no_compensation(fresh: CosignedLoans) -> None:
    fresh.lend("L1", terms={"per_instalment_days": None, "whole_days": None})
    fresh.on("2026-06-30")
    sheet = fresh.sheet("fund-a", "2026-06-30")
    assert not sheet["compensations"]
    assert [each["bucket"] for each in sheet["overdue"]] == ["M4-M6"]


def test_there_are_as_many_loans_as_were_lent(kept: CosignedLoans) -> None:
    assert sorted(each["loan"] for each in kept.sheet("fund-a", MARCH)["repayments"]) == LENT


def test_the_sheet_of_all_agrees_with_the_lists(kept: CosignedLoans) -> None:
    sheet = kept.sheet("institution", MARCH)
    (page,) = (v for v in kept.get("/v1/overdue", as_of=MARCH).values() if isinstance(v, list))
    assert {each["loan"] for each in page} == {each["loan"] for each in sheet["overdue"]}
    for row in page:
        (line,) = (each for each in sheet["overdue"] if each["loan"] == row["loan"])
        assert line["amount"] == row["amount"]
        assert (line["bucket"], line["days"]) == (row["bucket"], row["days_past_due"])
    (due,) = (each for each in sheet["compensations"] if each["state"] == "due")
    path = "/v1/compensations/due"
    ((listed,),) = (v for v in kept.get(path, as_of=MARCH).values() if isinstance(v, list))
    assert (due["loan"], due["amount"], due["since"], due["instalments"]) == (
        listed["loan"],
        listed["amount"],
        listed["due_since"],
        listed["instalments"],
    )
