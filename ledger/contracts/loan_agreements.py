"""Agreements on loans: the platform proposes, the funders and the guarantor accept.

A loan is in force once all of them have accepted the same proposal, named by its hash; the same
holds for a new schedule for all that is unpaid (展期). Until then the platform may propose anew, or
withdraw. The ledger computes the schedule and the cost itself.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from ledger import expectations
from ledger.contracts.loan_proposals import acceptance, await_acceptance, proposal_hash
from ledger.contracts.loan_rows import (
    ACCEPTED,
    DECLINED,
    PROPOSED,
    WITHDRAWN,
    LoanAccount,
    LoanAgreement,
    LoanEvent,
    LoanPlan,
)
from ledger.contracts.loan_state import (
    in_money,
    keep,
    plan_of,
    plan_texts,
    read_loan,
    require_agreement,
    require_loan,
    stated_day,
)
from ledger.errors import Refused
from ledger.expectations import LOAN_ACCEPTANCE
from ledger.genesis import Genesis
from ledger.lending.errors import LoanRefused
from ledger.lending.loan import Outcome, replan
from ledger.lending.terms import (
    INSTALMENTS_MAX,
    ScheduleRow,
)
from ledger.records import Commitment, Day, Identifier, Record, Rule, Text
from ledger.state import Key, Row, Transaction

Rows = Annotated[tuple[ScheduleRow, ...], Meta(min_length=1, max_length=INSTALMENTS_MAX)]
ProposalHash = Annotated[Commitment, Meta(description="the hash of the proposal, in hex")]


class LoanAccepted(Record, frozen=True, kw_only=True, tag="loan.accepted"):
    """A funder or the guarantor accepts a proposal, of the loan or of a new schedule.

    Refused unless this proposal awaits the author; the last acceptance of a new schedule finds
    that it still closes on what is unpaid.
    """

    CODES = (
        "already-accepted",
        "date-goes-back",
        "loan-settled",
        "loan-unknown",
        "no-proposal",
        "proposal-differs",
        "schedule-does-not-close",
        "wrong-author",
    )

    loan: Identifier
    proposal: ProposalHash


class LoanDeclined(Record, frozen=True, kw_only=True, tag="loan.declined"):
    """A funder or the guarantor declines a proposal.

    Refused unless this proposal awaits the author.
    """

    CODES = ("already-accepted", "loan-unknown", "no-proposal", "proposal-differs", "wrong-author")

    loan: Identifier
    proposal: ProposalHash
    reason: Text


class LoanWithdrawn(Record, frozen=True, kw_only=True, tag="loan.withdrawn"):
    """The platform takes back a proposal that not all have accepted.

    Refused unless a proposal is open.
    """

    CODES = ("loan-unknown", "no-proposal")

    loan: Identifier
    reason: Text


class LoanReplanned(Record, frozen=True, kw_only=True, tag="loan.replanned"):
    """The platform proposes a new schedule for the whole unpaid rest, from a date on (展期).

    Refused unless the loan is disbursed and something of it is open; the rows close on the
    principal that is open, and are due one after the other after the date.
    """

    CODES = (
        "date-goes-back",
        "dates-out-of-order",
        "loan-not-disbursed",
        "loan-settled",
        "loan-unknown",
        "no-such-date",
        "schedule-does-not-close",
        "time-in-future",
    )

    loan: Identifier
    date: Day
    rows: Rows


def _accepted(tx: Transaction, record: LoanAccepted) -> None:
    agreement, plan = _refuse_answer(tx, record)
    offer = plan or agreement
    accepted = (*offer.accepted, tx.author)
    is_last = set(accepted) >= set(agreement.names)
    state = ACCEPTED if is_last else PROPOSED
    found = _replan(tx, plan) if plan is not None and is_last else None
    if plan is None:
        tx.put(replace(agreement, accepted=accepted, state=state, last_entry=tx.entry))
    else:
        tx.put(replace(plan, accepted=accepted, state=state, last_entry=tx.entry))
    expectations.meet_if_open(tx, LOAN_ACCEPTANCE, acceptance(record.loan, tx.author))
    if found is not None and plan is not None:
        account = require_loan(tx, record.loan)[1]
        event = LoanEvent(
            loan=record.loan,
            record=account.records + 1,
            kind="replanned",
            date=plan.date,
            amount=0,
            about=plan.proposal,
            details=plan.rows,
            entry=tx.entry,
        )
        keep(tx, (agreement, account), found, event)


def _replan(tx: Transaction, plan: LoanPlan) -> Outcome:
    agreement, account = require_loan(tx, plan.loan)
    try:
        loan = read_loan(tx, agreement, account)
        return replan(loan, plan_of(plan.rows), date.fromisoformat(plan.date))
    except LoanRefused as refused:
        raise in_money(refused, agreement.currency) from None


def _refuse_answer(
    tx: Transaction, record: LoanAccepted | LoanDeclined
) -> tuple[LoanAgreement, LoanPlan | None]:
    """Return the loan, and the plan that awaits the author's answer if it is about one."""
    agreement, plan = _open_proposal(tx, record.loan)
    offer = plan or agreement
    if record.proposal != offer.proposal:
        raise Refused(
            "proposal-differs",
            f"The proposal of {record.loan} that is open is another one; look at it first.",
            expected=offer.proposal,
            got=record.proposal,
        )
    if tx.author not in agreement.names:
        raise Refused(
            "wrong-author",
            f"The funders and the guarantor of {record.loan} answer its proposals.",
            expected=" or ".join(agreement.names),
            got=tx.author,
        )
    if tx.author in offer.accepted:
        raise Refused(
            "already-accepted",
            f"{tx.author} has accepted this proposal of {record.loan} before.",
            expected="a proposal that awaits this answer",
            got="accepted",
        )
    return agreement, plan


def _open_proposal(tx: Transaction, name: str) -> tuple[LoanAgreement, LoanPlan | None]:
    agreement = require_agreement(tx, name)
    if agreement.state == PROPOSED:
        return agreement, None
    plan = tx.rows[LoanPlan][name,]
    if plan is None or plan.state != PROPOSED:
        raise Refused(
            "no-proposal",
            f"No proposal of {name} is open.",
            expected="an open proposal",
            got=f"a loan that is {agreement.state}",
        )
    return agreement, plan


def _declined(tx: Transaction, record: LoanDeclined) -> None:
    agreement, plan = _refuse_answer(tx, record)
    _close(tx, agreement, plan, DECLINED, f"declined by {tx.author}: {record.reason}")


def _withdrawn(tx: Transaction, record: LoanWithdrawn) -> None:
    agreement, plan = _open_proposal(tx, record.loan)
    _close(tx, agreement, plan, WITHDRAWN, record.reason)


def _close(
    tx: Transaction, agreement: LoanAgreement, plan: LoanPlan | None, state: str, reason: str
) -> None:
    changes = {"state": state, "reason": reason, "last_entry": tx.entry}
    if plan is None:
        tx.put(replace(agreement, **changes))
    else:
        tx.put(replace(plan, **changes))
    for party in agreement.names:
        subject = acceptance(agreement.loan, party)
        expectations.meet_if_open(tx, LOAN_ACCEPTANCE, subject, f"proposal {state}: {reason}")


def _replanned(tx: Transaction, record: LoanReplanned) -> None:
    agreement, _ = require_loan(tx, record.loan)
    stated_day(tx, record.date)
    plan = LoanPlan(
        loan=record.loan,
        state=PROPOSED,
        proposal=proposal_hash(record),
        date=record.date,
        rows=plan_texts(record.rows),
        entry=tx.entry,
        last_entry=tx.entry,
    )
    _replan(tx, plan)
    tx.put(plan)
    await_acceptance(tx, record.loan, agreement)


def _keys(
    record: LoanAccepted | LoanDeclined | LoanWithdrawn | LoanReplanned, genesis: Genesis
) -> list[tuple[type[Row], Key]]:
    key = (record.loan,)
    return [(LoanAgreement, key), (LoanPlan, key), (LoanAccount, key)]


def _subject(
    record: LoanAccepted | LoanDeclined | LoanWithdrawn | LoanReplanned,
) -> str:
    return f"loan:{record.loan}"


ROWS: tuple[type[Row], ...] = ()
RULES = (
    Rule(LoanAccepted, ("funder", "guarantor"), _accepted, _keys, _subject),
    Rule(LoanDeclined, ("funder", "guarantor"), _declined, _keys, _subject),
    Rule(LoanWithdrawn, ("platform",), _withdrawn, _keys, _subject),
    Rule(LoanReplanned, ("platform",), _replanned, _keys, _subject),
)
EXAMPLES: tuple[Record, ...] = (
    LoanAccepted(at=1_760_000_000_061, id="fund-0061", loan="L-2025-0001", proposal="c3" * 32),
    LoanDeclined(
        at=1_760_000_000_062,
        id="guar-0062",
        loan="L-2025-0002",
        proposal="d4" * 32,
        reason="the region is closed for new guarantees",
    ),
    LoanWithdrawn(
        at=1_760_000_000_063, id="plat-0063", loan="L-2025-0002", reason="the borrower cancelled"
    ),
    LoanReplanned(
        at=1_760_000_000_064,
        id="plat-0064",
        loan="L-2025-0001",
        date="2025-12-20",
        rows=(
            ScheduleRow(
                number=1, due=date(2026, 1, 9), principal=200_000, interest=4_000, fees=(400,)
            ),
            ScheduleRow(
                number=2, due=date(2026, 2, 9), principal=221_000, interest=2_200, fees=(400,)
            ),
        ),
    ),
)
