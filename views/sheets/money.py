"""Money of payments by what is known: both halves, each leg, its bucket and payout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from ledger import expectations
from ledger.contracts.allocation import Leg
from ledger.contracts.halves import Capture, Instruction, PaymentState, payment_state
from ledger.contracts.loan_rows import RepaymentAttempt
from ledger.contracts.payouts import LegState, Payout, leg_state
from ledger.contracts.receivers import Bucket
from ledger.expectations import ARRIVAL, INSTRUCTION, PAYOUT_RESULT, Expectation
from ledger.genesis import Genesis
from views.calendars import DueDates
from views.reader import Reader
from views.sheets.former import BucketsBefore, Halves, halves_before
from views.sheets.part import Point
from views.sheets.views import ExceptionKind

SUSPENDED: Final = "suspended"
PositionState = Literal[LegState, "suspended"]


class Position(NamedTuple):
    """A leg, how far its money has got, and what of that is wrong if anything is."""

    leg: Leg
    state: PositionState
    bucket: Bucket | None
    payout: Payout | None
    trouble: ExceptionKind | None


class Money(NamedTuple):
    """A payment: its halves, how they stand, what is wrong with them, and the legs if they agree.

    ``since`` is when what is awaited of them was opened, in ms.
    """

    state: PaymentState
    capture: Capture | None
    instruction: Instruction | None
    positions: tuple[Position, ...]
    trouble: ExceptionKind | None
    detail: str
    since: int


class Tracing:
    """Finds out where money is, in bulk.

    Args:
        reader: The snapshot.
        genesis: The consortium.
        point: As of when.
    """

    def __init__(self, reader: Reader, genesis: Genesis, point: Point) -> None:
        self._reader = reader
        self._genesis = genesis
        self._point = point
        self._dates = DueDates(reader, genesis)
        self._awaited: dict[tuple[str, str], Expectation] = {}

    def money_of(self, attempts: Sequence[RepaymentAttempt]) -> dict[str, Money]:
        """Return where the money of repayments is, by payment."""
        halves = self._halves({each.payment: each for each in attempts if each.payment})
        agreed = [leg for each in halves.values() if _state(each) == "split" for leg in each.legs]
        dates = {each.payment: each.date for each in attempts}
        buckets, payouts = self._places(agreed, dates)
        self._read_awaited(halves, payouts)
        found = {}
        for payment, each in halves.items():
            state = _state(each)
            legs = each.legs if state == "split" else ()
            positions = tuple(self._position(leg, buckets, payouts) for leg in legs)
            found[payment] = Money(
                state, each.capture, each.instruction, positions, *self._of_halves(payment, state)
            )
        return found

    def bucket_trouble(self, bucket: Bucket) -> ExceptionKind | None:
        """Return what is wrong with what is due to a receiver and in no payout."""
        if bucket.returned:
            return "payout-returned"
        due, _ = self._dates.of(bucket)
        return "not-paid-out" if due < self._point.today else None

    def due_date(self, bucket: Bucket) -> str:
        """Return when a bucket falls due."""
        return self._dates.of(bucket)[0]

    def payout_trouble(self, payout: Payout) -> ExceptionKind | None:
        """Return what is wrong with a payout."""
        if payout.state == "conflicting":
            return "arrival-differs"
        if payout.state == "created" and self._is_late(PAYOUT_RESULT, f"payout:{payout.payout}"):
            return "payout-without-result"
        if payout.state == "paid" and self._is_late(ARRIVAL, f"payout:{payout.payout}"):
            return "arrival-not-confirmed"
        return None

    def read_payouts(self, payouts: Iterable[Payout]) -> None:
        """Read what is awaited of payouts, in bulk, before it is asked for."""
        self._read_awaited({}, {(each.payout,): each for each in payouts})

    def awaited(self, kind: str, subject: str) -> Expectation | None:
        """Return what was read of what is awaited."""
        return self._awaited.get((kind, subject))

    def _halves(self, attempts: Mapping[str, RepaymentAttempt]) -> dict[str, Halves]:
        reader, size = self._reader, self._point.known.size
        keys = [(payment,) for payment in attempts]
        captures = reader.rows_under(Capture, keys)
        instructions = reader.rows_under(Instruction, keys)
        legs = reader.rows_under(
            Leg,
            [
                (row.payment, number)
                for row in instructions.values()
                for number in range(1, row.leg_count + 1)
            ],
        )
        found = {}
        for payment, attempt in attempts.items():
            capture, instruction = captures.get((payment,)), instructions.get((payment,))
            rows = [row for row in (capture, instruction) if row is not None]
            if any(row.entry >= size for row in rows):
                found[payment] = halves_before(reader, attempt, size)
                continue
            count = 0 if instruction is None else instruction.leg_count
            own = tuple(legs[payment, number] for number in range(1, count + 1))
            found[payment] = Halves(capture, instruction, own)
        return found

    def _places(
        self, legs: Sequence[Leg], dates: Mapping[str, str]
    ) -> tuple[Mapping[tuple[str, int], Bucket], Mapping[tuple[str], Payout]]:
        """Return the buckets of legs, and the payouts that take them."""
        placed = [leg for leg in legs if leg.bucket]
        keys = [(leg.receiver, leg.bucket) for leg in placed]
        if self._point.is_past:
            before = BucketsBefore(self._reader, self._point.known.size)
            firsts = dict(zip(keys, placed, strict=True))
            past = {key: before.of(leg, dates[leg.payment]) for key, leg in firsts.items()}
            names = {row.payout for row in past.values() if row.payout}
            return past, {(name,): before.payouts[name] for name in names}
        found = self._reader.rows_under(Bucket, keys)
        buckets = {(row.receiver, row.seq): row for row in found.values()}
        names = {row.payout for row in buckets.values() if row.payout}
        payouts = self._reader.rows_under(Payout, [(name,) for name in sorted(names)])
        return buckets, {(row.payout,): row for row in payouts.values()}

    def _read_awaited(
        self, halves: Mapping[str, Halves], payouts: Mapping[tuple[str], Payout]
    ) -> None:
        keys = [
            (INSTRUCTION, f"payment:{payment}")
            for payment, each in halves.items()
            if _state(each) in ("captured", "conflicting")
        ]
        keys += [
            (kind, f"payout:{name}") for (name,) in payouts for kind in (PAYOUT_RESULT, ARRIVAL)
        ]
        found = self._reader.rows_under(Expectation, keys)
        self._awaited.update({(row.kind, row.subject): row for row in found.values()})

    def _is_late(self, kind: str, subject: str) -> bool:
        row = self._awaited.get((kind, subject))
        return row is not None and self._point.as_of_ms > row.due_at

    def _of_halves(
        self, payment: str, state: PaymentState
    ) -> tuple[ExceptionKind | None, str, int]:
        subject = f"payment:{payment}"
        row = self._awaited.get((INSTRUCTION, subject))
        since = 0 if row is None else row.opened_at
        if state == "conflicting":
            differs = row is not None and row.state == expectations.CONFLICTING
            return "split-differs", row.detail if row is not None and differs else "", since
        if state == "captured" and self._is_late(INSTRUCTION, subject):
            return "split-not-stated", "", since
        return None, "", since

    def _position(
        self,
        leg: Leg,
        buckets: Mapping[tuple[str, int], Bucket],
        payouts: Mapping[tuple[str], Payout],
    ) -> Position:
        bucket = buckets.get((leg.receiver, leg.bucket))
        if bucket is None:
            trouble: ExceptionKind = "waits-in-suspense"
            return Position(leg, SUSPENDED, None, None, trouble if leg.amount else None)
        payout = payouts.get((bucket.payout,)) if bucket.payout else None
        state = leg_state(leg, bucket, payout)
        wrong = self.bucket_trouble(bucket) if payout is None else self.payout_trouble(payout)
        return Position(leg, state, bucket, payout, wrong)


def _state(halves: Halves) -> PaymentState:
    return payment_state(halves.capture, halves.instruction)
