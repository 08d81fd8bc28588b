"""Texts checked all at once are checked as strictly as a pattern checks each."""

from __future__ import annotations

import re
from typing import Any, Union

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger import canonical, forms
from ledger.contracts import EXAMPLES, RECORD_TYPES, decode_record, decode_records
from ledger.errors import DecodeError
from ledger.limits import IDENTIFIER_CHARS_MAX, RECORD_BYTES_MAX
from ledger.records import Identifier, Text
from ledger.texts import Identifiers, are_identifiers, are_lines, strict

_PATTERNS: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
    Union[tuple(map(strict, RECORD_TYPES.values()))]  # noqa: UP007
)

_SIGNS = 'aZ09_.:|*@-é\u3000😀\x00\x1f\x7f\x85\u2028\n\r\t /"\\'
texts = (
    st.text(st.sampled_from(_SIGNS), max_size=6)
    | st.text(max_size=6)
    | st.sampled_from(["", "a\nb", "a\n", "\na", "a" * 64, "a" * 65, "é" * 256, "é" * 257])
)
numbers = st.integers(-1, 3) | st.sampled_from([2**53 - 1, 2**53, 946_684_800_000])


class Leg(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One text only: nothing but the number of newlines tells two from one."""

    to: Identifier


class Paper(
    msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag="paper"
):
    """Texts of both forms in every place where they may stand."""

    id: Identifier
    note: Text = ""
    other: Identifier = ""
    legs: tuple[Leg, ...] = ()
    first: Leg | None = None


class Odd(msgspec.Struct):
    """A text with a form in a place where nothing looks for it."""

    names: tuple[Identifier, ...]


def outcome(decoder: Any, raw: bytes) -> tuple[str, object]:
    """Return what a decoder says of bytes: a value as plain data, or the error."""
    try:
        return "good", msgspec.to_builtins(canonical.decode(raw, decoder, "record"))
    except DecodeError as error:
        return error.code, error.message


@given(st.lists(texts, max_size=4))
@example(["a", "b\nc"])
@example(["a\n"])
@example(["", "a"])
@example(["a", ""])
@example(["a", ".b"])
@example(["é"])
def test_texts_are_identifiers_if_and_only_if_the_pattern_is_found_in_each(said: list[str]) -> None:
    short = [text[: IDENTIFIER_CHARS_MAX + 1] for text in said]
    found = all(re.search(forms.shut(forms.IDENTIFIER), text) for text in short)
    fit = all(len(text) <= IDENTIFIER_CHARS_MAX for text in short)
    assert (are_identifiers(short) and fit) == found


@pytest.mark.parametrize("code", range(0x180))
def test_every_sign_stands_in_an_identifier_where_the_pattern_lets_it(code: int) -> None:
    for text in (chr(code), f"a{chr(code)}", f"a{chr(code)}b"):
        found = re.search(forms.shut(forms.IDENTIFIER), text) is not None
        assert are_identifiers([text]) == found
        assert are_identifiers(["a", text, "b"]) == found


@given(st.lists(texts | st.text(st.sampled_from('a\\"nu01\n\x7f'), max_size=8), max_size=4))
@example(["\\n"])
@example(['\\"n'])
@example(["\\\n"])
def test_a_control_character_is_seen_in_the_canonical_bytes_of_any_text(said: list[str]) -> None:
    found = all(re.search(forms.shut(forms.LINE), text) for text in said if text)
    assert are_lines(canonical.encode(said)) == found


papers = st.fixed_dictionaries(
    {"id": texts},
    optional={
        "note": texts,
        "other": texts,
        "legs": st.lists(st.fixed_dictionaries({"to": texts}), max_size=3),
        "first": st.fixed_dictionaries({"to": texts}),
    },
)


@given(papers)
@example({"id": "a", "legs": [{"to": "a\nb"}]})
@example({"id": "a", "first": {"to": "\n"}})
@example({"id": "a", "other": ""})
def test_structs_inside_structs_are_checked_as_strictly(said: dict[str, Any]) -> None:
    raw = canonical.encode({"type": "paper", **said})
    code, _ = outcome(msgspec.json.Decoder(strict(Paper)), raw)
    try:
        paper = canonical.decode(raw, msgspec.json.Decoder(Paper), "paper")
    except DecodeError:
        assert code != "good"
        return
    stated = Identifiers(Paper).stated([paper])
    assert (are_identifiers(stated) and are_lines(raw)) == (code == "good")


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """Return a record of which some values are something else."""
    value = canonical.parse(canonical.encode(draw(st.sampled_from(list(EXAMPLES.values())))))
    for _ in range(draw(st.integers(0, 2))):
        place, name = value, draw(st.sampled_from(sorted(value)))
        while isinstance(place[name], dict | list) and place[name] and draw(st.booleans()):
            place = place[name]
            name = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else [0, -1]))
        place[name] = draw(texts | numbers | st.just([]) | st.booleans())
    return canonical.encode(value)


@given(spoiled())
@example(b'{"at":1,"id":"a","type":9007199254740992}')
@example(b'{"at":9007199254740992,"id":"a","type":"x"}')
@example(b'{"type":[9007199254740992]}')
@example(b"[9007199254740992]")
@example(b"9007199254740992")
@example(b"9" * 400)
@example(b'{"at":1,"id":"a","type":"dispute.resolved","x":' + b"9" * 400 + b"}")
def test_a_record_is_decoded_and_refused_as_the_patterns_have_it(raw: bytes) -> None:
    code, said = outcome(_PATTERNS, raw)
    try:
        record = decode_record(raw)
    except DecodeError as error:
        assert error.code == code
    else:
        assert (code, said) == ("good", msgspec.to_builtins(record))


def test_a_text_without_a_form_may_hold_what_lines_may_not() -> None:
    value = canonical.parse(canonical.encode(EXAMPLES["loan.proposed"]))
    value["terms"]["penalty_to"] = "a\n\x7f"
    raw = canonical.encode(value)
    assert canonical.encode(decode_record(raw)) == raw
    assert decode_records([raw, raw]) == (decode_record(raw),) * 2


@given(st.lists(spoiled() | st.sampled_from([b"{", b"x" * (RECORD_BYTES_MAX + 1)]), max_size=4))
def test_many_records_are_decoded_and_refused_as_one_by_one(raws: list[bytes]) -> None:
    def told(decode: Any) -> object:
        try:
            return tuple(decode())
        except DecodeError as error:
            return error.code, error.message

    assert told(lambda: decode_records(raws)) == told(lambda: [decode_record(r) for r in raws])


def test_the_first_of_many_records_that_is_none_is_told() -> None:
    example = EXAMPLES["payment.captured"]
    good = [canonical.encode(replace(example, id=f"inst-{number}")) for number in range(700)]
    assert [canonical.encode(record) for record in decode_records(good)] == good
    for place, code in ((300, "not-canonical"), (600, "not-json")):
        bad = [*good[:place], good[place] + b" ", *good[place + 1 : 650], b"{"]
        bad[600] = b"{"
        with pytest.raises(DecodeError) as caught:
            decode_records(bad)
        assert caught.value.code == code


def test_a_form_that_nothing_checks_is_no_type() -> None:
    with pytest.raises(TypeError, match=r"Odd.names has a form that nothing checks"):
        Identifiers(Odd)


def test_every_text_of_a_record_has_its_pattern_in_the_strict_type() -> None:
    def patterns(kind: type[msgspec.Struct]) -> list[str]:
        found: list[str] = []

        def walk(schema: Any) -> None:
            if isinstance(schema, dict):
                found.extend([schema["pattern"]] if isinstance(schema.get("pattern"), str) else [])
                schema = list(schema.values())
            for each in schema if isinstance(schema, list) else ():
                walk(each)

        walk(list(msgspec.json.schema_components([kind])[1].values()))
        return sorted(found)

    for kind in RECORD_TYPES.values():
        assert patterns(strict(kind)) == patterns(kind) != []
