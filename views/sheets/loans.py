"""Loans of a sheet: what was due on the date, which of them are past due, what is to compensate.

Indexes are walked and rows are read in bulk. A loan that nothing befell after the date, as far as
is known, is read as it stands; another one is computed from its events.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import takewhile
from typing import NamedTuple

from ledger.contracts.loan_events import loan_after
from ledger.contracts.loan_rows import (
    LoanAccount,
    LoanAgreement,
    LoanEvent,
    LoanInstalment,
    numbers_of,
)
from ledger.contracts.loan_state import instalment_of, loan_of
from ledger.lending.accrual import with_penalty
from ledger.lending.instalments import FEE, INTEREST, PRINCIPAL, Claim, Instalment
from ledger.lending.loan import Loan
from ledger.lending.standing import standing_of
from ledger.state import Walk
from views.reader import Reader, walked
from views.sheets.part import Part, Point
from views.sheets.views import OverdueLine

CHUNK = 2000
_DAYS_BETWEEN_DUES = 28
"""Instalments are seldom nearer to each other: those that are past due are guessed by it."""


class Due(NamedTuple):
    """What is due to a party of a loan on the date, in minor units, and in which instalments."""

    numbers: tuple[int, ...]
    principal: int
    interest: int
    fees: int

    @property
    def whole(self) -> int:
        """All of it."""
        return self.principal + self.interest + self.fees


class Late(NamedTuple):
    """A loan that is past due: its instalments that are, with their penalty as of the date.

    Of ``loan`` the terms and parties are known, and what is past due of it.
    """

    agreement: LoanAgreement
    account: LoanAccount
    loan: Loan
    instalments: tuple[Instalment, ...]


class Loans:
    """Reads loans as of a point, each once.

    Args:
        reader: The snapshot.
        point: As of when.
    """

    def __init__(self, reader: Reader, point: Point) -> None:
        self._reader = reader
        self._point = point
        self.agreements: dict[str, LoanAgreement] = {}
        """What was agreed of the loans that were asked for."""
        self._accounts: dict[str, LoanAccount] = {}
        self._computed: dict[str, Loan | None] = {}
        self.changed = self._changed() if point.is_past or point.may_be_later else {}
        """The loans that later records have changed; they are computed from their events."""

    def read(self, loans: Iterable[str]) -> None:
        """Read agreements and accounts of loans, in bulk."""
        keys = [(name,) for name in dict.fromkeys(loans) if name not in self.agreements]
        for agreement in self._reader.rows_under(LoanAgreement, keys).values():
            self.agreements[agreement.loan] = agreement
        for account in self._reader.rows_under(LoanAccount, keys).values():
            self._accounts[account.loan] = account

    def whole(self, names: Sequence[str]) -> dict[str, Loan]:
        """Return loans as of the point, with all their instalments, in bulk."""
        self._compute([name for name in names if name in self.changed])
        stored = [name for name in names if name not in self.changed]
        self.read(stored)
        keys = [
            (name, number) for name in stored for number in numbers_of(self._accounts[name].numbers)
        ]
        rows: dict[str, dict[int, LoanInstalment]] = {}
        for row in self._reader.rows_under(LoanInstalment, keys).values():
            rows.setdefault(row.loan, {})[row.number] = row
        found = {
            name: loan_of(self.agreements[name], self._accounts[name], rows[name].get)
            for name in stored
        }
        computed = {name: self._computed[name] for name in names if name in self.changed}
        return found | {name: loan for name, loan in computed.items() if loan is not None}

    def due(self, part: Part) -> dict[str, Due]:
        """Return what is due to a party on the date, by loan."""
        day = self._point.day
        rows = list(
            walked(
                self._reader, LoanInstalment, Walk({"due": day}, ("loan", "number")), chunk=CHUNK
            )
        )
        replanned = [name for name, row in self.changed.items() if row.method == "stated"]
        self.read([*(row.loan for row in rows), *replanned])
        later = {row.loan for row in rows if row.loan in self.changed} | set(replanned)
        self._compute(sorted(later))
        found: dict[str, list[Instalment]] = {}
        for name in sorted(later):
            loan = self._computed[name]
            for each in () if loan is None else loan.instalments:
                if each.due == self._point.known.day:
                    found.setdefault(name, []).append(each)
        for row in rows:
            if row.loan not in later:
                found.setdefault(row.loan, []).append(instalment_of(row))
        every = ((name, _due(each, part)) for name, each in sorted(found.items()))
        return {name: due for name, due in every if due.whole}

    def late(self) -> Iterator[Late]:
        """Yield the loans of which anything is past due on the date, by their oldest due date."""
        day = self._point.day
        walk = Walk({}, ("due_from", "loan"), since="0", until=day)
        accounts = [
            row
            for row in walked(self._reader, LoanAccount, walk, chunk=CHUNK)
            if row.loan not in self.changed
        ]
        self._accounts.update((row.loan, row) for row in accounts)
        self.read([*(row.loan for row in accounts), *self.changed])
        stored = self._stored_late(accounts)
        changed = self._late_before()
        self._compute(changed)
        for account in accounts:
            rows = stored[account.loan]
            loan = loan_of(self.agreements[account.loan], account, rows.get)
            instalments = [instalment_of(row) for row in rows.values()]
            yield from self._as_late(account, loan, instalments)
        for name in changed:
            computed = self._computed[name]
            if computed is not None:
                yield from self._as_late(self._accounts[name], computed, computed.instalments)

    def _as_late(
        self, account: LoanAccount, loan: Loan, instalments: Iterable[Instalment]
    ) -> Iterator[Late]:
        day, agreement = self._point.known.day, self.agreements[account.loan]
        past = [each for each in instalments if each.due < day and each.open]
        if past:
            penalty = (with_penalty(loan.terms, loan.parties, each, day) for each in past)
            yield Late(agreement, account, loan, tuple(penalty))

    def _stored_late(self, accounts: Sequence[LoanAccount]) -> dict[str, dict[int, LoanInstalment]]:
        """Return the instalments that are past due of loans, as they stand, in bulk."""
        day = self._point.day
        numbers = {row.loan: numbers_of(row.numbers)[row.settled :] for row in accounts}
        ends = {row.loan: self._guess(row) for row in accounts}
        starts = dict.fromkeys(numbers, 0)
        found: dict[str, dict[int, LoanInstalment]] = {row.loan: {} for row in accounts}
        wanted = list(numbers)
        while wanted:
            keys = [(name, n) for name in wanted for n in numbers[name][starts[name] : ends[name]]]
            rows = self._reader.rows_under(LoanInstalment, keys)
            again = []
            for name in wanted:
                own = [rows[name, n] for n in numbers[name][starts[name] : ends[name]]]
                past = list(takewhile(lambda row: row.due < day, own))
                found[name].update((row.number, row) for row in past if row.open)
                if own and len(past) == len(own):
                    again.append(name)
                    starts[name], ends[name] = ends[name], 2 * ends[name]
            wanted = again
        return found

    def _guess(self, account: LoanAccount) -> int:
        since = date.fromisoformat(account.due_from)
        return (self._point.known.day - since).days // _DAYS_BETWEEN_DUES + 1

    def _changed(self) -> dict[str, LoanAccount]:
        """Return the loans with records of later dates, or that are not known yet."""
        day, size = self._point.day, self._point.known.size
        rows = walked(self._reader, LoanAccount, Walk({}, ("loan",)), chunk=CHUNK)
        return {row.loan: row for row in rows if row.latest > day or row.last_entry >= size}

    def _late_before(self) -> list[str]:
        """Return the changed loans that may have been past due on the date.

        What was whole by then, as far as all records say, was not.
        """
        day, size = self._point.day, self._point.known.size
        keys = [
            (name, number)
            for name, row in self.changed.items()
            if row.last_entry < size and row.method != "stated"
            for number in numbers_of(row.numbers)
        ]
        rows = self._reader.rows_under(LoanInstalment, keys).values()
        open_then = {r.loan for r in rows if r.due < day and (r.open or r.whole_on > day)}
        return [
            name
            for name, row in self.changed.items()
            if name in open_then or row.last_entry >= size or row.method == "stated"
        ]

    def _compute(self, loans: Sequence[str]) -> None:
        """Compute loans from their events, in bulk."""
        wanted = [name for name in loans if name not in self._computed]
        self.read(wanted)
        keys = [(name, n) for name in wanted for n in range(self.changed[name].records + 1)]
        events = self._reader.rows_under(LoanEvent, keys)
        by_loan: dict[str, list[LoanEvent]] = {}
        for event in events.values():
            by_loan.setdefault(event.loan, []).append(event)
        day, size = self._point.day, self._point.known.size
        for name in wanted:
            own = sorted(by_loan.get(name, ()), key=lambda each: each.record)
            known = [each for each in own if each.entry < size and each.date <= day]
            self._computed[name] = loan_after(self.agreements[name], known)


def overdue_line(late: Late, part: Part, day: date) -> OverdueLine | None:
    """Return a late loan as it is shown, or None if nothing of what is late is the party's."""
    amount = sum(c.open for each in late.instalments for c in each.claims if part.claims(c.party))
    if not amount:
        return None
    stands = standing_of(late.loan, late.instalments, day)
    return OverdueLine(
        loan=late.agreement.loan,
        bucket=stands.bucket,
        days=stands.days_past_due,
        due_since=min(each.due for each in late.instalments).isoformat(),
        instalments=[each.number for each in late.instalments],
        amount=amount,
        currency=late.agreement.currency,
        entries=sorted({late.agreement.entry, late.account.entry}),
    )


def _due(instalments: Sequence[Instalment], part: Part) -> Due:
    own = [c for each in instalments for c in each.claims if part.claims(c.party)]
    return Due(
        tuple(each.number for each in instalments),
        _sum(own, PRINCIPAL),
        _sum(own, INTEREST),
        sum(claim.due for claim in own if claim.component.startswith(FEE)),
    )


def _sum(claims: Iterable[Claim], component: str) -> int:
    return sum(claim.due for claim in claims if claim.component == component)
