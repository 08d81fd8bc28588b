"""Payments of loans: attempts that close, splits that are the allocation, claims that pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ledger.contracts.allocation import Leg
from ledger.contracts.halves import Capture, Instruction
from ledger.contracts.loan_rows import (
    LoanAccount,
    LoanCompensation,
    LoanInstalment,
    RepaymentAttempt,
)
from ledger.contracts.loan_state import instalment_of, legs_of
from ledger.contracts.refunded import RefundedPayment
from simulator.checkers.loan_rows import LoanRows


def wrong_attempt(attempt: RepaymentAttempt) -> Iterator[str]:
    """Yield what does not hold of an attempt to collect."""
    name = f"attempt {attempt.attempt} of {attempt.loan}"
    legs = legs_of((*attempt.legs, *attempt.ahead))
    if attempt.state == "failed":
        if legs or attempt.shares or attempt.overpaid:
            yield f"{name} has failed, and moves money"
        return
    allocated = attempt.amount - attempt.overpaid
    if sum(leg.amount for leg in legs) != allocated or attempt.overpaid < 0:
        yield f"the legs of {name} and what is overpaid are not {attempt.amount}"
    if any(leg.amount < 1 for leg in legs):
        yield f"{name} has a leg of nothing"
    by_party: Counter[str] = Counter()
    for leg in legs:
        by_party[leg.party] += leg.amount
    shares = [int(text.rpartition(":")[2]) for text in attempt.shares]
    if sorted(shares) != sorted(by_party.values()):
        yield f"the shares of {name} are {shares}, its legs give {by_party.values()}"


def wrong_compensation(rows: LoanRows, stated: LoanCompensation) -> Iterator[str]:
    """Yield what does not hold of a compensation, as long as nothing has followed it."""
    name = f"compensation {stated.compensation} of {stated.loan}"
    if stated.state != "settled":
        return
    if sum(leg.amount for leg in legs_of(stated.legs)) != stated.amount:
        yield f"the legs of {name} are not {stated.amount}"
    account = rows.get(LoanAccount, stated.loan)
    if account is None or account.records != stated.record:
        return
    held: Counter[tuple[int, str]] = Counter()
    for leg in legs_of(stated.passed):
        held[leg.instalment, leg.component] += leg.amount
    for (number, component), amount in held.items():
        row = rows.get(LoanInstalment, stated.loan, number)
        claims = () if row is None else instalment_of(row).claims
        opened = sum(
            claim.open
            for claim in claims
            if (claim.component, claim.party) == (component, stated.guarantor)
        )
        if opened < amount:
            what = f"{component} of instalment {number}"
            yield f"{name} passes {amount} of the {what}, {opened} is open to the guarantor"


def wrong_of(rows: LoanRows, payment: str) -> Iterator[str]:
    """Yield what does not hold of a payment, if it is of a loan."""
    capture = rows.get(Capture, payment)
    if capture is None or not (capture.loan or capture.compensation):
        return
    instruction = rows.get(Instruction, payment)
    is_split = instruction is not None and instruction.stands and instruction.allocated
    legs = list(rows.of(Leg, payment))
    if instruction is not None and len(legs) != instruction.leg_count:
        yield f"{payment} has {len(legs)} legs, its instruction {instruction.leg_count}"
    if not capture.stands and is_split:
        yield f"{payment} is split, and not captured"
    if not is_split and any(leg.bucket for leg in legs):
        yield f"{payment} is not split, and has legs that are due"
    yield from _wrong_suspense(rows, capture, legs)
    if not capture.stands:
        yield from _wrong_void(rows, capture)
        return
    yield from _wrong_split(rows, capture, instruction if is_split else None, legs)


def _wrong_void(rows: LoanRows, capture: Capture) -> Iterator[str]:
    """Yield what a void payment goes on doing to its loan."""
    attempt = rows.get(RepaymentAttempt, capture.loan, capture.attempt)
    if attempt is not None and attempt.state != "reversed":
        yield f"{capture.payment} is void, its attempt {capture.attempt} is {attempt.state}"
    stated = rows.get(LoanCompensation, capture.compensation)
    if stated is not None and stated.state == "settled" and stated.payment == capture.payment:
        yield f"{capture.payment} is void, its compensation is settled"


def _wrong_suspense(rows: LoanRows, capture: Capture, legs: list[Leg]) -> Iterator[str]:
    """Yield what waits otherwise than it should: all that is not due to anybody, nor refunded."""
    entered = sum(leg.amount for leg in legs if leg.bucket)
    taken = rows.get(RefundedPayment, capture.payment)
    refunded = 0 if taken is None else taken.requested + taken.paid
    waits = capture.amount - entered - refunded if capture.stands else 0
    booked = -rows.balance(f"suspense:{capture.payment}", capture.currency)
    if booked != waits:
        yield f"{booked} of payment {capture.payment} waits in the books, and {waits} should"


def _wrong_split(
    rows: LoanRows, capture: Capture, instruction: Instruction | None, legs: list[Leg]
) -> Iterator[str]:
    name, split = capture.payment, sorted((leg.receiver, leg.amount) for leg in legs)
    if capture.compensation:
        stated = rows.get(LoanCompensation, capture.compensation)
        is_settled = stated is not None and stated.state == "settled"
        if is_settled != (instruction is not None):
            yield f"compensation {capture.compensation} and the split of {name} do not agree"
        if instruction is not None and sum(part for _, part in split) != capture.amount:
            yield f"the legs of {name} are not {capture.amount}"
        return
    attempt = rows.get(RepaymentAttempt, capture.loan, capture.attempt)
    if attempt is None or (attempt.state, attempt.payment, attempt.amount) != (
        "succeeded",
        name,
        capture.amount,
    ):
        yield f"{name} has no attempt {capture.attempt} of {capture.loan} as it was captured"
        return
    if instruction is None:
        return
    parts = [text.rpartition(":") for text in attempt.shares]
    allocated = sorted((receiver, int(part)) for receiver, _, part in parts)
    if (split, instruction.overpaid) != (allocated, attempt.overpaid):
        yield f"{name} is split as {split}, and allocated as {allocated}"
