"""Amendments of payments that are partly paid out: what is in a payout stays, the rest may move."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.contracts.allocation import Leg
from tests.ledger.ledger_kit import Ledger, leg, split, split_ledger
from tests.ledger.refusal_kit import CONFIRMATION

OF_ANOTHER_PURPOSE = leg(2, "platform-fee", amount=3000) | {"purpose": "a loan"}


def amend(ledger: Ledger, **fields: object) -> int:
    return ledger.apply("platform", "split.amended", **split(**fields))


def arrived_and_returned() -> Ledger:
    """Return a ledger whose second leg has arrived, and whose first came back for good."""
    ledger = split_ledger()
    ledger.create(receiver="platform-fee", amount=3000)
    ledger.paid()
    ledger.apply("platform", "settlement.confirmed", **CONFIRMATION)
    ledger.create("O2", amount=7000)
    ledger.apply("institution", "settlement.returned", payout="O2", reason="closed for ever")
    return ledger


def test_a_returned_leg_goes_to_another_receiver_although_its_sibling_has_arrived() -> None:
    ledger = arrived_and_returned()
    ledger.register("shop-2")
    amend(ledger, legs=[leg(1, "shop-2", amount=7000), leg(2, "platform-fee", amount=3000)])
    assert ledger.balances() == {"reserve": 7000, "pending:shop-2": -7000}
    assert ledger.row(Leg, "P1", 2).bucket > 0
    assert ledger.row(Leg, "P1", 1).receiver == "shop-2"
    ledger.create("O3", receiver="shop-2", amount=7000)
    assert ledger.balances() == {"reserve": 7000, "in_transit:shop-2": -7000}


def test_what_is_not_paid_is_split_anew_around_a_paid_leg_whose_receiver_is_suspended() -> None:
    ledger = arrived_and_returned()
    ledger.apply("institution", "receiver.suspended", receiver="platform-fee", reason="review")
    ledger.register("shop-2")
    legs = [
        leg(1, "shop", amount=6000),
        leg(2, "platform-fee", amount=3000),
        leg(3, "shop-2", amount=1000),
    ]
    amend(ledger, legs=legs)
    assert ledger.balances() == {"reserve": 7000, "pending:shop": -6000, "pending:shop-2": -1000}


def test_an_amendment_that_changes_no_money_posts_nothing() -> None:
    ledger = split_ledger()
    ledger.create(receiver="platform-fee", amount=3000)
    ledger.create("O2", amount=7000)
    before = ledger.balances()
    amend(ledger)
    assert ledger.balances() == before


@pytest.mark.parametrize(
    "changed",
    [
        {"order": "order-other"},
        {"legs": [leg(1, "shop", amount=7000), leg(2, "shop", amount=3000)]},
        {"legs": [leg(1, "shop", amount=6999), leg(2, "platform-fee", amount=3001)]},
        {"legs": [leg(1, "shop", amount=10_000)]},
        {"legs": [leg(1, "platform-fee", amount=3000), leg(2, "shop", amount=7000)]},
        {"legs": [leg(1, "shop", amount=7000), OF_ANOTHER_PURPOSE]},
        split(amount=20_000),
    ],
)
def test_an_amendment_leaves_what_is_in_a_payout_as_it_is(changed: dict[str, Any]) -> None:
    ledger = arrived_and_returned()
    before = ledger.rows()
    said = {**split(), **changed}
    refused = ledger.refuse("leg-in-payout", "platform", "split.amended", **said)
    assert "leg 2: 3000 (30.00 CNY) to platform-fee (goods), of order" in refused.expected
    assert ledger.rows() == before
