"""Amendments in random business: around legs in every state, and the sums hold ever after."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar

import pytest

from ledger.batch import Batch
from ledger.block import Tip
from ledger.books import Balance
from ledger.contracts import decode_record
from ledger.contracts.allocation import FormerLeg, Leg
from ledger.contracts.halves import Capture, Instruction, payment_state
from ledger.contracts.payments import SplitAmended
from ledger.contracts.payouts import RETURNED, Payout
from ledger.contracts.receivers import Bucket, Receiver
from ledger.contracts.refunded import RefundedPayment
from ledger.entry import APPLIED
from ledger.state import Overlay, Row
from simulator.keys import MORNING_MS
from simulator.plan import Plan
from simulator.rehearsal import Rehearsal
from simulator.workload import RawRecord, Workload

R = TypeVar("R", bound=Row)
Place = tuple[str, int]


class Seen(NamedTuple):
    """What stands after some rehearsals, and what amendments met in them."""

    views: list[Overlay]
    met: Counter[str]


class Amended(Workload):
    """Notes how far the money of payments was whose amendment was applied."""

    before: dict[bytes, set[str]]
    met: Counter[str]

    def answered(self, said: RawRecord, outcome: str, *, in_log: bool) -> None:
        if outcome == APPLIED:
            self.met.update(self.before.get(said.raw, ()))
        super().answered(said, outcome, in_log=in_log)


def how_far(view: Overlay, record: SplitAmended) -> set[str]:
    """Return in which states legs are, and what an amendment does beside those in a payout."""
    legs = legs_of(view, record.payment)
    buckets = [view.get(Bucket, (leg.receiver, leg.bucket)) for leg in legs]
    payouts = [view.get(Payout, (each.payout,)) if each else None for each in buckets]
    names = {payout.state for payout in payouts if payout is not None}
    if not names:
        return {"came back"} if any(each and each.returned for each in buckets) else set()
    if any(each and each.returned and not each.payout for each in buckets):
        names.add("one came back")
    if any(each and each.returned and each.payout for each in buckets):
        names.add("one went out again")
    held = [leg for leg, payout in zip(legs, payouts, strict=True) if payout is not None]
    receivers = [view.get(Receiver, (leg.receiver,)) for leg in held]
    if any(each and each.state == "suspended" for each in receivers):
        names.add("suspended")
    more = len(record.legs) - len(legs)
    return {*names, record.mode, "more" if more > 0 else "fewer" if more else "as many"}


def legs_of(view: Overlay, payment: str) -> list[Leg]:
    found = view.get(Instruction, (payment,))
    numbers = range(1, 0 if found is None else found.leg_count + 1)
    rows = [view.get(Leg, (payment, number)) for number in numbers]
    return [leg for leg in rows if leg is not None]


@pytest.fixture(scope="module")
def seen() -> Seen:
    met: Counter[str] = Counter()
    return Seen([rehearsed(seed, met) for seed in range(1, 7)], met)


def rehearsed(seed: int, met: Counter[str]) -> Overlay:
    plan, before = Plan(seed=seed, records=2500), dict[bytes, set[str]]()

    def look(view: Overlay, tip: Tip, time_ms: int, batches: Sequence[Batch]) -> None:
        for raw in (raw for batch in batches for raw in batch.records):
            record = decode_record(raw)
            if isinstance(record, SplitAmended):
                before[raw] = how_far(view, record)

    rehearsal = Rehearsal(plan, look)
    workload = Amended(plan, rehearsal.genesis, MORNING_MS, wrong_ppm=50_000)
    workload.before, workload.met = before, met
    rehearsal.workload = workload
    rehearsal.run()
    return rehearsal.view


def test_amendments_leave_legs_in_every_state_as_they_are(seen: Seen) -> None:
    kinds = {"suspended", "fixed", "ratio", "more", "fewer", "as many"}
    kinds |= {"created", "paid", "confirmed", "came back", "one came back", "one went out again"}
    assert kinds - set(seen.met) == set(), seen.met


def rows(view: Overlay, kind: type[R]) -> Iterator[R]:
    return (row for row in view.changes.get(kind, {}).values() if isinstance(row, kind))


def test_what_payouts_and_buckets_hold_is_the_sum_of_legs(seen: Seen) -> None:
    for view in seen.views:
        legs = list(rows(view, Leg))
        check_buckets(view, legs)
        check_payouts(view, legs)
        assert len(list(rows(view, FormerLeg))) > 5


def test_suspense_and_refunds_follow_from_the_halves(seen: Seen) -> None:
    for view in seen.views:
        check_suspense(view)
        check_refunds(view)


def check_buckets(view: Overlay, legs: list[Leg]) -> None:
    """Every bucket is the sum and the count of the legs that name it."""
    held: defaultdict[Place, list[int]] = defaultdict(list)
    for leg in legs:
        if leg.bucket:
            held[leg.receiver, leg.bucket].append(leg.amount)
    buckets = {(each.receiver, each.seq): each for each in rows(view, Bucket)}
    assert {place: (sum(parts), len(parts)) for place, parts in held.items()} == {
        place: (bucket.amount, bucket.legs) for place, bucket in buckets.items()
    }


def check_payouts(view: Overlay, legs: list[Leg]) -> None:
    """Every payout is the sum and the count of its legs, and of those that left it since."""
    for payout in rows(view, Payout):
        own = {(payout.receiver, int(seq)) for seq in payout.buckets}
        carried = [leg.amount for leg in legs if (leg.receiver, leg.bucket) in own]
        left = [
            leg.amount
            for leg in rows(view, FormerLeg)
            if (leg.receiver, leg.bucket) in own and leg.until > payout.entry
        ]
        assert payout.state == RETURNED or not left
        assert (payout.amount, payout.legs) == (sum(carried + left), len(carried + left))


def check_suspense(view: Overlay) -> None:
    """A payment's money is in suspense exactly while it is captured and not split."""
    held = {
        row.account.removeprefix("suspense:"): -row.amount
        for row in rows(view, Balance)
        if row.account.startswith("suspense:") and row.amount and not is_of_loan(view, row)
    }
    assert held == {
        capture.payment: capture.amount
        for capture in rows(view, Capture)
        if state_of(view, capture) in {"captured", "conflicting"} and not capture.waits
    }


def is_of_loan(view: Overlay, balance: Balance) -> bool:
    """Return whether a suspense account is of a loan's money, of which a part may wait."""
    capture = view.get(Capture, (balance.account.removeprefix("suspense:"),))
    return capture is not None and capture.waits


def check_refunds(view: Overlay) -> None:
    """The refunds of a payment are within its capture, while one stands."""
    for taken in rows(view, RefundedPayment):
        capture = view.get(Capture, (taken.payment,))
        assert capture is not None
        assert not capture.stands or taken.requested + taken.paid <= capture.amount


def state_of(view: Overlay, capture: Capture) -> str:
    return payment_state(capture, view.get(Instruction, (capture.payment,)))
