"""Allocation of a repayment that is yet to come: the platform asks before it states a split."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from ledger.contracts.loan_rows import LoanAccount, LoanAgreement, LoanInstalment
from ledger.contracts.loan_state import in_money, loan_of
from ledger.contracts.repayments import shares
from ledger.lending.errors import LoanRefused
from ledger.lending.instalments import LoanLeg
from ledger.lending.repayment import repay
from ledger.state import Walk
from views.labels import Amount, Currency, Label, Loan, Party, Receiver
from views.reader import Reader, walked
from views.view import ViewStruct

PURPOSE = "repayment"


class AllocatedLeg(ViewStruct, frozen=True, kw_only=True):
    """A leg as ``split.instructed`` takes it."""

    leg: Annotated[int, Label("leg", "分账行", "count")]
    receiver: Receiver
    purpose: Annotated[str, Label("purpose", "用途")]
    amount: Amount


COMPONENT = Label(
    "component",
    "科目",
    words={
        "principal": "本金",
        "interest": "利息",
        "penalty": "罚息",
        "early-fee": "提前还款手续费",
    },
)
"""A component of an instalment; a fee of the terms has a name of its own."""


class AllocatedPart(ViewStruct, frozen=True, kw_only=True):
    """What a party gets of a component of an instalment."""

    instalment: Annotated[int, Label("instalment", "期次", "count")]
    component: Annotated[str, Label("component", "科目")]
    party: Party
    receiver: Receiver
    amount: Amount


class AllocationView(ViewStruct, frozen=True, kw_only=True):
    """Allocation of a repayment that is captured next, if nothing comes in between.

    ``legs`` and ``overpaid`` are what ``split.instructed`` has to state. ``closes`` are the
    instalments of which nothing is open after it; ``replans`` says that it changes those after it,
    ``settles`` that nothing of the loan is open then.
    """

    loan: Loan
    date: Annotated[str, Label("date", "日期", "date")]
    amount: Amount
    currency: Currency
    legs: list[AllocatedLeg]
    overpaid: Annotated[int, Label("overpaid", "溢缴", "minor")]
    parts: list[AllocatedPart]
    closes: Annotated[list[int], Label("closes instalments", "结清期次")]
    replans: Annotated[bool, Label("new plan", "重排计划")]
    settles: Annotated[bool, Label("settles", "结清")]


def allocation_view(
    reader: Reader, rows: tuple[LoanAgreement, LoanAccount], amount: int, day: date
) -> AllocationView:
    """Return how a repayment would be allocated, as the loan stands.

    Args:
        reader: A snapshot.
        rows: The loan.
        amount: Minor units.
        day: The business date of its capture.

    Raises:
        Refused: The rules do not allow it: ``loan-settled`` or ``date-goes-back``.
    """
    agreement, account = rows
    found = walked(reader, LoanInstalment, Walk({"loan": account.loan}, ("number",)))
    loan = loan_of(agreement, account, {row.number: row for row in found}.get)
    try:
        outcome, repayment = repay(loan, amount, day)
    except LoanRefused as refused:
        raise in_money(refused, agreement.currency) from None
    was_open = {each.number for each in loan.unpaid() if each.open}
    after = outcome.loan.instalments
    closes = [each.number for each in after if each.number in was_open and not each.open]
    settles = not any(each.open for each in after)
    return AllocationView(
        loan=agreement.loan,
        date=day.isoformat(),
        amount=amount,
        currency=agreement.currency,
        legs=_legs(agreement, outcome.legs),
        overpaid=outcome.overpaid,
        parts=_parts(agreement, outcome.legs),
        closes=closes,
        replans=bool(repayment.ahead) and not settles,
        settles=settles,
    )


def _legs(agreement: LoanAgreement, legs: tuple[LoanLeg, ...]) -> list[AllocatedLeg]:
    return [
        AllocatedLeg(leg=number, receiver=receiver, purpose=PURPOSE, amount=amount)
        for number, (receiver, amount) in enumerate(shares(agreement, legs).items(), 1)
    ]


def _parts(agreement: LoanAgreement, legs: tuple[LoanLeg, ...]) -> list[AllocatedPart]:
    receivers = dict(text.split(":", 1) for text in agreement.beneficiaries)
    return [
        AllocatedPart(
            instalment=leg.instalment,
            component=leg.component,
            party=leg.party,
            receiver=receivers[leg.party],
            amount=leg.amount,
        )
        for leg in legs
    ]
