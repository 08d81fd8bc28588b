"""What is disputed shows so wherever it is shown, and disputes are a list of their own."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from sqlalchemy import event

from cli import main
from ledger.contracts.disputes import SUBJECTS
from tests.api.queries_kit import Kept, month, pages, refused
from tests.ledger import fee_kit, refund_kit

FEE_AGREEMENT, PROFIT_AGREEMENT = "A1", "S1"
ABOUT = {
    "payout": "payout:O3",
    "refund": "refund:R2",
    "receiver": "receiver:shop",
    "float": "float:M1",
    "invoice": "invoice:I1",
    "share": f"share:{fee_kit.share_of()['share']}",
    "payment": "payment:P6",
    "fee-agreement": f"fee-agreement:{FEE_AGREEMENT}",
    "profit-agreement": f"profit-agreement:{PROFIT_AGREEMENT}",
}

_numbers = count(1)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    made = month(tmp_path_factory.mktemp("disputes"))
    yield made
    made.close()


@pytest.fixture
def dispute(kept: Kept, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the id of a dispute about a subject of a kind that is open during a test."""
    name = f"X{next(_numbers)}"
    refund_kit.dispute(kept, name, ABOUT[request.param])
    yield name
    kept.apply("institution", "dispute.resolved", **refund_kit.answer_of("upheld", name))


def found(kept: Kept, path: str, items: str, key: str, name: str) -> dict[str, Any]:
    shown = kept.client.get(path).json()[items]
    (row,) = [each for each in shown if each[key] == name]
    return dict(row)


def states(kept: Kept, kind: str) -> dict[str, str]:
    """Return the state of the subject of a kind in every view that shows it."""
    views = {
        "payout": lambda: {
            "list": found(kept, "/v1/payouts", "payouts", "payout", "O3")["state"],
            "one": kept.get("/v1/payouts/O3")["state"],
            "payment": found(kept, "/v1/payments/P1", "payouts", "payout", "O3")["state"],
        },
        "refund": lambda: {
            "list": found(kept, "/v1/refunds", "refunds", "refund", "R2")["state"],
            "payment": found(kept, "/v1/payments/P1", "refunds", "refund", "R2")["state"],
        },
        "receiver": lambda: {
            "one": kept.get("/v1/receivers/shop")["state"],
            "its dues": kept.get("/v1/receivers/shop")["due"][0]["receiver_state"],
            "due": found(
                kept, "/v1/payouts/due?on=2026-01-07", "due", "receiver", "shop"
            )["receiver_state"],
        },
        "float": lambda: {
            "list": found(
                kept, "/v1/refund-float/movements", "movements", "movement", "M1"
            )["state"],
        },
        "invoice": lambda: {"list": found(kept, "/v1/fees", "periods", "invoice", "I1")["state"]},
        "share": lambda: {"list": found(kept, "/v1/fees", "periods", "invoice", "I1")["state"]},
        "fee-agreement": lambda: {
            "list": found(
                kept, "/v1/fee-agreements", "agreements", "agreement", FEE_AGREEMENT
            )["state"],
        },
        "profit-agreement": lambda: {
            "list": found(
                kept, "/v1/profit-agreements", "agreements", "agreement", PROFIT_AGREEMENT
            )["state"],
        },
        "payment": lambda: {
            "one": kept.get("/v1/payments/P6")["state"],
            "search": found(kept, "/v1/search?payment=P6", "payments", "payment", "P6")["state"],
        },
    }  # fmt: skip
    return views[kind]()


def test_every_kind_of_subject_is_looked_at() -> None:
    elsewhere = {"loan", "compensation"}  # in test_one_loan, by those who lend
    assert {*ABOUT} | elsewhere == {*SUBJECTS}


@pytest.mark.parametrize(
    ("dispute", "kind"), [(kind, kind) for kind in ABOUT], indirect=["dispute"]
)
def test_every_view_of_what_is_disputed_says_so(kept: Kept, dispute: str, kind: str) -> None:
    shown = states(kept, kind)
    assert set(shown.values()) == {"disputed"}, shown


@pytest.mark.parametrize("kind", ABOUT)
def test_what_was_disputed_shows_its_own_state_again(kept: Kept, kind: str) -> None:
    shown = states(kept, kind)
    assert "disputed" not in shown.values(), shown


@pytest.mark.parametrize("dispute", ["payout"], indirect=True)
def test_a_filter_by_state_means_the_state_that_is_stored(kept: Kept, dispute: str) -> None:
    paid = kept.get("/v1/payouts", state="paid")["payouts"]
    assert [(row["payout"], row["state"]) for row in paid] == [("O3", "disputed"), ("O4", "paid")]


@pytest.mark.parametrize("dispute", ["receiver"], indirect=True)
def test_a_receiver_shows_its_disputes_and_who_said_what(kept: Kept, dispute: str) -> None:
    view = kept.get("/v1/receivers/shop")
    assert view["disputes"][-1]["dispute"] == dispute
    assert f"dispute:{dispute}" in {each["subject"] for each in view["timeline"]}


@pytest.mark.parametrize(
    "path", ["/v1/payouts", "/v1/refunds", "/v1/refund-float/movements", "/v1/disputes"]
)
def test_a_page_of_many_costs_as_many_queries_as_a_page_of_one(kept: Kept, path: str) -> None:
    def queries(limit: int) -> int:
        said: list[str] = []

        def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            said.append(statement)

        event.listen(kept.store.engine, "before_cursor_execute", note)
        kept.get(path, limit=limit)
        event.remove(kept.store.engine, "before_cursor_execute", note)
        return len(said)

    assert queries(1) == queries(1000)


# -- the list -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dispute", ["refund"], indirect=True)
def test_disputes_are_listed_by_id_and_filtered(kept: Kept, dispute: str) -> None:
    def names(**query: str) -> list[str]:
        return [each["dispute"] for each in kept.get("/v1/disputes", **query)["disputes"]]

    everything = names()
    assert {"D1", "D2", dispute} <= set(everything)
    assert everything == sorted(everything)
    assert [row[0]["dispute"] for row in pages(kept, "/v1/disputes", "disputes", limit=1)] == (
        everything
    )
    assert names(state="open") == ["D1", dispute]
    assert names(state="open", against="institution") == ["D1", dispute]
    assert names(state="open", against="auditor") == []
    assert names(state="open", raiser="platform") == ["D1", dispute]
    assert names(raiser="institution") == []
    (row,) = [each for each in kept.get("/v1/disputes")["disputes"] if each["dispute"] == "D1"]
    assert (row["subject"], row["leg"], row["state"]) == ("payment:P1", 2, "open")


def test_disputes_are_had_as_csv(kept: Kept) -> None:
    text = kept.client.get("/v1/disputes?format=csv").text
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["dispute"] for row in rows][:2] == ["D1", "D2"]


def test_a_filter_of_disputes_that_names_nobody_is_refused(kept: Kept) -> None:
    for name in ("against", "raiser"):
        refused(kept.client.get(f"/v1/disputes?{name}=bank"), 404, "no-such-party")
    refused(kept.client.get("/v1/disputes?state=paid"), 400, "bad-parameter")


def test_disputes_are_shown_by_a_command(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--url", kept.server.url, "--token", kept.token]
    assert main.run(["disputes", "--state", "open", *where]) == 0
    out = capsys.readouterr().out
    for words in ("D1", "payment:P1/leg:2", "open", "platform", "institution"):
        assert words in out
    assert "D2" not in out
    assert max(map(len, out.splitlines())) <= 80
    assert main.run(["disputes", "--against", "funder", *where]) == 0
    assert capsys.readouterr().out == "no disputes\n"
    assert main.run(["disputes", "--raiser", "bank", *where]) == 2
    assert capsys.readouterr().err.startswith("error: no-such-party: ")
    assert main.run(["disputes", "--against", "", *where]) == 2
