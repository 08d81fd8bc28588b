"""Forms, parameters and cursors of all lists."""

from __future__ import annotations

import csv
import io

import httpx
import pytest

from api.lists import csv_text
from tests.api.queries_kit import DATABASES, Kept, month_on, refused

kept = month_on(DATABASES)


LISTS = {
    "/v1/payouts": "payouts",
    "/v1/payouts/due?on=2026-01-07": "due",
    "/v1/receivers/shop/statement": "lines",
    "/v1/refunds": "refunds",
    "/v1/refund-float": "floats",
    "/v1/refund-float/movements": "movements",
    "/v1/disputes": "disputes",
    "/v1/fees": "periods",
    "/v1/fees/charges?period=2026-01": "charges",
    "/v1/fee-agreements?on=2026-03-01": "agreements",
    "/v1/profit-agreements?on=2026-03-01": "agreements",
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
    from views.refunds import RefundView

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
        "/v1/fee-agreements?state=agreed",
        "/v1/fee-agreements?currency=cny",
        "/v1/fee-agreements?holds=perhaps",
        "/v1/profit-agreements?on=2026-02-30",
        "/v1/profit-agreements?channel=wechat",
        "/v1/search?amount=0",
        "/v1/search?payment=%3D",
    ],
)
def test_a_bad_parameter_is_a_problem(kept: Kept, path: str) -> None:
    refused(kept.client.get(path), 400, "bad-parameter")


@pytest.mark.parametrize("path", LISTS)
def test_a_parameter_given_twice_is_refused_by_its_name(kept: Kept, path: str) -> None:
    mark = "&" if "?" in path else "?"
    for second in ("format=csv", "format=json"):
        answer = kept.client.get(f"{path}{mark}format=json&{second}")
        assert "'format'" in refused(answer, 400, "repeated-parameter")


def test_a_statement_of_nobody_is_a_problem(kept: Kept) -> None:
    refused(kept.client.get("/v1/receivers/nobody/statement"), 404, "no-such-receiver")


def test_the_questions_need_a_token_that_may_read(kept: Kept) -> None:
    bare = httpx.Client(base_url=kept.server.url)
    for path in LISTS:
        assert bare.get(path).json()["code"] == "no-token"
    bare.close()
