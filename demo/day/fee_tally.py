"""A second account of fees and of the income that they bring, apart from the ledger's contracts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from demo.day.lines import Agreements, Invoices, Profits, records, those
from demo.day.tally import Tally, shares
from ledger.contracts.fee_agreements import FeeAgreed
from ledger.contracts.fee_invoices import FeeInvoiced, FeeSettled
from ledger.contracts.fees import FeeCharged
from ledger.contracts.profit_agreements import ProfitAgreed
from ledger.contracts.profits import ProfitConfirmed, ProfitShared

_MILLION = 1_000_000


def terms_for(terms: Iterable[FeeAgreed], channel: str) -> FeeAgreed:
    """Return the terms for a channel: its own, or those for all."""
    by_channel = {row.channel: row for row in terms}
    return by_channel.get(channel, by_channel[""])


def fee_of(terms: FeeAgreed, amount: int) -> int:
    """Return the fee of a payment: the rate rounded half up to the fen, within the bounds."""
    whole, rest = divmod(amount * terms.rate_ppm, _MILLION)
    fee = max(whole + (2 * rest >= _MILLION), terms.minimum)
    return min(fee, terms.maximum or fee)


class FeeTally:
    """Account of a day's charges, invoices and shares, taken in their order.

    ``portions`` are amounts by share and party, ``confirmed`` those that reached their party.

    Args:
        tally: The account of the payments, late ones included.
        terms: The agreements on fees and on profit, which all have accepted.
    """

    def __init__(self, tally: Tally, terms: Agreements) -> None:
        self.charges: dict[str, FeeCharged] = {}
        self.invoices: dict[str, FeeInvoiced] = {}
        self.shares: dict[str, ProfitShared] = {}
        self.portions: dict[tuple[str, str], int] = {}
        self.confirmed: set[tuple[str, str]] = set()
        self._tally = tally
        self._terms = records(terms, FeeAgreed)
        self._profit = {row.agreement: row for row in records(terms, ProfitAgreed)}
        tally.applied += len(terms)

    def charge(self, row: FeeCharged) -> None:
        """Take one charge of the institution's."""
        code = self._charge_refusal(row)
        self._tally.count(code)
        if not code:
            self.charges[row.payment] = row

    def _charge_refusal(self, row: FeeCharged) -> str:
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
        captured_ms = self._tally.captures[payment].captured_at
        return f"{self._tally.dates.business_date(captured_ms):%Y-%m}"

    def settle(self, lines: Invoices) -> None:
        """Take the invoices, which the platform paid.

        Raises:
            ValueError: an invoice is not what accrued, or not what was paid.
        """
        self._tally.applied += len(lines)
        paid = {row.invoice: row.amount for row in records(lines, FeeSettled)}
        for row in records(lines, FeeInvoiced):
            if (row.amount, row.count) != self.accrued(row.period):
                raise ValueError(f"invoice {row.invoice} is not what accrued in {row.period}")
            if paid.get(row.invoice) != row.amount:
                raise ValueError(f"invoice {row.invoice} is not paid as it was stated")
            self.invoices[row.invoice] = row

    def share(self, lines: Profits) -> None:
        """Take how the income of invoices is shared, and what reached whom.

        Raises:
            ValueError: a part is not what the agreed ratio gives, or not what reached its party.
            LookupError: an agreement, an invoice or a share is not known.
        """
        self._tally.applied += len(lines)
        for row in records(lines, ProfitShared):
            agreed = self._profit[row.agreement].recipients
            amounts = shares(self.invoices[row.invoice].amount, [each.ppm for each in agreed])
            parts = [(each.party, each.amount) for each in row.portions]
            if parts != [
                (each.party, amount) for each, amount in zip(agreed, amounts, strict=True)
            ]:
                raise ValueError(f"the shares of invoice {row.invoice} are not what was agreed")
            self.shares[row.share] = row
            self.portions |= {(row.share, party): amount for party, amount in parts}
        for line in those(lines, ProfitConfirmed):
            portion = line.record.share, line.party
            if line.record.amount != self.portions[portion]:
                raise ValueError(f"share {portion[0]} reached {portion[1]} with another amount")
            self.confirmed.add(portion)

    def income(self, institution: str) -> Counter[str]:
        """Return what each party has earned, in minor units."""
        earned = Counter({institution: sum(row.amount for row in self.charges.values())})
        for share, party in self.confirmed:
            earned[party] += self.portions[share, party]
            earned[institution] -= self.portions[share, party]
        return earned
