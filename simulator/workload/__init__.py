"""The business that clients do: records of all types and parties, valid ones and others.

One module a business holds its moves; :mod:`simulator.workload.moves` says what a move is, and
:mod:`simulator.workload.knowledge` what the workload remembers. It knows nothing of what the ledger
makes of its records but the answers that the clients got. Parties draft from the same knowledge at
the same time, so they race, as in life.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import NamedTuple

from ledger import canonical
from ledger.contracts import RULES, times
from ledger.entry import APPLIED
from ledger.execute import ID_REUSED, WRONG_AUTHOR
from ledger.genesis import Genesis
from ledger.records import type_name
from simulator.chance import Chance
from simulator.plan import Plan
from simulator.workload import (
    amendments,
    calendars,
    compensations,
    disputes,
    fee_agreements,
    fees,
    loan_agreements,
    loan_funding,
    loan_proposals,
    loan_statements,
    offers,
    payments,
    profit_agreements,
    profits,
    receivers,
    refund_float,
    refunds,
    repayment_splits,
    repayments,
    settlement,
)
from simulator.workload.drafts import YEAR_2100_MS, spoilt
from simulator.workload.knowledge import Knowledge
from simulator.workload.moves import ANYBODY, Author, Draft, Move, moves
from simulator.workload.subjects import NothingFits

BUSINESSES = (
    receivers,
    payments,
    amendments,
    settlement,
    refund_float,
    refunds,
    fee_agreements,
    fees,
    profit_agreements,
    offers,
    profits,
    calendars,
    disputes,
    loan_proposals,
    loan_agreements,
    loan_funding,
    loan_statements,
    repayments,
    repayment_splits,
    compensations,
)
MOVES = tuple(move for business in BUSINESSES for move in moves(business.MOVES))

WRONG_PPM = 80_000
"""Share of what parties say on purpose to be refused."""
QUIET_PPM = {"platform": 0, "institution": 0, "guarantor": 500_000}
QUIET_ELSE_PPM = 800_000
"""Rate of turns at which a party has nothing to say, by role, and of any other one."""
TRIES = 6


class RawRecord(NamedTuple):
    """A record that a client says: a name for what became of it, its bytes and its type.

    ``id`` is the record's own id, but for an id that is used twice: that has a name of its own.
    """

    id: str
    raw: bytes
    type: str


class _Asked(NamedTuple):
    """A record that has no answer yet: who said it, and what follows."""

    party: str
    move: Move
    draft: Draft


class Workload:
    """The parties' business in a run.

    Args:
        plan: How much of it.
        genesis: The consortium.
        now_ms: When the run begins.
        wrong_ppm: How often something is said that is to be refused.
    """

    def __init__(
        self, plan: Plan, genesis: Genesis, now_ms: int, *, wrong_ppm: int = WRONG_PPM
    ) -> None:
        self.known = Knowledge(genesis, plan.parties, now_ms)
        self._left = plan.records
        self._wrong_ppm = wrong_ppm
        self._now_ms = now_ms
        self._numbers: dict[str, int] = {}
        self._asked: dict[str, _Asked] = {}
        self.outcomes: Counter[tuple[str, str, bool]] = Counter()
        """Count of outcomes by type, outcome and whether that stands in the log."""
        self._used: dict[str, str] = {}
        roles = genesis.roles
        self._good = {party: _open_to(roles[party], good=True) for party in plan.parties}
        self._bad = {party: _open_to(roles[party], good=False) for party in plan.parties}
        self._typed = {party: _by_type(roles[party]) for party in plan.parties}
        self._foreign = {party: _foreign_to(roles[party]) for party in plan.parties}

    @property
    def is_done(self) -> bool:
        """Whether all records of the plan were handed out."""
        return self._left <= 0

    def stop(self) -> None:
        """Hand out nothing more."""
        self._left = 0

    def next(self, party: str, count: int, chance: Chance, now_ms: int) -> list[RawRecord]:
        """Return up to ``count`` records that ``party`` says when its clock shows ``now_ms``."""
        records: list[RawRecord] = []
        author = Author(self.known, party, chance, now_ms)
        while len(records) < count and self._left > 0:
            try:
                records.append(self._say(author))
            except NothingFits:
                break
            self._left -= 1
        return records

    def wants(self, record: RawRecord) -> str:
        """Return the outcome that a record without an answer was said for."""
        return self._asked[record.id].move.wants

    def answered(self, record: RawRecord, outcome: str, *, in_log: bool) -> None:
        """Learn what became of a record, and whether the log has it."""
        asked = self._asked.pop(record.id, None)
        if asked is None:
            return
        self.outcomes[record.type, outcome, in_log] += 1
        for subject in asked.draft.about:
            if asked.party in subject.busy:
                subject.busy.remove(asked.party)
        if outcome == APPLIED:
            asked.draft.then()
            self._used[asked.party] = record.id

    def _say(self, author: Author) -> RawRecord:
        if author.chance.happens(self._wrong_ppm):
            return self._say_wrong(author)
        role = self.known.genesis.roles[author.party]
        author.assume(not author.chance.happens(QUIET_PPM.get(role, QUIET_ELSE_PPM)))
        return self._try(author, self._good[author.party])

    def _say_wrong(self, author: Author) -> RawRecord:
        kind = author.chance.below(9)
        if kind == 0 and author.party in self._used:
            return self._reuse(author)
        if kind == 1:
            return self._try(author, self._foreign[author.party])
        if kind == 2:
            return self._say_ahead(author)
        return self._try(author, self._bad[author.party])

    def _try(self, author: Author, moves: tuple[Move, ...]) -> RawRecord:
        for _ in range(TRIES):
            move = author.chance.pick(moves)
            with suppress(NothingFits):
                return self._write(author, move, move.draft(author), self._next_id(author.party))
        raise NothingFits

    def _next_id(self, party: str) -> str:
        number = self._numbers[party] = self._numbers.get(party, 0) + 1
        return f"{party}-{number}"

    def _reuse(self, author: Author) -> RawRecord:
        """Use an id again for something else."""
        move, draft = self._any(author)
        earlier = self._used[author.party]
        name = f"{earlier}~{self._next_id(author.party)}"
        again = move._replace(wants=ID_REUSED)
        return self._write(author, again, Draft(draft.fields), earlier, name)

    def _say_ahead(self, author: Author) -> RawRecord:
        """Say something as if it were said in another century."""
        move, draft = self._any(author)
        ahead = move._replace(wants=times.TIME_IN_FUTURE)
        fields = {**draft.fields, "at": YEAR_2100_MS}
        return self._write(author, ahead, Draft(fields), self._next_id(author.party))

    def _any(self, author: Author) -> tuple[Move, Draft]:
        """Return a move of any type that the party may say, each type as often, and its draft."""
        of_type = self._typed[author.party]
        move = author.chance.pick(of_type[author.chance.pick(tuple(of_type))])
        return move, move.draft(author)

    def _write(
        self, author: Author, move: Move, draft: Draft, record_id: str, name: str = ""
    ) -> RawRecord:
        record = {"at": author.now_ms, "id": record_id, "type": move.type, **draft.fields}
        for subject in draft.about:
            subject.busy.append(author.party)
        raw = RawRecord(name or record_id, canonical.encode(record), move.type)
        draft.named(raw.raw)
        self._asked[raw.id] = _Asked(author.party, move, draft)
        return raw


_RULES = {type_name(record): rule for record, rule in RULES.items()}


def _open_to(role: str, *, good: bool) -> tuple[Move, ...]:
    """Return the moves of a role, valid ones as often as they weigh, or those to be refused."""
    mine = (move for move in MOVES if _is_of(move, role))
    return tuple(
        move for move in mine if (move.wants == APPLIED) == good for _ in range(move.weight)
    )


def _is_of(move: Move, role: str) -> bool:
    """Return whether a role says what a move says: a supervisor not all that anybody may."""
    return move.role == role or (move.role == ANYBODY and _RULES[move.type].is_for(role))


def _by_type(role: str) -> dict[str, list[Move]]:
    found: dict[str, list[Move]] = {}
    for move in MOVES:
        if _is_of(move, role):
            found.setdefault(move.type, []).append(move)
    return found


def _foreign_to(role: str) -> tuple[Move, ...]:
    """Return the valid moves of other roles, which are refused to this one."""
    others = (move for move in MOVES if move.role != ANYBODY and not _RULES[move.type].is_for(role))
    return tuple(
        move._replace(wants=WRONG_AUTHOR, draft=spoilt(move.draft))
        for move in others
        if move.wants == APPLIED
    )
