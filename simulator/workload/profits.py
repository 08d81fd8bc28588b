"""Profit sharing: an invoice's income, and what of it the recipients received."""

from __future__ import annotations

from collections.abc import Callable

from ledger.contracts.allocation import share
from simulator.workload.moves import (
    ANYBODY,
    YEAR_2100_MS,
    Author,
    Draft,
    Move,
    raised,
    spoilt,
    valid,
)
from simulator.workload.subjects import Fields, KnownAgreement, KnownInvoice, KnownShare

DIFFERS_PPM = 80_000

_BY = "institution"


def _is_due(author: Author, invoice: KnownInvoice) -> bool:
    """Return whether the delay of the agreement that holds has passed."""
    held = author.known.profit_chain(invoice.period.currency).held(invoice.period.month)
    if held is None:
        return False
    known = author.known
    due = known.due(known.date(invoice.settled_ms), held.terms["delay"])
    return due <= known.date(author.now_ms)


def _shareable(author: Author, invoice: KnownInvoice) -> bool:
    held = author.known.profit_chain(invoice.period.currency).held(invoice.period.month)
    return invoice.settled_ms > 0 and not invoice.shared and held is not None


def _share_when(due: bool) -> Callable[[Author], Draft | None]:
    def draft(author: Author) -> Draft | None:
        known = author.known
        invoice = author.find(
            known.invoices, lambda each: _shareable(author, each) and _is_due(author, each) == due
        )
        if invoice is None:
            return None
        held = known.profit_chain(invoice.period.currency).held(invoice.period.month)
        if held is None:
            return None
        fields = _division(author, invoice, held)

        def learn() -> None:
            invoice.shared = True
            known.shares.add(KnownShare(fields, known.institution))

        return Draft(fields, (invoice,), learn)

    return draft


def _division(author: Author, invoice: KnownInvoice, agreement: KnownAgreement) -> Fields:
    recipients = agreement.terms["recipients"]
    amounts = share(invoice.amount, [each["ppm"] for each in recipients]).amounts
    portions = [
        {"party": each["party"], "amount": amount}
        for each, amount in zip(recipients, amounts, strict=True)
    ]
    return {
        "share": author.fresh("SH"),
        "invoice": invoice.name,
        "agreement": agreement.name,
        "amount": invoice.amount,
        "currency": invoice.period.currency,
        "portions": portions,
    }


def _share_what(
    fits: Callable[[Author, KnownInvoice], bool],
    by: Callable[[Author, KnownInvoice, KnownAgreement], bool],
) -> Callable[[Author], Draft | None]:
    """Return a share of an invoice that fits by an agreement that fits."""

    def draft(author: Author) -> Draft | None:
        invoice = author.find(author.known.invoices, lambda each: fits(author, each))
        if invoice is None:
            return None
        agreement = author.find(
            author.known.profit_agreements, lambda each: by(author, invoice, each)
        )
        if agreement is None:
            return None
        return Draft(_division(author, invoice, agreement), (invoice,))

    return draft


def _is_other(author: Author, invoice: KnownInvoice, agreement: KnownAgreement) -> bool:
    held = author.known.profit_chain(invoice.period.currency).held(invoice.period.month)
    return agreement.in_force and agreement is not held


def _share_known(author: Author) -> Draft | None:
    found = author.find(author.known.shares, lambda each: True)
    invoice = author.find(author.known.invoices, lambda each: True)
    agreement = author.find(author.known.profit_agreements, lambda each: True)
    if found is None or invoice is None or agreement is None:
        return None
    return Draft({**_division(author, invoice, agreement), "share": found.name}, (found,))


def _confirm(author: Author) -> Draft | None:
    found = author.find(
        author.known.shares,
        lambda each: each.portions.get(author.party, 0) > 0 and author.party not in each.confirmed,
    )
    if found is None:
        return None
    amount = found.portions[author.party]
    if author.chance.happens(DIFFERS_PPM):
        return Draft(_received(author, found, amount + 1), (found,))
    return Draft(
        _received(author, found, amount), (found,), lambda: found.confirmed.append(author.party)
    )


def _received(author: Author, found: KnownShare, amount: int) -> Fields:
    return {
        "share": found.name,
        "amount": amount,
        "currency": found.currency,
        "received_at": author.now_ms,
    }


def _confirm_what(fits: Callable[[Author, KnownShare], bool]) -> Callable[[Author], Draft | None]:
    def draft(author: Author) -> Draft | None:
        found = author.find(author.known.shares, lambda each: fits(author, each))
        return None if found is None else Draft(_received(author, found, 1), (found,))

    return draft


def _confirm_unknown(author: Author) -> Draft:
    fields = {"share": author.fresh("NONE"), "amount": 1, "currency": "CNY"}
    return Draft({**fields, "received_at": author.now_ms})


_share = _share_when(due=True)

MOVES = (
    valid(
        _BY,
        "profit.shared",
        lambda author: _share(author) if author.chance.happens(300_000) else None,
        6,
    ),
    Move(_BY, "profit.shared", "share-exists", _share_known),
    Move(_BY, "profit.shared", "unknown-invoice", spoilt(_share, invoice="nowhere")),
    Move(
        _BY,
        "profit.shared",
        "invoice-not-settled",
        _share_what(lambda author, each: not each.settled_ms, lambda author, invoice, each: True),
    ),
    Move(
        _BY,
        "profit.shared",
        "already-shared",
        _share_what(lambda author, each: each.shared, lambda author, invoice, each: True),
    ),
    Move(_BY, "profit.shared", "wrong-currency", spoilt(_share, currency="EUR")),
    Move(_BY, "profit.shared", "unknown-agreement", spoilt(_share, agreement="nowhere")),
    Move(
        _BY,
        "profit.shared",
        "agreement-not-accepted",
        _share_what(
            lambda author, each: each.settled_ms > 0 and not each.shared,
            lambda author, invoice, each: not each.in_force,
        ),
    ),
    Move(
        _BY,
        "profit.shared",
        "agreement-not-in-force",
        _share_what(lambda author, each: each.settled_ms > 0 and not each.shared, _is_other),
    ),
    Move(_BY, "profit.shared", "share-too-early", _share_when(due=False), 4),
    Move(_BY, "profit.shared", "share-differs", raised(_share, "amount")),
    valid(ANYBODY, "profit.confirmed", _confirm, 6),
    Move(ANYBODY, "profit.confirmed", "unknown-share", _confirm_unknown),
    Move(
        ANYBODY,
        "profit.confirmed",
        "wrong-author",
        _confirm_what(lambda author, each: author.party not in each.portions),
    ),
    Move(
        ANYBODY,
        "profit.confirmed",
        "nothing-due",
        _confirm_what(lambda author, each: each.portions.get(author.party) == 0),
    ),
    Move(
        ANYBODY,
        "profit.confirmed",
        "already-confirmed",
        _confirm_what(lambda author, each: author.party in each.confirmed),
    ),
    Move(ANYBODY, "profit.confirmed", "time-in-future", spoilt(_confirm, received_at=YEAR_2100_MS)),
)
