"""Currencies are those of ISO 4217, and what is displayed says what it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import canonical, currencies
from ledger.contracts import EXAMPLES, RECORD_TYPES, decode_record
from ledger.currencies import CODES, decimal, decimals_of, shown
from ledger.errors import DecodeError
from ledger.limits import SAFE_INTEGER_MAX
from tests.api.queries_kit import Kept, month, refused
from tests.ledger.ledger_kit import Ledger, captured, split

CODE = st.sampled_from(CODES)
AMOUNT = st.integers(1, SAFE_INTEGER_MAX)
UNKNOWN = ["RMB", "XYZ", "ZZZ", "CNH", "XXX", "XTS", "XAU", "BGN", "HRK", "cny", "CNY ", "CN", ""]


def test_the_list_is_that_of_the_standard() -> None:
    """Numbers of list one of 2026-01-01: 178 codes, 13 of them without a minor unit."""
    assert len(CODES) == len(set(CODES)) == 178 - 13
    decimals = [decimals_of(code) for code in CODES]
    assert [decimals.count(n) for n in range(5)] == [17, 0, 139, 7, 2]
    assert {"CNY", "USD", "EUR", "JPY", "HKD", "MOP", "TWD", "KWD", "CLF", "XCG", "ZWG"} <= {*CODES}
    assert not {"RMB", "ANG", "BGN", "HRK", "SLL", "ZWL", "XAU", "XTS", "XXX"} & {*CODES}


@pytest.mark.parametrize("code", UNKNOWN)
def test_a_record_in_no_currency_is_no_record(code: str) -> None:
    ledger = Ledger()
    for type_, fields in (
        ("payment.captured", captured(currency=code)),
        ("split.instructed", split(currency=code)),
    ):
        with pytest.raises(DecodeError) as caught:
            decode_record(ledger.record(type_, fields))
        assert caught.value.code == "unknown-value"
        assert f"{code!r} is no code of ISO 4217; " in caught.value.message


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("RMB", "say CNY"),
        ("cny", "say CNY"),
        ("YEN", "say JPY"),
        ("XYZ", "such as CNY, USD or EUR"),
    ],
)
def test_who_writes_no_code_is_told_which_one_to_write(code: str, advice: str) -> None:
    with pytest.raises(DecodeError, match=f"{code}' is no code of ISO 4217; {advice}"):
        decode_record(Ledger().record("payment.captured", captured(currency=code)))


def test_every_currency_can_be_captured() -> None:
    for code in CODES:
        decode_record(Ledger().record("payment.captured", captured(currency=code)))


def test_every_record_that_has_a_currency_takes_codes_of_the_standard_only() -> None:
    tried = 0
    for type_, record in EXAMPLES.items():
        example = canonical.parse(canonical.encode(record))
        if "currency" not in example:
            continue
        tried += 1
        with pytest.raises(DecodeError, match="'RMB' is no code of ISO 4217; say CNY"):
            decode_record(canonical.encode({**example, "currency": "RMB"}))
        assert type_ in RECORD_TYPES
    assert tried > 12


@pytest.mark.parametrize(
    "path",
    [
        "/v1/fees?currency=RMB",
        "/v1/fee-agreements?currency=RMB",
        "/v1/books/statement?account=reserve&currency=RMB",
    ],
)
def test_a_question_about_no_currency_is_refused(path: str, asked: Kept) -> None:
    said = refused(asked.client.get(path), 400, "bad-parameter")
    assert "'RMB' is no code of ISO 4217; say CNY" in said


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return month(Path(tmp_path_factory.mktemp("asked")))


@given(AMOUNT, CODE)
def test_what_is_displayed_says_the_amount_that_it_is_displayed_of(amount: int, code: str) -> None:
    for group in ("", ","):
        text = decimal(amount, code, group)
        named, anything = shown(f"{text} {code}"), shown(text)
        assert named is not None
        assert named.minor_units() == {amount: (code,)}
        if anything is not None:  # so much there is of no currency with fewer decimals
            assert code in anything.minor_units()[amount]


@given(AMOUNT, AMOUNT, CODE)
def test_an_amount_reaches_what_is_displayed_of_a_smaller_one(
    one: int, other: int, code: str
) -> None:
    least = shown(f"{decimal(one, code)} {code}")
    assert least is not None
    assert least.is_reached(other, code) == (other >= one)
    another = next(each for each in CODES if each != code)
    assert not least.is_reached(other, another)


def test_amounts_of_an_unknown_currency_are_displayed_with_two_decimals() -> None:
    assert currencies.decimal(-12345, "RMB") == "-123.45"
