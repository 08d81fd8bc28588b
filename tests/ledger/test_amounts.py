"""What one record may bring into the books: a limit of the consortium, far below what they hold."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.errors import DecodeError
from ledger.genesis import AMOUNT_DEFAULT, Limits
from ledger.limits import SAFE_INTEGER_MAX
from tests.ledger.ledger_kit import (
    GENESIS,
    captured,
    leg,
    make_genesis,
    opened,
    split,
    split_ledger,
)
from tests.ledger.refund_kit import movement_of


def ratio(amount: int) -> dict[str, Any]:
    return split("P2", amount, mode="ratio", legs=[leg(1, "shop", ppm=1_000_000)])


def entering(amount: int) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return the records by which money enters, or is said to be going to."""
    return {
        "payment.captured": ("institution", captured("P2", amount)),
        "split.instructed": ("platform", ratio(amount)),
        "split.amended": ("platform", {**ratio(amount), "payment": "P1"}),
        "refund_float.deposited": ("institution", movement_of(amount=amount)),
    }


@pytest.mark.parametrize("type_", entering(1))
def test_what_one_record_brings_in_is_limited(type_: str) -> None:
    ledger = split_ledger()
    author, fields = entering(AMOUNT_DEFAULT + 1)[type_]
    refused = ledger.refuse("amount-over-limit", author, type_, **fields)
    assert refused.expected == "at most 10000000000000 (100000000000.00 CNY)"
    assert refused.got == "10000000000001 (100000000000.01 CNY)"
    author, fields = entering(AMOUNT_DEFAULT)[type_]
    ledger.apply(author, type_, **fields)


def test_a_consortium_chooses_its_limit() -> None:
    ledger = opened(make_genesis(limits=Limits(amount=10_000)))
    ledger.capture(amount=10_000)
    ledger.refuse("amount-over-limit", "institution", "payment.captured", **captured("P2", 10_001))


def test_what_the_ledger_sums_up_itself_may_exceed_the_limit() -> None:
    ledger = opened(make_genesis(limits=Limits(amount=10_000)))
    for payment in ("P1", "P2"):
        ledger.capture(payment)
        ledger.instruct(payment)
    ledger.create(amount=14_000, legs=2)
    ledger.paid()


def test_one_capture_cannot_block_a_currency() -> None:
    ledger = opened()
    ledger.capture(amount=AMOUNT_DEFAULT)
    ledger.capture("P2")
    assert ledger.balance("reserve") == AMOUNT_DEFAULT + 10_000


@pytest.mark.parametrize("amount", [0, -1, SAFE_INTEGER_MAX + 1])
def test_the_limit_is_an_amount_that_the_books_can_hold(amount: int) -> None:
    with pytest.raises(DecodeError):
        make_genesis(limits=Limits(amount=amount))


def test_the_limit_stands_in_genesis() -> None:
    assert b'"limits":{"amount":10000000000000,' in GENESIS.raw
