"""The neutral case of lending, computed by ``ledger.lending``.

A case is plain JSON data: terms, funders, guarantor, platform, events. ``answer`` gives the
schedule with its shares; for each event the legs that it moved, what is overpaid and what is open
as of its date, or the code with which it was refused; and the standing as of the last date.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from ledger.errors import Refused
from ledger.lending import cost as costs
from ledger.lending.compensation import WHOLE, Compensation, compensate, give_back
from ledger.lending.instalments import Instalment, LoanLeg, shares_due
from ledger.lending.loan import Loan, Outcome, open_loan, replan, waive
from ledger.lending.repayment import Repayment, repay
from ledger.lending.reversal import reverse
from ledger.lending.schedule import schedule
from ledger.lending.standing import standing
from ledger.lending.terms import (
    FUNDERS,
    MILLION,
    Fee,
    Funder,
    LoanTerms,
    Order,
    Parties,
    ScheduleRow,
    check_terms,
)

Json = dict[str, Any]
_RATE_MAX = 12 * 10 * MILLION
"""Beyond ten times what is owed a month no rate is compared."""
_SAME = (
    "principal", "annual_rate_ppm", "day_count", "method", "instalments", "unit",
    "principal_grace", "penalty_ppm", "grace_days", "early", "early_fee_ppm", "partial",
    "per_instalment_days", "whole_days", "flat_interest_falls_away", "immaterial",
)  # fmt: skip


def answer(case: Json) -> Json:
    """Return what becomes of a case."""
    try:
        book = Book(case)
    except Refused as refused:
        return {"refused": refused.code}
    rows = book.schedule()
    events = [book.state(event) for event in case["events"]]
    last = max((event["date"] for event in case["events"]), default=case["terms"]["disbursed"])
    limit = case.get("cost_limit_ppm")
    stands = standing(book.loan, date.fromisoformat(last))
    return {
        "schedule": rows,
        "events": events,
        "days_past_due": stands.days_past_due,
        "bucket": stands.bucket,
        **({"cost": cost(case["terms"], limit)} if limit else {}),
    }


def cost(terms: Json, limit_ppm: int = costs.LIMIT_PPM) -> Json:
    """Return whether the cost by plan is within a limit, and the cost by its two conventions."""
    agreed = terms_of(terms)
    check_terms(agreed)
    made = schedule(agreed)
    paid = costs.payments(agreed, made.rows)
    rates = costs.rates(agreed.principal, paid)
    if rates and rates.times_12_ppm > _RATE_MAX:
        rates = None
    numerator, denominator = costs.nominal_parts(agreed, made)
    return {
        "within": costs.is_within(agreed.principal, paid, limit_ppm),
        "declared_within": numerator * MILLION <= limit_ppm * denominator,
        "monthly": rates and costs.percent(rates.times_12_ppm).removesuffix(" %"),
        "compounded": rates and costs.percent(rates.compounded_ppm).removesuffix(" %"),
    }


def terms_of(terms: Json) -> LoanTerms:
    """Return the terms of a neutral case."""
    fees = tuple(Fee(**fee) for fee in terms.get("fees", ()))
    second = terms.get("second_order")
    given: Json = {name: terms[name] for name in _SAME if name in terms}
    return LoanTerms(
        **given,
        disbursed=date.fromisoformat(terms["disbursed"]),
        first_due=date.fromisoformat(terms["first_due"]),
        due_day=terms.get("due_day") or 0,
        fees=fees,
        penalty_to=terms.get("penalty_to") or FUNDERS,
        early_fee_to=terms.get("early_fee_to") or FUNDERS,
        order=_order(terms),
        second_order=_order(second) if second else None,
        second_order_days=second["days"] if second else 0,
        covered=tuple(terms.get("covered") or ()),
        stated=rows_of(terms.get("stated") or (), fees),
    )


def _order(said: Json) -> Order:
    default = Order()
    components = tuple(said.get("order") or default.components)
    return Order(components=components, by=said.get("by") or default.by)


def rows_of(rows: Any, fees: tuple[Fee, ...]) -> tuple[ScheduleRow, ...]:
    """Return the rows of a stated schedule."""
    return tuple(
        ScheduleRow(
            number=number,
            due=date.fromisoformat(row["due"]),
            principal=row["principal"],
            interest=row["interest"],
            fees=tuple(row.get("fees", {}).get(fee.name, 0) for fee in fees),
        )
        for number, row in enumerate(rows, 1)
    )


class Book:
    """A loan of a neutral case, and the records that may be reversed."""

    def __init__(self, case: Json) -> None:
        parties = Parties(
            funders=tuple(Funder(**funder) for funder in case["funders"]),
            platform=case["platform"],
            guarantor=case["guarantor"] or "",
        )
        self.loan: Loan = open_loan(terms_of(case["terms"]), parties)
        self.records: dict[str, Repayment | Compensation] = {}
        self.reversed: set[str] = set()

    def schedule(self) -> list[Json]:
        """Return the rows of the schedule with their shares."""
        rows = schedule(self.loan.terms).rows
        return [self._row(row, each) for row, each in zip(rows, self.loan.instalments, strict=True)]

    def _row(self, row: ScheduleRow, instalment: Instalment) -> Json:
        components = dict.fromkeys(claim.component for claim in instalment.claims)
        return {
            "number": row.number,
            "due": row.due.isoformat(),
            "principal": row.principal,
            "interest": row.interest,
            "fees": {
                fee.name: amount for fee, amount in zip(self.loan.terms.fees, row.fees, strict=True)
            },
            "shares": {name: dict(shares_due(instalment, name)) for name in components},
        }

    def state(self, event: Json) -> Json:
        """Return what an event moves and what is open after it; refused, nothing changes."""
        day = date.fromisoformat(event["date"])
        try:
            outcome = self._apply(event, day)
        except Refused as refused:
            return {"refused": refused.code}
        self.loan = outcome.loan
        return {
            "legs": sorted((leg._asdict() for leg in outcome.legs), key=_place),
            "overpaid": outcome.overpaid,
            "open": self.open(day),
        }

    def open(self, day: date) -> list[Json]:
        """Return what is open as of a date."""
        found = [
            {
                "instalment": instalment.number,
                "due": instalment.due.isoformat(),
                "component": claim.component,
                "party": claim.party,
                "open": claim.open,
            }
            for instalment in self.loan.as_of(day)
            for claim in instalment.claims
            if claim.open
        ]
        return sorted(found, key=_place)

    def _apply(self, event: Json, day: date) -> Outcome:
        if event.get("id") in self.records:
            raise Refused("known-payment", "A payment is played once.")
        match event["kind"]:
            case "repayment":
                repaid = repay(self.loan, event["amount"], day)
                self.records[event["id"]] = repaid.repayment
                return repaid.outcome
            case "reversal":
                return self._reverse(event["of"], day)
            case "waiver":
                place = (event["by"], event["instalment"], event["component"], event["amount"])
                return waive(self.loan, LoanLeg(*place), day)
            case "replan":
                return replan(self.loan, rows_of(event["schedule"], self.loan.terms.fees), day)
            case "compensation":
                what = event["instalments"]
                done = compensate(self.loan, WHOLE if what == WHOLE else what, day)
                self.records[event["id"]] = done.compensation
                return done.outcome
        raise ValueError(event["kind"])

    def _reverse(self, name: str, day: date) -> Outcome:
        record = self.records.get(name)
        if record is None or name in self.reversed:
            code = "unknown-payment" if record is None else "already-reversed"
            raise Refused(code, "Only a payment that stands can be reversed.")
        if isinstance(record, Compensation):
            outcome = give_back(self.loan, record, day)
        else:
            outcome = reverse(self.loan, record, day)
        self.reversed.add(name)
        return outcome


def _place(row: Json) -> tuple[Any, ...]:
    return (row["instalment"], row["component"], row["party"], row.get("amount", 0))
