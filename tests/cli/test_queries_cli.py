"""Questions of business on the command line: amounts in yuan, within 80 columns, and as JSON."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from cli import main, receiver
from cli.client import Client
from cli.layout import width_of
from cli.pages import age_ms, follow
from tests.api.queries_kit import Kept, month_on

Capture = pytest.CaptureFixture[str]

LINES = (
    "payment P1",
    "payment P2",
    "payment P3",
    "search --payment P",
    "receiver shop",
    "receiver platform-fee",
    "payout O3",
    "payout O1",
    "payouts",
    "payouts --due 2026-01-06 --upcoming",
    "refunds",
    "float",
    "fees --period 2026-01",
    "agreements",
    "trial-balance --party funder",
    "expectations",
    "expectations --summary",
)


kept = month_on()


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TONGZHANG_HOME", raising=False)
    monkeypatch.setenv("COLUMNS", "80")


def run(kept: Kept, line: str) -> int:
    return main.run([*line.split(), "--url", kept.server.url, "--token", kept.token])


def shown(kept: Kept, line: str, capsys: Capture) -> str:
    assert run(kept, line) == 0
    return capsys.readouterr().out


def document(kept: Kept, line: str, capsys: Capture) -> Any:
    return json.loads(shown(kept, f"{line} --json", capsys))


@pytest.mark.parametrize("line", LINES)
def test_every_answer_fits_80_columns_and_shows_no_minor_units(
    kept: Kept, line: str, capsys: Capture
) -> None:
    out = shown(kept, line, capsys)
    assert max(map(len, out.splitlines())) <= 80
    assert " CNY" in out
    for minor in ("10000", "7000", "24000"):
        assert minor not in out.replace(",", "")


@pytest.mark.parametrize("line", LINES)
def test_every_answer_is_had_as_json_alone(kept: Kept, line: str, capsys: Capture) -> None:
    assert isinstance(document(kept, line, capsys), dict)


def test_payment_says_in_one_look_where_the_money_is(kept: Kept, capsys: Capture) -> None:
    out = shown(kept, "payment P1", capsys)
    for words in (
        "payment P1: disputed",
        "captured    100.00 CNY for order order-P1",
        "money       70.00 CNY paid, 30.00 CNY disputed",
        "refunds     40.00 CNY requested, 10.00 CNY paid",
        "fee         0.60 CNY invoiced for 2026-01, invoice I1",
        "paid (last)",
        "dispute D1 about payment:P1/leg:2: open",
        "arrival of payout:O4 by platform: overdue",
        "30.00 CNY, since 2026-01-06 10:00:00, due 2026-01-08 10:00:00",
        "REFUSED:",
        "already-captured",
        "refund  R1  requested",
    ):
        assert words in out


@pytest.mark.parametrize(("words", "zone", "hour"), [("", "UTC+08:00", 10), ("--utc", "UTC", 2)])
def test_payment_and_payout_name_the_zone_of_their_times_once_above_them(
    kept: Kept, words: str, zone: str, hour: int, capsys: Capture
) -> None:
    for line, label in (("payment P1", "times       "), ("payout O4", "times     ")):
        out = shown(kept, f"{line} {words}", capsys)
        facts, _, rest = out.partition(f"\n  {label}{zone}\n")
        assert f"2026-01-06 {hour:02}:00:00, due 2026-01-08 {hour:02}:00:00" in rest
        assert f"time ({zone})" in rest
        assert "times " not in facts


CHINESE = (
    *(line for line in LINES if not line.startswith("trial-balance")),  # which has both languages
    "payment P4",
    "payment P5",
    "payouts --due 2025-01-01",
    "payouts --due 2025-01-01 --upcoming --receiver platform-fee",
    "receiver shop --newest --limit 2",
    "calendar show",
    "disputes",
    "agreements --state declined",
)
SAME_IN_CHINESE = {"UTC", "T", "limit", "newest", "leg"}
"""Words of output that no party stated: zones and cycles, options, parts of subjects."""


@pytest.mark.parametrize("line", CHINESE)
def test_in_chinese_every_word_but_what_parties_stated_is_chinese(
    kept: Kept, line: str, capsys: Capture
) -> None:
    stated = words_of(_stated(document(kept, line, capsys)))
    out = shown(kept, f"--lang zh {line}", capsys)
    assert words_of(out) - stated - SAME_IN_CHINESE == set()
    assert re.search(r"[\u4e00-\u9fff]", out)
    assert max(map(width_of, out.splitlines())) <= 80


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z]+", text))


def _stated(value: Any, key: str = "") -> str:
    """Return all texts of a document but its own words: states, kinds and names of fields."""
    if isinstance(value, dict):
        return " ".join(_stated(each, name) for name, each in value.items())
    if isinstance(value, list):
        return " ".join(_stated(each, key) for each in value)
    return "" if key in ("state", "kind", "ends_at") else str(value)


def test_what_was_cut_and_what_was_refused_is_said_in_chinese(kept: Kept, capsys: Capture) -> None:
    assert run(kept, "--lang zh receiver shop --limit 2") == 0
    said = "超过 2 条：请调大 --limit，或用 --newest 看最新的\n"
    assert capsys.readouterr().err == said
    out = shown(kept, "--lang zh payment P1", capsys)
    assert "被拒绝:" in out
    assert "already-captured" in out
    out = shown(kept, "--lang zh trial-balance --party funder", capsys)
    assert out.startswith("funder 的试算平衡表，截至区块 ")


def test_payouts_due_are_what_a_payout_has_to_state(kept: Kept, capsys: Capture) -> None:
    out = shown(kept, "payouts --due 2026-01-07 --receiver shop", capsys)
    assert "240.00 CNY      240.00 CNY     4" in out
    page = document(kept, "payouts --due 2026-01-06", capsys)
    assert [row["receiver"] for row in page["due"]] == ["funder-share"]
    assert shown(kept, "payouts --due 2025-01-01", capsys) == (
        "nothing is due by business date 2025-01-01\n"
    )
    assert shown(kept, "payouts --receiver funder-share", capsys) == "no payouts\n"
    assert document(kept, "payouts --due today", capsys)["on"] > "2026-01-07"
    returned = document(kept, "payouts --state returned --receiver shop", capsys)
    assert [row["payout"] for row in returned["payouts"]] == ["O1", "O2"]


def test_payout_shows_its_legs_what_became_of_it_and_who_said_so(
    kept: Kept, capsys: Capture
) -> None:
    out = shown(kept, "payout O4", capsys)
    for words in (
        "payout O4: paid",
        "amount    30.00 CNY for 1 leg, due by 2026-01-06",
        "receiver  platform-fee of platform",
        "paid      2026-01-06 10:00:00, under",
        "          abababababababab",
        "arrival of payout:O4 by platform: overdue",
        "settlement.paid",
    ):
        assert words in out
    assert "O4" not in out.partition("now in")[2].partition("arrival")[0]
    came_back = shown(kept, "payout O1", capsys)
    assert "payout O1: returned" in came_back
    assert came_back.partition("now in")[2].split()[:8][-1] == "O3"  # which took its leg
    assert run(kept, "payout O9") == 1
    assert "no-such-payout" in capsys.readouterr().err


def test_what_is_due_says_by_which_business_date_it_was_judged(kept: Kept, capsys: Capture) -> None:
    today = document(kept, "payouts --due today", capsys)["on"]
    out = shown(kept, "payouts --due today --upcoming", capsys)
    assert out.startswith(f"due by business date {today} or later\n")
    out = shown(kept, "payouts --due 2025-01-01 --upcoming --receiver platform-fee", capsys)
    assert out == "nothing is due by business date 2025-01-01 or later\n"
    assert f"today       {today}, by the" in shown(kept, "receiver shop", capsys)


def test_receiver_shows_its_statement_with_running_sums(kept: Kept, capsys: Capture) -> None:
    out = shown(kept, "receiver shop", capsys)
    assert "due         240.00 CNY" in out
    amounts = [line.split()[3:] for line in out.splitlines() if line.startswith("2026-")]
    assert amounts[:3] == [
        ["70.00", "70.00", "0.00", "0.00"],
        ["70.00", "0.00", "70.00", "0.00"],
        ["70.00", "70.00", "0.00", "0.00"],
    ]
    assert "paid        payout:O3    70.00    0.00        0.00  70.00" in out
    view = document(kept, "receiver shop --limit 3", capsys)
    assert (len(view["statement"]), view["more"]) == (3, True)


def test_a_statement_shows_its_oldest_lines_or_its_newest(kept: Kept, capsys: Capture) -> None:
    whole = document(kept, "receiver shop", capsys)["statement"]
    assert document(kept, "receiver shop --limit 3", capsys)["statement"] == whole[:3]
    for limit, more in ((3, True), (len(whole), False), (1000, False)):
        view = document(kept, f"receiver shop --newest --limit {limit}", capsys)
        assert (view["statement"], view["more"]) == (whole[-limit:], more)
    assert run(kept, "receiver shop --limit 3") == 0
    assert "more than 3: raise --limit, or see the newest with --newest" in capsys.readouterr().err
    assert run(kept, "receiver shop --limit 3 --newest") == 0
    assert capsys.readouterr().err == "there are more than 3: raise --limit\n"


@pytest.mark.parametrize(
    ("changes", "amount"),
    [
        ((70, 0, 0, 0), 70),  # split
        ((-60, 0, 0, 0), -60),  # amended, withdrawn
        ((-70, 70, 0, 0), 70),  # in a payout
        ((0, -70, 70, 0), 70),  # paid
        ((70, -70, 0, 0), 70),  # came back
        ((70, 0, -70, 0), 70),  # came back after it was paid
        ((0, 0, 0, 70), 70),  # arrived
        ((0, 0, 0, 0), 0),
    ],
)
def test_a_line_of_a_statement_has_one_amount(changes: tuple[int, ...], amount: int) -> None:
    names = ("due_change", "in_transit_change", "paid_change", "arrived_change")
    assert receiver._moved(dict(zip(names, changes, strict=True))) == amount


def test_float_refunds_and_fees_are_shown(kept: Kept, capsys: Capture) -> None:
    out = shown(kept, "float", capsys)
    assert "float of platform: 190.00 CNY" in out
    assert "130.00 CNY" in out
    refunds = document(kept, "refunds --state paid", capsys)["refunds"]
    assert [row["refund"] for row in refunds] == ["R2"]
    assert shown(kept, "refunds --payment P2", capsys) == "no refunds\n"
    assert "0.18 CNY  confirmed" in shown(kept, "fees --period 2026-01", capsys)
    assert "0.60 CNY" in shown(kept, "fees", capsys)
    assert shown(kept, "fees --period 2020-01", capsys) == "no fees\n"
    assert document(kept, "fees --period 2026-01", capsys)["charges"][0]["payment"] == "P1"


@pytest.mark.parametrize(
    ("options", "advice"),
    [("--upcoming", "--due today"), ("--due today --state paid", "leave it out")],
)
def test_options_of_payouts_that_would_be_ignored_are_refused(
    kept: Kept, capsys: Capture, options: str, advice: str
) -> None:
    assert run(kept, f"payouts {options}") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: usage: ")
    assert advice in error


@pytest.mark.parametrize("option", ["--state overdue", "--min-age 3d", "--min-amount 10"])
def test_options_that_a_summary_would_ignore_are_refused(
    kept: Kept, capsys: Capture, option: str
) -> None:
    assert run(kept, f"expectations --summary {option}") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: usage: ")
    assert option.split()[0] in error


def test_a_summary_has_as_many_sums_as_its_limit_allows(kept: Kept, capsys: Capture) -> None:
    whole = document(kept, "expectations --summary", capsys)
    cut = document(kept, "expectations --summary --limit 2", capsys)
    assert cut["sums"] == whole["sums"][:2]
    assert (cut["more"], whole["more"]) == (True, False)
    assert run(kept, "expectations --summary --limit 2") == 0
    assert "raise --limit" in capsys.readouterr().err


def test_search_takes_yuan_and_dates(kept: Kept, capsys: Capture) -> None:
    found = document(kept, "search --amount 100.00 --from 2026-01-06", capsys)["payments"]
    assert [row["payment"] for row in found] == ["P6", "P7", "P8", "P9"]
    assert "P3" in shown(kept, "search --amount 300", capsys)
    assert shown(kept, "search --order nothing", capsys) == "no payment was found\n"
    assert run(kept, "search --amount 400.00") == 0  # that of P4, which is only instructed
    assert "expectations --kind capture" in capsys.readouterr().err
    newest = document(kept, "search", capsys)["payments"]
    times = [row["captured_at"] for row in newest]
    assert len(times) > 3 and times == sorted(times, reverse=True)


def test_expectations_are_narrowed_and_summed(kept: Kept, capsys: Capture) -> None:
    def subjects(options: str) -> set[str]:
        page = document(kept, f"expectations {options}", capsys)
        return {each["subject"] for each in page["expectations"]}

    assert subjects("--min-amount 400 --opener platform") == {"payment:P4"}
    assert subjects("--kind arrival --min-age 3d") == {"payout:O4"}
    assert "payment:P5" in subjects("--awaited platform --min-age 90m")
    out = shown(kept, "expectations --summary --kind float-confirmation", capsys)
    assert "70.00 CNY" in out
    assert shown(kept, "expectations --summary --opener funder", capsys) == "nothing is awaited\n"


def test_expectations_say_why_halves_conflict(
    kept: Kept, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = "amount: captured 30000 (300.00 CNY), instructed 29000 (290.00 CNY)"
    line = "expectations --state conflicting --kind instruction"
    narrow = shown(kept, line, capsys)
    assert all(word in narrow.split() for word in why.split())
    monkeypatch.delenv("COLUMNS")
    assert why in shown(kept, line, capsys)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("search --amount much", "bad-amount"),
        ("search --amount 1.23456", "bad-amount"),
        ("search --amount -1", "bad-amount"),
        ("search --amount NaN", "bad-amount"),
        ("expectations --min-age 3weeks", "bad-age"),
        ("expectations --min-amount 0", "bad-amount"),
    ],
)
def test_what_is_no_amount_or_age_is_refused(
    kept: Kept, line: str, code: str, capsys: Capture
) -> None:
    assert run(kept, line) == 2
    assert capsys.readouterr().err.startswith(f"error: {code}: ")


def test_ages_are_read_as_people_write_them() -> None:
    assert (age_ms("90m"), age_ms("12h"), age_ms("3d")) == (5_400_000, 43_200_000, 259_200_000)


def test_pages_are_followed_up_to_the_limit_as_of_the_first(kept: Kept) -> None:
    client = Client(kept.server.url, kept.token)
    asked: list[httpx.URL] = []
    client._http.event_hooks = {"request": [lambda request: asked.append(request.url)]}
    page = follow(client, "/v1/expectations", "expectations", 3, state="unmet")
    assert (len(page["expectations"]), page["more"]) == (3, True)
    whole = follow(client, "/v1/search", "payments", 9, payment="P")
    assert (len(whole["payments"]), whole["more"]) == (9, False)
