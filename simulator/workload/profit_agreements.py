"""Agreements on profit sharing: offered, stated again, accepted by each recipient."""

from __future__ import annotations

from collections.abc import Callable

from ledger.genesis import DAY_MS
from simulator.workload.book import CURRENCIES
from simulator.workload.moves import ANYBODY, Desk, Draft, Move, spoilt, valid
from simulator.workload.things import Agreement, Fields

MILLION = 1_000_000
DELAYS = ("T+0", "D+0", "T+1", "T+2")
DIFFERS_PPM = 80_000

_BY = "institution"
_HALF = MILLION // 2


def _offer(desk: Desk) -> Draft | None:
    book, chance = desk.book, desk.chance
    currency = chance.pick(CURRENCIES)
    latest = book.plan(currency).latest
    if latest is not None and not chance.happens(300_000):
        return None
    since = book.date(book.first_ms - 40 * DAY_MS)[:7]
    if latest is not None:
        since = max(latest.since, book.date(book.cursor_ms)[:7])
    fields = _terms(desk, currency, since, _parts(desk, _needed(desk, latest)))
    return Draft(fields, (), lambda: _learn_offer(desk, fields))


def _correct(desk: Desk) -> Draft | None:
    """State an offer again that is not accepted by all, with other recipients."""
    offer = desk.find(
        desk.book.profit_agreements, lambda each: not each.in_force and _fits_in(desk, each)
    )
    if offer is None or not desk.chance.happens(300_000):
        return None
    needed = _needed(desk, desk.book.plan(offer.terms["currency"]).latest)
    needed += offer.contradicting
    fields = {**offer.terms, "recipients": _parts(desk, needed)}
    return Draft(fields, (offer,), lambda: _learn_offer(desk, fields))


def _fits_in(desk: Desk, offer: Agreement) -> bool:
    latest = desk.book.plan(offer.terms["currency"]).latest
    return latest is None or offer.since >= latest.since


def _learn_offer(desk: Desk, fields: Fields) -> None:
    book = desk.book
    offer = book.profit_agreements.named(fields["agreement"])
    if offer is None:
        offer = Agreement(fields)
        book.profit_agreements.add(offer)
    offer.terms, offer.accepted, offer.closed = fields, [], False
    recipients = {each["party"]: each["ppm"] for each in fields["recipients"]}
    recipients.pop(book.institution, None)
    offer.asked = recipients


def _needed(desk: Desk, latest: Agreement | None) -> list[str]:
    """Return who has a part so far and so has to be named."""
    return [] if latest is None else [party for party, ppm in latest.asked.items() if ppm]


def _parts(desk: Desk, needed: list[str]) -> list[Fields]:
    book, chance = desk.book, desk.chance
    others = [party for party in book.dealers if party != book.institution]
    chosen = chance.some(others, 1 + chance.below(2))
    named = [party for party in others if party in chosen or party in needed]
    ppms = [chance.pick((0, 100_000, 123_457, 250_000)) for _ in named]
    rest = {"party": book.institution, "ppm": MILLION - sum(ppms)}
    stated = [{"party": p, "ppm": ppm} for p, ppm in zip(named, ppms, strict=True)]
    return [rest, *stated]


def _terms(desk: Desk, currency: str, since: str, recipients: list[Fields]) -> Fields:
    return {
        "agreement": desk.fresh("PA"),
        "currency": currency,
        "effective_from": since,
        "delay": desk.chance.pick(DELAYS),
        "recipients": recipients,
    }


def _offer_of(*ppms: tuple[str, int]) -> Callable[[Desk], Draft]:
    """Return an offer of these parts; an empty name is the institution."""

    def draft(desk: Desk) -> Draft:
        recipients = [{"party": name or desk.party, "ppm": ppm} for name, ppm in ppms]
        return Draft(_terms(desk, "CNY", "2025-01", recipients))

    return draft


def _offer_known(desk: Desk) -> Draft | None:
    found = desk.find(desk.book.profit_agreements, lambda each: each.in_force)
    return None if found is None else Draft(found.terms, (found,))


def _offer_early(desk: Desk) -> Draft | None:
    found = desk.find(desk.book.profit_agreements, lambda each: each.in_force)
    if found is None:
        return None
    return Draft({**found.terms, "agreement": desk.fresh("PA"), "effective_from": "2001-01"})


def _offer_missing(desk: Desk) -> Draft | None:
    """Offer without somebody who has a part; and, if it can be, to others only."""
    book = desk.book
    currency = desk.chance.pick(CURRENCIES)
    latest = book.plan(currency).latest
    needed = _needed(desk, latest)
    others = [each for each in book.dealers if each not in (*needed, book.institution)]
    if latest is None or not needed or not others:
        return None
    recipients = [{"party": others[0], "ppm": MILLION}]
    return Draft(_terms(desk, currency, latest.since, recipients))


def _accept(desk: Desk) -> Draft | None:
    offer = desk.find(
        desk.book.profit_agreements,
        lambda each: _is_asked(desk, each) and _why_not(desk, each) == "",
    )
    if offer is None or not desk.chance.happens(600_000):
        return None
    fields, terms = _consent(desk, offer), offer.terms
    if desk.chance.happens(DIFFERS_PPM):
        fields = {**fields, "delay": "D+30"}
        return Draft(fields, (offer,), lambda: offer.contradicting.append(desk.party))

    def learn() -> None:
        if offer.terms is not terms:
            offer.contradicting.append(desk.party)  # it was stated again meanwhile
            return
        offer.contradicting = [each for each in offer.contradicting if each != desk.party]
        offer.accepted.append(desk.party)
        if len(offer.accepted) == len(offer.asked):
            offer.in_force = True
            desk.book.plan(offer.terms["currency"]).links.append(offer)

    return Draft(fields, (offer,), learn)


def _is_asked(desk: Desk, offer: Agreement) -> bool:
    return not offer.closed and desk.party in offer.asked and desk.party not in offer.accepted


def _why_not(desk: Desk, offer: Agreement) -> str:
    """Return why the last acceptance of an offer would be refused, if it is the last one."""
    latest = desk.book.plan(offer.terms["currency"]).latest
    if latest is None or len(offer.accepted) + 1 < len(offer.asked):
        return ""
    if offer.since < latest.since:
        return "effective-too-early"
    missing = [party for party in _needed(desk, latest) if party not in offer.asked]
    return "recipient-missing" if missing else ""


def _consent(desk: Desk, offer: Agreement) -> Fields:
    terms = offer.terms
    return {
        **{name: terms[name] for name in ("agreement", "currency", "effective_from", "delay")},
        "ppm": offer.asked.get(desk.party, 0),
    }


def _accept_what(fits: Callable[[Desk, Agreement], bool]) -> Callable[[Desk], Draft | None]:
    def draft(desk: Desk) -> Draft | None:
        offer = desk.find(desk.book.profit_agreements, lambda each: fits(desk, each))
        return None if offer is None else Draft(_consent(desk, offer), (offer,))

    return draft


def _accept_refused(code: str) -> Callable[[Desk], Draft | None]:
    return _accept_what(lambda desk, each: _is_asked(desk, each) and _why_not(desk, each) == code)


def _accept_unknown(desk: Desk) -> Draft:
    offer = Agreement(_terms(desk, "CNY", "2025-01", []))
    return Draft(_consent(desk, offer))


MOVES = (
    valid(_BY, "profit.agreed", _offer, 3),
    valid(_BY, "profit.agreed", _correct),
    Move(_BY, "profit.agreed", "agreement-in-force", _offer_known),
    Move(_BY, "profit.agreed", "unknown-party", _offer_of(("stranger", MILLION))),
    Move(
        _BY,
        "profit.agreed",
        "recipient-twice",
        _offer_of(("platform", _HALF), ("platform", _HALF)),
    ),
    Move(_BY, "profit.agreed", "no-recipient", _offer_of(("", MILLION))),
    Move(_BY, "profit.agreed", "ratios-do-not-sum", _offer_of(("platform", _HALF))),
    Move(_BY, "profit.agreed", "effective-too-early", _offer_early),
    Move(_BY, "profit.agreed", "effective-too-late", spoilt(_offer, effective_from="2100-01")),
    Move(_BY, "profit.agreed", "recipient-missing", _offer_missing),
    valid(ANYBODY, "profit.accepted", _accept, 4),
    Move(ANYBODY, "profit.accepted", "unknown-agreement", _accept_unknown),
    Move(
        ANYBODY,
        "profit.accepted",
        "wrong-author",
        _accept_what(lambda desk, each: desk.party not in each.asked),
    ),
    Move(
        ANYBODY,
        "profit.accepted",
        "already-accepted",
        _accept_what(lambda desk, each: not each.closed and desk.party in each.accepted),
    ),
    Move(
        ANYBODY,
        "profit.accepted",
        "offer-closed",
        _accept_what(lambda desk, each: each.closed and desk.party in each.asked),
    ),
    Move(
        ANYBODY,
        "profit.accepted",
        "effective-too-early",
        _accept_refused("effective-too-early"),
        4,
    ),
    Move(ANYBODY, "profit.accepted", "recipient-missing", _accept_refused("recipient-missing")),
)
