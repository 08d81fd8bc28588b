"""Records: every type decodes from its canonical bytes, and bad ones say precisely what is bad."""

from __future__ import annotations

from typing import Any

import pytest

from ledger import canonical
from ledger.contracts import CONTRACTS, EXAMPLES, RECORD_TYPES, ROWS, RULES, decode_record
from ledger.errors import DecodeError
from ledger.limits import RECORD_BYTES_MAX
from tests.ledger import calendar_kit, fee_kit, loan_refusals, refund_kit
from tests.ledger.ledger_kit import (
    GENESIS,
    HEX,
    MORNING,
    RECEIVER,
    captured,
    leg,
    paid_of,
    payout_of,
    split,
)

HEAD: dict[str, Any] = {"at": MORNING, "id": "r1"}

SAMPLES: dict[str, dict[str, Any]] = {
    "receiver.registered": {"receiver": "shop", "owner": "platform", **RECEIVER},
    "receiver.suspended": {"receiver": "shop", "reason": "fraud"},
    "receiver.resumed": {"receiver": "shop", "reason": "cleared"},
    "payment.captured": captured(),
    "payment.reversed": {"payment": "P1", "reason": "void"},
    "split.instructed": split(),
    "split.amended": split(),
    "split.withdrawn": {"payment": "P1", "reason": "cancelled"},
    "settlement.created": payout_of(),
    "settlement.paid": paid_of(),
    "settlement.returned": {"payout": "O1", "reason": "account closed"},
    "settlement.confirmed": {
        "payout": "O1",
        "amount": 7000,
        "currency": "CNY",
        "received_at": MORNING,
    },
    **refund_kit.SAMPLES,
    **fee_kit.SAMPLES,
    **calendar_kit.SAMPLES,
    **loan_refusals.SAMPLES,
    "offer.closed": fee_kit.closing(),
    "profit.accepted": fee_kit.consent(),
    "profit.confirmed": fee_kit.confirmation_of(),
}


def raw_of(type_: str, **changes: Any) -> bytes:
    whole = {**HEAD, "type": type_, **SAMPLES[type_], **changes}
    return canonical.encode({name: value for name, value in whole.items() if value is not None})


def code_of(raw: bytes) -> str:
    with pytest.raises(DecodeError) as caught:
        decode_record(raw)
    return caught.value.code


def test_there_is_a_sample_of_every_type() -> None:
    assert sorted(SAMPLES) == sorted(RECORD_TYPES)


@pytest.mark.parametrize("type_", SAMPLES)
def test_every_type_decodes_and_encodes_to_the_same_bytes(type_: str) -> None:
    raw = raw_of(type_)
    record = decode_record(raw)
    assert type(record) is RECORD_TYPES[type_]
    assert canonical.encode(record) == raw


SUBJECTS = {
    *("receiver", "payment", "payout", "float", "refund", "dispute"),
    *("fee-agreement", "invoice", "profit-agreement", "share", "calendar"),
    *("loan", "compensation"),
}
OPTIONAL = {"held_at", "holidays", "owner", "tail_leg", "workdays", "guarantor", "instalments"}


@pytest.mark.parametrize("type_", SAMPLES)
def test_every_field_that_is_not_optional_is_required(type_: str) -> None:
    for name in ("id", "at", *SAMPLES[type_]):
        if name not in OPTIONAL:
            assert code_of(raw_of(type_, **{name: None})) == "missing-field", name


GOOD_CAPTURE = raw_of("payment.captured")

BAD: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not-json"),
    "no object": (b"[]", "wrong-type"),
    "no type": (b'{"at":1,"id":"x"}', "missing-field"),
    "an unknown type": (b'{"at":1,"id":"x","type":"payment.stolen"}', "unknown-type"),
    "a type that names another problem": (
        b'{"at":1,"id":"x","type":"Object contains unknown field"}',
        "unknown-type",
    ),
    "a type that is a number": (b'{"at":1,"id":"x","type":5}', "wrong-type"),
    "an unknown field": (raw_of("payment.captured", rate=1), "unknown-field"),
    "an unknown field of a leg": (
        raw_of("split.instructed", legs=[leg(1, "shop", amount=10_000, rate=1)]),
        "unknown-field",
    ),
    "no id": (raw_of("payment.captured", id=None), "missing-field"),
    "an id of 65 characters": (raw_of("payment.captured", id="x" * 65), "too-long"),
    "an id with a space": (raw_of("payment.captured", id="a b"), "bad-format"),
    "an id with a newline at its end": (raw_of("payment.captured", id="ab\n"), "bad-format"),
    "an empty id": (raw_of("payment.captured", id=""), "bad-format"),
    "an id that starts with a dot": (raw_of("payment.captured", id=".a"), "bad-format"),
    "a text of 257 characters": (raw_of("payment.captured", channel="x" * 257), "too-long"),
    "an empty text": (raw_of("payment.captured", channel=""), "too-short"),
    "a float": (GOOD_CAPTURE.replace(b":10000,", b":100.00,"), "float"),
    "2^53": (raw_of("payment.captured", amount=2**53), "integer-range"),
    "an amount of nothing": (raw_of("payment.captured", amount=0), "integer-range"),
    "a negative amount": (raw_of("payment.captured", amount=-1), "integer-range"),
    "a time before the epoch": (raw_of("payment.captured", at=-1), "integer-range"),
    "an amount in quotes": (raw_of("payment.captured", amount="1"), "wrong-type"),
    "a boolean amount": (raw_of("payment.captured", amount=True), "wrong-type"),
    "a currency in lower case": (raw_of("payment.captured", currency="cny"), "unknown-value"),
    "a currency of four letters": (raw_of("payment.captured", currency="CNYX"), "unknown-value"),
    "null": (GOOD_CAPTURE.replace(b'"wechat"', b"null"), "null"),
    "a key twice": (GOOD_CAPTURE.replace(b'{"amount"', b'{"amount":1,"amount"'), "duplicate-key"),
    "white space": (GOOD_CAPTURE + b" ", "not-canonical"),
    "an empty optional field": (raw_of("split.instructed", loan=""), "bad-format"),
    "an unknown kind": (raw_of("receiver.registered", kind="wallet"), "unknown-value"),
    "a cycle beyond T+30": (raw_of("receiver.registered", cycle="T+31"), "bad-format"),
    "a cycle with a leading zero": (raw_of("receiver.registered", cycle="T+01"), "bad-format"),
    "a commitment in upper case": (
        raw_of("receiver.registered", commitment=HEX.upper()),
        "bad-format",
    ),
    "a whole account number": (raw_of("receiver.registered", last4="622202123"), "bad-format"),
    "51 legs": (
        raw_of("split.instructed", legs=[leg(1, "shop", amount=1)] * 51),
        "too-long",
    ),
    "leg 51": (raw_of("split.instructed", legs=[leg(51, "shop", amount=1)]), "integer-range"),
    "a ratio above one": (
        raw_of("split.instructed", legs=[leg(1, "shop", ppm=1_000_001)]),
        "integer-range",
    ),
    "a date with a time": (raw_of("settlement.created", cutoff_date="2026-01-06T00"), "bad-format"),
    "too many bytes": (b" " * (RECORD_BYTES_MAX + 1), "record-too-large"),
}


@pytest.mark.parametrize("name", BAD)
def test_every_bad_record_gets_a_precise_code(name: str) -> None:
    raw, code = BAD[name]
    assert code_of(raw) == code


def test_a_record_of_the_largest_size_is_still_looked_at() -> None:
    assert code_of(b" " * RECORD_BYTES_MAX) == "not-json"


def test_a_message_names_the_field() -> None:
    with pytest.raises(DecodeError, match=r"\$\.legs\[0\]\.receiver"):
        decode_record(raw_of("split.instructed", legs=[leg(1, "no spaces", amount=10_000)]))


def test_every_rule_of_every_contract_is_registered_once() -> None:
    rules = [rule for contract in CONTRACTS for rule in contract.RULES]
    assert len(rules) == len(RULES) == len(RECORD_TYPES)


def test_every_type_has_an_example_that_decodes_to_itself() -> None:
    assert list(EXAMPLES) == list(RECORD_TYPES), "add an example to the EXAMPLES of the contract"
    for example in EXAMPLES.values():
        assert decode_record(canonical.encode(example)) == example


def test_tables_and_keys_of_rows_are_well_formed() -> None:
    assert len({row.TABLE for row in ROWS}) == len(ROWS)
    for row in ROWS:
        fields = row.__struct_fields__
        assert 1 <= row.KEY <= len(fields)
        assert all(name in fields for index in row.INDEXES for name in index)


@pytest.mark.parametrize("type_", SAMPLES)
def test_subject_and_keys_are_strings_and_known_rows(type_: str) -> None:
    record = decode_record(raw_of(type_))
    rule = RULES[type(record)]
    assert rule.subject(record).split(":")[0] in SUBJECTS
    for kind, key in rule.keys(record, GENESIS):
        assert kind in ROWS
        assert len(key) == kind.KEY


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"legs": [leg(1, "shop", amount=10_000), leg(2, "shop", amount=0)]},
            "0 is not possible - at `$.legs[1].amount`; it is 1 to 9007199254740991: minor units "
            "of a leg in fixed mode; a leg that gets nothing is left out",
        ),
        (
            {"mode": "ratio", "legs": [leg(1, "shop", ppm=0)]},
            "0 is not possible - at `$.legs[0].ppm`; it is 1 to 1000000: parts per million",
        ),
        (
            {"legs": [leg(51, "shop", amount=1)]},
            "51 is not possible - at `$.legs[0].leg`; it is 1 to 50",
        ),
        (
            {"amount": -1},
            "-1 is not possible - at `$.amount`; it is 1 to 9007199254740991: "
            "an amount in minor units of the currency",
        ),
    ],
)
def test_a_number_out_of_bounds_is_told_what_it_has_to_be(
    changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_record(raw_of("split.instructed", **changes))
    assert (caught.value.code, caught.value.message) == ("integer-range", f"record: {said}")
