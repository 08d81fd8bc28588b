"""Offers of agreements, on fees or on profit, that either side closes."""

from __future__ import annotations

from collections.abc import Callable

from simulator.workload.knowledge import Shelf
from simulator.workload.moves import ANYBODY, Author, Draft, Drafting, Moves, refused, valid
from simulator.workload.subjects import Fields, KnownAgreement

CLOSES_PPM = 60_000


def _kind(author: Author) -> tuple[str, Shelf[KnownAgreement]]:
    known = author.known
    return author.chance.pick((("fee", known.fee_agreements), ("profit", known.profit_agreements)))


def _sides(author: Author, offer: KnownAgreement) -> tuple[str, ...]:
    return (author.known.institution, *(offer.asked or (author.known.platform,)))


def _word(kind: str, name: str) -> Fields:
    return {"kind": kind, "agreement": name, "reason": "not wanted any more"}


def _close(author: Author) -> Draft:
    kind, shelf = _kind(author)
    offer = author.find(shelf, lambda each: _may_close(author, each))
    author.assume(not offer.is_open or author.chance.happens(CLOSES_PPM))
    terms = offer.terms

    def learn() -> None:
        if offer.terms is terms:  # or else it was stated again meanwhile
            offer.closed = True
            offer.contradicting = [each for each in offer.contradicting if each != author.party]

    return Draft(_word(kind, offer.name), (offer,), learn)


def _may_close(author: Author, offer: KnownAgreement) -> bool:
    """Return whether it may close an open offer, or a closed one that it still contradicts."""
    if offer.in_force or author.party not in _sides(author, offer):
        return False
    return offer.is_open or author.party in offer.contradicting


def _close_what(fits: Callable[[Author, KnownAgreement], bool]) -> Drafting:
    def draft(author: Author) -> Draft:
        kind, shelf = _kind(author)
        offer = author.find(shelf, lambda each: fits(author, each))
        return Draft(_word(kind, offer.name), (offer,))

    return draft


def _is_mine(fits: Callable[[KnownAgreement], bool]) -> Callable[[Author, KnownAgreement], bool]:
    return lambda author, each: author.party in _sides(author, each) and fits(each)


MOVES: Moves = {
    (ANYBODY, "offer.closed"): (
        valid(_close, 2),
        refused("unknown-agreement", lambda author: Draft(_word("fee", author.fresh("NONE")))),
        refused(
            "wrong-author",
            _close_what(lambda author, each: author.party not in _sides(author, each)),
        ),
        refused("agreement-in-force", _close_what(_is_mine(lambda each: each.in_force))),
        refused(
            "offer-closed",
            _close_what(
                lambda author, each: (
                    each.closed
                    and author.party in _sides(author, each)
                    and not _may_close(author, each)
                )
            ),
        ),
    ),
}
