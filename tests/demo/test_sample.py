"""The generated day: same bytes everywhere, and the outcome that the contracts really give."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.errors import UsageError
from cli.sample import FIRST_YEAR, LAST_YEAR
from demo.day import phases
from demo.day.cast import PAYMENTS_MIN, DayPlan
from demo.day.conversations import charging
from demo.day.files import (
    HEARD_AFTER,
    NOTIFIED,
    PARTY,
    columns_of,
    file_of,
    read_day,
    read_expected,
    write_day,
)
from demo.day.generate import generate
from demo.day.lines import TABLES, DayFiles, moment, records, stamp, those
from demo.day.outcome import outcome, run_trading
from demo.day.tally import Tally
from demo.day.trade import LEGS_MAX, TROUBLES
from ledger.contracts.allocation import share
from ledger.contracts.channels import Source
from ledger.contracts.fee_invoices import FeeInvoiced, FeeSettled
from ledger.contracts.payments import SplitInstructed
from ledger.contracts.profits import ProfitConfirmed, ProfitShared
from ledger.contracts.refund_float import RefundFloatConfirmed
from ledger.contracts.refunds import RefundFailed, RefundPaid, RefundRequested
from ledger.contracts.settlement import SettlementCreated, SettlementPaid
from ledger.expectations import CAPTURE, CONFLICTING, INSTRUCTION, MET, OPEN, Expectation
from ledger.records import Record
from tests.demo.day_kit import Played

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "day"
ONCE = {"arrival-differs", "arrival-unconfirmed", "payout-returned", "refund-unanswered"}
DATES = ("2025-12-31", "2025-12-12", "2025-06-02", "2024-02-28")
NAMES = [*map(file_of, TABLES), "expected.json"]


def sample(out: Path, hash_seed: str, *options: str) -> None:
    env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "cli", "sample", "--out", str(out), *options]
    subprocess.run(command, env=env, check=True, capture_output=True, cwd=ROOT)


def test_sample_gives_same_bytes_in_two_processes_with_different_hash_seeds(tmp_path: Path) -> None:
    sample(tmp_path / "one", "1", "--payments", "120", "--seed", "3")
    sample(tmp_path / "two", "2", "--payments", "120", "--seed", "3")
    for name in NAMES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_committed_day_is_what_the_generator_makes(tmp_path: Path) -> None:
    write_day(generate(DayPlan(500, 7)), tmp_path)
    assert {file.name for file in EXAMPLE.iterdir()} == {*NAMES, "README.md"}
    for name in NAMES:
        assert (tmp_path / name).read_bytes() == (EXAMPLE / name).read_bytes(), name


def test_day_read_from_its_files_is_the_day_written(tmp_path: Path) -> None:
    day = generate(DayPlan(PAYMENTS_MIN, 11))
    write_day(day, tmp_path)
    assert read_day(tmp_path) == day
    assert read_expected(tmp_path) == outcome(day)


@pytest.mark.parametrize("name", TABLES)
def test_columns_of_a_file_are_the_fields_of_its_records(name: str) -> None:
    fields = {field for kind in TABLES[name] for field in kind.__struct_fields__}
    story = {PARTY, HEARD_AFTER, "type"} if name in NOTIFIED else {PARTY, "type"}
    assert {*columns_of(name)} == {*story, *fields}
    assert not {PARTY, HEARD_AFTER, "type"} & fields, "a column would be two things"
    with (EXAMPLE / file_of(name)).open(encoding="utf-8", newline="") as file:
        assert {*next(csv.reader(file))} <= {*columns_of(name)}


def test_the_examples_readme_tells_of_every_file() -> None:
    page = (EXAMPLE / "README.md").read_text("utf-8")
    told = re.findall(r"^\| `([a-z]+\.(?:csv|json))` \|", page, re.MULTILINE)
    assert told == NAMES


def test_fields_that_the_generator_never_uses_may_be_written_all_the_same(tmp_path: Path) -> None:
    day = generate(DayPlan(PAYMENTS_MIN, 11))
    source = Source(source="coupon", amount=3)
    first, *rest = day.captures
    day = replace(day, captures=(first.but(channel_number="42-7", sources=(source,)), *rest))
    write_day(day, tmp_path)
    assert b",coupon:3," in (tmp_path / "captures.csv").read_bytes()
    assert read_day(tmp_path) == day


def test_another_seed_gives_another_day() -> None:
    assert generate(DayPlan(PAYMENTS_MIN, 1)) != generate(DayPlan(PAYMENTS_MIN, 2))


@pytest.mark.parametrize("payments", [PAYMENTS_MIN, 77, 250])
def test_every_trouble_is_planted_at_least_once(payments: int) -> None:
    day = generate(DayPlan(payments, 5))
    assert set(TROUBLES) | ONCE == set(day.troubles)
    refused = outcome(day)["records"]["refused"]
    assert set(refused) == {
        "already-captured",
        "fee-differs",
        "not-captured",
        "receiver-suspended",
        "refund-exceeds-float",
        "refund-exceeds-payment",
        "too-many-legs",
        "unknown-receiver",
    }


def test_planted_ratio_really_leaves_a_tail_and_widest_split_has_ten_legs() -> None:
    day = generate(DayPlan(200, 5))
    by_payment = {row.payment: row for row in records(day.orders, SplitInstructed)}
    tailed = [by_payment[payment] for payment in day.troubles["ratio-with-tail"]]
    assert all(row.mode == "ratio" for row in tailed)
    assert any(share(row.amount, [leg.ppm for leg in row.legs], 0).tail for row in tailed)
    wide = [by_payment[payment] for payment in day.troubles["ten-legs"]]
    assert all(len(row.legs) == LEGS_MAX for row in wide)


def test_holiday_after_the_default_day_is_the_new_year_of_2026() -> None:
    day = generate(DayPlan(PAYMENTS_MIN, 1))
    assert phases.founding(day).years == (2025,)
    declared = {row.year: row for row in day.dates.declared}[2026]
    assert [str(off) for off in declared.holidays] == ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert [str(worked) for worked in declared.workdays] == ["2026-01-04"]


def test_payment_that_crosses_the_cut_off_waits_for_the_next_run_and_the_next_invoice() -> None:
    day = generate(DayPlan(PAYMENTS_MIN, 5))
    (payment,) = day.troubles["cut-off-crossing"]
    order = next(line.record for line in day.orders if line.record.payment == payment)
    capture = next(line.record for line in day.captures if line.record.payment == payment)
    dates = [str(day.dates.business_date(row.at)) for row in (order, capture)]
    assert dates == ["2025-12-31", "2026-01-01"]
    tally = Tally(day.receivers, day.dates)
    run_trading(tally, day)
    paid = [
        date
        for date in phases.run_dates(day)
        if payment in {name for legs in tally.due(date).values() for name, _ in legs}
    ]
    assert paid == ["2026-01-04"]
    fee = next(line.record.amount for line in day.fees if line.record.payment == payment)
    assert outcome(day)["accounts"]["CNY"]["fee_due:platform"] == fee


def test_returned_payout_goes_out_again_with_the_next_run() -> None:
    day = generate(DayPlan(300, 5))
    assert day.troubles["payout-returned"]
    created = records(day.payouts, SettlementCreated)
    for name in day.troubles["payout-returned"]:
        returned = next(row for row in created if row.payout == name)
        again = [row for row in created if row.receiver == returned.receiver][1:]
        assert [row.cutoff_date for row in again] == [phases.run_dates(day)[1]]
        assert again[0].amount >= returned.amount
        assert again[0].legs >= returned.legs


@pytest.mark.parametrize("trouble", ["refund-failed-retried", "refund-beyond-float"])
def test_refund_is_asked_for_twice_and_paid_in_the_end(trouble: str) -> None:
    day = generate(DayPlan(300, 5))
    for payment in day.troubles[trouble]:
        asked = [row for row in records(day.refunds, RefundRequested) if row.payment == payment]
        said = [line.record for line in day.refunds if line.record.refund == asked[0].refund]
        results = [type(row) for row in said if not isinstance(row, RefundRequested)]
        assert len({row.id for row in asked}) == 2
        assert len({row.refund for row in asked}) == 1
        again = [RefundFailed, RefundPaid] if trouble == "refund-failed-retried" else [RefundPaid]
        assert results == again


@pytest.mark.parametrize(
    ("table", "kind", "change"),
    [
        ("payouts", SettlementCreated, {"amount": 1}),
        ("payouts", SettlementCreated, {"legs": 99}),
        ("payouts", SettlementCreated, {"cutoff_date": "2025-12-30"}),
        ("payouts", SettlementPaid, {"payout": "po-20251231-nobody"}),
        ("invoices", FeeInvoiced, {"amount": 1}),
        ("invoices", FeeInvoiced, {"count": 1}),
        ("invoices", FeeSettled, {"amount": 1}),
        ("profits", ProfitShared, {"portions": ()}),
        ("profits", ProfitConfirmed, {"amount": 1}),
        ("floats", RefundFloatConfirmed, {"amount": 1}),
        ("refunds", RefundPaid, {"refund": "ref-20251231-000000"}),
    ],
)
def test_second_account_refuses_lines_that_do_not_add_up(
    table: str, kind: type[Record], change: dict[str, Any]
) -> None:
    day = generate(DayPlan(PAYMENTS_MIN, 5))
    lines = getattr(day, table)
    last = those(lines, kind)[-1]
    changed: Any = tuple(line.but(**change) if line is last else line for line in lines)
    with pytest.raises((ValueError, LookupError)):
        outcome(replace(day, **{table: changed}))


def test_expected_books_balance() -> None:
    expected = read_expected(EXAMPLE)
    books, columns = expected["accounts"]["CNY"], expected["trial_balance"]["CNY"]
    assert sum(books.values()) == 0
    assert columns["debit"] == columns["credit"] > 0


def test_too_few_payments_are_refused() -> None:
    with pytest.raises(UsageError, match=f"at least {PAYMENTS_MIN}"):
        generate(DayPlan(PAYMENTS_MIN - 1, 1))


def test_times_of_the_files_round_trip() -> None:
    text = "2026-03-02T09:15:03.120+08:00"
    assert stamp(moment(text)) == text


@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        ("orders.csv", lambda text: text.replace("id,", "record,", 1), "header must be"),
        ("orders.csv", lambda text: text.replace("type,", "id,", 1), "header must be"),
        ("fees.csv", lambda text: text.replace("at,", "heard_after,", 1), "header must be"),
        ("captures.csv", lambda text: text.replace("CNY", "CNY,extra", 1), "captures.csv"),
        ("payouts.csv", lambda text: text.split("\n")[0] + "\na,b,c,xx,CNY,1,paid,,,\n", "line 2"),
        (
            "orders.csv",
            lambda text: text.replace(",CNY,", ",RMB,", 1),
            r"line 2: currency: 'RMB' is no code of ISO 4217; say CNY",
        ),
        ("expected.json", lambda text: "{", "expected.json"),
        ("expected.json", lambda text: "{}", "missing required field"),
    ],
)
def test_damaged_day_is_refused_with_file_and_place(
    tmp_path: Path, name: str, change: Callable[[str], str], complaint: str
) -> None:
    write_day(generate(DayPlan(PAYMENTS_MIN, 1)), tmp_path)
    path = tmp_path / name
    path.write_text(change(path.read_text()))
    with pytest.raises(UsageError, match=complaint):
        read_day(tmp_path)


@pytest.mark.parametrize("order_seed", [1, 2])
def test_contracts_give_exactly_the_expected_outcome_of_the_committed_day(order_seed: int) -> None:
    day, expected = read_day(EXAMPLE), read_expected(EXAMPLE)
    assert outcome_of(Played(day, order_seed), day) == shown(expected)


@settings(max_examples=8)
@given(st.integers(PAYMENTS_MIN, 220), st.integers(0, 10**6), st.sampled_from(DATES))
def test_contracts_give_exactly_the_expected_outcome_of_any_day(
    payments: int, seed: int, date: str
) -> None:
    day = generate(DayPlan(payments, seed, date))
    assert outcome_of(Played(day, seed), day) == shown(outcome(day))


SHOWN = ("accounts", "conflicting", "facts_by_kind", "one_sided", "records")
STATES = {MET: "complete", OPEN: "open", CONFLICTING: "conflicting"}


def shown(expected: dict[str, Any]) -> dict[str, Any]:
    return {name: expected[name] for name in SHOWN}


def outcome_of(played: Played, day: DayFiles) -> dict[str, Any]:
    """Return what the contracts hold in the end, as ``expected.json`` says it."""
    ledger = played.ledger
    rows = ledger.rows()[Expectation.TABLE]
    found = [row for row in rows if isinstance(row, Expectation)]
    kinds: dict[str, Counter[str]] = {}
    for row in found:
        kind = "split" if row.kind in (CAPTURE, INSTRUCTION) else row.kind
        kinds.setdefault(kind, Counter())[STATES[row.state]] += 1
    return {
        "accounts": {"CNY": ledger.balances()},
        "conflicting": sorted(row.subject for row in found if row.state == CONFLICTING),
        "facts_by_kind": kinds,
        "one_sided": sorted(f"{row.kind} {row.subject}" for row in found if row.state == OPEN),
        "records": {
            "applied": ledger.tip.size - len(ledger.codes),
            "refused": Counter(ledger.codes),
            "repeated": played.repeated,
        },
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"records": None}, "it lacks 'records', or says it in another form"),
        ({"facts": []}, "it lacks 'facts', or says it in another form"),
        ({"records": {"applied": 1, "refused": {}}}, "its 'records' lacks 'repeated'"),
        ({"business": {}}, "its 'business' lacks "),
    ],
)
def test_an_outcome_in_another_form_is_refused_before_the_day(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    write_day(generate(DayPlan(PAYMENTS_MIN, 5)), tmp_path)
    file = tmp_path / "expected.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(UsageError, match=said) as caught:
        read_day(tmp_path)
    assert caught.value.code == "bad-day"


def test_charges_are_final_before_their_month_is_invoiced() -> None:
    """A turn goes out in pages side by side: an invoice among them could overtake a charge."""
    day = generate(DayPlan(40, seed=1))
    talk = [{json.loads(line.raw)["type"] for line in turn.lines} for turn in charging(day)]
    assert {"fee.charged"} in talk
    assert not any({"fee.charged", "fee.invoiced"} <= types for types in talk)


@pytest.mark.parametrize("date", [f"{FIRST_YEAR}-01-03", f"{LAST_YEAR}-12-31"])
def test_first_and_last_day_that_may_be_asked_for_can_be_read(date: str, tmp_path: Path) -> None:
    sample(tmp_path, "0", "--payments", "40", "--date", date)
    assert read_day(tmp_path).business_date == date
