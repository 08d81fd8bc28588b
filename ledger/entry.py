"""Entries: a record at its place in the log, with its author, batch and outcome.

Bytes: ``{"batch":12,"outcome":"applied","party":"platform","record":{…}}`` in canonical JSON.
The record's own canonical bytes stand unchanged inside, from ``"record":`` to the last brace.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

from ledger.errors import DecodeError

APPLIED = "applied"

_SHAPE = re.compile(
    rb'\{"batch":([1-9][0-9]{0,15}),"outcome":"([a-z][a-z0-9-]{0,63})",'
    rb'"party":"([a-z][a-z0-9-]{0,31})","record":(\{.*\})\}',
    re.DOTALL,
)


_NAMED_MAX = 5
"""How many records are named one by one."""


class Entry(msgspec.Struct, frozen=True, gc=False):
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
    return entry_head(batch, outcome, party) + record + b"}"


def entry_head(batch: int, outcome: str, party: str) -> bytes:
    """Return what stands before the record in the leaf bytes of an entry."""
    return f'{{"batch":{batch},"outcome":"{outcome}","party":"{party}","record":'.encode()


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


def entry_decoder(batch: int, party: str) -> Callable[[bytes], Entry]:
    """Return :func:`decode_entry`, quicker for the applied entries of one batch."""
    head = entry_head(batch, APPLIED, party)
    start, record_at = head + b"{", len(head)
    shape = _SHAPE.fullmatch(start + b"}}")
    if shape is None or shape[4] != b"{}":
        return decode_entry  # no entry is of such a batch

    def decode(leaf: bytes) -> Entry:
        if leaf.startswith(start) and leaf.endswith(b"}}"):
            return Entry(batch, APPLIED, party, leaf[record_at:-1])
        return decode_entry(leaf)

    return decode


class _Identified(msgspec.Struct):
    """As much of a record as names it."""

    id: str


_identified = msgspec.json.Decoder(_Identified)


def which(entries: Sequence[Entry], first: int) -> str:
    """Return which entries these are, for people: ``record 'r7' of platform (entry 12)``.

    Args:
        entries: Consecutive ones, at least one.
        first: The index of the first.
    """
    parties = " and ".join(dict.fromkeys(entry.party for entry in entries))
    names = [_named(entry.record) for entry in entries]
    if len(entries) == 1:
        return f"record {names[0]} of {parties} (entry {first})"
    some = ", ".join(names) if len(names) <= _NAMED_MAX else f"{names[0]} to {names[-1]}"
    return f"one of the records {some} of {parties} (entries {first} to {first + len(names) - 1})"


def id_of(record: bytes) -> str:
    """Return the id in a record's bytes, whatever else they are; empty if there is none."""
    try:
        return _identified.decode(record).id
    except (msgspec.DecodeError, ValueError, RecursionError):
        return ""


def _named(record: bytes) -> str:
    found = id_of(record)
    return repr(found) if found else "without an id"
