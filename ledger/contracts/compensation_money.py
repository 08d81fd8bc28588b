"""The money of compensations: compared with the statement, split to the funders, taken back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from msgspec.structs import replace

from ledger import books, expectations
from ledger.contracts import allocation, instructions
from ledger.contracts.allocation import SplitLeg
from ledger.contracts.halves import Capture, Instruction
from ledger.contracts.loan_rows import LoanAccount, LoanAgreement, LoanCompensation, LoanEvent
from ledger.contracts.loan_state import (
    book,
    in_money,
    keep,
    leg_texts,
    legs_of,
    read_loan,
    require_loan,
)
from ledger.contracts.repayments import shares
from ledger.errors import Refused
from ledger.expectations import COMPENSATION, Expectation
from ledger.lending.compensation import (
    WHOLE,
    Compensated,
    Compensation,
    compensate,
    give_back,
    require_amount,
)
from ledger.lending.errors import LoanRefused
from ledger.state import Transaction


def compute(
    tx: Transaction,
    loan: tuple[LoanAgreement, LoanAccount],
    instalments: Sequence[int],
    day: str,
    amount: int,
) -> Compensated:
    """Return what a compensation of instalments, or without any of the whole loan, makes of a loan.

    Raises:
        Refused: with the code of the rule of lending that it does not keep.
    """
    try:
        what = list(instalments) or WHOLE
        found = compensate(read_loan(tx, *loan), what, date.fromisoformat(day))
        require_amount(amount, found.compensation)
    except LoanRefused as refused:
        raise in_money(refused, loan[0].currency) from None
    return found


def captured(tx: Transaction, stated: LoanCompensation, capture: Capture) -> None:
    """Compare the money of a compensation with its statement; the money stands in suspense."""
    compare(tx, replace(stated, payment=capture.payment, last_entry=tx.entry), capture)


def compare(tx: Transaction, stated: LoanCompensation, capture: Capture) -> None:
    """Settle a compensation of which both halves stand, or mark it conflicting."""
    loan = require_loan(tx, stated.loan)
    awaited = expectations.awaited(tx, COMPENSATION, f"compensation:{stated.compensation}")
    try:
        numbers = [int(text) for text in stated.instalments]
        found = compute(tx, loan, numbers, stated.date, capture.amount)
    except Refused as refused:
        _conflict(tx, stated, awaited, f"{refused.code}: {refused.message}")
        return
    if stated.amount != capture.amount:
        said, came = (stated.amount, stated.currency), (capture.amount, stated.currency)
        both = books.contradiction("stated", said, "captured", came)
        _conflict(tx, stated, awaited, f"amount: {both}")
        return
    _settle(tx, loan, found, (stated, capture))
    expectations.meet_if_open(tx, COMPENSATION, awaited.subject)


def _conflict(tx: Transaction, stated: LoanCompensation, awaited: Expectation, detail: str) -> None:
    """The guarantor has to state the compensation anew."""
    tx.put(replace(stated, state="conflicting"))
    expectations.conflict(tx, replace(awaited, awaited=stated.guarantor), detail)


def _settle(
    tx: Transaction,
    loan: tuple[LoanAgreement, LoanAccount],
    found: Compensated,
    halves: tuple[LoanCompensation, Capture],
) -> None:
    agreement, account = loan
    stated, capture = halves
    outcome, compensation = found
    tx.put(
        replace(
            stated,
            state="settled",
            record=account.records + 1,
            legs=leg_texts(compensation.legs),
            passed=leg_texts(compensation.passed),
            held=tuple(map(str, compensation.settled)),
            last_entry=tx.entry,
        )
    )
    event = LoanEvent(
        loan=stated.loan,
        record=account.records + 1,
        kind="compensated",
        date=stated.date,
        amount=stated.amount,
        about=stated.compensation,
        details=stated.instalments,
        entry=tx.entry,
    )
    keep(tx, loan, outcome, event)
    _book(tx, agreement, compensation, 1)
    _make_legs(tx, agreement, compensation, capture)


def _book(tx: Transaction, agreement: LoanAgreement, compensation: Compensation, sign: int) -> None:
    """Book a compensation: principal passes to the guarantor, the rest is the funders' income."""
    guarantor = agreement.guarantor
    lines = []
    for leg in compensation.passed:
        if leg.component == "principal":
            lines += [
                (books.funding(leg.party), sign * leg.amount),
                (books.funding(guarantor), -sign * leg.amount),
            ]
    if lines:
        books.post(tx, agreement.currency, lines)
    income = [leg for leg in compensation.legs if leg.component != "principal"]
    book(tx, agreement, [leg._replace(amount=sign * leg.amount) for leg in income])


def _make_legs(
    tx: Transaction, agreement: LoanAgreement, compensation: Compensation, capture: Capture
) -> None:
    """Split the money of a compensation to the funders: no instruction is awaited of anybody."""
    parts = shares(agreement, compensation.legs)
    legs = [
        SplitLeg(leg=number, receiver=receiver, purpose="compensation", amount=part)
        for number, (receiver, part) in enumerate(parts.items(), 1)
    ]
    amounts = list(parts.values())
    source = books.suspense(capture.payment)
    earlier = tx.rows[Instruction][capture.payment,]
    if earlier is not None:
        instructions.drop_legs(tx, earlier, len(legs))
    buckets = allocation.enter(tx, legs, amounts, capture, source)
    tx.put(
        Instruction(
            payment=capture.payment,
            order=capture.order,
            amount=capture.amount,
            currency=capture.currency,
            mode="fixed",
            tail=0,
            tail_leg=0,
            leg_count=len(legs),
            loan="",
            attempt="",
            overpaid=0,
            entry=tx.entry,
            stands=True,
            allocated=True,
        )
    )
    for leg, bucket in zip(legs, buckets, strict=True):
        tx.put(
            allocation.Leg(
                capture.payment, leg.leg, leg.receiver, leg.amount, leg.purpose, 0, bucket
            )
        )


def take_back(tx: Transaction, name: str, day: date) -> None:
    """Give the claims of a compensation back, whose money is reversed; it is awaited again.

    Raises:
        Refused: ``claims-paid-since`` or ``date-goes-back``.
    """
    stated = tx.rows[LoanCompensation][name,]
    if stated is None:
        raise LookupError(f"the state has no compensation {name}")
    tx.put(replace(stated, state="reversed", payment="", last_entry=tx.entry))
    matter = (f"compensation:{name}", tx.sole("institution"))
    expectations.open_expectation(tx, COMPENSATION, matter, stated.amount, stated.currency)
    if stated.state != "settled":
        return
    agreement, account = require_loan(tx, stated.loan)
    compensation = Compensation(
        day=date.fromisoformat(stated.date),
        legs=legs_of(stated.legs),
        passed=legs_of(stated.passed),
        settled=tuple(map(int, stated.held)),
    )
    try:
        found = give_back(read_loan(tx, agreement, account), compensation, day)
    except LoanRefused as refused:
        raise in_money(refused, agreement.currency) from None
    event = LoanEvent(
        loan=stated.loan,
        record=account.records + 1,
        kind="returned",
        date=day.isoformat(),
        amount=stated.amount,
        about=name,
        details=(str(stated.record),),
        entry=tx.entry,
    )
    keep(tx, (agreement, account), found, event)
    _book(tx, agreement, compensation, -1)
