"""Payment channels: their own numbers of money, and who paid which part.

A channel has a number of its own for every payment, refund and payout (微信订单号). Statements are
matched by it and people search by it; it proves nothing, and nothing hangs on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, get_args

import msgspec
from msgspec import Meta

from ledger.books import money
from ledger.errors import Refused
from ledger.records import Amount, Identifier
from ledger.state import Row, Transaction

SourceName = Literal["buyer", "platform-subsidy", "coupon"]
SOURCES: tuple[SourceName, ...] = get_args(SourceName)
ChannelNumber = Identifier


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Who paid which part: the buyer, the platform (补差), or a coupon."""

    source: SourceName
    amount: Amount


Sources = Annotated[tuple[Source, ...], Meta(max_length=len(SOURCES))]


class NumberedSubject(Row, frozen=True):
    """A channel's number that a record carried, and what the record was about."""

    TABLE: ClassVar[str] = "channel_numbers"
    KEY: ClassVar[int] = 2

    number: str
    subject: str


def keep_number(tx: Transaction, number: str, subject: str) -> None:
    """Let ``subject`` be found by a channel's number, if there is one."""
    if number:
        tx.put(NumberedSubject(number, subject))


def refuse_sources(sources: Sequence[Source], amount: int, currency: str) -> None:
    """Return if the sources of a payment sum to it, and each is named once.

    Raises:
        Refused: ``source-twice`` or ``sources-do-not-sum``.
    """
    names = [each.source for each in sources]
    if len(set(names)) < len(names):
        raise Refused(
            "source-twice",
            "Every source of a payment is named once, with all that it paid.",
            expected=f"each of {', '.join(SOURCES)} at most once",
            got=", ".join(names),
        )
    total = sum(each.amount for each in sources)
    if total != amount:
        raise Refused(
            "sources-do-not-sum",
            "The sources of a payment sum to what was captured; the difference is "
            f"{money(total - amount, currency)}.",
            expected=money(amount, currency),
            got=money(total, currency),
        )


def stored(sources: Sequence[Source]) -> tuple[str, ...]:
    """Return sources as a row holds them: ``source:amount`` each."""
    return tuple(f"{each.source}:{each.amount}" for each in sources)
