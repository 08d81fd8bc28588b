"""Refunds, their float, fees, and what one party awaits of another: lists lose nothing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from ledger.books import Balance
from ledger.genesis import Limits
from tests.api.queries_kit import DATABASES, DAY, MORNING, Kept, month_on, pages, refused
from tests.ledger import fee_kit
from views.balances import BalanceView
from views.listing import SCANNED_MAX, Asked, Listing, page_of

LATER = MORNING + 20 * DAY


kept = month_on(DATABASES)


def test_refunds_are_listed_by_payment_and_state(kept: Kept) -> None:
    def names(**query: Any) -> list[str]:
        return [each["refund"] for page in pages(kept, "/v1/refunds", "refunds", limit=1, **query)
                for each in page]  # fmt: skip

    assert names() == names(payment="P1") == ["R1", "R2"]
    assert names(state="paid") == names(state="paid", payment="P1") == ["R2"]
    assert names(payment="P2") == []


def test_the_float_is_free_held_and_set_aside(kept: Kept) -> None:
    (view,) = kept.get("/v1/refund-float")["floats"]
    assert (view["total"], view["free"]) == (19_000, 13_000)
    assert (view["held"], view["set_aside"], view["unconfirmed"]) == (4_000, 2_000, 5_000)
    refusal = kept.refuse(
        "withdrawal-exceeds-float", "institution", "refund_float.withdrawn",
        movement="M9", amount=13_001, currency="CNY",
    )  # fmt: skip
    assert "13000 (130.00 CNY)" in refusal.expected


def test_movements_of_the_float_are_listed(kept: Kept) -> None:
    def names(**query: Any) -> list[str]:
        path = "/v1/refund-float/movements"
        return [each["movement"] for page in pages(kept, path, "movements", limit=1, **query)
                for each in page]  # fmt: skip

    assert names() == ["M1", "M2", "M3"]
    assert names(state="stated") == ["M2", "M3"]
    assert names(state="stated", kind="deposit") == ["M2"]


def test_a_month_of_fees_is_shown_from_accrual_to_its_shares(kept: Kept) -> None:
    (view,) = kept.get("/v1/fees", period="2026-01", currency="CNY")["periods"]
    assert (view["amount"], view["count"], view["state"]) == (60, 1, "shared")
    assert (view["invoice"], view["settled_amount"], view["share"]) == ("I1", 60, "D1")
    portions = [(each["party"], each["amount"], each["state"]) for each in view["portions"]]
    assert portions == [
        ("institution", 30, "kept"), ("platform", 18, "confirmed"), ("funder", 12, "awaited"),
    ]  # fmt: skip
    assert kept.get("/v1/fees", period="2025-12")["periods"] == []
    assert kept.get("/v1/fees", currency="USD")["periods"] == []


def test_charges_are_listed_by_month_and_state(kept: Kept) -> None:
    (charge,) = kept.get("/v1/fees/charges", period="2026-01")["charges"]
    assert (charge["payment"], charge["state"], charge["invoice"]) == ("P1", "invoiced", "I1")
    assert kept.get("/v1/fees/charges", period="2026-01", state="stale")["charges"] == []
    refused(kept.client.get("/v1/fees/charges"), 400, "bad-parameter")


def awaited(kept: Kept, **query: Any) -> list[tuple[str, str]]:
    given = {"as_of": LATER, "limit": 2, **query}
    found = pages(kept, "/v1/expectations", "expectations", **given)
    return [(each["kind"], each["subject"]) for page in found for each in page]


def test_expectations_are_found_by_every_filter(kept: Kept) -> None:
    everything = awaited(kept)
    assert len(everything) == len(set(everything)) > 20
    unmet = awaited(kept, state="unmet")
    assert ("instruction", "payment:P2") in unmet
    assert ("instruction", "payment:P1") not in unmet
    assert awaited(kept, state="conflicting") == [("instruction", "payment:P3")]
    assert awaited(kept, state="overdue", kind="arrival") == [("arrival", "payout:O4")]
    assert awaited(kept, state="open", kind="arrival") == []
    assert awaited(
        kept, state="unmet", opener="platform", awaited="institution", kind="capture"
    ) == [("capture", "payment:P4")]
    assert set(awaited(kept, kind="capture")) <= set(everything)


def test_expectations_are_found_by_amount_and_age(kept: Kept) -> None:
    big = awaited(kept, state="unmet", min_amount=40_000)
    assert sorted(big) == [("capture", "payment:P4"), ("reversal", "payment:P5")]
    old = awaited(kept, state="unmet", min_age_ms=20 * DAY)
    assert ("instruction", "payment:P2") in old
    assert ("arrival", "payout:O4") not in old
    assert awaited(kept, state="unmet", min_age_ms=20 * DAY, as_of=MORNING) == []


def test_the_summary_counts_and_sums_what_is_not_met_by_pair(kept: Kept) -> None:
    sums = kept.get("/v1/expectations/summary", as_of=LATER)["sums"]
    listed = kept.get("/v1/expectations", as_of=LATER, state="unmet", limit=1000)["expectations"]
    assert sum(each["count"] for each in sums) == len(listed)
    assert sum(each["amount"] for each in sums) == sum(each["amount"] for each in listed)
    floats = [each for each in sums if each["kind"] == "float-confirmation"]
    assert [(e["opener"], e["awaited"], e["state"], e["count"], e["amount"]) for e in floats] == [
        ("institution", "platform", "overdue", 2, 7_000)
    ]
    (one,) = kept.get("/v1/expectations/summary", kind="capture", as_of=MORNING)["sums"]
    assert (one["state"], one["awaited"], one["oldest_at"]) == ("open", "institution", MORNING)
    assert kept.get("/v1/expectations/summary", opener="funder")["sums"] == []


JUDGED = (
    "/v1/expectations",
    "/v1/expectations/summary",
    "/v1/payments/P1",
    "/v1/payouts/O4",
)
"""What judges by a time what is overdue."""


@pytest.mark.parametrize("path", JUDGED)
def test_every_answer_states_the_time_at_which_it_was_judged(kept: Kept, path: str) -> None:
    assert kept.get(path, as_of=LATER)["as_of"] == LATER
    before = time.time_ns() // 1_000_000
    present = kept.get(path)["as_of"]
    assert before <= present <= time.time_ns() // 1_000_000


@pytest.mark.parametrize("path", ["/v1/payouts/due", "/v1/receivers/shop"])
def test_every_answer_states_the_date_that_tells_due_from_upcoming(kept: Kept, path: str) -> None:
    def today() -> str:
        return kept.genesis.calendar.business_date(time.time_ns() // 1_000_000)

    before = today()
    assert before <= kept.get(path)["on"] <= today()


def test_what_is_due_is_judged_by_the_newest_block_where_that_is_ahead_of_the_clock(
    tmp_path: Path,
) -> None:
    made = Kept(tmp_path)
    made.now = time.time_ns() // 1_000_000 + 3 * DAY
    made.register("shop")
    date = made.genesis.calendar.business_date(made.now)
    try:
        for path in ("/v1/payouts/due", "/v1/receivers/shop", "/v1/fee-agreements"):
            assert made.get(path)["on"] == date
    finally:
        made.close()


def test_an_offer_that_was_overtaken_and_closed_is_not_overdue_any_more(kept: Kept) -> None:
    late = kept.now + 8 * DAY
    early, later = ("A8", "2026-02-02"), ("A9", "2026-02-03")
    for name, day in (early, later):
        stated = fee_kit.terms(name, channel="alipay", effective_from=day)
        kept.apply("institution", "fee.agreed", **stated)
    kept.apply("platform", "fee.accepted", **stated)
    overdue = {"state": "overdue", "kind": "fee-acceptance", "as_of": late}
    assert awaited(kept, **overdue) == [("fee-acceptance", "fee-agreement:A8")]
    kept.apply("institution", "offer.closed", **fee_kit.closing("A8", reason="A9 holds"))
    assert awaited(kept, **overdue) == []
    met = kept.get("/v1/expectations", state="met", kind="fee-acceptance")["expectations"]
    details = {each["subject"]: each.get("detail") for each in met}
    assert details["fee-agreement:A8"] == "offer withdrawn: A9 holds"
    assert details["fee-agreement:A9"] is None


def test_sums_of_amounts_beyond_64_bits_are_exact(tmp_path_factory: Any) -> None:
    largest = 2**53 - 1
    kept = Kept(tmp_path_factory.mktemp("large"), limits=Limits(amount=largest))
    try:
        batch = [
            kept.record("refund_float.deposited", {"movement": f"M{n}", "amount": largest,
                                                   "currency": "CNY"})
            for n in range(1100)
        ]  # fmt: skip
        kept.run(kept.seal("institution", batch))
        (one,) = kept.get("/v1/expectations/summary", as_of=MORNING)["sums"]
        assert (one["count"], one["amount"]) == (1100, 1100 * largest)
    finally:
        kept.close()


def test_a_page_looks_through_no_more_rows_than_allowed_and_goes_on() -> None:
    nobody: Any = None

    def paged(count: int, fits: bool) -> tuple[int, tuple[Any, ...] | None]:
        rows = (Balance(f"A{n}", "CNY", n) for n in range(count))
        listing = Listing(
            name="balances", row=Balance, view=BalanceView, help="", rows=lambda _: rows,
            fits=lambda *_: fits,
        )  # fmt: skip
        found = page_of(listing, Asked(nobody, nobody, {}, None, 5, {}))
        return len(found.items), found.last

    assert paged(3 * SCANNED_MAX, fits=False) == (0, (f"A{SCANNED_MAX - 1}", "CNY"))
    assert paged(5, fits=True) == (5, None)
    assert paged(6, fits=True) == (5, ("A4", "CNY"))
