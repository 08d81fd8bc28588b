"""Ledgers on which a loan has got so far, and the fields of what may be said of it next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger.contracts.loan_rows import LoanAgreement, LoanPlan
from ledger.genesis import Limits
from tests.ledger.ledger_kit import DAY, HEX, MORNING, captured, leg, split
from tests.ledger.loan_kit import LoanLedger, lending_genesis, proposed
from tests.ledger.refund_kit import deposit

DISBURSED = "2026-01-05"
FIRST_DUE = "2026-02-05"
LATER = "2026-02-10"
LATE = "2026-03-08"
BEFORE = MORNING - DAY
AFTER = MORNING + DAY + 1


def ready() -> LoanLedger:
    return LoanLedger()


def of_few_legs() -> LoanLedger:
    """Return a ledger whose consortium allows fewer legs than a loan has beneficiaries."""
    return LoanLedger(lending_genesis(limits=Limits(legs=4)))


def pending() -> LoanLedger:
    ledger = LoanLedger()
    ledger.propose()
    return ledger


def lone() -> LoanLedger:
    """Return a ledger on which one funder is asked alone, and nobody guarantees."""
    ledger = LoanLedger()
    ledger.propose(**{**lent_by(("fund-a", 1_000_000)), "guarantor": None})
    return ledger


def asked() -> LoanLedger:
    """Return a ledger where one of four has accepted."""
    ledger = pending()
    ledger.apply("fund-a", "loan.accepted", loan="L1", proposal=PROPOSAL)
    return ledger


def in_force() -> LoanLedger:
    ledger = pending()
    ledger.accept(PROPOSAL)
    return ledger


def lending(**fields: Any) -> LoanLedger:
    ledger = LoanLedger()
    ledger.lend(**fields)
    return ledger


def unguarded() -> LoanLedger:
    """Return a ledger whose terms let the guarantor compensate nothing."""
    return late(lending(terms={"per_instalment_days": None, "whole_days": None}))


def late(ledger: LoanLedger | None = None) -> LoanLedger:
    """Return a ledger whose first instalment is longer past due than the guarantor waits."""
    ledger = ledger or lending()
    ledger.on(LATE)
    return ledger


def dated() -> LoanLedger:
    """Return a ledger whose loan had a record on a later day."""
    ledger = lending()
    ledger.repay("A1", 10_000, LATER)
    return ledger


def settled() -> LoanLedger:
    ledger = lending()
    ledger.repay("A1", 700_000, FIRST_DUE)
    return ledger


def split_already() -> LoanLedger:
    ledger = lending()
    ledger.split_repayment(ledger.repay("A1", 104_100, FIRST_DUE))
    return ledger


def replanned() -> LoanLedger:
    """Return a ledger where all but the guarantor have accepted a new schedule."""
    ledger = lending()
    ledger.on(LATER)
    ledger.apply("platform", "loan.replanned", **plan())
    proposal = ledger.row(LoanPlan, "L1").proposal
    for party in ("fund-a", "fund-b", "fund-c"):
        ledger.apply(party, "loan.accepted", loan="L1", proposal=proposal)
    return ledger


def replanned_and(amount: int, day: str) -> Callable[[], LoanLedger]:
    """Return what makes a ledger on which the borrower pays before the last has accepted."""

    def made() -> LoanLedger:
        ledger = replanned()
        ledger.repay("A1", amount, day)
        return ledger

    return made


def stated() -> LoanLedger:
    """Return a ledger whose guarantor has stated a compensation of the first instalment."""
    ledger = late()
    ledger.apply("guarantor", "compensation.stated", **compensation())
    return ledger


def guarded_by_two() -> LoanLedger:
    """Return a ledger on which one of two guarantors has stated a compensation."""
    ledger = LoanLedger(lending_genesis({"guarantor-2": "guarantor"}))
    ledger.lend()
    late(ledger).apply("guarantor", "compensation.stated", **compensation())
    return ledger


def withdrawn() -> LoanLedger:
    """Return a ledger whose guarantor has stated a compensation and withdrawn it."""
    ledger = stated()
    ledger.apply("guarantor", "compensation.withdrawn", **withdrawal())
    return ledger


def compensated() -> LoanLedger:
    ledger = stated()
    ledger.apply("institution", "payment.captured", **guaranteed())
    return ledger


def contradicted() -> LoanLedger:
    """Return a ledger whose borrower paid between the guarantor's statement and its money."""
    ledger = stated()
    ledger.repay("A1", 50_000, LATE)
    ledger.apply("institution", "payment.captured", **guaranteed())
    return ledger


def repaid_since() -> LoanLedger:
    """Return a ledger whose borrower has paid the guarantor what it had compensated."""
    ledger = compensated()
    ledger.repay("A1", 104_100, "2026-03-09")
    return ledger


def plan(**fields: Any) -> dict[str, Any]:
    """Return the fields of a new schedule of two instalments."""
    rows = [
        {"number": 1, "due": "2026-06-05", "principal": 300_000, "interest": 9_000, "fees": [100]},
        {"number": 2, "due": "2026-07-05", "principal": 300_000, "interest": 3_000, "fees": [100]},
    ]
    return {"loan": "L1", "date": LATER, "rows": rows, **fields}


def answer(proposal: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"loan": "L1", "proposal": proposal or PROPOSAL, **fields}


def refused_answer(**fields: Any) -> dict[str, Any]:
    return answer(reason="not in this region", **fields)


def disbursement(**fields: Any) -> dict[str, Any]:
    base = {"loan": "L1", "amount": 600_000, "date": DISBURSED, "bank_reference": HEX}
    return {**base, **fields}


def funding(**fields: Any) -> dict[str, Any]:
    return {"loan": "L1", "amount": 300_000, "date": DISBURSED, **fields}


def failure(attempt: str = "A1", **fields: Any) -> dict[str, Any]:
    base = {"loan": "L1", "attempt": attempt, "amount": 104_100, "date": DISBURSED}
    return {**base, "reason_code": "51", "reason": "the balance does not suffice", **fields}


def waiver(**fields: Any) -> dict[str, Any]:
    base = {"loan": "L1", "instalment": 1, "component": "interest", "amount": 100}
    return {**base, "date": DISBURSED, **fields}


def compensation(**fields: Any) -> dict[str, Any]:
    base = {"compensation": "C1", "loan": "L1", "amount": COMPENSABLE, "date": LATE}
    return {**base, "instalments": [1], **fields}


def withdrawal(**fields: Any) -> dict[str, Any]:
    """Return the fields of the withdrawal of a compensation."""
    return {"compensation": "C1", "reason": "the borrower has paid", **fields}


def repayment(amount: int = 104_100, **fields: Any) -> dict[str, Any]:
    whole = captured("P-A1", amount, order="O-A1", loan="L1", attempt="A1")
    return {**whole, **fields}


def guaranteed(amount: int | None = None, **fields: Any) -> dict[str, Any]:
    """Return the fields of the capture of a guarantor's money."""
    whole = captured("P-C1", amount or COMPENSABLE, order="O-C1", compensation="C1")
    return {**whole, **fields}


def legs(amount: int = 104_100, **fields: Any) -> dict[str, Any]:
    """Return the fields of a split of a repayment, all to one funder."""
    whole = [leg(1, "fund-a-main", amount=amount - fields.get("overpaid", 0))]
    named = {"loan": "L1", "attempt": "A1", "legs": whole, **fields}
    return split("P-A1", amount, order="O-A1", **named)


def ordinary(**fields: Any) -> dict[str, Any]:
    """Return the fields of a split of a payment that names no loan."""
    return split("P1", 10_000, **{"legs": [leg(1, "fund-a-main", amount=10_000)], **fields})


def suspended(make: Callable[[], LoanLedger], receiver: str) -> Callable[[], LoanLedger]:
    """Return what makes a ledger on which a receiver is suspended."""

    def made() -> LoanLedger:
        ledger = make()
        ledger.apply("institution", "receiver.suspended", receiver=receiver, reason="review")
        return ledger

    return made


def with_dollars() -> LoanLedger:
    ledger = pending()
    ledger.register("fund-a-usd", owner="fund-a", currency="USD")
    return ledger


def funded() -> LoanLedger:
    ledger = lending()
    ledger.apply("fund-a", "loan.funded", **funding())
    return ledger


def reversal(payment: str = "P-A1", **fields: Any) -> dict[str, Any]:
    return {"payment": payment, "reason": "void", **fields}


def refunded() -> LoanLedger:
    """Return a ledger where what was overpaid is being refunded."""
    ledger = lending()
    attempt = ledger.repay("A1", 700_000, FIRST_DUE)
    ledger.split_repayment(attempt)
    ledger.apply("platform", "refund.requested", **refund(attempt.overpaid))
    return ledger


def refunded_from_float() -> LoanLedger:
    """Return a ledger with an ordinary payment that was reversed, and is being refunded."""
    ledger = lending()
    deposit(ledger)
    ledger.capture("P-A1")
    ledger.apply("platform", "refund.requested", **refund(4_000))
    ledger.instruct("P-A1", amount=9_000, legs=[leg(1, "fund-a-main", amount=9_000)])
    ledger.apply("institution", "payment.reversed", payment="P-A1", reason="void")
    return ledger


def refund(amount: int, **fields: Any) -> dict[str, Any]:
    base = {"refund": "R1", "payment": "P-A1", "currency": "CNY", "reason": "overpaid"}
    return {**base, "amount": amount, **fields}


def lent_by(*funders: tuple[str, int]) -> dict[str, Any]:
    """Return a proposal of other funders and their shares."""
    named = [{"party": p, "ppm": ppm, "receiver": f"{p}-main"} for p, ppm in funders]
    return proposed(funders=named)


def agreed(**terms: Any) -> dict[str, Any]:
    return proposed(terms=terms)


def on(day: str) -> LoanLedger:
    """Return a ledger that lends, on a day."""
    ledger = lending()
    ledger.on(day)
    return ledger


def settled_on(day: str) -> LoanLedger:
    ledger = settled()
    ledger.on(day)
    return ledger


def far() -> list[dict[str, Any]]:
    """Return rows of a new schedule that ends after more than thirty years."""
    first, last = plan()["rows"]
    return [first, {**last, "due": "2056-07-05"}]


def lent_alone() -> LoanLedger:
    """Return a ledger on which one funder lends, and nobody guarantees."""
    ledger = lone()
    ledger.apply("fund-a", "loan.accepted", loan="L1", proposal=LONE)
    ledger.apply("institution", "loan.disbursed", **disbursement())
    return ledger


def captured_only() -> LoanLedger:
    ledger = lending()
    ledger.repay("A1", 104_100, FIRST_DUE)
    return ledger


def instructed_first() -> LoanLedger:
    """Return a ledger where the platform has split a guarantor's money that is not there yet."""
    ledger = stated()
    ledger.apply("platform", "split.instructed", **ordinary())
    ledger.apply("platform", "split.instructed", **of_compensation())
    ledger.apply("platform", "split.instructed", **legs())
    return ledger


def instructed_before() -> LoanLedger:
    """Return a ledger where a payment was split before its loan was paid out."""
    ledger = in_force()
    ledger.apply("platform", "split.instructed", **plain())
    return ledger


def plain() -> dict[str, Any]:
    """Return the fields of a split of a repayment that leaves the loan out."""
    return {name: value for name, value in legs().items() if name not in ("loan", "attempt")}


def of_compensation() -> dict[str, Any]:
    """Return the fields of a split of a guarantor's money."""
    whole = [leg(1, "fund-a-main", amount=COMPENSABLE)]
    return split("P-C1", COMPENSABLE, order="O-C1", legs=whole)


def overpaid_alone() -> dict[str, Any]:
    return ordinary(legs=[leg(1, "fund-a-main", amount=9_999)], overpaid=1)


def by_ratio(ppm: int) -> dict[str, Any]:
    return legs(mode="ratio", legs=[leg(1, "fund-a-main", ppm=ppm)])


def of_many_legs() -> dict[str, Any]:
    return legs(legs=[leg(number, "fund-a-main", amount=1) for number in range(1, 12)])


PROPOSAL = pending().row(LoanAgreement, "L1").proposal
PLAN = replanned().row(LoanPlan, "L1").proposal
COMPENSABLE = late().compensable(LATE, instalments=[1])
LONE = lone().row(LoanAgreement, "L1").proposal
