"""Check of portfolios: each is loaded into a ledger, and every figure of its answer key compared.

Use: ``python -m demo.loans.check --seeds 1..50 --loans 30 --months 12``. What differs is printed;
exit code 1 says that something does.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Any

from demo.loans.answer import STATES, SUMS, answer
from demo.loans.cast import CURRENCY, PortfolioPlan, owner_of, receiver_of
from demo.loans.generate import generate
from demo.loans.loaded import LoadedPortfolio
from demo.loans.splits import REFUSED
from ledger import expectations
from ledger.books import money
from ledger.contracts.allocation import Leg
from ledger.contracts.halves import Capture, Instruction, payment_state
from ledger.contracts.loan_events import LoanHistory, loan_after
from ledger.contracts.loan_rows import (
    LoanAccount,
    LoanAgreement,
    LoanCompensation,
    LoanEvent,
    LoanInstalment,
    RepaymentAttempt,
)
from ledger.contracts.loan_state import legs_of, loan_of
from ledger.contracts.payouts import Payout
from ledger.contracts.receivers import Bucket
from ledger.expectations import Expectation
from ledger.lending.loan import Loan
from ledger.lending.standing import standing

Plain = dict[str, Any]
Apart = tuple[str, Any, Any]
"""A figure that differs: its name, what the answer key says, and what the ledger holds."""


class PortfolioCheck:
    """A loaded portfolio beside its answer key.

    Args:
        key: The answer key.
        loaded: The ledger's state.
    """

    def __init__(self, key: Plain, loaded: LoadedPortfolio) -> None:
        self.compared: Counter[str] = Counter()
        self._key = key
        self._loaded = loaded
        self._end = date.fromisoformat(key["plan"]["date"])
        self._agreements = {row.loan: row for row in loaded.rows(LoanAgreement)}
        self._events: defaultdict[str, list[LoanEvent]] = defaultdict(list)
        for event in sorted(loaded.rows(LoanEvent), key=lambda row: row.record):
            self._events[event.loan].append(event)
        self._attempts = {(row.loan, row.attempt): row for row in loaded.rows(RepaymentAttempt)}

    def differences(self) -> Iterator[Apart]:
        """Yield each figure in which the answer key and the ledger differ."""
        for part in (self._loans, self._repayments, self._compensations, self._days, self._faults):
            for name, said, held in part():
                self.compared[part.__name__.strip("_")] += 1
                if said != held:
                    yield name, said, held
        for name, said in self._key["records"].items():
            held = self._loaded.records["refused"]
            if name == "stated":
                held += self._loaded.records["applied"]
            if said != held:
                yield f"records {name}", said, held

    def _loans(self) -> Iterator[Apart]:
        keyed = {each["loan"]: each for each in self._key["loans"]}
        yield "loans", sorted(keyed), sorted(self._agreements)
        for name in sorted(keyed.keys() & self._agreements.keys()):
            said, agreement, loan = keyed[name], self._agreements[name], self._loan(name)
            stands = standing(loan, self._end)
            yield f"{name} settled", said["settled"], agreement.state == "settled"
            yield f"{name} days past due", said["days_past_due"], stands.days_past_due
            yield f"{name} bucket", said["bucket"], stands.bucket
            yield f"{name} open", said["open"], self._open(loan)

    def _loan(self, name: str) -> Loan:
        account = self._loaded.get(LoanAccount, name)
        if account is None:
            raise LookupError(f"the state has no loan {name}")
        return loan_of(
            self._agreements[name],
            account,
            lambda number: self._loaded.get(LoanInstalment, name, number),
        )

    def _open(self, loan: Loan) -> Plain:
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for instalment in loan.as_of(self._end):
            for claim in instalment.claims:
                if claim.open:
                    name = "fees" if claim.component.startswith("fee:") else claim.component
                    found[claim.party][name] += claim.open
        return {party: dict(sums) for party, sums in found.items()}

    def _repayments(self) -> Iterator[Apart]:
        keyed = {(each["loan"], each["attempt"]): each for each in self._key["repayments"]}
        held = {name: row for name, row in self._attempts.items() if row.state != "failed"}
        yield "repayments", sorted(keyed), sorted(held)
        for name in sorted(keyed.keys() & held.keys()):
            said, row = keyed[name], held[name]
            payment = said["payment"]
            yield f"{payment} date", said["date"], row.date
            yield f"{payment} amount", said["amount"], row.amount
            yield f"{payment} shares", said["shares"], shares_of(row)
            yield f"{payment} overpaid", said["overpaid"], row.overpaid
            yield f"{payment} state", said["state"], self._state(payment)

    def _state(self, payment: str) -> str:
        capture = self._loaded.get(Capture, payment)
        return payment_state(capture, self._loaded.get(Instruction, payment))

    def _compensations(self) -> Iterator[Apart]:
        last = {each["compensation"]: each for each in self._key["compensations"]}
        held = {row.compensation: row for row in self._loaded.rows(LoanCompensation)}
        yield "compensations", sorted(last), sorted(held)
        for name in sorted(last.keys() & held.keys()):
            said, row = last[name], held[name]
            state = "reversed" if said["reversed"] else "settled"
            legs: Counter[str] = Counter()
            for leg in legs_of(row.legs):
                legs[leg.party] += leg.amount
            yield f"{name} state", state, row.state
            yield f"{name} amount", said["amount"], row.amount
            yield f"{name} shares", said["shares"], dict(legs)

    def _days(self) -> Iterator[Apart]:
        keyed = {(each["date"], each["party"]): each for each in self._key["days"]}
        held = self._sums()
        yield "days", sorted(keyed), sorted(held)
        for place in sorted(keyed.keys() & held.keys()):
            sums = {name: held[place][name] for name in SUMS}
            said = {name: keyed[place][name] for name in SUMS}
            yield f"{place[0]} of {place[1]}", said, sums

    def _sums(self) -> dict[tuple[str, str], Counter[str]]:
        sums: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for agreement in self._agreements.values():
            for day, party, amount in self._due(agreement):
                sums[day, party]["due"] += amount
        for row in self._attempts.values():
            agreement = self._agreements[row.loan]
            for party in (*agreement.names, agreement.platform):
                if row.state == "failed":
                    sums[row.date, party]["failed"] += row.amount
                elif row.state == "succeeded":
                    sums[row.date, party]["overpaid"] += row.overpaid
            for party, part in shares_of(row).items():
                names = ["reversed"]
                if row.state == "succeeded":
                    names = ["captured", *STATES[self._state(row.payment)]]
                sums[row.date, party].update(dict.fromkeys(names, part))
        self._add_payouts(sums)
        return {place: found for place, found in sums.items() if any(found.values())}

    def _add_payouts(self, sums: defaultdict[tuple[str, str], Counter[str]]) -> None:
        """Move what is in payouts from what is to be paid to what is under way or arrived."""
        repaid = {row.payment: row for row in self._attempts.values() if row.payment}
        for leg in self._loaded.rows(Leg):
            bucket = self._loaded.get(Bucket, leg.receiver, leg.bucket)
            payout = bucket and self._loaded.get(Payout, bucket.payout)
            if payout and leg.payment in repaid:
                moved = {"arrived" if payout.state == "confirmed" else "in_transit": leg.amount}
                place = (repaid[leg.payment].date, owner_of(leg.receiver))
                sums[place].update({**moved, "to_pay": -leg.amount})

    def _due(self, agreement: LoanAgreement) -> Iterator[tuple[str, str, int]]:
        """Yield date, party and amount due by the plan that holds on the date."""
        events = self._events[agreement.loan]
        for day in _due_dates(agreement, events, self._key["plan"]["date"]):
            known = [event for event in events if event.date <= day]
            loan = loan_after(agreement, known) if known else None
            for instalment in loan.instalments if loan else ():
                if instalment.due.isoformat() == day and not instalment.dropped:
                    for claim in instalment.claims:
                        if claim.component not in ("penalty", "early-fee") and claim.due:
                            yield day, claim.party, claim.due

    def _faults(self) -> Iterator[Apart]:
        planted = {each["record"]: each for each in self._key["faults"]}
        refused = {name for name, each in planted.items() if each["outcome"] == REFUSED}
        yield "refused", sorted(refused), sorted(self._loaded.refused)
        for name in sorted(refused & self._loaded.refused.keys()):
            said, found = planted[name], self._loaded.refused[name]
            yield f"{name} refused", REFUSED, found.code
            yield f"{name} right", [], _untold(said["right"], found.expected)
            yield f"{name} stated", [], _untold(said["stated"], found.got)
        for name in sorted(planted.keys() - refused):
            subject = f"payment:{planted[name]['payment']}"
            awaited = self._loaded.get(Expectation, expectations.INSTRUCTION, subject)
            state = "met" if planted[name]["corrected"] else "conflicting"
            yield f"{name} conflict", state, awaited and awaited.state


def _untold(shares: dict[str, int], said: str | None) -> list[str]:
    """Return the legs that one side of a refusal does not name."""
    legs = [f"{receiver_of(party)} {money(part, CURRENCY)}," for party, part in shares.items()]
    return [leg for leg in legs if leg not in f"{said},"]


def _due_dates(agreement: LoanAgreement, events: list[LoanEvent], last: str) -> list[str]:
    """Return all due dates that a plan of the loan has had, up to a last one."""
    history, found = LoanHistory(agreement), set()
    for event in events:
        history.tell(event)
        if history.loan is not None:
            found |= {each.due.isoformat() for each in history.loan.instalments}
    return sorted(day for day in found if day <= last)


def shares_of(row: RepaymentAttempt) -> dict[str, int]:
    """Return what each party gets of a repayment."""
    pairs = [text.rsplit(":", 1) for text in row.shares]
    return dict(sorted((owner_of(receiver), int(part)) for receiver, part in pairs))


def main(arguments: list[str] | None = None) -> int:
    """Check portfolios as the command line says; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo.loans.check", description=__doc__)
    parser.add_argument("--seeds", default="1..10", help="first..last, both included")
    parser.add_argument("--loans", type=int, default=60, help="loans of each portfolio")
    parser.add_argument("--months", type=int, default=12, help="months of its history")
    chosen = parser.parse_args(arguments)
    first, _, last = chosen.seeds.partition("..")
    whole: Counter[str] = Counter()
    differing, started = 0, time.monotonic()
    for seed in range(int(first), int(last or first) + 1):
        plan = PortfolioPlan(loans=chosen.loans, months=chosen.months, seed=seed)
        compared, apart = checked(plan)
        whole += compared
        differing += len(apart)
        for name, said, held in apart:
            print(f"seed {seed}: {name}\n  answer key {said}\n  ledger     {held}")
    seconds = time.monotonic() - started
    print(f"{sum(whole.values()):,} figures compared in {seconds:.0f} s, {differing} differ")
    print(", ".join(f"{name} {count:,}" for name, count in sorted(whole.items())))
    return 1 if differing else 0


def checked(plan: PortfolioPlan) -> tuple[Counter[str], list[Apart]]:
    """Return how many figures of a portfolio were compared, and those that differ."""
    portfolio = generate(plan)
    check = PortfolioCheck(answer(portfolio), LoadedPortfolio(portfolio))
    apart = list(check.differences())
    return check.compared, apart


if __name__ == "__main__":
    sys.exit(main())
