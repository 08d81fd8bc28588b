"""The life of a loan, told month by month beside the second account of it.

What has to be known to tell it (what is due, what a payoff costs, how a repayment is allocated) is
asked of :mod:`demo.portfolio` alone.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from demo.loans.cast import CURRENCY, PortfolioPlan, receiver_of
from demo.loans.said import CapturedRepayment, CompensationPaid, FailedAttempt, Speech, moment
from demo.portfolio import days
from demo.portfolio.account import open_state, play
from demo.portfolio.instalment import InstalmentAccount
from demo.portfolio.loan import PortfolioAccount
from ledger.contracts.compensations import CompensationStated
from ledger.contracts.loan_agreements import LoanAccepted, LoanReplanned
from ledger.contracts.loan_funding import LoanDisbursed, LoanFunded
from ledger.contracts.loan_proposals import LoanProposed, proposal_hash
from ledger.contracts.loan_statements import LoanWaived, RepaymentFailed
from ledger.contracts.payments import PaymentCaptured
from ledger.contracts.reversals import PaymentReversed

Plain = dict[str, Any]

_REASONS = ("insufficient-funds", "account-frozen", "limit-exceeded", "no-answer")
_SAME = (
    "principal", "annual_rate_ppm", "day_count", "method", "instalments", "disbursed", "first_due",
    "due_day", "unit", "principal_grace", "fees", "penalty_ppm", "penalty_to", "grace_days",
    "early", "early_fee_ppm", "early_fee_to", "partial", "per_instalment_days", "whole_days",
    "covered", "flat_interest_falls_away", "immaterial",
)  # fmt: skip


class Life:
    """A loan while its history is told.

    Args:
        plan: The portfolio.
        number: The loan's number, from 0 on.
        case: Its terms and holders; what befalls it is written into its events.
        story: The name of the story that it lives through; none if it lives by chance.
    """

    def __init__(self, plan: PortfolioPlan, number: int, case: Plain, story: str = "") -> None:
        self.plan = plan
        self.story = story
        self.name = f"L{number + 1:05d}"
        self.case = case
        self.account = PortfolioAccount(case)
        self.speech = Speech(self.name, number)
        self.repayments: list[CapturedRepayment] = []
        self.failed: list[FailedAttempt] = []
        self.compensations: list[CompensationPaid] = []
        self._attempts = 0
        self._found()

    @property
    def latest(self) -> int:
        """The latest day of the loan's records."""
        return self.account.latest

    @property
    def is_settled(self) -> bool:
        """Whether nothing of the loan is open."""
        return self.account.is_settled(self.latest)

    def due(self, day: int) -> int:
        """Return all that is due and open as of a day."""
        loan = self.account
        return sum(loan.seen(row, day).total_open() for row in loan.due(day))

    def overdue(self, day: int) -> list[InstalmentAccount]:
        """Return the instalments due before a day of which anything is open, oldest first."""
        loan = self.account
        return [row for row in loan.due(day - 1) if loan.seen(row, day).total_open()]

    def open(self, day: int) -> list[Plain]:
        """Return what is open as of a day, by instalment, component and party."""
        return open_state(self.account, day)

    def _found(self) -> None:
        """Propose the loan, and have it accepted, paid out and funded."""
        case, terms = self.case, self.case["terms"]
        day, say = self.account.disbursed, self.speech.say
        guarantor = case["guarantor"]
        proposal = say(
            LoanProposed,
            (self.plan.platform, day),
            self._about,
            loan=self.name,
            borrower=_commitment(f"borrower of {self.name}, {self.plan.seed}"),
            currency=CURRENCY,
            funders=[{**each, "receiver": receiver_of(each["party"])} for each in case["funders"]],
            platform_receiver=receiver_of(self.plan.platform),
            terms=terms_said(terms),
            **(
                {"guarantor": {"party": guarantor, "receiver": receiver_of(guarantor)}}
                if guarantor
                else {}
            ),
        )
        self._accept(proposal_hash(proposal), day)
        paid_out = {"amount": terms["principal"], "bank_reference": _commitment(self.name)}
        said = {"loan": self.name, "date": days.write(day)}
        say(LoanDisbursed, (self.plan.institution, day), self._about, **said, **paid_out)
        lent = self.account.sum_by_party("principal", self.account.instalments)
        for party, part in lent.items():
            who, own = (party, day), (self._with(party),)
            say(LoanFunded, who, own, (self.name,), **said, amount=part)

    @property
    def _about(self) -> tuple[str, ...]:
        """The loan, and what each party says of it beside the others."""
        account = self.account
        parties = [each for each in (*account.funders, account.guarantor) if each]
        return (self.name, *map(self._with, parties))

    def _with(self, party: str) -> str:
        return f"{self.name} {party}"

    def _accept(self, proposal: str, day: int) -> None:
        """Let all that are asked accept; nothing else of the loan is said meanwhile."""
        for name in self._about[1:]:
            said, party = {"loan": self.name, "proposal": proposal}, name.partition(" ")[2]
            self.speech.say(LoanAccepted, (party, day), (name,), (self.name,), **said)

    def play(self, kind: str, day: int, **fields: Any) -> Plain:
        """Play an event on the second account, and keep it; return what it moved.

        Raises:
            ValueError: the rules refuse it: a history holds nothing that they do.
        """
        event = {"kind": kind, "date": days.write(day), **fields}
        found = play(self.account, event)
        if "refused" in found:
            raise ValueError(f"{self.name}: {event} is refused: {found['refused']}")
        self.case["events"].append(event)
        return found

    def capture(self, day: int, amount: int, said: int = 0) -> CapturedRepayment:
        """Tell of a repayment of a business date, stated on that or a later day."""
        attempt = self._next_attempt()
        found = self.play("repayment", day, id=attempt, amount=amount)
        repayment = CapturedRepayment(
            loan=self.name,
            attempt=attempt,
            day=day,
            said=max(day, said),
            amount=amount,
            legs=found["legs"],
            overpaid=found["overpaid"],
            weights=dict(self.account.funders),
        )
        self.repayments.append(repayment)
        named = {"loan": self.name, "attempt": attempt}
        self._captured((repayment.payment, repayment.order), amount, (day, repayment.said), **named)
        return repayment

    def fail(self, day: int, amount: int) -> None:
        """Tell of an attempt that failed."""
        attempt = self._next_attempt()
        reason = _REASONS[(self.speech.minute + self._attempts) % len(_REASONS)]
        self.failed.append(FailedAttempt(self.name, attempt, day, amount))
        self.speech.say(
            RepaymentFailed,
            (self.plan.institution, day),
            self._about,
            loan=self.name,
            attempt=attempt,
            amount=amount,
            date=days.write(day),
            reason_code=reason,
            reason=reason.replace("-", " "),
        )

    def reverse(self, repayment: CapturedRepayment, day: int) -> None:
        """Tell that a repayment's capture was void."""
        self.play("reversal", day, of=repayment.attempt)
        repayment.reversed = day
        self._reversed(repayment.payment, day)

    def waive(self, claim: Plain, amount: int, day: int) -> None:
        """Tell that a beneficiary waives of a claim that is open to it."""
        place = {"instalment": claim["instalment"], "component": claim["component"]}
        self.play("waiver", day, by=claim["party"], amount=amount, **place)
        who, said = (claim["party"], day), {"loan": self.name, "amount": amount, **place}
        self.speech.say(LoanWaived, who, self._about, date=days.write(day), **said)

    def replan(self, rows: list[Plain], day: int) -> None:
        """Tell that all agree on a new plan for what is unpaid."""
        self.play("replan", day, schedule=rows)
        names = self.account.fee_names
        said = [
            {**row, "number": at, "fees": [row["fees"].get(name, 0) for name in names]}
            for at, row in enumerate(rows, 1)
        ]
        for row in said:
            if not any(row["fees"]):
                del row["fees"]
        proposal = self.speech.say(
            LoanReplanned,
            (self.plan.platform, day),
            self._about,
            loan=self.name,
            date=days.write(day),
            rows=said,
        )
        self._accept(proposal_hash(proposal), day)

    def compensate(
        self, instalments: list[int] | str, day: int, paid_on: int = 0
    ) -> CompensationPaid:
        """Tell that the guarantor takes claims over as of a day.

        Args:
            instalments: Their numbers, or ``whole``.
            day: The business date.
            paid_on: When the money is there; the next day, unless it is said.
        """
        name = f"C-{self.name}-{len(self.compensations) + 1}"
        found = self.play("compensation", day, id=name, instalments=instalments)
        amount, shares = _paid(found)
        self.state_compensation(name, day, amount, instalments)
        return self.pay_compensation(name, paid_on or day + 1, amount, shares)

    def state_compensation(
        self, name: str, day: int, amount: int, instalments: list[int] | str
    ) -> None:
        """Have the guarantor state a compensation of a business date, on that day."""
        named = {} if instalments == "whole" else {"instalments": instalments}
        said = {"compensation": name, "loan": self.name, "amount": amount, **named}
        who = (str(self.account.guarantor), day)
        self.speech.say(CompensationStated, who, self._about, date=days.write(day), **said)

    def pay_compensation(
        self, name: str, day: int, amount: int, shares: dict[str, int]
    ) -> CompensationPaid:
        """Tell that the money of a compensation is there."""
        payment = f"P-{name}-{sum(each.compensation == name for each in self.compensations) + 1}"
        paid = CompensationPaid(self.name, name, payment, day, amount, shares)
        self.compensations.append(paid)
        names = (payment, payment.replace("P-", "O-", 1))
        self._captured(names, amount, (day, day), compensation=name)
        return paid

    def return_compensation(
        self, paid: CompensationPaid, day: int, *, settled: bool = True
    ) -> None:
        """Tell that the money of a compensation was void; ``settled`` if its claims had passed."""
        if settled:
            self.play("reversal", day, of=paid.compensation)
        paid.reversed = day
        self._reversed(paid.payment, day)

    def _next_attempt(self) -> str:
        self._attempts += 1
        return f"A{self._attempts:02d}"

    def _captured(
        self, names: tuple[str, str], amount: int, days_of: tuple[int, int], **named: str
    ) -> None:
        payment, order = names
        day, said = days_of
        self.speech.say(
            PaymentCaptured,
            (self.plan.institution, said),
            (*self._about, payment),
            payment=payment,
            order=order,
            amount=amount,
            currency=CURRENCY,
            channel="bank",
            captured_at=moment(day, self.speech.minute),
            **named,
        )

    def _reversed(self, payment: str, day: int) -> None:
        who, date = (self.plan.institution, day), days.write(day)
        said = {"payment": payment, "reason": "the bank took the debit back", "date": date}
        self.speech.say(PaymentReversed, who, (*self._about, payment), **said)


def _paid(found: Plain) -> tuple[int, dict[str, int]]:
    shares: dict[str, int] = {}
    for leg in found["legs"]:
        shares[leg["party"]] = shares.get(leg["party"], 0) + leg["amount"]
    return sum(shares.values()), dict(sorted(shares.items()))


def terms_said(terms: Plain) -> Plain:
    """Return the terms of a case as a proposal states them."""
    said = {name: terms[name] for name in _SAME if name in terms}
    said["order"] = {"components": terms["order"], "by": terms["by"]}
    second = terms["second_order"]
    if second:
        said["second_order"] = {"components": second["order"], "by": second["by"]}
        said["second_order_days"] = second["days"]
    if terms["stated"]:
        names = [fee["name"] for fee in terms["fees"]]
        said["stated"] = [
            {**row, "number": at, "fees": [row["fees"][name] for name in names]}
            for at, row in enumerate(terms["stated"], 1)
        ]
        said["fees"] = [{"name": fee["name"], "to": fee["to"]} for fee in terms["fees"]]
    return said


def _commitment(text: str) -> str:
    return sha256(text.encode()).hexdigest()
