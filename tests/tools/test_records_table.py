"""The tables of records in docs/contracts.md are what the code says and does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ledger.contracts import RECORD_TYPES, RULES
from ledger.contracts.calendars import CalendarDeclared
from ledger.contracts.payments import PaymentCaptured, SplitInstructed
from ledger.contracts.receivers import ReceiverRegistered
from ledger.expectations import KINDS
from ledger.records import type_name
from tools.records_seen import Seen, see
from tools.records_table import BEGIN, END, REFUSED, STATED, fields, page, said

PAGE = Path(__file__).parents[2] / "docs" / "contracts.md"


@pytest.fixture(scope="module")
def seen() -> dict[str, Seen]:
    return see()


def test_the_page_is_what_the_code_makes(
    seen: dict[str, Seen], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.records_table.see", lambda: seen)
    text = PAGE.read_text(encoding="utf-8")
    advice = "look at the change, then: python -m tools.records_table docs/contracts.md"
    assert page(text) == text, advice


def test_every_row_names_all_codes_of_its_type() -> None:
    text = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    rows = dict(re.findall(r"^\| (`[a-z_.]+`) (\|.*)$", text, re.M))
    assert sorted(rows) == sorted(f"`{type_}`" for type_ in RECORD_TYPES)
    for record, rule in RULES.items():
        row = rows[f"`{type_name(record)}`"]
        assert [code for code in rule.record.CODES if f"`{code}`" not in row] == []


def test_every_record_says_when_it_is_refused_and_who_states_it() -> None:
    for rule in RULES.values():
        assert said(rule.record, REFUSED), rule.record
        assert bool(said(rule.record, STATED)) != bool(rule.authors), rule.record


def test_fields_come_with_their_units_and_optional_ones_last() -> None:
    assert fields(PaymentCaptured) == (
        "`payment`, `order`, `amount` (minor units), `currency`, `channel`, `captured_at` (ms); "
        "optional `channel_number`, `sources` (each `source` (`buyer`, `platform-subsidy`, "
        "`coupon`), `amount` (minor units)), `loan`, `attempt`, `compensation`, `buyback`"
    )
    assert fields(CalendarDeclared).endswith("; optional `holidays` (dates), `workdays` (dates)")
    assert fields(ReceiverRegistered).endswith("; optional `held_at` (party), `owner` (party)")
    assert "`legs` (each `leg`, `receiver`, `purpose`; optional `amount` (minor units of a " in (
        fields(SplitInstructed)
    )


def test_what_records_do_is_seen_as_the_rules_say(seen: dict[str, Seen]) -> None:
    posts = seen["payment.captured"].posts.split("; or ")
    assert {"`reserve` +, `pending` −", "`reserve` +, `suspense` −"} < set(posts)
    assert "`reserve` +, `suspense` −, accounts of the loan ±" in posts
    assert seen["settlement.created"].posts == "`pending` +, `in_transit` −"
    assert seen["settlement.created"].expects == "opens *payout-result* on the institution"
    assert seen["fee.reversed"].expects == "meets *fee-reversal*"
    assert seen["receiver.registered"].posts == seen["receiver.registered"].expects == ""
    kinds = {kind for each in seen.values() for _, kind in each.effects}
    assert kinds == set(KINDS)


def test_a_page_without_a_place_for_the_tables_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for the tables"):
        page(f"# Contracts\n{BEGIN}\n")
