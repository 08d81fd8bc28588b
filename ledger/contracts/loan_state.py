"""Loans between rows and rules: read for :mod:`ledger.lending`, and written as it leaves them.

A loan that is read draws its instalments one by one, when they are asked for: a repayment reads
those that it pays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import overload

import msgspec
from msgspec.structs import replace

from ledger import books
from ledger.books import money
from ledger.contracts import times
from ledger.contracts.loan_rows import (
    ACTIVE,
    SETTLED,
    EventKind,
    FormerInstalment,
    LoanAccount,
    LoanAgreement,
    LoanEvent,
    LoanInstalment,
    numbers_of,
)
from ledger.errors import Refused
from ledger.lending.errors import AmountRefused, LoanRefused
from ledger.lending.instalments import INTEREST, PENALTY, PRINCIPAL, Claim, Instalment, LoanLeg
from ledger.lending.loan import Loan, Outcome
from ledger.lending.terms import Funder, LoanTerms, Parties, ScheduleRow
from ledger.limits import AHEAD_MS_MAX
from ledger.state import Transaction


class StoredInstalments(Sequence[Instalment]):
    """The instalments of a loan, read when they are asked for.

    Args:
        numbers: Their numbers, in order.
        read: Reads one.
    """

    def __init__(self, numbers: Sequence[int], read: Callable[[int], Instalment]) -> None:
        self._numbers = numbers
        self._read = read

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> Instalment: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Instalment]: ...

    def __getitem__(self, index: int | slice) -> Instalment | Sequence[Instalment]:
        if isinstance(index, slice):
            return StoredInstalments(self._numbers[index], self._read)
        return self._read(self._numbers[index])

    def __iter__(self) -> Iterator[Instalment]:
        return map(self._read, self._numbers)


def loan_of(
    agreement: LoanAgreement, account: LoanAccount, read: Callable[[int], LoanInstalment | None]
) -> Loan:
    """Return a loan for the rules of lending.

    Args:
        agreement: What was agreed.
        account: How it stands.
        read: Returns one of its instalments by number.
    """

    known: dict[int, Instalment] = {}

    def instalment(number: int) -> Instalment:
        found = known.get(number)
        if found is None:
            row = read(number)
            if row is None:
                raise LookupError(f"the state has no instalment {number} of loan {account.loan}")
            found = known[number] = instalment_of(row)
        return found

    return Loan(
        terms=terms_of(agreement.terms),
        parties=parties_of(agreement),
        method=account.method,
        regular=account.regular,
        instalments=StoredInstalments(numbers_of(account.numbers), instalment),
        latest=date.fromisoformat(account.latest),
        numbered=account.numbered,
        records=account.records,
        settled=account.settled,
    )


def require_loan(tx: Transaction, name: str) -> tuple[LoanAgreement, LoanAccount]:
    """Return a loan that was disbursed: what was agreed, and how it stands.

    Raises:
        Refused: ``loan-unknown`` or ``loan-not-disbursed``.
    """
    agreement = require_agreement(tx, name)
    account = tx.rows[LoanAccount][name,]
    if account is None:
        raise Refused(
            "loan-not-disbursed",
            f"The institution states the disbursement of {name} before anything else of its money.",
            expected="a disbursed loan",
            got=f"{name}, {agreement.state}",
        )
    return agreement, account


def require_agreement(tx: Transaction, name: str) -> LoanAgreement:
    """Return what was proposed of a loan.

    Raises:
        Refused: ``loan-unknown``.
    """
    agreement = tx.rows[LoanAgreement][name,]
    if agreement is None:
        raise Refused(
            "loan-unknown",
            "The platform proposes a loan with loan.proposed before anybody names it.",
            expected="a proposed loan",
            got=name or "no loan",
        )
    return agreement


def read_loan(tx: Transaction, agreement: LoanAgreement, account: LoanAccount) -> Loan:
    """Return a loan as a record sees it."""
    rows, name = tx.rows[LoanInstalment], account.loan
    return loan_of(agreement, account, lambda number: rows[name, number])


@lru_cache(maxsize=4096)
def terms_of(text: str) -> LoanTerms:
    """Return terms from their canonical JSON."""
    return msgspec.json.decode(text, type=LoanTerms)


def parties_of(agreement: LoanAgreement) -> Parties:
    """Return who takes part in a loan."""
    return _parties(agreement.funders, agreement.platform, agreement.guarantor)


@lru_cache(maxsize=4096)
def _parties(funders: tuple[str, ...], platform: str, guarantor: str) -> Parties:
    pairs = (text.partition(":") for text in funders)
    return Parties(
        funders=tuple(Funder(party=party, ppm=int(ppm)) for party, _, ppm in pairs),
        platform=platform,
        guarantor=guarantor,
    )


def ranges_of(numbers: Sequence[int]) -> tuple[str, ...]:
    """Return ascending numbers as ranges."""
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return tuple(f"{first}-{last}" for first, last in found)


def instalment_of(row: LoanInstalment) -> Instalment:
    """Return an instalment from its row."""
    claims = []
    for text in row.claims:
        component, party, due, opened = text.split("|")
        claims.append(Claim(component, party, int(due), int(opened)))
    day = date.fromisoformat
    return Instalment(
        number=row.number,
        start=day(row.start),
        due=day(row.due),
        parts=row.parts,
        balance=row.balance,
        since=day(row.since),
        counted_to=day(row.counted_to),
        claims=tuple(claims),
        weighed=int(row.weighed),
        overdue=int(row.overdue),
        fixed=row.fixed,
        whole_on=day(row.whole_on) if row.whole_on else None,
        dropped=row.dropped,
        touched=row.touched,
    )


def row_of(loan: str, instalment: Instalment) -> LoanInstalment:
    """Return the row of an instalment."""
    return LoanInstalment(
        loan=loan,
        number=instalment.number,
        start=instalment.start.isoformat(),
        due=instalment.due.isoformat(),
        open=instalment.open,
        claims=tuple([f"{c.component}|{c.party}|{c.due}|{c.open}" for c in instalment.claims]),
        parts=instalment.parts,
        balance=instalment.balance,
        since=instalment.since.isoformat(),
        counted_to=instalment.counted_to.isoformat(),
        weighed=str(instalment.weighed),
        overdue=str(instalment.overdue),
        fixed=instalment.fixed,
        whole_on=instalment.whole_on.isoformat() if instalment.whole_on else "",
        dropped=instalment.dropped,
        touched=instalment.touched,
    )


def leg_texts(legs: Sequence[LoanLeg]) -> tuple[str, ...]:
    """Return legs as rows hold them: ``party|instalment|component|amount``."""
    return tuple([f"{leg[0]}|{leg[1]}|{leg[2]}|{leg[3]}" for leg in legs])


def legs_of(texts: Sequence[str]) -> tuple[LoanLeg, ...]:
    """Return legs from the texts of a row."""
    return tuple(map(leg_of, texts))


def leg_of(text: str) -> LoanLeg:
    """Return a leg from its text."""
    party, number, component, amount = text.split("|")
    return LoanLeg(party, int(number), component, int(amount))


def plan_texts(rows: Sequence[ScheduleRow]) -> tuple[str, ...]:
    """Return the rows of a schedule as a row holds them: each as canonical JSON."""
    return tuple(msgspec.json.encode(row, order="sorted").decode() for row in rows)


def plan_of(texts: Sequence[str]) -> tuple[ScheduleRow, ...]:
    """Return the rows of a schedule from the texts of a row."""
    return tuple(msgspec.json.decode(text, type=ScheduleRow) for text in texts)


def former_of(row: FormerInstalment) -> Instalment:
    """Return an instalment as it was."""
    return msgspec.json.decode(row.instalment, type=Instalment)


def former_row(loan: str, record: int, instalment: Instalment) -> FormerInstalment:
    """Return the row of an instalment as it was before a record."""
    text = msgspec.json.encode(instalment, order="sorted").decode()
    return FormerInstalment(loan, record, instalment.number, text)


def keep(
    tx: Transaction, loan: tuple[LoanAgreement, LoanAccount], found: Outcome, event: LoanEvent
) -> None:
    """Write what a record made of a loan: its instalments, how it stands, and the event.

    Args:
        tx: The record's transaction.
        loan: The loan's rows before it.
        found: What the rules made of it.
        event: What is to be remembered of it.
    """
    agreement, account = loan
    name = account.loan
    for number in found.gone:
        tx.delete(LoanInstalment, (name, number))
    for instalment in found.changed:
        tx.set(LoanInstalment, (name, instalment.number), row_of(name, instalment))
    numbers = numbers_of(account.numbers)
    fresh = [each.number for each in found.changed if each.number > account.numbered]
    if found.gone or fresh:
        numbers = (*(each for each in numbers if each not in found.gone), *fresh)
    settled = _settled(tx, account, numbers, found)
    due_from = ""
    if settled < len(numbers):
        row = tx.rows[LoanInstalment][name, numbers[settled]]
        due_from = "" if row is None else row.due
    tx.put(
        replace(
            account,
            latest=max(account.latest, event.date),
            method=found.method,
            numbers=account.numbers if not (found.gone or fresh) else ranges_of(numbers),
            numbered=max((account.numbered, *fresh)),
            records=event.record,
            settled=settled,
            due_from=due_from,
            open_principal=account.open_principal - _repaid(event.kind, found),
            last_entry=tx.entry,
        )
    )
    state = ACTIVE if due_from else SETTLED
    if agreement.state != state:
        tx.put(replace(agreement, state=state, last_entry=tx.entry))
    tx.put(event)


def _settled(tx: Transaction, account: LoanAccount, numbers: Sequence[int], found: Outcome) -> int:
    """Return how many instalments are whole before the first one that is not."""
    opened = [each.number for each in found.changed if each.open]
    first = min((numbers.index(number) for number in opened), default=len(numbers))
    index = min(account.settled, first, len(numbers))
    rows = tx.rows[LoanInstalment]
    while index < len(numbers):
        row = rows[account.loan, numbers[index]]
        if row is not None and row.open:
            break
        index += 1
    return index


def _repaid(kind: EventKind, found: Outcome) -> int:
    """Return the principal that is open no more; a compensation only passes it on."""
    if kind in {"compensated", "returned"}:
        return 0
    return sum(leg.amount for leg in found.legs if leg.component == PRINCIPAL)


def book(tx: Transaction, agreement: LoanAgreement, legs: Sequence[LoanLeg]) -> None:
    """Book what was allocated: principal comes down, the rest is income of its holder.

    Legs that are taken back have negative amounts, and are booked the other way.
    """
    lines: dict[str, int] = {}
    principal = receipts = 0
    for party, _, component, amount in legs:
        if component == PRINCIPAL:
            account, by = books.funding(party), amount
            principal += amount
        else:
            account, by = _INCOME.get(component, books.loan_fee_income)(party), -amount
            receipts += amount
        lines[account] = lines.get(account, 0) + by
    lines[books.principal(agreement.loan)] = -principal
    lines[books.loan_receipts(agreement.platform)] = receipts
    posted = [line for line in lines.items() if line[1]]
    if posted:
        books.post(tx, agreement.currency, posted)


_INCOME: dict[str, Callable[[str], str]] = {
    INTEREST: books.interest_income,
    PENALTY: books.penalty_income,
}


def in_money(refused: LoanRefused, currency: str) -> Refused:
    """Return the refusal of a lending rule with its amounts in a currency, for people too."""
    if refused.difference is None:
        return refused
    expected, got = refused.expected, refused.got
    if isinstance(refused, AmountRefused):
        expected = money(refused.expected_amount, currency)
        got = money(refused.got_amount, currency)
    rule = f"{refused.rule} The difference is {money(refused.difference, currency)}."
    return Refused(refused.code, rule, expected=expected, got=got)


def stated_day(tx: Transaction, text: str) -> date:
    """Return the business date that a record states, which has begun.

    Raises:
        Refused: ``no-such-date`` or ``time-in-future``.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Refused(
            "no-such-date",
            "A record about a loan is of a day of the calendar.",
            expected="an ISO 8601 date",
            got=text,
        ) from None
    latest = times.business_date(tx, tx.time_ms + AHEAD_MS_MAX)
    if text > latest:
        raise Refused(
            times.TIME_IN_FUTURE,
            "What is stated has happened; its date lies after the business date of the block.",
            expected=f"{latest} or earlier",
            got=text,
        )
    return day
