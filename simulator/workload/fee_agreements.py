"""Fee agreements: offered, corrected, accepted; later ones replace earlier ones."""

from __future__ import annotations

from collections.abc import Callable

from ledger.genesis import DAY_MS
from simulator.workload.drafts import about, spoilt
from simulator.workload.knowledge import CURRENCIES
from simulator.workload.moves import Author, Draft, Drafting, Moves, refused, valid
from simulator.workload.subjects import Chain, Fields, KnownAgreement


def _offer(author: Author) -> Draft:
    known, chance = author.known, author.chance
    currency = chance.pick(CURRENCIES)
    channel = chance.pick(("", "", "wechat"))
    before = known.fee_chain(currency, channel).latest
    author.assume(before is None or chance.happens(250_000))
    since = max("" if before is None else before.since, _some_day(author, before is None))
    fields = _terms(author, currency, channel, since)
    return Draft(fields, (), lambda: known.fee_agreements.add(KnownAgreement(fields)))


def _some_day(author: Author, first: bool) -> str:
    known = author.known
    if first:
        return known.date(known.first_ms - 40 * DAY_MS)
    return known.date(known.cursor_ms + author.chance.below(40) * DAY_MS)


def _terms(author: Author, currency: str, channel: str, since: str) -> Fields:
    fields: Fields = {
        "agreement": author.fresh("FA"),
        "currency": currency,
        "effective_from": since,
        "rate_ppm": 1000 + author.chance.below(9000),
        "minimum": 1 + author.chance.below(20),
    }
    if author.chance.happens(300_000):
        fields["maximum"] = 200
    if channel:
        fields["channel"] = channel
    return fields


def _correct(author: Author) -> Draft:
    """State an offer again that is not accepted yet."""
    offer = author.find(author.known.fee_agreements, lambda each: not each.in_force)
    author.assume(not _is_late(author, offer) and author.chance.happens(300_000))
    fields = {**offer.terms, "rate_ppm": offer.terms["rate_ppm"] + 1}

    def learn() -> None:
        offer.terms, offer.closed = fields, False

    return Draft(fields, (offer,), learn)


def _is_late(author: Author, offer: KnownAgreement) -> bool:
    """Return whether a later agreement has come into force meanwhile."""
    latest = _chain_of(author, offer).latest
    return latest is not None and offer.since < latest.since


def _chain_of(author: Author, offer: KnownAgreement) -> Chain:
    return author.known.fee_chain(offer.terms["currency"], offer.terms.get("channel", ""))


def _accept(author: Author) -> Draft:
    offer = author.find(
        author.known.fee_agreements, lambda each: each.is_open and not _is_late(author, each)
    )
    author.assume(author.chance.happens(250_000))
    if author.errs():
        fields = {**offer.terms, "rate_ppm": offer.terms["rate_ppm"] + 7}
        return Draft(fields, (offer,), lambda: offer.contradicting.append(author.party))

    terms = offer.terms

    def learn() -> None:
        if offer.terms is not terms:  # it was corrected meanwhile, and this conflicts with it
            offer.contradicting.append(author.party)
        else:
            offer.in_force, offer.contradicting = True, []
            _chain_of(author, offer).links.append(offer)

    return Draft(terms, (offer,), learn)


def _terms_of(fits: Callable[[Author, KnownAgreement], bool]) -> Drafting:
    return about(lambda known: known.fee_agreements, fits, lambda _, each: each.terms)


def _too_early(author: Author) -> Draft:
    found = author.find(author.known.fee_agreements, lambda each: each.in_force)
    return Draft({**found.terms, "agreement": author.fresh("FA"), "effective_from": "2001-01-01"})


def _new_terms(author: Author) -> Draft:
    return Draft(_terms(author, "CNY", "", "2001-01-01"))


MOVES: Moves = {
    ("institution", "fee.agreed"): (
        valid(_offer, 4),
        valid(_correct),
        refused("agreement-in-force", _terms_of(lambda author, each: each.in_force)),
        refused("no-such-date", spoilt(_new_terms, effective_from="2026-02-30")),
        refused("effective-too-late", spoilt(_new_terms, effective_from="2100-01-01")),
        refused("fee-bounds", spoilt(_new_terms, minimum=11, maximum=10)),
        refused("fee-terms-out-of-range", spoilt(_new_terms, rate_ppm=1_000_000)),
        refused("effective-too-early", _too_early),
    ),
    ("platform", "fee.accepted"): (
        valid(_accept, 4),
        refused("unknown-agreement", _new_terms),
        refused("already-accepted", _terms_of(lambda author, each: each.in_force)),
        refused(
            "effective-too-early",
            _terms_of(lambda author, each: each.is_open and _is_late(author, each)),
        ),
        refused("offer-closed", _terms_of(lambda author, each: each.closed)),
    ),
}
