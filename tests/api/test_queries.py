"""Where is this money? One look at a payment, a payout or a receiver says it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.api.queries_kit import DATABASES, DAY, MORNING, TUESDAY, Kept, month_on, pages, refused

LATER = MORNING + 20 * DAY


kept = month_on(DATABASES)


def test_a_payment_shows_who_stated_what_with_the_refused_records(kept: Kept) -> None:
    view = kept.get("/v1/payments/P1", as_of=LATER)
    said = [(entry["party"], entry["type"], entry["outcome"]) for entry in view["timeline"]]
    assert said[:4] == [
        ("institution", "payment.captured", "applied"),
        ("platform", "split.instructed", "applied"),
        ("institution", "payment.captured", "already-captured"),
        ("institution", "fee.charged", "applied"),
    ]
    types = [type_ for _, type_, _ in said]
    assert types.count("settlement.returned") == 2
    assert types.count("refund.requested") == 3
    assert types.count("dispute.raised") == 2
    indices = [entry["index"] for entry in view["timeline"]]
    assert indices == sorted(set(indices))
    assert view["timeline"][0]["time"] == MORNING


def test_a_payment_shows_where_each_legs_money_is_and_in_which_payout(kept: Kept) -> None:
    view = kept.get("/v1/payments/P1")
    shown = [(leg["leg"], leg["state"], leg["ends_at"], leg["payout"]) for leg in view["legs"]]
    assert shown == [(1, "paid", "paid", "O3"), (2, "disputed", "arrived", "O4")]
    assert view["money"] == {"paid": 7_000, "disputed": 3_000}
    assert [(each["payout"], each["state"]) for each in view["payouts"]] == [
        ("O1", "returned"),
        ("O2", "returned"),
        ("O3", "paid"),
        ("O4", "paid"),
    ]


def test_a_payment_shows_its_refunds_fee_and_disputes(kept: Kept) -> None:
    view = kept.get("/v1/payments/P1")
    refunds = [(each["refund"], each["state"], each["attempts"]) for each in view["refunds"]]
    assert refunds == [("R1", "requested", 2), ("R2", "paid", 1)]
    fee = view["fee"]
    assert (fee["amount"], fee["state"], fee["invoice"]) == (60, "invoiced", "I1")
    disputes = [(each["dispute"], each["state"], each.get("leg")) for each in view["disputes"]]
    assert disputes == [("D1", "open", 2), ("D2", "upheld", None)]
    assert view["state"] == "disputed"


def test_a_payment_says_which_half_is_awaited_by_whom_since_when(kept: Kept) -> None:
    view = kept.get("/v1/payments/P2", as_of=LATER)
    (half,) = view["expectations"]
    assert (half["kind"], half["awaited"], half["state"]) == ("instruction", "platform", "overdue")
    assert (half["opened_at"], half["age_ms"]) == (MORNING, 20 * DAY)
    early = kept.get("/v1/payments/P2", as_of=half["due_at"])["expectations"][0]
    assert (early["state"], early["lateness_ms"]) == ("open", 0)
    unmet = {each["subject"] for each in kept.get("/v1/payments/P1")["expectations"]}
    assert {"payout:O4", "refund:R1", "dispute:D1"} <= unmet


@pytest.mark.parametrize(
    ("payment", "state"),
    [("P2", "captured"), ("P3", "conflicting"), ("P4", "instructed"), ("P5", "reversed")],
)
def test_a_payment_with_one_half_or_none_is_shown_as_what_it_is(
    kept: Kept, payment: str, state: str
) -> None:
    assert kept.get(f"/v1/payments/{payment}")["state"] == state


def test_a_payment_of_which_every_record_was_refused_is_shown_with_them(kept: Kept) -> None:
    kept.refuse("not-captured", "institution", "payment.reversed", payment="P99", reason="void")
    view = kept.get("/v1/payments/P99")
    assert (view["state"], view["legs"], view["expectations"]) == ("unknown", [], [])
    assert [entry["outcome"] for entry in view["timeline"]] == ["not-captured"]
    refused(kept.client.get("/v1/payments/P100"), 404, "no-such-payment")


def test_a_payout_is_shown_with_its_legs_and_the_disputes_about_it(kept: Kept) -> None:
    view = kept.get("/v1/payouts/O3")
    assert [(leg["payment"], leg["leg"], leg["state"]) for leg in view["legs"]] == [
        ("P1", 1, "paid")
    ]
    assert [each["state"] for each in view["disputes"]] == ["upheld"]
    assert view["timeline"][-1]["type"] == "dispute.resolved"
    assert (view["state"], view["leg_count"]) == ("paid", 1)


def test_payouts_are_listed_by_receiver_and_state(kept: Kept) -> None:
    def names(**query: Any) -> list[str]:
        return [each["payout"] for page in pages(kept, "/v1/payouts", "payouts", limit=1, **query)
                for each in page]  # fmt: skip

    assert names() == ["O1", "O2", "O3", "O4"]
    assert names(receiver="shop") == ["O1", "O2", "O3"]
    assert names(state="returned") == ["O1", "O2"]
    assert names(receiver="platform-fee", state="paid") == ["O4"]
    assert names(receiver="platform-fee", state="returned") == []


def test_what_is_due_on_a_date_is_what_a_payout_has_to_state(kept: Kept) -> None:
    page = kept.get("/v1/payouts/due", on="2026-01-07", receiver="shop")
    (row,) = page["due"]
    assert (row["payout_amount"], row["payout_legs"], row["state"]) == (24_000, 4, "due")
    fields = {"receiver": "shop", "cutoff_date": "2026-01-07", "currency": "CNY"}
    refusal = kept.refuse(
        "payout-differs", "institution", "settlement.created",
        payout="O9", amount=1, legs=1, **fields,
    )  # fmt: skip
    assert "24000 (240.00 CNY) for 4 legs" in refusal.expected


def test_due_and_upcoming_are_told_apart_by_the_date(kept: Kept) -> None:
    def rows(**query: Any) -> list[tuple[str, str, str]]:
        found = [each for page in pages(kept, "/v1/payouts/due", "due", limit=1, **query)
                 for each in page]  # fmt: skip
        return [(each["receiver"], each["due_date"], each["state"]) for each in found]

    assert rows(on=TUESDAY) == [("funder-share", TUESDAY, "due")]
    assert rows(on=TUESDAY, upcoming="true") == [
        ("funder-share", TUESDAY, "due"),
        ("shop", "2026-01-07", "upcoming"),
    ]
    assert rows(on="2026-01-05") == []
    assert rows(on=TUESDAY, receiver="platform-fee") == []
    detail = refused(kept.client.get("/v1/payouts/due?on=2026-02-30"), 400, "bad-parameter")
    assert "2026-02-30" in detail


def test_returned_money_is_due_again_beside_new_money(tmp_path_factory: Any) -> None:
    kept = Kept(tmp_path_factory.mktemp("again"))
    try:
        kept.register("shop")
        kept.register("platform-fee", owner="platform")
        kept.capture()
        kept.instruct()
        kept.create()
        kept.apply("institution", "settlement.returned", payout="O1", reason="closed")
        kept.capture("P2", captured_at=MORNING + DAY)
        kept.instruct("P2")
        rows = kept.get("/v1/payouts/due", on=TUESDAY, receiver="shop", upcoming="true")["due"]
        shown = [(each["due_date"], each["state"], each["amount"]) for each in rows]
        assert shown == [(TUESDAY, "due", 7_000), ("2026-01-07", "upcoming", 7_000)]
        assert [each["payout_amount"] for each in rows] == [7_000, 14_000]
        assert [each.get("returned_payout") for each in rows] == ["O1", None]
    finally:
        kept.close()


def test_a_receivers_statement_runs_through_due_in_transit_and_paid(kept: Kept) -> None:
    lines = kept.get("/v1/receivers/shop/statement")["lines"]
    shown = [(each["type"], each["due"], each["in_transit"], each["paid"]) for each in lines]
    assert shown[:3] == [
        ("split.instructed", 7_000, 0, 0),
        ("settlement.created", 0, 7_000, 0),
        ("settlement.returned", 7_000, 0, 0),
    ]
    assert shown[6] == ("settlement.paid", 0, 0, 7_000)
    assert shown[-1][1:] == (24_000, 0, 7_000)
    view = kept.get("/v1/receivers/shop")
    assert (view["pending"], view["in_transit"]) == (24_000, 0)
    assert [each["amount"] for each in view["due"]] == [24_000]


def test_a_statement_page_goes_on_with_the_sums_of_the_page_before(kept: Kept) -> None:
    whole = kept.get("/v1/receivers/shop/statement", limit=1000)["lines"]
    found = [line for page in pages(kept, "/v1/receivers/shop/statement", "lines", limit=2)
             for line in page]  # fmt: skip
    assert found == whole
    for before, line in pairwise(whole):
        for name in ("due", "in_transit", "paid", "arrived"):
            assert line[name] == before[name] + line[f"{name}_change"]


def test_what_the_owner_confirmed_has_arrived_and_stays_paid(tmp_path_factory: Any) -> None:
    kept = Kept(tmp_path_factory.mktemp("arrived"))
    try:
        kept.register("shop", owner="funder")
        kept.register("platform-fee")
        kept.capture()
        kept.instruct()
        kept.create()
        kept.paid()
        fields = {"payout": "O1", "currency": "CNY", "received_at": MORNING}
        kept.apply("funder", "settlement.confirmed", amount=6_999, **fields)
        kept.apply("funder", "settlement.confirmed", amount=7_000, **fields)
        last = kept.get("/v1/receivers/shop/statement")["lines"][-1]
        assert (last["due"], last["in_transit"]) == (0, 0)
        assert (last["paid"], last["arrived"], last["arrived_change"]) == (7_000, 7_000, 7_000)
    finally:
        kept.close()


def test_a_statement_of_many_legs_in_one_entry_is_never_torn(tmp_path_factory: Any) -> None:
    kept = Kept(tmp_path_factory.mktemp("legs"))
    try:
        kept.register("shop")
        for number in range(30):
            name = f"P{number}"
            kept.capture(name, 1_000)
            legs = [
                {"leg": each, "receiver": "shop", "purpose": "goods", "amount": 100}
                for each in range(1, 11)
            ]
            kept.instruct(name, 1_000, legs=legs)
        found = [line for page in pages(kept, "/v1/receivers/shop/statement", "lines", limit=7)
                 for line in page]  # fmt: skip
        assert [line["due_change"] for line in found] == [1_000] * 30
        assert found[-1]["due"] == 30_000
    finally:
        kept.close()
