"""One loan: terms, parties, schedule, each repayment with both allocations, and who said what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, get_args

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from ledger.contracts.loan_rows import (
    LoanAccount,
    LoanAgreement,
    LoanCompensation,
    LoanParty,
    LoanPlan,
    LoanRole,
    PlanState,
    RepaymentAttempt,
)
from ledger.contracts.loan_state import parties_of, plan_of, terms_of
from ledger.lending.instalments import founding_shares
from ledger.lending.terms import LoanTerms, ScheduleRow
from ledger.state import Walk
from views.compensations import (
    CompensationView,
    compensation_views,
    is_withdrawn,
    stated_entry,
)
from views.disputes import DisputeView, disputes_about
from views.expectations import ExpectationView, expectations_on
from views.labels import (
    ROLE,
    Entry,
    Label,
    LastEntry,
    Party,
    Reason,
    Receiver,
    Whole,
    state_label,
)
from views.listing import PAGE_MAX
from views.loan_history import LoanThen, Vantage, events_known, loan_then
from views.loan_schedule import InstalmentView, schedule_view
from views.loan_splits import LoanRepayment, loan_repayments
from views.loans import LoanSummary, loan_summary
from views.reader import Reader
from views.standing import as_shown, state_or_disputed
from views.timeline import EntryView, timeline
from views.view import ViewStruct, converted

METHOD = Label(
    "method",
    "还款方式",
    words={
        "equal-instalment": "等额本息",
        "equal-principal": "等额本金",
        "interest-first": "先息后本",
        "flat": "等本等息",
        "bullet": "一次性还本付息",
        "stated": "按所列计划",
    },
)
"""How principal is repaid."""


_ROLES = {role: ROLE.words[role] for role in get_args(LoanRole)}


class LoanPartyView(ViewStruct, frozen=True, kw_only=True):
    """One party of a loan: what it lends, to which receiver it is paid, and what is open to it.

    ``funded`` is what a funder says that it has paid of its share.
    """

    party: Party
    role: Annotated[
        LoanRole,
        Label("role", "角色", words=_ROLES),
    ]
    receiver: Receiver
    accepted: Annotated[bool, Label("accepted", "已接受")]
    lent: Annotated[int, Label("lent", "出借", "minor")] = 0
    ppm: Annotated[int, Label("share", "份额", "ppm")] = 0
    funded: Annotated[int, Label("funded", "已出资", "minor")] = 0
    funded_on: Annotated[str, Label("funded on", "出资日", "date")] = ""
    open: Annotated[int, Label("open", "未还", "minor")] = 0


class LoanPlanView(ViewStruct, frozen=True, kw_only=True):
    """The new schedule for all that is unpaid that was proposed last (展期).

    It holds from ``date`` on when all have accepted it.
    """

    state: Annotated[
        PlanState,
        state_label(proposed="已提议", declined="已拒绝", withdrawn="已撤回", accepted="已接受"),
    ]
    date: Annotated[str, Label("from", "起始日", "date")]
    proposal: Annotated[str, Label("proposal", "提议哈希")]
    accepted: Annotated[list[str], Label("accepted by", "已接受")]
    rows: list[ScheduleRow]
    entry: Entry
    last_entry: LastEntry
    reason: Reason = ""


class LoanView(LoanSummary, frozen=True, kw_only=True):
    """Everything the log knows of one loan, as of a business date and by what is known.

    ``repayments`` are the first 1000 attempts, with what each receiver gets by the ledger and by
    the split that stands. ``plan`` is a new schedule that was proposed; it is left out where it
    was answered after the height that was asked for. What is awaited and disputed is so now.
    ``timeline`` has the records about the loan, its payments, compensations and disputes: the
    newest, and all if it is ``timeline_whole``.
    """

    as_of: Annotated[str, Label("as of", "截至", "date")]
    borrower: Annotated[str, Label("borrower", "借款人（承诺）")]
    proposal: Annotated[str, Label("proposal", "提议哈希")]
    terms: LoanTerms
    parties: list[LoanPartyView]
    schedule: list[InstalmentView]
    repayments: list[LoanRepayment]
    compensations: list[CompensationView]
    disputes: list[DisputeView]
    expectations: list[ExpectationView]
    timeline: list[EntryView]
    timeline_whole: Whole
    plan: LoanPlanView | UnsetType = UNSET
    reason: Reason = ""


def loan_view(reader: Reader, name: str, known: Vantage, as_of_ms: int) -> LoanView | None:
    """Return what the log knows of a loan, or None if it was not proposed by then.

    Args:
        reader: A snapshot.
        name: The loan's id.
        known: As of when, and by what was known.
        as_of_ms: When what is awaited is judged.
    """
    agreement = reader.row(LoanAgreement, (name,))
    if agreement is None:
        return None
    then = loan_then(reader, agreement, reader.row(LoanAccount, (name,)), known)
    if then is None:
        return None
    attempts = _attempts(reader, name, known)
    stated = _as_known(reader, _compensations(reader, name, known), known)
    payments = [each.payment for each in attempts if each.payment]
    payments += [each.payment for each in stated if each.payment]
    own = [f"loan:{name}", *(f"compensation:{each.compensation}" for each in stated)]
    subjects = [*own, *(f"payment:{payment}" for payment in payments)]
    disputes = disputes_about(reader, subjects)
    subjects += [f"dispute:{each.dispute}" for each in disputes]
    awaited = [*subjects, *(f"loan:{name}/party:{party}" for party in then.agreement.names)]
    entries, whole = timeline(reader, subjects, known.size)
    summary = loan_summary(then, known.day)
    about = [each for each in disputes if each.subject == f"loan:{name}"]
    return LoanView(
        **{
            **msgspec.structs.asdict(summary),
            "state": state_or_disputed(summary.state, about),
        },
        as_of=known.day.isoformat(),
        borrower=then.agreement.borrower,
        proposal=then.agreement.proposal,
        terms=terms_of(then.agreement.terms),
        parties=_parties(reader, then, known),
        schedule=[] if then.loan is None else schedule_view(then.loan, known.day),
        repayments=loan_repayments(reader, attempts, known),
        compensations=as_shown(reader, "compensation", compensation_views(stated)),
        disputes=disputes,
        expectations=expectations_on(reader, awaited, as_of_ms),
        timeline=entries,
        timeline_whole=whole,
        plan=_plan(reader, name, known),
        reason=then.agreement.reason,
    )


def _attempts(reader: Reader, name: str, known: Vantage) -> list[RepaymentAttempt]:
    rows = reader.along(RepaymentAttempt, Walk({"loan": name}, ("attempt",)), limit=PAGE_MAX)
    return [row for row in rows if _is_known(row, known)]


def _compensations(reader: Reader, name: str, known: Vantage) -> list[LoanCompensation]:
    rows = reader.along(LoanCompensation, Walk({"loan": name}, ("compensation",)), limit=PAGE_MAX)
    return sorted((row for row in rows if _is_known(row, known)), key=lambda row: row.entry)


def _as_known(
    reader: Reader, rows: Sequence[LoanCompensation], known: Vantage
) -> list[LoanCompensation]:
    """Return compensations in the state in which they were known."""
    if all(row.last_entry < known.size for row in rows):
        return list(rows)
    events = list(events_known(reader, rows[0].loan, known))
    found = []
    for row in rows:
        kinds = [each.kind for each in events if each.about == row.compensation]
        if row.last_entry >= known.size:
            state = _AFTER[kinds[-1]] if kinds else "stated"
            state = "withdrawn" if is_withdrawn(row, known.size) else state
            payment = row.payment if state == "settled" else ""
            last = stated_entry(row, known.size)
            row = replace(row, state=state, payment=payment, last_entry=last)
        found.append(row)
    return found


_AFTER = {"compensated": "settled", "returned": "reversed"}
"""The state of a compensation after an event of its loan."""


def _is_known(row: RepaymentAttempt | LoanCompensation, known: Vantage) -> bool:
    return row.entry < known.size and date.fromisoformat(row.date) <= known.day


def _parties(reader: Reader, then: LoanThen, known: Vantage) -> list[LoanPartyView]:
    """Return the parties of a loan: funders, guarantor and platform."""
    agreement, loan = then.agreement, then.loan
    parties = parties_of(agreement)
    receivers = dict(text.split(":", 1) for text in agreement.beneficiaries)
    shares = founding_shares(terms_of(agreement.terms), parties)
    lent, ppm = dict(shares.lent), dict(shares.interest)
    roles: dict[str, LoanRole] = dict.fromkeys(parties.names, "funder")
    if agreement.guarantor:
        roles[agreement.guarantor] = "guarantor"
    roles.setdefault(agreement.platform, "platform")
    funded = reader.rows_under(LoanParty, [(party, agreement.loan) for party in roles])
    instalments = () if loan is None else loan.as_of(known.day)
    opened: dict[str, int] = {}
    for claim in (claim for each in instalments for claim in each.claims):
        opened[claim.party] = opened.get(claim.party, 0) + claim.open
    views = []
    for party, role in roles.items():
        row = funded.get((party, agreement.loan))
        is_funded = (
            row is not None
            and 0 <= row.funded_entry < known.size
            and row.funded_on <= known.day.isoformat()
        )
        views.append(
            LoanPartyView(
                party=party,
                role=role,
                receiver=receivers.get(party, ""),
                accepted=party in agreement.accepted,
                lent=lent.get(party, 0),
                ppm=ppm.get(party, 0),
                funded=row.funded if row is not None and is_funded else 0,
                funded_on=row.funded_on if row is not None and is_funded else "",
                open=opened.get(party, 0),
            )
        )
    return views


def _plan(reader: Reader, name: str, known: Vantage) -> LoanPlanView | UnsetType:
    row = reader.row(LoanPlan, (name,))
    if row is None or row.last_entry >= known.size:
        return UNSET
    return converted(LoanPlanView, row, rows=plan_of(row.rows))
