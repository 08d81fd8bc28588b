"""Fee agreements: offered, corrected, accepted; later ones replace earlier ones."""

from __future__ import annotations

from collections.abc import Callable

from ledger.genesis import DAY_MS
from simulator.workload.book import CURRENCIES
from simulator.workload.moves import Desk, Draft, Move, spoilt, valid
from simulator.workload.things import Agreement, Chain, Fields

DIFFERS_PPM = 80_000

_BY, _PLATFORM = "institution", "platform"


def _offer(desk: Desk) -> Draft | None:
    book, chance = desk.book, desk.chance
    currency = chance.pick(CURRENCIES)
    channel = chance.pick(("", "", "wechat"))
    before = book.tariff(currency, channel).latest
    if before is not None and not chance.happens(250_000):
        return None
    since = max("" if before is None else before.since, _some_day(desk, before is None))
    fields = _terms(desk, currency, channel, since)
    return Draft(fields, (), lambda: book.fee_agreements.add(Agreement(fields)))


def _some_day(desk: Desk, first: bool) -> str:
    book = desk.book
    if first:
        return book.date(book.first_ms - 40 * DAY_MS)
    return book.date(book.cursor_ms + desk.chance.below(40) * DAY_MS)


def _terms(desk: Desk, currency: str, channel: str, since: str) -> Fields:
    fields: Fields = {
        "agreement": desk.fresh("FA"),
        "currency": currency,
        "effective_from": since,
        "rate_ppm": 1000 + desk.chance.below(9000),
        "minimum": 1 + desk.chance.below(20),
    }
    if desk.chance.happens(300_000):
        fields["maximum"] = 200
    if channel:
        fields["channel"] = channel
    return fields


def _correct(desk: Desk) -> Draft | None:
    """State an offer again that is not accepted yet."""
    offer = desk.find(desk.book.fee_agreements, lambda each: not each.in_force)
    if offer is None or _is_late(desk, offer) or not desk.chance.happens(300_000):
        return None
    fields = {**offer.terms, "rate_ppm": offer.terms["rate_ppm"] + 1}

    def learn() -> None:
        offer.terms, offer.closed = fields, False

    return Draft(fields, (offer,), learn)


def _is_late(desk: Desk, offer: Agreement) -> bool:
    """Return whether a later agreement has come into force meanwhile."""
    latest = _chain_of(desk, offer).latest
    return latest is not None and offer.since < latest.since


def _chain_of(desk: Desk, offer: Agreement) -> Chain:
    return desk.book.tariff(offer.terms["currency"], offer.terms.get("channel", ""))


def _accept(desk: Desk) -> Draft | None:
    offer = desk.find(
        desk.book.fee_agreements, lambda each: each.is_open and not _is_late(desk, each)
    )
    if offer is None or not desk.chance.happens(250_000):
        return None
    if desk.chance.happens(DIFFERS_PPM):
        fields = {**offer.terms, "rate_ppm": offer.terms["rate_ppm"] + 7}
        return Draft(fields, (offer,), lambda: offer.contradicting.append(desk.party))

    terms = offer.terms

    def learn() -> None:
        if offer.terms is not terms:  # it was corrected meanwhile, and this conflicts with it
            offer.contradicting.append(desk.party)
        else:
            offer.in_force, offer.contradicting = True, []
            _chain_of(desk, offer).links.append(offer)

    return Draft(terms, (offer,), learn)


def _terms_of(fits: Callable[[Desk, Agreement], bool]) -> Callable[[Desk], Draft | None]:
    def draft(desk: Desk) -> Draft | None:
        found = desk.find(desk.book.fee_agreements, lambda each: fits(desk, each))
        return None if found is None else Draft(found.terms, (found,))

    return draft


def _too_early(desk: Desk) -> Draft | None:
    found = desk.find(desk.book.fee_agreements, lambda each: each.in_force)
    if found is None:
        return None
    return Draft({**found.terms, "agreement": desk.fresh("FA"), "effective_from": "2001-01-01"})


def _new_terms(desk: Desk) -> Draft:
    return Draft(_terms(desk, "CNY", "", "2001-01-01"))


MOVES = (
    valid(_BY, "fee.agreed", _offer, 4),
    valid(_BY, "fee.agreed", _correct),
    Move(_BY, "fee.agreed", "agreement-in-force", _terms_of(lambda desk, each: each.in_force)),
    Move(_BY, "fee.agreed", "no-such-date", spoilt(_new_terms, effective_from="2026-02-30")),
    Move(_BY, "fee.agreed", "effective-too-late", spoilt(_new_terms, effective_from="2100-01-01")),
    Move(_BY, "fee.agreed", "fee-bounds", spoilt(_new_terms, minimum=11, maximum=10)),
    Move(_BY, "fee.agreed", "fee-terms-out-of-range", spoilt(_new_terms, rate_ppm=1_000_000)),
    Move(_BY, "fee.agreed", "effective-too-early", _too_early),
    valid(_PLATFORM, "fee.accepted", _accept, 4),
    Move(_PLATFORM, "fee.accepted", "unknown-agreement", _new_terms),
    Move(
        _PLATFORM, "fee.accepted", "already-accepted", _terms_of(lambda desk, each: each.in_force)
    ),
    Move(
        _PLATFORM,
        "fee.accepted",
        "effective-too-early",
        _terms_of(lambda desk, each: each.is_open and _is_late(desk, each)),
    ),
    Move(_PLATFORM, "fee.accepted", "offer-closed", _terms_of(lambda desk, each: each.closed)),
)
