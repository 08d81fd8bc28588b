"""Compensations (代偿): the guarantor states what it takes over, its money makes that so.

A capture that names a compensation is its other half: the ledger makes the legs to the funders by
what is open to each, and the claims pass. If the borrower has paid in between, the statement
differs from what is open: it conflicts, the money waits in suspense, and the guarantor states the
compensation anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from ledger import books, expectations
from ledger.contracts import allocation, instructions
from ledger.contracts.allocation import SplitLeg
from ledger.contracts.halves import Capture, Instruction
from ledger.contracts.loan_rows import (
    InstalmentNumber,
    LoanAccount,
    LoanAgreement,
    LoanCompensation,
    LoanEvent,
)
from ledger.contracts.loan_state import (
    book,
    in_money,
    keep,
    leg_texts,
    legs_of,
    read_loan,
    require_loan,
    stated_day,
)
from ledger.contracts.repayments import shares
from ledger.errors import Refused
from ledger.expectations import COMPENSATION, Expectation
from ledger.genesis import Genesis
from ledger.lending.compensation import (
    WHOLE,
    Compensated,
    Compensation,
    compensate,
    give_back,
    require_amount,
)
from ledger.lending.errors import LoanRefused
from ledger.lending.terms import INSTALMENTS_MAX
from ledger.records import Amount, Day, Identifier, Record, Rule
from ledger.state import Key, Row, Transaction


class CompensationStated(Record, frozen=True, kw_only=True, tag="compensation.stated"):
    """The guarantor takes over what the terms cover: instalments, or without any the whole loan.

    It may be stated anew until its money is there, and after that money was reversed.

    Refused unless the author is the guarantor of a disbursed loan; the terms cover it on the date;
    the amount is what is open to the funders of the covered components.
    """

    CODES = (
        "compensation-differs",
        "compensation-settled",
        "compensation-too-early",
        "date-goes-back",
        "loan-not-disbursed",
        "loan-unknown",
        "no-such-date",
        "not-covered",
        "nothing-to-compensate",
        "time-in-future",
        "unknown-instalment",
        "wrong-author",
    )

    compensation: Identifier
    loan: Identifier
    amount: Amount
    date: Day
    instalments: Annotated[tuple[InstalmentNumber, ...], Meta(max_length=INSTALMENTS_MAX)] = ()


def _stated(tx: Transaction, record: CompensationStated) -> None:
    loan = require_loan(tx, record.loan)
    agreement = loan[0]
    existing = _refuse_statement(tx, record, agreement)
    stated_day(tx, record.date)
    _compute(tx, loan, record.instalments, record.date, record.amount)
    stated = LoanCompensation(
        compensation=record.compensation,
        loan=record.loan,
        guarantor=tx.author,
        state="stated",
        instalments=tuple(map(str, record.instalments)),
        amount=record.amount,
        currency=agreement.currency,
        date=record.date,
        payment="" if existing is None else existing.payment,
        entry=tx.entry if existing is None else existing.entry,
        last_entry=tx.entry,
    )
    matter = (tx.subject, tx.sole("institution"))
    capture = tx.rows[Capture][stated.payment,] if stated.payment else None
    if capture is None or not capture.stands:
        tx.put(replace(stated, payment=""))
        expectations.open_or_revise(tx, COMPENSATION, matter, record.amount, agreement.currency)
    else:
        _compare(tx, stated, capture)


def _refuse_statement(
    tx: Transaction, record: CompensationStated, agreement: LoanAgreement
) -> LoanCompensation | None:
    if tx.author != agreement.guarantor:
        raise Refused(
            "wrong-author",
            f"Only the guarantor of {record.loan} compensates it.",
            expected=agreement.guarantor or "nobody, since the loan has no guarantor",
            got=tx.author,
        )
    existing = tx.rows[LoanCompensation][record.compensation,]
    if existing is not None and (existing.state == "settled" or existing.loan != record.loan):
        raise Refused(
            "compensation-settled",
            "A compensation id is used once, and again only to state anew what is not settled.",
            expected="a new compensation id, or one of this loan that is not settled",
            got=f"{record.compensation} of {existing.loan}, {existing.state}",
        )
    return existing


def _compute(
    tx: Transaction,
    loan: tuple[LoanAgreement, LoanAccount],
    instalments: Sequence[int],
    day: str,
    amount: int,
) -> Compensated:
    try:
        what = list(instalments) or WHOLE
        found = compensate(read_loan(tx, *loan), what, date.fromisoformat(day))
        require_amount(amount, found.compensation)
    except LoanRefused as refused:
        raise in_money(refused, loan[0].currency) from None
    return found


def refuse_capture(tx: Transaction, name: str, currency: str) -> LoanCompensation:
    """Return the compensation that a capture may name.

    Raises:
        Refused: ``compensation-unknown``, ``compensation-settled`` or ``wrong-currency``.
    """
    stated = tx.rows[LoanCompensation][name,]
    if stated is None:
        raise Refused(
            "compensation-unknown",
            "The guarantor states a compensation before its money is captured.",
            expected="a stated compensation",
            got=name,
        )
    capture = tx.rows[Capture][stated.payment,] if stated.payment else None
    if stated.state == "settled" or (capture is not None and capture.stands):
        raise Refused(
            "compensation-settled",
            "The money of a compensation is captured once.",
            expected="a compensation that awaits its money",
            got=f"{name}, {stated.state}, captured as {stated.payment}",
        )
    if currency != stated.currency:
        raise Refused(
            "wrong-currency",
            f"The compensation {name} is paid in the currency of its loan.",
            expected=stated.currency,
            got=currency,
        )
    return stated


def captured(tx: Transaction, stated: LoanCompensation, capture: Capture) -> None:
    """Compare the money of a compensation with its statement; the money stands in suspense."""
    _compare(tx, replace(stated, payment=capture.payment, last_entry=tx.entry), capture)


def _compare(tx: Transaction, stated: LoanCompensation, capture: Capture) -> None:
    """Settle a compensation of which both halves stand, or mark it conflicting."""
    loan = require_loan(tx, stated.loan)
    awaited = expectations.awaited(tx, COMPENSATION, f"compensation:{stated.compensation}")
    try:
        numbers = [int(text) for text in stated.instalments]
        found = _compute(tx, loan, numbers, stated.date, capture.amount)
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


def capture_keys(name: str) -> list[tuple[type[Row], Key]]:
    """Return the keys that a capture of a compensation's money asks for."""
    return [
        (LoanCompensation, (name,)),
        (Expectation, (COMPENSATION, f"compensation:{name}")),
    ]


def _keys(record: CompensationStated, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    return [
        (LoanAgreement, (record.loan,)),
        (LoanAccount, (record.loan,)),
        (LoanCompensation, (record.compensation,)),
        (Expectation, (COMPENSATION, f"compensation:{record.compensation}")),
    ]


def _subject(record: CompensationStated) -> str:
    return f"compensation:{record.compensation}"


RULES = (Rule(CompensationStated, ("guarantor",), _stated, _keys, _subject),)
ROWS: tuple[type[Row], ...] = ()
EXAMPLES: tuple[Record, ...] = (
    CompensationStated(
        at=1_760_000_000_070,
        id="guar-0070",
        compensation="DC-2025-0001",
        loan="L-2025-0001",
        amount=44_400,
        date="2025-12-15",
        instalments=(1,),
    ),
)
