"""Times that authors claim are compared with the block's time, alike in every record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from ledger import records
from ledger.contracts import RECORD_TYPES
from ledger.contracts.times import shown
from ledger.limits import AHEAD_MS_MAX, SAFE_INTEGER_MAX
from tests.ledger import fee_kit, refund_kit
from tests.ledger.ledger_kit import MORNING, Ledger, captured, opened, paid_of, split_ledger

YEAR_2100 = 4_102_444_800_000


def created() -> Ledger:
    ledger = split_ledger()
    ledger.create(receiver="platform-fee", amount=3_000)
    return ledger


def paid() -> Ledger:
    ledger = created()
    ledger.paid()
    return ledger


def requested() -> Ledger:
    ledger = split_ledger()
    refund_kit.deposit(ledger)
    refund_kit.request(ledger)
    return ledger


ARRIVAL = {"payout": "O1", "amount": 3_000, "currency": "CNY", "received_at": MORNING}

CLAIMS: dict[tuple[str, str], tuple[Callable[[], Ledger], str, dict[str, Any]]] = {
    ("payment.captured", "captured_at"): (opened, "institution", captured()),
    ("settlement.paid", "paid_at"): (created, "institution", paid_of()),
    ("settlement.confirmed", "received_at"): (paid, "platform", ARRIVAL),
    ("refund.paid", "paid_at"): (requested, "institution", refund_kit.refunded_of()),
    ("fee.settled", "paid_at"): (fee_kit.invoiced, "platform", fee_kit.settlement_of()),
    ("profit.confirmed", "received_at"): (fee_kit.shared, "platform", fee_kit.confirmation_of()),
}
"""Every field that claims when something happened: a ledger that waits for it, and its record."""


def test_every_time_that_something_happened_is_among_the_claims() -> None:
    found = {
        (type_, each.name)
        for type_, record in RECORD_TYPES.items()
        for each in msgspec.structs.fields(record)
        if msgspec.inspect.type_info(each.type) == msgspec.inspect.type_info(records.EventTime)
    }
    assert found == set(CLAIMS)


@pytest.mark.parametrize(("type_", "name"), CLAIMS)
def test_what_has_happened_lies_at_most_a_day_after_the_block(type_: str, name: str) -> None:
    make, author, fields = CLAIMS[type_, name]
    ledger = make()
    latest = ledger.now + AHEAD_MS_MAX
    for late in (latest + 1, YEAR_2100):
        refused = ledger.refuse("time-in-future", author, type_, **{**fields, name: late})
        assert (refused.expected, refused.got) == (f"at most {shown(latest)}", shown(late))
        assert name in refused.message
    ledger.apply(author, type_, **{**fields, name: latest})


@pytest.mark.parametrize(("type_", "name"), CLAIMS)
def test_what_has_happened_may_be_stated_long_after(type_: str, name: str) -> None:
    make, author, fields = CLAIMS[type_, name]
    ledger = make()
    ledger.now = max(ledger.now, MORNING)
    ledger.apply(author, type_, **{**fields, name: 1_767_225_600_000 - 365 * AHEAD_MS_MAX})


def test_no_record_is_said_more_than_a_day_after_its_block() -> None:
    ledger = opened()
    latest = ledger.now + AHEAD_MS_MAX
    said = ("institution", "payment.captured")
    for late in (latest + 1, YEAR_2100, SAFE_INTEGER_MAX):
        refused = ledger.refuse("time-in-future", *said, **captured(at=late))
        assert (refused.expected, refused.got) == (f"at most {shown(latest)}", shown(late))
        assert "; at lies" in refused.message
    ledger.apply(*said, **captured(at=latest))


def test_a_record_may_claim_to_be_said_long_ago() -> None:
    opened().apply("institution", "payment.captured", **captured(at=0))
