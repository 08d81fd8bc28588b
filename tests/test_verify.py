"""Verification of an exported log: one form, nothing beside it, and every lie refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.errors import LedgerError
from ledger.genesis import Genesis, read
from ledger.verify import verify_log

EXAMPLE = Path(__file__).resolve().parent.parent / "docs" / "bytes"
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
