"""Faults of an exported log: what is false first, and exactly where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

from ledger.batch import BatchHeader
from ledger.contracts import decode_record
from ledger.entry import Entry, id_of, which
from ledger.errors import DecodeError, VerificationError
from ledger.log.merkle import leaf_hash, root_of

SWAPS_TRIED_MAX = 64
"""Of how many records in a batch any two are tried in each other's place."""


Part = Literal["record", "batch", "block", "checkpoint", "file"]
"""Which part of a log is false."""


class LogFault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The first thing in a log that is false.

    ``height`` is the block's that is bad, or that should stand there, and the number of the line,
    from 1. It is one of ``count`` entries from ``first_entry`` on; none where the whole block or
    the checkpoint is meant. ``party`` signed the ``batch``; ``record`` is the id, where a single
    one is meant. ``expected`` and ``got`` say what differs, where that can be said in short.
    """

    code: str
    message: str
    part: Part
    height: int
    first_entry: int
    count: int = 0
    party: str = ""
    batch: int = 0
    record: str = ""
    expected: str = ""
    got: str = ""


class BadLog(VerificationError):
    """A log is false from some place on. ``fault`` says which, and what differs."""

    def __init__(self, fault: LogFault) -> None:
        super().__init__(fault.code, fault.message)
        self.fault = fault


class LogPlace(NamedTuple):
    """A place in a log.

    Args:
        height: The block.
        first: The index of its first entry that is meant.
        entries: The entries that are meant.
        batch: The header of the batch that they are of.
        part: What is meant where it is no block: the checkpoint, or the file.
    """

    height: int
    first: int
    entries: Sequence[Entry] = ()
    batch: BatchHeader | None = None
    part: Literal["block", "checkpoint", "file"] = "block"

    def refute(self, code: str, said: str, *, expected: str = "", got: str = "") -> BadLog:
        """Return the error that something is false here.

        Args:
            code: Which kind of falsehood.
            said: What is false.
            expected: What should stand there.
            got: What does.
        """
        entries, batch = self.entries, self.batch
        parties = dict.fromkeys(each.party for each in entries)
        return BadLog(
            LogFault(
                code=code,
                message=f"{self.in_words()}: {said}",
                part=self._part(),
                height=self.height,
                first_entry=self.first,
                count=len(entries),
                party=batch.party if batch is not None else ", ".join(parties),
                batch=0 if batch is None else batch.number,
                record=id_of(entries[0].record) if len(entries) == 1 else "",
                expected=expected,
                got=got,
            )
        )

    def in_words(self) -> str:
        """Return the place for people."""
        if self.part == "checkpoint":
            return "the checkpoint"
        if self.part == "file":
            return f"line {self.height}"
        found = which(self.entries, self.first) if self.entries else ""
        if self.batch is None:
            return f"block {self.height}: {found}" if found else f"block {self.height}"
        found = found or f"no record of {self.batch.party}"
        return f"block {self.height}: batch {self.batch.number}, {found}"

    def _part(self) -> Part:
        if self.part != "block":
            return self.part
        if len(self.entries) == 1:
            return "record"
        return "block" if self.batch is None else "batch"

    def only(self, at: int) -> LogPlace:
        """Return the place of one of the entries."""
        return self._replace(first=self.first + at, entries=self.entries[at : at + 1])


def wrong_records(place: LogPlace, root: str) -> BadLog:
    """Return which records of a batch are not the ones signed, as far as that can be told.

    Args:
        place: The batch's entries.
        root: The root that its author has signed.
    """
    records = [entry.record for entry in place.entries]
    for at, record in enumerate(records):
        try:
            decode_record(record)
        except DecodeError as error:
            said = f"the record is not the one signed: {error.message}"
            return place.only(at).refute(
                "bad-batch-root", said, expected="a record", got=error.code
            )
    pair = _swapped(records, root)
    if pair is not None:
        one, other = (place.only(at).entries[0] for at in pair)
        names = f"{id_of(one.record)!r} and {id_of(other.record)!r}"
        span = place.entries[pair[0] : pair[1] + 1]
        said = f"the records {names} stand in each other's place"
        first = place._replace(first=place.first + pair[0], entries=span)
        return first.refute("bad-batch-root", said)
    got = root_of([leaf_hash(record) for record in records]).hex()
    said = "the records are not the ones signed"
    return place.refute("bad-batch-root", said, expected=root, got=got)


def _swapped(records: Sequence[bytes], root: str) -> tuple[int, int] | None:
    """Return which two records, each in the other's place, give the root that was signed."""
    hashes = [leaf_hash(record) for record in records]
    count = len(hashes)
    reach = count if count <= SWAPS_TRIED_MAX else 2
    for at in range(count):
        for other in range(at + 1, min(at + reach, count)):
            tried = hashes.copy()
            tried[at], tried[other] = tried[other], tried[at]
            if root_of(tried).hex() == root:
                return at, other
    return None
