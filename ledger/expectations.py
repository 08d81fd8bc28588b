"""Expectations: one half of a fact is recorded, the other party's half is awaited.

The first half opens an expectation on the other party, the matching half meets it, a differing
half makes it conflicting, and time makes it overdue. Overdue is derived on reading, never stored.
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal, get_args

import msgspec
from msgspec.structs import replace

from ledger.state import NEVER, Row, Transaction

ExpectationKind = Literal[
    "capture",
    "instruction",
    "reversal",
    "payout-result",
    "arrival",
    "float-confirmation",
    "refund-result",
    "dispute",
    "fee-acceptance",
    "fee-reversal",
    "fee-settlement",
    "profit-acceptance",
    "profit-confirmation",
    "calendar-acceptance",
    "loan-acceptance",
    "loan-funding",
    "compensation",
]
KINDS: tuple[ExpectationKind, ...] = get_args(ExpectationKind)

CAPTURE: Final = "capture"
INSTRUCTION: Final = "instruction"
REVERSAL: Final = "reversal"
PAYOUT_RESULT: Final = "payout-result"
ARRIVAL: Final = "arrival"
FLOAT_CONFIRMATION: Final = "float-confirmation"
REFUND_RESULT: Final = "refund-result"
DISPUTE: Final = "dispute"
FEE_ACCEPTANCE: Final = "fee-acceptance"
FEE_REVERSAL: Final = "fee-reversal"
FEE_SETTLEMENT: Final = "fee-settlement"
PROFIT_ACCEPTANCE: Final = "profit-acceptance"
PROFIT_CONFIRMATION: Final = "profit-confirmation"
CALENDAR_ACCEPTANCE: Final = "calendar-acceptance"
LOAN_ACCEPTANCE: Final = "loan-acceptance"
LOAN_FUNDING: Final = "loan-funding"
COMPENSATION: Final = "compensation"

StoredState = Literal["open", "conflicting", "met"]
ExpectationState = Literal["open", "overdue", "conflicting", "met"]
"""As of a time: one that is open is overdue later."""
OPEN: Final = "open"
MET: Final = "met"
CONFLICTING: Final = "conflicting"
OVERDUE: Final = "overdue"

_AGAIN = "stated again since: "


class UnmetTotal(msgspec.Struct, frozen=True):
    """A sum of expectations of one matter that are not met.

    ``amount`` is in minor units, ``oldest_at`` is when the oldest was opened, in ms.
    """

    opener: str
    awaited: str
    kind: ExpectationKind
    currency: str
    state: str
    count: int
    amount: int
    oldest_at: int


class Expectation(Row, frozen=True):
    """A half that one party still owes the log, or owed it.

    ``subject`` is that of the record that opened it, such as ``payment:P1``. ``amount`` is in
    minor units. Times are block times in ms. ``settled_entry`` and ``settled_at`` are −1 until
    the expectation is met. ``detail`` says what differs, or why it was met without its half.
    """

    TABLE: ClassVar[str] = "expectations"
    KEY: ClassVar[int] = 2
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (
        (
            "state", "awaited", "kind", "subject",
            "opener", "currency", "amount", "due_at", "opened_at", "opened_entry",
        ),
    )  # fmt: skip
    """The second line is so that what is open is summed from the index alone."""

    kind: ExpectationKind
    subject: str
    awaited: str
    opener: str
    amount: int
    currency: str
    opened_entry: int
    opened_at: int
    due_at: int
    state: StoredState
    settled_entry: int = NEVER
    settled_at: int = NEVER
    detail: str = ""


def open_expectation(
    tx: Transaction, kind: ExpectationKind, matter: tuple[str, str], amount: int, currency: str
) -> None:
    """Open an expectation of the author's, in place of an earlier settled one.

    Args:
        tx: The record's transaction.
        kind: One of :data:`KINDS`.
        matter: What the awaited half is about, and the party that has to state it.
        amount: What is at stake, in minor units.
        currency: ISO 4217 code.
    """
    subject, awaited = matter
    now = tx.time_ms
    due_at = now + tx.genesis.due_after_ms[kind]
    opened = Expectation(
        kind=kind,
        subject=subject,
        awaited=awaited,
        opener=tx.author,
        amount=amount,
        currency=currency,
        opened_entry=tx.entry,
        opened_at=now,
        due_at=due_at,
        state=OPEN,
    )
    tx.set(Expectation, (kind, subject), opened)


def open_or_revise(
    tx: Transaction, kind: ExpectationKind, matter: tuple[str, str], amount: int, currency: str
) -> None:
    """Open an expectation, or change what one that is not met is about: its age and due time stay.

    One that conflicts goes on conflicting: only the party that it awaits can agree. The arguments
    are those of :func:`open_expectation`.
    """
    existing = tx.rows[Expectation][kind, matter[0]]
    if existing is None or existing.state == MET:
        open_expectation(tx, kind, matter, amount, currency)
        return
    detail = existing.detail
    if existing.state == CONFLICTING:
        detail = _AGAIN + detail.removeprefix(_AGAIN)
    tx.put(replace(existing, amount=amount, currency=currency, detail=detail))


def awaited(tx: Transaction, kind: ExpectationKind, subject: str) -> Expectation:
    """Return the expectation under ``kind`` and ``subject``, which the contract has opened."""
    expectation = tx.rows[Expectation][kind, subject]
    if expectation is None:
        raise LookupError(f"the state has no expectation {kind} on {subject}")
    return expectation


def meet(tx: Transaction, expectation: Expectation, detail: str = "") -> None:
    """Settle ``expectation`` with the record at hand.

    Args:
        tx: The record's transaction.
        expectation: An open or conflicting one.
        detail: Why it is settled, where that is not by the awaited half.
    """
    settled = replace(
        expectation, state=MET, settled_entry=tx.entry, settled_at=tx.time_ms, detail=detail
    )
    tx.set(Expectation, (expectation.kind, expectation.subject), settled)


def conflict(tx: Transaction, expectation: Expectation, detail: str) -> None:
    """Mark ``expectation`` conflicting: the other half came, and ``detail`` says what differs."""
    tx.put(
        replace(
            expectation,
            state=CONFLICTING,
            settled_entry=NEVER,
            settled_at=NEVER,
            detail=detail,
        )
    )


def meet_if_open(tx: Transaction, kind: ExpectationKind, subject: str, detail: str = "") -> None:
    """Settle the expectation under ``kind`` and ``subject`` if there is one that is not met."""
    expectation = tx.rows[Expectation][kind, subject]
    if expectation is not None and expectation.state != MET:
        meet(tx, expectation, detail)


def status(expectation: Expectation, as_of_ms: int) -> ExpectationState:
    """Return ``open``, ``met``, ``conflicting`` or ``overdue`` as of a time.

    A met expectation stays met however late its half came; see :func:`lateness_ms`.
    """
    if expectation.state == OPEN and as_of_ms > expectation.due_at:
        return OVERDUE
    return expectation.state


def lateness_ms(expectation: Expectation, as_of_ms: int) -> int:
    """Return by how many ms the other half came, or still is, too late; 0 if it is in time."""
    until = expectation.settled_at if expectation.state == MET else as_of_ms
    return max(0, until - expectation.due_at)
