"""Overview: where the ledger stands, who owes which half of what, and what has just come in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from api.overview import Overview
from node.storage.opened import Summary
from views.fault_words import stop_in_words
from views.labels import ROLE
from views.overview import PACE_STEP_MS, OwedSum, Pace, PartyStanding
from views.sentences import refusal, sentences
from views.texts import gettext, language
from web.owed import differing, owed
from web.page import Pages, Visit
from web.values import Tone

LEVEL_BLOCKS = 2
"""By how many blocks nodes may differ while new ones are being agreed on."""
_BAR = (8, 6)
"""How far apart bars are, and how wide."""
BARS_HEIGHT = 40


class PartyRow(NamedTuple):
    """A party as the overview shows it; ``height`` and ``seen_at`` are −1 if they are not known."""

    standing: PartyStanding
    role: str
    is_own: bool
    height: int
    lag: int
    seen_at: int
    vote: str
    votes: bool
    connected: bool


class Bar(NamedTuple):
    """A bar of the pace: its place, its height, and how many entries it stands for."""

    x: int
    y: int
    height: int
    entries: int


class Notice(NamedTuple):
    """A line at the top of the page: its tone and its text."""

    tone: Tone
    text: str


def add_to(pages: Pages) -> None:
    """Add the first page."""
    pages.add("/", "overview.html", overview_page)


def overview_page(visit: Visit) -> Mapping[str, Any]:
    """Show the ledger as of now; that of a log which is opened as of its last block."""
    status = visit.status
    newest = visit.reader.block_times([visit.reader.height()])
    as_of = None if status else next(iter(newest.values()), visit.now_ms)
    found = visit.reading.overviews.of(visit.reader, as_of)
    parties = _parties(found, status)
    return {
        "overview": found,
        "status": status,
        "parties": parties,
        "heads": _heads(parties, status) if status else _signed(found, visit.reading.log),
        "alarms": list(_alarms(found, status)),
        "calendar": _calendar(found),
        "owing": _owing(found.owed),
        "owed": owed,
        "differing": differing(visit, found.oldest),
        "bars": bars(found.pace),
        "bars_size": (len(found.pace.entries) * _BAR[0], BARS_HEIGHT),
        "steps_per_minute": 60_000 // PACE_STEP_MS,
        "newest": list(zip(found.newest, sentences(visit.reader, found.newest), strict=True)),
        "refusal": refusal,
        "twin": "/v1/overview" if as_of is None else f"/v1/overview?as_of={as_of}",
        "live": "/live",
    }


def _parties(found: Overview, status: dict[str, Any] | None) -> list[PartyRow]:
    return [_party(each, found, status) for each in found.parties]


def _party(standing: PartyStanding, found: Overview, status: dict[str, Any] | None) -> PartyRow:
    is_own = status is not None and standing.party == status["party"]
    node: dict[str, Any] = {}
    if status is not None:
        own = {"connected": True, "seen_at": found.as_of}
        node = {**status, **own} if is_own else status["peers"].get(standing.party, {})
    height, newest = node.get("height"), status["height"] if status else found.height
    seen_at = node.get("seen_at")
    return PartyRow(
        standing=standing,
        role=ROLE.word(standing.role, language()),
        is_own=is_own,
        height=-1 if height is None else height,
        lag=0 if height is None else max(0, newest - height),
        seen_at=-1 if seen_at is None else seen_at,
        vote=node.get("voting_reason", ""),
        votes=node.get("voting_reason") == "votes",
        connected=node.get("connected", False),
    )


def _signed(found: Overview, log: Summary | None) -> Notice:
    """Return who has signed the newest block of a log; of a false one, what holds up to there."""
    if found.cosigned is not None:
        text = gettext("Block {height:,} is final: it is signed by {names}.")
        names = ", ".join(found.cosigned.signers)
        return Notice("good", text.format(height=found.cosigned.height, names=names))
    if log is None or not found.height:
        return Notice("calm", gettext("Nothing is final yet."))
    if not log.certified:
        return Notice("warn", gettext("What is shown is certified by no quorum."))
    text = gettext("Block {height:,} is final by what follows it in the file.")
    return Notice("calm", text.format(height=found.height))


def _heads(parties: Sequence[PartyRow], status: dict[str, Any]) -> Notice:
    """Return whether all nodes hold the same block."""
    level = [each for each in parties if each.connected and each.height >= 0]
    level = [each for each in level if each.lag <= LEVEL_BLOCKS]
    newest = status["height"]
    if len(level) < len(parties):
        names = ", ".join(each.standing.party for each in parties if each not in level)
        text = gettext("{count} of {all} nodes hold block {height:,}. Not seen there: {names}.")
        counts = {"count": len(level), "all": len(parties), "height": newest, "names": names}
        return Notice("warn", text.format(**counts))
    if any(each.lag for each in level):
        text = gettext("All {all} nodes are at block {height:,}, give or take one or two.")
    else:
        text = gettext("All {all} nodes hold the same block {height:,}.")
    return Notice("good", text.format(all=len(parties), height=newest))


def _alarms(found: Overview, status: dict[str, Any] | None) -> list[Notice]:
    """Return what has to be said loudly."""
    alarms = []
    if found.evidence:
        names = ", ".join(sorted({each.party for each in found.evidence}))
        text = gettext("Proved: the key of {names} has signed what contradicts itself.")
        alarms.append(Notice("bad", text.format(names=names)))
    if status is not None and status["halted"] is not None:
        text = gettext("This node has stopped for safety ({code}): {message}")
        code, message = status["halted"]["code"], status["halted"]["message"]
        said = text.format(code=code, message=stop_in_words(code, message))
        alarms.append(Notice("bad", said))
    elif status is not None and not status["ready"]:
        text = gettext("Nothing can become final now: {reason}")
        reason = stop_in_words(status["ready_code"], status["ready_reason"])
        alarms.append(Notice("warn", text.format(reason=reason)))
    return alarms


def _calendar(found: Overview) -> str:
    """Return that the calendar ends soon; nothing while it does not."""
    if not found.calendar_warning:
        return ""
    if not found.calendar_until:
        return gettext("The business days of this year are not declared: only weekends are known.")
    text = gettext(
        "Business days are decided until {date} only: what falls due later may move. The "
        "institution declares the next year's (tongzhang calendar import)."
    )
    return text.format(date=found.calendar_until)


def _owing(sums: Sequence[OwedSum]) -> list[tuple[str, list[OwedSum]]]:
    """Return what each party owes, by currency; who owes most comes first."""
    found: dict[str, list[OwedSum]] = {}
    for each in sums:
        found.setdefault(each.awaited, []).append(each)
    return list(found.items())


def bars(found: Pace) -> list[Bar]:
    """Return the pace as bars, the tallest of them as tall as the drawing."""
    most = max(found.entries, default=0) or 1
    heights = [-(-each * BARS_HEIGHT // most) for each in found.entries]
    return [
        Bar(place * _BAR[0], BARS_HEIGHT - height, height, entries)
        for place, (height, entries) in enumerate(zip(heights, found.entries, strict=True))
    ]
