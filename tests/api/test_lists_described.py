"""Lists over HTTP: how they are described, and what they cost."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from sqlalchemy import event

from tests.api.queries_kit import Kept, month, month_on

kept = month_on()


@pytest.fixture(scope="module")
def accrued(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A month of business after which another fee accrues."""
    from tests.ledger import fee_kit

    made = month(tmp_path_factory.mktemp("accrued"))
    fee_kit.charge(made, "P6")
    yield made
    made.close()


def test_what_a_month_lacks_is_an_empty_cell(accrued: Kept) -> None:
    """Of a month that is not shared the previous version answered nothing here, not ``[]``."""
    answer = accrued.client.get("/v1/fees?format=csv")
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    (month,) = [row for row in rows if row["state"] == "accrued"]
    assert month["portions"] == ""


def schemas(kept: Kept) -> dict[str, Any]:
    return dict(kept.client.get("/openapi.json").json()["components"]["schemas"])


@pytest.mark.parametrize(
    ("schema", "field"),
    [("RefundPage", "next"), ("RefundView", "paid_at"), ("DisputeView", "leg"),
     ("PayoutSummary", "confirmed_amount"), ("FeeAgreementView", "maximum")],
)  # fmt: skip
def test_a_field_that_is_left_out_is_not_described_as_having_a_value(
    kept: Kept, schema: str, field: str
) -> None:
    """A program that fills defaults in would read a maximum of 0, or go on after the last page."""
    assert "default" not in schemas(kept)[schema]["properties"][field]


@pytest.mark.parametrize("field", ["capture", "instruction", "fee"])
def test_what_is_never_null_is_not_described_as_null(kept: Kept, field: str) -> None:
    assert {"type": "null"} not in schemas(kept)["PaymentView"]["properties"][field].get(
        "anyOf", []
    )


def test_descriptions_are_of_http_and_not_of_the_command(kept: Kept) -> None:
    paths = kept.client.get("/openapi.json").json()["paths"]
    (period,) = [p for p in paths["/v1/fees"]["get"]["parameters"] if p["name"] == "period"]
    assert "with its charges" not in period["description"]
    assert "Tries" not in paths["/v1/refunds"]["get"]["description"]


OPERATIONS = {
    "/v1/search": "search_v1_search_get",
    "/v1/refund-float": "show_float_v1_refund_float_get",
    "/v1/fees": "list_periods_v1_fees_get",
    "/v1/expectations/summary": "sum_expectations_v1_expectations_summary_get",
    "/v1/payouts/{payout}/legs": "list_payout_legs_v1_payouts__payout__legs_get",
}


@pytest.mark.parametrize("path", OPERATIONS)
def test_operations_keep_their_names(kept: Kept, path: str) -> None:
    """A generated client calls them by these."""
    paths = kept.client.get("/openapi.json").json()["paths"]
    assert paths[path]["get"]["operationId"] == OPERATIONS[path]


def test_a_page_of_one_item_does_not_ask_for_two_rows_a_time(kept: Kept) -> None:
    """With ``limit=1`` a rare filter over 10,000 rows costs 5,000 statements, with 1,000 ten."""
    said: list[int] = []

    def note(_c: Any, _cursor: Any, _s: str, parameters: Any, *_: Any) -> None:
        said.append(len(said))

    event.listen(kept.store.engine, "before_cursor_execute", note)
    try:
        assert kept.client.get("/v1/search?payment=P&from=2030-01-01&limit=1").status_code == 200
        one = len(said)
        assert kept.client.get("/v1/search?payment=P&from=2030-01-01&limit=200").status_code == 200
        many = len(said) - one
    finally:
        event.remove(kept.store.engine, "before_cursor_execute", note)
    assert one <= 2 * many
