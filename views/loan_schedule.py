"""The schedule of a loan as it stands on a date: what is due, what of it is open, and whose."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from ledger.lending.instalments import Instalment, LoanLeg
from ledger.lending.loan import Loan
from views.labels import (
    Amount,
    DaysPastDue,
    Fees,
    Interest,
    Label,
    Party,
    Penalty,
    Principal,
    state_label,
)
from views.loan_amounts import Holders, by_component, by_holder, open_legs
from views.view import ViewStruct

InstalmentState = Literal["open", "overdue", "paid", "dropped"]


class ClaimView(ViewStruct, frozen=True, kw_only=True):
    """A holder's part of a component of an instalment: due in all, and what of it is open."""

    component: Annotated[str, Label("component", "科目")]
    party: Party
    amount: Amount
    open: Annotated[int, Label("open", "未还", "minor")]


class InstalmentView(ViewStruct, frozen=True, kw_only=True):
    """One instalment. ``amount`` and its components are due in all, ``open`` is what is not paid.

    It is overdue from the day after its due date on while anything of it is open; dropped, if a
    shorter plan has none like it. What was waived is not open either. ``whole_on`` is the date of
    the payment that left nothing open.
    """

    number: Annotated[int, Label("instalment", "期次", "count")]
    due: Annotated[str, Label("due", "到期日", "date")]
    state: Annotated[
        InstalmentState,
        state_label(open="未到期", overdue="逾期", paid="已还清", dropped="已取消"),
    ]
    amount: Amount
    principal: Principal
    interest: Interest
    fees: Fees
    penalty: Penalty
    open: Annotated[int, Label("open", "未还", "minor")]
    open_principal: Annotated[int, Label("open principal", "未还本金", "minor")]
    open_interest: Annotated[int, Label("open interest", "未还利息", "minor")]
    open_fees: Annotated[int, Label("open fees", "未还费用", "minor")]
    open_penalty: Annotated[int, Label("open penalty", "未还罚息", "minor")]
    holders: Holders
    claims: list[ClaimView]
    days_past_due: DaysPastDue = 0
    whole_on: Annotated[str, Label("paid on", "还清日", "date")] = ""


def schedule_view(loan: Loan, day: date) -> list[InstalmentView]:
    """Return the instalments of a loan on a date, with penalty up to it."""
    return [_instalment_view(each, day) for each in loan.as_of(day)]


def _instalment_view(instalment: Instalment, day: date) -> InstalmentView:
    legs = open_legs([instalment])
    opened = {f"open_{name}": amount for name, amount in by_component(legs).items()}
    due = [LoanLeg(c.party, instalment.number, c.component, c.due) for c in instalment.claims]
    state = _state(instalment, day)
    return InstalmentView(
        number=instalment.number,
        due=instalment.due.isoformat(),
        state=state,
        amount=sum(claim.due for claim in instalment.claims),
        **by_component(due),
        open=instalment.open,
        **opened,
        holders=by_holder(legs),
        claims=[
            ClaimView(component=c.component, party=c.party, amount=c.due, open=c.open)
            for c in instalment.claims
            if c.due
        ],
        days_past_due=(day - instalment.due).days if state == "overdue" else 0,
        whole_on="" if instalment.whole_on is None else instalment.whole_on.isoformat(),
    )


def _state(instalment: Instalment, day: date) -> InstalmentState:
    if instalment.open:
        return "overdue" if instalment.due < day else "open"
    return "dropped" if instalment.dropped else "paid"
