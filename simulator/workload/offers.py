"""Offers of agreements, on fees or on profit, that either side closes."""

from __future__ import annotations

from collections.abc import Callable

from simulator.workload.book import Shelf
from simulator.workload.moves import ANYBODY, Desk, Draft, Move, valid
from simulator.workload.things import Agreement, Fields

CLOSES_PPM = 60_000


def _kind(desk: Desk) -> tuple[str, Shelf[Agreement]]:
    book = desk.book
    return desk.chance.pick((("fee", book.fee_agreements), ("profit", book.profit_agreements)))


def _sides(desk: Desk, offer: Agreement) -> tuple[str, ...]:
    return (desk.book.institution, *(offer.asked or (desk.book.platform,)))


def _word(kind: str, name: str) -> Fields:
    return {"kind": kind, "agreement": name, "reason": "not wanted any more"}


def _close(desk: Desk) -> Draft | None:
    kind, shelf = _kind(desk)
    offer = desk.find(shelf, lambda each: _may_close(desk, each))
    if offer is None or (offer.is_open and not desk.chance.happens(CLOSES_PPM)):
        return None
    terms = offer.terms

    def learn() -> None:
        if offer.terms is terms:  # or else it was stated again meanwhile
            offer.closed = True
            offer.contradicting = [each for each in offer.contradicting if each != desk.party]

    return Draft(_word(kind, offer.name), (offer,), learn)


def _may_close(desk: Desk, offer: Agreement) -> bool:
    """Return whether it may close an open offer, or a closed one that it still contradicts."""
    if offer.in_force or desk.party not in _sides(desk, offer):
        return False
    return offer.is_open or desk.party in offer.contradicting


def _close_what(fits: Callable[[Desk, Agreement], bool]) -> Callable[[Desk], Draft | None]:
    def draft(desk: Desk) -> Draft | None:
        kind, shelf = _kind(desk)
        offer = desk.find(shelf, lambda each: fits(desk, each))
        return None if offer is None else Draft(_word(kind, offer.name), (offer,))

    return draft


def _is_mine(fits: Callable[[Agreement], bool]) -> Callable[[Desk, Agreement], bool]:
    return lambda desk, each: desk.party in _sides(desk, each) and fits(each)


MOVES = (
    valid(ANYBODY, "offer.closed", _close, 2),
    Move(
        ANYBODY,
        "offer.closed",
        "unknown-agreement",
        lambda desk: Draft(_word("fee", desk.fresh("NONE"))),
    ),
    Move(
        ANYBODY,
        "offer.closed",
        "wrong-author",
        _close_what(lambda desk, each: desk.party not in _sides(desk, each)),
    ),
    Move(
        ANYBODY,
        "offer.closed",
        "agreement-in-force",
        _close_what(_is_mine(lambda each: each.in_force)),
    ),
    Move(
        ANYBODY,
        "offer.closed",
        "offer-closed",
        _close_what(
            lambda desk, each: (
                each.closed and desk.party in _sides(desk, each) and not _may_close(desk, each)
            )
        ),
    ),
)
