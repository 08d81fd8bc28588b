"""A cursor goes on with the very list that made it, and with no other."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import msgspec
import pytest

from api.paging import mark_of
from tests.api.queries_kit import Kept, month_on

MADE = {
    "payouts": "/v1/payouts?limit=1",
    "payouts of a receiver": "/v1/payouts?receiver=shop&limit=1",
    "payouts in a state": "/v1/payouts?state=returned&limit=1",
    "due": "/v1/payouts/due?on=2026-01-07&limit=1",
    "statement": "/v1/receivers/shop/statement?limit=1",
    "refunds": "/v1/refunds?limit=1",
    "movements": "/v1/refund-float/movements?limit=1",
    "disputes": "/v1/disputes?limit=1",
    "charges": "/v1/fees/charges?period=2026-01&limit=1",
    "expectations": "/v1/expectations?limit=1",
    "search": "/v1/search?payment=P&limit=1",
    "balances": "/v1/balances?limit=1",
    "accounts": "/v1/books/accounts?limit=1",
    "account": "/v1/books/statement?account=reserve&currency=CNY&limit=1",
}
ASKED = {
    **MADE,
    "other date": "/v1/payouts/due?on=2026-01-06&limit=1",
    "other receiver": "/v1/receivers/platform-fee/statement?limit=1",
    "other kind": "/v1/refund-float/movements?kind=deposit&limit=1",
    "other disputes": "/v1/disputes?against=institution&limit=1",
    "other month": "/v1/fees/charges?period=2026-02&limit=1",
    "other party": "/v1/expectations?awaited=platform&limit=1",
    "other prefix": "/v1/search?payment=P1&limit=1",
    "other accounts": "/v1/balances?prefix=pending&limit=1",
    "other book": "/v1/books/accounts?party=platform&limit=1",
    "other account": "/v1/books/statement?account=pending:shop&currency=CNY&limit=1",
    "fees": "/v1/fees?limit=1",
}


kept = month_on()


@pytest.fixture(scope="module")
def cursors(kept: Kept) -> dict[str, str]:
    """Give a cursor of every list that has two pages."""
    found = {name: kept.client.get(path).json().get("next", "") for name, path in MADE.items()}
    del found["charges"]  # there is one charge
    assert all(found.values())
    return found


@pytest.mark.parametrize("asked", ASKED)
def test_a_cursor_of_another_list_is_refused(
    kept: Kept, cursors: dict[str, str], asked: str
) -> None:
    for made, cursor in cursors.items():
        answer = kept.client.get(f"{ASKED[asked]}&cursor={cursor}")
        if made == asked:
            assert answer.status_code == 200, answer.text
            continue
        assert (answer.status_code, answer.json().get("code")) == (400, "bad-parameter"), made
        assert "this list" in answer.json()["detail"]


def test_the_length_form_and_time_of_pages_may_change_along_the_way(
    kept: Kept, cursors: dict[str, str]
) -> None:
    for path, name in (
        ("/v1/payouts?limit=7&format=csv", "payouts"),
        ("/v1/expectations?as_of=1770000000000", "expectations"),
        ("/v1/books/accounts?as_of=9", "accounts"),
    ):
        assert kept.client.get(f"{path}&cursor={cursors[name]}").status_code == 200


def test_the_pages_after_the_first_may_name_the_date_that_it_was_judged_by(kept: Kept) -> None:
    path = "/v1/payouts/due?limit=1"
    first = kept.client.get(path).json()
    answer = kept.client.get(f"{path}&on={first['on']}&cursor={first['next']}")
    assert (answer.status_code, answer.json()["on"]) == (200, first["on"])


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/v1/payouts", [1]),
        ("/v1/payouts", ["a", "b"]),
        ("/v1/receivers/shop/statement", [1, 2]),
        ("/v1/receivers/shop/statement", [2**53, 1, 1, 1, 1]),
        ("/v1/search?payment=P", []),
        ("/v1/expectations", ["a"]),
        ("/v1/balances", ["a", 1]),
        ("/v1/books/statement?account=reserve&currency=CNY", ["a", "b"]),
    ],
)
def test_a_cursor_of_the_right_list_with_a_place_of_another_shape_is_refused(
    kept: Kept, path: str, place: list[object]
) -> None:
    address, _, query = path.partition("?")
    filters = [(name, value) for name, _, value in (x.partition("=") for x in query.split("&"))]
    raw = mark_of(address, filters) + msgspec.json.encode(place)
    cursor = urlsafe_b64encode(raw).decode().rstrip("=")
    answer = kept.client.get(
        path, params={**dict(filters), "cursor": cursor} if query else {"cursor": cursor}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-parameter")
