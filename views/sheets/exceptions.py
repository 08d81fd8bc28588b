"""Exceptions of a sheet: what some party has to act on, of the date or of an earlier one.

Halves of a payment make one exception a payment, what is due and not paid out one a receiver's
date, a payout one. What is awaited in time is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from msgspec.structs import replace

from ledger import expectations
from ledger.contracts.disputes import STANDING, Dispute
from ledger.contracts.halves import Capture, Instruction
from ledger.contracts.loan_rows import LoanCompensation, RepaymentAttempt
from ledger.contracts.loan_state import legs_of
from ledger.contracts.payouts import Payout
from ledger.contracts.receivers import ACTIVE, Bucket
from ledger.expectations import (
    ARRIVAL,
    CAPTURE,
    COMPENSATION,
    INSTRUCTION,
    PAYOUT_RESULT,
    REVERSAL,
    Expectation,
    ExpectationKind,
)
from ledger.genesis import Genesis
from ledger.state import Walk
from views.reader import Reader, walked
from views.sheets.money import Tracing
from views.sheets.part import Part, Point
from views.sheets.repayments import Traced, by_payment, every_position, is_own
from views.sheets.views import CompensationLine, ExceptionKind, ExceptionLine
from views.timeline import entry_views

_CHUNK = 500
_HALVES: tuple[ExpectationKind, ...] = (INSTRUCTION, CAPTURE, REVERSAL)
_OF_HALVES: dict[str, ExceptionKind] = {
    CAPTURE: "capture-not-stated",
    REVERSAL: "reversal-unanswered",
}


class Exceptions:
    """Finds the exceptions of a sheet.

    Args:
        reader: The snapshot.
        genesis: The consortium.
        matter: Whose part, and as of when.
        tracing: Where money is.
    """

    def __init__(
        self, reader: Reader, genesis: Genesis, matter: tuple[Part, Point], tracing: Tracing
    ) -> None:
        self._reader = reader
        self._genesis = genesis
        self._part, self._point = matter
        self._tracing = tracing
        self._platform = genesis.sole("platform")
        self._institution = genesis.sole("institution")

    def find(
        self, found: list[Traced], compensations: Iterable[CompensationLine]
    ) -> list[ExceptionLine]:
        """Return all exceptions, the oldest first, each with the record that began it.

        Args:
            found: The repayments of the date.
            compensations: What is to compensate, or stated and not paid.
        """
        lines = [
            *self._of_the_date(found),
            *self._of_earlier_halves(by_payment(found)),
            *self._of_payouts(found),
            *self._of_compensations(compensations),
            *self._of_disputes(found),
        ]
        lines = [replace(each, age=max(0, self._point.as_of_ms - each.since)) for each in lines]
        lines.sort(key=lambda each: (each.since, each.kind, each.loan, each.payment, each.payout))
        return _with_records(self._reader, lines)

    def _of_the_date(self, found: Iterable[Traced]) -> Iterator[ExceptionLine]:
        """Yield what is wrong with the halves of the date's repayments, and what is in suspense."""
        for attempt, money, line in found:
            if money is None or money.capture is None or attempt.state != "succeeded":
                continue
            matter = {
                "loan": attempt.loan,
                "attempt": attempt.attempt,
                "payment": attempt.payment,
                "currency": attempt.currency,
            }
            since = money.since or money.capture.captured_at
            amount = self._part.in_question(line.captured, attempt.amount, self._platform)
            if money.trouble is not None and amount:
                half = money.capture if money.instruction is None else money.instruction
                yield _line(
                    money.trouble,
                    self._platform,
                    amount,
                    since,
                    **matter,
                    detail=money.detail,
                    entry=half.entry,
                )
            yield from self._suspended(attempt, money.positions, matter, line.suspended)

    def _suspended(
        self, attempt: RepaymentAttempt, positions: Iterable[Any], matter: dict[str, str], own: int
    ) -> Iterator[ExceptionLine]:
        waiting = [each for each in positions if each.trouble == "waits-in-suspense"]
        for each in waiting:
            receiver = self._part.receivers.get(each.leg.receiver)
            resumed = receiver is not None and receiver.state == ACTIVE
            acting = self._platform if resumed else self._institution
            amount = self._part.in_question(
                each.leg.amount if is_own(each, self._part) else 0, each.leg.amount, acting
            )
            if amount:
                since = self._since(attempt)
                yield _line(
                    "waits-in-suspense",
                    acting,
                    amount,
                    since,
                    **matter,
                    receiver=each.leg.receiver,
                    entry=attempt.entry,
                )

    def _since(self, attempt: RepaymentAttempt) -> int:
        return self._genesis.calendar.starts_at_ms(date.fromisoformat(attempt.date))

    def _unmet(self, kinds: Iterable[ExpectationKind]) -> Iterator[Expectation]:
        """Yield what of some kinds is awaited of anybody, is known, and late or conflicting."""
        point = self._point
        for kind in kinds:
            for state in (expectations.CONFLICTING, expectations.OPEN):
                for party in self._genesis.names:
                    walk = Walk({"state": state, "awaited": party, "kind": kind}, ("subject",))
                    for row in walked(self._reader, Expectation, walk):
                        late = expectations.status(row, point.as_of_ms) != expectations.OPEN
                        if late and row.opened_entry < point.known.size:
                            yield row

    def _of_earlier_halves(self, shown: Mapping[str, Traced]) -> Iterator[ExceptionLine]:
        """Yield what is wrong with the halves of repayments of earlier dates."""
        rows = {
            (row.kind, row.subject.partition(":")[2]): row
            for row in self._unmet(_HALVES)
            if row.subject.partition(":")[2] not in shown or row.kind == REVERSAL
        }
        keys = [(payment,) for _, payment in rows]
        captures = self._reader.rows_under(Capture, keys)
        instructions = self._reader.rows_under(Instruction, keys)
        named = {}
        for (payment,) in keys:
            half = captures.get((payment,)) or instructions.get((payment,))
            if half is not None and half.loan:
                named[payment] = (half.loan, half.attempt)
        attempts = self._reader.rows_under(RepaymentAttempt, named.values())
        for (kind, payment), row in rows.items():
            if payment in named:
                yield from self._earlier(row, kind, payment, attempts.get(named[payment]), named)

    def _earlier(
        self,
        row: Expectation,
        kind: str,
        payment: str,
        attempt: RepaymentAttempt | None,
        named: Mapping[str, tuple[str, str]],
    ) -> Iterator[ExceptionLine]:
        if attempt is not None and attempt.date > self._point.day:
            return
        own = row.amount
        if not self._part.whole:
            legs = () if attempt is None else (*legs_of(attempt.legs), *legs_of(attempt.ahead))
            own = sum(leg.amount for leg in legs if self._part.claims(leg.party))
        amount = self._part.in_question(own, row.amount, row.awaited)
        conflicts = row.state == expectations.CONFLICTING
        name = _OF_HALVES.get(kind, "split-differs" if conflicts else "split-not-stated")
        if amount:
            loan, number = named[payment]
            yield _line(
                "split-differs" if conflicts else name,
                row.awaited,
                amount,
                row.opened_at,
                loan=loan,
                attempt=number,
                payment=payment,
                currency=row.currency,
                detail=row.detail,
                entry=row.opened_entry,
            )

    def _of_payouts(self, found: Iterable[Traced]) -> Iterator[ExceptionLine]:
        """Yield what is due to own receivers and not paid out, and payouts without their end."""
        own = [each for each in every_position(found) if is_own(each, self._part)]
        buckets = {
            (each.bucket.receiver, each.bucket.seq): each.bucket
            for each in own
            if each.bucket is not None and each.payout is None
        }
        payouts = {each.payout.payout: each.payout for each in own if each.payout is not None}
        if not self._point.is_past:
            for name in self._part.receivers:
                due = self._reader.due_buckets(None, name, name)
                buckets.update(((row.receiver, row.seq), row) for row in due)
        payouts.update((row.payout, row) for row in self._awaited_payouts(payouts))
        self._tracing.read_payouts(payouts.values())
        for bucket in buckets.values():
            yield from self._of_bucket(bucket)
        for payout in payouts.values():
            yield from self._of_payout(payout)

    def _awaited_payouts(self, known: Mapping[str, Payout]) -> list[Payout]:
        """Return further payouts to own receivers of which something is late or contested."""
        names = {row.subject.partition(":")[2] for row in self._unmet((PAYOUT_RESULT, ARRIVAL))}
        rows = self._reader.rows_under(Payout, [(name,) for name in sorted(names - {*known})])
        size = self._point.known.size
        return [
            row
            for row in rows.values()
            if row.receiver in self._part.receivers and row.last_entry < size
        ]

    def _of_bucket(self, bucket: Bucket) -> Iterator[ExceptionLine]:
        trouble = self._tracing.bucket_trouble(bucket)
        receiver = self._part.receivers.get(bucket.receiver)
        if trouble is None or receiver is None or bucket.business_date > self._point.day:
            return
        due = self._tracing.due_date(bucket)
        yield _line(
            trouble,
            self._institution,
            bucket.amount,
            self._genesis.calendar.starts_at_ms(date.fromisoformat(due)),
            receiver=bucket.receiver,
            payout=bucket.returned,
            currency=receiver.currency,
            entry=self._returned_entry(bucket.returned),
        )

    def _returned_entry(self, payout: str) -> int:
        row = self._reader.row(Payout, (payout,)) if payout else None
        return -1 if row is None else row.last_entry

    def _of_payout(self, payout: Payout) -> Iterator[ExceptionLine]:
        trouble = self._tracing.payout_trouble(payout)
        if trouble is None:
            return
        kind = PAYOUT_RESULT if trouble == "payout-without-result" else ARRIVAL
        awaited = self._tracing.awaited(kind, f"payout:{payout.payout}")
        if awaited is None:
            return
        yield _line(
            trouble,
            awaited.awaited,
            payout.amount,
            awaited.opened_at,
            receiver=payout.receiver,
            payout=payout.payout,
            currency=payout.currency,
            detail=awaited.detail if trouble == "arrival-differs" else "",
            entry=payout.last_entry,
        )

    def _of_compensations(self, lines: Iterable[CompensationLine]) -> Iterator[ExceptionLine]:
        lines = list(lines)
        starts = self._genesis.calendar.starts_at_ms
        names = [each.compensation for each in lines if each.compensation]
        keys = [(COMPENSATION, f"compensation:{name}") for name in names]
        awaited = self._reader.rows_under(Expectation, keys)
        stated = self._reader.rows_under(LoanCompensation, [(name,) for name in names])
        for each in lines:
            facts = {"loan": each.loan, "currency": each.currency, "entry": each.entries[-1]}
            since = starts(date.fromisoformat(each.since))
            if each.state == "due":
                yield _line("compensation-due", each.guarantor, each.due, since, **facts)
                continue
            row = awaited.get((COMPENSATION, f"compensation:{each.compensation}"))
            facts |= {"compensation": each.compensation}
            facts |= {"payment": stated[each.compensation,].payment}
            if each.state == "conflicting":
                detail = "" if row is None else row.detail
                yield _line(
                    "compensation-differs",
                    each.guarantor,
                    each.unpaid,
                    since,
                    **facts,
                    detail=detail,
                )
            elif row is not None and self._point.as_of_ms > row.due_at:
                yield _line("compensation-unpaid", row.awaited, each.unpaid, row.opened_at, **facts)

    def _of_disputes(self, found: Iterable[Traced]) -> Iterator[ExceptionLine]:
        """Yield the disputes that stand about the date's repayments and their payouts."""
        shown = list(found)
        amounts = {f"payment:{name}": each.line for name, each in by_payment(shown).items()}
        payouts = {
            f"payout:{each.payout.payout}": each.payout
            for each in every_position(shown)
            if each.payout is not None and is_own(each, self._part)
        }
        subjects = sorted({*amounts, *payouts})
        for start in range(0, len(subjects), _CHUNK):
            about = subjects[start : start + _CHUNK]
            rows = self._reader.rows_among(Dispute, {"subject": about, "state": STANDING})
            for row in rows:
                if row.entry < self._point.known.size:
                    line, payout = amounts.get(row.subject), payouts.get(row.subject)
                    yield self._disputed(row, line, payout)

    def _disputed(self, row: Dispute, line: Any, payout: Payout | None) -> ExceptionLine:
        entry = entry_views(self._reader, self._reader_entry(row.entry))
        facts = {
            "loan": "" if line is None else line.loan,
            "attempt": "" if line is None else line.attempt,
            "payment": "" if line is None else line.payment,
            "payout": "" if payout is None else payout.payout,
            "currency": line.currency if payout is None else payout.currency,
        }
        amount = line.captured if payout is None else payout.amount
        since = entry[0].time if entry else self._point.as_of_ms
        return _line(
            "disputed", row.against, amount, since, **facts, detail=row.reason, entry=row.entry
        )

    def _reader_entry(self, index: int) -> Any:
        return [entry for entry in self._reader.entries(index, 1) if entry.index == index]


def _line(kind: ExceptionKind, party: str, amount: int, since: int, **facts: Any) -> ExceptionLine:
    return ExceptionLine(kind=kind, party=party, amount=amount, since=since, age=0, **facts)


def _with_records(reader: Reader, lines: Iterable[ExceptionLine]) -> list[ExceptionLine]:
    """Return exceptions with the record that began each, and the command that proves it."""
    found = []
    for each in lines:
        entries = reader.entries(each.entry, 1) if each.entry >= 0 else ()
        for entry in entries:
            command = f"tongzhang receipt {entry.id} --party {entry.party}"
            each = replace(each, author=entry.party, record=entry.id, receipt=command)
        found.append(each)
    return found
