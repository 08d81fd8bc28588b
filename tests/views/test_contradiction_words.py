"""What differs, in the reader's words: each form that contracts write, and texts of no form."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ledger import books
from ledger.contracts import calendars, fee_agreements, halves
from views import cells
from views.contradiction_words import contradiction_in_words

AMOUNTS = [
    ("captured", "instructed"),
    ("disbursed", "funded"),
    ("invoiced", "paid"),
    ("paid", "received"),
    ("shared", "received"),
    ("stated", "captured"),
    ("deposited", "confirmed"),
    ("withdrawn", "confirmed"),
]
ENGLISH = re.compile("[a-z]{2,}")


@pytest.fixture(autouse=True)
def _as_on_pages() -> Any:
    cells.choose(cells.Style(symbols=True))
    yield
    cells.choose(cells.Style())


def _fields(**given: Any) -> Any:
    same = {"order": "O1", "loan": "", "attempt": "", "amount": 100, "currency": "CNY"}
    return cast(Any, SimpleNamespace(**{**same, **given}))


@pytest.mark.parametrize(("said", "answered"), AMOUNTS)
def test_amounts_that_differ(said: str, answered: str) -> None:
    both = books.contradiction(said, (105282, "CNY"), answered, (105190, "CNY"))
    english = contradiction_in_words(f"amount: {both}", "en")
    assert english == (f"amount: {said} ¥1,052.82, {answered} ¥1,051.90; the difference is -¥0.92")
    chinese = contradiction_in_words(f"amount: {both}", "zh")
    assert not ENGLISH.search(chinese)
    assert chinese.startswith("金额：") and "¥1,052.82" in chinese and "相差 ¥0.92" in chinese


def test_halves_of_a_payment_that_differ_in_all() -> None:
    one = _fields(loan="L1", attempt="A5", amount=101)
    other = _fields(order="O2", currency="USD")
    detail = halves.differences(one, other)
    chinese = contradiction_in_words(detail, "zh")
    assert chinese == (
        "贷款：收款 L1，分账指示 无；还款尝试：收款 A5，分账指示 无；订单：收款 O1，分账指示 O2；"
        "金额和币种：收款 ¥1.01，分账指示 US$1.00"
    )
    assert contradiction_in_words(f"stated again since: {detail}", "zh").endswith(chinese)


def test_terms_of_an_agreement_that_differ() -> None:
    terms = {"currency": "CNY", "channel": "", "rate_ppm": 3000, "effective_from": "2026-01-01"}
    one = _fields(**terms, minimum=0, maximum=100)
    changed = {"channel": "wechat", "rate_ppm": 0, "effective_from": "2026-02-01"}
    other = _fields(**{**terms, **changed}, minimum=5, maximum=0)
    chinese = contradiction_in_words(fee_agreements.differences(one, other), "zh")
    assert not ENGLISH.search(chinese.replace("wechat", ""))


def test_days_of_a_calendar_that_differ() -> None:
    one = _fields(holidays=("2026-01-01", "2026-01-02"), workdays=())
    other = _fields(holidays=("2026-01-01",), workdays=("2026-01-04",))
    chinese = contradiction_in_words(calendars.differences(one, other), "zh")
    assert chinese == "节假日：仅声明 2026-01-02；调休工作日：仅接受 2026-01-04"


@pytest.mark.parametrize("text", ["", "less arrived than was paid", "a: b, c; d", "order: x"])
def test_a_text_of_no_form_stays(text: str) -> None:
    assert contradiction_in_words(text, "en") == text
    assert contradiction_in_words(text, "zh") == text
