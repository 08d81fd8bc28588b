"""``tongzhang expectations``: over pages and states up to the limit, within 80 columns."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from cli import expectations
from cli.client import Client
from ledger.expectations import KINDS
from tests.cli.cli_kit import run
from views.expectations import EXPECTATIONS

STATES = next(each.words for each in EXPECTATIONS.filters if each.name == "state")


def awaited_by(state: str, count: int) -> list[dict[str, Any]]:
    return [
        {
            "kind": "payout-result",
            "subject": f"payment:pay-20260302-{number:06}",
            "awaited": "institution",
            "amount": 123_456_789,
            "currency": "CNY",
            "opened_at": 1_772_413_200_000,
            "due_at": 1_772_416_800_000,
            "state": state,
        }
        for number in range(count)
    ]


class Pages:
    """Answers as a node does: one expectation a page, and empty pages that have a next."""

    def __init__(self) -> None:
        self.held = {"overdue": awaited_by("overdue", 2), "open": awaited_by("open", 3)}
        self.asked: list[httpx.QueryParams] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/calendar":
            return httpx.Response(200, json={"utc_offset_minutes": 480})
        query = request.url.params
        self.asked.append(query)
        held = self.held.get(query["state"], [])
        at, empty = divmod(int(query.get("cursor", 1)), 2)
        page: dict[str, Any] = {"as_of": 7, "expectations": [] if empty else held[at : at + 1]}
        if at + (not empty) < len(held):
            page["next"] = str(2 * at + 2 if not empty else 2 * at)
        return httpx.Response(200, json=page)


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Pages:
    answers = Pages()
    client = Client("http://127.0.0.1:1", "")
    client._http = httpx.Client(
        base_url="http://127.0.0.1:1", transport=httpx.MockTransport(answers)
    )
    monkeypatch.setattr("cli.connection.connect", lambda *_: client)
    return answers


def test_expectations_go_on_over_pages_and_states_up_to_the_limit(
    pages: Pages, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("expectations", "--json") == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["expectations"] == pages.held["overdue"] + pages.held["open"]
    assert (whole["as_of"], whole["more"]) == (7, False)
    assert {query.get("as_of") for query in pages.asked[1:]} == {"7"}
    for limit, more in ((2, True), (4, True), (5, False)):
        assert run("expectations", "--json", "--limit", limit) == 0
        shown = capsys.readouterr()
        page = json.loads(shown.out)
        assert (len(page["expectations"]), page["more"]) == (limit, more)
        assert ("raise --limit" in shown.err) is more


def test_expectations_of_one_state_and_party_fit_80_columns(
    pages: Pages, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run("expectations", "--state", "open", "--awaited", "institution") == 0
    shown = capsys.readouterr().out
    assert {(query["state"], query["awaited"]) for query in pages.asked} == {
        ("open", "institution")
    }
    assert max(map(len, shown.splitlines())) <= 80
    for words in ("payout-result", "payment:pay-20260302-000002", "1,234,567.89 CNY", "09:00:00"):
        assert words in shown
    assert run("expectations", "--state", "met") == 0
    assert capsys.readouterr().out == "nothing is awaited\n"
    states = set(STATES)
    assert states - set(expectations.UNMET) == {"met", "unmet"}
    capsys.readouterr()
    assert run("expectations", "--state", "open", "--utc") == 0
    assert "01:00:00" in capsys.readouterr().out


def test_unmet_is_what_is_shown_anyway(pages: Pages, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("expectations") == 0
    whole = capsys.readouterr().out
    assert run("expectations", "--state", "unmet") == 0
    assert capsys.readouterr().out == whole


def test_help_names_every_kind_and_state(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("expectations", "--help") == 0
    words = set(re.findall(r"[a-z-]+", re.sub(r"-\n +", "-", capsys.readouterr().out)))
    assert words >= {*KINDS, *STATES}
