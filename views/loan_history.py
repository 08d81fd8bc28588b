"""Loans as of a business date and a height: what held by then, by what was known.

A loan that nothing befell later is read as it stands. Else it is computed anew from its events, and
what was agreed from its records. Agreements have no business date: they are as they were known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace

from ledger.contracts import decode_record
from ledger.contracts.loan_agreements import LoanAccepted, LoanDeclined, LoanWithdrawn
from ledger.contracts.loan_events import loan_after
from ledger.contracts.loan_proposals import LoanProposed, LoanReceiverNamed, agreement_of
from ledger.contracts.loan_rows import (
    ACCEPTED,
    ACTIVE,
    DECLINED,
    SETTLED,
    WITHDRAWN,
    LoanAccount,
    LoanAgreement,
    LoanEvent,
    LoanInstalment,
    numbers_of,
)
from ledger.contracts.loan_state import loan_of
from ledger.entry import decode_entry
from ledger.lending.instalments import PRINCIPAL, shares_open
from ledger.lending.loan import Loan
from ledger.limits import SAFE_INTEGER_MAX
from ledger.records import Record
from ledger.state import Walk
from views.listing import Asked, Filter
from views.reader import Reader, StoredEntry, walked
from views.timeline import TIMELINE_MAX

_MONTH_DAYS_MIN = 28

AS_OF = Filter(
    name="as_of",
    kind="business-date",
    judged=True,
    shown=True,
    help="As of this business date: records of later dates are left out",
)
HEIGHT = Filter(
    name="height",
    kind="height",
    judged=True,
    help="By what was known after this block.",
)


class Vantage(NamedTuple):
    """As of when loans are looked at.

    Args:
        day: A business date: records of later dates are left out.
        size: How many entries of the log are known; all if left out.
    """

    day: date
    size: int = SAFE_INTEGER_MAX


def known_of(asked: Asked) -> Vantage:
    """Return as of when a list of loans is asked for."""
    return _judged(asked)[0]


def is_past(asked: Asked) -> bool:
    """Return whether a list is asked for as of a time before the last block's business date."""
    return _judged(asked)[1]


def _judged(asked: Asked) -> tuple[Vantage, bool]:
    if "judged" not in asked.kept:
        asked.kept["judged"] = _judge(asked)
    found: tuple[Vantage, bool] = asked.kept["judged"]
    return found


def _judge(asked: Asked) -> tuple[Vantage, bool]:
    reader, height, day = asked.reader, asked.given.get("height"), asked.given["as_of"]
    newest_ms = max(reader.block_times([reader.height()]).values(), default=0)
    newest = asked.genesis.calendar.business_date(newest_ms)
    size = SAFE_INTEGER_MAX if height is None else reader.size_after(height)
    return Vantage(date.fromisoformat(day), size), height is not None or day < newest


class LoanThen(NamedTuple):
    """A loan as of a date: what was agreed with the state as of then, and how the loan stood.

    ``account`` is how it stands now. ``loan`` is None if it was not disbursed; ``due_from`` is when
    the oldest instalment is due of which anything is open, empty if none is.
    """

    agreement: LoanAgreement
    account: LoanAccount | None
    loan: Loan | None = None
    due_from: str = ""
    open_principal: int = 0


def loan_then(
    reader: Reader, agreement: LoanAgreement, account: LoanAccount | None, known: Vantage
) -> LoanThen | None:
    """Return a loan as of a date, by what was known; None if it was not proposed by then."""
    return next(loans_then(reader, [(agreement, account)], known), None)


def loans_then(
    reader: Reader, rows: Sequence[tuple[LoanAgreement, LoanAccount | None]], known: Vantage
) -> Iterator[LoanThen]:
    """Yield loans as of a date in a few queries; those that were not proposed by then are left out.

    Of a loan that nothing befell later the instalments are read that may be past due; others when
    they are asked for.
    """
    accounts = [account for _, account in rows if account is not None]
    instalments = _likely(reader, accounts, known.day)

    def read(loan: str, number: int) -> LoanInstalment | None:
        return instalments.get((loan, number)) or reader.row(LoanInstalment, (loan, number))

    for agreement, account in rows:
        agreed = agreement_known(reader, agreement, account, known.size)
        if agreed is None:
            continue
        if account is None:
            yield LoanThen(agreed, account)
        elif is_same(account, known):
            loan = loan_of(agreed, account, partial(read, account.loan))
            yield LoanThen(agreed, account, loan, account.due_from, account.open_principal)
        else:
            events = events_known(reader, account.loan, known)
            yield _computed(agreed, account, loan_after(agreed, events))


def _computed(agreement: LoanAgreement, account: LoanAccount, loan: Loan | None) -> LoanThen:
    """Return a loan that was computed from its events."""
    if loan is None:
        state = ACCEPTED if agreement.state in {ACTIVE, SETTLED} else agreement.state
        return LoanThen(replace(agreement, state=state), account)
    due = [each.due for each in loan.instalments if each.open]
    left = sum(part for _, part in shares_open(loan.instalments, PRINCIPAL))
    then = replace(agreement, state=ACTIVE if due else SETTLED)
    return LoanThen(then, account, loan, min(due).isoformat() if due else "", left)


def is_same(account: LoanAccount, known: Vantage) -> bool:
    """Return whether nothing befell a loan that is not known, or later."""
    return date.fromisoformat(account.latest) <= known.day and account.last_entry < known.size


def _likely(
    reader: Reader, accounts: Sequence[LoanAccount], day: date
) -> dict[tuple[str, int], LoanInstalment]:
    """Return the instalments of loans that may be past due, as most are a month apart."""
    keys: list[tuple[str, int]] = []
    for account in accounts:
        if account.due_from and account.due_from <= day.isoformat():
            late = (day - date.fromisoformat(account.due_from)).days // _MONTH_DAYS_MIN + 2
            numbers = numbers_of(account.numbers)
            chosen = numbers[account.settled : account.settled + late]
            keys += [(account.loan, number) for number in chosen]
    return reader.rows_under(LoanInstalment, keys)


def agreement_known(
    reader: Reader, agreement: LoanAgreement, account: LoanAccount | None, size: int
) -> LoanAgreement | None:
    """Return what was agreed by the first ``size`` entries; None if nothing was proposed in them.

    What stands is read from the records about the loan if any of them came later.
    """
    latest = max(agreement.last_entry, -1 if account is None else account.last_entry)
    if latest < size:
        return agreement
    if agreement.entry >= size:
        return None
    about = reader.newest_about(f"loan:{agreement.loan}", TIMELINE_MAX, applied=True)
    then = None
    for entry in reversed(about):
        if entry.index < size:
            then = _told(then, decode_record(decode_entry(entry.leaf).record), entry)
    return then


def _told(
    agreement: LoanAgreement | None, record: Record, entry: StoredEntry
) -> LoanAgreement | None:
    """Return an agreement after a record about its loan."""
    if isinstance(record, LoanProposed):
        return agreement_of(record, entry.party, entry.index)
    if agreement is None:
        return None
    if isinstance(record, LoanAccepted) and record.proposal == agreement.proposal:
        accepted = (*agreement.accepted, entry.party)
        state = ACCEPTED if set(accepted) >= set(agreement.names) else agreement.state
        return replace(agreement, accepted=accepted, state=state, last_entry=entry.index)
    if isinstance(record, LoanDeclined) and record.proposal == agreement.proposal:
        said = f"declined by {entry.party}: {record.reason}"
        return replace(agreement, state=DECLINED, reason=said, last_entry=entry.index)
    if isinstance(record, LoanWithdrawn) and agreement.state != ACCEPTED:
        return replace(agreement, state=WITHDRAWN, reason=record.reason, last_entry=entry.index)
    if isinstance(record, LoanReceiverNamed):
        held = dict(text.split(":", 1) for text in agreement.beneficiaries)
        held[entry.party] = record.receiver
        named = tuple(f"{party}:{receiver}" for party, receiver in held.items())
        return replace(agreement, beneficiaries=named, last_entry=entry.index)
    return agreement


def loan_known(
    reader: Reader, agreement: LoanAgreement, account: LoanAccount | None, known: Vantage
) -> Loan | None:
    """Return a loan as of a date, by what was known; None if it was not disbursed.

    Args:
        reader: A snapshot.
        agreement: What was agreed.
        account: How the loan stands now, if it is disbursed.
        known: As of when.
    """
    then = loan_then(reader, agreement, account, known)
    return None if then is None else then.loan


def events_known(reader: Reader, loan: str, known: Vantage) -> Iterator[LoanEvent]:
    """Yield the events of a loan that are known and of no later date, in the order of the log."""
    for event in walked(reader, LoanEvent, Walk({"loan": loan}, ("record",))):
        if event.entry < known.size and date.fromisoformat(event.date) <= known.day:
            yield event
