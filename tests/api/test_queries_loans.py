"""Lists of loans over HTTP: filters, the past, and what was known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.api.loans_kit import LOOKED_BACK, KeptLoans, portfolio, portfolio_on
from tests.api.queries_kit import pages, refused
from views import loans, overdue

kept = portfolio_on()
NOW = "2026-04-20"


def names(kept: KeptLoans, path: str, member: str = "loans", **query: Any) -> list[str]:
    found = kept.get(path, **query)[member]
    return [each.get("attempt") or each.get("compensation") or each["loan"] for each in found]


def test_loans_are_found_by_state_party_and_due_date(kept: KeptLoans) -> None:
    every = [f"L{number}" for number in range(1, 9)]
    assert names(kept, "/v1/loans", as_of=NOW) == every
    assert names(kept, "/v1/loans", state="active", as_of=NOW) == ["L1", "L2", "L8"]
    assert names(kept, "/v1/loans", state="proposed", funder="fund-b") == ["L4", "L7"]
    assert names(kept, "/v1/loans", funder="fund-a") == ["L1", "L2", "L3", "L8"]
    assert names(kept, "/v1/loans", funder="guarantor") == []
    assert names(kept, "/v1/loans", party="guarantor") == every
    assert names(kept, "/v1/loans", party="institution") == []
    march = {"due_from": "2026-03-01", "due_to": "2026-03-31"}
    assert names(kept, "/v1/loans", **march, as_of=NOW) == ["L1", "L2", "L8"]
    assert names(kept, "/v1/loans", due_from="2026-03-06", as_of=NOW) == []
    assert names(kept, "/v1/loans", due_to="2026-03-04", as_of=NOW) == []


def test_a_loan_as_of_a_date_stands_as_it_did(kept: KeptLoans) -> None:
    assert names(kept, "/v1/loans", state="settled", as_of="2026-02-09") == []
    assert names(kept, "/v1/loans", state="settled", as_of="2026-02-10") == ["L3"]
    april = kept.get("/v1/loans", as_of="2026-04-10")["loans"][0]
    assert (april["due_from"], april["days_past_due"], april["bucket"]) == ("2026-03-05", 36, "M2")
    before = kept.get("/v1/loans", as_of="2026-01-04")["loans"][0]
    assert (before["state"], before.get("disbursed")) in (("accepted", None), ("disputed", None))
    due = names(kept, "/v1/loans", due_from="2026-02-01", due_to="2026-02-28", as_of="2026-02-04")
    assert due == ["L1", "L2", "L3", "L8"]


@pytest.mark.parametrize("mark", ["withdrawn", "lent", "march", "compensated", "stated"])
@pytest.mark.parametrize("path", LOOKED_BACK)
def test_what_was_known_at_a_height_is_answered_as_it_was_then(
    kept: KeptLoans, mark: str, path: str
) -> None:
    then = kept.seen[mark][path]
    day = {"withdrawn": "2026-01-05", "lent": "2026-01-05", "march": "2026-03-14"}
    query = {"as_of": day.get(mark, "2026-04-10"), "height": kept.heights[mark]}
    now = kept.client.get(path, params=query).json()
    assert lasting(now) == lasting(then)


def lasting(answer: Any) -> Any:
    """Return what of an answer does not follow from later records or the clock."""
    if isinstance(answer, list):
        return [lasting(each) for each in answer]
    if not isinstance(answer, dict):
        return answer
    left = {"disputes", "expectations", "plan", "instance"}
    kept = {name: lasting(value) for name, value in answer.items() if name not in left}
    if kept.get("state") in {"disputed", "active", "stated"}:
        kept["state"] = "standing"
    return kept


def test_overdue_is_what_is_past_due_by_component_and_holder(kept: KeptLoans) -> None:
    found = {each["loan"]: each for each in kept.get("/v1/overdue", as_of=NOW)["loans"]}
    assert list(found) == ["L1", "L2", "L8"]
    for each in found.values():
        parts = sum(each[name] for name in ("principal", "interest", "fees", "penalty"))
        assert parts == each["amount"] == sum(held["amount"] for held in each["holders"])
        loan = kept.get(f"/v1/loans/{each['loan']}", as_of=NOW)
        late = [row for row in loan["schedule"] if row["state"] == "overdue"]
        assert each["amount"] == loan["overdue"] == sum(row["open"] for row in late)
        assert each["oldest_due"] == late[0]["due"]
    assert "guarantor" in [each["party"] for each in found["L1"]["holders"]]
    assert names(kept, "/v1/overdue", as_of=NOW, bucket="M1") == []
    assert names(kept, "/v1/overdue", as_of=NOW, bucket="M2", funder="fund-a") == list(found)
    assert names(kept, "/v1/overdue", as_of=NOW, funder="guarantor") == []
    assert names(kept, "/v1/overdue", as_of="2026-03-05") == []
    assert names(kept, "/v1/overdue", as_of="2026-03-06") == ["L1", "L2", "L8"]
    assert names(kept, "/v1/overdue", as_of="2026-02-06") == ["L3"]


def test_repayments_have_the_state_that_they_had(kept: KeptLoans) -> None:
    def states(**query: Any) -> dict[str, tuple[str, str | None]]:
        found = kept.get("/v1/repayments", **query)["repayments"]
        return {each["attempt"]: (each["state"], each.get("split")) for each in found}

    assert states(loan="L1", as_of=NOW) == {
        "L1-A1": ("succeeded", "split"),
        "L1-A2": ("failed", None),
        "L1-A3": ("succeeded", "split"),
        "L1-A4": ("reversed", "reversed"),
    }
    assert states(loan="L1", as_of="2026-03-14")["L1-A4"][0] == "succeeded"
    assert states(loan="L1", as_of=NOW, height=kept.heights["march"])["L1-A4"] == (
        "succeeded",
        "captured",
    )
    assert states(state="reversed", as_of="2026-03-14") == {}
    assert list(states(state="failed")) == ["L1-A2"]
    assert list(states(state="reversed")) == ["L1-A4"]
    assert states(loan="L2")["L2-A1"] == ("succeeded", "conflicting")
    march = states(**{"from": "2026-03-01", "to": "2026-03-31"})
    assert list(march) == ["L1-A2", "L1-A3", "L1-A4"]
    assert states(funder="guarantor") == {}


def test_a_repayments_components_and_what_is_overpaid_are_its_amount(kept: KeptLoans) -> None:
    for each in kept.get("/v1/repayments")["repayments"]:
        parts = sum(each[name] for name in ("principal", "interest", "fees", "penalty"))
        paid = 0 if each["state"] == "failed" else each["amount"]
        assert parts + each.get("overpaid", 0) == paid


def test_compensations_are_those_stated_and_those_due(kept: KeptLoans) -> None:
    path = "/v1/compensations"
    assert names(kept, path, "compensations", loan="L1") == ["C1"]
    assert names(kept, path, "compensations", state="conflicting") == ["C2"]
    assert names(kept, path, "compensations", guarantor="guarantor") == ["C1", "C2"]
    (due,) = kept.get(f"{path}/due", as_of=NOW)["due"]
    assert (due["loan"], due["instalments"], due["age_days"]) == ("L2", [2], 15)
    assert kept.get(f"{path}/due", as_of="2026-04-04")["due"] == []
    first = kept.get(f"{path}/due", as_of="2026-04-05", funder="fund-a")["due"]
    assert [(each["loan"], each["age_days"]) for each in first] == [("L1", 0), ("L2", 0), ("L8", 0)]


def test_what_is_due_is_what_the_ledger_takes(tmp_path: Path) -> None:
    kept = portfolio(tmp_path)
    try:
        found = kept.get("/v1/compensations/due", as_of="2026-05-06")["due"]
        due = {each["loan"]: each for each in found}
        assert [each["instalments"] for each in due.values()] == [[], [], [3]]
        assert list(due) == ["L1", "L2", "L8"]  # of instalment 2 of L8 a statement stands
        kept.on("2026-05-06")
        for loan, each in due.items():
            some = {"instalments": each["instalments"]} if each["instalments"] else {}
            stated = {"compensation": f"X-{loan}", "loan": loan, "date": "2026-05-06", **some}
            kept.apply("guarantor", "compensation.stated", **stated, amount=each["amount"])
        assert kept.get("/v1/compensations/due", as_of="2026-05-06")["due"] == []
    finally:
        kept.close()


@pytest.mark.parametrize(
    ("path", "member"),
    [
        ("/v1/loans?as_of=2026-04-20", "loans"),
        ("/v1/loans?as_of=2026-03-20", "loans"),
        ("/v1/loans?due_from=2026-01-01&as_of=2026-11-20", "loans"),
        ("/v1/overdue?as_of=2026-11-20", "loans"),
        ("/v1/overdue?as_of=2026-03-20", "loans"),
        ("/v1/repayments?as_of=2026-11-20", "repayments"),
        ("/v1/repayments?state=succeeded&as_of=2026-11-20", "repayments"),
        ("/v1/repayments?loan=L1", "repayments"),
        ("/v1/compensations/due?as_of=2026-11-20", "due"),
        ("/v1/search?loan=L1", "payments"),
    ],
)
def test_pages_of_one_are_the_whole_list(kept: KeptLoans, path: str, member: str) -> None:
    address, _, query = path.partition("?")
    asked = dict(part.split("=") for part in query.split("&"))
    whole = kept.get(address, **asked)[member]
    assert len(whole) > 1
    single = [each for page in pages(kept, address, member, **asked, limit=1) for each in page]
    assert single == whole


@pytest.mark.parametrize("path", ["/v1/loans", "/v1/overdue", "/v1/compensations/due"])
def test_a_page_of_the_past_is_short_rather_than_slow(
    kept: KeptLoans, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = "due" if path == "/v1/compensations/due" else "loans"
    whole = kept.get(path, as_of="2026-04-15")[member]
    for module in (loans, overdue):
        monkeypatch.setattr(module, "PAST_MAX", 1)
    found = list(pages(kept, path, member, as_of="2026-04-15"))
    assert [each for page in found for each in page] == whole
    assert len(found) >= len(whole) > 0
    assert max(map(len, found)) == 1


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("/v1/loans/L9", "no-such-loan", "L1, L2"),
        ("/v1/loans/L9/allocation?amount=1", "no-such-loan", "L1, L2"),
        ("/v1/repayments?loan=L9", "no-such-loan", "L1, L2"),
        ("/v1/search?loan=L9", "no-such-loan", "L1, L2"),
        ("/v1/loans?funder=nobody", "no-such-party", "fund-a"),
        ("/v1/loans?height=100000", "no-such-block", "the newest block is"),
        ("/v1/loans/L1?height=100000", "no-such-block", "the newest block is"),
        ("/v1/loans/L7?height=3", "no-such-loan", "after block 3"),
    ],
)
def test_what_does_not_exist_is_named(kept: KeptLoans, path: str, code: str, words: str) -> None:
    assert words in refused(kept.client.get(path), 404, code)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/v1/loans?as_of=2026-02-30", "no day of the calendar"),
        ("/v1/loans?as_of=yesterday", "a date"),
        ("/v1/loans/L1?as_of=2026-02-30", "no day of the calendar"),
        ("/v1/loans?height=-1", "0 or more"),
        ("/v1/loans?due_from=2026-03-02&due_to=2026-03-01", "swap them"),
        ("/v1/repayments?from=2026-03-02&to=2026-03-01", "swap them"),
        ("/v1/overdue?bucket=M7", "M6+"),
        ("/v1/loans/L1/allocation?amount=0", "1 or more"),
        ("/v1/loans/L1/allocation", "give one of"),
        ("/v1/loans/L1/allocation?amount=1&amount_shown=1", "give one of"),
        ("/v1/loans/L1/allocation?amount_shown=1.005", "CNY"),
        ("/v1/loans/L1/allocation?amount_shown=5%20JPY", "CNY"),
        ("/v1/loans/L1/allocation?amount=1&date=2026-02-30", "no day of the calendar"),
    ],
)
def test_a_wrong_question_is_told_what_to_ask(kept: KeptLoans, path: str, words: str) -> None:
    assert words in refused(kept.client.get(path), 400, "bad-parameter")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/loans/L3/allocation?amount=1", "loan-settled"),
        ("/v1/loans/L4/allocation?amount=1", "loan-not-disbursed"),
        ("/v1/loans/L1/allocation?amount=1&date=2025-12-31", "date-goes-back"),
    ],
)
def test_a_refusal_of_the_rules_has_its_code(kept: KeptLoans, path: str, code: str) -> None:
    assert refused(kept.client.get(path), 422, code)


def test_the_last_day_of_the_calendar_is_a_bound_like_others(kept: KeptLoans) -> None:
    last = "9999-12-31"
    for path, name, items in (
        ("/v1/loans", "due_to", "loans"),
        ("/v1/repayments", "to", "repayments"),
    ):
        before = kept.get(path, **{name: "9999-12-30", "limit": 1000})[items]
        assert before and kept.get(path, **{name: last, "limit": 1000})[items] == before


def test_a_bound_takes_its_own_day_and_none_after(kept: KeptLoans) -> None:
    whole = kept.get("/v1/repayments", limit=1000)["repayments"]
    day = sorted({each["date"] for each in whole})[1]
    found = kept.get("/v1/repayments", to=day, limit=1000)["repayments"]
    assert found == [each for each in whole if each["date"] <= day] != []
