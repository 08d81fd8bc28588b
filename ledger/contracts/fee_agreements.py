"""Fee agreements: the rate of the institution's fee, offered by it and accepted by the platform.

Both state all terms. Only when they are equal is the agreement in force; from its effective date
on it replaces the one before it for the same currency and channel. Either side corrects itself by
stating its half again.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta
from msgspec.structs import replace

from ledger import expectations
from ledger.books import money
from ledger.contracts import agreements
from ledger.contracts.agreements import CONFLICTING, IN_FORCE, OFFERED, Agreement
from ledger.contracts.allocation import MILLION
from ledger.errors import Refused
from ledger.expectations import FEE_ACCEPTANCE, Expectation
from ledger.genesis import Genesis
from ledger.limits import FEE_MAXIMUM_MAX, FEE_MINIMUM_MAX, FEE_RATE_PPM_MAX
from ledger.records import Amount, Currency, Day, Identifier, Record, Rule, Text
from ledger.state import Key, Keys, Row, Transaction

_HALF = MILLION // 2

Rate = Annotated[
    int, Meta(ge=0, le=MILLION, description="parts per million of the payment's amount")
]


class FeeTerms(Record, frozen=True, kw_only=True):
    """The terms of a fee, which an offer and its acceptance share.

    ``minimum`` and ``maximum`` bound the fee of one payment, in minor units. With a ``channel``
    the terms are for its payments only, and go before terms without one.
    """

    agreement: Identifier
    currency: Currency
    rate_ppm: Rate
    effective_from: Day
    minimum: Amount = 0
    maximum: Amount = 0
    channel: Text = ""


class FeeAgreed(FeeTerms, frozen=True, kw_only=True, tag="fee.agreed"):
    """The institution offers terms of its fee, or corrects an offer that is not yet accepted.

    Refused unless the agreement is not in force; the bounds and the date are possible, the
    latter within ten years; the rate is at most 10 %, the minimum 1,000.00 and the maximum
    1,000,000.00; the one it replaces begins no later.
    """

    CODES = (
        "agreement-in-force",
        "effective-too-early",
        "effective-too-late",
        "fee-bounds",
        "fee-terms-out-of-range",
        "no-such-date",
    )


class FeeAccepted(FeeTerms, frozen=True, kw_only=True, tag="fee.accepted"):
    """The platform states the terms that it accepts.

    Refused unless the agreement was stated, is not accepted, and its offer is open; the one it
    replaces begins no later.
    """

    CODES = ("already-accepted", "effective-too-early", "offer-closed", "unknown-agreement")


class FeeAgreement(Agreement, frozen=True, kw_only=True):
    """An agreement on a fee. A ``channel``, ``minimum`` or ``maximum`` may be empty or 0."""

    TABLE: ClassVar[str] = "fee_agreements"
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (("currency", "channel", "effective_from"),)

    channel: str
    rate_ppm: int
    minimum: int
    maximum: int

    def leads_to(self) -> Keys:
        """Return the key of the tariff that it belongs to."""
        return [(FeeTariff, (self.currency,))]


class FeeTariff(Row, frozen=True):
    """The newest agreement in force of every channel: ``latest[i]`` is that of ``channels[i]``.

    The channel of agreements for all channels is the empty string.
    """

    TABLE: ClassVar[str] = "fee_tariffs"

    currency: str
    channels: tuple[str, ...]
    latest: tuple[str, ...]

    def leads_to(self) -> Keys:
        """Return the keys of the newest agreements."""
        return [(FeeAgreement, (name,)) for name in self.latest]


def fee_of(agreement: FeeAgreement, amount: int) -> int:
    """Return the fee of a payment of ``amount``, in minor units.

    The rate's exact share is rounded half up to the minor unit, then bounded.
    """
    fee = (amount * agreement.rate_ppm + _HALF) // MILLION
    fee = max(fee, agreement.minimum)
    return min(fee, agreement.maximum) if agreement.maximum else fee


def held_on(tx: Transaction, currency: str, channel: str, day: str) -> FeeAgreement | None:
    """Return the agreement that holds for a payment: its channel's own, or that for all."""
    tariff = tx.rows[FeeTariff][currency,]
    if tariff is None:
        return None
    for name in (channel, ""):
        if name in tariff.channels:
            latest = tariff.latest[tariff.channels.index(name)]
            found = agreements.held_on(tx, FeeAgreement, latest, day)
            if found is not None:
                return found
    return None


def _latest(tariff: FeeTariff | None, channel: str) -> str:
    """Return the newest agreement in force for exactly this channel, or the empty string."""
    if tariff is None or channel not in tariff.channels:
        return ""
    return tariff.latest[tariff.channels.index(channel)]


def _agreed(tx: Transaction, record: FeeAgreed) -> None:
    agreements.refuse_in_force(tx.rows[FeeAgreement][record.agreement,])
    agreements.refuse_day(record.effective_from)
    agreements.refuse_far(tx, record.effective_from)
    _refuse_extremes(record)
    if record.maximum and record.minimum > record.maximum:
        raise Refused(
            "fee-bounds",
            "The smallest fee of a payment cannot be above the largest.",
            expected=f"a minimum up to {money(record.maximum, record.currency)}",
            got=money(record.minimum, record.currency),
        )
    _refuse_order(tx, record)
    matter = (_subject(record), tx.sole("platform"))
    contradicted = agreements.contradiction(tx, FEE_ACCEPTANCE, matter[0]) is not None
    tx.put(
        FeeAgreement(
            agreement=record.agreement,
            currency=record.currency,
            effective_from=record.effective_from,
            state=CONFLICTING if contradicted else OFFERED,
            entry=tx.entry,
            channel=record.channel,
            rate_ppm=record.rate_ppm,
            minimum=record.minimum,
            maximum=record.maximum,
        )
    )
    expectations.open_or_revise(tx, FEE_ACCEPTANCE, matter, 0, record.currency)


def _refuse_extremes(terms: FeeTerms) -> None:
    bounds = {
        "rate_ppm": FEE_RATE_PPM_MAX,
        "minimum": FEE_MINIMUM_MAX,
        "maximum": FEE_MAXIMUM_MAX,
    }
    for name, bound in bounds.items():
        if getattr(terms, name) > bound:
            raise Refused(
                "fee-terms-out-of-range",
                f"No fee has such a {name}: the rate is in parts per million, "
                "the minimum and the maximum are in minor units.",
                expected=f"a {name} of at most {bound}",
                got=str(getattr(terms, name)),
            )


def _accepted(tx: Transaction, record: FeeAccepted) -> None:
    offer = agreements.require(tx, FeeAgreement, record.agreement)
    if offer.state == IN_FORCE:
        raise agreements.accepted_before(offer, tx.author)
    agreements.refuse_closed(offer)
    expectation = expectations.awaited(tx, FEE_ACCEPTANCE, _subject(record))
    detail = differences(offer, record)
    if detail:
        tx.put(replace(offer, state=CONFLICTING))
        expectations.conflict(tx, expectation, detail)
        return
    before = _refuse_order(tx, record)
    tx.put(replace(offer, state=IN_FORCE, replaces=before, accepted_entry=tx.entry))
    _enter_tariff(tx, offer)
    expectations.meet(tx, expectation)


def differences(offer: FeeAgreement, stated: FeeTerms) -> str:
    """Return which terms an offer and its acceptance disagree on, or the empty string."""
    found = []
    for name in ("currency", "channel", "rate_ppm", "effective_from", "minimum", "maximum"):
        agreed, accepted = getattr(offer, name), getattr(stated, name)
        if agreed != accepted:
            found.append(
                f"{name}: agreed {_term(name, agreed, offer.currency)}, "
                f"accepted {_term(name, accepted, stated.currency)}"
            )
    return "; ".join(found)


def _term(name: str, value: str | int, currency: str) -> str:
    if not value and name != "rate_ppm":
        return "none"
    if isinstance(value, int) and name != "rate_ppm":
        return money(value, currency)
    return str(value)


def _refuse_order(tx: Transaction, terms: FeeTerms) -> str:
    """Return the agreement that ``terms`` would replace, or the empty string, if they may."""
    latest = _latest(tx.rows[FeeTariff][terms.currency,], terms.channel)
    if latest:
        before = agreements.require(tx, FeeAgreement, latest)
        agreements.refuse_order(before, terms.effective_from)
    return latest


def _enter_tariff(tx: Transaction, agreement: FeeAgreement) -> None:
    tariff = tx.rows[FeeTariff][agreement.currency,] or FeeTariff(agreement.currency, (), ())
    latest = dict(zip(tariff.channels, tariff.latest, strict=True))
    latest[agreement.channel] = agreement.agreement
    tx.put(FeeTariff(agreement.currency, tuple(latest), tuple(latest.values())))


def _keys(record: FeeTerms, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    return [
        (FeeAgreement, (record.agreement,)),
        (FeeTariff, (record.currency,)),
        (Expectation, (FEE_ACCEPTANCE, _subject(record))),
    ]


def _subject(record: FeeTerms) -> str:
    return f"fee-agreement:{record.agreement}"


ROWS: tuple[type[Row], ...] = (FeeAgreement, FeeTariff)
RULES = (
    Rule(FeeAgreed, ("institution",), _agreed, _keys, _subject),
    Rule(FeeAccepted, ("platform",), _accepted, _keys, _subject),
)
EXAMPLES: tuple[Record, ...] = (
    FeeAgreed(
        at=1_760_000_000_020,
        id="inst-0020",
        agreement="fee-2025",
        currency="CNY",
        rate_ppm=3_800,
        effective_from="2025-10-01",
        minimum=1,
    ),
    FeeAccepted(
        at=1_760_000_000_021,
        id="plat-0020",
        agreement="fee-2025",
        currency="CNY",
        rate_ppm=3_800,
        effective_from="2025-10-01",
        minimum=1,
    ),
)
