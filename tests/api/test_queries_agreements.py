"""Agreements are listed: what was offered, who accepted what, what holds and what replaces what."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from cli import main
from ledger.contracts.allocation import MILLION
from tests.api.queries_kit import DATABASES, Kept, pages, refused
from tests.ledger.fee_kit import agree, closing, consent, consented, parts, plan, terms

Capture = pytest.CaptureFixture[str]

FEES, PROFITS = "/v1/fee-agreements", "/v1/profit-agreements"
HALVES = parts(institution=500_000, platform=500_000, funder=0)


@pytest.fixture(scope="module", params=DATABASES)
def kept(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Kept]:
    """Give a ledger on which A2 replaces A1 and S2 replaces S1, beside offers in every state."""
    made = Kept(tmp_path_factory.mktemp("agreements"), request.param)
    _fees(made)
    _profits(made)
    yield made
    made.close()


def _fees(kept: Kept) -> None:
    agree(kept)
    agree(kept, "A2", effective_from="2026-02-01", rate_ppm=3800, minimum=10, maximum=5_000)
    agree(kept, "W1", channel="wechat", rate_ppm=5000)
    agree(kept, "U1", currency="USD")
    for name in ("A3", "A4", "A5", "A6"):
        kept.apply("institution", "fee.agreed", **terms(name, effective_from="2026-03-01"))
    wrong = terms("A4", effective_from="2026-03-01", rate_ppm=5000)
    kept.apply("platform", "fee.accepted", **wrong)
    kept.apply("institution", "offer.closed", **closing("A5"))
    kept.apply("platform", "offer.closed", **closing("A6", reason="too dear"))


def _profits(kept: Kept) -> None:
    consented(kept)
    for name in ("S2", "S3"):
        offer = plan(name, effective_from="2026-02", recipients=HALVES)
        kept.apply("institution", "profit.agreed", **offer)
    for name, platform in (("S2", 500_000), ("S3", 400_000)):
        said = consent(name, platform, effective_from="2026-02")
        kept.apply("platform", "profit.accepted", **said)
    kept.apply("funder", "profit.accepted", **consent("S2", 0, effective_from="2026-02"))


def by_id(kept: Kept, path: str, **query: Any) -> dict[str, dict[str, Any]]:
    return {each["agreement"]: each for each in kept.get(path, **query)["agreements"]}


def test_an_agreement_in_force_shows_its_terms_and_what_replaces_it(kept: Kept) -> None:
    found = by_id(kept, FEES, on="2026-01-31")
    first, second = found["A1"], found["A2"]
    assert first == {
        "agreement": "A1",
        "currency": "CNY",
        "effective_from": "2026-01-01",
        "state": "in-force",
        "holds": True,
        "accepted_by": ["platform"],
        "awaiting": [],
        "entry": 0,
        "accepted_entry": 1,
        "replaced_by": "A2",
        "replaced_from": "2026-02-01",
        "rate_ppm": 6000,
    }
    assert (second["holds"], second["replaces"], "replaced_by" in second) == (False, "A1", False)
    assert (second["rate_ppm"], second["minimum"], second["maximum"]) == (3800, 10, 5_000)
    assert found["W1"]["channel"] == "wechat"


@pytest.mark.parametrize(
    ("on", "holding"),
    [
        ("2025-12-31", set()),
        ("2026-01-01", {"A1", "U1", "W1"}),
        ("2026-01-31", {"A1", "U1", "W1"}),
        ("2026-02-01", {"A2", "U1", "W1"}),
        (None, {"A2", "U1", "W1"}),
    ],
)
def test_one_agreement_holds_for_a_matter_on_a_date(
    kept: Kept, on: str | None, holding: set[str]
) -> None:
    asked = {} if on is None else {"on": on}
    assert by_id(kept, FEES, holds="true", **asked).keys() == holding
    others = by_id(kept, FEES, holds="false", **asked)
    assert others.keys() == by_id(kept, FEES).keys() - holding


def test_offers_show_who_is_asked_what_differs_and_why_they_are_closed(kept: Kept) -> None:
    found = by_id(kept, FEES)
    offered, conflicting = found["A3"], found["A4"]
    assert (offered["state"], offered["awaiting"], offered["accepted_by"]) == (
        "offered", ["platform"], [],
    )  # fmt: skip
    assert "accepted_entry" not in offered
    assert (conflicting["state"], conflicting["awaiting"]) == ("conflicting", ["platform"])
    assert conflicting["conflict"] == "rate_ppm: agreed 6000, accepted 5000"
    for name, state, why in (
        ("A5", "withdrawn", "offer withdrawn: not needed"),
        ("A6", "declined", "offer declined: too dear"),
    ):
        closed = found[name]
        assert (closed["state"], closed["closed_because"], closed["awaiting"]) == (state, why, [])
        assert not closed["holds"]


def test_a_profit_agreement_shows_every_part_and_whether_it_is_accepted(kept: Kept) -> None:
    found = by_id(kept, PROFITS, on="2026-02-28")
    first, second, third = found["S1"], found["S2"], found["S3"]
    assert (first["delay"], first["holds"]) == ("T+2", False)
    assert (first["replaced_by"], first["replaced_from"]) == ("S2", "2026-02")
    assert (second["holds"], second["replaces"]) == (True, "S1")
    assert second["accepted_by"] == ["platform", "funder"]
    assert [(each["party"], each["ppm"], each["accepted"]) for each in third["terms"]] == [
        ("institution", 500_000, True),
        ("platform", 500_000, False),
        ("funder", 0, False),
    ]
    assert (third["state"], third["awaiting"]) == ("conflicting", ["platform", "funder"])
    assert third["terms"][1]["conflict"] == "ppm: agreed 500000, accepted 400000"
    assert third["conflict"] == "platform: ppm: agreed 500000, accepted 400000"
    assert by_id(kept, PROFITS, holds="true", on="2026-01-31").keys() == {"S1"}
    assert sum(each["ppm"] for each in first["terms"]) == MILLION


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["A1", "A2", "A3", "A4", "A5", "A6", "U1", "W1"]),
        ({"state": "in-force"}, ["A1", "A2", "U1", "W1"]),
        ({"state": "in-force", "currency": "USD"}, ["U1"]),
        ({"state": "declined"}, ["A6"]),
        ({"currency": "EUR"}, []),
    ],
)
def test_agreements_are_listed_by_id_page_after_page(
    kept: Kept, query: dict[str, str], names: list[str]
) -> None:
    found = list(pages(kept, FEES, "agreements", limit=1, **query))
    assert [each["agreement"] for page in found for each in page] == names


def test_a_cursor_goes_on_with_its_list_on_any_date_and_with_no_other(kept: Kept) -> None:
    first = kept.get(FEES, limit=1)
    same = kept.get(FEES, limit=1, on="2026-01-01", cursor=first["next"])
    assert (same["on"], same["agreements"][0]["agreement"]) == ("2026-01-01", "A2")
    for path, query in ((PROFITS, {}), (FEES, {"state": "offered"})):
        answer = kept.client.get(path, params={**query, "cursor": first["next"]})
        refused(answer, 400, "bad-parameter")


def test_what_is_nested_is_json_in_csv(kept: Kept) -> None:
    text = kept.client.get(PROFITS, params={"format": "csv"}).text
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["agreement"] for row in rows] == ["S1", "S2", "S3"]
    assert json.loads(rows[2]["awaiting"]) == ["platform", "funder"]
    assert json.loads(rows[2]["terms"])[1]["party"] == "platform"
    assert (rows[0]["holds"], rows[1]["holds"]) == ("false", "true")


def test_agreements_need_a_token_that_may_read(kept: Kept) -> None:
    for path in (FEES, PROFITS):
        assert httpx.get(kept.server.url + path).json()["code"] == "no-token"


def test_the_agreement_that_a_refused_charge_is_told_of_is_the_one_that_holds(kept: Kept) -> None:
    kept.capture("P1", channel="alipay")
    (held,) = by_id(kept, FEES, holds="true", currency="CNY", on="2026-01-05").keys() - {"W1"}
    wrong = {"payment": "P1", "agreement": "fee", "amount": 60, "currency": "CNY"}
    refusal = kept.refuse("unknown-agreement", "institution", "fee.charged", **wrong)
    assert refusal.expected == held == "A1"


# --- the command --------------------------------------------------------------------------------


def run(kept: Kept, line: str) -> int:
    where = ("--url", kept.server.url, "--token", kept.token)
    return main.run(["agreements", *line.split(), *where])


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TONGZHANG_HOME", raising=False)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.usefixtures("narrow")
def test_the_command_shows_what_holds_and_what_is_awaited(kept: Kept, capsys: Capture) -> None:
    assert run(kept, "--on 2026-01-31") == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    rows = [" ".join(line.split()) for line in out.splitlines()]
    for words in (
        "A1 CNY 2026-01-01 0.6 % holds",
        "A1 replaced by A2 from 2026-02-01 on",
        "A2 CNY 2026-02-01 0.38 %, at least 0.10, at later",
        "A2 replaces A1",
        "W1 CNY wechat 2026-01-01 0.5 % holds",
        "A3 awaits platform",
        "A4 rate_ppm: agreed 6000, accepted 5000",
        "A6 offer declined: too dear",
        "S1 CNY 2026-01 T+2 holds",
        "S1 funder 20 % accepted",
        "S3 platform 50 % ppm: agreed 500000, accepted 400000",
        "S3 funder 0 % awaited",
        "S3 awaits platform, funder",
    ):
        assert words in rows, words
    assert run(kept, "--on 2026-02-01") == 0
    rows = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "A1 CNY 2026-01-01 0.6 % replaced" in rows
    assert "S1 CNY 2026-01 T+2 replaced" in rows


@pytest.mark.usefixtures("narrow")
def test_the_command_is_narrowed_and_speaks_json(kept: Kept, capsys: Capture) -> None:
    def names(line: str) -> dict[str, list[str]]:
        assert run(kept, f"{line} --json") == 0
        shown = json.loads(capsys.readouterr().out)
        kinds = [kind for kind in ("fee", "profit") if kind in shown]
        return {kind: [each["agreement"] for each in shown[kind]] for kind in kinds}

    assert names("--holds --on 2026-02-28") == {"fee": ["A2", "U1", "W1"], "profit": ["S2"]}
    assert names("--state declined") == {"fee": ["A6"], "profit": []}
    assert names("--kind profit --state conflicting") == {"profit": ["S3"]}
    assert names("--kind fee --limit 2") == {"fee": ["A1", "A2"]}


@pytest.mark.usefixtures("narrow")
def test_the_command_says_what_it_cannot_use_or_find(kept: Kept, capsys: Capture) -> None:
    assert run(kept, "--kind profit --state declined") == 0
    assert capsys.readouterr().out == "no agreements\n"
    assert run(kept, "--kind fee --limit 2") == 0
    assert "raise --limit" in capsys.readouterr().err
    for wrong, code in (
        ("--kind loan", "usage"),
        ("--state agreed", "usage"),
        ("--on 2026-02-30", "bad-date"),
    ):
        assert run(kept, wrong) == 2
        assert capsys.readouterr().err.startswith(f"error: {code}: ")
