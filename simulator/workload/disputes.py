"""Disputes: any party about anything, answered by the party named or withdrawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulator.workload.drafts import about, anything, spoilt
from simulator.workload.knowledge import Shelf
from simulator.workload.moves import ANYBODY, Author, Draft, Drafting, Moves, refused, valid
from simulator.workload.subjects import Fields, Known, KnownDispute, NothingFits


def _subject(author: Author) -> str:
    """Return something that the log knows."""
    known = author.known
    shelves: dict[str, Shelf[Any]] = {
        "receiver": known.receivers,
        "payment": known.payments,
        "payout": known.payouts,
        "refund": known.refunds,
        "float": known.movements,
        "invoice": known.invoices,
        "fee-agreement": known.fee_agreements,
        "profit-agreement": known.profit_agreements,
        "share": known.shares,
        "loan": known.loans,
        "compensation": known.compensations,
    }
    kind = author.chance.pick(tuple(shelves))
    subject: Known | None = shelves[kind].find(author.chance, lambda each: True)
    if subject is None:
        raise NothingFits
    return f"{kind}:{subject.name}"


def _leg(author: Author) -> str:
    payment = author.find(author.known.payments, lambda each: each.split is not None)
    return f"payment:{payment.name}/leg:1"


def _raise(author: Author) -> Draft:
    known = author.known
    subject = _leg(author) if author.chance.happens(200_000) else _subject(author)
    others = [party for party in known.parties if party != author.party]
    fields = _claim(author, subject, author.chance.pick(others))
    dispute = KnownDispute(fields["dispute"], author.party, fields["against"])
    return Draft(fields, (), lambda: known.disputes.add(dispute))


def _claim(author: Author, subject: str, against: str) -> Fields:
    return {
        "dispute": author.fresh("D"),
        "subject": subject,
        "against": against,
        "reason": "not what was agreed",
    }


def _raise_oneself(author: Author) -> Draft:
    return Draft(_claim(author, "payment:P1", author.party))


_raise_known = about(
    lambda known: known.disputes,
    anything,
    lambda author, each: {**_claim(author, "payment:P1", author.party), "dispute": each.name},
)


def _answer(author: Author) -> Draft:
    """Answer a dispute, or now and then withdraw one."""
    mine = author.chance.happens(200_000)
    dispute = author.find(
        author.known.disputes,
        lambda each: each.open and author.party == (each.raiser if mine else each.against),
    )
    outcome = "withdrawn" if mine else "upheld"
    if not mine and not dispute.rejected and author.chance.happens(500_000):
        outcome = "rejected"

    def learn() -> None:
        dispute.rejected = outcome == "rejected"
        dispute.open = dispute.rejected

    return Draft(_word(dispute.name, outcome), (dispute,), learn)


def _word(name: str, outcome: str) -> Fields:
    return {"dispute": name, "outcome": outcome, "reason": "checked"}


def _answer_what(fits: Callable[[Author, KnownDispute], bool], outcome: str = "upheld") -> Drafting:
    return about(lambda known: known.disputes, fits, lambda _, each: _word(each.name, outcome))


def _is_third(author: Author, dispute: KnownDispute) -> bool:
    return author.party not in (dispute.raiser, dispute.against)


def _is_over(author: Author, dispute: KnownDispute) -> bool:
    return not dispute.open and not _is_third(author, dispute)


def _is_mine(author: Author, dispute: KnownDispute) -> bool:
    return dispute.open and author.party == dispute.raiser


def _is_rejected(author: Author, dispute: KnownDispute) -> bool:
    return dispute.rejected and author.party == dispute.against


MOVES: Moves = {
    (ANYBODY, "dispute.raised"): (
        valid(_raise, 2),
        refused("dispute-exists", _raise_known),
        refused("unknown-party", spoilt(_raise, against="stranger")),
        refused("dispute-with-oneself", _raise_oneself),
        refused("unknown-subject", spoilt(_raise, subject="payment:none")),
    ),
    (ANYBODY, "dispute.resolved"): (
        valid(_answer, 4),
        refused("unknown-dispute", lambda author: Draft(_word(author.fresh("NONE"), "upheld"))),
        refused("wrong-author", _answer_what(_is_third)),
        refused("dispute-resolved", _answer_what(_is_over)),
        refused("dispute-outcome", _answer_what(_is_mine)),
        refused("dispute-outcome", _answer_what(_is_rejected, "rejected")),
    ),
}
