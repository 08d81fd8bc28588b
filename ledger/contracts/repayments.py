"""Repayments: how the borrower's money is allocated, and what is waived.

A capture that names a loan and an attempt is a repayment. What it pays to whom is computed when it
is stated; the platform's split has to say the same. Money of a receiver that is suspended, and what
is overpaid, waits in suspense.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from itertools import dropwhile
from typing import NamedTuple

from msgspec.structs import replace

from ledger.books import money
from ledger.contracts.allocation import Leg, Split, SplitLeg
from ledger.contracts.loan_rows import (
    FormerInstalment,
    LoanAccount,
    LoanAgreement,
    LoanEvent,
    RepaymentAttempt,
)
from ledger.contracts.loan_state import (
    book,
    former_of,
    former_row,
    in_money,
    keep,
    leg_texts,
    legs_of,
    read_loan,
    require_loan,
)
from ledger.errors import Refused
from ledger.lending.errors import LoanRefused
from ledger.lending.instalments import Instalment, LoanLeg
from ledger.lending.repayment import Repaid, Repayment, repay
from ledger.lending.reversal import reverse
from ledger.state import Key, Row, Transaction


class Receipt:
    """A repayment that may be captured: the loan's rows, and how it is allocated.

    Args:
        loan: What was agreed, and how the loan stands.
        repaid: What the rules made of it.
        day: Its business date.
    """

    def __init__(self, loan: tuple[LoanAgreement, LoanAccount], repaid: Repaid, day: date) -> None:
        self.loan = loan
        self.repaid = repaid
        self.day = day


def allocated(
    tx: Transaction, named: tuple[str, str], amount: int, currency: str, day: str
) -> Receipt:
    """Return how a repayment is allocated that may be captured.

    Args:
        tx: The record's transaction.
        named: The loan and the attempt.
        amount: Minor units.
        currency: ISO 4217 code.
        day: The business date of the capture.

    Raises:
        Refused: ``attempt-missing``, ``attempt-exists``, ``loan-unknown``, ``loan-not-disbursed``,
            ``wrong-currency``, ``date-goes-back`` or ``loan-settled``.
    """
    name, attempt = named
    refuse_unnamed(tx, name, attempt)
    agreement, account = require_loan(tx, name)
    refuse_attempt(tx, name, attempt)
    if currency != agreement.currency:
        raise Refused(
            "wrong-currency",
            f"The loan {name} is repaid in its currency.",
            expected=agreement.currency,
            got=currency,
        )
    when = date.fromisoformat(day)
    try:
        repaid = repay(read_loan(tx, agreement, account), amount, when)
    except LoanRefused as refused:
        raise in_money(refused, currency) from None
    return Receipt((agreement, account), repaid, when)


def refuse_attempt(tx: Transaction, loan: str, attempt: str) -> None:
    """Return if an attempt of a loan is new.

    Raises:
        Refused: ``attempt-exists``.
    """
    existing = tx.rows[RepaymentAttempt][loan, attempt]
    if existing is not None:
        raise Refused(
            "attempt-exists",
            f"An attempt of {loan} is stated once; collect again under a new one.",
            expected="a new attempt",
            got=f"{attempt}, {existing.state} in entry {existing.last_entry}",
        )


def keep_repayment(tx: Transaction, receipt: Receipt, named: tuple[str, str], amount: int) -> None:
    """Write a repayment: the loan after it, the attempt, and what it books.

    Args:
        tx: The record's transaction.
        receipt: What may be captured.
        named: The attempt, and the payment that captured it.
        amount: Minor units.
    """
    agreement, _ = receipt.loan
    found, repayment = receipt.repaid
    name, attempt, payment = agreement.loan, *named
    day = receipt.day.isoformat()
    tx.set(
        RepaymentAttempt,
        (name, attempt),
        RepaymentAttempt(
            loan=name,
            attempt=attempt,
            state="succeeded",
            date=day,
            amount=amount,
            currency=agreement.currency,
            payment=payment,
            record=repayment.record,
            legs=leg_texts(repayment.legs),
            ahead=leg_texts(repayment.ahead),
            shares=tuple(
                f"{receiver}:{part}" for receiver, part in shares(agreement, found.legs).items()
            ),
            counted=tuple(f"{number}:{each}" for number, each in repayment.counted_to.items()),
            overpaid=repayment.overpaid,
            entry=tx.entry,
            last_entry=tx.entry,
        ),
    )
    for instalment in repayment.before:
        tx.put(former_row(name, repayment.record, instalment))
    event = LoanEvent(
        loan=name,
        record=repayment.record,
        kind="repaid",
        date=day,
        amount=amount,
        about=attempt,
        entry=tx.entry,
    )
    keep(tx, receipt.loan, found, event)
    book(tx, agreement, found.legs)


def shares(agreement: LoanAgreement, legs: Sequence[LoanLeg]) -> dict[str, int]:
    """Return what each receiver gets of legs, in minor units; nobody gets nothing."""
    receivers = _receivers(agreement.beneficiaries)
    found: dict[str, int] = {}
    for party, _, _, amount in legs:
        receiver = receivers[party]
        found[receiver] = found.get(receiver, 0) + amount
    return found


@lru_cache(maxsize=4096)
def _receivers(beneficiaries: tuple[str, ...]) -> dict[str, str]:
    """Return the receiver of each beneficiary."""
    return dict([text.split(":", 1) for text in beneficiaries])


class Difference(NamedTuple):
    """A split that is not the ledger's allocation: both, and what is too much or too little."""

    expected: str
    got: str
    apart: str


def difference(
    tx: Transaction,
    named: tuple[str, str],
    legs: Sequence[SplitLeg | Leg],
    amounts: Sequence[int],
    overpaid: int,
) -> Difference | None:
    """Return how the split of a captured repayment differs from what it has to be; None if not.

    Args:
        tx: The record's transaction.
        named: The loan and the attempt.
        legs: The stated legs.
        amounts: What each of them gets.
        overpaid: What is stated as overpaid.
    """
    attempt = tx.rows[RepaymentAttempt][named]
    if attempt is None:
        raise LookupError(f"the state has no attempt {named[1]} of loan {named[0]}")
    stated = tuple(f"{leg.receiver}:{part}" for leg, part in zip(legs, amounts, strict=True))
    if (attempt.overpaid == overpaid) and (
        stated == attempt.shares or sorted(stated) == sorted(attempt.shares)
    ):
        return None
    currency = attempt.currency
    return Difference(
        _told(attempt.shares, attempt.overpaid, currency),
        _told(stated, overpaid, currency),
        _apart((attempt.shares, attempt.overpaid), (stated, overpaid), currency),
    )


def _told(parts: Sequence[str], overpaid: int, currency: str) -> str:
    pairs = [text.rpartition(":") for text in sorted(parts)]
    said = [f"{receiver} {money(int(part), currency)}" for receiver, _, part in pairs]
    if overpaid:
        said.append(f"overpaid {money(overpaid, currency)}")
    return ", ".join(said) or "nothing"


def _apart(
    expected: tuple[Sequence[str], int], got: tuple[Sequence[str], int], currency: str
) -> str:
    """Return by how much each receiver, and what is overpaid, gets more or less than it has to."""
    sums: dict[str, int] = {}
    for sign, (parts, _) in ((-1, expected), (1, got)):
        for receiver, _, part in (text.rpartition(":") for text in parts):
            sums[receiver] = sums.get(receiver, 0) + sign * int(part)
    apart = [(receiver, sums[receiver]) for receiver in sorted(sums)]
    apart.append(("overpaid", got[1] - expected[1]))
    said = [f"{name} {money(amount, currency)}" for name, amount in apart if amount]
    return ", ".join(said) or "that a receiver has more than one leg"


def refuse_unnamed(tx: Transaction, loan: str, attempt: str) -> None:
    """Return if a split names a loan that is disbursed, and an attempt.

    Raises:
        Refused: ``attempt-missing``, ``loan-unknown`` or ``loan-not-disbursed``.
    """
    if not loan or not attempt:
        raise Refused(
            "attempt-missing",
            "A repayment names its loan and the attempt by which it was collected.",
            expected="a loan and an attempt",
            got=f"loan {loan or 'none'}, attempt {attempt or 'none'}",
        )
    require_loan(tx, loan)


def refuse_legs(tx: Transaction, record: Split, amounts: Sequence[int]) -> None:
    """Return if the legs of a captured repayment are those of the ledger's allocation.

    Raises:
        Refused: ``allocation-differs``, with every leg on both sides.
    """
    found = difference(tx, (record.loan, record.attempt), record.legs, amounts, record.overpaid)
    if found is not None:
        raise Refused(
            "allocation-differs",
            "The split of a repayment is what the ledger allocates; ask it with loan allocate. "
            f"The difference is {found.apart}.",
            expected=found.expected,
            got=found.got,
        )


def take_back(tx: Transaction, named: tuple[str, str], day: date) -> None:
    """Take a repayment back, whose capture is reversed.

    Args:
        tx: The record's transaction.
        named: The loan and the attempt.
        day: The business date of the reversal.

    Raises:
        Refused: ``date-goes-back``.
    """
    agreement, account = require_loan(tx, named[0])
    attempt = tx.rows[RepaymentAttempt][named]
    if attempt is None:
        raise LookupError(f"the state has no attempt {named[1]} of loan {named[0]}")
    try:
        found = reverse(
            read_loan(tx, agreement, account), _repayment_of(tx, agreement, account, attempt), day
        )
    except LoanRefused as refused:
        raise in_money(refused, agreement.currency) from None
    event = LoanEvent(
        loan=agreement.loan,
        record=account.records + 1,
        kind="reversed",
        date=day.isoformat(),
        amount=attempt.amount,
        about=attempt.attempt,
        details=(str(attempt.record),),
        entry=tx.entry,
    )
    keep(tx, (agreement, account), found, event)
    book(tx, agreement, found.legs)
    tx.put(replace(attempt, state="reversed", last_entry=tx.entry))


def _repayment_of(
    tx: Transaction, agreement: LoanAgreement, account: LoanAccount, attempt: RepaymentAttempt
) -> Repayment:
    """Return what a repayment moved, from its rows."""
    pairs = [text.split(":") for text in attempt.counted]
    return Repayment(
        record=attempt.record,
        day=date.fromisoformat(attempt.date),
        legs=legs_of(attempt.legs),
        counted_to={int(number): date.fromisoformat(each) for number, each in pairs},
        overpaid=attempt.overpaid,
        ahead=legs_of(attempt.ahead),
        before=_before(tx, account, attempt),
    )


def _before(
    tx: Transaction, account: LoanAccount, attempt: RepaymentAttempt
) -> tuple[Instalment, ...]:
    """Return the instalments that a payment changed ahead, whose numbers follow each other."""
    if not (attempt.ahead or attempt.overpaid):
        return ()  # a payoff may move nothing, and let claims fall away: then all is overpaid
    one = min((leg.instalment for leg in legs_of(attempt.ahead)), default=1)
    lower = _formers(tx, attempt, range(one - 1, 0, -1))
    upper = _formers(tx, attempt, range(one, account.numbered + 1))
    if not attempt.ahead:
        upper = dropwhile(lambda row: row is None, upper)
    below = reversed([*_present(lower)])
    return tuple(former_of(row) for row in (*below, *_present(upper)))


def _formers(
    tx: Transaction, attempt: RepaymentAttempt, numbers: Iterable[int]
) -> Iterator[FormerInstalment | None]:
    rows = tx.rows[FormerInstalment]
    return (rows[attempt.loan, attempt.record, number] for number in numbers)


def _present(rows: Iterable[FormerInstalment | None]) -> Iterator[FormerInstalment]:
    """Yield rows up to the first that is none."""
    for row in rows:
        if row is None:
            return
        yield row


def loan_keys(loan: str, attempt: str) -> list[tuple[type[Row], Key]]:
    """Return the keys of a loan's rows and of an attempt."""
    return [
        (LoanAgreement, (loan,)),
        (LoanAccount, (loan,)),
        (RepaymentAttempt, (loan, attempt)),
    ]
