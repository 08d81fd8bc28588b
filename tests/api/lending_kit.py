"""A consortium that lends, in a real database behind a real application, its blocks cosigned."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from ledger.contracts.loan_rows import RepaymentAttempt
from tests.api.loans_kit import KeptLoans
from tests.ledger.ledger_kit import HEX


class CosignedLoans(KeptLoans):
    """A lending ledger in a real database, asked for the sheets of its parties."""

    def sheet(self, party: str, day: str, **query: Any) -> dict[str, Any]:
        """Return the sheet of a party for a date, judged now in the ledger's time."""
        if "height" not in query:
            query = {"as_of": self.now, **query}
        found: dict[str, Any] = self.get("/v1/reports/day", party=party, date=day, **query)
        return found

    def settle(self, payout: str, receiver: str, day: str, *steps: str) -> None:
        """Pay out all that is due to a receiver on a date, as far as the steps say.

        Args:
            payout: Its id.
            receiver: To whom.
            day: The cut-off date.
            steps: Of ``paid``, ``returned`` and ``confirmed``.
        """
        self.on(day)
        query = {"on": day, "receiver": receiver}
        due = [
            each for each in self.get("/v1/payouts/due", **query)["due"] if each["state"] == "due"
        ]
        amount = due[-1]["payout_amount"]
        stated = {"payout": payout, "receiver": receiver, "cutoff_date": day}
        stated |= {"amount": amount, "currency": "CNY", "legs": due[-1]["payout_legs"]}
        self.apply("institution", "settlement.created", **stated)
        owner = receiver.removesuffix("-main")
        for step in steps:
            if step == "paid":
                paid = {"payout": payout, "bank_reference": HEX, "paid_at": self.now}
                self.apply("institution", "settlement.paid", **paid)
            elif step == "returned":
                self.apply("institution", "settlement.returned", payout=payout, reason="closed")
            else:
                said = {"payout": payout, "amount": amount, "currency": "CNY"}
                self.apply(owner, "settlement.confirmed", **said, received_at=self.now)

    def fail(self, attempt: str, amount: int, day: str, loan: str = "L1", **fields: Any) -> None:
        """State an attempt that brought nothing."""
        self.on(day)
        facts = {"loan": loan, "attempt": attempt, "amount": amount, "date": day}
        facts |= {"reason_code": "insufficient-funds", "reason": "not enough money"}
        self.apply("institution", "repayment.failed", **{**facts, **fields})

    def attempt(self, loan: str, attempt: str) -> RepaymentAttempt:
        """Return an attempt as it stands."""
        return self.row(RepaymentAttempt, loan, attempt)

    def business_day(self, day: str) -> int:
        """Return when a business date begins, in ms."""
        return self.genesis.calendar.starts_at_ms(date.fromisoformat(day))

    def pay_due(
        self, loan: str, day: str, *, split: bool = True, **fields: Any
    ) -> RepaymentAttempt:
        """Repay what is due of a loan on a date, as attempt ``loan-day``, and split it."""
        at = date.fromisoformat(day)
        self.on(day)
        owed = sum(each.open for each in self.loan(loan).as_of(at) if each.due <= at)
        name = f"{loan}-{day}"
        attempt = self.repay(name, fields.pop("amount", owed), day, loan=loan, **fields)
        if split:
            self.split_repayment(attempt)
        return attempt

    def instruct_wrongly(self, loan: str, day: str) -> None:
        """Have the platform instruct a repayment before it is captured, a fen off."""
        self.on(day)
        at = date.fromisoformat(day)
        owed = sum(each.open for each in self.loan(loan).as_of(at) if each.due <= at)
        name = f"{loan}-{day}"
        legs = [
            {"leg": 1, "receiver": "fund-a-main", "purpose": "repayment", "amount": owed - 1},
            {"leg": 2, "receiver": "fund-b-main", "purpose": "repayment", "amount": 1},
        ]
        stated = {"payment": f"P-{name}", "order": f"O-{name}", "amount": owed, "currency": "CNY"}
        stated |= {"mode": "fixed", "legs": legs, "loan": loan, "attempt": name}
        self.apply("platform", "split.instructed", **stated)


FEBRUARY, DAY_AFTER, MARCH = "2026-02-05", "2026-02-06", "2026-03-05"
LENT = [f"L{number:02d}" for number in range(1, 13)]


def lending_day(folder: Path, kind: str = "file") -> CosignedLoans:
    """Return a ledger of twelve loans on 2026-03-05, their second due date, with trouble planted.

    Of the first due date L11's split was never stated; L06 to L08 were not paid, and L07 and L08
    are covered after ten days: L08's compensation is stated. All else has arrived. On the day L01
    is split and in transit, L02 split wrongly, L03 not split, L04 failed, of L05 nothing came, L09
    waits for a suspended receiver, L10 is overpaid, L12 split and reversed two days later.
    """
    kept = CosignedLoans(folder, kind)
    for loan in LENT:
        covered = {"per_instalment_days": 10} if loan in ("L07", "L08") else {}
        kept.lend(loan, terms=covered)
    for loan in LENT:
        if loan not in ("L06", "L07", "L08"):
            kept.pay_due(loan, FEBRUARY, split=loan != "L11")
    for owner in ("fund-a", "fund-b", "fund-c", "platform"):
        kept.settle(f"OUT-{owner}", f"{owner}-main", DAY_AFTER, "paid", "confirmed")
    kept.on(MARCH)
    owed = kept.compensable(MARCH, loan="L08", compensation="C-L08", instalments=[1])
    stated = {"compensation": "C-L08", "loan": "L08", "amount": owed, "date": MARCH}
    kept.apply("guarantor", "compensation.stated", **stated, instalments=[1])
    kept.pay_due("L01", MARCH)
    kept.instruct_wrongly("L02", MARCH)
    kept.pay_due("L02", MARCH, split=False)
    kept.pay_due("L03", MARCH, split=False)
    kept.fail("L04-1", 104_100, MARCH, "L04", reason="=cmd|' /C calc'!A0")
    kept.apply("institution", "receiver.suspended", receiver="fund-b-main", reason="review")
    kept.pay_due("L09", MARCH)
    kept.apply("institution", "receiver.resumed", receiver="fund-b-main", reason="reviewed")
    kept.pay_due("L10", MARCH, amount=700_000)
    kept.pay_due("L12", MARCH)
    kept.settle("OUT-MARCH", "fund-a-main", "2026-03-06", "paid")
    return kept
