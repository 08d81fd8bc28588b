"""A log that a node exported, opened without it; and all views of a ledger, to compare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from ledger import canonical
from ledger.contracts.fees import FeePeriod
from ledger.contracts.halves import Capture, Instruction
from ledger.contracts.loan_rows import LoanAgreement, RepaymentAttempt
from ledger.contracts.payouts import Payout
from ledger.contracts.receivers import Receiver
from ledger.currencies import shown
from ledger.expectations import KINDS
from ledger.genesis import Genesis
from node.storage.log_index import open_log
from node.storage.opened import OpenedLog
from node.storage.queries import LedgerReader
from views.calendars import DueDates, calendar_view, today
from views.conflicts import conflicts
from views.listing import Asked, BadQuestion, Filter, Kind, Listing, page_of
from views.listings import LISTINGS
from views.loan_details import loan_view
from views.loan_history import Vantage
from views.overview import oldest_unmet, owed_sums, pace, standings
from views.payments import payment_view
from views.payouts import payout_view
from views.receivers import receiver_view
from views.sheets.day import sheet
from views.sheets.part import Point

PAGE = 7
NAMES_MAX = 12
"""Payments, payouts and receivers by which a list is narrowed."""

Views = dict[str, bytes]
"""Views as JSON, by what they are of."""


def opened(lines: Iterable[bytes], genesis: Genesis, folder: Path) -> OpenedLog:
    """Return an exported log, opened as `tongzhang open` does."""
    log = folder / "log.ndjson"
    log.write_bytes(b"".join(line + b"\n" for line in lines))
    found = open_log(log, genesis, folder / "index", lambda done, total: None)
    assert found.summary.fault is None
    return found


# -- all views -----------------------------------------------------------------------------------


def all_views(reader: LedgerReader, genesis: Genesis, now_ms: int) -> Views:
    """Return every page of every list, and every payment, payout, receiver and calendar."""
    found = dict(_lists(reader, genesis, now_ms))
    day = today(reader, genesis, now_ms)
    found["calendar"] = _json(calendar_view(reader, genesis, 2**53 - 1, day))
    for name in payments(reader):
        found[f"payment {name}"] = _json(payment_view(reader, genesis, name, now_ms))
    for payout in reader.rows(Payout, limit=10_000):
        name = payout.payout
        found[f"payout {name}"] = _json(payout_view(reader, genesis, name, now_ms))
    for agreement in reader.rows(LoanAgreement, limit=10_000):
        for name, known in _looks(reader, day):
            view = loan_view(reader, agreement.loan, known, now_ms)
            found[f"loan {agreement.loan} {name}"] = msgspec.json.encode(view)
    dates = sorted({row.date for row in reader.rows(RepaymentAttempt, limit=10_000)})[-2:]
    for known in (Vantage(date.fromisoformat(each)) for each in (day, *dates)):
        point = Point(known, now_ms, day, may_be_later=True)
        for party in genesis.names:
            found[f"sheet {party} {known.day}"] = _json(sheet(reader, genesis, party, point))
    judged = (day, DueDates(reader, genesis))
    for row in reader.rows(Receiver, limit=10_000):
        found[f"receiver {row.receiver}"] = _json(receiver_view(reader, row, judged))
    found |= dict(_overview(reader, genesis, now_ms))
    return found


def _overview(reader: LedgerReader, genesis: Genesis, now_ms: int) -> Iterator[tuple[str, bytes]]:
    """Yield the parts of the overview and of reconciliation, as of now and as of the log's end."""
    newest = reader.block_times([reader.height()])[reader.height()]
    yield "parties", msgspec.json.encode(standings(reader, genesis))
    yield "contradictions", msgspec.json.encode(conflicts(reader, genesis, NAMES_MAX))
    for at_ms in (newest, now_ms):
        yield f"pace at {at_ms}", _json(pace(reader, at_ms))
        yield f"owed at {at_ms}", msgspec.json.encode(owed_sums(reader.unmet_sums({}, at_ms)))
        oldest = oldest_unmet(reader, NAMES_MAX, at_ms)
        yield f"oldest at {at_ms}", msgspec.json.encode(oldest)


def _looks(reader: LedgerReader, day: str) -> Iterator[tuple[str, Vantage]]:
    """Yield as of when loans are looked at: now, as of the days of their records, at a height."""
    yield "now", Vantage(date.fromisoformat(day))
    days = {each.date for each in reader.rows(RepaymentAttempt, limit=NAMES_MAX)}
    for each in sorted(days):
        yield each, Vantage(date.fromisoformat(each))
    half = reader.height() // 2
    yield f"at {half}", Vantage(date.fromisoformat(day), reader.size_after(half))


def payments(reader: LedgerReader) -> list[str]:
    halves = (*reader.rows(Capture, limit=10_000), *reader.rows(Instruction, limit=10_000))
    return sorted({half.payment for half in halves})


def _json(view: object) -> bytes:
    assert view is not None
    return msgspec.json.encode(view)


def _lists(reader: LedgerReader, genesis: Genesis, now_ms: int) -> Iterator[tuple[str, bytes]]:
    values = _values(reader, genesis, now_ms)
    for listing in LISTINGS:
        for given in _questions(listing, values):
            pages = list(_pages(listing, Asked(reader, genesis, given, None, PAGE, {})))
            yield f"{listing.name} {canonical.encode(_plain(given)).decode()}", _json(pages)


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value) for name, value in given.items()}


def _pages(listing: Listing, asked: Asked) -> Iterator[list[Any] | str]:
    """Yield the items of page after page; of a question that has no answer, why not."""
    while True:
        try:
            found = page_of(listing, asked)
        except BadQuestion as error:
            yield str(error)
            return
        yield found.items
        if found.last is None:
            return
        asked = asked._replace(after=found.last, kept={})


def _questions(listing: Listing, values: Mapping[Kind, list[Any]]) -> Iterator[dict[str, Any]]:
    """Yield what a list is asked: everything, and by each filter alone, by each of its values."""
    fixed = {
        each.name: values[each.kind][0] for each in listing.filters if _is_fixed(each, listing)
    }
    yield fixed
    for each in listing.filters:
        for value in each.words or values[each.kind]:
            yield {**fixed, each.name: value}


def _is_fixed(each: Filter, listing: Listing) -> bool:
    """Return whether something has to stand for a filter: HTTP gives the present its place."""
    in_path = f"{{{each.name}}}" in listing.address
    return each.required or in_path or each.kind in {"business-date", "as-of"}


def _values(reader: LedgerReader, genesis: Genesis, now_ms: int) -> dict[Kind, list[Any]]:
    """Return for each kind of filter what there is to ask by, the first being the most usual."""
    captures = reader.rows(Capture, limit=NAMES_MAX)
    days = [today(reader, genesis, now_ms), "2026-01-06", "2026-02-01", "2026-09-01"]
    numbers = [each.channel_number for each in captures if each.channel_number]
    amounts = sorted({each.amount for each in captures})
    months = sorted({each.period for each in reader.rows(FeePeriod, limit=100)})
    return {
        "choice": [],
        "id": [*(each.order for each in captures), *numbers, "p"],
        "party": list(genesis.names),
        "payment": payments(reader)[:NAMES_MAX],
        "receiver": [each.receiver for each in reader.rows(Receiver, limit=NAMES_MAX)],
        "loan": [each.loan for each in reader.rows(LoanAgreement)][:NAMES_MAX] or ["none"],
        "height": [reader.height(), 1],
        "payout": [each.payout for each in reader.rows(Payout, limit=NAMES_MAX)] or ["none"],
        "expectation-kind": list(KINDS),
        "currency": ["CNY", "USD"],
        "day": days,
        "business-date": days,
        "month": months or ["2026-01"],
        "as-of": [now_ms, now_ms + 40 * 86_400_000],
        "amount": [0, *amounts],
        "positive": amounts,
        "displayed": [shown("100.00"), shown("1")],
        "age": [0, 3_600_000, 40 * 86_400_000],
        "flag": [True, False],
        "text": ["pending:", "refund"],
    }
