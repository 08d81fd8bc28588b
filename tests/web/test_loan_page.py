"""Pages of loans: figures above the list, one loan with its allocation check, what would come."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from html import unescape

import pytest

from tests.api.loans_kit import KeptLoans, portfolio_on
from tests.web.shown_kit import CHINESE, ShownPages, main_of, pages_of, rows_of, text_of
from views.cells import Style, choose, money
from web.pages.loans import QUIET_DAYS, is_long_ago

kept = portfolio_on()
DAY = "2026-04-21"


@pytest.fixture(scope="module")
def shown(kept: KeptLoans) -> Iterator[ShownPages]:
    yield from pages_of(kept)


def test_the_head_says_who_lent_what_to_whom(shown: ShownPages) -> None:
    view = shown.twin(f"/loans/L1?as_of={DAY}")
    text = shown.text(f"/loans/L1?as_of={DAY}")
    choose(Style(symbols=True))
    assert f"{money(view['principal'], 'CNY')} lent through platform by" in text
    for each in view["parties"]:
        if each["role"] == "funder":
            assert money(each["lent"], "CNY") in text
    assert f"guaranteed by {view['guarantor']}" in text
    assert f"{view['days_past_due']} days past due" in text


def test_the_schedule_is_drawn_as_it_is_listed(shown: ShownPages) -> None:
    path = f"/loans/L1?as_of={DAY}"
    html, view = shown.html(path), shown.twin(path)
    rows = rows_of(html, "Instalments")
    assert [row[0] for row in rows] == [str(each["number"]) for each in view["schedule"]]
    titles = re.findall(r"<title>(instalment [^<]*)</title>", html)
    choose(Style(symbols=True))
    for each, title in zip(view["schedule"], titles, strict=True):
        assert f"{money(each['open'], 'CNY')} open" in title
    drawn = main_of(html).partition('class="plot"')[2].partition("</svg></div>")[0]
    states = {each["state"] for each in view["schedule"]}
    assert ("c-bad" in drawn) == ("overdue" in states)
    assert "c-paid" in drawn


def test_what_passed_to_the_guarantor_is_drawn_as_compensated(shown: ShownPages) -> None:
    assert 'class="c-warn" x=' in shown.html(f"/loans/L1?as_of={DAY}")
    assert 'class="c-warn" x=' not in shown.html(f"/loans/L3?as_of={DAY}")


def test_a_fen_in_the_wrong_place_is_shown_in_red(shown: ShownPages) -> None:
    path = f"/loans/L2?as_of={DAY}"
    (repayment,) = shown.twin(path)["repayments"]
    wrong = [each for each in repayment["shares"] if each.get("difference")]
    assert wrong
    choose(Style(symbols=True))
    rows = rows_of(shown.html(path), "Allocation of L2-A1")
    assert len(rows) == len(repayment["shares"])
    for row, share in zip(rows, repayment["shares"], strict=True):
        off = share.get("difference", 0)
        assert row[2] == money(share["expected"], "CNY")
        assert row[3] == money(share["stated"], "CNY")
        assert row[4] == ("+" if off > 0 else "") + money(off, "CNY")
    assert main_of(shown.html(path)).count('<tr class="off">') == len(wrong)
    off = sum(abs(each["difference"]) for each in wrong)
    assert f"The split differs from the ledger's allocation by {money(off, 'CNY')}." in shown.text(
        path
    )


def test_a_split_as_allocated_and_an_attempt_that_failed_are_told_apart(shown: ShownPages) -> None:
    text = shown.text(f"/loans/L1?as_of={DAY}")
    assert "The split is the ledger's allocation, to the last unit." in text
    assert "Nothing came in, so nothing is allocated." in text


def test_plan_disputes_and_compensations_of_a_loan_are_shown(shown: ShownPages) -> None:
    html, view = shown.html("/loans/L1"), shown.twin("/loans/L1")
    assert len(rows_of(html, "New schedule that was proposed")) == len(view["plan"]["rows"])
    assert [row[0] for row in rows_of(html, "Compensations")] == ["C1"]
    assert [row[0] for row in rows_of(html, "Disputes")] == ["D1"]
    assert html.count('<li class="step">') >= len(view["timeline"])


def test_a_loan_that_is_not_disbursed_says_what_is_awaited(shown: ShownPages) -> None:
    text = shown.text("/loans/L4")
    assert "its schedule begins when the institution states the disbursement" in text
    assert "Nothing was collected yet." in text


def test_the_platform_has_nothing_to_accept(shown: ShownPages) -> None:
    rows = rows_of(shown.html("/loans/L4"), "Who takes part, and who has accepted")
    assert {row[0]: row[3] for row in rows} == {"fund-b": "no", "guarantor": "no", "platform": ""}


def test_a_loan_that_nobody_proposed_is_a_page_that_names_others(shown: ShownPages) -> None:
    found = shown.client.get("/loans/L99")
    assert found.status_code == 404
    assert "L1" in text_of(main_of(found.text))


def test_an_allocation_is_that_of_the_interface(shown: ShownPages) -> None:
    path = "/loans/L1/allocation?amount_shown=1%2C041.00&date=2026-04-21"
    html, view = shown.html(path), shown.twin(path)
    choose(Style(symbols=True))
    rows = rows_of(html, "What the split has to state")
    assert rows == [
        [str(each["leg"]), each["receiver"], money(each["amount"], "CNY")] for each in view["legs"]
    ]
    assert sum(each["amount"] for each in view["parts"]) + view["overpaid"] == 104_100
    assert len(rows_of(html, "Whose it is, and for what")) == len(view["parts"])


def test_without_an_amount_the_allocation_asks_for_one(shown: ShownPages) -> None:
    assert "Type an amount" in shown.text("/loans/L1/allocation")


@pytest.mark.parametrize(
    "path, said",
    [
        ("/loans/L5/allocation?amount_shown=1", "states its disbursement"),
        ("/loans/L1/allocation?amount_shown=much", "amount"),
        ("/loans/L99/allocation", "L99"),
    ],
)
def test_where_there_is_no_allocation_the_page_says_why(
    shown: ShownPages, path: str, said: str
) -> None:
    found = shown.client.get(path)
    assert found.status_code in {400, 404, 409, 422}
    assert said in text_of(main_of(found.text))


def test_each_figure_above_the_list_opens_to_as_many_loans(shown: ShownPages) -> None:
    portfolio = shown.client.get("/v1/reports/portfolio").json()
    assert {each["state"]: each["loans"] for each in portfolio["states"]} == {
        state: len(shown.client.get(f"/v1/loans?state={state}&limit=500").json()["loans"])
        for state in ("proposed", "declined", "withdrawn", "accepted", "active", "settled")
    }
    html = shown.html("/loans")
    links = re.findall(r'<a href="(/loans\?due_to=[^"]*)">(M[^<]*)</a>', html)
    assert [name for _, name in links] == [each["bucket"] for each in portfolio["late"]]
    assert sum(each["loans"] for each in portfolio["late"])
    for (address, _), each in zip(links, portfolio["late"], strict=True):
        listed = shown.client.get(f"/v1{unescape(address)}&limit=500").json()["loans"]
        assert len(listed) == each["loans"]
    principal = sum(
        each.get("open_principal", 0)
        for each in shown.client.get("/v1/loans?limit=500").json()["loans"]
    )
    assert portfolio["principal"] == [{"currency": "CNY", "principal": principal}]
    choose(Style(symbols=True))
    assert money(principal, "CNY") in text_of(html)


def test_the_entrance_is_still_the_list(shown: ShownPages) -> None:
    html = shown.html("/loans?state=settled")
    assert [row[0].split()[0] for row in rows_of(html, "Loans")] == ["L3"]


def test_the_pages_are_had_in_chinese(shown: ShownPages) -> None:
    assert "还款计划" in shown.text("/loans/L1", **CHINESE)
    assert "按逾期天数" in shown.text("/loans", **CHINESE)


def test_an_old_portfolio_is_said_to_be_old_and_shown_as_of_its_last_day(
    shown: ShownPages,
) -> None:
    page = main_of(shown.html("/loans"))
    (link,) = set(re.findall(r'href="(/loans\?as_of=[0-9-]+)"', page))
    day = link.partition("=")[2]
    assert f"No repayment was stated since {day}" in text_of(page)
    later = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    stated = shown.client.get("/v1/repayments", params={"from": day}).json()["repayments"]
    since = shown.client.get("/v1/repayments", params={"from": later}).json()["repayments"]
    assert stated and not since
    assert rows_of(shown.html(link), "Loans")


@pytest.mark.parametrize(
    ("days", "said"), [(0, False), (QUIET_DAYS, False), (QUIET_DAYS + 1, True)]
)
def test_a_portfolio_is_old_after_a_month_without_a_repayment(days: int, said: bool) -> None:
    present = date(2026, 3, 31)
    assert is_long_ago((present - timedelta(days=days)).isoformat(), present) is said
