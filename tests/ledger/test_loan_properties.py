"""Random histories of a loan on the ledger: books, rows and the pure rules agree after each."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ledger.contracts.halves import Capture, Instruction
from ledger.contracts.loan_rows import (
    LoanAccount,
    LoanAgreement,
    LoanCompensation,
    LoanEvent,
    LoanPlan,
    RepaymentAttempt,
    numbers_of,
)
from ledger.contracts.loan_state import (
    leg_of,
    legs_of,
    parties_of,
    plan_of,
    terms_of,
)
from ledger.lending.compensation import WHOLE, Compensation, compensate, give_back
from ledger.lending.errors import LoanRefused
from ledger.lending.instalments import PRINCIPAL
from ledger.lending.loan import Loan, open_loan, replan, waive
from ledger.lending.repayment import Repayment, repay
from ledger.lending.reversal import reverse
from tests.ledger.loan_kit import FUNDERS, LoanLedger

PARTIES = (*(party for party, _ in FUNDERS), "guarantor", "platform")
RECEIVERS = tuple(f"{party}-main" for party in PARTIES)
PARTIALS = ("shorten", "reduce", None)  # the last leaves it out: next


class LoanHistory(RuleBasedStateMachine):
    """States whatever may be said of one loan, valid or refused, on days that go on."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = LoanLedger()
        self.day = date(2026, 1, 5)
        self.count = 0
        self.pure: Loan
        self.repaid: dict[int, Repayment] = {}
        self.compensated: dict[int, Compensation] = {}
        self.seen = 0

    # -- what is said ----------------------------------------------------------------------------

    @initialize(partial=st.sampled_from(PARTIALS), instalments=st.integers(1, 6))
    def lend(self, partial: str | None, instalments: int) -> None:
        self.ledger.lend(terms={"partial": partial, "instalments": instalments})
        agreement = self.ledger.row(LoanAgreement, "L1")
        self.pure = open_loan(terms_of(agreement.terms), parties_of(agreement))
        self.seen = 1

    @rule(days=st.sampled_from((1, 10, 35, 70)))
    def wait(self, days: int) -> None:
        self.day += timedelta(days=days)
        self.ledger.on(self.day.isoformat())

    @rule(amount=st.sampled_from((1, 600, 50_000, 104_100, 250_000, 620_000)), late=st.booleans())
    def repay(self, amount: int, late: bool) -> None:
        self.count += 1
        day = self.day - timedelta(days=3) if late else self.day
        fields = self.ledger.repay_fields(f"A{self.count}", amount, day.isoformat())
        self.ledger.state("institution", "payment.captured", **fields)

    @rule(data=st.data(), wrong=st.booleans())
    def split(self, data: st.DataObject, wrong: bool) -> None:
        attempt = self._attempt(data)
        if attempt is None or not attempt.shares:
            return
        fields = self.ledger.split_fields(attempt)
        if wrong:
            fields["legs"][0]["amount"] += 1
            fields["amount"] += 1
        known = self.ledger.get(Instruction, attempt.payment)
        verb = "amended" if known is not None and known.stands else "instructed"
        self.ledger.state("platform", f"split.{verb}", **fields)

    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        rows = [row for row in self._rows(Capture) if row.stands]
        if rows:
            payment = data.draw(st.sampled_from(sorted(row.payment for row in rows)))
            fields = {"payment": payment, "reason": "void", "date": self.day.isoformat()}
            self.ledger.state("institution", "payment.reversed", **fields)

    @rule(
        party=st.sampled_from(PARTIES),
        place=st.integers(0, 5),
        component=st.sampled_from(("principal", "interest", "penalty", "fee:service")),
        amount=st.sampled_from((1, 300, 20_000)),
    )
    def waive(self, party: str, place: int, component: str, amount: int) -> None:
        number = self._number(place)
        fields = {"loan": "L1", "instalment": number, "component": component, "amount": amount}
        self.ledger.state(party, "loan.waived", **fields, date=self.day.isoformat())

    @rule(places=st.lists(st.integers(0, 2), max_size=2, unique=True), off=st.booleans())
    def compensate(self, places: list[int], off: bool) -> None:
        """Have the guarantor state what is open, and sometimes another capture follow."""
        self.count += 1
        name = f"C{self.count}"
        numbers = [self._number(place) for place in places]
        try:
            found = compensate(self.loan, sorted(numbers) or WHOLE, self.day)
            amount = found.compensation.amount
        except LoanRefused:
            amount = 1
        fields = {"compensation": name, "loan": "L1", "amount": amount}
        fields |= {"date": self.day.isoformat()}
        if numbers:
            fields["instalments"] = numbers
        self.ledger.state("guarantor", "compensation.stated", **fields)
        money = self.ledger.compensation_fields(
            name, amount + off, self.day.isoformat(), compensation=name
        )
        self.ledger.state("institution", "payment.captured", **money)

    @rule(due=st.integers(5, 40), parts=st.integers(1, 4))
    def plan(self, due: int, parts: int) -> None:
        principal = self.ledger.row(LoanAccount, "L1").open_principal
        rows = [
            {
                "number": number,
                "due": (self.day + timedelta(days=due * number)).isoformat(),
                "principal": principal // parts + (principal % parts if number == parts else 0),
                "interest": 1_000,
                "fees": [10],
            }
            for number in range(1, parts + 1)
        ]
        fields = {"loan": "L1", "date": self.day.isoformat(), "rows": rows}
        if not self.ledger.state("platform", "loan.replanned", **fields).refusals:
            self.ledger.accept(self.ledger.row(LoanPlan, "L1").proposal)

    @rule(receiver=st.sampled_from(RECEIVERS), verb=st.sampled_from(("suspended", "resumed")))
    def suspend(self, receiver: str, verb: str) -> None:
        fields = {"receiver": receiver, "reason": "review"}
        self.ledger.state("institution", f"receiver.{verb}", **fields)

    @rule(data=st.data())
    def refund(self, data: st.DataObject) -> None:
        attempt = self._attempt(data)
        if attempt is not None and attempt.overpaid:
            self.count += 1
            fields = {"refund": f"R{self.count}", "payment": attempt.payment, "currency": "CNY"}
            fields["reason"] = "overpaid"
            self.ledger.state("platform", "refund.requested", **fields, amount=attempt.overpaid)

    # -- what holds after every record -----------------------------------------------------------

    @invariant()
    def the_principal_is_the_same_wherever_it_stands(self) -> None:
        ledger, account = self.ledger, self.ledger.row(LoanAccount, "L1")
        held = {party: -ledger.balance(f"funding:{party}") for party in PARTIES}
        claims = [c for each in self.loan.instalments for c in each.claims]
        opened = {
            party: sum(c.open for c in claims if (c.component, c.party) == (PRINCIPAL, party))
            for party in PARTIES
        }
        assert held == opened
        assert sum(held.values()) == account.open_principal == ledger.balance("principal:L1")

    @invariant()
    def nobody_gets_more_than_its_due(self) -> None:
        for each in self.loan.instalments:
            assert all(0 <= claim.open <= claim.due for claim in each.claims)

    @invariant()
    def the_account_says_what_the_instalments_say(self) -> None:
        account, instalments = self.ledger.row(LoanAccount, "L1"), list(self.loan.instalments)
        numbers = [each.number for each in instalments]
        assert numbers == sorted(numbers)
        whole = next((i for i, each in enumerate(instalments) if each.open), len(instalments))
        assert account.settled == whole
        due = instalments[whole].due.isoformat() if whole < len(instalments) else ""
        assert account.due_from == due
        state = self.ledger.row(LoanAgreement, "L1").state
        assert state == ("active" if due else "settled")

    @invariant()
    def suspense_is_what_is_not_due_to_a_receiver(self) -> None:
        """Of a split repayment: what is overpaid and the legs that wait, less what is refunded."""
        for attempt in self._rows(RepaymentAttempt):
            capture = self.ledger.get(Capture, attempt.payment)
            instruction = self.ledger.get(Instruction, attempt.payment)
            held = -self.ledger.balance(f"suspense:{attempt.payment}")
            if capture is None or not capture.stands:
                assert held == 0
                continue
            refunds = self.ledger.rows().get("refunds", [])
            taken = sum(r.amount for r in refunds if r.payment == attempt.payment)  # type: ignore[attr-defined]
            if instruction is None or not instruction.allocated:
                assert held == attempt.amount - taken
                continue
            legs = self.ledger.rows()["legs"]
            waits = sum(
                leg.amount  # type: ignore[attr-defined]
                for leg in legs
                if leg.payment == attempt.payment and not leg.bucket  # type: ignore[attr-defined]
            )
            assert held == attempt.overpaid + waits - taken

    @invariant()
    def a_repayment_is_allocated_whole(self) -> None:
        for attempt in self._rows(RepaymentAttempt):
            shared = sum(int(text.rpartition(":")[2]) for text in attempt.shares)
            assert shared + attempt.overpaid == attempt.amount

    @invariant()
    def the_pure_rules_make_the_same_loan_of_the_events(self) -> None:
        events = sorted(self._rows(LoanEvent), key=lambda each: each.record)
        for event in events[self.seen :]:
            self.pure = self._after(self.pure, event)
        self.seen = len(events)
        stored = self.loan
        for name in ("method", "regular", "latest", "numbered", "records"):
            assert getattr(stored, name) == getattr(self.pure, name), name
        assert list(stored.instalments) == list(self.pure.instalments)

    def _after(self, loan: Loan, event: LoanEvent) -> Loan:
        day = date.fromisoformat(event.date)
        if event.kind == "repaid":
            repaid = repay(loan, event.amount, day)
            self.repaid[event.record] = repaid.repayment
            return repaid.outcome.loan
        if event.kind == "reversed":
            return reverse(loan, self.repaid[int(event.details[0])], day).loan
        if event.kind == "waived":
            return waive(loan, leg_of(event.details[0]), day).loan
        if event.kind == "replanned":
            return replan(loan, plan_of(event.details), day).loan
        if event.kind == "compensated":
            found = compensate(loan, list(map(int, event.details)) or WHOLE, day)
            self.compensated[event.record] = found.compensation
            row = self.ledger.row(LoanCompensation, event.about)
            assert legs_of(row.legs) == found.compensation.legs
            return found.outcome.loan
        assert event.kind == "returned"
        return give_back(loan, self.compensated[int(event.details[0])], day).loan

    @property
    def loan(self) -> Loan:
        return self.ledger.loan()

    def _number(self, place: int) -> int:
        """Return the number of an instalment, from the first one on that is not whole."""
        account = self.ledger.row(LoanAccount, "L1")
        numbers = numbers_of(account.numbers)
        return numbers[min(account.settled + place, len(numbers) - 1)]

    def _rows(self, kind: type) -> list:  # type: ignore[type-arg]
        return list(self.ledger.rows().get(kind.TABLE, []))

    def _attempt(self, data: st.DataObject) -> RepaymentAttempt | None:
        found = [row for row in self._rows(RepaymentAttempt) if row.state == "succeeded"]
        return data.draw(st.sampled_from(found)) if found else None


TestLoanHistory = LoanHistory.TestCase
TestLoanHistory.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
