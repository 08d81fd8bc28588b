"""The overview of a ledger: one look that the page and programs share, made once a second at most.

What was captured today is counted once and then only added to: a reading process remembers up to
which entry it has counted, and counts at most so many entries for one look. It remembers the dates
of the present and of the newest block; another one that is asked for is counted by itself.
"""

from __future__ import annotations

import time
from collections import deque
from datetime import date
from threading import Lock

import msgspec

from api.evidence_views import EvidenceView, evidence_page
from api.log_views import log_size
from consensus.messages import decode_certificate
from ledger.contracts.calendars import warning_of
from ledger.genesis import Genesis
from node.storage.books import BookReader
from node.storage.queries import LedgerReader
from views.expectations import ExpectationView
from views.overview import (
    CapturedSum,
    OwedSum,
    Pace,
    PartyStanding,
    business_days_known_until,
    oldest_unmet,
    owed_sums,
    pace,
    standings,
)
from views.timeline import EntryView, entry_views

COUNTED_MAX = 20_000
"""Entries that are counted for one look."""
DAY_MS = 86_400_000
_REMEMBERED = 8
OLDEST_MAX = 12
NEWEST_MAX = 20
_Sums = dict[str, tuple[int, int]]


class Today(msgspec.Struct, frozen=True, kw_only=True):
    """What came in on a business date: entries, and what captures brought in.

    ``counted`` says how many of the entries ``captured`` is of: all of them, but for a process that
    has just begun on a long day.
    """

    date: str
    entries: int
    counted: int
    captured: list[CapturedSum]


class Cosigned(msgspec.Struct, frozen=True, kw_only=True):
    """The newest block that carries its own cosignatures, and by whom.

    A certificate keeps as many signatures as are needed: who is not named may have signed as well.
    """

    height: int
    signers: list[str]


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """Where the ledger stands at ``as_of``. Times are in ms since the epoch.

    ``time`` is that of the newest block. ``owed`` sums what each party owes, ``oldest`` has the
    oldest of it; ``newest`` has the newest entries, the newest first. ``calendar_until`` is the
    last date whose business days are decided, empty if today's are not.
    """

    as_of: int
    height: int
    size: int
    time: int
    cosigned: Cosigned | None
    parties: list[PartyStanding]
    today: Today
    owed: list[OwedSum]
    oldest: list[ExpectationView]
    newest: list[EntryView]
    pace: Pace
    evidence: list[EvidenceView]
    calendar_until: str
    calendar_warning: str


class Overviews:
    """Overviews of one ledger, for all who look. May be called from any thread.

    Args:
        genesis: Whose ledger.
    """

    def __init__(self, genesis: Genesis) -> None:
        self._genesis = genesis
        self._lock = Lock()
        self._captured: dict[tuple[str, int], _Captured] = {}
        self._made_for = (-1, -1)
        self._made: Overview | None = None

    def of(self, reader: LedgerReader, as_of_ms: int | None = None) -> Overview:
        """Return the overview of a snapshot; as of the present second by default."""
        asked = time.time_ns() // 1_000_000_000 * 1000 if as_of_ms is None else as_of_ms
        with self._lock:
            wanted = (reader.height(), asked)
            if self._made is None or self._made_for != wanted or not self._is_counted():
                self._made, self._made_for = self._overview(reader, asked), wanted
            return self._made

    def _is_counted(self) -> bool:
        return self._made is not None and self._made.today.counted == self._made.today.entries

    def _overview(self, reader: LedgerReader, as_of_ms: int) -> Overview:
        height, size = reader.height(), log_size(reader)
        today = self._genesis.calendar.business_date(as_of_ms)
        until = business_days_known_until(reader, self._genesis, today)
        newest = reader.entries(max(0, size - NEWEST_MAX), NEWEST_MAX)
        return Overview(
            as_of=as_of_ms,
            height=height,
            size=size,
            time=reader.block_times([height]).get(height, 0),
            cosigned=_cosigned(reader),
            parties=standings(reader, self._genesis),
            today=self._today(reader, today, size),
            owed=owed_sums(reader.unmet_sums({}, as_of_ms)),
            oldest=oldest_unmet(reader, OLDEST_MAX, as_of_ms),
            newest=entry_views(reader, newest)[::-1],
            pace=pace(reader, as_of_ms),
            evidence=evidence_page(reader).evidence,
            calendar_until=until,
            calendar_warning=warning_of(until, today),
        )

    def _today(self, reader: LedgerReader, today: str, size: int) -> Today:
        began_ms = self._genesis.calendar.starts_at_ms(date.fromisoformat(today))
        start, end = reader.sizes_at([began_ms - 1, began_ms + DAY_MS - 1])
        end = min(end, size)
        captured = self._captured_on(reader, (today, start))
        counted, sums = captured.up_to(BookReader(reader, self._genesis), end)
        return Today(date=today, entries=end - start, counted=counted - start, captured=sums)

    def _captured_on(self, reader: LedgerReader, day: tuple[str, int]) -> _Captured:
        """Return what was captured on a date whose first entry is given, as far as it is known."""
        found = self._captured.get(day) or _Captured(day[1])
        newest = reader.block_times([reader.height()]).values()
        times = (time.time_ns() // 1_000_000, *newest)
        lasting = {self._genesis.calendar.business_date(each) for each in times}
        known = {**self._captured, day: found}
        self._captured = {each: known[each] for each in known if each[0] in lasting}
        return found


class _Captured:
    """What captures brought in from one entry on: counted on from where a snapshot allows it."""

    def __init__(self, start: int) -> None:
        self.start = start
        self._counted: deque[tuple[int, _Sums]] = deque([(start, {})], _REMEMBERED)

    def up_to(self, books: BookReader, size: int) -> tuple[int, list[CapturedSum]]:
        """Count on towards the end of a snapshot; return up to which entry, and the sums."""
        known = [each for each in self._counted if each[0] <= size]
        begin, before = known[-1] if known else (self.start, {})
        end, sums = min(size, begin + COUNTED_MAX), dict(before)
        for currency, count, amount in books.captured(begin, end):
            counted = sums.get(currency, (0, 0))
            sums[currency] = (counted[0] + count, counted[1] + amount)
        if end > self._counted[-1][0]:
            self._counted.append((end, sums))
        return end, [
            CapturedSum(currency=currency, count=count, amount=amount)
            for currency, (count, amount) in sorted(sums.items())
        ]


def _cosigned(reader: LedgerReader) -> Cosigned | None:
    latest = reader.latest_certificate()
    if latest is None:
        return None
    return Cosigned(height=latest[0], signers=list(decode_certificate(latest[1]).voters))
