"""Disputes: any party about anything, answered by the party named or withdrawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulator.workload.book import Shelf
from simulator.workload.moves import ANYBODY, Desk, Draft, Move, spoilt, valid
from simulator.workload.things import Dispute, Fields, Thing


def _subject(desk: Desk) -> str:
    """Return something that the log knows, or the empty string."""
    book = desk.book
    shelves: dict[str, Shelf[Any]] = {
        "receiver": book.receivers,
        "payment": book.payments,
        "payout": book.payouts,
        "refund": book.refunds,
        "float": book.movements,
        "invoice": book.invoices,
        "fee-agreement": book.fee_agreements,
        "profit-agreement": book.profit_agreements,
        "share": book.shares,
    }
    kind = desk.chance.pick(tuple(shelves))
    thing: Thing | None = shelves[kind].find(desk.chance, lambda each: True)
    return "" if thing is None else f"{kind}:{thing.name}"


def _leg(desk: Desk) -> str:
    payment = desk.find(desk.book.payments, lambda each: each.split is not None)
    return "" if payment is None else f"payment:{payment.name}/leg:1"


def _raise(desk: Desk) -> Draft | None:
    book = desk.book
    subject = _leg(desk) if desk.chance.happens(200_000) else _subject(desk)
    others = [party for party in book.parties if party != desk.party]
    if not subject:
        return None
    fields = _claim(desk, subject, desk.chance.pick(others))
    dispute = Dispute(fields["dispute"], desk.party, fields["against"])
    return Draft(fields, (), lambda: book.disputes.add(dispute))


def _claim(desk: Desk, subject: str, against: str) -> Fields:
    return {
        "dispute": desk.fresh("D"),
        "subject": subject,
        "against": against,
        "reason": "not what was agreed",
    }


def _raise_oneself(desk: Desk) -> Draft:
    return Draft(_claim(desk, "payment:P1", desk.party))


def _raise_known(desk: Desk) -> Draft | None:
    dispute = desk.find(desk.book.disputes, lambda each: True)
    if dispute is None:
        return None
    return Draft({**_claim(desk, "payment:P1", desk.party), "dispute": dispute.name}, (dispute,))


def _answer(desk: Desk) -> Draft | None:
    """Answer a dispute, or now and then withdraw one."""
    mine = desk.chance.happens(200_000)
    dispute = desk.find(
        desk.book.disputes,
        lambda each: each.open and desk.party == (each.raiser if mine else each.against),
    )
    if dispute is None:
        return None
    outcome = "withdrawn" if mine else "upheld"
    if not mine and not dispute.rejected and desk.chance.happens(500_000):
        outcome = "rejected"

    def learn() -> None:
        dispute.rejected = outcome == "rejected"
        dispute.open = dispute.rejected

    return Draft(_word(dispute.name, outcome), (dispute,), learn)


def _word(name: str, outcome: str) -> Fields:
    return {"dispute": name, "outcome": outcome, "reason": "checked"}


def _answer_what(
    fits: Callable[[Desk, Dispute], bool], outcome: str
) -> Callable[[Desk], Draft | None]:
    def draft(desk: Desk) -> Draft | None:
        dispute = desk.find(desk.book.disputes, lambda each: fits(desk, each))
        return None if dispute is None else Draft(_word(dispute.name, outcome), (dispute,))

    return draft


def _is_third(desk: Desk, dispute: Dispute) -> bool:
    return desk.party not in (dispute.raiser, dispute.against)


def _is_over(desk: Desk, dispute: Dispute) -> bool:
    return not dispute.open and not _is_third(desk, dispute)


MOVES = (
    valid(ANYBODY, "dispute.raised", _raise, 2),
    Move(ANYBODY, "dispute.raised", "dispute-exists", _raise_known),
    Move(ANYBODY, "dispute.raised", "unknown-party", spoilt(_raise, against="stranger")),
    Move(ANYBODY, "dispute.raised", "dispute-with-oneself", _raise_oneself),
    Move(ANYBODY, "dispute.raised", "unknown-subject", spoilt(_raise, subject="payment:none")),
    valid(ANYBODY, "dispute.resolved", _answer, 4),
    Move(
        ANYBODY,
        "dispute.resolved",
        "unknown-dispute",
        lambda desk: Draft(_word(desk.fresh("NONE"), "upheld")),
    ),
    Move(ANYBODY, "dispute.resolved", "wrong-author", _answer_what(_is_third, "upheld")),
    Move(ANYBODY, "dispute.resolved", "dispute-resolved", _answer_what(_is_over, "upheld")),
    Move(
        ANYBODY,
        "dispute.resolved",
        "dispute-outcome",
        _answer_what(lambda desk, each: each.open and desk.party == each.raiser, "upheld"),
    ),
    Move(
        ANYBODY,
        "dispute.resolved",
        "dispute-outcome",
        _answer_what(lambda desk, each: each.rejected and desk.party == each.against, "rejected"),
    ),
)
