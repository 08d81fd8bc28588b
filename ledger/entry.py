"""Entries: a record at its place in the log, with its author, batch and outcome.

Bytes: ``{"batch":12,"outcome":"applied","party":"platform","record":{…}}`` in canonical JSON.
The record's own canonical bytes stand unchanged inside, from ``"record":`` to the last brace.
"""

from __future__ import annotations

import re

import msgspec

from ledger.errors import DecodeError

APPLIED = "applied"

_SHAPE = re.compile(
    rb'\{"batch":([1-9][0-9]{0,15}),"outcome":"([a-z][a-z0-9-]{0,63})",'
    rb'"party":"([a-z][a-z0-9-]{0,31})","record":(\{.*\})\}',
    re.DOTALL,
)


class Entry(msgspec.Struct, frozen=True):
    """A decoded entry. ``outcome`` is ``applied`` or the code of the refusal."""

    batch: int
    outcome: str
    party: str
    record: bytes


def encode_entry(batch: int, outcome: str, party: str, record: bytes) -> bytes:
    """Return the leaf bytes of an entry.

    Args:
        batch: The batch's number in its author's chain.
        outcome: ``applied``, or the refusal's code.
        party: The author.
        record: Canonical record bytes.
    """
    head = f'{{"batch":{batch},"outcome":"{outcome}","party":"{party}","record":'
    return head.encode() + record + b"}"


def decode_entry(leaf: bytes) -> Entry:
    """Split leaf bytes into their parts; the record stays as bytes.

    Raises:
        DecodeError: ``bad-entry``.
    """
    match = _SHAPE.fullmatch(leaf)
    if match is None:
        raise DecodeError("bad-entry", "these bytes are not an entry of the log")
    batch, outcome, party, record = match.groups()
    return Entry(int(batch), outcome.decode(), party.decode(), record)
