"""The refund float (预存退款): money that the platform has deposited to refund buyers from.

The institution states that money of the float came or went, the platform confirms it. What came in
is usable once both agree; what is to go out is set aside as soon as it is stated, so that nothing
else can use it meanwhile.
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from msgspec.structs import replace

from ledger import books, expectations
from ledger.books import Balance, money
from ledger.errors import Refused
from ledger.expectations import FLOAT_CONFIRMATION, Expectation
from ledger.genesis import Genesis
from ledger.records import Amount, AmountOrNothing, Currency, Identifier, Record, Rule, Text
from ledger.state import Key, Keys, Row, Transaction

MovementKind = Literal["deposit", "withdrawal"]
DEPOSIT: Final = "deposit"
WITHDRAWAL: Final = "withdrawal"

MovementState = Literal["stated", "conflicting", "confirmed", "reversed"]
STATED: Final = "stated"
CONFIRMED: Final = "confirmed"
CONFLICTING: Final = "conflicting"
REVERSED: Final = "reversed"

_DONE: dict[MovementKind, str] = {DEPOSIT: "deposited", WITHDRAWAL: "withdrawn"}


class FloatStatement(Record, frozen=True, kw_only=True):
    """A movement of the float, as both halves state it. Deposits and withdrawals share ids."""

    movement: Identifier
    amount: Amount
    currency: Currency


class RefundFloatDeposited(FloatStatement, frozen=True, kw_only=True, tag="refund_float.deposited"):
    """The institution holds money that the platform deposited for refunds.

    Refused unless the movement id is new; the amount is within the limit.
    """

    CODES = ("amount-over-limit", "movement-exists")


class RefundFloatWithdrawn(FloatStatement, frozen=True, kw_only=True, tag="refund_float.withdrawn"):
    """The institution gives money of the float back to the platform.

    Refused unless the movement id is new; the amount is within the free float, of which it is
    set aside.
    """

    CODES = ("movement-exists", "withdrawal-exceeds-float")


class RefundFloatConfirmed(FloatStatement, frozen=True, kw_only=True, tag="refund_float.confirmed"):
    """The platform states what it deposited, or what reached it.

    Refused unless the movement is stated, or was contradicted before.
    """

    CODES = ("movement-settled", "unknown-movement")

    amount: AmountOrNothing


class RefundFloatReversed(Record, frozen=True, kw_only=True, tag="refund_float.reversed"):
    """The institution takes back a movement that is not agreed (冲正).

    While the platform says that money moved, the two conflict.

    Refused unless the movement is stated or contradicted, and neither agreed nor taken back.
    """

    CODES = ("movement-settled", "unknown-movement")

    movement: Identifier
    reason: Text


class FloatMovement(Row, frozen=True, kw_only=True):
    """One deposit to the float of ``platform``, or one withdrawal from it.

    ``confirmed_amount`` in ``confirmed_currency`` is what the platform said last, 0 and empty until
    then. ``reversal_reason`` is why the institution took it back, empty unless it did: it is in
    state reversed once the platform does not say the contrary. ``entry`` stated the movement,
    ``last_entry`` changed it last.
    """

    TABLE: ClassVar[str] = "float_movements"
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (("state", "movement"),)

    movement: str
    kind: MovementKind
    platform: str
    amount: int
    currency: str
    state: MovementState
    confirmed_amount: int = 0
    confirmed_currency: str = ""
    reversal_reason: str = ""
    entry: int
    last_entry: int

    def leads_to(self) -> Keys:
        """Return the keys of what the movement changes when it is settled."""
        return [
            *float_keys(self.platform, self.currency),
            (Balance, (books.RESERVE, self.currency)),
        ]


class FloatSetAside(Row, frozen=True):
    """The part of a float that is set aside for withdrawals not agreed yet. No row for zero."""

    TABLE: ClassVar[str] = "floats_set_aside"
    KEY: ClassVar[int] = 2

    platform: str
    currency: str
    amount: int


def free(tx: Transaction, platform: str, currency: str) -> int:
    """Return what is free of a float: agreed, not held for refunds, not set aside. Minor units."""
    balance = tx.rows[Balance][books.refund_float(platform), currency]
    return (0 if balance is None else -balance.amount) - _set_aside(tx, platform, currency)


def float_keys(platform: str, currency: str) -> list[tuple[type[Row], Key]]:
    """Return the keys of the rows that :func:`free` reads."""
    return [
        (Balance, (books.refund_float(platform), currency)),
        (FloatSetAside, (platform, currency)),
    ]


def _set_aside(tx: Transaction, platform: str, currency: str) -> int:
    row = tx.rows[FloatSetAside][platform, currency]
    return 0 if row is None else row.amount


def _set_more_aside(tx: Transaction, movement: FloatMovement, more: int) -> None:
    platform, currency = key = (movement.platform, movement.currency)
    amount = _set_aside(tx, platform, currency) + more
    tx.set(FloatSetAside, key, FloatSetAside(platform, currency, amount) if amount else None)


def _deposited(tx: Transaction, record: RefundFloatDeposited) -> None:
    _refuse_known(tx, record.movement)
    books.refuse_amount(tx, record.amount, record.currency)
    _state(tx, record, DEPOSIT)


def _withdrawn(tx: Transaction, record: RefundFloatWithdrawn) -> None:
    _refuse_known(tx, record.movement)
    usable = free(tx, tx.sole("platform"), record.currency)
    if record.amount > usable:
        raise Refused(
            "withdrawal-exceeds-float",
            "A withdrawal takes no more than the free float: what is agreed, "
            "and neither held for a refund nor set aside for another withdrawal.",
            expected=f"at most {money(usable, record.currency)}",
            got=money(record.amount, record.currency),
        )
    _set_more_aside(tx, _state(tx, record, WITHDRAWAL), record.amount)


def _refuse_known(tx: Transaction, name: str) -> None:
    existing = tx.rows[FloatMovement][name,]
    if existing is not None:
        raise Refused(
            "movement-exists",
            "The id of a deposit or withdrawal is used once; deposits and withdrawals share them.",
            expected="a new movement id",
            got=f"{name}, a {existing.kind} stated in entry {existing.entry}",
        )


def _state(tx: Transaction, record: FloatStatement, kind: MovementKind) -> FloatMovement:
    platform = tx.sole("platform")
    movement = FloatMovement(
        movement=record.movement,
        kind=kind,
        platform=platform,
        amount=record.amount,
        currency=record.currency,
        state=STATED,
        entry=tx.entry,
        last_entry=tx.entry,
    )
    tx.put(movement)
    matter = (f"float:{record.movement}", platform)
    expectations.open_expectation(tx, FLOAT_CONFIRMATION, matter, record.amount, record.currency)
    return movement


def _confirmed(tx: Transaction, record: RefundFloatConfirmed) -> None:
    movement = _require_unsettled(tx, record.movement)
    stated = replace(
        movement,
        confirmed_amount=record.amount,
        confirmed_currency=record.currency,
        last_entry=tx.entry,
    )
    _compare(tx, stated)


def _compare(tx: Transaction, movement: FloatMovement) -> None:
    """Settle a movement of which both have spoken, or mark it conflicting until one agrees."""
    awaited = expectations.awaited(tx, FLOAT_CONFIRMATION, tx.subject)
    stated = (movement.confirmed_amount, movement.confirmed_currency)
    ours = (movement.amount, movement.currency)
    if movement.reversal_reason and not movement.confirmed_amount:
        _undo(tx, movement)
    elif movement.reversal_reason:
        tx.put(replace(movement, state=CONFLICTING))
        detail = f"reversed ({movement.reversal_reason}), confirmed {money(*stated)}"
        expectations.conflict(tx, awaited, detail)
    elif stated != ours:
        tx.put(replace(movement, state=CONFLICTING))
        both = books.contradiction(_DONE[movement.kind], ours, "confirmed", stated)
        expectations.conflict(tx, awaited, f"amount: {both}")
    else:
        tx.put(replace(movement, state=CONFIRMED))
        expectations.meet(tx, awaited)
        _move(tx, movement)


def _move(tx: Transaction, movement: FloatMovement) -> None:
    """Post a movement on which both agree."""
    amount = movement.amount
    if movement.kind == WITHDRAWAL:
        _set_more_aside(tx, movement, -amount)
        amount = -amount
    accounts = (books.RESERVE, books.refund_float(movement.platform))
    books.transfer(tx, movement.currency, accounts, amount)


def _reversed(tx: Transaction, record: RefundFloatReversed) -> None:
    movement = _require_unsettled(tx, record.movement)
    if movement.reversal_reason:
        raise Refused(
            "movement-settled",
            f"The {movement.kind} {movement.movement} was reversed before, and "
            f"{movement.platform} says that money moved: it agrees by confirming that 0 did.",
            expected="a movement that was not reversed",
            got=f"{movement.state} in entry {movement.last_entry}",
        )
    stated = replace(movement, reversal_reason=record.reason, last_entry=tx.entry)
    if movement.state == CONFLICTING:
        _compare(tx, stated)
    else:
        _undo(tx, stated)


def _undo(tx: Transaction, movement: FloatMovement) -> None:
    """Take a movement back: nobody says that its money moved."""
    tx.put(replace(movement, state=REVERSED))
    detail = f"{movement.kind} reversed: {movement.reversal_reason}"
    expectations.meet(tx, expectations.awaited(tx, FLOAT_CONFIRMATION, tx.subject), detail)
    if movement.kind == WITHDRAWAL:
        _set_more_aside(tx, movement, -movement.amount)


def _require_unsettled(tx: Transaction, name: str) -> FloatMovement:
    movement = tx.rows[FloatMovement][name,]
    if movement is None:
        raise Refused(
            "unknown-movement",
            "The institution states a deposit or withdrawal before anything is said about it.",
            expected="a stated deposit or withdrawal",
            got=name,
        )
    if movement.state in {CONFIRMED, REVERSED}:
        raise Refused(
            "movement-settled",
            f"Nothing more can be said about the {movement.kind} {name}: both halves agree, or it "
            "was reversed. To undo an agreed one, state the opposite one under a new id.",
            expected="a movement in state stated or conflicting",
            got=f"{movement.state} in entry {movement.last_entry}",
        )
    return movement


def _statement_keys(record: FloatStatement, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    platform = genesis.sole("platform")
    return [(FloatMovement, (record.movement,)), *float_keys(platform, record.currency)]


def _keys(
    record: RefundFloatConfirmed | RefundFloatReversed, genesis: Genesis
) -> list[tuple[type[Row], Key]]:
    name = record.movement
    return [(FloatMovement, (name,)), (Expectation, (FLOAT_CONFIRMATION, f"float:{name}"))]


def _subject(record: FloatStatement | RefundFloatReversed) -> str:
    return f"float:{record.movement}"


_INSTITUTION = ("institution",)

ROWS: tuple[type[Row], ...] = (FloatMovement, FloatSetAside)
RULES = (
    Rule(RefundFloatDeposited, _INSTITUTION, _deposited, _statement_keys, _subject),
    Rule(RefundFloatWithdrawn, _INSTITUTION, _withdrawn, _statement_keys, _subject),
    Rule(RefundFloatConfirmed, ("platform",), _confirmed, _keys, _subject),
    Rule(RefundFloatReversed, _INSTITUTION, _reversed, _keys, _subject),
)
EXAMPLES: tuple[Record, ...] = (
    RefundFloatDeposited(
        at=1_760_000_000_030,
        id="inst-0030",
        movement="FLOAT-2025-10-1",
        amount=1_000_000,
        currency="CNY",
    ),
    RefundFloatWithdrawn(
        at=1_760_000_000_035,
        id="inst-0033",
        movement="FLOAT-2025-10-2",
        amount=500_000,
        currency="CNY",
    ),
    RefundFloatConfirmed(
        at=1_760_000_000_031,
        id="plat-0030",
        movement="FLOAT-2025-10-1",
        amount=1_000_000,
        currency="CNY",
    ),
    RefundFloatReversed(
        at=1_760_000_000_036, id="inst-0034", movement="FLOAT-2025-10-2", reason="stated twice"
    ),
)
