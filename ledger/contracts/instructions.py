"""Instructions: the platform's half of a payment, stated anew or amended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from ledger import books, expectations
from ledger.contracts import allocation, receivers, repayments
from ledger.contracts.allocation import NO_BUCKET, Allocation, Leg, Split
from ledger.contracts.halves import Capture, Instruction, differences, settle_halves
from ledger.errors import Refused
from ledger.expectations import CAPTURE, INSTRUCTION, REVERSAL
from ledger.state import Transaction

NONE_PAID: Mapping[int, Leg] = {}


def refuse_split(tx: Transaction, record: Split, paid: Mapping[int, Leg] = NONE_PAID) -> Allocation:
    """Return what each leg gets of a split that may be stated.

    Args:
        tx: The record's transaction.
        record: The split.
        paid: The legs of an earlier instruction that are in a payout, by number.

    Raises:
        Refused: one of ``Split.CODES``.
    """
    books.refuse_amount(tx, record.amount, record.currency)
    shares = allocation.compute(record, tx.genesis.limits.legs)
    fresh = [leg for leg in record.legs if leg.leg not in paid] if paid else record.legs
    is_of_loan = bool(record.loan or record.attempt)
    receivers.refuse_closed(tx, fresh, record.currency, may_wait=is_of_loan)
    capture = tx.rows[Capture][record.payment,]
    _refuse_compensation(capture)
    if is_of_loan:
        if capture is not None and capture.stands and not differences(capture, record):
            repayments.refuse_legs(tx, record, shares.amounts)
        else:
            repayments.refuse_unnamed(tx, record.loan, record.attempt)
    elif record.overpaid:
        raise Refused(
            "overpaid-alone",
            "More than is owed can be paid only of a loan; name it, and the attempt.",
            expected="nothing overpaid, or a loan and an attempt",
            got=books.money(record.overpaid, record.currency),
        )
    return shares


def _refuse_compensation(capture: Capture | None) -> None:
    if capture is not None and capture.stands and capture.compensation:
        raise Refused(
            "compensation-split",
            "The ledger itself splits the money of a compensation, by what is open to each.",
            expected="no instruction, or an amendment that states the ledger's legs again",
            got=f"one of {capture.payment}, of compensation {capture.compensation}",
        )


def release_waiting(
    tx: Transaction, record: Split, instruction: Instruction, capture: Capture
) -> None:
    """Enter the legs of a guarantor's money that waited for their receivers.

    The ledger made the legs: the platform only states them again, once a receiver is resumed.

    Raises:
        Refused: ``compensation-split``, or why the split is none by itself.
    """
    amounts = allocation.compute(record, tx.genesis.limits.legs).amounts
    legs = legs_of(tx, instruction)
    stated = [(leg.receiver, part) for leg, part in zip(record.legs, amounts, strict=True)]
    if not instruction.allocated or stated != [(leg.receiver, leg.amount) for leg in legs]:
        _refuse_compensation(capture)
    if differences(capture, record) or record.overpaid:
        _refuse_compensation(capture)
    waiting = [leg for leg in legs if not leg.bucket]
    parts = [leg.amount for leg in waiting]
    source = books.suspense(record.payment)
    buckets = allocation.enter(tx, waiting, parts, capture, source)
    for leg, bucket in zip(waiting, buckets, strict=True):
        tx.put(replace(leg, bucket=bucket))


def contradict(tx: Transaction, capture: Capture, instruction: Instruction) -> bool:
    """Return whether an earlier instruction splits a repayment otherwise than the ledger does.

    Then the instruction conflicts, and is awaited of the platform anew.
    """
    legs = legs_of(tx, instruction)
    named = (capture.loan, capture.attempt)
    found = repayments.difference(
        tx, named, legs, [leg.amount for leg in legs], instruction.overpaid
    )
    if found is None:
        return False
    matter = (tx.subject, tx.sole("platform"))
    expectations.open_expectation(tx, INSTRUCTION, matter, capture.amount, capture.currency)
    awaited = expectations.awaited(tx, INSTRUCTION, tx.subject)
    detail = f"allocation: expected {found.expected}; instructed {found.got}"
    expectations.conflict(tx, awaited, detail)
    return True


def state_instruction(
    tx: Transaction,
    record: Split,
    shares: Allocation,
    earlier: Instruction | None,
    paid: Mapping[int, Leg] = NONE_PAID,
) -> None:
    """Make ``record`` the platform's half, in place of an earlier one; what is paid stays."""
    payment, amounts = record.payment, shares.amounts
    if earlier is not None:
        drop_legs(tx, earlier, len(amounts))
    capture = tx.rows[Capture][payment,]
    if capture is not None:
        acknowledge_reversal(tx, capture)
    buckets = [NO_BUCKET] * len(amounts)
    agreed = False
    if capture is None or not capture.stands:
        # Only instructions open this kind: without an earlier one there is nothing to revise.
        opens = expectations.open_expectation if earlier is None else expectations.open_or_revise
        matter = (tx.subject, tx.sole("institution"))
        opens(tx, CAPTURE, matter, record.amount, record.currency)
    elif settle_halves(tx, capture, record, INSTRUCTION):
        agreed = True
        buckets = _enter(tx, record, amounts, capture, paid)
    instruction = Instruction(
        payment=payment,
        order=record.order,
        amount=record.amount,
        currency=record.currency,
        mode=record.mode,
        tail=shares.tail,
        tail_leg=record.tail_leg,
        leg_count=len(amounts),
        loan=record.loan,
        attempt=record.attempt,
        overpaid=record.overpaid,
        entry=tx.entry,
        stands=True,
        allocated=agreed,
    )
    tx.set(Instruction, (payment,), instruction)
    state = tx.add if earlier is None else tx.set  # nobody asks for legs without an instruction
    for leg, amount, bucket in zip(record.legs, amounts, buckets, strict=True):
        number = leg.leg
        row = Leg(payment, number, leg.receiver, amount, leg.purpose, leg.ppm, bucket)
        state(Leg, (payment, number), row)


def drop_legs(tx: Transaction, instruction: Instruction, keep: int) -> None:
    """Delete the legs that an instruction of ``keep`` legs does not overwrite."""
    for number in range(keep + 1, instruction.leg_count + 1):
        tx.delete(Leg, (instruction.payment, number))


def _enter(
    tx: Transaction,
    record: Split,
    amounts: Sequence[int],
    capture: Capture,
    paid: Mapping[int, Leg],
) -> list[int]:
    """Enter the legs that are not paid; return the number of every leg's bucket."""
    source = books.suspense(record.payment)
    if not paid:
        return allocation.enter(tx, record.legs, amounts, capture, source)
    fresh = [leg for leg in record.legs if leg.leg not in paid]
    parts = [amounts[leg.leg - 1] for leg in fresh]
    entered = iter(allocation.enter(tx, fresh, parts, capture, source))
    return [paid[leg.leg].bucket if leg.leg in paid else next(entered) for leg in record.legs]


def legs_of(tx: Transaction, instruction: Instruction) -> list[Leg]:
    """Return the legs of an instruction, in their order."""
    payment = instruction.payment
    found = [tx.rows[Leg][payment, number] for number in range(1, instruction.leg_count + 1)]
    return [leg for leg in found if leg is not None]


def acknowledge_reversal(tx: Transaction, capture: Capture) -> None:
    """Meet the platform's acknowledgement, if it still owes one: it has spoken, or both agree."""
    if capture.reversals:
        expectations.meet_if_open(tx, REVERSAL, tx.subject)


def refuse_moved(
    tx: Transaction,
    record: Split,
    shares: Allocation,
    existing: Instruction,
    paid: Mapping[int, Leg],
) -> None:
    """Return if an amendment leaves the legs that are in a payout as they are.

    Args:
        tx: The record's transaction.
        record: The amendment.
        shares: What each of its legs gets.
        existing: The instruction that it replaces.
        paid: The legs of that which are in a payout, by number.

    Raises:
        Refused: ``leg-in-payout``.
    """
    stated = {
        leg.leg: (leg.receiver, amount, leg.purpose)
        for leg, amount in zip(record.legs, shares.amounts, strict=True)
    }
    same = not paid or _frame(record) == _frame(existing)
    for number, leg in paid.items():
        if not same or stated.get(number) != (leg.receiver, leg.amount, leg.purpose):
            amount = books.money(leg.amount, existing.currency)
            payout = allocation.payout_of(tx, leg)
            raise Refused(
                "leg-in-payout",
                f"Leg {number} of payment {record.payment} is in payout {payout}; an amendment "
                "states it, the order, the amount and the loan as they are, until that payout was "
                "returned.",
                expected=f"leg {number}: {amount} to {leg.receiver} ({leg.purpose}), "
                f"{_whole(existing)}",
                got=_said_of(record, stated.get(number)),
            )


def _frame(split: Split | Instruction) -> tuple[str, int, str, str, str]:
    """Return what of a split has to be as captured."""
    return split.order, split.amount, split.currency, split.loan, split.attempt


def _whole(split: Split | Instruction) -> str:
    of_loan = f"attempt {split.attempt} of loan {split.loan}, " if split.loan else ""
    whole = books.money(split.amount, split.currency)
    return f"of {of_loan}order {split.order} and {whole} in all"


def _said_of(record: Split, leg: tuple[str, int, str] | None) -> str:
    whole = _whole(record)
    if leg is None:
        return f"no such leg, {whole}"
    receiver, amount, purpose = leg
    return f"{books.money(amount, record.currency)} to {receiver} ({purpose}), {whole}"
