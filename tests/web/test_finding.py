"""One box that finds: exactly, by how it begins, or nothing; and the page of any subject."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import urlencode

import pytest
from msgspec.structs import replace

from api.subjects import subject_shown
from tests.api.queries_kit import refused
from tests.web.hostile_kit import HOSTILE, Hostile, hostile_month
from tests.web.walk_kit import Walk
from views.labels import Label
from views.subjects import SubjectView
from views.view import ViewStruct

HTML = {"accept": "text/html"}
PLACES = {
    "P2": "/payments/P2",
    "order-P2": "/payments/P2",
    "O3": "/payouts/O3",
    "shop": "/receivers/shop",
    "R2": "/about/refund:R2",
    "D2": "/about/dispute:D2",
    "dispute:D2": "/about/dispute:D2",
    "A9": "/about/fee-agreement:A9",
    "S1": "/about/profit-agreement:S1",
    "I1": "/about/invoice:I1",
    "M9": "/about/float:M9",
    "reserve": "/balances?prefix=reserve",
    "r3": "/chain/entries/2",
    "#2": "/chain/entries/2",
    " P2 ": "/payments/P2",
}
"""Where one leads to whom something has exactly this name."""


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    made = hostile_month(tmp_path_factory.mktemp("month"))
    yield made
    made.close()


@pytest.mark.parametrize("query", PLACES)
def test_one_thing_of_a_name_is_gone_to_at_once(ledger: Hostile, query: str) -> None:
    answer = ledger.client.get("/find", params={"q": query}, headers=HTML)
    assert (answer.status_code, answer.headers.get("location")) == (303, PLACES[query])


def test_a_number_is_an_entry_and_a_block(ledger: Hostile) -> None:
    found = ledger.get("/v1/find", q="5")
    assert [(each["kind"], each["name"]) for each in found["candidates"]] == [
        ("entry", "5"),
        ("block", "5"),
    ]
    page = ledger.client.get("/find", params={"q": "5"}, headers=HTML)
    assert 'href="/chain/entries/5"' in page.text and 'href="/chain/blocks/5"' in page.text


def test_an_amount_leads_to_its_payments(ledger: Hostile) -> None:
    amount = ledger.get("/v1/payments/P2")["capture"]["amount"]
    query = f"{amount // 100:,}.{amount % 100:02}"
    answer = ledger.client.get("/find", params={"q": query}, headers=HTML)
    assert (
        answer.headers["location"] == f"/payments?{urlencode({'by': 'amount_shown', 'q': query})}"
    )
    page = Walk(ledger.client).page(answer.headers["location"])
    assert page is not None and 'href="/payments/P2"' in page.source


def test_several_things_of_one_name_are_shown_with_their_kinds(ledger: Hostile) -> None:
    found = ledger.get("/v1/find", q="D1")
    assert {each["kind"] for each in found["candidates"]} == {"dispute", "share"}
    assert found["exact"]


def test_what_begins_so_is_shown_where_nothing_is_called_so(ledger: Hostile) -> None:
    found = ledger.get("/v1/find", q="P")
    assert not found["exact"]
    kinds = {each["kind"] for each in found["candidates"]}
    assert "payment" in kinds
    names = [each["name"] for each in found["candidates"] if each["kind"] == "payment"]
    assert names == [f"P{number}" for number in (1, 2, 21, 3, 4, 5, 6, 7)]
    orders = ledger.get("/v1/find", q="order-P")["candidates"]
    assert {each["kind"] for each in orders} == {"order"}


def test_an_order_of_several_payments_leads_to_their_list(ledger: Hostile) -> None:
    ledger.capture("Q1", order="together")
    ledger.capture("Q2", order="together")
    answer = ledger.client.get("/find", params={"q": "together"}, headers=HTML)
    assert answer.headers["location"] == "/search?order=together"


@pytest.mark.parametrize(
    "query", [*HOSTILE, "9" * 100, "0" * 30 + "9" * 30, "-1", "1.5", "no such thing", "²"]
)
def test_nothing_found_says_so_and_what_was_looked_for(ledger: Hostile, query: str) -> None:
    query = query[:128]
    page = Walk(ledger.client).page(f"/find?{urlencode({'q': query})}")
    assert page is not None and page.status == 200
    assert "Nothing is called" in page.text
    assert "Looked for: payments" in page.text
    assert not ledger.get("/v1/find", q=query)["candidates"]


def test_a_query_that_is_too_long_is_refused(ledger: Hostile) -> None:
    refused(ledger.client.get("/v1/find", params={"q": "x" * 129}), 400, "bad-parameter")


def test_a_dispute_has_a_page_with_its_answer_and_its_entries(ledger: Hostile) -> None:
    view = ledger.get("/v1/about/dispute:D2")
    assert (view["kind"], view["name"], view["item"]["state"]) == ("dispute", "D2", "upheld")
    assert [each["type"] for each in view["timeline"]] == ["dispute.raised", "dispute.resolved"]
    assert [each["kind"] for each in view["expectations"]] == ["dispute"]
    page = Walk(ledger.client).page("/about/dispute:D2")
    assert page is not None
    assert 'href="/payouts/O3"' in page.source
    for entry in view["timeline"]:
        assert f'href="/chain/entries/{entry["index"]}"' in page.source


class Stateless(ViewStruct, frozen=True, kw_only=True):
    """What a list of another business may show: nothing called a state."""

    parcel: Annotated[str, Label("parcel", "包裹")]


def test_what_has_no_state_has_a_page(ledger: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_state(*asked: Any) -> SubjectView:
        return replace(subject_shown(*asked), item=Stateless(parcel="D2"))

    monkeypatch.setattr("web.pages.subjects.subject_shown", without_state)
    page = Walk(ledger.client).page("/about/dispute:D2")
    assert page is not None
    assert page.status == 200


def test_an_agreement_has_a_page_with_who_has_yet_to_accept_it(ledger: Hostile) -> None:
    view = ledger.get("/v1/about/fee-agreement:A9")
    assert (view["item"]["state"], view["item"]["accepted_by"]) == ("in-force", ["platform"])
    profit = ledger.get("/v1/about/profit-agreement:S1")
    assert {each["subject"] for each in profit["expectations"]} >= {"profit-agreement:S1/platform"}
    assert {each["party"] for each in profit["item"]["terms"]} >= {"platform", "funder"}


def test_a_refund_that_is_disputed_is_shown_as_that(ledger: Hostile) -> None:
    ledger.apply(
        "platform", "dispute.raised",
        dispute="D7", subject="refund:R2", against="institution", reason="",
    )  # fmt: skip
    view = ledger.get("/v1/about/refund:R2")
    assert view["item"]["state"] == "disputed"
    assert [each["dispute"] for each in view["disputes"]] == ["D7"]


@pytest.mark.parametrize(
    "subject", ["dispute:nothing", "nothing", "nothing:D1", "dispute:", "a/b:c"]
)
def test_what_no_record_is_about_is_not_there(ledger: Hostile, subject: str) -> None:
    refused(ledger.client.get(f"/v1/about/{subject}"), 404, "no-such-subject")
    page = ledger.client.get(f"/about/{subject}", headers=HTML)
    assert page.status_code == 404 and "no-such-subject" in page.text
