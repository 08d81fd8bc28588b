"""A second account of fees and of the income that they bring, apart from the ledger's contracts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from demo.day.rows import FeeRow, InvoiceRow, ProfitRow, TermsRow, moment
from demo.day.tally import Tally, shares

_MILLION = 1_000_000


def terms_for(terms: Iterable[TermsRow], channel: str) -> TermsRow:
    """Return the terms for a channel: its own, or those for all."""
    by_channel = {row.channel: row for row in terms}
    return by_channel.get(channel, by_channel[""])


def fee_of(terms: TermsRow, amount: int) -> int:
    """Return the fee of a payment: the rate rounded half up to the fen, within the bounds."""
    whole, rest = divmod(amount * terms.rate_ppm, _MILLION)
    fee = max(whole + (2 * rest >= _MILLION), terms.minimum)
    return min(fee, terms.maximum or fee)


class FeeTally:
    """Takes a day's charges, invoices and shares in their order.

    Args:
        tally: The account of the payments, late ones included.
        terms: The fee agreements, which both have accepted.
    """

    def __init__(self, tally: Tally, terms: tuple[TermsRow, ...]) -> None:
        self.charges: dict[str, FeeRow] = {}
        self.invoices: dict[str, InvoiceRow] = {}
        self.portions: list[ProfitRow] = []
        self._tally = tally
        self._terms = terms
        tally.applied += 2 * len(terms)

    def charge(self, row: FeeRow) -> None:
        """Take one charge of the institution's."""
        code = self._charge_refusal(row)
        self._tally.count(code)
        if not code:
            self.charges[row.payment] = row

    def _charge_refusal(self, row: FeeRow) -> str:
        if not self._tally.stands(row.payment):
            return "not-captured"
        if row.payment in self.charges:
            return "already-charged"
        capture = self._tally.captures[row.payment]
        terms = terms_for(self._terms, capture.channel)
        same = (row.agreement, row.amount) == (terms.agreement, fee_of(terms, capture.amount))
        return "" if same else "fee-differs"

    def accrued(self, period: str) -> tuple[int, int]:
        """Return the sum and the count of the fees of a month, by the captures' business dates."""
        amounts = [
            row.amount for payment, row in self.charges.items() if self._month(payment) == period
        ]
        return sum(amounts), len(amounts)

    def _month(self, payment: str) -> str:
        captured_ms = moment(self._tally.captures[payment].captured_at)
        return f"{self._tally.dates.business_date(captured_ms):%Y-%m}"

    def settle(self, row: InvoiceRow) -> None:
        """Take an invoice that the platform paid.

        Raises:
            ValueError: the invoice is not what accrued.
        """
        if (row.amount, row.charges) != self.accrued(row.period):
            raise ValueError(f"invoice {row.invoice} is not what accrued in {row.period}")
        self.invoices[row.invoice] = row
        self._tally.applied += 2

    def share(self, rows: tuple[ProfitRow, ...]) -> None:
        """Take the agreements on profit and the shares: all accepted, all confirmed.

        Raises:
            ValueError: a part is not what the agreed ratio gives.
        """
        for invoice in dict.fromkeys(row.invoice for row in rows):
            parts = [row for row in rows if row.invoice == invoice]
            income = self.invoices[invoice].amount
            if [row.amount for row in parts] != shares(income, [row.ppm for row in parts]):
                raise ValueError(f"the shares of invoice {invoice} are not what was agreed")
            self.portions += parts
            self._tally.applied += 2 + sum(bool(row.accepted_at) for row in parts)
            self._tally.applied += sum(bool(row.received_at) for row in parts)

    def income(self, institution: str) -> Counter[str]:
        """Return what each party has earned, in minor units."""
        earned = Counter({institution: sum(row.amount for row in self.charges.values())})
        for row in self.portions:
            if row.received_at:
                earned[row.party] += row.amount
                earned[institution] -= row.amount
        return earned
