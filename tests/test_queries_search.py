"""Payments are found by what is known of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.calendar import Calendar
from tests.ledger_kit import leg
from tests.queries_kit import DATABASES, TUESDAY, Kept, month_on, pages, refused

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
