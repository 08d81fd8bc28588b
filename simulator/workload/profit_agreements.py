"""Agreements on profit sharing: offered, stated again, accepted by each recipient."""

from __future__ import annotations

from collections.abc import Callable

from ledger.genesis import DAY_MS
from simulator.chance import MILLION
from simulator.workload.drafts import about, spoilt
from simulator.workload.knowledge import CURRENCIES
from simulator.workload.moves import ANYBODY, Author, Draft, Drafting, Moves, refused, valid
from simulator.workload.subjects import Fields, KnownAgreement, NothingFits

DELAYS = ("T+0", "D+0", "T+1", "T+2")

_HALF = MILLION // 2


def _offer(author: Author) -> Draft:
    known, chance = author.known, author.chance
    currency = chance.pick(CURRENCIES)
    latest = known.profit_chain(currency).latest
    author.assume(latest is None or chance.happens(300_000))
    since = known.date(known.first_ms - 40 * DAY_MS)[:7]
    if latest is not None:
        since = max(latest.since, known.date(known.cursor_ms)[:7])
    fields = _terms(author, currency, since, _parts(author, _needed(author, latest)))
    return Draft(fields, (), lambda: _learn_offer(author, fields))


def _correct(author: Author) -> Draft:
    """State an offer again that is not accepted by all, with other recipients."""
    offer = author.find(
        author.known.profit_agreements, lambda each: not each.in_force and _fits_in(author, each)
    )
    author.assume(author.chance.happens(300_000))
    needed = _needed(author, author.known.profit_chain(offer.terms["currency"]).latest)
    needed += offer.contradicting
    fields = {**offer.terms, "recipients": _parts(author, needed)}
    return Draft(fields, (offer,), lambda: _learn_offer(author, fields))


def _fits_in(author: Author, offer: KnownAgreement) -> bool:
    latest = author.known.profit_chain(offer.terms["currency"]).latest
    return latest is None or offer.since >= latest.since


def _learn_offer(author: Author, fields: Fields) -> None:
    known = author.known
    offer = known.profit_agreements.get(fields["agreement"])
    if offer is None:
        offer = KnownAgreement(fields)
        known.profit_agreements.add(offer)
    offer.terms, offer.accepted, offer.closed = fields, [], False
    recipients = {each["party"]: each["ppm"] for each in fields["recipients"]}
    recipients.pop(known.institution, None)
    offer.asked = recipients


def _needed(author: Author, latest: KnownAgreement | None) -> list[str]:
    """Return who has a part so far and so has to be named."""
    return [] if latest is None else [party for party, ppm in latest.asked.items() if ppm]


def _parts(author: Author, needed: list[str]) -> list[Fields]:
    known, chance = author.known, author.chance
    others = [party for party in known.dealers if party != known.institution]
    chosen = chance.some(others, 1 + chance.below(2))
    named = [party for party in others if party in chosen or party in needed]
    most = MILLION // max(1, len(named))
    ppms = [min(most, chance.pick((0, 100_000, 123_457, 250_000))) for _ in named]
    rest = {"party": known.institution, "ppm": MILLION - sum(ppms)}
    stated = [{"party": p, "ppm": ppm} for p, ppm in zip(named, ppms, strict=True)]
    return [rest, *stated]


def _terms(author: Author, currency: str, since: str, recipients: list[Fields]) -> Fields:
    return {
        "agreement": author.fresh("PA"),
        "currency": currency,
        "effective_from": since,
        "delay": author.chance.pick(DELAYS),
        "recipients": recipients,
    }


def _offer_of(*ppms: tuple[str, int]) -> Drafting:
    """Return an offer of these parts; an empty name is the institution."""

    def draft(author: Author) -> Draft:
        recipients = [{"party": name or author.party, "ppm": ppm} for name, ppm in ppms]
        return Draft(_terms(author, "CNY", "2025-01", recipients))

    return draft


_offer_known = about(
    lambda known: known.profit_agreements,
    lambda _, each: each.in_force,
    lambda _, each: each.terms,
)


def _offer_early(author: Author) -> Draft:
    found = author.find(author.known.profit_agreements, lambda each: each.in_force)
    return Draft({**found.terms, "agreement": author.fresh("PA"), "effective_from": "2001-01"})


def _offer_missing(author: Author) -> Draft:
    """Offer without somebody who has a part; and, if it can be, to others only."""
    known = author.known
    currency = author.chance.pick(CURRENCIES)
    latest = known.profit_chain(currency).latest
    needed = _needed(author, latest)
    others = [each for each in known.dealers if each not in (*needed, known.institution)]
    if latest is None or not needed or not others:
        raise NothingFits
    recipients = [{"party": others[0], "ppm": MILLION}]
    return Draft(_terms(author, currency, latest.since, recipients))


def _accept(author: Author) -> Draft:
    offer = author.find(
        author.known.profit_agreements,
        lambda each: _is_asked(author, each) and _why_not(author, each) == "",
    )
    author.assume(author.chance.happens(600_000))
    fields, terms = _consent(author, offer), offer.terms
    if author.errs():
        fields = {**fields, "delay": "D+30"}
        return Draft(fields, (offer,), lambda: offer.contradicting.append(author.party))

    def learn() -> None:
        if offer.terms is not terms:
            offer.contradicting.append(author.party)  # it was stated again meanwhile
            return
        offer.contradicting = [each for each in offer.contradicting if each != author.party]
        offer.accepted.append(author.party)
        if len(offer.accepted) == len(offer.asked):
            offer.in_force = True
            author.known.profit_chain(offer.terms["currency"]).links.append(offer)

    return Draft(fields, (offer,), learn)


def _is_asked(author: Author, offer: KnownAgreement) -> bool:
    return not offer.closed and author.party in offer.asked and author.party not in offer.accepted


def _why_not(author: Author, offer: KnownAgreement) -> str:
    """Return why the last acceptance of an offer would be refused, if it is the last one."""
    latest = author.known.profit_chain(offer.terms["currency"]).latest
    if latest is None or len(offer.accepted) + 1 < len(offer.asked):
        return ""
    if offer.since < latest.since:
        return "effective-too-early"
    missing = [party for party in _needed(author, latest) if party not in offer.asked]
    return "recipient-missing" if missing else ""


def _consent(author: Author, offer: KnownAgreement) -> Fields:
    terms = offer.terms
    return {
        **{name: terms[name] for name in ("agreement", "currency", "effective_from", "delay")},
        "ppm": offer.asked.get(author.party, 0),
    }


def _accept_what(fits: Callable[[Author, KnownAgreement], bool]) -> Drafting:
    return about(lambda known: known.profit_agreements, fits, _consent)


def _accept_refused(code: str) -> Drafting:
    return _accept_what(
        lambda author, each: _is_asked(author, each) and _why_not(author, each) == code
    )


def _accept_unknown(author: Author) -> Draft:
    offer = KnownAgreement(_terms(author, "CNY", "2025-01", []))
    return Draft(_consent(author, offer))


MOVES: Moves = {
    ("institution", "profit.agreed"): (
        valid(_offer, 3),
        valid(_correct),
        refused("agreement-in-force", _offer_known),
        refused("unknown-party", _offer_of(("stranger", MILLION))),
        refused("recipient-twice", _offer_of(("platform", _HALF), ("platform", _HALF))),
        refused("no-recipient", _offer_of(("", MILLION))),
        refused("ratios-do-not-sum", _offer_of(("platform", _HALF))),
        refused("effective-too-early", _offer_early),
        refused("effective-too-late", spoilt(_offer, effective_from="2100-01")),
        refused("recipient-missing", _offer_missing),
    ),
    (ANYBODY, "profit.accepted"): (
        valid(_accept, 4),
        refused("unknown-agreement", _accept_unknown),
        refused("wrong-author", _accept_what(lambda author, each: author.party not in each.asked)),
        refused(
            "already-accepted",
            _accept_what(lambda author, each: not each.closed and author.party in each.accepted),
        ),
        refused(
            "offer-closed",
            _accept_what(lambda author, each: each.closed and author.party in each.asked),
        ),
        refused("effective-too-early", _accept_refused("effective-too-early"), 4),
        refused("recipient-missing", _accept_refused("recipient-missing")),
    ),
}
