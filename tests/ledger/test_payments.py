"""Payments: two halves, one fact. Money leaves suspense only when both parties agree."""

from __future__ import annotations

import pytest

from ledger.contracts import decode_record
from ledger.contracts.allocation import Leg
from ledger.contracts.halves import Capture, Instruction, payment_state
from ledger.errors import DecodeError
from ledger.expectations import Expectation
from tests.ledger.ledger_kit import (
    GENESIS,
    MINUTE,
    MORNING,
    Ledger,
    captured,
    leg,
    opened,
    payout_of,
    split,
    split_ledger,
)

NOTHING: dict[str, int] = {}
HELD = {"reserve": 10_000, "suspense:P1": -10_000}
SPLIT = {"reserve": 10_000, "pending:shop": -7000, "pending:platform-fee": -3000}


def state_of(ledger: Ledger, payment: str = "P1") -> str:
    return payment_state(ledger.get(Capture, payment), ledger.get(Instruction, payment))


def expectation(ledger: Ledger, kind: str, payment: str = "P1") -> Expectation:
    return ledger.row(Expectation, kind, f"payment:{payment}")


def states(ledger: Ledger) -> dict[str, str]:
    kinds = ("capture", "instruction", "reversal")
    found = {kind: ledger.get(Expectation, kind, "payment:P1") for kind in kinds}
    return {kind: row.state for kind, row in found.items() if row is not None}


def reverse(ledger: Ledger) -> int:
    return ledger.apply("institution", "payment.reversed", payment="P1", reason="void")


def withdraw(ledger: Ledger) -> int:
    return ledger.apply("platform", "split.withdrawn", payment="P1", reason="cancelled")


def amend(ledger: Ledger, amount: int = 10_000, **fields: object) -> int:
    return ledger.apply("platform", "split.amended", **split("P1", amount, **fields))


def test_a_capture_alone_is_held_in_suspense_and_awaits_the_platform() -> None:
    ledger = opened()
    entry = ledger.capture()
    assert state_of(ledger) == "captured"
    assert ledger.balances() == HELD
    row = expectation(ledger, "instruction")
    assert (row.awaited, row.opener, row.state) == ("platform", "institution", "open")
    assert (row.amount, row.currency, row.opened_entry) == (10_000, "CNY", entry)
    assert row.due_at == ledger.now + GENESIS.due_after_ms["instruction"]


def test_an_instruction_alone_moves_no_money_and_awaits_the_institution() -> None:
    ledger = opened()
    ledger.instruct()
    assert state_of(ledger) == "instructed"
    assert ledger.balances() == NOTHING
    row = expectation(ledger, "capture")
    assert (row.awaited, row.opener, row.state) == ("institution", "platform", "open")


@pytest.mark.parametrize("first", ["capture", "instruct"])
def test_halves_that_agree_split_the_payment_in_either_order(first: str) -> None:
    ledger = opened()
    second = "instruct" if first == "capture" else "capture"
    getattr(ledger, first)()
    ledger.now += MINUTE
    entry = getattr(ledger, second)()
    assert state_of(ledger) == "split"
    assert ledger.balances() == SPLIT
    row = expectation(ledger, "instruction" if first == "capture" else "capture")
    assert (row.state, row.settled_entry, row.settled_at) == ("met", entry, ledger.now)


def test_the_result_is_the_same_when_both_halves_are_in_one_block() -> None:
    ledger = opened()
    capture = ledger.seal("institution", [ledger.record("payment.captured", captured())])
    instruct = ledger.seal("platform", [ledger.record("split.instructed", split())])
    assert ledger.run(instruct, capture).refusals == []
    assert (state_of(ledger), ledger.balances()) == ("split", SPLIT)


@pytest.mark.parametrize("first", ["capture", "instruct"])
@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"amount": 9000}, ["amount: ", "10000 (100.00 CNY)", "9000 (90.00 CNY)"]),
        ({"order": "order-2"}, ["order: ", "order-P1", "order-2"]),
        ({"amount": 9000, "order": "order-2"}, ["order: ", "amount: "]),
    ],
)
def test_halves_that_differ_conflict_and_allocate_nothing(
    first: str, other: dict[str, object], named: list[str]
) -> None:
    ledger = opened()
    if first == "capture":
        ledger.capture()
        ledger.instruct(**other)  # type: ignore[arg-type]
    else:
        ledger.instruct(**other)  # type: ignore[arg-type]
        ledger.capture()
    assert state_of(ledger) == "conflicting"
    assert ledger.balances() == HELD
    row = expectation(ledger, "instruction" if first == "capture" else "capture")
    assert row.state == "conflicting"
    assert all(text in row.detail for text in named)


def test_a_conflict_of_currencies_names_the_currency() -> None:
    ledger = opened()
    ledger.capture(currency="USD")
    ledger.instruct()
    detail = expectation(ledger, "instruction").detail
    assert detail.startswith("currency: captured 10000 (100.00 USD)")


def test_an_amendment_that_agrees_resolves_a_conflict() -> None:
    ledger = opened()
    ledger.capture()
    ledger.instruct(amount=9000)
    entry = amend(ledger)
    assert (state_of(ledger), ledger.balances()) == ("split", SPLIT)
    row = expectation(ledger, "instruction")
    assert (row.state, row.settled_entry, row.detail) == ("met", entry, "")


def test_a_reversal_and_a_new_capture_that_agrees_resolve_a_conflict() -> None:
    ledger = opened()
    ledger.instruct()
    ledger.capture(amount=9000)
    reverse(ledger)
    assert (state_of(ledger), ledger.balances()) == ("reversed", NOTHING)
    assert states(ledger) == {"capture": "met", "reversal": "open"}
    ledger.capture()
    assert (state_of(ledger), ledger.balances()) == ("split", SPLIT)
    assert states(ledger) == {"capture": "met", "reversal": "met"}


def test_an_amendment_that_no_longer_agrees_takes_the_allocation_back() -> None:
    ledger = split_ledger()
    amend(ledger, 9000)
    assert (state_of(ledger), ledger.balances()) == ("conflicting", HELD)
    assert states(ledger) == {"instruction": "conflicting"}
    assert ledger.row(Leg, "P1", 1).bucket == 0
    amend(ledger)
    assert (state_of(ledger), ledger.balances()) == ("split", SPLIT)


def test_an_amendment_replaces_all_legs() -> None:
    ledger = split_ledger()
    amend(ledger, legs=[leg(1, "funder-share", amount=10_000)])
    assert ledger.balances() == {"reserve": 10_000, "pending:funder-share": -10_000}
    assert ledger.row(Leg, "P1", 1).receiver == "funder-share"
    assert ledger.get(Leg, "P1", 2) is None


def test_an_amendment_before_the_capture_keeps_the_age_of_what_it_awaits() -> None:
    ledger = opened()
    entry = ledger.instruct()
    ledger.now += MINUTE
    amend(ledger, 9000)
    row = expectation(ledger, "capture")
    assert (row.opened_entry, row.opened_at, row.amount) == (entry, ledger.now - MINUTE, 9000)


def test_a_reversal_posts_the_allocation_back_and_awaits_the_platform() -> None:
    ledger = split_ledger()
    entry = reverse(ledger)
    assert (state_of(ledger), ledger.balances()) == ("reversed", NOTHING)
    row = expectation(ledger, "reversal")
    assert (row.awaited, row.state, row.opened_entry) == ("platform", "open", entry)
    assert ledger.row(Leg, "P1", 1).bucket == 0


def test_a_reversal_of_an_unsplit_capture_closes_what_it_had_opened() -> None:
    ledger = opened()
    ledger.capture()
    reverse(ledger)
    assert ledger.balances() == NOTHING
    assert states(ledger) == {"instruction": "met", "reversal": "open"}
    assert expectation(ledger, "instruction").detail == "capture reversed: void"


@pytest.mark.parametrize("with_instruction", [True, False])
def test_a_withdrawal_acknowledges_a_reversal(with_instruction: bool) -> None:
    ledger = opened()
    ledger.capture()
    if with_instruction:
        ledger.instruct()
    reverse(ledger)
    withdraw(ledger)
    assert state_of(ledger) == "reversed"
    assert states(ledger)["reversal"] == "met"
    again = {"payment": "P1", "reason": "twice"}
    ledger.refuse("not-instructed", "platform", "split.withdrawn", **again)


def test_an_amendment_acknowledges_a_reversal_and_awaits_a_new_capture() -> None:
    ledger = split_ledger()
    reverse(ledger)
    amend(ledger, 9000)
    assert state_of(ledger) == "instructed"
    assert states(ledger) == {"capture": "open", "instruction": "met", "reversal": "met"}
    ledger.capture(amount=9000)
    assert state_of(ledger) == "split"
    assert states(ledger)["capture"] == "met"


def test_a_new_capture_that_differs_leaves_the_reversal_unacknowledged() -> None:
    ledger = split_ledger()
    reverse(ledger)
    ledger.capture(amount=9000)
    assert state_of(ledger) == "conflicting"
    assert states(ledger) == {"instruction": "conflicting", "reversal": "open"}
    amend(ledger, 9000)
    assert states(ledger) == {"instruction": "met", "reversal": "met"}


def test_a_second_reversal_does_not_hide_the_age_of_the_first() -> None:
    ledger = opened()
    ledger.capture()
    entry = reverse(ledger)
    ledger.now += MINUTE
    ledger.capture(amount=9000)
    reverse(ledger)
    row = expectation(ledger, "reversal")
    assert (row.opened_entry, row.amount) == (entry, 9000)
    assert ledger.row(Capture, "P1").reversals == 2


def test_an_instruction_after_a_reversal_acknowledges_it() -> None:
    ledger = opened()
    ledger.capture()
    reverse(ledger)
    ledger.capture()
    ledger.instruct()
    assert state_of(ledger) == "split"
    assert states(ledger) == {"instruction": "met", "reversal": "met"}


def test_a_withdrawal_before_the_capture_meets_what_was_open() -> None:
    ledger = opened()
    ledger.instruct()
    withdraw(ledger)
    assert state_of(ledger) == "withdrawn"
    assert states(ledger) == {"capture": "met"}
    assert expectation(ledger, "capture").detail == "split withdrawn: cancelled"


def test_a_capture_after_a_withdrawal_is_held_until_the_platform_speaks() -> None:
    ledger = opened()
    ledger.instruct()
    withdraw(ledger)
    ledger.capture()
    assert (state_of(ledger), ledger.balances()) == ("captured", HELD)
    assert states(ledger) == {"capture": "met", "instruction": "open"}
    ledger.instruct(legs=[leg(1, "shop", amount=10_000)])
    assert state_of(ledger) == "split"
    assert ledger.get(Leg, "P1", 2) is None


def test_a_withdrawal_after_the_capture_is_refused_with_advice() -> None:
    fields = {"payment": "P1", "reason": "cancelled"}
    ledger = split_ledger()
    refused = ledger.refuse("already-captured", "platform", "split.withdrawn", **fields)
    assert "reverse" in refused.message
    amend(ledger, 9000)
    refused = ledger.refuse("already-captured", "platform", "split.withdrawn", **fields)
    assert "split.amended" in refused.message


def test_a_payment_is_captured_once_while_its_capture_stands() -> None:
    ledger = opened()
    entry = ledger.capture()
    refused = ledger.refuse("already-captured", "institution", "payment.captured", **captured())
    assert f"entry {entry}" in refused.got


def test_a_second_instruction_is_refused_with_advice_to_amend() -> None:
    ledger = opened()
    ledger.instruct()
    refused = ledger.refuse("already-instructed", "platform", "split.instructed", **split())
    assert "split.amended" in refused.message


def test_a_leg_in_a_payout_can_be_neither_reversed_nor_amended() -> None:
    ledger = split_ledger()
    ledger.create()
    void = {"payment": "P1", "reason": "void"}
    refused = ledger.refuse("leg-in-payout", "institution", "payment.reversed", **void)
    assert "payout O1" in refused.got
    others = [leg(1, "platform-fee", amount=7000), leg(2, "platform-fee", amount=3000)]
    ledger.refuse("leg-in-payout", "platform", "split.amended", **split(legs=others))
    ledger.apply("institution", "settlement.returned", payout="O1", reason="closed")
    amend(ledger, legs=[leg(1, "platform-fee", amount=10_000)])
    assert ledger.balances() == {"reserve": 10_000, "pending:platform-fee": -10_000}


def test_ratios_store_the_resulting_amounts_and_the_tail() -> None:
    ledger = opened()
    ledger.capture(amount=10_001)
    legs = [leg(1, "shop", ppm=500_000), leg(2, "platform-fee", ppm=500_000)]
    ledger.instruct(amount=10_001, mode="ratio", legs=legs)
    assert [ledger.row(Leg, "P1", number).amount for number in (1, 2)] == [5001, 5000]
    row = ledger.row(Instruction, "P1")
    assert (row.mode, row.tail, row.tail_leg, row.leg_count) == ("ratio", 1, 0, 2)


def test_a_named_leg_absorbs_the_tail() -> None:
    ledger = opened()
    ledger.capture(amount=10_001)
    legs = [leg(1, "shop", ppm=500_000), leg(2, "platform-fee", ppm=500_000)]
    ledger.instruct(amount=10_001, mode="ratio", legs=legs, tail_leg=2)
    assert ledger.balance("pending:platform-fee") == -5001
    assert ledger.row(Instruction, "P1").tail_leg == 2


def test_a_leg_whose_share_is_nothing_is_due_nothing() -> None:
    ledger = opened()
    ledger.capture(amount=1)
    legs = [leg(1, "shop", ppm=999_999), leg(2, "platform-fee", ppm=1)]
    ledger.instruct(amount=1, mode="ratio", legs=legs)
    assert ledger.balances() == {"reserve": 1, "pending:shop": -1}
    row = ledger.row(Leg, "P1", 2)
    assert (row.amount, row.bucket) == (0, 0)
    reverse(ledger)
    assert ledger.balances() == NOTHING


def test_refusals_of_amounts_say_them_in_fen_and_in_yuan() -> None:
    ledger = opened()
    legs = [leg(1, "shop", amount=7000)]
    refused = ledger.refuse(
        "amounts-do-not-sum", "platform", "split.instructed", **split(legs=legs)
    )
    assert (refused.expected, refused.got) == ("10000 (100.00 CNY)", "7000 (70.00 CNY)")


def test_payout_of_a_conflicting_payment_has_nothing_due() -> None:
    ledger = opened()
    ledger.capture()
    ledger.instruct(amount=9000)
    ledger.wait_for("2026-01-06")
    ledger.refuse("nothing-due", "institution", "settlement.created", **payout_of())


def test_a_payment_nobody_spoke_of_is_unknown() -> None:
    assert payment_state(None, None) == "unknown"


def test_seconds_instead_of_milliseconds_are_refused() -> None:
    fields = captured(captured_at=MORNING // 1000)
    with pytest.raises(DecodeError) as caught:
        decode_record(opened().record("payment.captured", fields))
    assert caught.value.code == "integer-range"
