"""Canonical JSON: the same bytes as the rfc8785 package, and a precise code for all others."""

from __future__ import annotations

import json
from typing import Annotated, Any

import msgspec
import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Meta

from ledger import canonical
from ledger.errors import DecodeError
from ledger.limits import SAFE_INTEGER_MAX

ASCII_KEYS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=8)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
INTEGERS = st.integers(-SAFE_INTEGER_MAX, SAFE_INTEGER_MAX)
VALUES = st.recursive(
    st.booleans() | INTEGERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ASCII_KEYS, inner, max_size=4),
    max_leaves=12,
)

ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


class Sample(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    amount: Annotated[int, Meta(ge=-SAFE_INTEGER_MAX, le=SAFE_INTEGER_MAX)] = 0
    inner: dict[str, Any] = {}
    text: str = ""


SAMPLE = msgspec.json.Decoder(Sample)


@given(VALUES)
@example({"a": '\x00\x08\t\n\x0b\x0c\r\x1f\x7f\u2028\u20ac\U0001f600"\\/'})
@example({"aa": 1, "a": 2, "Z": 3, "_": 4, "a ": 5, "": 6})
def test_encoder_writes_the_bytes_of_rfc_8785(value: Any) -> None:
    assert canonical.encode(value) == rfc8785.dumps(value)


@given(VALUES)
def test_decoder_accepts_what_the_encoder_wrote_and_gives_the_value_back(value: Any) -> None:
    assert canonical.decode(canonical.encode(value), ANY, "value") == value


@given(VALUES)
def test_decoder_refuses_the_same_value_in_any_other_spelling(value: Any) -> None:
    spaced = json.dumps(value, indent=1).encode()
    if spaced != canonical.encode(value):
        with pytest.raises(DecodeError) as caught:
            canonical.decode(spaced, ANY, "value")
        assert caught.value.code == "not-canonical"


@given(st.binary(max_size=60))
def test_decoder_raises_only_decode_errors_and_accepts_only_canonical_bytes(raw: bytes) -> None:
    try:
        value = canonical.decode(raw, ANY, "value")
    except DecodeError:
        return
    assert canonical.encode(value) == raw


def test_struct_fields_and_tag_are_sorted_together() -> None:
    class Tagged(msgspec.Struct, tag_field="type", tag="x"):
        zone: int
        alpha: int

    assert canonical.encode(Tagged(zone=1, alpha=2)) == b'{"alpha":2,"type":"x","zone":1}'


BAD: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not-json"),
    "a torn tail": (b'{"amount":1', "not-json"),
    "two values": (b"{}{}", "not-json"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "not-json"),
    "utf-16": ("{}".encode("utf-16"), "not-json"),
    "bytes that are not UTF-8": (b'{"text":"\xff"}', "not-json"),
    "an encoded surrogate": (b'{"text":"\xed\xa0\x80"}', "not-json"),
    "half of a surrogate pair": (b'{"text":"a\\udc00b"}', "lone-surrogate"),
    "a pair torn by a letter": (b'{"text":"\\ud83da\\ude00"}', "lone-surrogate"),
    "a torn pair in a key": (b'{"a":{"\\ud800":1}}', "key-not-ascii"),
    "a raw control character": (b'{"text":"a\nb"}', "not-json"),
    "a fraction": (b'{"amount":1.5}', "float"),
    "a whole float": (b'{"amount":1.0}', "float"),
    "an exponent": (b'{"amount":1e2}', "float"),
    "not a number": (b'{"amount":NaN}', "float"),
    "infinity": (b'{"amount":-Infinity}', "float"),
    "2^53": (b'{"amount":9007199254740992}', "integer-range"),
    "-2^53": (b'{"amount":-9007199254740992}', "integer-range"),
    "thirty digits": (b'{"amount":' + b"9" * 30 + b"}", "integer-range"),
    "five thousand digits": (b'{"amount":' + b"9" * 5000 + b"}", "integer-range"),
    "a key twice": (b'{"amount":1,"amount":1}', "duplicate-key"),
    "a key twice, deep inside": (b'{"inner":{"a":[{"b":1,"b":2}]}}', "duplicate-key"),
    "a key twice and a float": (b'{"amount":1.5,"amount":1}', "duplicate-key"),
    "null": (b'{"text":null}', "null"),
    "a key that is not ASCII": ('{"é":1}'.encode(), "key-not-ascii"),
    "nine levels": (b'{"other":' + b'{"a":' * 9 + b"1" + b"}" * 10, "too-deep"),
    "fifty thousand levels": (b"[" * 50_000 + b"]" * 50_000, "too-deep"),
    "an unknown field": (b'{"other":1}', "unknown-field"),
    "a text for a number": (b'{"amount":"1"}', "wrong-type"),
    "an array for an object": (b"[]", "wrong-type"),
    "keys out of order": (b'{"text":"a","amount":1}', "not-canonical"),
    "white space": (b'{"amount": 1}', "not-canonical"),
    "a newline at the end": (b'{"amount":1}\n', "not-canonical"),
    "a needless escape": (b'{"text":"\\u0061"}', "not-canonical"),
    "an escaped slash": (b'{"text":"\\/"}', "not-canonical"),
    "upper case in an escape": (b'{"text":"\\u001F"}', "not-canonical"),
    "an escape where a short one exists": (b'{"text":"\\u000a"}', "not-canonical"),
    "minus zero": (b'{"amount":-0}', "not-canonical"),
    "a default spelled out": (b'{"amount":0}', "not-canonical"),
}


@pytest.mark.parametrize("name", BAD)
def test_every_bad_input_gets_its_own_code(name: str) -> None:
    raw, code = BAD[name]
    with pytest.raises(DecodeError) as caught:
        canonical.decode(raw, SAMPLE, "sample")
    assert caught.value.code == code
    assert caught.value.message.startswith("sample")


def test_a_lone_surrogate_escape_is_refused() -> None:
    with pytest.raises(DecodeError):
        canonical.decode(b'{"text":"\\ud800"}', SAMPLE, "sample")


def test_parse_gives_plain_values() -> None:
    assert canonical.parse(b'{"a":[1,"x",true]}') == {"a": [1, "x", True]}
