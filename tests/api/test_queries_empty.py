"""An empty parameter is refused: a script whose variable is not set would be shown everything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cli import main
from tests.api.queries_kit import Kept, month_on, refused

NEEDED = {
    "/v1/fees/charges": {"period": "2026-01"},
    "/v1/books/statement": {"account": "reserve", "currency": "CNY"},
    "/v1/proofs/inclusion": {"index": "1"},
    "/v1/proofs/consistency": {"old": "1"},
    "/v1/search": {"payment": "P1"},
}

kept = month_on()


def parameters(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield every address without a part to fill in, and each of its query parameters."""
    for path, operations in document["paths"].items():
        for each in operations.get("get", {}).get("parameters", ()):
            if each["in"] == "query" and "{" not in path:
                yield path, each["name"]


def test_every_empty_parameter_is_refused_by_its_name(kept: Kept) -> None:
    found = list(parameters(kept.client.get("/openapi.json").json()))
    assert len({path for path, _ in found}) > 15
    for path, name in found:
        asked = {**NEEDED.get(path, {}), name: ""}
        detail = refused(kept.client.get(path, params=asked), 400, "bad-parameter")
        assert detail == f"query.{name} is empty; give it a value, or leave it out", path


def test_no_parameter_is_described_as_one_that_may_be_empty(kept: Kept) -> None:
    document = kept.client.get("/openapi.json").json()
    for operations in document["paths"].values():
        for each in operations.get("get", {}).get("parameters", ()):
            assert each["schema"].get("default") != "", each
            assert "''" not in str(each["schema"]), each


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("payouts --receiver", "bad-parameter: query.receiver is empty"),
        ("payouts --due", "bad-date: "),
        ("payouts --due today --receiver", "bad-parameter: query.receiver is empty"),
        ("refunds --payment", "bad-parameter: query.payment is empty"),
        ("expectations --awaited", "bad-parameter: query.awaited is empty"),
        ("expectations --opener", "bad-parameter: query.opener is empty"),
        ("expectations --kind", "bad-parameter: query.kind is empty"),
        ("expectations --summary --kind", "bad-parameter: query.kind is empty"),
        ("expectations --min-age", "bad-age: "),
        ("expectations --min-amount", "bad-amount: "),
        ("fees --period", "bad-month: "),
        ("search --order", "bad-parameter: query.order is empty"),
        ("search --payment", "bad-parameter: query.payment is empty"),
        ("search --receiver", "bad-parameter: query.receiver is empty"),
        ("search --amount", "bad-amount: "),
        ("search --payment P --from", "bad-date: "),
        ("search --payment P --to", "bad-date: "),
        ("search --loan", "bad-parameter: query.loan is empty"),
        ("loans --funder", "bad-parameter: query.funder is empty"),
        ("loans --as-of", "bad-date: "),
        ("loan L1 --as-of", "bad-date: "),
        ("loan allocate L1 --amount", "bad-amount: "),
        ("loan allocate L1 --amount 1.00 --date", "bad-date: "),
        ("repayments --loan", "bad-parameter: query.loan is empty"),
        ("compensations --due --as-of", "bad-date: "),
        ("export books --party", "bad-parameter: query.party is empty"),
        ("export books --as-of", "bad-place: "),
    ],
)
def test_an_empty_option_is_refused(
    kept: Kept, line: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--url", kept.server.url, "--token", kept.token]
    assert main.run([*line.split(), "", *where]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"error: {code}"), said.err
    assert said.out == ""


def test_every_number_is_written_in_digits_alone(kept: Kept) -> None:
    document = kept.client.get("/openapi.json").json()
    numbers = [
        (path.replace("{loan}", "L1"), each["name"])
        for path, operations in document["paths"].items()
        for each in operations.get("get", {}).get("parameters", ())
        if each["in"] == "query"
        and "integer" in str(each["schema"])
        and "{" not in path.replace("{loan}", "")
    ]
    assert ("/v1/loans/L1/allocation", "amount") in numbers
    for path, name in numbers:
        for text in ("305.00", "3_0", "+3", " 3"):
            asked = {**NEEDED.get(path, {}), name: text}
            detail = refused(kept.client.get(path, params=asked), 400, "bad-parameter")
            assert detail == f"query.{name}: {text!r} is not a whole number", path
