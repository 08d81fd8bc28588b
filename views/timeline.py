"""Timelines: entries of the log about a subject, in the order of the log."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Annotated

import msgspec

from ledger.entry import decode_entry
from ledger.limits import SAFE_INTEGER_MAX
from ledger.log.merkle import leaf_hash
from views.labels import Label, Party, Subject
from views.reader import Reader, StoredEntry
from views.view import ViewStruct

TIMELINE_MAX = 1000

TIMELINE_REFUSED_MAX = 100
"""Refused entries of a timeline: whoever states many of them crowds out no other's."""


class EntryView(ViewStruct, frozen=True, kw_only=True):
    """One entry of the log: a record at its place.

    ``outcome`` is ``applied``, or the code with which the record stands refused. ``time`` is that
    of its block, in ms since the epoch. ``subject`` is what it is about: for a request that was
    refused, and so began nothing, what it asked about. ``record`` has the canonical bytes that its
    author signed.
    """

    index: Annotated[int, Label("entry", "条目", "entry", "entry")]
    height: Annotated[int, Label("block", "区块", "count", "block")]
    time: Annotated[int, Label("time", "时间", "ms")]
    party: Party
    batch: Annotated[int, Label("batch", "批次", "count")]
    id: Annotated[str, Label("id", "编号")]
    type: Annotated[str, Label("record", "记录")]
    subject: Subject
    outcome: Annotated[str, Label("outcome", "结果")]
    leaf_hash: Annotated[str, Label("leaf hash", "叶哈希")]
    record: Annotated[msgspec.Raw, Label("content", "内容")]


def entry_views(reader: Reader, entries: Sequence[StoredEntry]) -> list[EntryView]:
    """Return entries as they are shown."""
    times = reader.block_times({entry.height for entry in entries})
    return [_entry_view(entry, times[entry.height]) for entry in entries]


def timeline(
    reader: Reader, subjects: Sequence[str], size: int = SAFE_INTEGER_MAX
) -> tuple[list[EntryView], bool]:
    """Return the newest entries about any of ``subjects``, and whether they are all.

    They stand in the order of the log, of which the first ``size`` are known. Those that were
    refused are counted apart.
    """
    applied, all_applied = _newest(reader, subjects, TIMELINE_MAX, applied=True)
    refused, all_refused = _newest(reader, subjects, TIMELINE_REFUSED_MAX, applied=False)
    entries = sorted((each for each in applied + refused if each.index < size), key=_index)
    return entry_views(reader, entries), all_applied and all_refused


def _newest(
    reader: Reader, subjects: Sequence[str], limit: int, *, applied: bool
) -> tuple[list[StoredEntry], bool]:
    found = [
        entry
        for subject in subjects
        for entry in reader.newest_about(subject, limit + 1, applied=applied)
    ]
    return sorted(found, key=_index)[-limit:], len(found) <= limit


_index = attrgetter("index")


def _entry_view(entry: StoredEntry, time: int) -> EntryView:
    decoded = decode_entry(entry.leaf)
    return EntryView(
        index=entry.index,
        height=entry.height,
        time=time,
        party=entry.party,
        batch=decoded.batch,
        id=entry.id,
        type=entry.type,
        subject=entry.subject,
        outcome=entry.outcome,
        leaf_hash=leaf_hash(entry.leaf).hex(),
        record=msgspec.Raw(decoded.record),
    )
