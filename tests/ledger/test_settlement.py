"""Settlement: one payout for all due legs; an arrival only when the receiver's party says so."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ledger.calendar import Calendar
from ledger.contracts.allocation import Leg
from ledger.contracts.payouts import Payout, leg_state
from ledger.contracts.receivers import Bucket, Receiver
from ledger.errors import Refused
from ledger.expectations import Expectation
from tests.ledger.ledger_kit import (
    DAY,
    GENESIS,
    HEX,
    HOUR,
    MORNING,
    Ledger,
    due_ledger,
    leg,
    make_genesis,
    opened,
    paid_of,
    payout_of,
    split_ledger,
)


def owned() -> Ledger:
    """Return a ledger with 30.00 due to ``platform-fee``, which the platform owns."""
    ledger = split_ledger()
    ledger.create(**to_platform())
    return ledger


def to_platform() -> dict[str, Any]:
    return {"receiver": "platform-fee", "amount": 3000}


def confirmed_of(amount: int = 3000, **fields: Any) -> dict[str, Any]:
    return {
        "payout": "O1",
        "amount": amount,
        "currency": "CNY",
        "received_at": MORNING + DAY,
        **fields,
    }


def confirm(ledger: Ledger, amount: int = 3000) -> int:
    return ledger.apply("platform", "settlement.confirmed", **confirmed_of(amount))


RETURN = {"payout": "O1", "reason": "closed"}


def give_back(ledger: Ledger) -> int:
    return ledger.apply("institution", "settlement.returned", **RETURN)


def expectation(ledger: Ledger, kind: str) -> Expectation:
    return ledger.row(Expectation, kind, "payout:O1")


def state_of_leg(ledger: Ledger, number: int) -> str:
    row = ledger.row(Leg, "P1", number)
    bucket = ledger.get(Bucket, row.receiver, row.bucket)
    payout = ledger.get(Payout, bucket.payout) if bucket is not None else None
    return leg_state(row, bucket, payout)


def test_a_payout_takes_all_due_legs_as_one_transfer() -> None:
    ledger = split_ledger()
    ledger.capture("P2")
    ledger.instruct("P2")
    ledger.capture("P3", captured_at=MORNING - 3 * DAY)
    ledger.instruct("P3")
    entry = ledger.create(amount=21_000, legs=3)
    row = ledger.row(Payout, "O1")
    assert (row.amount, row.legs, row.state, row.entry) == (21_000, 3, "created", entry)
    assert row.buckets == ("2", "1")
    assert ledger.balance("pending:shop") == 0
    assert ledger.balance("in_transit:shop") == -21_000
    assert ledger.row(Receiver, "shop").open_buckets == ()
    awaited = expectation(ledger, "payout-result")
    assert (awaited.awaited, awaited.state, awaited.amount) == ("institution", "open", 21_000)


def test_what_falls_due_later_stays_pending() -> None:
    ledger = split_ledger()
    ledger.capture("P2", captured_at=MORNING + DAY)
    ledger.instruct("P2")
    ledger.create()
    assert ledger.balance("pending:shop") == -7000
    assert ledger.row(Receiver, "shop").open_buckets == ("2026-01-06:2",)


@pytest.mark.parametrize(
    ("stated", "difference"),
    [
        ({"amount": 7001}, "1 (0.01 CNY) and 0 legs"),
        ({"amount": 6999}, "-1 (-0.01 CNY) and 0 legs"),
        ({"legs": 2}, "0 (0.00 CNY) and 1 legs"),
    ],
)
def test_a_payout_that_differs_is_refused_with_the_ledgers_own_sum(
    stated: dict[str, Any], difference: str
) -> None:
    ledger = due_ledger()
    fields = {**payout_of(), **stated}
    refused = ledger.refuse("payout-differs", "institution", "settlement.created", **fields)
    assert refused.expected == "7000 (70.00 CNY) for 1 legs"
    assert difference in refused.message


def test_legs_that_came_after_a_payout_go_into_the_next() -> None:
    ledger = split_ledger()
    ledger.create()
    ledger.capture("P2")
    ledger.instruct("P2")
    ledger.create("O2")
    assert ledger.row(Bucket, "shop", 1).payout == "O1"
    assert ledger.row(Bucket, "shop", 2).payout == "O2"


def test_paid_is_the_last_state_of_a_receiver_that_no_party_owns() -> None:
    ledger = split_ledger()
    ledger.create()
    entry = ledger.paid()
    assert ledger.row(Payout, "O1").state == "paid"
    assert ledger.balances() == {"reserve": 3000, "pending:platform-fee": -3000}
    met = expectation(ledger, "payout-result")
    assert (met.state, met.settled_entry) == ("met", entry)
    assert ledger.get(Expectation, "arrival", "payout:O1") is None
    assert state_of_leg(ledger, 1) == "paid"
    refused = ledger.refuse(
        "wrong-author", "platform", "settlement.confirmed", **confirmed_of(7000)
    )
    assert "no party owns" in refused.expected


def test_money_leaves_the_reserve_only_when_the_owner_confirms_it() -> None:
    ledger = owned()
    assert state_of_leg(ledger, 2) == "in-payout"
    ledger.paid()
    assert ledger.balance("reserve") == 10_000
    assert ledger.balance("paid:platform-fee") == -3000
    awaited = expectation(ledger, "arrival")
    assert (awaited.awaited, awaited.opener, awaited.state) == ("platform", "institution", "open")
    assert state_of_leg(ledger, 2) == "paid"
    entry = confirm(ledger)
    assert ledger.balances() == {"reserve": 7000, "pending:shop": -7000}
    assert (ledger.row(Payout, "O1").state, state_of_leg(ledger, 2)) == ("confirmed", "arrived")
    assert expectation(ledger, "arrival").settled_entry == entry


def test_a_confirmation_of_another_amount_conflicts_and_a_right_one_resolves_it() -> None:
    ledger = owned()
    ledger.paid()
    confirm(ledger, 2999)
    assert expectation(ledger, "arrival").state == "conflicting"
    assert "received 2999 (29.99 CNY)" in expectation(ledger, "arrival").detail
    assert ledger.balance("paid:platform-fee") == -3000
    assert state_of_leg(ledger, 2) == "disputed"
    confirm(ledger)
    assert expectation(ledger, "arrival").state == "met"
    assert ledger.row(Payout, "O1").state == "confirmed"
    assert ledger.balance("paid:platform-fee") == 0


def test_a_return_waits_for_an_owner_that_says_that_money_arrived() -> None:
    ledger = owned()
    ledger.paid()
    confirm(ledger, 2005)
    before = ledger.balances()
    give_back(ledger)
    row = expectation(ledger, "arrival")
    assert (row.state, row.awaited) == ("conflicting", "platform")
    assert row.detail == "stated as returned (closed), received 2005 (20.05 CNY)"
    assert ledger.balances() == before
    assert ledger.row(Receiver, "platform-fee").open_buckets == ()
    assert state_of_leg(ledger, 2) == "disputed"
    again = payout_of("O2", **to_platform())
    ledger.refuse("nothing-due", "institution", "settlement.created", **again)
    confirm(ledger, 0)
    assert (row.kind, expectation(ledger, "arrival").state) == ("arrival", "met")
    assert expectation(ledger, "arrival").detail == "payout returned: closed"
    ledger.apply("institution", "settlement.created", **again)


def test_a_return_that_was_an_error_is_taken_back_by_stating_the_payout_as_paid() -> None:
    ledger = owned()
    ledger.paid()
    confirm(ledger, 2999)
    give_back(ledger)
    refused = ledger.refuse("payout-returned", "institution", "settlement.returned", **RETURN)
    assert "settlement" not in refused.expected
    confirm(ledger)
    assert ledger.row(Payout, "O1").state == "conflicting", "the institution says it came back"
    ledger.paid()
    assert ledger.row(Payout, "O1").state == "confirmed"
    assert ledger.row(Payout, "O1").return_reason == ""
    assert ledger.balance("paid:platform-fee") == 0
    ledger.refuse("already-confirmed", "institution", "settlement.returned", **RETURN)


def test_stated_as_paid_again_a_payout_conflicts_as_long_as_another_amount_arrived() -> None:
    ledger = owned()
    ledger.paid()
    confirm(ledger, 2999)
    give_back(ledger)
    ledger.paid()
    assert expectation(ledger, "arrival").detail.startswith("amount: paid 3000 (30.00 CNY), ")
    ledger.refuse("already-paid", "institution", "settlement.paid", **paid_of())
    confirm(ledger)
    assert expectation(ledger, "arrival").state == "met"


def test_nothing_arrived_contradicts_what_is_paid_until_one_of_the_two_agrees() -> None:
    ledger = owned()
    ledger.paid()
    confirm(ledger, 0)
    assert "received 0 (0.00 CNY)" in expectation(ledger, "arrival").detail
    assert ledger.row(Payout, "O1").state == "conflicting"
    confirm(ledger)
    assert ledger.row(Payout, "O1").state == "confirmed"


def test_of_a_return_and_a_confirmation_in_a_race_the_later_is_refused() -> None:
    ledger = owned()
    ledger.paid()
    give_back(ledger)
    ledger.refuse("payout-returned", "platform", "settlement.confirmed", **confirmed_of())
    ledger = owned()
    ledger.paid()
    confirm(ledger)
    ledger.refuse("already-confirmed", "institution", "settlement.returned", **RETURN)


def test_a_confirmation_in_another_currency_conflicts() -> None:
    ledger = owned()
    ledger.paid()
    ledger.apply("platform", "settlement.confirmed", **confirmed_of(currency="USD"))
    assert ledger.row(Payout, "O1").state == "conflicting"


@pytest.mark.parametrize(
    ("receiver", "how_far"),
    [
        ("shop", "created"),
        ("shop", "paid"),
        ("platform-fee", "created"),
        ("platform-fee", "paid"),
        ("platform-fee", "nothing arrived"),
    ],
)
def test_a_returned_payout_makes_its_legs_due_again(receiver: str, how_far: str) -> None:
    ledger = split_ledger() if receiver == "shop" else owned()
    if receiver == "shop":
        ledger.create()
    if how_far != "created":
        ledger.paid()
    if how_far == "nothing arrived":
        confirm(ledger, 0)
    give_back(ledger)
    assert ledger.balances() == split_ledger().balances()
    number = 1 if receiver == "shop" else 2
    assert state_of_leg(ledger, number) == "returned"
    assert ledger.row(Receiver, receiver).open_buckets == ("2026-01-05:1",)
    kinds = ("payout-result", "arrival")
    rows = [ledger.get(Expectation, kind, "payout:O1") for kind in kinds]
    assert {row.state for row in rows if row is not None} == {"met"}


def test_returned_legs_go_out_again_under_a_new_payout() -> None:
    ledger = split_ledger()
    ledger.create()
    give_back(ledger)
    refused = ledger.refuse("payout-exists", "institution", "settlement.created", **payout_of())
    assert "O1" in refused.got
    ledger.create("O2")
    assert ledger.row(Bucket, "shop", 1).payout == "O2"
    assert state_of_leg(ledger, 1) == "in-payout"


def test_a_new_leg_does_not_look_returned() -> None:
    ledger = split_ledger()
    ledger.create()
    give_back(ledger)
    ledger.capture("P2")
    ledger.instruct("P2")
    assert ledger.row(Leg, "P2", 1).bucket == 2
    ledger.create("O2", amount=14_000, legs=2)


def test_nothing_more_is_said_about_a_confirmed_payout() -> None:
    ledger = owned()
    ledger.paid()
    confirm(ledger)
    ledger.refuse("already-confirmed", "platform", "settlement.confirmed", **confirmed_of())
    back = {"payout": "O1", "reason": "closed"}
    ledger.refuse("already-confirmed", "institution", "settlement.returned", **back)
    ledger.refuse("already-paid", "institution", "settlement.paid", **paid_of())


def test_nothing_more_is_said_about_a_returned_payout() -> None:
    ledger = owned()
    give_back(ledger)
    back = {"payout": "O1", "reason": "closed"}
    ledger.refuse("payout-returned", "institution", "settlement.returned", **back)
    ledger.refuse("payout-returned", "institution", "settlement.paid", **paid_of())
    ledger.refuse("payout-returned", "platform", "settlement.confirmed", **confirmed_of())


def test_an_arrival_is_confirmed_after_the_institution_stated_the_payment() -> None:
    ledger = owned()
    ledger.refuse("payout-not-paid", "platform", "settlement.confirmed", **confirmed_of())


def test_only_the_receivers_party_confirms_an_arrival() -> None:
    ledger = owned()
    ledger.paid()
    for author in ("institution", "funder"):
        refused = ledger.refuse("wrong-author", author, "settlement.confirmed", **confirmed_of())
        assert (refused.expected, refused.got) == ("platform", author)


def test_a_cut_off_date_is_a_day_of_the_calendar() -> None:
    fields = payout_of(cutoff_date="2026-02-31")
    split_ledger().refuse("no-such-date", "institution", "settlement.created", **fields)


def test_a_payout_is_in_the_receivers_currency() -> None:
    fields = payout_of(currency="USD")
    split_ledger().refuse("wrong-currency", "institution", "settlement.created", **fields)


def test_a_payout_takes_nothing_that_falls_due_after_its_cut_off_date() -> None:
    fields = payout_of(cutoff_date="2026-01-05")
    split_ledger().refuse("nothing-due", "institution", "settlement.created", **fields)


def early(ledger: Ledger, **fields: Any) -> Refused:
    return ledger.refuse("not-due-yet", "institution", "settlement.created", **payout_of(**fields))


def test_nothing_is_paid_out_before_its_business_date_has_begun() -> None:
    ledger = split_ledger()
    refused = early(ledger)
    assert refused.got == "2026-01-06"
    assert refused.expected == (
        "a cut-off date of 2026-01-05 or before; 0 (0.00 CNY) for 0 legs are due to shop "
        "by 2026-01-05"
    )
    ledger.now = GENESIS.calendar.starts_at_ms(date(2026, 1, 6)) - 1
    early(ledger)
    ledger.now += 1
    ledger.apply("institution", "settlement.created", **payout_of())


def test_a_payout_that_is_too_early_is_told_what_is_due_by_now() -> None:
    ledger = split_ledger()
    ledger.capture("P2", captured_at=MORNING - 3 * DAY)
    ledger.instruct("P2")
    assert "7000 (70.00 CNY) for 1 legs are due to shop by 2026-01-05" in early(ledger).expected
    ledger.apply("institution", "settlement.created", **payout_of(cutoff_date="2026-01-05"))


def test_a_cut_off_date_that_is_to_come_is_refused_even_if_all_legs_are_due() -> None:
    ledger = due_ledger()
    early(ledger, cutoff_date="2026-01-07")
    ledger.apply("institution", "settlement.created", **payout_of())


def test_what_is_captured_today_with_t_plus_0_goes_out_today() -> None:
    ledger = opened()
    ledger.register("kiosk", cycle="T+0")
    ledger.capture()
    ledger.instruct(legs=[leg(1, "kiosk", amount=10_000)])
    today = payout_of("O1", 10_000, receiver="kiosk", cutoff_date="2026-01-05")
    ledger.apply("institution", "settlement.created", **today)


def test_the_next_business_date_begins_with_the_cut_off_not_at_midnight() -> None:
    ledger = opened(make_genesis(calendar=Calendar(cutoff_minute=21 * 60)))
    ledger.capture()
    ledger.instruct()
    ledger.now = MORNING + 11 * HOUR - 1  # 20:59:59.999 at UTC+8
    early(ledger)
    ledger.now += 1
    ledger.apply("institution", "settlement.created", **payout_of())


def test_a_holiday_ends_before_what_fell_on_it_is_paid_out() -> None:
    ledger = opened(
        make_genesis(calendar=Calendar(holidays=("2026-01-06", "2026-01-07"), years=(2026,)))
    )
    ledger.capture()
    ledger.instruct()
    ledger.now = MORNING + 2 * DAY
    ledger.refuse("nothing-due", "institution", "settlement.created", **payout_of())
    early(ledger, cutoff_date="2026-01-08")
    ledger.now = MORNING + 3 * DAY
    ledger.apply("institution", "settlement.created", **payout_of(cutoff_date="2026-01-08"))


def test_a_payout_keeps_the_commitment_to_the_banks_reference() -> None:
    ledger = split_ledger()
    ledger.create()
    ledger.paid()
    row = ledger.row(Payout, "O1")
    assert (row.bank_reference, row.paid_at) == (HEX, MORNING + DAY)


def test_leg_states_before_a_payout() -> None:
    ledger = opened()
    ledger.instruct()
    assert state_of_leg(ledger, 1) == "instructed"
    ledger.capture()
    assert state_of_leg(ledger, 1) == "allocated"
    ledger.capture("P2", amount=1)
    legs = [leg(1, "shop", ppm=999_999), leg(2, "platform-fee", ppm=1)]
    ledger.instruct("P2", amount=1, mode="ratio", legs=legs)
    assert leg_state(ledger.row(Leg, "P2", 2), None, None) == "nothing-due"


def test_returned_legs_go_out_with_the_next_cycles_in_one_transfer() -> None:
    ledger = split_ledger()
    ledger.create()
    give_back(ledger)
    ledger.capture("P2", captured_at=MORNING + DAY)
    ledger.instruct("P2")
    ledger.create("O2", amount=14_000, legs=2, cutoff_date="2026-01-07")
    assert ledger.row(Payout, "O2").buckets == ("1", "2")
    assert state_of_leg(ledger, 1) == "in-payout"
    ledger.paid("O2")
    assert ledger.balance("pending:shop") == 0
    assert state_of_leg(ledger, 1) == "paid"


def test_legs_that_come_back_twice_go_out_a_third_time() -> None:
    ledger = split_ledger()
    for name in ("O1", "O2"):
        ledger.create(name)
        ledger.apply("institution", "settlement.returned", payout=name, reason="closed")
        assert ledger.row(Bucket, "shop", 1).returned == name
    ledger.create("O3")
    ledger.paid("O3")
    assert state_of_leg(ledger, 1) == "paid"


def test_what_is_due_to_a_suspended_receiver_is_paid_out_and_may_come_back() -> None:
    ledger = split_ledger()
    suspended = {"receiver": "shop", "reason": "fraud report"}
    ledger.apply("institution", "receiver.suspended", **suspended)
    ledger.create()
    give_back(ledger)
    assert ledger.row(Receiver, "shop").state == "suspended"
    ledger.create("O2")
    ledger.paid("O2")
    assert ledger.balance("pending:shop") == 0


def test_what_is_captured_past_the_cut_off_is_due_a_day_later() -> None:
    ledger = opened(make_genesis(calendar=Calendar(cutoff_minute=10 * 60 + 1)))
    ledger.capture("P1", captured_at=MORNING + 59_999)
    ledger.instruct("P1")
    ledger.capture("P2", captured_at=MORNING + 60_000)
    ledger.instruct("P2")
    ledger.create()
    assert ledger.row(Receiver, "shop").open_buckets == ("2026-01-06:2",)
    ledger.create("O2", cutoff_date="2026-01-07")


def test_business_days_wait_for_the_end_of_a_holiday_and_calendar_days_do_not() -> None:
    holidays = ("2026-01-06", "2026-01-07")
    ledger = opened(make_genesis(calendar=Calendar(holidays=holidays, years=(2026,))))
    ledger.register("daily", cycle="D+1")
    ledger.capture()
    ledger.instruct(legs=[leg(1, "shop", amount=7000), leg(2, "daily", amount=3000)])
    ledger.wait_for("2026-01-07")
    fields = payout_of(cutoff_date="2026-01-07")
    ledger.refuse("nothing-due", "institution", "settlement.created", **fields)
    ledger.create("O1", 3000, receiver="daily", cutoff_date="2026-01-06")
    ledger.create("O2", cutoff_date="2026-01-08")
    assert [ledger.row(Payout, name).amount for name in ("O1", "O2")] == [3000, 7000]


def test_what_is_captured_from_friday_to_sunday_goes_out_on_the_monday_as_one_payout() -> None:
    ledger = opened()
    for number in range(3):
        captured_at = MORNING + (4 + number) * DAY  # Friday 2026-01-09 to Sunday
        ledger.now = max(ledger.now, captured_at)
        ledger.capture(f"P{number}", captured_at=captured_at)
        ledger.instruct(f"P{number}")
    days = ("2026-01-09:1", "2026-01-10:2", "2026-01-11:3")  # kept by the captures' dates
    assert ledger.row(Receiver, "shop").open_buckets == days
    ledger.create(cutoff_date="2026-01-12", amount=21_000, legs=3)
