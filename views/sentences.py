"""Sentences: what a record says, in words, in English and in Chinese.

The author is no part of a sentence: whoever shows one puts the party before it::

    for entry, said in zip(entries, sentences(reader, entries), strict=True):
        print(entry.party, plain(said))

A record that stands refused says the same; :func:`refusal` says why it did not hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from string import Formatter
from typing import Any, NamedTuple

import msgspec

from ledger.contracts.disputes import Dispute
from ledger.contracts.loan_rows import LoanAgreement
from ledger.contracts.payouts import Payout
from ledger.contracts.refunds import Refund
from ledger.entry import APPLIED
from ledger.state import Row
from views import cells
from views.labels import Label
from views.reader import Reader
from views.refusal_words import REFUSAL_WORDS
from views.sentence_texts import SENTENCES, WORDS
from views.texts import language
from views.timeline import EntryView

LISTED_MAX = 3
"""Legs, recipients and the like that a sentence names; it counts the others."""

_ROWS: Mapping[str, tuple[type[Row], tuple[str, ...]]] = {
    "payout": (Payout, ("receiver", "amount", "currency")),
    "refund": (Refund, ("payment", "currency")),
    "dispute": (Dispute, ("subject", "against")),
    "loan": (LoanAgreement, ("currency",)),
}
"""What a record that names a thing leaves out, and its row says: what never changes of it."""

_LINKS = ("payment", "payout", "receiver", "loan", "dispute", "subject")
_AMOUNTS = ("amount", "principal", "overpaid", "minimum", "maximum")
_TIMES = ("captured_at", "paid_at", "received_at")
_NAMES = {"party": "", "source": "", "receiver": "receiver"}
_WORDED = ("component", "kind", "outcome")
_HASH_CHARS = 64
_HASH_SHOWN = 10


class SentencePart(NamedTuple):
    """A part of a sentence; ``link`` says what it names, ``payment`` or ``subject``, or nothing."""

    text: str
    link: str = ""


Sentence = tuple[SentencePart, ...]


def sentences(reader: Reader, entries: Sequence[EntryView]) -> list[Sentence]:
    """Return what entries say, in the chosen language: one query for each kind of thing named."""
    said = [msgspec.json.decode(each.record) for each in entries]
    rows = {name: _rows_of(reader, name, said) for name in _ROWS}
    return [
        sentence(each.type, _completed(values, rows))
        for each, values in zip(entries, said, strict=True)
    ]


def sentence(record_type: str, values: Mapping[str, Any]) -> Sentence:
    """Return what a record says; clauses of which a field is missing or empty are left out.

    Of a type that has no sentence its name is said.
    """
    if record_type not in SENTENCES:
        return (SentencePart(record_type),)
    first, *clauses = SENTENCES[record_type]
    values = _flat(values)
    parts = list(_parts(first, values))
    for clause in clauses:
        if all(values.get(name) not in (None, "", 0, ()) for name in fields_of(clause)):
            parts += _parts(clause, values)
    return tuple(parts)


def plain(said: Sentence) -> str:
    """Return a sentence as text."""
    return "".join(part.text for part in said)


def refusal(outcome: str) -> str:
    """Return a refusal's code in words; nothing for what was applied."""
    if outcome == APPLIED:
        return ""
    return REFUSAL_WORDS[outcome].text(language()) if outcome in REFUSAL_WORDS else outcome


def fields_of(text: Label) -> tuple[str, ...]:
    """Return the fields that a text names."""
    return tuple(name for _, name, _, _ in Formatter().parse(text.en) if name)


def _rows_of(reader: Reader, name: str, said: Sequence[Mapping[str, Any]]) -> dict[Any, Any]:
    keys = sorted({key for values in said if (key := _name_in(values, name))})
    return dict(reader.rows_under(_ROWS[name][0], [(key,) for key in keys])) if keys else {}


def _name_in(values: Mapping[str, Any], name: str) -> str:
    """Return what a record names; nothing where another business calls something else so."""
    value = values.get(name)
    return value if isinstance(value, str) else ""


def _completed(values: dict[str, Any], rows: Mapping[str, Mapping[Any, Any]]) -> Mapping[str, Any]:
    """Return the values of a record with what the rows of the things that it names say."""
    for name, (_, fields) in _ROWS.items():
        row = rows[name].get((_name_in(values, name),))
        if row is not None:
            values = {field: getattr(row, field) for field in fields} | values
    return values


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record's values, those of its inner objects too."""
    flat = dict(record)
    for name, value in record.items():
        if isinstance(value, dict):
            flat |= {inner: each for inner, each in value.items() if inner not in record}
            flat[name] = value.get("party", "")
    return flat


def _parts(text: Label, values: Mapping[str, Any]) -> Iterator[SentencePart]:
    for literal, name, _, _ in Formatter().parse(text.text(language())):
        if literal:
            yield SentencePart(literal)
        if name:
            yield from _written(name, values.get(name, ""), values)


def _written(name: str, value: Any, values: Mapping[str, Any]) -> Iterator[SentencePart]:
    if value == "":
        return
    if isinstance(value, list):
        yield from _listed(name, value, values)
    elif name in _AMOUNTS and isinstance(value, int):
        yield SentencePart(cells.money(value, values.get("currency", "")) or f"{value:,}")
    elif name in _TIMES:
        yield SentencePart(cells.time(value))
    elif name.endswith("ppm"):
        yield SentencePart(cells.percent(value))
    elif name in _LINKS:
        yield SentencePart(value, name)
    elif isinstance(value, str) and len(value) == _HASH_CHARS:
        yield SentencePart(f"{value[:_HASH_SHOWN]}…")
    else:
        yield SentencePart(_word(value) if name in _WORDED else str(value))


def _listed(name: str, items: list[Any], values: Mapping[str, Any]) -> Iterator[SentencePart]:
    """Yield the first items of a list by name, amount or share, and how many more there are."""
    zh = language() == "zh"
    for place, item in enumerate(items[:LISTED_MAX]):
        if place:
            yield SentencePart("、" if zh else ", ")
        yield from _item(item, values.get("currency", ""))
    if len(items) > LISTED_MAX:
        rest = len(items) - LISTED_MAX
        yield SentencePart(f"等共 {len(items)} 项" if zh else f" and {rest} more")


def _item(item: Any, currency: str) -> Iterator[SentencePart]:
    if not isinstance(item, dict):
        yield SentencePart(str(item))
        return
    named = next((name for name in _NAMES if name in item), None)
    if named is None:
        yield SentencePart(", ".join(map(str, item.values())))
        return
    yield SentencePart(_word(item[named]) if named == "source" else item[named], _NAMES[named])
    if "amount" in item:
        yield SentencePart(f" {cells.money(item['amount'], currency)}")
    elif "ppm" in item:
        yield SentencePart(f" {cells.percent(item['ppm'])}")


def _word(text: str) -> str:
    return WORDS[text].text(language()) if text in WORDS else text
