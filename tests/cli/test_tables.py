"""Tables: a row is a line where nobody limits it, and nothing is broken or left out anywhere."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest

from cli import payment, payouts, refunds, search
from cli.output import table

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]

PAYOUT, AMOUNT, RECORD = "po-20251231-funder-fee", "7,143.40 CNY", "settlement.created"
WORDS = (PAYOUT, AMOUNT, RECORD, "2026-03-02", "1,234,567.89 CNY")


def show() -> None:
    """Print a table that is 110 cells wide where there is room."""
    table(
        (("payout", "record"), "time (UTC)", "amount", "why"),
        (
            ((PAYOUT, RECORD), "2026-03-02 01:00:00", AMOUNT, "account closed and so on"),
            (("po-1", RECORD), "2026-03-02 01:00:00", "1,234,567.89 CNY", "货物退回\nnobody knows"),
        ),
        right=(2,),
    )


def shown(capsys: Capture, monkeypatch: pytest.MonkeyPatch, columns: object) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(columns))
    show()
    return capsys.readouterr().out.splitlines()


def test_a_row_is_one_line_where_there_is_no_terminal(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")  # as in many a CI, whose output is a file all the same
    monkeypatch.setenv("TERM", "dumb")
    show()
    lines = capsys.readouterr().out.splitlines()
    (first,) = [line for line in lines if PAYOUT in line]
    assert first.split() == [
        *(PAYOUT, RECORD, "2026-03-02", "01:00:00", *AMOUNT.split()),
        *("account", "closed", "and", "so", "on"),
    ]
    (second,) = [line for line in lines if "po-1" in line]
    assert second.rstrip().endswith("货物退回 nobody knows")


@pytest.mark.parametrize("columns", range(1, 131))
def test_no_word_is_broken_or_left_out_however_narrow_a_terminal_is(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    lines = shown(capsys, monkeypatch, columns)
    out = "\n".join(lines)
    for word in (*WORDS, "account", "closed", "nobody", "knows", "货物退回"):
        assert word in out
    if "payout: " not in out:
        assert max(map(len, lines)) <= columns


def test_a_table_that_does_not_fit_is_a_block_a_row(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shown(capsys, monkeypatch, 20)[1:7] == [
        f"payout: {PAYOUT}",
        f"record: {RECORD}",
        "time (UTC): 2026-03-02 01:00:00",
        f"amount: {AMOUNT}",
        "why: account closed and so on",
        "",
    ]


def test_columns_stand_one_above_the_other_before_a_row_becomes_a_block(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = shown(capsys, monkeypatch, 80)
    at = next(index for index, line in enumerate(lines) if PAYOUT in line)
    assert AMOUNT in lines[at]
    assert lines[at + 1].startswith(RECORD)
    assert PAYOUT in "".join(shown(capsys, monkeypatch, 130)[3])
    assert RECORD in "".join(shown(capsys, monkeypatch, 130)[3])


@pytest.mark.parametrize(("columns", "is_block"), [(40, True), (200, False)])
def test_a_terminal_says_how_much_room_there_is(columns: int, is_block: bool) -> None:
    control, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"}
    environment.pop("COLUMNS", None)
    words = [sys.executable, "-c", "from tests.cli.test_tables import show; show()"]
    subprocess.run(words, cwd=ROOT, env=environment, stdout=terminal, check=True)
    os.close(terminal)
    with open(control, "rb", buffering=0) as read:
        out = read.read(8192).decode()
    assert (f"payout: {PAYOUT}" in out) is is_block


# -- the tables of commands, with ids as long as those of the sample day --------------------------

PAYMENT, ORDER = "pay-20260302-000001", "ord-20260302-000001"
MONEY = {"amount": 123_456_789, "currency": "CNY"}
LEG = {"leg": 12, "receiver": "merchant-000123", "state": "paid", "ends_at": "paid", **MONEY}
LINE = {
    "date": "2026-03-02",
    "type": "split.instructed",
    "subject": f"payment:{PAYMENT}",
    **{f"{name}_change": 12_345_678 for name in ("due", "in_transit", "paid", "arrived")},
    "due": 12_345_678,
    "in_transit": 12_345_678,
    "paid": 123_456_789,
}
ENTRY = {
    "time": 1_772_413_200_000,
    "index": 123_456,
    "party": "institution",
    "record": {},
    "type": "settlement.confirmed",
    "outcome": "not-due-yet",
    "subject": f"payout:{PAYOUT}",
}
WIDE: dict[str, tuple[Any, ...]] = {
    "payouts": (
        payouts._show_payouts,
        [
            {
                "payout": PAYOUT,
                "receiver": LEG["receiver"],
                "state": "conflicting",
                "cutoff_date": "2026-03-02",
                "leg_count": 1_000,
                **MONEY,
            }
        ],
    ),
    "statement": (payouts._show_statement, [LINE], "CNY"),
    "legs": (
        payment._show_legs,
        {"legs": [{**LEG, "due_date": "2026-03-02", "payout": PAYOUT}], "capture": MONEY},
    ),
    "timeline": (payment.show_timeline, {"timeline": [ENTRY], "timeline_whole": True}),
    "refunds": (
        refunds._show_refunds,
        [
            {
                "refund": "ref-20260302-000001",
                "payment": PAYMENT,
                "state": "requested",
                "attempts": 1,
                "reason": "goods returned",
                **MONEY,
            }
        ],
    ),
    "search": (
        search._show,
        [
            {
                "payment": PAYMENT,
                "order": ORDER,
                "state": "conflicting",
                "captured_at": ENTRY["time"],
                **MONEY,
            }
        ],
    ),
}


@pytest.mark.parametrize("name", WIDE)
def test_long_ids_and_large_amounts_fit_a_table_of_80_columns(
    name: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    show, *arguments = WIDE[name]
    show(*arguments)
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("──") for line in lines)
    assert max(map(len, lines)) <= 80
