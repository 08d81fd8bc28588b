"""Payments are found by what is known of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.output import money
from ledger.calendar import Calendar
from tests.api.queries_kit import DATABASES, TUESDAY, Kept, month_on, pages, refused
from tests.ledger.ledger_kit import HOUR, MORNING, leg

kept = month_on(DATABASES)


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


def test_with_nothing_asked_the_newest_captures_come_first(kept: Kept) -> None:
    found = [
        each for page in pages(kept, "/v1/search", "payments", limit=2) for each in page
    ]  # two a page, so that the walk goes on from a place backwards
    times = [each["captured_at"] for each in found]
    assert [each["payment"] for each in found] == sorted(
        search(kept, to="9999-12-31"), key=lambda name: (_captured_at(found, name), name)
    )[::-1]
    assert times == sorted(times, reverse=True)
    assert len(times) == 8


def _captured_at(found: list[dict[str, Any]], name: str) -> int:
    return next(each["captured_at"] for each in found if each["payment"] == name)


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


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """Give payments of two legs to one receiver of which one is due nothing."""
    made = Kept(tmp_path_factory.mktemp("uneven"))
    made.register("shop")
    legs = [leg(1, "shop", ppm=999_999), leg(2, "shop", ppm=1)]
    for number in range(1, 6):
        made.capture(f"Z{number}", number)
        made.instruct(f"Z{number}", number, mode="ratio", legs=legs)
    yield made
    made.close()


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """Give captures in currencies of no, two and three decimals, at different times."""
    made = Kept(tmp_path_factory.mktemp("mixed"))
    for number, (amount, currency) in enumerate(MIXED):
        captured_at = MORNING - number * HOUR
        made.capture(f"M{number}", amount, currency=currency, captured_at=captured_at)
    yield made
    made.close()


MIXED = [
    (1000, "JPY"),
    (100_000, "CNY"),
    (1_000_000, "KWD"),
    (1234, "KWD"),
    (123, "USD"),
    (1230, "KWD"),
    (1000, "CNY"),
    (100_000, "USD"),
    (10_000_000, "CLF"),
]


def as_shown(kept: Kept, text: str, limit: int = 2) -> list[str]:
    found = pages(kept, "/v1/search", "payments", limit=limit, amount_shown=text)
    return [money(each["amount"], each["currency"]) for page in found for each in page]


def test_what_is_displayed_is_what_search_finds_whatever_the_decimals(mixed: Kept) -> None:
    for amount, currency in MIXED:
        text = money(amount, currency)
        assert as_shown(mixed, text) == [text]
        assert text in as_shown(mixed, text.removesuffix(f" {currency}"))


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_an_amount_without_a_currency_is_found_in_each_by_its_own_decimals(
    mixed: Kept, limit: int
) -> None:
    thousand = ["1,000.0000 CLF", "1,000.00 USD", "1,000.000 KWD", "1,000.00 CNY", "1,000 JPY"]
    for text in ("1000", "1,000", "1000.00", "1,000.0000"):
        assert as_shown(mixed, text, limit) == thousand
    assert as_shown(mixed, "1.23", limit) == ["1.230 KWD", "1.23 USD"]
    assert as_shown(mixed, "1.234", limit) == ["1.234 KWD"]
    assert as_shown(mixed, "10", limit) == ["10.00 CNY"]
    assert as_shown(mixed, "1.2345", limit) == []


@pytest.mark.parametrize("text", ["1.00 RMB", "one", "1.23456", "0", "-1", "1,00", "12,34.56"])
def test_what_is_no_amount_as_it_is_displayed_is_refused(mixed: Kept, text: str) -> None:
    answer = mixed.client.get("/v1/search", params={"amount_shown": text})
    said = refused(answer, 400, "bad-parameter")
    assert "is not an amount as it is displayed, such as 1,234.50 or 1,000 JPY" in said


def test_awaited_amounts_are_compared_as_they_are_displayed(mixed: Kept) -> None:
    def reached(text: str) -> set[str]:
        rows = mixed.get("/v1/expectations", min_amount_shown=text)["expectations"]
        return {money(each["amount"], each["currency"]) for each in rows}

    assert reached("1000") == {money(a, c) for a, c in MIXED if money(a, c).startswith("1,000")}
    assert reached("1.234 KWD") == {"1.234 KWD", "1,000.000 KWD"}
    assert reached("1001") == set()


@pytest.mark.parametrize("limit", [1, 2, 4, 100])
def test_a_payment_with_a_leg_that_is_due_nothing_is_found_once(uneven: Kept, limit: int) -> None:
    found = pages(uneven, "/v1/search", "payments", receiver="shop", limit=limit)
    names = [each["payment"] for page in found for each in page]
    assert sorted(names) == [f"Z{number}" for number in range(1, 6)]


def test_a_found_payment_says_its_state(kept: Kept) -> None:
    rows = kept.get("/v1/search", payment="P")["payments"]
    states = {row["payment"]: row["state"] for row in rows}
    assert states["P1"] == "disputed"
    assert states["P6"] == "split"
    assert states["P4"] == "instructed"
    assert "captured_at" not in next(row for row in rows if row["payment"] == "P4")


def test_a_search_that_ends_before_it_begins_is_refused(kept: Kept) -> None:
    path = "/v1/search?from=2026-03-02&to=2026-03-01"
    detail = refused(kept.client.get(path), 400, "bad-parameter")
    assert "2026-03-02 is after `to`, 2026-03-01" in detail


@pytest.mark.parametrize(
    "query", ["order=a&payment=b", "amount=1&receiver=shop", "from=2026-13-01"]
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
