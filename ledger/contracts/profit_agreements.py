"""Agreements on profit sharing (分润): who gets which part of the fee income, and when.

The institution offers the ratios; every other recipient accepts its own. The agreement is in force
when the last one has. From its month on it replaces the one before it for the same currency, and
has to name everybody who got a part by that one: nobody's part ends without its own word.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from ledger import expectations, forms
from ledger.contracts import agreements
from ledger.contracts.agreements import CONFLICTING, IN_FORCE, OFFERED, Agreement, Period
from ledger.contracts.allocation import MILLION
from ledger.errors import Refused
from ledger.expectations import PROFIT_ACCEPTANCE, Expectation
from ledger.genesis import Genesis
from ledger.limits import MEMBERS_MAX
from ledger.records import Currency, Identifier, PartyName, Record, Rule
from ledger.state import Key, Keys, Row, Transaction

Delay = Annotated[
    str,
    Meta(
        pattern=forms.shut(forms.CYCLE),
        description="T+n business days or D+n calendar days after the settlement, n up to 30",
    ),
]
IncomePpm = Annotated[int, Meta(ge=0, le=MILLION, description="parts per million of the income")]


class Recipient(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One party and its part of the income; a part of 0 ends what it had before."""

    party: PartyName
    ppm: IncomePpm


class ProfitAgreed(Record, frozen=True, kw_only=True, tag="profit.agreed"):
    """The institution offers how its fee income is shared, or corrects such an offer.

    Refused unless the agreement is not in force and takes effect within ten years; the
    recipients are parties, each once, not the institution alone, and their parts are one
    million; the one it replaces begins no later, and everybody is named who has a part by it, or
    contradicts the offer as it was stated before.
    """

    CODES = (
        "agreement-in-force",
        "effective-too-early",
        "effective-too-late",
        "no-recipient",
        "ratios-do-not-sum",
        "recipient-missing",
        "recipient-twice",
        "unknown-party",
    )

    agreement: Identifier
    currency: Currency
    effective_from: Period
    delay: Delay
    recipients: Annotated[tuple[Recipient, ...], Meta(min_length=1, max_length=MEMBERS_MAX)]


class ProfitAccepted(Record, frozen=True, kw_only=True, tag="profit.accepted"):
    """A recipient states the part, the first month and the delay that it accepts.

    Stated by the party that is named as a recipient.

    Refused unless the author is named and has not accepted, and the offer is open; for the last
    one to accept, the one it replaces begins no later, and everybody with a part by it is named.
    """

    CODES = (
        "already-accepted",
        "effective-too-early",
        "offer-closed",
        "recipient-missing",
        "unknown-agreement",
        "wrong-author",
    )

    agreement: Identifier
    currency: Currency
    effective_from: Period
    delay: Delay
    ppm: IncomePpm


class ProfitAgreement(Agreement, frozen=True, kw_only=True):
    """An agreement on profit sharing. ``awaiting`` counts the acceptances that are missing."""

    TABLE: ClassVar[str] = "profit_agreements"
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (("currency", "effective_from"),)

    delay: str
    parties: tuple[str, ...]
    awaiting: int

    def leads_to(self) -> Keys:
        """Return the keys of its terms, of what they await, and of the newest agreement."""
        name = self.agreement
        found: list[tuple[type[Row], Key]] = [(ProfitTerm, (name, party)) for party in self.parties]
        found += (
            (Expectation, (PROFIT_ACCEPTANCE, acceptance(name, party))) for party in self.parties
        )
        found.append((ProfitPlan, (self.currency,)))
        return found


class ProfitTerm(Row, frozen=True):
    """The part of one recipient; ``accepted`` says whether it has agreed to it."""

    TABLE: ClassVar[str] = "profit_terms"
    KEY: ClassVar[int] = 2
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (("party",),)

    agreement: str
    party: str
    ppm: int
    accepted: bool
    entry: int


class ProfitPlan(Row, frozen=True):
    """The newest agreement in force on income in a currency."""

    TABLE: ClassVar[str] = "profit_plans"

    currency: str
    latest: str

    def leads_to(self) -> Keys:
        """Return the key of the newest agreement."""
        return [(ProfitAgreement, (self.latest,))]


def acceptance(agreement: str, party: str) -> str:
    """Return the subject of the acceptance that ``party`` owes."""
    return f"profit-agreement:{agreement}/{party}"


def held_in(tx: Transaction, currency: str, month: str) -> ProfitAgreement | None:
    """Return the agreement by which the income of ``month`` is shared, or None."""
    plan = tx.rows[ProfitPlan][currency,]
    return agreements.held_on(tx, ProfitAgreement, plan.latest if plan else "", month)


def terms_of(tx: Transaction, agreement: ProfitAgreement) -> list[ProfitTerm]:
    """Return the terms of an agreement, in the order in which it names the parties."""
    found = [tx.rows[ProfitTerm][agreement.agreement, party] for party in agreement.parties]
    return [term for term in found if term is not None]


def _agreed(tx: Transaction, record: ProfitAgreed) -> None:
    existing = tx.rows[ProfitAgreement][record.agreement,]
    agreements.refuse_in_force(existing)
    agreements.refuse_far(tx, record.effective_from)
    _refuse_recipients(tx, record)
    named = [each.party for each in record.recipients if each.party != tx.author]
    _refuse_replacing(tx, record.currency, record.effective_from, named)
    if existing is not None:
        _refuse_dropped(tx, existing, named)
        _drop(tx, existing, named)
    parties = tuple(each.party for each in record.recipients)
    tx.put(
        ProfitAgreement(
            agreement=record.agreement,
            currency=record.currency,
            effective_from=record.effective_from,
            state=CONFLICTING if _is_contradicted(tx, record.agreement, named) else OFFERED,
            entry=tx.entry,
            delay=record.delay,
            parties=parties,
            awaiting=len(named),
        )
    )
    for party, ppm in ((each.party, each.ppm) for each in record.recipients):
        own = party == tx.author
        tx.put(
            ProfitTerm(
                agreement=record.agreement, party=party, ppm=ppm, accepted=own, entry=tx.entry
            )
        )
    for party in named:
        matter = (acceptance(record.agreement, party), party)
        expectations.open_or_revise(tx, PROFIT_ACCEPTANCE, matter, 0, record.currency)


def _refuse_recipients(tx: Transaction, record: ProfitAgreed) -> None:
    seen: set[str] = set()
    for party in (each.party for each in record.recipients):
        if party not in tx.genesis.voters:
            raise Refused(
                "unknown-party",
                "Income is shared between parties of the consortium that may state money.",
                expected=", ".join(tx.genesis.voters),
                got=party,
            )
        if party in seen:
            raise Refused(
                "recipient-twice",
                "An agreement names a recipient once.",
                expected="every party at most once",
                got=f"{party} twice",
            )
        seen.add(party)
    if seen == {tx.author}:
        raise Refused(
            "no-recipient",
            "Income is shared with somebody: name at least one party besides the institution.",
            expected="another party",
            got=f"{tx.author} alone",
        )
    total = sum(each.ppm for each in record.recipients)
    if total != MILLION:
        raise Refused(
            "ratios-do-not-sum",
            "The parts of the recipients must sum to one million.",
            expected=f"{MILLION} ppm",
            got=f"{total} ppm",
        )


def _refuse_replacing(
    tx: Transaction, currency: str, effective_from: str, parties: list[str]
) -> str:
    """Return the agreement that would be replaced, or the empty string, if it may be.

    The institution need not be among ``parties``: it has stated the new agreement itself.
    """
    institution = tx.sole("institution")
    plan = tx.rows[ProfitPlan][currency,]
    if plan is None:
        return ""
    before = agreements.require(tx, ProfitAgreement, plan.latest)
    agreements.refuse_order(before, effective_from)
    for term in terms_of(tx, before):
        if term.ppm and term.party not in (*parties, institution):
            raise Refused(
                "recipient-missing",
                f"{term.party} has a part by {before.agreement}: name it, with 0 ppm if its part "
                "is to end, so that it can agree to that.",
                expected=f"a recipient {term.party}",
                got=", ".join(parties),
            )
    return before.agreement


def _refuse_dropped(tx: Transaction, offer: ProfitAgreement, keep: list[str]) -> None:
    for party in offer.parties:
        if party not in keep and _is_contradicted(tx, offer.agreement, [party]):
            raise Refused(
                "recipient-missing",
                f"{party} contradicts the offer {offer.agreement}: name it, with 0 ppm if it is to "
                "have no part, so that it can agree to that.",
                expected=f"a recipient {party}",
                got=", ".join(keep),
            )


def _is_contradicted(tx: Transaction, agreement: str, parties: Iterable[str]) -> bool:
    """Return whether one of ``parties`` has accepted other terms."""
    subjects = (acceptance(agreement, party) for party in parties)
    return any(agreements.contradiction(tx, PROFIT_ACCEPTANCE, each) for each in subjects)


def _drop(tx: Transaction, offer: ProfitAgreement, keep: list[str]) -> None:
    """Take back what an earlier version of an offer asked of parties it no longer names."""
    for party in offer.parties:
        tx.delete(ProfitTerm, (offer.agreement, party))
        if party not in keep:
            subject = acceptance(offer.agreement, party)
            detail = "the agreement was stated again without this party"
            expectations.meet_if_open(tx, PROFIT_ACCEPTANCE, subject, detail)


def _accepted(tx: Transaction, record: ProfitAccepted) -> None:
    offer = agreements.require(tx, ProfitAgreement, record.agreement)
    term = _own_term(tx, offer)
    agreements.refuse_closed(offer)
    if term.accepted:
        raise agreements.accepted_before(offer, tx.author)
    expectation = expectations.awaited(
        tx, PROFIT_ACCEPTANCE, acceptance(record.agreement, tx.author)
    )
    detail = differences(offer, term, record)
    if detail:
        tx.put(replace(offer, state=CONFLICTING))
        expectations.conflict(tx, expectation, detail)
        return
    awaiting = offer.awaiting - 1
    if not awaiting:
        _put_in_force(tx, offer)
    else:
        tx.put(replace(offer, awaiting=awaiting, state=_state(tx, offer)))
    tx.put(replace(term, accepted=True, entry=tx.entry))
    expectations.meet(tx, expectation)


def _own_term(tx: Transaction, offer: ProfitAgreement) -> ProfitTerm:
    term = tx.rows[ProfitTerm][offer.agreement, tx.author]
    if term is None or tx.author == tx.sole("institution"):
        others = [party for party in offer.parties if party != tx.sole("institution")]
        raise Refused(
            "wrong-author",
            f"Only the recipients that {offer.agreement} names can accept it.",
            expected=" or ".join(others),
            got=tx.author,
        )
    return term


def _put_in_force(tx: Transaction, offer: ProfitAgreement) -> None:
    before = _refuse_replacing(tx, offer.currency, offer.effective_from, list(offer.parties))
    tx.put(replace(offer, state=IN_FORCE, replaces=before, accepted_entry=tx.entry, awaiting=0))
    tx.put(ProfitPlan(offer.currency, offer.agreement))


def _state(tx: Transaction, offer: ProfitAgreement) -> str:
    """Return the state of an offer once the author's acceptance agrees and others are missing."""
    others = [party for party in offer.parties if party != tx.author]
    return CONFLICTING if _is_contradicted(tx, offer.agreement, others) else OFFERED


def differences(offer: ProfitAgreement, term: ProfitTerm, stated: ProfitAccepted) -> str:
    """Return what an offer and one recipient's acceptance disagree on, or the empty string."""
    pairs = (
        ("currency", offer.currency, stated.currency),
        ("effective_from", offer.effective_from, stated.effective_from),
        ("delay", offer.delay, stated.delay),
        ("ppm", term.ppm, stated.ppm),
    )
    found = [
        f"{name}: agreed {one}, accepted {other}" for name, one, other in pairs if one != other
    ]
    return "; ".join(found)


def _agreed_keys(record: ProfitAgreed, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    name = record.agreement
    keys: list[tuple[type[Row], Key]] = [
        (Expectation, (PROFIT_ACCEPTANCE, acceptance(name, each.party)))
        for each in record.recipients
    ]
    return [*keys, (ProfitAgreement, (name,)), (ProfitPlan, (record.currency,))]


def _accepted_keys(record: ProfitAccepted, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    return [(ProfitAgreement, (record.agreement,))]


def _subject(record: ProfitAgreed | ProfitAccepted) -> str:
    return f"profit-agreement:{record.agreement}"


ROWS: tuple[type[Row], ...] = (ProfitAgreement, ProfitTerm, ProfitPlan)
RULES = (
    Rule(ProfitAgreed, ("institution",), _agreed, _agreed_keys, _subject),
    Rule(ProfitAccepted, (), _accepted, _accepted_keys, _subject),
)
EXAMPLES: tuple[Record, ...] = (
    ProfitAgreed(
        at=1_760_000_000_026,
        id="inst-0024",
        agreement="profit-2025",
        currency="CNY",
        effective_from="2025-10",
        delay="T+2",
        recipients=(
            Recipient(party="institution", ppm=700_000),
            Recipient(party="platform", ppm=300_000),
        ),
    ),
    ProfitAccepted(
        at=1_760_000_000_027,
        id="plat-0022",
        agreement="profit-2025",
        currency="CNY",
        effective_from="2025-10",
        delay="T+2",
        ppm=300_000,
    ),
)
