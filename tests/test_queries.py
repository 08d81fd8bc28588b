"""Questions of business over HTTP: one look says where the money is, and lists lose nothing."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from queries_kit import DATABASES, DAY, MORNING, TUESDAY, Kept, month, url_of

from api.limits import SCANNED_MAX
from api.lists import csv_text
from api.paging import page_of
from ledger.calendar import Calendar

LATER = MORNING + 20 * DAY


@pytest.fixture(scope="module", params=DATABASES)
def kept(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Kept]:
    folder = tmp_path_factory.mktemp("queries")
    made = month(folder, url_of(request.param, folder))
    yield made
    made.close()


def pages(kept: Kept, path: str, items: str, **query: Any) -> Iterator[list[dict[str, Any]]]:
    """Yield the items of page after page."""
    cursor: str | None = ""
    while cursor is not None:
        page = kept.get(path, **query, cursor=cursor)
        yield page[items]
        cursor = page.get("next")


def refused(response: httpx.Response, status: int, code: str) -> str:
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    return str(response.json()["detail"])


# -- a payment ------------------------------------------------------------------------------------


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
    assert disputes == [("D1", "open", 2), ("D2", "rejected", None)]
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


# -- payouts and receivers ------------------------------------------------------------------------


def test_a_payout_is_shown_with_its_legs_and_the_disputes_about_it(kept: Kept) -> None:
    view = kept.get("/v1/payouts/O3")
    assert [(leg["payment"], leg["leg"], leg["state"]) for leg in view["legs"]] == [
        ("P1", 1, "paid")
    ]
    assert [each["state"] for each in view["disputes"]] == ["rejected"]
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


# -- refunds, float, fees -------------------------------------------------------------------------


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


# -- what is awaited ------------------------------------------------------------------------------


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


def test_sums_of_amounts_beyond_64_bits_are_exact(tmp_path_factory: Any) -> None:
    kept = Kept(tmp_path_factory.mktemp("large"))
    try:
        largest = 2**53 - 1
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
    found, last = page_of(iter(range(3 * SCANNED_MAX)), lambda each: False, 10)
    assert (found, last) == ([], SCANNED_MAX - 1)
    assert page_of(iter(range(5)), lambda each: True, 5) == ([0, 1, 2, 3, 4], None)
    assert page_of(iter(range(6)), lambda each: True, 5) == ([0, 1, 2, 3, 4], 4)


# -- search ---------------------------------------------------------------------------------------


def search(kept: Kept, **query: Any) -> list[str]:
    found = pages(kept, "/v1/search", "payments", limit=2, **query)
    return [each["payment"] for page in found for each in page]


def test_payments_are_found_by_what_is_known_of_them(kept: Kept) -> None:
    assert search(kept, order="order-P4") == ["P4"]
    assert search(kept, order="order-P1") == ["P1"]
    assert search(kept, payment="P") == [f"P{number}" for number in range(1, 10)]
    assert search(kept, payment="P2") == ["P2"]
    assert search(kept, payment="P22") == []
    assert search(kept, receiver="funder-share") == ["P6", "P7", "P8", "P9"]
    assert search(kept, amount=30_000) == ["P3"]
    assert search(kept, amount=10_000) == ["P1", "P6", "P7", "P8", "P9"]


def test_payments_are_found_by_the_business_date_of_their_capture(kept: Kept) -> None:
    span = {"from": TUESDAY, "to": TUESDAY}
    late = ["P6", "P7", "P8", "P9"]
    assert search(kept, **span) == late
    assert search(kept, amount=10_000, **span) == late
    assert search(kept, receiver="shop", to="2026-01-05") == ["P3", "P1"]
    assert search(kept, payment="P", **span) == late
    assert search(kept, **{"from": "2026-01-07"}) == []
    assert search(kept, to="2026-01-04") == []
    assert search(kept, to="9999-12-31") == ["P1", "P2", "P3", "P5", *late]


def test_a_found_payment_says_its_state(kept: Kept) -> None:
    rows = kept.get("/v1/search", payment="P")["payments"]
    states = {row["payment"]: row["state"] for row in rows}
    assert states["P1"] == "disputed"
    assert states["P6"] == "split"
    assert states["P4"] == "instructed"
    assert "captured_at" not in next(row for row in rows if row["payment"] == "P4")


@pytest.mark.parametrize(
    "query", ["", "order=a&payment=b", "amount=1&receiver=shop", "from=2026-13-01"]
)
def test_a_search_names_one_key_and_real_dates(kept: Kept, query: str) -> None:
    refused(kept.client.get(f"/v1/search?{query}"), 400, "bad-parameter")


@given(
    day=st.dates(date(1971, 1, 1), date(2200, 1, 1)),
    cutoff=st.integers(1, 1440),
    offset=st.integers(-840, 840),
)
def test_a_business_date_begins_where_the_one_before_ends(
    day: date, cutoff: int, offset: int
) -> None:
    calendar = Calendar(cutoff_minute=cutoff, utc_offset_minutes=offset)
    start = calendar.starts_at_ms(day)
    assert calendar.business_date(start) == day.isoformat()
    assert calendar.business_date(start - 1) == (day - timedelta(days=1)).isoformat()


# -- forms, parameters, cursors -------------------------------------------------------------------

LISTS = {
    "/v1/payouts": "payouts",
    "/v1/payouts/due?on=2026-01-07": "due",
    "/v1/receivers/shop/statement": "lines",
    "/v1/refunds": "refunds",
    "/v1/refund-float": "floats",
    "/v1/refund-float/movements": "movements",
    "/v1/fees": "periods",
    "/v1/fees/charges?period=2026-01": "charges",
    "/v1/expectations?as_of=1770000000000": "expectations",
    "/v1/expectations/summary?as_of=1770000000000": "sums",
    "/v1/search?payment=P": "payments",
    "/v1/balances": "balances",
}


@pytest.mark.parametrize("path", LISTS)
def test_every_list_is_had_as_csv_with_the_same_facts(kept: Kept, path: str) -> None:
    items = kept.client.get(path).json()[LISTS[path]]
    by_header = kept.client.get(path, headers={"accept": "text/csv"})
    assert by_header.headers["content-type"] == "text/csv; charset=utf-8"
    mark = "&" if "?" in path else "?"
    by_parameter = kept.client.get(f"{path}{mark}format=csv")
    assert by_header.headers["vary"] == "Accept"
    rows = list(csv.DictReader(io.StringIO(by_parameter.text, newline="")))
    assert len(rows) == len(items) > 0
    for row, item in zip(rows, items, strict=True):
        for name, value in item.items():
            if isinstance(value, str | int) and not isinstance(value, bool):
                assert row[name] == str(value)
    both = {"accept": "application/json, text/csv"}
    assert kept.client.get(path, headers=both).headers["content-type"] == "application/json"
    csv_first = {"accept": "text/csv"}
    forced = kept.client.get(f"{path}{mark}format=json", headers=csv_first)
    assert forced.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "＋1", "－1", "＠a"]
)
def test_no_text_of_a_csv_is_a_formula(text: str) -> None:
    from api.business.refunds import RefundView

    row = RefundView(
        refund="R", payment="P", order="O", state="failed", amount=-5, currency="CNY",
        reason=text, attempts=1, entry=1, last_entry=1,
    )  # fmt: skip
    (read,) = csv.DictReader(io.StringIO(csv_text(RefundView, [row]), newline=""))
    assert read["reason"] == f"'{text}"
    assert read["amount"] == "-5"
    assert read["paid_at"] == ""


def test_a_link_leads_through_a_list_in_csv(kept: Kept) -> None:
    url: str | None = "/v1/search?payment=P&format=csv&limit=4"
    found: list[str] = []
    while url is not None:
        response = kept.client.get(url)
        found += [row["payment"] for row in csv.DictReader(io.StringIO(response.text, newline=""))]
        url = response.links.get("next", {}).get("url")
    assert found == [f"P{number}" for number in range(1, 10)]


@pytest.mark.parametrize("path", LISTS)
def test_a_misspelt_parameter_is_refused(kept: Kept, path: str) -> None:
    mark = "&" if "?" in path else "?"
    refused(kept.client.get(f"{path}{mark}lmit=1"), 400, "bad-parameter")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/payouts?cursor=!",
        "/v1/payouts?cursor=WzFd",  # [1]
        "/v1/receivers/shop/statement?cursor=WzEsMl0",  # [1,2]
        "/v1/receivers/shop/statement?cursor=WzFlOTksMSwxLDEsMV0",  # [1e99,1,1,1,1]
        "/v1/search?payment=P&cursor=W10",  # []
        "/v1/expectations?cursor=WyJhIl0",  # ["a"]
        "/v1/payouts?state=gone",
        "/v1/payouts?receiver=%00",
        "/v1/payouts/due?on=tomorrow",
        "/v1/payouts/due?upcoming=perhaps",
        "/v1/expectations?min_amount=-1",
        "/v1/expectations?min_age_ms=x",
        "/v1/expectations?kind=captur",
        "/v1/fees?period=2026-13",
        "/v1/fees?format=xml",
        "/v1/search?amount=0",
        "/v1/search?payment=%3D",
    ],
)
def test_a_bad_parameter_is_a_problem(kept: Kept, path: str) -> None:
    refused(kept.client.get(path), 400, "bad-parameter")


def test_a_statement_of_nobody_is_a_problem(kept: Kept) -> None:
    refused(kept.client.get("/v1/receivers/nobody/statement"), 404, "no-such-receiver")


def test_the_questions_need_a_token_that_may_read(kept: Kept) -> None:
    bare = httpx.Client(base_url=kept.server.url)
    for path in LISTS:
        assert bare.get(path).json()["code"] == "no-token"
    bare.close()
