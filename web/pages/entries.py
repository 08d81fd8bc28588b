"""Entries of the log, the newest first, and one entry: what was stated, and what proves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from fastapi import Query

from api.books_views import entry_postings
from api.log_views import log_size
from api.named import no_such_entry
from api.paging import Index
from ledger.entry import APPLIED
from ledger.limits import SAFE_INTEGER_MAX
from node.storage.books import BookReader
from views.sentences import refusal, sentences
from views.timeline import EntryView, entry_views
from web.page import Pages, Visit
from web.values import items

PAGE_ENTRIES = 50

FirstEntry = Annotated[
    int | None, Query(ge=0, le=SAFE_INTEGER_MAX, description="The lowest index shown.")
]


def add_to(pages: Pages) -> None:
    """Add the pages of entries."""
    pages.add("/chain/entries", "entries.html", entries_page)
    pages.add("/chain/entries/{index}", "entry.html", entry_page)


def entries_page(visit: Visit, start: FirstEntry = None) -> Mapping[str, Any]:
    """Show entries, the newest first."""
    size = log_size(visit.reader)
    newest = max(0, size - PAGE_ENTRIES)
    first = newest if start is None else min(start, newest)
    found = entry_views(visit.reader, visit.reader.entries(first, PAGE_ENTRIES))[::-1]
    return {
        "entry_view": EntryView,
        "said_entries": list(zip(items(found), sentences(visit.reader, found), strict=True)),
        "size": size,
        "start": start,
        "older": max(0, first - PAGE_ENTRIES) if first else None,
        "newer": first + PAGE_ENTRIES if first < newest else None,
        "twin": f"/v1/entries?start={first}&limit={PAGE_ENTRIES}",
        "live": "/live" if first == newest else "",
    }


def entry_page(visit: Visit, index: Index) -> Mapping[str, Any]:
    """Show one entry.

    Raises:
        Problem: ``no-such-entry``.
    """
    reader, genesis = visit.reader, visit.genesis
    size = log_size(reader)
    found = reader.entry(index)
    if found is None:
        raise no_such_entry(size)
    entry = entry_views(reader, [found])[0]
    record = msgspec.json.decode(entry.record)
    return {
        "entry": entry,
        "applied": entry.outcome == APPLIED,
        "record": record,
        "sentence": sentences(reader, [entry])[0],
        "refusal": refusal(entry.outcome),
        "pretty": pretty(entry.record),
        "canonical": bytes(entry.record).decode(),
        "postings": entry_postings(BookReader(reader, genesis), genesis, index).postings,
        "size": size,
        "twin": f"/v1/entries/{index}",
    }


def pretty(raw: bytes | msgspec.Raw) -> str:
    """Return a canonical document with a line for each member."""
    return msgspec.json.format(bytes(raw), indent=2).decode()
