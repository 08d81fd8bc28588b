"""Contracts: the rules of this ledger. A new one is one line in :data:`CONTRACTS`.

Each module exports ``RULES``, one :class:`ledger.records.Rule` a record type, ``ROWS``, the rows of
state that are its own, and ``EXAMPLES``, one record a type for those who write records.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Union

import msgspec

from ledger import advice, canonical
from ledger.books import Balance, Posting
from ledger.contracts import (
    calendars,
    compensations,
    disputes,
    fee_agreements,
    fee_invoices,
    fees,
    loan_agreements,
    loan_funding,
    loan_proposals,
    loan_statements,
    offers,
    payments,
    profit_agreements,
    profits,
    receivers,
    refund_float,
    refunds,
    reversals,
    settlement,
)
from ledger.errors import DecodeError
from ledger.expectations import Expectation
from ledger.limits import RECORD_BYTES_MAX
from ledger.records import BatchHead, Record, Recorded, Rule, type_name
from ledger.state import Row
from ledger.texts import Identifiers, are_identifiers, are_lines, strict

CONTRACTS = (
    receivers,
    payments,
    reversals,
    settlement,
    refund_float,
    refunds,
    disputes,
    fee_agreements,
    fees,
    fee_invoices,
    profit_agreements,
    offers,
    profits,
    calendars,
    loan_proposals,
    loan_agreements,
    loan_funding,
    loan_statements,
    compensations,
)

RULES: dict[type[Record], Rule] = {
    rule.record: rule for contract in CONTRACTS for rule in contract.RULES
}
ROWS: tuple[type[Row], ...] = (
    BatchHead,
    Recorded,
    Posting,
    Balance,
    Expectation,
    *(row for contract in CONTRACTS for row in contract.ROWS),
)
RECORD_TYPES: dict[str, type[Record]] = {type_name(record): record for record in RULES}
EXAMPLES: dict[str, Record] = {
    type_name(type(example)): example for contract in CONTRACTS for example in contract.EXAMPLES
}

_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Union[tuple(RULES)])  # noqa: UP007
_TOGETHER = 256
"""How many records are decoded as one text: a small one stays in the processor's cache."""
_identifiers = {record: Identifiers(record) for record in RULES}


def decode_record(raw: bytes) -> Record:
    """Decode canonical record bytes into the struct of their type.

    Raises:
        DecodeError: ``record-too-large``, or the code that names the first thing wrong.
    """
    records = _decoded((raw,))
    return _by_patterns(raw) if records is None else records[0]


def decode_records(raws: Sequence[bytes]) -> tuple[Record, ...]:
    """Decode canonical bytes of many records; quicker than one by one.

    Raises:
        DecodeError: as :func:`decode_record`, of the first of them that is none.
    """
    found: list[Record] = []
    for start in range(0, len(raws), _TOGETHER):
        some = raws[start : start + _TOGETHER]
        records = _decoded(some)
        found += [decode_record(raw) for raw in some] if records is None else records
    return tuple(found)


def _decoded(raws: Sequence[bytes]) -> list[Record] | None:
    """Return the records in canonical bytes; None if one of them may be none.

    Canonical bytes hold no newline. So as lines they are canonical if, and only if, each is.
    """
    lines = b"\n".join(raws) + b"\n"
    try:
        records = _decoder.decode_lines(lines)
    except (ValueError, RecursionError):
        return None
    if len(records) != len(raws) or canonical.encode_lines(records) != lines:
        return None
    if max(map(len, raws)) > RECORD_BYTES_MAX or not are_lines(lines):
        return None
    by_type: dict[type[Record], list[Record]] = defaultdict(list)
    for record in records:
        by_type[type(record)].append(record)
    stated: list[str] = []
    for kind, some in by_type.items():
        stated += _identifiers[kind].stated(some)
    return records if are_identifiers(stated) else None


@cache
def _strict() -> msgspec.json.Decoder[msgspec.Struct]:
    return msgspec.json.Decoder(Union[tuple(map(strict, RULES))])  # noqa: UP007


def _by_patterns(raw: bytes) -> Record:
    """Decode one record as the patterns of its texts have it, or say what is wrong with it."""
    if len(raw) > RECORD_BYTES_MAX:
        raise DecodeError(
            "record-too-large", f"a record has at most {RECORD_BYTES_MAX} bytes, got {len(raw)}"
        )
    try:
        canonical.decode(raw, _strict(), "record")
    except DecodeError as error:
        raise DecodeError(error.code, _in_words(raw, error)) from None
    return _decoder.decode(raw)


def _in_words(raw: bytes, error: DecodeError) -> str:
    """Return what is wrong with a record, and where it names nothing, what it can name."""
    what, _, complaint = error.message.partition(": ")
    if error.code == "unknown-type":
        return f"{what}: {advice.unknown(complaint, 'type of record', tuple(RECORD_TYPES))}"
    if error.code == "not-canonical":
        shortest = canonical.parse(canonical.encode(_decoder.decode(raw)))
        return f"{error.message}{advice.needless(canonical.parse(raw), shortest)}"
    if error.code not in {"unknown-field", "unknown-value", "integer-range"}:
        return error.message
    try:
        value = canonical.parse(raw)
        kind = RECORD_TYPES[value["type"]]
    except (ValueError, LookupError, TypeError):  # an integer beyond all, or no record of a type
        return error.message
    if error.code == "integer-range":
        return f"{what}: {advice.out_of_range(complaint, kind, value)}"
    return f"{what}: {advice.advice(complaint, kind)}"
