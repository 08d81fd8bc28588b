"""What records say in words: every type and every refusal, in both languages, with its values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from string import Formatter
from typing import Any, cast

import msgspec
import pytest

from ledger import canonical
from ledger.contracts import EXAMPLES, RULES
from ledger.execute import refusals
from ledger.records import type_name
from views import cells, texts
from views.cells import Style
from views.labels import LANGUAGES, Label
from views.reader import Reader
from views.refusal_words import REFUSAL_WORDS
from views.sentence_texts import SENTENCES, WORDS
from views.sentences import fields_of, plain, refusal, sentence, sentences
from views.timeline import EntryView

CHINESE = re.compile(r"[一-鿿]")
BOOKS = {"books-overdrawn", "books-overflow"}
_WORDED = ("component", "kind", "outcome", "funders")
LOOKED_UP = {"amount", "currency", "receiver", "payment", "subject"}
"""What the row of the thing named says, and not every record about it."""


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    cells.choose(Style(offset_minutes=lambda: 480, symbols=True))
    yield
    texts.choose("en")
    cells.choose(Style())


def _values(record_type: str, **more: Any) -> dict[str, Any]:
    return {**more, **msgspec.json.decode(canonical.encode(EXAMPLES[record_type]))}


def test_every_type_of_record_has_a_sentence_and_no_other() -> None:
    assert set(SENTENCES) == {type_name(record) for record in RULES}


def test_every_refusal_has_its_words_and_no_other() -> None:
    codes = {code for rule in RULES.values() for code in refusals(rule)}
    assert set(REFUSAL_WORDS) == codes | BOOKS


@pytest.mark.parametrize("record_type", sorted(SENTENCES))
def test_both_languages_name_the_same_fields_and_the_record_has_them(record_type: str) -> None:
    of_terms = {"principal", "instalments"} if record_type == "loan.proposed" else set()
    known = {each.name for each in msgspec.structs.fields(type(EXAMPLES[record_type]))}
    for text in SENTENCES[record_type]:
        zh = {name for _, name, _, _ in Formatter().parse(text.zh) if name}
        assert zh == set(fields_of(text))
        assert zh <= known | of_terms | LOOKED_UP


@pytest.mark.parametrize(
    "label",
    [
        *(each for said in SENTENCES.values() for each in said),
        *REFUSAL_WORDS.values(),
        *WORDS.values(),
    ],
)
def test_every_text_is_there_in_both_languages(label: Label) -> None:
    assert label.en.isascii()
    assert CHINESE.search(label.zh) or not re.search("[a-z]", re.sub(r"{\w+}", "", label.en))
    assert not CHINESE.search(label.en)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("record_type", sorted(SENTENCES))
def test_the_main_sentence_of_an_example_says_all_its_values(
    record_type: str, language: texts.Language
) -> None:
    texts.choose(language)
    values = _values(record_type, currency="CNY", principal=500_000, instalments=12)
    said = plain(sentence(record_type, values))
    assert said
    assert "{" not in said
    for name in fields_of(SENTENCES[record_type][0]):
        value = values[name]
        if isinstance(value, str) and name not in _WORDED:
            assert value in said


def test_amounts_and_lists_are_written_as_people_write_them() -> None:
    said = plain(sentence("split.instructed", _values("split.instructed")))
    assert said == (
        "instructed how ¥100.00 of payment P-2025-1001, order O-2025-1001, is split: "
        "shop-7 ¥90.00, platform-fees ¥10.00"
    )
    texts.choose("zh")
    said = plain(sentence("payment.captured", _values("payment.captured")))
    assert said == (
        "已收款 ¥100.00：支付 P-2025-1001，订单 O-2025-1001，渠道 wechat；"
        "来源 买方 ¥95.00、平台补差 ¥5.00"
    )


def test_long_lists_are_cut_and_counted() -> None:
    legs = [{"leg": n, "receiver": f"shop-{n}", "amount": 100} for n in range(1, 6)]
    said = plain(sentence("split.instructed", _values("split.instructed") | {"legs": legs}))
    assert said.endswith("shop-1 ¥1.00, shop-2 ¥1.00, shop-3 ¥1.00 and 2 more")


def test_names_are_parts_that_can_be_links() -> None:
    parts = sentence("settlement.created", _values("settlement.created"))
    links = {part.link: part.text for part in parts if part.link}
    assert links == {"payout": "PO-2025-0001", "receiver": "shop-7"}


def test_what_a_party_wrote_is_never_translated() -> None:
    texts.choose("zh")
    record = _values("dispute.raised") | {"reason": "fee"}
    assert plain(sentence("dispute.raised", record)).endswith("：fee")


def test_a_refusal_is_said_in_words_and_a_code_that_is_not_known_as_it_is() -> None:
    assert refusal("applied") == ""
    assert refusal("already-captured") == "captured already"
    texts.choose("zh")
    assert refusal("already-captured") == "已经收款"
    assert refusal("of-a-later-version") == "of-a-later-version"


class _NoRows:
    """A reader of a ledger that has no row."""

    def rows_under(self, kind: type, keys: list[Any]) -> dict[Any, Any]:
        assert all(isinstance(name, str) for (name,) in keys)
        return {}


def _entry(**said: Any) -> EntryView:
    return EntryView(
        index=0,
        height=1,
        time=0,
        party="platform",
        batch=1,
        id="1",
        type="parcel.sent",
        subject="",
        outcome="applied",
        leaf_hash="",
        record=msgspec.Raw(canonical.encode({"type": "parcel.sent", **said})),
    )


@pytest.mark.parametrize("value", [["a", "b"], {"party": "p"}, 7, True])
@pytest.mark.parametrize("name", ["payout", "refund", "dispute", "loan"])
def test_a_record_of_another_business_may_call_anything_as_these_call_theirs(
    name: str, value: Any
) -> None:
    entries = [_entry(**{name: value}), _entry(**{name: "x"})]
    said = sentences(cast(Reader, _NoRows()), entries)
    assert [plain(each) for each in said] == ["parcel.sent"] * 2


@pytest.mark.parametrize("text", ["{paid_at}", "{rate_ppm}", "{amount}", "{payment}", "{papers}"])
def test_what_a_record_lacks_or_lists_is_said_without_a_fault(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_text = {**SENTENCES, "parcel.sent": (Label(text, text),)}
    monkeypatch.setattr("views.sentences.SENTENCES", with_text)
    said = sentence("parcel.sent", {"papers": [{"title": "A", "pages": 2}]})
    assert plain(said) == ("A, 2" if text == "{papers}" else "")
