"""Compensations (代偿): the guarantor states what it takes over, its money makes that so.

A capture that names a compensation is its other half: the ledger makes the legs to the funders by
what is open to each, and the claims pass. If the borrower has paid in between, the statement
differs from what is open: it conflicts, the money waits in suspense, and the guarantor states the
compensation anew. If nothing is left to compensate, it withdraws it: no money is awaited then.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from ledger import expectations
from ledger.contracts.compensation_money import compare, compute
from ledger.contracts.halves import Capture
from ledger.contracts.loan_rows import (
    InstalmentNumber,
    LoanAccount,
    LoanAgreement,
    LoanCompensation,
)
from ledger.contracts.loan_state import require_loan, stated_day
from ledger.errors import Refused
from ledger.expectations import COMPENSATION, Expectation
from ledger.genesis import Genesis
from ledger.lending.terms import INSTALMENTS_MAX
from ledger.records import Amount, Day, Identifier, Record, Rule, Text
from ledger.state import Key, Row, Transaction


class CompensationStated(Record, frozen=True, kw_only=True, tag="compensation.stated"):
    """The guarantor takes over what the terms cover: instalments, or without any the whole loan.

    It may be stated anew until its money is there, after that money was reversed, and after it was
    withdrawn.

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


class CompensationWithdrawn(Record, frozen=True, kw_only=True, tag="compensation.withdrawn"):
    """The guarantor takes back what it has stated: its money is not awaited any more.

    Refused unless the author has stated the compensation, and no money of it stands.
    """

    CODES = ("compensation-settled", "compensation-unknown", "wrong-author")

    compensation: Identifier
    reason: Text


def _stated(tx: Transaction, record: CompensationStated) -> None:
    loan = require_loan(tx, record.loan)
    agreement = loan[0]
    existing = _refuse_statement(tx, record, agreement)
    stated_day(tx, record.date)
    compute(tx, loan, record.instalments, record.date, record.amount)
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
    if existing is not None:
        again = tx.entry if existing.state == "withdrawn" else existing.again_entry
        stated = replace(stated, withdrawn_entry=existing.withdrawn_entry, again_entry=again)
    matter = (tx.subject, tx.sole("institution"))
    capture = tx.rows[Capture][stated.payment,] if stated.payment else None
    if capture is None or not capture.stands:
        tx.put(replace(stated, payment=""))
        expectations.open_or_revise(tx, COMPENSATION, matter, record.amount, agreement.currency)
    else:
        compare(tx, stated, capture)


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


def _withdrawn(tx: Transaction, record: CompensationWithdrawn) -> None:
    stated = _require_stated(tx, record.compensation)
    if tx.author != stated.guarantor:
        raise Refused(
            "wrong-author",
            f"Only the guarantor that has stated {record.compensation} withdraws it.",
            expected=stated.guarantor,
            got=tx.author,
        )
    _refuse_money(tx, stated, "Money that was captured is reversed first, by the institution.")
    changes = {"state": "withdrawn", "withdrawn_entry": tx.entry, "last_entry": tx.entry}
    tx.put(replace(stated, **changes))
    detail = f"compensation withdrawn: {record.reason}"
    expectations.meet_if_open(tx, COMPENSATION, tx.subject, detail)


def _require_stated(tx: Transaction, name: str) -> LoanCompensation:
    """Return a compensation that was stated and not withdrawn since."""
    stated = tx.rows[LoanCompensation][name,]
    if stated is None or stated.state == "withdrawn":
        raise Refused(
            "compensation-unknown",
            "The guarantor states a compensation, anew once it has withdrawn it.",
            expected="a stated compensation",
            got=name if stated is None else f"{name}, withdrawn in entry {stated.last_entry}",
        )
    return stated


def _refuse_money(tx: Transaction, stated: LoanCompensation, message: str) -> None:
    """Refuse a compensation of which money stands."""
    capture = tx.rows[Capture][stated.payment,] if stated.payment else None
    if stated.state == "settled" or (capture is not None and capture.stands):
        raise Refused(
            "compensation-settled",
            message,
            expected="a compensation that awaits its money",
            got=f"{stated.compensation}, {stated.state}, captured as {stated.payment}",
        )


def refuse_capture(tx: Transaction, name: str, currency: str) -> LoanCompensation:
    """Return the compensation that a capture may name.

    Raises:
        Refused: ``compensation-unknown``, ``compensation-settled`` or ``wrong-currency``.
    """
    stated = _require_stated(tx, name)
    _refuse_money(tx, stated, "The money of a compensation is captured once.")
    if currency != stated.currency:
        raise Refused(
            "wrong-currency",
            f"The compensation {name} is paid in the currency of its loan.",
            expected=stated.currency,
            got=currency,
        )
    return stated


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
        *capture_keys(record.compensation),
    ]


def _withdrawal_keys(
    record: CompensationWithdrawn, genesis: Genesis
) -> list[tuple[type[Row], Key]]:
    return capture_keys(record.compensation)


def _subject(record: CompensationStated | CompensationWithdrawn) -> str:
    return f"compensation:{record.compensation}"


RULES = (
    Rule(CompensationStated, ("guarantor",), _stated, _keys, _subject),
    Rule(CompensationWithdrawn, ("guarantor",), _withdrawn, _withdrawal_keys, _subject),
)
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
    CompensationWithdrawn(
        at=1_760_000_000_071,
        id="guar-0071",
        compensation="DC-2025-0001",
        reason="the borrower has paid",
    ),
)
