"""Contradictions about loans: fields of :class:`tools.contradictions.Case`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.ledger.ledger_kit import Ledger, leg
from tests.ledger.loan_said import (
    FIRST_DUE,
    LATE,
    compensation,
    contradicted,
    disbursement,
    funding,
    guaranteed,
    legs,
    lending,
    plain,
    repayment,
    reversal,
    withdrawal,
)

Said = tuple[str, str, dict[str, Any]]
LEFT = 54_940
"""What is left to compensate once the borrower has paid in between, in minor units."""


def _by(author: str, type_: str, fields: dict[str, Any]) -> Said:
    return (author, type_, fields)


def _without_the_loan() -> Ledger:
    ledger = lending()
    ledger.apply("platform", "split.instructed", **plain())
    ledger.repay("A1", 104_100, FIRST_DUE)
    return ledger


def _all_to_one() -> Ledger:
    ledger = lending()
    ledger.apply("platform", "split.instructed", **legs())
    ledger.repay("A1", 104_100, FIRST_DUE)
    return ledger


def _otherwise_funded() -> Ledger:
    ledger = lending()
    ledger.apply("fund-a", "loan.funded", **funding(amount=299_999))
    return ledger


def _right() -> dict[str, Any]:
    """Return the fields of the split that the ledger allocates."""
    receivers = {"fund-a": 51_750, "fund-b": 31_050, "fund-c": 20_700, "platform": 600}
    parts = [
        leg(number, f"{party}-main", amount=amount)
        for number, (party, amount) in enumerate(receivers.items(), 1)
    ]
    return legs(legs=parts)


_PLAIN_MONEY = {k: v for k, v in repayment().items() if k not in ("loan", "attempt")}
_VOID = _by("institution", "payment.reversed", reversal(date=FIRST_DUE))
_WITHDRAWN = _by("platform", "split.withdrawn", {"payment": "P-A1", "reason": "cancelled"})
_AMENDED = _by("platform", "split.amended", _right())
_MONEY_BACK = _by("institution", "payment.reversed", reversal("P-C1", date=LATE))
_ANEW = _by("guarantor", "compensation.stated", compensation(amount=LEFT))
_NONE_ANY_MORE = _by("guarantor", "compensation.withdrawn", withdrawal())

CASES: tuple[
    tuple[str, str, str, Callable[[], Ledger], tuple[Said, ...], tuple[tuple[Said, ...], ...]], ...
] = (
    (
        "capture",
        "payment:P-A1",
        "the platform has left the loan out, the institution captures a repayment",
        _without_the_loan,
        (
            _by("institution", "payment.captured", repayment()),
            _VOID,
            _by("platform", "split.amended", _right() | {"attempt": "A2"}),
            _WITHDRAWN,
        ),
        ((_AMENDED,), (_VOID, _by("institution", "payment.captured", _PLAIN_MONEY))),
    ),
    (
        "instruction",
        "payment:P-A1",
        "the platform has split a repayment before its capture, otherwise than it is allocated",
        _all_to_one,
        (_VOID, _by("platform", "split.amended", legs()), _WITHDRAWN),
        ((_AMENDED,),),
    ),
    (
        "loan-funding",
        "loan:L1/party:fund-a",
        "the institution has paid the loan out, the funder has funded another amount",
        _otherwise_funded,
        (
            _by("institution", "loan.disbursed", disbursement()),
            _by("fund-a", "loan.funded", funding(amount=299_998)),
        ),
        ((_by("fund-a", "loan.funded", funding()),),),
    ),
    (
        "compensation",
        "compensation:C1",
        "the borrower has paid between the guarantor's statement and its money",
        contradicted,
        (
            _by("institution", "payment.captured", guaranteed(LEFT, payment="P-C2")),
            _MONEY_BACK,
            _by("guarantor", "compensation.stated", compensation()),
            _ANEW,
            _NONE_ANY_MORE,
        ),
        (
            (_MONEY_BACK, _ANEW, _by("institution", "payment.captured", guaranteed(LEFT))),
            (_MONEY_BACK, _NONE_ANY_MORE),
        ),
    ),
)

NEVER = {
    "loan-acceptance": "a proposal is accepted by its hash, so another one is refused; who "
    "does not agree declines it",
}
"""Kinds of which the halves cannot differ, and why."""
