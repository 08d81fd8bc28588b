"""Receivers: who may be registered, suspended and resumed, and what falls due to them when."""

from __future__ import annotations

from ledger.contracts.receivers import Bucket, Receiver
from tests.ledger.ledger_kit import DAY, MORNING, RECEIVER, Ledger, leg, opened, split, split_ledger


def test_a_registered_receiver_stands_in_the_state_without_its_account_number() -> None:
    ledger = Ledger()
    entry = ledger.register("shop", owner="funder", cycle="T+0")
    row = ledger.row(Receiver, "shop")
    assert (row.owner, row.cycle, row.currency, row.state) == ("funder", "T+0", "CNY", "active")
    assert (row.last4, row.entry, row.open_buckets) == ("1234", entry, ())


def test_a_settlement_identifier_is_registered_once() -> None:
    ledger = opened()
    refused = ledger.refuse(
        "receiver-exists", "institution", "receiver.registered", receiver="shop", **RECEIVER
    )
    assert "entry 0" in refused.got


def test_a_payment_account_is_held_at_the_institution_that_settles_it() -> None:
    ledger = Ledger()
    account = {**RECEIVER, "kind": "payment_account", "receiver": "wallet"}
    ledger.refuse("cross-institution", "institution", "receiver.registered", **account)
    refused = ledger.refuse(
        "cross-institution",
        "institution",
        "receiver.registered",
        **account,
        held_at="other-institution",
    )
    assert (refused.expected, refused.got) == ("held_at institution", "other-institution")
    ledger.apply("institution", "receiver.registered", **account, held_at="institution")


def test_an_owner_is_a_party_of_the_consortium() -> None:
    ledger = Ledger()
    fields = {**RECEIVER, "receiver": "shop", "owner": "stranger"}
    ledger.refuse("unknown-party", "institution", "receiver.registered", **fields)


def test_only_the_institution_vouches_for_receivers() -> None:
    fields = {**RECEIVER, "receiver": "shop"}
    Ledger().refuse("wrong-author", "platform", "receiver.registered", **fields)


def test_a_suspended_receiver_gets_no_new_legs_until_it_is_resumed() -> None:
    ledger = opened()
    ledger.apply("institution", "receiver.suspended", receiver="shop", reason="fraud report")
    refused = ledger.refuse("receiver-suspended", "platform", "split.instructed", **split())
    assert "fraud report" in refused.message
    suspended = {"receiver": "shop", "reason": "again"}
    ledger.refuse("already-suspended", "institution", "receiver.suspended", **suspended)
    ledger.apply("institution", "receiver.resumed", receiver="shop", reason="cleared")
    ledger.refuse(
        "not-suspended", "institution", "receiver.resumed", receiver="shop", reason="again"
    )
    ledger.instruct()


def test_legs_that_were_accepted_before_a_suspension_still_fall_due() -> None:
    ledger = opened()
    ledger.instruct()
    ledger.apply("institution", "receiver.suspended", receiver="shop", reason="fraud report")
    ledger.capture()
    assert ledger.balance("pending:shop") == -7000


def test_nobody_can_suspend_a_receiver_that_is_not_registered() -> None:
    fields = {"receiver": "nobody", "reason": "fraud"}
    Ledger().refuse("unknown-receiver", "institution", "receiver.suspended", **fields)


def test_legs_of_one_business_date_share_a_bucket_and_other_dates_open_their_own() -> None:
    ledger = split_ledger()
    ledger.capture("P2")
    ledger.instruct("P2")
    ledger.capture("P3", captured_at=MORNING + DAY)
    ledger.instruct("P3")
    assert ledger.row(Receiver, "shop").open_buckets == ("2026-01-05:1", "2026-01-06:2")
    assert ledger.row(Bucket, "shop", 1) == Bucket(
        "shop", 1, "2026-01-05", "T+1", 14_000, 2, "", ""
    )
    assert ledger.row(Bucket, "shop", 2) == Bucket("shop", 2, "2026-01-06", "T+1", 7000, 1, "", "")


def test_two_legs_of_one_payment_may_go_to_one_receiver() -> None:
    ledger = opened()
    ledger.capture()
    legs = [leg(1, "shop", amount=9000), leg(2, "shop", amount=1000, purpose="tip")]
    ledger.instruct(legs=legs)
    assert ledger.row(Bucket, "shop", 1).amount == 10_000
    assert ledger.row(Bucket, "shop", 1).legs == 2


def test_the_last_leg_taken_back_closes_the_bucket() -> None:
    ledger = split_ledger()
    ledger.apply("institution", "payment.reversed", payment="P1", reason="void")
    assert ledger.row(Receiver, "shop").open_buckets == ()
    assert ledger.get(Bucket, "shop", 1) is None
    ledger.capture()
    assert ledger.row(Receiver, "shop").open_buckets == ("2026-01-05:2",)
