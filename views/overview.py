"""Overview: where the ledger stands, who owes which half, and what has just come in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Annotated

from ledger.contracts.calendars import CalendarYear, last_known
from ledger.expectations import CONFLICTING, OPEN, OVERDUE, UnmetTotal
from ledger.genesis import Genesis, Role
from views.expectations import Awaited, ExpectationView, expectation_view
from views.labels import ROLE, Amount, Currency, Label, Party
from views.reader import Reader
from views.view import ViewStruct

MINUTE_MS = 60_000
PACE_STEP_MS = 20_000
PACE_STEPS = 30


class PartyStanding(ViewStruct, frozen=True, kw_only=True):
    """One party, by what the log has of it.

    ``votes`` says whether it is one of the voters; ``stated_at`` is the time of the block with its
    newest records.
    """

    party: Party
    role: Annotated[Role, ROLE]
    votes: Annotated[bool, Label("votes", "参与表决")]
    stated_at: Annotated[int, Label("last record", "最近记录", "ms")] = -1


class OwedSum(ViewStruct, frozen=True, kw_only=True):
    """What one party owes the log in one currency: counted by state, and summed.

    What has no currency, such as an agreement to be accepted, is counted without it.
    """

    awaited: Awaited
    currency: Currency
    open: Annotated[int, Label("in time", "未到期", "count")]
    overdue: Annotated[int, Label("overdue", "逾期", "count")]
    conflicting: Annotated[int, Label("conflicting", "不一致", "count")]
    amount: Amount
    oldest_at: Annotated[int, Label("oldest since", "最早起于", "ms")]


class CapturedSum(ViewStruct, frozen=True, kw_only=True):
    """What captures have brought in, in one currency."""

    currency: Currency
    count: Annotated[int, Label("captures", "收款笔数", "count")]
    amount: Amount


class Pace(ViewStruct, frozen=True, kw_only=True):
    """How many entries came in, by the times of blocks: in the last minute, and step by step.

    The last step ends at ``until``, in ms since the epoch.
    """

    last_minute: Annotated[int, Label("entries in the last minute", "最近一分钟条目", "count")]
    step_ms: Annotated[int, Label("step", "间隔", "age")]
    until: Annotated[int, Label("until", "截至", "ms")]
    entries: Annotated[list[int], Label("entries by step", "各间隔条目", "count")]


def standings(reader: Reader, genesis: Genesis) -> list[PartyStanding]:
    """Return every party, in the order of genesis."""
    stated = reader.stated_at(genesis.names)
    return [
        PartyStanding(
            party=member.name,
            role=member.role,
            votes=member.name in genesis.voters,
            stated_at=stated.get(member.name, -1),
        )
        for member in genesis.members
    ]


def owed_sums(totals: Iterable[UnmetTotal]) -> list[OwedSum]:
    """Return what each party owes, the largest count first."""
    found: dict[tuple[str, str], list[UnmetTotal]] = {}
    for each in totals:
        found.setdefault((each.awaited, each.currency), []).append(each)
    sums = [_owed_sum(*key, matters) for key, matters in found.items()]
    return sorted(sums, key=lambda each: (-_count(each), each.awaited, each.currency))


def _owed_sum(awaited: str, currency: str, matters: Sequence[UnmetTotal]) -> OwedSum:
    counts = {
        state: sum(each.count for each in matters if each.state == state)
        for state in (OPEN, OVERDUE, CONFLICTING)
    }
    return OwedSum(
        awaited=awaited,
        currency=currency,
        open=counts[OPEN],
        overdue=counts[OVERDUE],
        conflicting=counts[CONFLICTING],
        amount=sum(each.amount for each in matters),
        oldest_at=min(each.oldest_at for each in matters),
    )


def _count(each: OwedSum) -> int:
    return each.open + each.overdue + each.conflicting


def oldest_unmet(reader: Reader, limit: int, as_of_ms: int) -> list[ExpectationView]:
    """Return the oldest expectations that are not met, contradictions among them."""
    rows = [row for state in (OPEN, CONFLICTING) for row in reader.oldest_unmet(state, limit)]
    rows.sort(key=lambda row: (row.opened_entry, row.kind, row.subject))
    return [expectation_view(row, as_of_ms) for row in rows[:limit]]


def pace(reader: Reader, as_of_ms: int) -> Pace:
    """Return how many entries came in lately."""
    steps = range(PACE_STEPS, -1, -1)
    sizes = reader.sizes_at([as_of_ms - step * PACE_STEP_MS for step in steps])
    return Pace(
        last_minute=sizes[-1] - sizes[-1 - MINUTE_MS // PACE_STEP_MS],
        step_ms=PACE_STEP_MS,
        until=as_of_ms,
        entries=[after - before for before, after in pairwise(sizes)],
    )


def business_days_known_until(reader: Reader, genesis: Genesis, today: str) -> str:
    """Return the last date up to which every year from today's on is decided, or nothing."""

    def is_decided(year: int) -> bool:
        founded = year in genesis.calendar.founded
        return founded or reader.row(CalendarYear, (year,)) is not None

    return last_known(is_decided, today)
