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
from ledger.texts import Texts, strict

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
_texts = {record: Texts(record) for record in RULES}


def decode_record(raw: bytes) -> Record:
    """Decode canonical record bytes into the struct of their type.

    Raises:
        DecodeError: ``record-too-large``, or the code that names the first thing wrong.
    """
    record = _decoded(raw)
    if record is None or not _texts[type(record)].fit((record,)):
        raise _error(raw)
    return record


def decode_records(raws: Sequence[bytes]) -> tuple[Record, ...]:
    """Decode canonical bytes of many records; quicker than one by one.

    Raises:
        DecodeError: as :func:`decode_record`, of the first of them that is none.
    """
    records: list[Record] = []
    by_type: dict[type[Record], list[Record]] = defaultdict(list)
    for raw in raws:
        record = _decoded(raw)
        if record is None:
            break
        records.append(record)
        by_type[type(record)].append(record)
    if len(records) < len(raws) or not all(_texts[kind].fit(by_type[kind]) for kind in by_type):
        return tuple([decode_record(raw) for raw in raws])
    return tuple(records)


def _decoded(raw: bytes) -> Record | None:
    """Return the record in canonical bytes, whatever its texts are; None if they hold none."""
    if len(raw) > RECORD_BYTES_MAX:
        return None
    try:
        record = _decoder.decode(raw)
    except (ValueError, RecursionError):
        return None
    return record if canonical.encode(record) == raw else None


@cache
def _strict() -> msgspec.json.Decoder[msgspec.Struct]:
    return msgspec.json.Decoder(Union[tuple(map(strict, RULES))])  # noqa: UP007


def _error(raw: bytes) -> DecodeError:
    """Return what is wrong with bytes that are no record."""
    if len(raw) > RECORD_BYTES_MAX:
        return DecodeError(
            "record-too-large", f"a record has at most {RECORD_BYTES_MAX} bytes, got {len(raw)}"
        )
    try:
        canonical.decode(raw, _strict(), "record")
    except DecodeError as error:
        return DecodeError(error.code, _in_words(raw, error))
    return DecodeError("bad-format", "record: a text has not the form that is asked for")


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
