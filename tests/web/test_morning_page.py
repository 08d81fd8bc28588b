"""The page of a funder's morning: what is wrong in words, figures, charts, and the checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from tests.api.lending_kit import FEBRUARY, MARCH, CosignedLoans, lending_day
from tests.web.shown_kit import CHINESE, ShownPages, main_of, pages_of, rows_of
from views import texts
from views.cells import Style, choose, money
from views.sheets import success
from views.sheets.views import ExceptionKind
from web.pages.morning import ROWS_MAX, bucket_days, sentences

PARTIES = ("fund-a", "fund-b", "guarantor", "platform", "institution")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CosignedLoans]:
    made = lending_day(tmp_path_factory.mktemp("morning"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def shown(kept: CosignedLoans) -> Iterator[ShownPages]:
    yield from pages_of(kept)


def address(kept: CosignedLoans, party: str, day: str = MARCH) -> str:
    return f"/reports/day?party={party}&date={day}&as_of={kept.now}"


@pytest.mark.parametrize("party", PARTIES)
def test_the_page_shows_every_exception_and_every_figure_of_the_sheet(
    kept: CosignedLoans, shown: ShownPages, party: str
) -> None:
    path = address(kept, party)
    text, sheet = shown.text(path), shown.twin(path)
    choose(Style(symbols=True))
    assert sheet == kept.sheet(party, MARCH)
    assert sheet["exceptions"]
    for each in sheet["exceptions"]:
        amount = money(each["amount"], each["currency"])
        said = sentences()[each["kind"]].format(
            who=each["party"], money=amount, receiver=each.get("receiver", "")
        )
        assert said in text
    for each in sheet["figures"]:
        if each["amount"] and each["name"] != "success-rate":
            assert f"{each['en']}" in text
            assert money(each["amount"], each["currency"]) in text


def test_a_split_that_differs_is_told_in_chinese(kept: CosignedLoans, shown: ShownPages) -> None:
    path = address(kept, "fund-a")
    (detail,) = [
        each["detail"]
        for each in kept.sheet("fund-a", MARCH)["exceptions"]
        if each.get("detail", "").startswith("allocation: ")
    ]
    assert "; instructed " in detail
    assert "allocation: expected fund-a-main ¥517.51, " in shown.text(path)
    chinese = shown.text(path, **CHINESE)
    assert "分账：应为 fund-a-main ¥517.51, " in chinese
    assert "；分账指示为 fund-a-main ¥1,040.99, " in chinese
    assert "expected" not in chinese


def test_what_is_wrong_stands_before_all_figures(kept: CosignedLoans, shown: ShownPages) -> None:
    text = shown.text(address(kept, "fund-a"))
    assert text.index("What needs somebody's hand") < text.index("Expected, and what came")


def test_the_page_has_a_row_for_every_repayment(kept: CosignedLoans, shown: ShownPages) -> None:
    sheet = kept.sheet("fund-a", MARCH)
    assert len(sheet["repayments"]) <= ROWS_MAX
    rows = rows_of(shown.html(address(kept, "fund-a")), "Repayments of the day")
    assert [row[0].split()[0] for row in rows] == [each["loan"] for each in sheet["repayments"]]
    choose(Style(symbols=True))
    assert [row[2] for row in rows] == [money(each["due"], "CNY") for each in sheet["repayments"]]


def test_without_a_question_it_is_the_own_morning_of_the_last_day_with_a_repayment(
    shown: ShownPages,
) -> None:
    assert f"Morning of fund-a, {MARCH}" in shown.text("/reports/day")


def test_the_sheet_is_tied_to_its_checkpoint(kept: CosignedLoans, shown: ShownPages) -> None:
    html, sheet = shown.html(address(kept, "fund-a")), kept.sheet("fund-a", MARCH)
    assert f'data-copy="{sheet["checkpoint"]["root"]}"' in html.replace("&#43;", "+")
    assert ", ".join(sheet["checkpoint"]["cosigned_by"]) in html


def test_a_quiet_day_says_so(kept: CosignedLoans, shown: ShownPages) -> None:
    quiet = address(kept, "fund-c", "2026-01-07")
    text = shown.text(f"{quiet.partition('&as_of')[0]}&height=12")
    assert "Nothing: every repayment is split as agreed" in text
    assert "Nothing was due and nothing came on this day" in text
    assert "Nothing was attempted on this day." in text


def test_the_text_of_a_record_stays_text(kept: CosignedLoans, shown: ShownPages) -> None:
    html = shown.html(address(kept, "fund-a"))
    assert "=cmd|&#39; /C calc&#39;!A0" in html


def test_every_kind_of_exception_has_a_sentence_in_both_languages() -> None:
    texts.choose("en")
    english = dict(sentences())
    texts.choose("zh")
    chinese = dict(sentences())
    texts.choose("en")
    assert set(english) == set(chinese) == set(get_args(ExceptionKind))
    assert all(
        "{who}" in each and "{money}" in each for each in (*english.values(), *chinese.values())
    )
    assert not set(english.values()) & set(chinese.values())


def test_the_page_is_had_in_chinese(kept: CosignedLoans, shown: ShownPages) -> None:
    text = shown.text(address(kept, "fund-a"), **CHINESE)
    assert "需要处理的事项" in text
    assert "应收与实收" in text
    assert "按计划应还" in text


@pytest.mark.parametrize(
    "name, days", [("M1", "1–30 days"), ("M4-M6", "91–180 days"), ("M6+", "over 180 days")]
)
def test_a_bucket_is_said_in_days(name: str, days: str) -> None:
    assert bucket_days(name) == days


@pytest.mark.parametrize("party", ["fund-a", "fund-c", "institution"])
def test_the_rate_of_a_day_is_that_of_its_sheet(kept: CosignedLoans, party: str) -> None:
    found = kept.get("/v1/reports/success", party=party, date=MARCH)
    assert found["whole"]
    assert [each["date"] for each in found["days"]][-1] == MARCH
    assert len(found["days"]) == success.DAYS
    for each in found["days"]:
        figures = {f["name"]: f for f in kept.sheet(party, each["date"])["figures"]}
        assert each.get("rate", -1) == figures["success-rate"].get("rate_count", -1)


def test_an_attempt_reversed_up_to_the_date_counts_as_failed(tmp_path: Path) -> None:
    kept = CosignedLoans(tmp_path)
    kept.lend("L1")
    kept.pay_due("L1", FEBRUARY)
    kept.on("2026-02-10")
    void = {"payment": f"P-L1-{FEBRUARY}", "reason": "void", "date": "2026-02-10"}
    kept.apply("institution", "payment.reversed", **void)
    good = {}
    for day in (FEBRUARY, "2026-02-09", "2026-02-10"):
        found = kept.get("/v1/reports/success", party="fund-a", date=day)
        (row,) = (each for each in found["days"] if each["date"] == FEBRUARY)
        good[day] = (row["attempts"], row["succeeded"])
    kept.close()
    assert good == {FEBRUARY: (1, 1), "2026-02-09": (1, 1), "2026-02-10": (1, 0)}


def test_days_with_more_attempts_than_are_read_are_left_out(
    kept: CosignedLoans, shown: ShownPages, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = kept.get("/v1/reports/success", party="platform", date=MARCH)["days"][-1]["attempts"]
    monkeypatch.setattr(success, "ATTEMPTS_MAX", tried)
    found = kept.get("/v1/reports/success", party="platform", date=MARCH)
    assert found["days"] == []
    assert not found["whole"]
    assert "Earlier days are left out" in shown.text(address(kept, "platform"))
    monkeypatch.setattr(success, "ATTEMPTS_MAX", tried + 1)
    found = kept.get("/v1/reports/success", party="platform", date=MARCH)
    assert found["days"][-1]["attempts"] == tried


def test_an_unknown_party_is_a_page_that_names_the_parties(shown: ShownPages) -> None:
    found = shown.client.get("/reports/day?party=nobody")
    assert found.status_code == 404
    assert "fund-a" in main_of(found.text)


@pytest.mark.parametrize("day", ("0001-01-01", "9999-12-31"))
def test_the_first_and_the_last_day_of_the_calendar_have_a_page(
    kept: CosignedLoans, shown: ShownPages, day: str
) -> None:
    assert day in shown.text(address(kept, "fund-a", day))
