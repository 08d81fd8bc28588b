"""Entries: what is encoded is decoded, and the quick way decodes what the other one does."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from ledger.entry import APPLIED, Entry, decode_entry, encode_entry, entry_decoder
from ledger.errors import DecodeError

numbers = st.integers(0, 2**53) | st.sampled_from([1, 2, 12, 10**16])
parties = st.sampled_from(["platform", "plat", "a", "", "Platform", "a b", 'a","record":{', "é"])
outcomes = st.sampled_from([APPLIED, "id-reused", "x"])
records = st.sampled_from([b"{}", b"{", b"}", b"", b"{}}", b"[]", b"{\n}", b'{"id":"a"}'])
leaves = st.builds(encode_entry, numbers, outcomes, parties, records)


def told(decode: Any, leaf: bytes) -> object:
    """Return the entry, or the error's code."""
    try:
        return decode(leaf)
    except DecodeError as error:
        return error.code


def test_what_is_encoded_is_decoded() -> None:
    entry = Entry(12, "id-reused", "platform", b'{"id":"a"}')
    leaf = encode_entry(12, "id-reused", "platform", b'{"id":"a"}')
    assert leaf == b'{"batch":12,"outcome":"id-reused","party":"platform","record":{"id":"a"}}'
    assert decode_entry(leaf) == entry


@given(numbers, parties, leaves, st.integers(0, 3), st.sampled_from([b"", b"}", b"\n"]))
@example(1, "a", encode_entry(1, APPLIED, "a", b"{}"), 0, b"")
@example(1, "a", encode_entry(1, APPLIED, "a", b"{}"), 1, b"")
@example(1, "a", encode_entry(1, APPLIED, "a", b"{}"), 2, b"")
@example(1, "a", encode_entry(1, "x", "a", b"{}"), 0, b"")
@example(0, "a", encode_entry(0, APPLIED, "a", b"{}"), 0, b"")
@example(1, "A", encode_entry(1, APPLIED, "A", b"{}"), 0, b"")
def test_a_batchs_entries_are_decoded_as_any_others(
    batch: int, party: str, leaf: bytes, cut: int, more: bytes
) -> None:
    leaf = leaf[: len(leaf) - cut] + more
    assert told(entry_decoder(batch, party), leaf) == told(decode_entry, leaf)
