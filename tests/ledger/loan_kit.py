"""A consortium that lends, and shorthands for what is said of a loan."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Any

from ledger import canonical
from ledger.contracts import decode_record
from ledger.contracts.loan_proposals import proposal_hash
from ledger.contracts.loan_rows import (
    LoanAccount,
    LoanAgreement,
    LoanInstalment,
    RepaymentAttempt,
)
from ledger.contracts.loan_state import loan_of
from ledger.genesis import Genesis, Member, found
from ledger.lending.loan import Loan
from tests.ledger.ledger_kit import CREATED_AT, HEX, HOUR, Ledger, signer

ROLES = {
    "platform": "platform",
    "institution": "institution",
    "fund-a": "funder",
    "fund-b": "funder",
    "fund-c": "funder",
    "guarantor": "guarantor",
}
FUNDERS = (("fund-a", 500_000), ("fund-b", 300_000), ("fund-c", 200_000))
OWNERS = ("fund-a", "fund-b", "fund-c", "guarantor", "platform")

TERMS: dict[str, Any] = {
    "annual_rate_ppm": 120_000,
    "day_count": "30/360",
    "disbursed": "2026-01-05",
    "first_due": "2026-02-05",
    "instalments": 6,
    "method": "equal-instalment",
    "partial": "reduce",
    "penalty_ppm": 100_000,
    "per_instalment_days": 30,
    "principal": 600_000,
    "unit": 100,
    "whole_days": 60,
    "fees": [{"name": "service", "to": "platform", "yearly_ppm": 12_000}],
}


def lending_genesis(others: Mapping[str, str] | None = None, **choices: object) -> Genesis:
    """Return a genesis of six parties, and others by role: three lend, one guarantees."""
    members = tuple(
        Member(key=b64encode(signer(name).public_key).decode(), name=name, role=role)  # type: ignore[arg-type]
        for name, role in {**ROLES, **(others or {})}.items()
    )
    return found("lending", members, 4, CREATED_AT, **choices)


def proposed(loan: str = "L1", **fields: Any) -> dict[str, Any]:
    """Return the fields of a proposal of six instalments, lent by three."""
    terms = {**TERMS, **fields.pop("terms", {})}
    whole = {
        "loan": loan,
        "borrower": HEX,
        "currency": "CNY",
        "funders": [
            {"party": party, "ppm": ppm, "receiver": f"{party}-main"} for party, ppm in FUNDERS
        ],
        "guarantor": {"party": "guarantor", "receiver": "guarantor-main"},
        "platform_receiver": "platform-main",
        "terms": {name: value for name, value in terms.items() if value is not None},
        **fields,
    }
    return {name: value for name, value in whole.items() if value is not None}


class Lending(Ledger):
    """A ledger whose parties lend. Business dates are those that records state."""

    def register_all(self) -> None:
        """Register a receiver of each party that loans are paid back to."""
        for owner in OWNERS:
            self.register(f"{owner}-main", owner=owner)

    def propose(self, loan: str = "L1", **fields: Any) -> str:
        """State a proposal; return its hash."""
        raw = self.record("loan.proposed", proposed(loan, **fields))
        done = self.run(self.seal("platform", [raw]))
        assert [str(refused) for _, refused in done.refusals] == []
        return proposal_hash(decode_record(raw))

    def accept(self, proposal: str, loan: str = "L1") -> None:
        """Have all that are asked accept a proposal."""
        for party in self.row(LoanAgreement, loan).names:
            self.apply(party, "loan.accepted", loan=loan, proposal=proposal)

    def lend(self, loan: str = "L1", **fields: Any) -> None:
        """Propose, accept, disburse and fund a loan."""
        self.accept(self.propose(loan, **fields), loan)
        agreement = self.row(LoanAgreement, loan)
        day = self.terms(loan)["disbursed"]
        self.on(day)
        self.apply(
            "institution",
            "loan.disbursed",
            loan=loan,
            amount=agreement.principal,
            date=day,
            bank_reference=HEX,
        )

    def terms(self, loan: str = "L1") -> dict[str, Any]:
        return dict(canonical.parse(self.row(LoanAgreement, loan).terms.encode()))

    def on(self, day: str) -> int:
        """Let a business date have begun; return a time of it."""
        at = self.genesis.calendar.starts_at_ms(date.fromisoformat(day)) + HOUR
        self.now = max(self.now, at)
        return at

    def repay_fields(self, attempt: str, amount: int, day: str, **fields: Any) -> dict[str, Any]:
        """Return the fields of a capture of a repayment."""
        return {
            "payment": f"P-{attempt}",
            "order": f"O-{attempt}",
            "amount": amount,
            "currency": "CNY",
            "channel": "bank",
            "captured_at": self.on(day),
            "loan": "L1",
            "attempt": attempt,
            **fields,
        }

    def repay(self, attempt: str, amount: int, day: str, **fields: Any) -> RepaymentAttempt:
        """Capture a repayment; return its attempt."""
        stated = self.repay_fields(attempt, amount, day, **fields)
        self.apply("institution", "payment.captured", **stated)
        return self.row(RepaymentAttempt, stated["loan"], attempt)

    def split_fields(self, attempt: RepaymentAttempt, **fields: Any) -> dict[str, Any]:
        """Return the fields of the split that the ledger wants of a repayment."""
        pairs = [text.rsplit(":", 1) for text in attempt.shares]
        stated: dict[str, Any] = {
            "payment": attempt.payment,
            "order": attempt.payment.replace("P-", "O-"),
            "amount": attempt.amount,
            "currency": attempt.currency,
            "mode": "fixed",
            "legs": [
                {"leg": number, "receiver": receiver, "purpose": "repayment", "amount": int(part)}
                for number, (receiver, part) in enumerate(pairs, 1)
            ],
            "loan": attempt.loan,
            "attempt": attempt.attempt,
        }
        if attempt.overpaid:
            stated["overpaid"] = attempt.overpaid
        return {**stated, **fields}

    def split_repayment(self, attempt: RepaymentAttempt, **fields: Any) -> int:
        return self.apply("platform", "split.instructed", **self.split_fields(attempt, **fields))

    def compensation_fields(self, payment: str, amount: int, day: str, **fields: Any) -> Any:
        """Return the fields of a capture of a guarantor's money."""
        stated = self.repay_fields(payment, amount, day, **fields)
        return {name: value for name, value in stated.items() if name not in ("loan", "attempt")}

    def compensable(self, day: str, **fields: Any) -> int:
        """Return what the guarantor has to pay, as a refusal tells."""
        self.on(day)
        refused = self.refuse(
            "compensation-differs",
            "guarantor",
            "compensation.stated",
            **{"compensation": "C1", "loan": "L1", "amount": 1, "date": day, **fields},
        )
        return int(refused.expected.split(" ")[0])

    def loan(self, name: str = "L1") -> Loan:
        """Return a loan as the rules see it."""
        agreement, account = self.row(LoanAgreement, name), self.row(LoanAccount, name)
        return loan_of(agreement, account, partial(self._instalment, name))

    def _instalment(self, name: str, number: int) -> LoanInstalment | None:
        return self.view.get(LoanInstalment, (name, number))

    def open_of(self, name: str = "L1") -> dict[str, int]:
        """Return what is open of a loan to each party."""
        found: dict[str, int] = {}
        for instalment in self.loan(name).instalments:
            for claim in instalment.claims:
                found[claim.party] = found.get(claim.party, 0) + claim.open
        return {party: amount for party, amount in found.items() if amount}


class LoanLedger(Lending):
    """A lending ledger in memory, with its receivers."""

    def __init__(self, genesis: Genesis | None = None) -> None:
        super().__init__(genesis or lending_genesis())
        self.register_all()
