"""Files of holidays: the usual forms say the same, and what cannot be meant is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import chinese_calendar
import pytest

from cli.calendars import files
from cli.calendars.files import announced_by, calendar_for, shipped
from cli.errors import UsageError
from tests.ledger.calendar_kit import FIRST, LAST, mainland
from tests.ledger.mainland import page

SHIPPED = Path(files.__file__).with_name("cn.json")
OFF = ("2026-12-31", "2027-01-01", "2027-10-01")
WORKED = ("2026-12-26", "2027-10-09")


def test_the_shipped_calendar_is_what_its_maker_makes() -> None:
    assert SHIPPED.read_text(encoding="utf-8") == page()


def test_the_shipped_calendar_is_that_of_the_third_opinion_day_by_day() -> None:
    days = calendar_for("cn").business_days
    every = range(FIRST.toordinal(), LAST.toordinal() + 1)
    differing = [
        day
        for day in map(date.fromordinal, every)
        if days.is_business_day(day) != chinese_calendar.is_workday(day)
    ]
    assert len(every) > 3200
    assert differing == []
    assert calendar_for("cn") == mainland()


def test_every_shipped_year_names_the_notices_that_decided_it() -> None:
    years = json.loads(SHIPPED.read_text(encoding="utf-8"))
    assert [each["year"] for each in years] == list(shipped().years)
    assert all(each["source"] for each in years)
    assert "国办发明电〔2019〕3号" in next(y["source"] for y in years if y["year"] == 2019)


def public_json() -> str:
    days = [{"name": "x", "date": day, "isOffDay": True} for day in OFF]
    days += [{"name": "x", "date": day, "isOffDay": False} for day in WORKED]
    return json.dumps({"$id": "any", "year": 2027, "papers": [], "days": days})


def by_day_json() -> str:
    found = {day[5:]: {"holiday": True, "name": "x", "date": day, "wage": 3} for day in OFF}
    found |= {day[5:]: {"holiday": False, "date": day, "after": True} for day in WORKED}
    return json.dumps({"code": 0, "holiday": found})


def plain_json() -> str:
    return json.dumps([{"year": 2027, "holidays": OFF, "workdays": WORKED}])


def ics(off: str = "节日（休）", worked: str = "节日（班）") -> str:
    events = [("20261231", "20270102", off), ("20271001", "20271002", off)]
    events += [("20261226", "20261227", worked), ("20271009", "20271010", worked)]
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VTIMEZONE", "DTSTART:19700101T000000"]
    lines.append("END:VTIMEZONE")
    for first, end, name in events:
        lines += ["BEGIN:VEVENT", f"DTSTART;VALUE=DATE:{first}", f"DTEND;VALUE=DATE:{end}"]
        lines += [f"SUMMARY;LANGUAGE=zh_CN:{name[:2]}", f" {name[2:]}", "END:VEVENT"]
    return "\r\n".join((*lines, "END:VCALENDAR", ""))


@pytest.mark.parametrize(
    "make",
    [
        public_json,
        by_day_json,
        plain_json,
        ics,
        lambda: ics("元旦 假期 第1天/共3天", "元旦 补班 第1天/共1天"),
        lambda: ics("元旦假期", "上班(补元旦假期)"),
    ],
)
def test_the_usual_forms_say_the_same(make: Callable[[], str]) -> None:
    found = announced_by(make().encode(), "x")
    assert found.years == (2027,)
    assert found.of(2027) == (["2027-01-01", "2027-10-01"], ["2027-10-09"])
    assert found.of(2026) == (["2026-12-31"], ["2026-12-26"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "form that is known"),
        ("{}", "form that is known"),
        ("[]", "names no day"),
        ("<html>", "form that is known"),
        ('{"year": 2027, "days": []} trailing', "form that is known"),
        ('{"year": "2027", "holidays": []}', "a year is a number"),
        ('{"year": 2027, "days": [{"date": "2027-01-01", "isOffDay": 1}]}', "true or false"),
        ('{"year": 2027, "days": [{"date": "2027-02-30", "isOffDay": true}]}', "form"),
        ('{"year": 2027, "holidays": ["2027-01-01", "2027-01-01"]}', "2027-01-01 is named twice"),
        (
            '{"year": 2027, "holidays": ["2027-01-02"], "workdays": ["2027-01-02"]}',
            "2027-01-02 is named twice",
        ),
        ('{"year": 2027, "holidays": [], "workdays": ["2027-01-04"]}', "2027-01-04 is a weekday"),
        ('{"year": 2027, "holidays": ["2026-11-30"]}', "2026-11-30 is of another year"),
        ('{"year": 2027, "holidays": ["2028-01-01"]}', "2028-01-01 is of another year"),
        (ics("除夕节日", "节日（班）"), "neither 休 or 假 nor 班"),
        (ics().replace("20271002", "20271001"), "lasts from 2027-10-01 to 2027-10-01"),
        (ics().replace("DTSTART;VALUE=DATE:20271001", "DTSTART:20271001T0900"), "no whole day"),
        (ics().replace("SUMMARY", "RRULE:FREQ=YEARLY\r\nSUMMARY"), "has RRULE"),
        (ics().replace("SUMMARY", "RDATE:20271008\r\nSUMMARY"), "has RDATE"),
        (ics().replace("SUMMARY", "DURATION:P3D\r\nSUMMARY"), "has DURATION"),
        (ics().replace("END:VEVENT", "END:VALARM", 1), "ends nothing"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:休\nDTSTART:99991231\nEND:VEVENT", "form"),
        ('{"year": 0, "days": []}', "between 1 and 9999"),
        ('{"year": 2027, "days": [], "holidays": ["2027-01-01"]}', "two forms"),
    ],
)
def test_what_announces_no_holidays_is_refused_and_says_why(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        announced_by(text.encode(), "x")
    assert caught.value.code == "bad-calendar-file"
    assert said in caught.value.message


def test_what_stands_inside_an_event_and_what_is_cancelled_says_nothing_of_days() -> None:
    alarm = "BEGIN:VALARM\r\nSUMMARY:提醒 班\r\nEND:VALARM\r\nEND:VEVENT"
    cancelled = (
        "BEGIN:VEVENT\r\nSUMMARY:节日（休）\r\nSTATUS:CANCELLED\r\n"
        "DTSTART;VALUE=DATE:20271201\r\nEND:VEVENT\r\nEND:VCALENDAR"
    )
    told = announced_by(ics().encode(), "x")
    assert announced_by(ics().replace("END:VEVENT", alarm).encode(), "x") == told
    assert announced_by(ics().replace("END:VCALENDAR", cancelled).encode(), "x") == told


def test_nothing_but_weekends_is_founded_with_none() -> None:
    assert calendar_for("none").years == ()


def test_a_file_founds_the_years_that_it_announces_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "2027.json"
    path.write_text(public_json(), encoding="utf-8")
    founded = calendar_for(str(path))
    assert (founded.years, founded.holidays) == ((2027,), ("2027-01-01", "2027-10-01"))
    with pytest.raises(UsageError, match=r"missing\.json"):
        calendar_for(str(tmp_path / "missing.json"))
