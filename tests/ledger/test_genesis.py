"""A founding document that cannot mean what it says founds nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import canonical
from ledger.calendar import Calendar
from ledger.errors import DecodeError, GenesisError
from ledger.expectations import KINDS
from ledger.genesis import DUE_MS, Limits, read
from ledger.registration import refuse_bad_registration
from tests.ledger.ledger_kit import GENESIS, make_genesis


@pytest.mark.parametrize("day", ["2026-02-30", "2026-13-01", "2025-02-29", "0000-01-01"])
@pytest.mark.parametrize("name", ["holidays", "workdays"])
def test_a_day_that_there_is_not_is_no_holiday_and_not_worked(name: str, day: str) -> None:
    with pytest.raises(GenesisError, match=f"bad-calendar: {name} are .* {day} is none"):
        make_genesis(calendar=Calendar(**{name: (day,)}))


@pytest.mark.parametrize("day", ["٢٠٢٦-٠٢-١٧", "2026-2-17", "20260217", "2026-02-17\n"])
def test_a_day_is_written_in_plain_digits(day: str) -> None:
    with pytest.raises(DecodeError, match=r"bad-format: .*a date, such as 2026-03-31"):
        make_genesis(calendar=Calendar(holidays=(day,)))


@pytest.mark.parametrize(
    ("calendar", "said"),
    [
        (Calendar(years=(2027, 2026)), "years come in order"),
        (Calendar(years=(2026, 2026)), "years come in order"),
        (Calendar(holidays=("2026-01-01",)), "2026-01-01 is of another one"),
        (Calendar(workdays=("2026-01-05",), years=(2026,)), "2026-01-05 is a weekday"),
        (Calendar(accepted_by=("platform",)), "besides platform and institution"),
        (Calendar(accepted_by=("stranger",)), "besides platform and institution"),
        (Calendar(accepted_by=("funder", "funder")), "names a party once"),
    ],
)
def test_a_founded_calendar_can_be_meant(calendar: Calendar, said: str) -> None:
    with pytest.raises(GenesisError, match=f"bad-calendar: .*{said}"):
        make_genesis(calendar=calendar)


@pytest.mark.parametrize("kind", ["captures", "payout_result", ""])
def test_only_what_can_be_awaited_has_a_due_time(kind: str) -> None:
    with pytest.raises(GenesisError, match=r"bad-due-ms: .*capture, .*payout-result, .*") as caught:
        make_genesis(due_ms={"capture": 60_000, kind: 60_000})
    assert repr(kind) in caught.value.message


def test_every_kind_of_expectation_may_have_a_due_time_and_need_not() -> None:
    assert {*DUE_MS} == {*KINDS}
    for kind in KINDS:
        assert make_genesis(due_ms={kind: 7}).due_after_ms[kind] == 7


def test_what_is_founded_is_read_back_and_read_is_as_strict() -> None:
    assert read(GENESIS.raw) == GENESIS
    with pytest.raises(GenesisError, match="bad-due-ms"):
        read(GENESIS.raw.replace(b'"dispute":', b'"disputes":'))


def changed(**fields: object) -> bytes:
    """Return the bytes of a genesis in which these fields are other ones."""
    return canonical.encode({**json.loads(GENESIS.raw), **fields})


# -- format 2 -----------------------------------------------------------------------------------

OLD = (
    b'{"calendar":{"cutoff_minute":1440,"holidays":[],"utc_offset_minutes":480,"workdays":[]},'
    b'"created_at":1767225600000,"due_ms":{},"limits":{"amount":10000000000000},"members":[],'
    b'"name":"old","quorum":3,"timeouts":{"base_ms":1000,"cap_ms":8000},"version":1}'
)


def test_a_ledger_of_format_1_is_refused_with_the_version_that_reads_it() -> None:
    with pytest.raises(GenesisError, match=r"format-1: .*only version 0\.1 reads it") as caught:
        read(OLD)
    assert "this version reads format 2" in caught.value.message


@pytest.mark.parametrize("version", [0, 3, "2", 2.0, None])
def test_a_format_that_there_is_not_is_no_genesis(version: object) -> None:
    with pytest.raises(DecodeError):
        read(json.dumps({"version": version}).encode())


def test_the_governance_section_is_reserved() -> None:
    assert b'"governance":{}' in GENESIS.raw
    with pytest.raises(DecodeError, match=r"unknown-field: .*governance"):
        read(changed(governance={"amend": "majority"}))


def test_the_hash_of_another_format_is_another_hash() -> None:
    """What was signed for a ledger of format 1 names none of format 2."""
    from hashlib import sha256

    assert GENESIS.hash == sha256(b"tongzhang/genesis/v2\n" + GENESIS.raw).digest()


@pytest.mark.parametrize("ppm", [0, -1, 1_000_001])
def test_the_cost_limit_is_a_rate(ppm: int) -> None:
    with pytest.raises(DecodeError, match="cost_limit_ppm"):
        read(changed(cost_limit_ppm=ppm))
    assert GENESIS.cost_limit_ppm == 240_000


def test_a_quota_below_one_batch_would_stop_a_party() -> None:
    with pytest.raises(GenesisError, match=r"bad-limits: .*quota"):
        make_genesis(limits=Limits(batch_records=1000, party_records=999))
    assert make_genesis(limits=Limits(party_records=1000)).limits.party_records == 1000


# -- who they are -------------------------------------------------------------------------------

CREDIT_CODE = "91350100M000100Y43"
"""The example that GB 32100-2015 itself gives."""


def stating(**fields: str) -> bytes:
    members = json.loads(GENESIS.raw)["members"]
    return changed(members=[members[0] | fields, *members[1:]])


def test_names_and_registrations_are_kept_as_they_were_stated() -> None:
    said = {"legal_name": "某某支付有限公司", "registration": CREDIT_CODE}
    member = read(stating(**said, address="10.0.0.5:8800")).members[0]
    assert (member.legal_name, member.registration) == tuple(said.values())
    assert member.address == "10.0.0.5:8800"


@pytest.mark.parametrize("text", ["a\nb", "x\x00", "y" * 201, "\x7f"])
def test_a_legal_name_is_one_line(text: str) -> None:
    with pytest.raises(DecodeError):
        read(stating(legal_name=text))


@pytest.mark.parametrize(
    "text",
    [
        "91350100M000100Y44",  # the check character of another code
        "91350100M000100Y4",
        "91350100M000100Y433",
        "91350100m000100Y43",
        "9135010OM000100Y43",  # O is no digit
        "lei:",
        "lei: 5299",
        "lei:5299 ",
        "LEI:5299",
        ":5299",
        "lei:52\n99",
        "9" * 18,
    ],
)
def test_a_registration_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(GenesisError, match="bad-registration"):
        read(stating(registration=text))


@pytest.mark.parametrize("text", ["", "lei:529900T8BM49AURSDO55", "hrb:B 12345", "x:1"])
def test_other_registers_are_named(text: str) -> None:
    assert read(stating(registration=text)).members[0].registration == text


_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
"""As the table of the standard prints them."""


def checks(code: str) -> bool:
    """Whether a credit code checks, by the standard's table of weights."""
    total = sum(_LETTERS.index(c) * weight for c, weight in zip(code, _WEIGHTS, strict=False))
    return code[17] == _LETTERS[(31 - total % 31) % 31]


@given(
    st.text(_LETTERS, min_size=2, max_size=2),
    st.text("0123456789", min_size=6, max_size=6),
    st.text(_LETTERS, min_size=10, max_size=10),
)
def test_exactly_the_codes_that_check_are_credit_codes(a: str, b: str, c: str) -> None:
    code = a + b + c
    for last in _LETTERS:
        tried = code[:17] + last
        try:
            refuse_bad_registration(tried)
        except GenesisError:
            assert not checks(tried)
        else:
            assert checks(tried)


@given(st.integers(0, 17), st.sampled_from(_LETTERS))
def test_one_mistyped_character_is_always_found(place: int, other: str) -> None:
    right = CREDIT_CODE
    wrong = right[:place] + other + right[place + 1 :]
    if wrong != right:
        with pytest.raises(GenesisError):
            refuse_bad_registration(wrong)


def test_a_member_needs_all_its_fields_written_down() -> None:
    members = json.loads(GENESIS.raw)["members"]
    del members[0]["legal_name"]
    with pytest.raises(DecodeError, match="not-canonical"):
        read(changed(members=members))
