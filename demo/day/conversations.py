"""Where one party's word follows another's: agreements, refunds, fees, profit, disputes.

A conversation is what its parties say, by the times in the files. A turn is what one party says
before another answers. Conversations are independent of each other: they may run side by side.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from demo.day import fee_statements, refund_statements, statements
from demo.day.rows import Day, FloatRow, ProfitRow, moment
from demo.day.trade import OPEN_TIME

_FLOAT = "refunds"
"""What all that uses the float is about: said one after the other, for each needs what is left."""


class Said(NamedTuple):
    """One record: when it is said and by whom, what it is about, and its bytes."""

    at_ms: int
    party: str
    subject: str
    raw: bytes


class Turn(NamedTuple):
    """What one party says in a row."""

    party: str
    said: tuple[Said, ...]


def turns(said: Iterable[Said], apart: Container[Said] = ()) -> list[Turn]:
    """Return a conversation by turns, in the order of the times.

    Within a turn only what is about one subject keeps its order. What is said ``apart`` is a turn
    of its own, which ends before its party says more.
    """
    timed = sorted(said, key=lambda each: each.at_ms)
    runs = groupby(timed, key=lambda each: (each.party, each in apart))
    return [Turn(party, tuple(run)) for (party, _), run in runs]


def opening(day: Day) -> list[Turn]:
    """Return what is agreed before the trade: calendar, fees, profit sharing, refund float."""
    said = [*_calendar(day), *_terms(day), *_profit_terms(day)]
    said += [_moved(row) for row in day.floats if _before_trade(day, row)]
    return turns(said)


def refunding(day: Day) -> list[Turn]:
    """Return requests, their results, and what moves in the float meanwhile."""
    said = [_moved(row) for row in day.floats if not _before_trade(day, row)]
    for request in day.refunds:
        raw = refund_statements.refund_requested(request)
        said.append(Said(moment(request.requested_at), day.platform, _FLOAT, raw))
    for result in day.refund_results:
        raw = refund_statements.refund_result(result)
        said.append(Said(moment(result.stated_at), day.institution, result.refund, raw))
    return turns(said)


def charging(day: Day) -> list[Turn]:
    """Return the charges, the invoices with their settlement, and how the income is shared."""
    charges = []
    for fee in day.fees:
        raw = fee_statements.fee_charged(fee)
        charges.append(Said(moment(fee.charged_at), day.institution, fee.payment, raw))
    said = [*charges]
    for row in day.invoices:
        asked, paid = fee_statements.fee_invoiced(row), fee_statements.fee_settled(row)
        said.append(Said(moment(row.invoiced_at), day.institution, row.invoice, asked))
        said.append(Said(moment(row.paid_at), day.platform, row.invoice, paid))
    for rows in _by_invoice(day):
        raw = fee_statements.profit_shared(rows)
        said.append(Said(moment(rows[0].shared_at), day.institution, rows[0].share, raw))
        for part in (row for row in rows if row.received_at):
            raw = fee_statements.profit_confirmed(part)
            said.append(Said(moment(part.received_at), part.party, part.share, raw))
    return turns(said, apart={*charges})  # an invoice needs all charges


def disputing(day: Day) -> list[Turn]:
    """Return what is contested after the first run of payouts, and the answers."""
    said = []
    for row in day.disputes:
        raised = refund_statements.dispute_raised(row)
        said.append(Said(moment(row.raised_at), row.party, row.dispute, raised))
        if row.outcome:
            party = row.party if row.outcome == "withdrawn" else row.against
            answer = refund_statements.dispute_resolved(row)
            said.append(Said(moment(row.resolved_at), party, row.dispute, answer))
    return turns(said)


def _calendar(day: Day) -> Iterator[Said]:
    for row in day.dates.declared:
        for party, said, at in (
            (day.institution, "declared", row.declared_at),
            (day.platform, "accepted", row.accepted_at),
        ):
            raw = statements.calendar_record(row, said, at)
            yield Said(moment(at), party, f"calendar:{row.year}", raw)


def _terms(day: Day) -> Iterator[Said]:
    for row in day.terms:
        offer, acceptance = fee_statements.fee_agreed(row), fee_statements.fee_accepted(row)
        yield Said(moment(row.agreed_at), day.institution, row.agreement, offer)
        yield Said(moment(row.accepted_at), day.platform, row.agreement, acceptance)


def _profit_terms(day: Day) -> Iterator[Said]:
    for rows in _by_invoice(day):
        offer = fee_statements.profit_agreed(rows)
        yield Said(moment(rows[0].agreed_at), day.institution, rows[0].agreement, offer)
        for row in (each for each in rows if each.accepted_at):
            raw = fee_statements.profit_accepted(row)
            yield Said(moment(row.accepted_at), row.party, row.agreement, raw)


def _by_invoice(day: Day) -> Iterator[list[ProfitRow]]:
    for _, rows in groupby(day.profits, key=lambda row: row.invoice):
        yield list(rows)


def _before_trade(day: Day, row: FloatRow) -> bool:
    return moment(row.stated_at) < moment(f"{day.business_date}T{OPEN_TIME}+08:00")


def _moved(row: FloatRow) -> Said:
    raw = refund_statements.float_moved(row)
    return Said(moment(row.stated_at), row.party, _FLOAT, raw)
