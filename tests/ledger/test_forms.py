"""What a record's field wants is said in words: a pattern helps nobody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta

from cli.errors import UsageError
from cli.pages import identifier
from demo.day.cells import record_of, written
from ledger import forms
from ledger.contracts import EXAMPLES, RECORD_TYPES, RULES, decode_record
from ledger.contracts.times import shown
from ledger.errors import DecodeError
from ledger.genesis import Member, found
from tests.ledger.ledger_kit import GENESIS, Ledger, captured, leg
from tests.ledger.test_records import SAMPLES, raw_of

BAD = "\t"


def patterns(schema: Any) -> Iterator[str]:
    """Yield the patterns of a JSON schema."""
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        schema = list(schema.values())
    if isinstance(schema, list):
        for each in schema:
            yield from patterns(each)


def test_every_pattern_of_a_record_has_words() -> None:
    asked_only = {forms.CURRENCY, forms.PLACE}
    expected = {forms.shut(form) for form in forms.WORDS if form not in asked_only}
    assert {*patterns(list(msgspec.json.schema_components(RULES)))} == expected


def test_no_newline_follows_what_a_person_or_a_file_states() -> None:
    assert identifier("P-1") == "P-1"
    with pytest.raises(UsageError, match="an id: 1 to 64 letters"):
        identifier("P-1\n")
    example = EXAMPLES["receiver.registered"]
    cells = written(example)
    assert record_of(type(example), cells) == example
    with pytest.raises(ValueError, match="cycle"):
        record_of(type(example), {**cells, "cycle": f"{cells['cycle']}\n"})


def test_nothing_follows_what_fits_not_even_a_newline() -> None:
    wanted = msgspec.json.Decoder(Annotated[str, Meta(pattern=forms.shut(forms.DAY))])
    assert wanted.decode(b'"2026-03-31"') == "2026-03-31"
    for more in ("\\n", "\\n\\n", " "):
        with pytest.raises(msgspec.ValidationError):
            wanted.decode(f'"2026-03-31{more}"'.encode())


@pytest.mark.parametrize("type_", SAMPLES)
def test_a_field_of_another_form_is_refused_in_words(type_: str) -> None:
    told = 0
    for name, value in {"id": "x", **SAMPLES[type_]}.items():
        if not isinstance(value, str):
            continue
        with pytest.raises(DecodeError) as caught:
            decode_record(raw_of(type_, **{name: BAD}))
        assert "regex" not in str(caught.value)
        if caught.value.code == "bad-format":
            assert f" - at `$.{name}`" in caught.value.message
            assert any(words in caught.value.message for words in forms.WORDS.values())
            told += 1
    assert told


def test_a_time_in_seconds_is_told_from_one_in_milliseconds() -> None:
    with pytest.raises(DecodeError, match=r"from the year 2000 on \(not seconds\) - at `\$.cap"):
        decode_record(raw_of("payment.captured", captured_at=1_767_578_400))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (
            raw_of("dispute.resolved", outcome="maybe"),
            "record: 'maybe' is not possible - at `$.outcome`; there are rejected, upheld",
        ),
        (
            raw_of("dispute.resolved", outcome="uphold"),
            "record: 'uphold' is not possible - at `$.outcome`; did you mean 'upheld'?",
        ),
        (
            raw_of("dispute.resolved", outcome="it's"),
            'record: "it\'s" is not possible - at `$.outcome`; there are rejected, upheld',
        ),
        (
            b'{"at":1,"id":"x","type":"payment.capture"}',
            "record: 'payment.capture' is no type of record; did you mean 'payment.captured'?",
        ),
        (
            b'{"at":1,"id":"x","type":"zzz"}',
            "record: 'zzz' is no type of record; there are receiver.registered|suspended|resumed, "
            "payment.captured|reversed, split.instructed|amended|withdrawn, ",
        ),
        (
            raw_of("dispute.resolved", note="n"),
            "record: there is no field 'note'; there are at, id, dispute, outcome, reason",
        ),
        (
            raw_of("dispute.resolved", resaon="n"),
            "record: there is no field 'resaon'; did you mean",
        ),
        (
            raw_of("split.instructed", legs=[leg(1, "shop", amount=10_000, rate=1)]),
            "record: there is no field 'rate' - at `$.legs[0]`; there are leg, receiver, purpose",
        ),
        (
            raw_of("dispute.resolved", **{"x` - at `$.outcome": 1}),
            "record: Object contains unknown field `x` - at `$.outcome`",
        ),
    ],
)
def test_what_names_nothing_is_told_what_there_is(raw: bytes, said: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_record(raw)
    assert caught.value.message.startswith(said)


def test_a_complaint_about_no_form_is_told_as_it_is() -> None:
    for complaint in ("Expected `str`, got `int` - at `$.a`", "Expected `int` >= 1", "JSON"):
        assert forms.in_words(complaint) == complaint


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z (0 ms)"),
        (1_767_578_400_001, "2026-01-05T02:00:00.001Z (1767578400001 ms)"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z (253402300799999 ms)"),
        (253_402_300_800_000, "after the year 9999 (253402300800000 ms)"),
        (2**53 - 1, "after the year 9999 (9007199254740991 ms)"),
    ],
)
def test_a_time_is_shown_as_a_date_and_in_milliseconds(time_ms: int, text: str) -> None:
    assert shown(time_ms) == text


def test_a_party_that_is_called_as_its_role_is_named_once() -> None:
    refusal = Ledger().refuse("wrong-author", "platform", "payment.captured", **captured())
    assert str(refusal).endswith("Expected institution, got platform.")


def test_a_party_with_a_name_of_its_own_is_named_with_its_role() -> None:
    members = (
        Member(key=each.key, name=f"{each.role}-co", role=each.role) for each in GENESIS.members
    )
    ledger = Ledger(found("named", tuple(members), 3, GENESIS.created_at))
    refusal = ledger.refuse("wrong-author", "funder-co", "payment.captured", **captured())
    assert str(refusal).endswith("Expected institution, got funder-co, whose role is funder.")


def test_the_answer_to_what_names_nothing_has_every_type_once_in_few_bytes() -> None:
    with pytest.raises(DecodeError) as refused:
        decode_record(b'{"at":1,"id":"x","type":"zzz"}')
    listed = refused.value.message.partition("there are ")[2]
    kinds = [each.partition(".") for each in listed.split(", ")]
    assert [f"{kind}.{rest}" for kind, _, all_ in kinds for rest in all_.split("|")] == sorted(
        RECORD_TYPES, key=lambda name: [kind for kind, _, _ in kinds].index(name.partition(".")[0])
    )
    assert len(refused.value.message) < 750
