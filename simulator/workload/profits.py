"""Profit sharing: an invoice's income, and what of it the recipients received."""

from __future__ import annotations

from collections.abc import Callable

from ledger.contracts.allocation import share
from simulator.workload.moves import ANYBODY, YEAR_2100_MS, Desk, Draft, Move, raised, spoilt, valid
from simulator.workload.things import Agreement, Fields, Invoice, Share

DIFFERS_PPM = 80_000

_BY = "institution"


def _is_due(desk: Desk, invoice: Invoice) -> bool:
    """Return whether the delay of the agreement that holds has passed."""
    held = desk.book.plan(invoice.period.currency).held(invoice.period.month)
    if held is None:
        return False
    book = desk.book
    due = book.due(book.date(invoice.settled_ms), held.terms["delay"])
    return due <= book.date(desk.now_ms)


def _shareable(desk: Desk, invoice: Invoice) -> bool:
    held = desk.book.plan(invoice.period.currency).held(invoice.period.month)
    return invoice.settled_ms > 0 and not invoice.shared and held is not None


def _share_when(due: bool) -> Callable[[Desk], Draft | None]:
    def draft(desk: Desk) -> Draft | None:
        book = desk.book
        invoice = desk.find(
            book.invoices, lambda each: _shareable(desk, each) and _is_due(desk, each) == due
        )
        if invoice is None:
            return None
        held = book.plan(invoice.period.currency).held(invoice.period.month)
        if held is None:
            return None
        fields = _division(desk, invoice, held)

        def learn() -> None:
            invoice.shared = True
            book.shares.add(Share(fields, book.institution))

        return Draft(fields, (invoice,), learn)

    return draft


def _division(desk: Desk, invoice: Invoice, agreement: Agreement) -> Fields:
    recipients = agreement.terms["recipients"]
    amounts = share(invoice.amount, [each["ppm"] for each in recipients]).amounts
    portions = [
        {"party": each["party"], "amount": amount}
        for each, amount in zip(recipients, amounts, strict=True)
    ]
    return {
        "share": desk.fresh("SH"),
        "invoice": invoice.name,
        "agreement": agreement.name,
        "amount": invoice.amount,
        "currency": invoice.period.currency,
        "portions": portions,
    }


def _share_what(
    fits: Callable[[Desk, Invoice], bool], by: Callable[[Desk, Invoice, Agreement], bool]
) -> Callable[[Desk], Draft | None]:
    """Return a share of an invoice that fits by an agreement that fits."""

    def draft(desk: Desk) -> Draft | None:
        invoice = desk.find(desk.book.invoices, lambda each: fits(desk, each))
        if invoice is None:
            return None
        agreement = desk.find(desk.book.profit_agreements, lambda each: by(desk, invoice, each))
        if agreement is None:
            return None
        return Draft(_division(desk, invoice, agreement), (invoice,))

    return draft


def _is_other(desk: Desk, invoice: Invoice, agreement: Agreement) -> bool:
    held = desk.book.plan(invoice.period.currency).held(invoice.period.month)
    return agreement.in_force and agreement is not held


def _share_known(desk: Desk) -> Draft | None:
    found = desk.find(desk.book.shares, lambda each: True)
    invoice = desk.find(desk.book.invoices, lambda each: True)
    agreement = desk.find(desk.book.profit_agreements, lambda each: True)
    if found is None or invoice is None or agreement is None:
        return None
    return Draft({**_division(desk, invoice, agreement), "share": found.name}, (found,))


def _confirm(desk: Desk) -> Draft | None:
    found = desk.find(
        desk.book.shares,
        lambda each: each.portions.get(desk.party, 0) > 0 and desk.party not in each.confirmed,
    )
    if found is None:
        return None
    amount = found.portions[desk.party]
    if desk.chance.happens(DIFFERS_PPM):
        return Draft(_received(desk, found, amount + 1), (found,))
    return Draft(
        _received(desk, found, amount), (found,), lambda: found.confirmed.append(desk.party)
    )


def _received(desk: Desk, found: Share, amount: int) -> Fields:
    return {
        "share": found.name,
        "amount": amount,
        "currency": found.currency,
        "received_at": desk.now_ms,
    }


def _confirm_what(fits: Callable[[Desk, Share], bool]) -> Callable[[Desk], Draft | None]:
    def draft(desk: Desk) -> Draft | None:
        found = desk.find(desk.book.shares, lambda each: fits(desk, each))
        return None if found is None else Draft(_received(desk, found, 1), (found,))

    return draft


def _confirm_unknown(desk: Desk) -> Draft:
    fields = {"share": desk.fresh("NONE"), "amount": 1, "currency": "CNY"}
    return Draft({**fields, "received_at": desk.now_ms})


_share = _share_when(due=True)

MOVES = (
    valid(
        _BY, "profit.shared", lambda desk: _share(desk) if desk.chance.happens(300_000) else None, 6
    ),
    Move(_BY, "profit.shared", "share-exists", _share_known),
    Move(_BY, "profit.shared", "unknown-invoice", spoilt(_share, invoice="nowhere")),
    Move(
        _BY,
        "profit.shared",
        "invoice-not-settled",
        _share_what(lambda desk, each: not each.settled_ms, lambda desk, invoice, each: True),
    ),
    Move(
        _BY,
        "profit.shared",
        "already-shared",
        _share_what(lambda desk, each: each.shared, lambda desk, invoice, each: True),
    ),
    Move(_BY, "profit.shared", "wrong-currency", spoilt(_share, currency="EUR")),
    Move(_BY, "profit.shared", "unknown-agreement", spoilt(_share, agreement="nowhere")),
    Move(
        _BY,
        "profit.shared",
        "agreement-not-accepted",
        _share_what(
            lambda desk, each: each.settled_ms > 0 and not each.shared,
            lambda desk, invoice, each: not each.in_force,
        ),
    ),
    Move(
        _BY,
        "profit.shared",
        "agreement-not-in-force",
        _share_what(lambda desk, each: each.settled_ms > 0 and not each.shared, _is_other),
    ),
    Move(_BY, "profit.shared", "share-too-early", _share_when(due=False), 4),
    Move(_BY, "profit.shared", "share-differs", raised(_share, "amount")),
    valid(ANYBODY, "profit.confirmed", _confirm, 6),
    Move(ANYBODY, "profit.confirmed", "unknown-share", _confirm_unknown),
    Move(
        ANYBODY,
        "profit.confirmed",
        "wrong-author",
        _confirm_what(lambda desk, each: desk.party not in each.portions),
    ),
    Move(
        ANYBODY,
        "profit.confirmed",
        "nothing-due",
        _confirm_what(lambda desk, each: each.portions.get(desk.party) == 0),
    ),
    Move(
        ANYBODY,
        "profit.confirmed",
        "already-confirmed",
        _confirm_what(lambda desk, each: desk.party in each.confirmed),
    ),
    Move(ANYBODY, "profit.confirmed", "time-in-future", spoilt(_confirm, received_at=YEAR_2100_MS)),
)
