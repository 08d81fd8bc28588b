"""Seconds per sheet of a day, over HTTP, against a database with a million instalments.

Run with ``python -m benchmarks.sheet [loans]``; 83,334 loans of twelve instalments by default. The
database is filled directly, table by table, as :mod:`benchmarks.queries` does: nobody signs or
agrees, so what is measured is reading, the view, its JSON, and HTTP on the loopback.

A loan is due once a month, on one of 28 days, so about 3,000 are due on the date. Four in a hundred
are past due; of those one in five for more than thirty days, which its guarantor covers. Of the
date's repayments one in a hundred lacks its split, and one in a hundred failed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from benchmarks.queries import _insert_rows
from demo.stage.statistics import median
from ledger import canonical
from ledger.contracts.allocation import Leg
from ledger.contracts.halves import Capture, Instruction
from ledger.contracts.loan_rows import (
    LoanAccount,
    LoanAgreement,
    LoanEvent,
    RepaymentAttempt,
)
from ledger.contracts.loan_state import leg_texts, row_of, terms_of
from ledger.contracts.receivers import Bucket
from ledger.expectations import INSTRUCTION, MET, OPEN, Expectation
from ledger.lending.instalments import Instalment, LoanLeg
from ledger.lending.loan import open_loan
from ledger.lending.terms import Funder, Parties
from ledger.state import Row
from tests.api.lending_kit import CosignedLoans
from tests.ledger.ledger_kit import DAY, HEX, HOUR
from tests.ledger.loan_kit import FUNDERS, OWNERS, TERMS

DATE, NEXT = "2026-01-15", "2026-01-16"
DUE_DAYS, INSTALMENTS = 28, 12
LATE, LONG_LATE, ODD = 25, 5, 100
ENTRY = 20
ROUNDS = 5


class Template(NamedTuple):
    """A loan of a due day as it was disbursed, and its terms as a row has them."""

    terms: str
    instalments: tuple[Instalment, ...]


def template(day: int) -> Template:
    """Return the loan whose instalments are due on a day of the month, from September on."""
    stated = {**TERMS, "disbursed": f"2025-08-{day:02d}", "first_due": f"2025-09-{day:02d}"}
    stated["instalments"] = INSTALMENTS
    text = canonical.encode(stated).decode()
    funders = tuple(Funder(party=party, ppm=ppm) for party, ppm in FUNDERS)
    parties = Parties(funders=funders, platform="platform", guarantor="guarantor")
    return Template(text, tuple(open_loan(terms_of(text), parties).instalments))


class Portfolio:
    """What the database is to hold.

    Args:
        loans: How many loans.
        kept: The ledger, whose receivers are registered.
        date: Up to which date instalments are paid.
    """

    def __init__(self, loans: int, kept: CosignedLoans, date: str) -> None:
        self.loans = loans
        self._kept = kept
        self._date = date
        self._templates = [template(day) for day in range(1, DUE_DAYS + 1)]
        self._buckets: dict[str, list[int]] = {}

    def rows(self) -> Iterator[Row]:
        """Yield every row of the loans and of their repayments."""
        for number in range(self.loans):
            yield from self._loan(number)
        for receiver, (amount, legs) in self._buckets.items():
            yield Bucket(receiver, 1, DATE, "T+1", amount, legs)

    def _loan(self, number: int) -> Iterator[Row]:
        name, made = f"L{number:07d}", self._templates[number % DUE_DAYS]
        due = [each.due.isoformat() for each in made.instalments]
        paid = sum(day <= self._date for day in due)
        if number % LATE == 1:
            paid -= 2 if number % (LATE * LONG_LATE) == 1 else 1
        elif due[paid - 1] == DATE and number // DUE_DAYS % ODD == 0:
            paid -= 1
            yield _failed(name, made.instalments[paid].open)
        yield from self._stated(name, made, paid, due)
        for each in made.instalments:
            whole = each.number <= paid
            settled = tuple(replace(c, open=0) for c in each.claims) if whole else each.claims
            whole_on = each.due if whole else None
            yield row_of(name, replace(each, claims=settled, whole_on=whole_on))
        for each in made.instalments[:paid]:
            yield from self._repayment(name, each, number // DUE_DAYS % ODD == 1)

    def _stated(self, name: str, made: Template, paid: int, due: list[str]) -> Iterator[Row]:
        yield LoanAgreement(
            loan=name,
            state="active",
            borrower=HEX,
            currency="CNY",
            principal=TERMS["principal"],
            platform="platform",
            guarantor="guarantor",
            funders=tuple(f"{party}:{ppm}" for party, ppm in FUNDERS),
            beneficiaries=tuple(f"{owner}:{owner}-main" for owner in OWNERS),
            terms=made.terms,
            proposal=HEX,
            entry=ENTRY,
            last_entry=ENTRY,
        )
        yield LoanAccount(
            loan=name,
            currency="CNY",
            disbursed="2025-08-01",
            latest=due[paid - 1] if paid else "2025-08-01",
            method="equal-instalment",
            regular=0,
            numbers=(f"1-{INSTALMENTS}",),
            numbered=INSTALMENTS,
            records=paid,
            settled=paid,
            due_from=due[paid],
            open_principal=0,
            bank_reference=HEX,
            entry=ENTRY,
            last_entry=ENTRY,
        )
        yield _event(name, 0, made.instalments[0].start.isoformat(), TERMS["principal"])

    def _repayment(self, loan: str, each: Instalment, unstated: bool) -> Iterator[Row]:
        day, payment = each.due.isoformat(), f"P-{loan}-{each.number}"
        amount, shares = each.open, _shares(each)
        legs = [LoanLeg(c.party, each.number, c.component, c.open) for c in each.claims if c.open]
        yield RepaymentAttempt(
            loan=loan,
            attempt=f"A{each.number}",
            state="succeeded",
            date=day,
            amount=amount,
            currency="CNY",
            payment=payment,
            record=each.number,
            legs=leg_texts(legs),
            shares=tuple(f"{receiver}:{part}" for receiver, part in shares.items()),
            entry=ENTRY,
            last_entry=ENTRY,
        )
        yield _event(loan, each.number, day, amount)
        if day == DATE:
            at = self._kept.business_day(day) + HOUR
            yield from self._money(
                (payment, loan, f"A{each.number}"), (amount, at), shares, unstated
            )

    def _money(
        self,
        named: tuple[str, str, str],
        captured: tuple[int, int],
        shares: dict[str, int],
        unstated: bool,
    ) -> Iterator[Row]:
        payment, loan, attempt = named
        amount, at = captured
        facts = ("bank", at, "", (), loan, attempt, "", ENTRY, True, 0)
        yield Capture(payment, payment, amount, "CNY", *facts)
        state, settled = (OPEN, -1) if unstated else (MET, ENTRY)
        sides = ("platform", "institution", amount, "CNY", ENTRY, at, at + HOUR, state, settled)
        yield Expectation(INSTRUCTION, f"payment:{payment}", *sides)
        if unstated:
            return
        count = len(shares)
        facts_of = ("fixed", 0, 0, count, loan, attempt, 0, ENTRY, True, True)
        yield Instruction(payment, payment, amount, "CNY", *facts_of)
        for number, (receiver, part) in enumerate(shares.items(), 1):
            bucket = self._buckets.setdefault(receiver, [0, 0])
            bucket[0] += part
            bucket[1] += 1
            yield Leg(payment, number, receiver, part, "repayment", 0, 1)


def _shares(each: Instalment) -> dict[str, int]:
    found: dict[str, int] = {}
    for claim in each.claims:
        if claim.open:
            receiver = f"{claim.party}-main"
            found[receiver] = found.get(receiver, 0) + claim.open
    return found


def _event(loan: str, record: int, day: str, amount: int) -> LoanEvent:
    return LoanEvent(
        loan=loan,
        record=record,
        kind="repaid" if record else "disbursed",
        date=day,
        amount=amount,
        about=f"A{record}",
        entry=ENTRY,
    )


def _failed(loan: str, amount: int) -> RepaymentAttempt:
    return RepaymentAttempt(
        loan=loan,
        attempt="A-failed",
        state="failed",
        date=DATE,
        amount=amount,
        currency="CNY",
        reason_code="insufficient-funds",
        reason="not enough money",
        entry=ENTRY,
        last_entry=ENTRY,
    )


def _measure(kept: CosignedLoans, party: str, day: str) -> str:
    """Return how long a sheet takes, and how much is in it."""
    times, used = [], []
    sheet: dict[str, Any] = {}
    for _ in range(ROUNDS):
        started, processor = time.perf_counter(), time.process_time()
        sheet = kept.sheet(party, day)
        times.append(time.perf_counter() - started)
        used.append(time.process_time() - processor)
    counts = ", ".join(
        f"{len(sheet[name]):,} {name}"
        for name in ("exceptions", "repayments", "overdue", "compensations")
    )
    shown = f"median {median(times):5.2f} s   most {max(times):5.2f} s"
    return f"{party:12} {day}   {shown}   processor {median(used):5.2f} s   {counts}"


def main(loans: int = 83_334) -> None:
    """Print one line a sheet: of the last date there is, then of the one before it."""
    for last in (DATE, NEXT):
        with tempfile.TemporaryDirectory() as folder:
            kept = CosignedLoans(Path(folder))
            kept.now = kept.business_day(last) + 12 * HOUR
            kept.apply("institution", "receiver.suspended", receiver="guarantor-main", reason="x")
            started = time.perf_counter()
            raw: Any = kept.store.engine.raw_connection()
            raw.cursor().execute("PRAGMA synchronous = OFF")
            _insert_rows(raw, kept.store, Portfolio(loans, kept, last).rows())
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            raw.close()
            print(
                f"{loans * INSTALMENTS:,} instalments, paid up to {last}: "
                f"filled in {time.perf_counter() - started:.0f} s",
                flush=True,
            )
            kept.now += DAY
            for party in ("fund-a", "guarantor", "platform", "institution"):
                print(_measure(kept, party, DATE), flush=True)
            kept.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
