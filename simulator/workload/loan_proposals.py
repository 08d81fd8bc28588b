"""Proposals of loans; whoever is due money of a loan names where to."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from msgspec.structs import replace

from ledger.lending.schedule import schedule
from ledger.lending.terms import INSTALMENTS_MAX, MILLION, Fee, LoanTerms
from simulator.workload.drafts import OVER_LIMIT, spoilt
from simulator.workload.knowledge import CURRENCIES
from simulator.workload.lending import changed_to, is_outside, own_receiver
from simulator.workload.loan_subjects import KnownLoan, LoanOffer
from simulator.workload.loan_terms import builtins, parties_of, stated, terms_of
from simulator.workload.moves import Author, Draft, Drafting, Moves, refused, valid
from simulator.workload.subjects import Fields, NothingFits

LOANS = 5
"""From so many on that are open a new one is rare."""
ANEW_PPM = 400_000
STATED_PPM = 300_000
"""How often a proposal states the schedule that its terms give."""


def _propose(author: Author) -> Draft:
    known, chance = author.known, author.chance
    running = known.loans.count(lambda each: each.is_open or each.asked is not None)
    author.assume(running < LOANS or chance.happens(30_000))
    again = author.seek(known.loans, lambda each: not each.in_force)
    if again is not None and not chance.happens(ANEW_PPM):
        again = None
    offer = _offer(author)
    name = author.fresh("L") if again is None else again.name

    def learn() -> None:
        found = known.loans.get(name)
        if found is None:
            known.loans.add(KnownLoan(name, offer))
        else:
            found.offer = offer

    about = () if again is None else (again,)
    return Draft(_said(author, name, offer), about, learn, offer.name_by)


def _offer(author: Author, find: Callable[..., str] = own_receiver) -> LoanOffer:
    parties, currency = parties_of(author), author.chance.pick(CURRENCIES)
    names = (*parties.names, parties.guarantor, parties.platform)
    receivers = {party: find(author, party, currency) for party in names if party}
    return LoanOffer(terms_of(author, parties), parties, receivers, currency)


def _said(author: Author, name: str, offer: LoanOffer) -> Fields:
    receivers, parties = offer.receivers, offer.parties
    guarantor = parties.guarantor
    fields: Fields = {
        "loan": name,
        "borrower": author.commitment(),
        "currency": offer.currency,
        "funders": [
            {"party": each.party, "ppm": each.ppm, "receiver": receivers[each.party]}
            for each in parties.funders
        ],
        "platform_receiver": receivers[parties.platform],
        "terms": builtins(offer.terms),
    }
    if guarantor:
        fields["guarantor"] = {"party": guarantor, "receiver": receivers[guarantor]}
    if author.chance.happens(STATED_PPM):
        fields["schedule"] = _schedule(offer)
    return fields


def _schedule(offer: LoanOffer) -> list[Fields]:
    return [builtins(row) for row in schedule(offer.terms).rows]


# --- what is wrong with a proposal --------------------------------------------------------------


def _wrong(change: Callable[[Author, LoanOffer, Fields], Fields]) -> Drafting:
    """Return a proposal with other fields, from which the workload learns nothing."""

    def draft(author: Author) -> Draft:
        offer = _offer(author)
        fields = _said(author, author.fresh("L"), offer)
        fields.pop("schedule", None)
        return Draft({**fields, **change(author, offer, fields)})

    return draft


def _terms(**changes: object) -> Drafting:
    """Return a proposal with other terms."""
    return _wrong(lambda author, offer, fields: {"terms": {**fields["terms"], **changes}})


def _due_at_once(author: Author, offer: LoanOffer, fields: Fields) -> Fields:
    return {"terms": {**fields["terms"], "first_due": fields["terms"]["disbursed"]}}


def _twice(author: Author, offer: LoanOffer, fields: Fields) -> Fields:
    return {"funders": [*fields["funders"], fields["funders"][0]]}


def _not_all(author: Author, offer: LoanOffer, fields: Fields) -> Fields:
    first, *rest = fields["funders"]
    other = first["ppm"] - 1 if first["ppm"] == MILLION else first["ppm"] + 1
    return {"funders": [{**first, "ppm": other}, *rest]}


def _to_stranger(author: Author, offer: LoanOffer, fields: Fields) -> Fields:
    first, *rest = fields["funders"]
    return {"funders": [{**first, "party": "stranger"}, *rest]}


def _fee_twice(author: Author, offer: LoanOffer, fields: Fields) -> Fields:
    fee = Fee(name="extra", to=offer.parties.platform, total=1)
    return {"terms": builtins(replace(_unstated(author, offer), fees=(fee, fee)))}


def _fee_to_stranger(author: Author, offer: LoanOffer, fields: Fields) -> Fields:
    fee = Fee(name="extra", to="stranger", total=1)
    return {"terms": builtins(replace(_unstated(author, offer), fees=(fee,)))}


def _unstated(author: Author, offer: LoanOffer) -> LoanTerms:
    author.assume(not offer.terms.stated)
    return offer.terms


def _a_fen_more(author: Author, offer: LoanOffer, fields: Fields) -> Fields:
    """State a schedule that repays a fen too much."""
    terms = offer.terms if offer.terms.stated else stated(offer.terms)
    first, *rest = terms.stated
    first = replace(first, principal=first.principal + 1)
    return {"terms": builtins(replace(terms, stated=(first, *rest)))}


def _other_schedule(author: Author, offer: LoanOffer, fields: Fields) -> Fields:
    *rows, last = _schedule(offer)
    return {"schedule": [*rows, {**last, "interest": last["interest"] + 1}]}


def _to_other(author: Author, offer: LoanOffer, fields: Fields) -> Fields:
    """Let the platform's part go to a receiver that is not its own."""
    other = author.find(author.known.receivers, lambda each: each.owner != author.known.platform)
    return {"platform_receiver": other.name}


def _to_shut(author: Author) -> Draft:
    """Propose a loan of which some receiver is suspended."""
    shut: list[str] = []

    def find(author: Author, party: str, currency: str) -> str:
        with suppress(NothingFits):
            shut.append(own_receiver(author, party, currency, is_shut=True))
            return shut[-1]
        return own_receiver(author, party, currency)

    offer = _offer(author, find)
    author.assume(bool(shut))
    return Draft(_said(author, author.fresh("L"), offer))


_plain = _wrong(lambda author, offer, fields: {})


def _in_force(author: Author) -> str:
    return author.find(author.known.loans, lambda each: each.in_force).name


# --- receivers ----------------------------------------------------------------------------------


def _name(author: Author) -> Draft:
    loan = author.find(
        author.known.loans,
        lambda each: _is_due(author, each) or is_outside(author, "platform", "funder", "guarantor"),
    )
    author.assume(author.chance.happens(300_000))
    receiver = own_receiver(author, author.party, loan.offer.currency)

    def learn() -> None:
        loan.offer.receivers = {**loan.offer.receivers, author.party: receiver}

    return Draft({"loan": loan.name, "receiver": receiver}, (loan,), learn)


def _is_due(author: Author, loan: KnownLoan) -> bool:
    return author.party in loan.offer.receivers


def _name_what(receiver: Callable[[Author, KnownLoan], str], *, mine: bool = True) -> Drafting:
    """Return a receiver that may not be named, for a loan that is the author's or not."""

    def draft(author: Author) -> Draft:
        loan = author.find(author.known.loans, lambda each: _is_due(author, each) == mine)
        return Draft({"loan": loan.name, "receiver": receiver(author, loan)}, (loan,))

    return draft


def _of_other(author: Author, loan: KnownLoan) -> str:
    return author.find(author.known.receivers, lambda each: each.owner != author.party).name


def _of_other_currency(author: Author, loan: KnownLoan) -> str:
    currency = author.chance.pick([each for each in CURRENCIES if each != loan.offer.currency])
    return own_receiver(author, author.party, currency)


def _own_shut(author: Author, loan: KnownLoan) -> str:
    return own_receiver(author, author.party, loan.offer.currency, is_shut=True)


_NAMING = (
    valid(_name),
    refused("loan-unknown", spoilt(_name, loan="NONE")),
    refused("receiver-not-owned", _name_what(_of_other)),
    refused("receiver-suspended", _name_what(_own_shut), 2),
    refused("unknown-receiver", _name_what(lambda author, loan: "nobody")),
    refused("wrong-author", _name_what(_of_other, mine=False)),
    refused("wrong-currency", _name_what(_of_other_currency), 2),
)
MOVES: Moves = {
    ("platform", "loan.proposed"): (
        valid(_propose, 6),
        refused("amount-over-limit", _terms(principal=OVER_LIMIT)),
        refused("beneficiary-unknown", _wrong(_fee_to_stranger)),
        refused("cost-over-limit", _terms(annual_rate_ppm=900_000), 2),
        refused("dates-out-of-order", _wrong(_due_at_once)),
        refused("early-fee-over-limit", _terms(early_fee_ppm=30_001)),
        refused("funders-form", _wrong(_twice)),
        refused("loan-exists", changed_to(_plain, _in_force)),
        refused("receiver-not-owned", _wrong(_to_other)),
        refused("receiver-suspended", _to_shut, 2),
        refused("schedule-differs", _wrong(_other_schedule)),
        refused("schedule-does-not-close", _wrong(_a_fen_more)),
        refused("shares-do-not-sum", _wrong(_not_all)),
        refused("terms-contradict", _wrong(_fee_twice)),
        refused("terms-out-of-range", _terms(instalments=INSTALMENTS_MAX + 1)),
        refused("unknown-party", _wrong(_to_stranger)),
        refused("unknown-receiver", spoilt(_plain, platform_receiver="nobody")),
        refused("wrong-currency", spoilt(_plain, currency="EUR")),
    ),
    **{(role, "loan.receiver_named"): _NAMING for role in ("platform", "funder", "guarantor")},
}
