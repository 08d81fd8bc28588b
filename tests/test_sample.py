"""The generated day: same bytes everywhere, and the outcome that the contracts really give."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path

import pytest

from cli.day import phases, statements
from cli.day.cast import PAYMENTS_MIN, Plan
from cli.day.files import ROWS, read_day, read_expected, write_day
from cli.day.generate import generate
from cli.day.outcome import outcome
from cli.day.rows import RATIO, SUSPENDED, Day, moment, parse_legs, stamp
from cli.day.trade import LEGS_MAX, TROUBLES
from cli.errors import UsageError
from ledger.contracts.allocation import share
from ledger.expectations import CONFLICTING, MET, OPEN, Expectation
from tests.ledger_kit import Ledger

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "day"
NAMES = [*(f"{name}.csv" for name in ROWS), "expected.json"]
BLOCK_RECORDS = 40


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
    write_day(generate(Plan(500, 7)), tmp_path)
    for name in NAMES:
        assert (tmp_path / name).read_bytes() == (EXAMPLE / name).read_bytes(), name


def test_day_read_from_its_files_is_the_day_written(tmp_path: Path) -> None:
    day = generate(Plan(PAYMENTS_MIN, 11))
    write_day(day, tmp_path)
    assert read_day(tmp_path) == day
    assert read_expected(tmp_path) == outcome(day)


def test_another_seed_gives_another_day() -> None:
    assert generate(Plan(PAYMENTS_MIN, 1)) != generate(Plan(PAYMENTS_MIN, 2))


@pytest.mark.parametrize("payments", [PAYMENTS_MIN, 77, 250])
def test_every_trouble_is_planted_at_least_once(payments: int) -> None:
    day = generate(Plan(payments, 5))
    assert set(TROUBLES) <= set(day.troubles)
    assert {"arrival-differs", "arrival-unconfirmed"} <= set(day.troubles)
    refused = outcome(day)["records"]["refused"]
    assert set(refused) == {
        "already-captured",
        "receiver-suspended",
        "too-many-legs",
        "unknown-receiver",
    }


def test_planted_ratio_really_leaves_a_tail_and_widest_split_has_ten_legs() -> None:
    day = generate(Plan(200, 5))
    by_payment = {row.payment: row for row in day.orders}
    tailed = [by_payment[payment] for payment in day.troubles["ratio-with-tail"]]
    assert all(row.mode == RATIO for row in tailed)
    assert any(
        share(row.amount, [leg.share for leg in parse_legs(row.legs)], 0).tail for row in tailed
    )
    wide = [by_payment[payment] for payment in day.troubles["ten-legs"]]
    assert all(len(parse_legs(row.legs)) == LEGS_MAX for row in wide)


def test_too_few_payments_are_refused() -> None:
    with pytest.raises(UsageError, match=f"at least {PAYMENTS_MIN}"):
        generate(Plan(PAYMENTS_MIN - 1, 1))


def test_times_of_the_files_round_trip() -> None:
    text = "2026-03-02T09:15:03.120+08:00"
    assert stamp(moment(text)) == text


@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        ("orders.csv", lambda text: text.replace("record,", "id,", 1), "header must be"),
        ("captures.csv", lambda text: text.replace("CNY", "CNY,extra", 1), "captures.csv"),
        ("payouts.csv", lambda text: text.split("\n")[0] + "\na,b,c,xx,CNY,1,paid,,,\n", "line 2"),
        ("expected.json", lambda text: "{", "expected.json"),
        ("expected.json", lambda text: "{}", "it lacks"),
    ],
)
def test_damaged_day_is_refused_with_file_and_place(
    tmp_path: Path, name: str, change: Callable[[str], str], complaint: str
) -> None:
    write_day(generate(Plan(PAYMENTS_MIN, 1)), tmp_path)
    path = tmp_path / name
    path.write_text(change(path.read_text()))
    with pytest.raises(UsageError, match=complaint):
        read_day(tmp_path)


class Played:
    """A day stated record by record to the contracts, in one possible order of the parties."""

    def __init__(self, day: Day, order_seed: int) -> None:
        self.ledger = Ledger()
        self.seen: set[tuple[str, str]] = set()
        self.repeated = 0
        self._waiting: list[tuple[str, bytes]] = []
        self._random = random.Random(order_seed)
        self._register(day)
        self._trade(day)
        self._state("institution", map(statements.capture_record, phases.reversals(day)))
        self._state("platform", map(statements.order_record, phases.corrections(day)))
        self._state("institution", map(statements.payout_created, day.payouts))
        self._state("institution", map(statements.payout_result, day.payouts))
        for row in day.confirmations:
            self._state(row.party, [statements.confirmed(row)])
        self._state("institution", map(statements.capture_record, phases.late_captures(day)))

    def _register(self, day: Day) -> None:
        closed = [row for row in day.receivers if row.status == SUSPENDED]
        self._state("institution", [statements.registered(row, 1) for row in day.receivers])
        self._state("institution", [statements.suspended(row, 1) for row in closed])

    def _trade(self, day: Day) -> None:
        orders = [("platform", statements.order_record(r)) for r in phases.trading_orders(day)]
        captures = [
            ("institution", statements.capture_record(r)) for r in phases.trading_captures(day)
        ]
        while orders or captures:
            queue = orders if not captures or (orders and self._random.random() < 0.5) else captures
            party, raw = queue.pop(0)
            self._queue(party, raw)
        self._flush()

    def _state(self, party: str, records: Iterable[bytes]) -> None:
        for raw in records:
            self._queue(party, raw)
        self._flush()

    def _queue(self, party: str, raw: bytes) -> None:
        key = (party, json.loads(raw)["id"])
        if key in self.seen:
            self.repeated += 1  # a node answers with the existing entry
            return
        self.seen.add(key)
        self._waiting.append((party, raw))
        if len(self._waiting) == BLOCK_RECORDS:
            self._flush()

    def _flush(self) -> None:
        """State what waits as one block: a batch for each run of records of one party."""
        for party, run in groupby(self._waiting, key=lambda each: each[0]):
            self.ledger.run(self.ledger.seal(party, [raw for _, raw in run]))
        self._waiting = []


@pytest.mark.parametrize("order_seed", [1, 2])
def test_contracts_give_exactly_the_expected_outcome_of_the_committed_day(order_seed: int) -> None:
    day, expected = read_day(EXAMPLE), read_expected(EXAMPLE)
    played = Played(day, order_seed)
    rows = played.ledger.rows()[Expectation.TABLE]
    found = [row for row in rows if isinstance(row, Expectation)]
    states = Counter(row.state for row in found)
    loose = [row for row in found if row.state == OPEN]
    assert Counter(played.ledger.codes) == Counter(expected["records"]["refused"])
    assert played.repeated == expected["records"]["repeated"]
    assert played.ledger.tip.size - len(played.ledger.codes) == expected["records"]["applied"]
    assert {
        "complete": states[MET],
        "open": states[OPEN],
        "conflicting": states[CONFLICTING],
    } == expected["facts"]
    assert sorted(f"{row.kind} {row.subject}" for row in loose) == expected["one_sided"]
    assert (
        sorted(row.subject for row in found if row.state == CONFLICTING) == expected["conflicting"]
    )
    totals: Counter[str] = Counter()
    for account, amount in played.ledger.balances().items():
        totals[account.partition(":")[0]] += amount
    assert {k: v for k, v in totals.items() if v} == expected["balances"]["CNY"]
