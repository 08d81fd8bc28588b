"""The two halves of a payment as rows: what was captured, and how it is to be split."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from ledger import books, expectations
from ledger.books import Balance, contradiction
from ledger.contracts.allocation import Leg, Mode, Split
from ledger.contracts.loan_rows import RepaymentAttempt
from ledger.expectations import CAPTURE, INSTRUCTION, REVERSAL, Expectation
from ledger.state import Key, Keys, Row, Transaction

PaymentState = Literal[
    "captured", "instructed", "split", "conflicting", "reversed", "withdrawn", "unknown"
]
CONFLICTING: Final = "conflicting"


class Capture(Row, frozen=True):
    """The institution's half. ``entry`` is the last that captured or reversed the payment.

    ``channel_number`` is the channel's own, or empty; ``sources`` say who paid which part, as
    ``source:amount``. ``loan`` and ``attempt`` are those of a repayment, ``compensation`` that of a
    guarantor's money, all else empty. ``reversals`` counts how often it was reversed, whether or
    not it ``stands`` again.
    """

    TABLE: ClassVar[str] = "captures"
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("order", "payment"),
        ("amount", "captured_at", "payment"),
        ("captured_at", "payment"),
    )

    payment: str
    order: str
    amount: int
    currency: str
    channel: str
    captured_at: int
    channel_number: str
    sources: tuple[str, ...]
    loan: str
    attempt: str
    compensation: str
    entry: int
    stands: bool
    reversals: int

    @property
    def waits(self) -> bool:
        """Whether what is due to a suspended receiver waits in suspense: it is of a loan."""
        return bool(self.loan or self.compensation)

    def leads_to(self) -> Keys:
        """Return the keys of the balances that it moves, and of what it expects."""
        subject = f"payment:{self.payment}"
        keys: list[tuple[type[Row], Key]] = [
            (Balance, (books.RESERVE, self.currency)),
            (Balance, (books.suspense(self.payment), self.currency)),
            (Expectation, (INSTRUCTION, subject)),
        ]
        if self.reversals:
            keys.append((Expectation, (REVERSAL, subject)))
        if self.loan:
            keys.append((RepaymentAttempt, (self.loan, self.attempt)))
        return keys


class Instruction(Row, frozen=True):
    """The platform's half. ``entry`` is the last that stated or withdrew it.

    ``tail`` counts the minor units that ratios left over; ``tail_leg`` is the leg named to absorb
    them, or 0. ``loan``, ``attempt`` and ``overpaid`` are those of a repayment. ``allocated`` says
    that the legs stand in the receivers' books.
    """

    TABLE: ClassVar[str] = "instructions"
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (("order", "payment"),)

    payment: str
    order: str
    amount: int
    currency: str
    mode: Mode
    tail: int
    tail_leg: int
    leg_count: int
    loan: str
    attempt: str
    overpaid: int
    entry: int
    stands: bool
    allocated: bool

    def leads_to(self) -> Keys:
        """Return the keys of its legs, and of what it expects."""
        payment = self.payment
        keys: list[tuple[type[Row], Key]] = [(Expectation, (CAPTURE, f"payment:{payment}"))]
        keys += [(Leg, (payment, number)) for number in range(1, self.leg_count + 1)]
        return keys


def payment_state(capture: Capture | None, instruction: Instruction | None) -> PaymentState:
    """Return how far a payment has got, from its two halves.

    Returns:
        ``captured`` or ``instructed`` (one half stands), ``split`` or ``conflicting`` (both do),
        ``reversed`` or ``withdrawn`` (the last word was that), or ``unknown``.
    """
    captured = capture is not None and capture.stands
    if instruction is not None and instruction.stands:
        if captured:
            return "split" if instruction.allocated else CONFLICTING
        void = capture is not None and capture.entry > instruction.entry
        return "reversed" if void else "instructed"
    if captured:
        return "captured"
    if capture is not None:
        return "reversed"
    return "withdrawn" if instruction is not None else "unknown"


def differences(capture: Capture, instruction: Instruction | Split) -> str:
    """Return which fields the halves disagree on, or the empty string where they agree."""
    if (capture.order, capture.amount, capture.currency, capture.loan, capture.attempt) == (
        instruction.order,
        instruction.amount,
        instruction.currency,
        instruction.loan,
        instruction.attempt,
    ):
        return ""
    found = []
    for name in ("loan", "attempt"):
        said = (getattr(capture, name) or "none", getattr(instruction, name) or "none")
        if said[0] != said[1]:
            found.append(f"{name}: captured {said[0]}, instructed {said[1]}")
    if capture.order != instruction.order:
        found.append(f"order: captured {capture.order}, instructed {instruction.order}")
    if (capture.amount, capture.currency) != (instruction.amount, instruction.currency):
        fields = [
            name
            for name in ("amount", "currency")
            if getattr(capture, name) != getattr(instruction, name)
        ]
        captured = (capture.amount, capture.currency)
        instructed = (instruction.amount, instruction.currency)
        both = contradiction("captured", captured, "instructed", instructed)
        found.append(f"{' and '.join(fields)}: {both}")
    return "; ".join(found)


def settle_halves(
    tx: Transaction, capture: Capture, instruction: Instruction | Split, likely: str
) -> bool:
    """Meet or conflict what the first half opened; return whether the halves agree."""
    expectation = halves_expectation(tx, likely)
    if expectation is None:
        raise LookupError(f"the state has no expectation for payment {capture.payment}")
    detail = differences(capture, instruction)
    if detail:
        expectations.conflict(tx, expectation, detail)
        return False
    if expectation.state != expectations.MET:
        expectations.meet(tx, expectation)
    return True


def halves_expectation(tx: Transaction, likely: str) -> Expectation | None:
    """Return the expectation that stands for the agreement of the halves: the one opened last.

    At most one of the two is open at a time, so an open one of the likely kind is the answer.
    """
    subject = tx.subject
    first = tx.rows[Expectation][likely, subject]
    if first is not None and first.state == expectations.OPEN:
        return first
    other = tx.rows[Expectation][INSTRUCTION if likely == CAPTURE else CAPTURE, subject]
    if first is None or other is None:
        return first or other
    return first if first.opened_entry > other.opened_entry else other


def halves_keys(payment: str) -> Keys:
    """Return the keys of a payment's halves, and of what they expect."""
    subject = f"payment:{payment}"
    return [
        (Capture, (payment,)),
        (Instruction, (payment,)),
        (Expectation, (CAPTURE, subject)),
        (Expectation, (INSTRUCTION, subject)),
        (Expectation, (REVERSAL, subject)),
    ]
