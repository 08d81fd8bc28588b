"""Verification of an exported log: one form, nothing beside it, and every lie refused."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.entry import Entry, which
from ledger.errors import LedgerError, VerificationError
from ledger.genesis import Genesis, read
from ledger.log.receipt import verify_receipt
from ledger.verify import verify_log

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "bytes"
GENESIS: Genesis = read((EXAMPLE / "genesis.json").read_bytes())
LINES = (EXAMPLE / "log.ndjson").read_bytes().splitlines(keepends=True)
FORGED = LINES[0].replace(b'"amount":10000', b'"amount":99999')

Corruption = Callable[[list[bytes]], list[bytes]]

CORRUPTIONS: dict[str, Corruption] = {
    "a forged block after the checkpoint": lambda lines: [*lines, FORGED],
    "anything after the checkpoint": lambda lines: [*lines, b"garbage"],
    "a blank line at the end": lambda lines: [*lines, b"\n"],
    "a second list of entries first": lambda lines: [
        lines[0].replace(b'"entries":', b'"entries":[{}],"entries":', 1),
        *lines[1:],
    ],
    "white space in a line": lambda lines: [lines[0].replace(b",", b", ", 1), *lines[1:]],
    "a carriage return": lambda lines: [lines[0].replace(b"\n", b"\r\n"), *lines[1:]],
    "a byte that is no UTF-8": lambda lines: [lines[0].replace(b"CNY", b"C\xffY"), *lines[1:]],
    "deep nesting": lambda lines: [b'{"batches":' + b"[" * 100_000, *lines[1:]],
    "a changed amount": lambda lines: [FORGED, *lines[1:]],
    "a missing block": lambda lines: lines[1:],
    "no checkpoint": lambda lines: lines[:-1],
    "blocks in another order": lambda lines: [*lines[-2::-1], lines[-1]],
    "a block twice": lambda lines: [lines[0], *lines],
    "nothing": lambda _: [],
}


def told(lines: list[bytes], *, replay: bool = False) -> tuple[str, str]:
    with pytest.raises(LedgerError) as caught:
        verify_log(lines, GENESIS, replay=replay)
    return caught.value.code, caught.value.message


def changed(number: int, *pair: bytes) -> list[bytes]:
    """Return the example with a text of one line replaced."""
    assert pair[0] in LINES[number]
    return [*LINES[:number], LINES[number].replace(*pair), *LINES[number + 1 :]]


def test_a_changed_record_is_named_with_its_party_and_its_batch() -> None:
    assert told([FORGED, *LINES[1:]]) == (
        "bad-batch-root",
        "block 1: batch 1, one of the records 'reg-1', 'cap-1' of institution (entries 0 to 1): "
        "the records are not the ones signed",
    )
    assert told(changed(1, b'"amount":10000', b'"amount":10001')) == (
        "bad-batch-root",
        "block 2: batch 1, record 'ins-1' of platform (entry 2): "
        "the records are not the ones signed",
    )


def test_a_changed_outcome_is_named_with_its_record_where_the_records_are_replayed() -> None:
    once = LINES[0].replace(b'"outcome":"applied"', b'"outcome":"not-due-yet"', 1)
    both = [once, *LINES[1:]]
    assert told(both) == (
        "wrong-root",
        "block 1: one of the records 'reg-1', 'cap-1' of institution (entries 0 to 1): "
        "the entries do not lead to the header's root",
    )
    assert told(both, replay=True) == (
        "wrong-outcome",
        "block 1: record 'reg-1' of institution (entry 0): it says not-due-yet, and executing the "
        "record gives applied",
    )


def test_an_entry_of_another_party_a_false_signature_and_no_entry_are_named() -> None:
    pair = (b'"outcome":"applied","party":"platform"', b'"outcome":"applied","party":"funder"')
    code, said = told(changed(1, *pair))
    assert (code, said.startswith("block 2: batch 1, record 'ins-1' of funder (entry 2): ")) == (
        "wrong-entry",
        True,
    )
    start = LINES[1].index(b'"signature":"') + len(b'"signature":"')
    other = b"1" if LINES[1][start : start + 1] == b"0" else b"0"
    forged = LINES[1][:start] + other + LINES[1][start + 1 :]
    code, said = told([LINES[0], forged, *LINES[2:]])
    assert (code, "record 'ins-1' of platform (entry 2)" in said) == ("bad-signature", True)
    code, said = told(changed(1, b'"outcome":"applied"', b'"outcome":"Applied"'))
    assert (code, said) == (
        "bad-entry",
        "block 2: entry 2: these bytes are not an entry of the log",
    )


RECEIPT = (EXAMPLE / "cap-1.tlog-proof").read_text(encoding="utf-8")


def test_a_false_receipt_is_told_by_its_record_and_its_party() -> None:
    assert verify_receipt(RECEIPT, GENESIS).party == "institution"
    extra = re.search(r"^extra (\S+)$", RECEIPT, re.M)
    assert extra is not None
    forged = b64encode(b64decode(extra[1]).replace(b'"amount":10000', b'"amount":99999'))
    moved = RECEIPT.replace("index 1", "index 0")
    for receipt in (RECEIPT.replace(extra[1], forged.decode()), moved):
        with pytest.raises(VerificationError) as caught:
            verify_receipt(receipt, GENESIS)
        assert caught.value.code == "bad-inclusion-proof"
        number = 0 if "index 0" in receipt else 1
        said = f"record 'cap-1' of institution (entry {number}): "
        assert caught.value.message.startswith(said)


def test_many_records_are_named_by_the_first_and_the_last() -> None:
    entries = [Entry(1, "applied", "platform", b'{"id":"r%d"}' % n) for n in range(40)]
    said = "one of the records 'r0' to 'r39' of platform (entries 7 to 46)"
    assert which(entries, 7) == said
    odd = Entry(1, "applied", "funder", b'{"id":5}')
    assert which([odd], 3) == "record without an id of funder (entry 3)"


@pytest.mark.parametrize("replay", [False, True])
def test_the_example_verifies(replay: bool) -> None:
    assert LINES[0] != FORGED
    assert verify_log(LINES, GENESIS, replay=replay).entries > 0


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corrupted_export_is_refused(name: str) -> None:
    corrupted = CORRUPTIONS[name](list(LINES))
    assert corrupted != LINES
    with pytest.raises(LedgerError):
        verify_log(corrupted, GENESIS)
