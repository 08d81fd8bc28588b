"""A real database with a small portfolio of loans, answered from by a real application."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest

from ledger.contracts.loan_rows import LoanAccount, LoanPlan, RepaymentAttempt
from ledger.genesis import Role
from tests.api.queries_kit import Kept
from tests.ledger.loan_kit import ROLES, Lending

L = TypeVar("L", bound="KeptLoans")
LOOKED_BACK = (
    "/v1/loans",
    "/v1/overdue",
    "/v1/repayments",
    "/v1/compensations/due",
    *(f"/v1/loans/L{number}" for number in range(1, 9)),
)
"""What is asked when it is the present, and again later."""


class KeptLoans(Kept, Lending):
    """A ledger of loans whose blocks are committed to a store, as a node commits them."""

    ROLES: ClassVar[dict[str, Role]] = ROLES  # type: ignore[assignment]
    VOTERS: ClassVar[int] = 4
    HOME: ClassVar[str] = "fund-a"

    def __init__(self, folder: Path, kind: str = "file", **choices: object) -> None:
        self.heights: dict[str, int] = {}
        """Heights that a test looks back to, by what had happened last."""
        self.seen: dict[str, dict[str, Any]] = {}
        """What was answered then, by the address."""
        super().__init__(folder, kind, **choices)
        self.register_all()

    def mark(self, name: str, day: str) -> None:
        """Remember a height, and what is answered now as of a date."""
        self.heights[name] = self.tip.height
        self.seen[name] = {}
        for path in LOOKED_BACK:
            response = self.client.get(path, params={"as_of": day})
            self.seen[name][path] = response.json()

    def pay(self, loan: str, number: int, amount: int, day: str) -> RepaymentAttempt:
        """Capture a repayment and state its split."""
        attempt = self.repay(f"{loan}-A{number}", amount, day, loan=loan)
        self.split_repayment(attempt)
        return attempt


def portfolio(
    folder: Path,
    kind: str = "file",
    ledger: type[L] = KeptLoans,  # type: ignore[assignment]
) -> L:
    """Return a kept ledger with eight loans.

    L1 has everything: a wrong split refused, a failed attempt, a part paid late, a waiver, a
    reversal, an instalment compensated, another one due to be, a new plan proposed. L2 has a split
    that contradicts its capture. L3 is settled with money to spare. L4 is proposed, L5 accepted, L6
    declined, L7 withdrawn and proposed anew. L8 was compensated and the borrower paid meanwhile.
    """
    kept = ledger(folder, kind)
    kept.on("2026-01-05")
    for loan in ("L1", "L2", "L3", "L8"):
        kept.lend(loan)
    _others(kept)
    kept.mark("lent", "2026-01-05")
    _funded(kept)
    _february(kept)
    _march(kept)
    kept.mark("march", "2026-03-14")
    _april(kept)
    return kept


def _others(kept: KeptLoans) -> None:
    one = [{"party": "fund-b", "ppm": 1_000_000, "receiver": "fund-b-main"}]
    kept.propose("L4", funders=one)
    kept.accept(kept.propose("L5", funders=one), "L5")
    proposal = kept.propose("L6", funders=one)
    kept.apply("fund-b", "loan.declined", loan="L6", proposal=proposal, reason="no appetite")
    kept.propose("L7")
    kept.apply("platform", "loan.withdrawn", loan="L7", reason="another amount")
    kept.mark("withdrawn", "2026-01-05")
    kept.propose("L7", terms={"principal": 700_000}, funders=one)


def _funded(kept: KeptLoans) -> None:
    kept.apply("fund-a", "loan.funded", loan="L1", amount=300_000, date="2026-01-05")
    kept.apply("fund-b", "loan.funded", loan="L1", amount=179_999, date="2026-01-05")


def _february(kept: KeptLoans) -> None:
    attempt = kept.repay("L1-A1", 104_100, "2026-02-05")
    right = kept.split_fields(attempt)
    wrong = {**right, "legs": [dict(leg) for leg in right["legs"]]}
    wrong["legs"][0]["amount"] += 1
    wrong["legs"][1]["amount"] -= 1
    kept.refuse("allocation-differs", "platform", "split.instructed", **wrong)
    kept.apply("platform", "split.instructed", **right)
    kept.pay("L8", 1, 104_100, "2026-02-05")
    _contradicted(kept)
    kept.pay("L3", 1, 700_000, "2026-02-10")


def _contradicted(kept: KeptLoans) -> None:
    """The platform instructs first, and wrongly: a fen from the first to the second funder."""
    fields = kept.repay_fields("L2-A1", 104_100, "2026-02-05", loan="L2")
    attempt = {name: fields[name] for name in ("payment", "order", "amount", "currency")}
    amounts = (51_000, 30_000, 20_400, 2_700)
    legs = [
        {"leg": number, "receiver": f"{party}-main", "purpose": "repayment", "amount": amount}
        for number, (party, amount) in enumerate(
            zip(("fund-a", "fund-b", "fund-c", "platform"), amounts, strict=True), 1
        )
    ]
    named = {"loan": "L2", "attempt": "L2-A1"}
    kept.apply("platform", "split.instructed", **attempt, mode="fixed", legs=legs, **named)
    kept.apply("institution", "payment.captured", **fields)


def _march(kept: KeptLoans) -> None:
    kept.on("2026-03-05")
    kept.apply(
        "institution",
        "repayment.failed",
        loan="L1",
        attempt="L1-A2",
        amount=104_100,
        date="2026-03-05",
        reason_code="insufficient-funds",
        reason="the balance does not suffice",
    )
    kept.pay("L1", 3, 50_000, "2026-03-10")
    kept.on("2026-03-12")
    waived = {"loan": "L1", "instalment": 2, "component": "principal", "amount": 100}
    kept.apply("fund-a", "loan.waived", **waived, date="2026-03-12")
    kept.repay("L1-A4", 30_000, "2026-03-13", loan="L1")


def _april(kept: KeptLoans) -> None:
    kept.on("2026-03-15")
    undone = {"payment": "P-L1-A4", "reason": "void", "date": "2026-03-15"}
    kept.apply("institution", "payment.reversed", **undone)
    _compensated(kept, "C1", "L1", 2, "2026-04-10")
    kept.mark("compensated", "2026-04-10")
    _raced(kept)
    kept.on("2026-04-20")
    rows = [
        {"number": 1, "due": "2026-06-05", "principal": 200_000, "interest": 9_000, "fees": [100]},
        {"number": 2, "due": "2026-07-05", "interest": 3_000, "fees": [100], "principal": 1},
    ]
    rows[1]["principal"] = kept.row(LoanAccount, "L1").open_principal - 200_000
    kept.apply("platform", "loan.replanned", loan="L1", date="2026-04-20", rows=rows)
    plan = kept.row(LoanPlan, "L1").proposal
    kept.apply("fund-a", "loan.accepted", loan="L1", proposal=plan)
    kept.apply(
        "fund-a", "dispute.raised",
        dispute="D1", subject="loan:L1", against="platform", reason="not what was agreed",
    )  # fmt: skip
    kept.apply(
        "guarantor", "dispute.raised",
        dispute="D2", subject="compensation:C2", against="platform", reason="paid already",
    )  # fmt: skip


def _compensated(kept: KeptLoans, name: str, loan: str, number: int, day: str) -> None:
    stated = {"compensation": name, "loan": loan, "instalments": [number]}
    amount = kept.compensable(day, **stated)
    kept.apply("guarantor", "compensation.stated", **stated, amount=amount, date=day)
    fields = kept.compensation_fields(name, amount, day, compensation=name, loan=loan)
    kept.apply("institution", "payment.captured", **fields)


def _raced(kept: KeptLoans) -> None:
    stated: dict[str, Any] = {"compensation": "C2", "loan": "L8", "instalments": [2]}
    amount = kept.compensable("2026-04-10", **stated)
    kept.apply("guarantor", "compensation.stated", **stated, amount=amount, date="2026-04-10")
    kept.mark("stated", "2026-04-10")
    kept.pay("L8", 2, 10_000, "2026-04-10")
    fields = kept.compensation_fields("C2", amount, "2026-04-10", compensation="C2")
    kept.apply("institution", "payment.captured", **fields)


def portfolio_on() -> Any:
    """Return a fixture that gives every module a :func:`portfolio` of its own."""

    @pytest.fixture(scope="module")
    def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptLoans]:
        made = portfolio(tmp_path_factory.mktemp("loans"))
        yield made
        made.close()

    return kept
