"""Profit sharing: an invoice's income, and what of it the recipients received."""

from __future__ import annotations

from collections.abc import Callable

from ledger.contracts.allocation import share
from simulator.workload.drafts import YEAR_2100_MS, about, raised, rarely, spoilt
from simulator.workload.moves import ANYBODY, Author, Draft, Drafting, Moves, refused, valid
from simulator.workload.subjects import (
    Fields,
    KnownAgreement,
    KnownInvoice,
    KnownShare,
    NothingFits,
)


def _held(author: Author, invoice: KnownInvoice) -> KnownAgreement | None:
    return author.known.profit_chain(invoice.period.currency).held(invoice.period.month)


def _is_due(author: Author, invoice: KnownInvoice) -> bool | None:
    """Return whether the delay of the agreement that holds has passed; None if none holds."""
    held, known = _held(author, invoice), author.known
    if held is None:
        return None
    due = known.due(known.date(invoice.settled_ms), held.terms["delay"])
    return due <= known.date(author.now_ms)


def _is_open(author: Author, invoice: KnownInvoice) -> bool:
    return invoice.settled_ms > 0 and not invoice.shared


def _share_when(due: bool) -> Drafting:
    def draft(author: Author) -> Draft:
        known = author.known
        invoice = author.find(
            known.invoices,
            lambda each: _is_open(author, each) and _is_due(author, each) is due,
        )
        held = _held(author, invoice)
        if held is None:
            raise NothingFits
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
) -> Drafting:
    """Return a share of an invoice that fits by an agreement that fits."""

    def draft(author: Author) -> Draft:
        invoice = author.find(author.known.invoices, lambda each: fits(author, each))
        agreement = author.find(
            author.known.profit_agreements, lambda each: by(author, invoice, each)
        )
        return Draft(_division(author, invoice, agreement), (invoice,))

    return draft


def _is_other(author: Author, invoice: KnownInvoice, agreement: KnownAgreement) -> bool:
    return agreement.in_force and agreement is not _held(author, invoice)


def _share_known(author: Author) -> Draft:
    found = author.seek(author.known.shares, lambda each: True)
    invoice = author.seek(author.known.invoices, lambda each: True)
    agreement = author.seek(author.known.profit_agreements, lambda each: True)
    if found is None or invoice is None or agreement is None:
        raise NothingFits
    return Draft({**_division(author, invoice, agreement), "share": found.name}, (found,))


def _confirm(author: Author) -> Draft:
    found = author.find(
        author.known.shares,
        lambda each: each.portions.get(author.party, 0) > 0 and author.party not in each.confirmed,
    )
    amount = found.portions[author.party]
    if author.errs():
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


def _confirm_what(fits: Callable[[Author, KnownShare], bool]) -> Drafting:
    return about(lambda known: known.shares, fits, lambda author, each: _received(author, each, 1))


def _confirm_unknown(author: Author) -> Draft:
    fields = {"share": author.fresh("NONE"), "amount": 1, "currency": "CNY"}
    return Draft({**fields, "received_at": author.now_ms})


_share = _share_when(due=True)

MOVES: Moves = {
    ("institution", "profit.shared"): (
        valid(rarely(300_000, _share), 6),
        refused("share-exists", _share_known),
        refused("unknown-invoice", spoilt(_share, invoice="nowhere")),
        refused(
            "invoice-not-settled",
            _share_what(
                lambda author, each: not each.settled_ms, lambda author, invoice, each: True
            ),
        ),
        refused(
            "already-shared",
            _share_what(lambda author, each: each.shared, lambda author, invoice, each: True),
        ),
        refused("wrong-currency", spoilt(_share, currency="EUR")),
        refused("unknown-agreement", spoilt(_share, agreement="nowhere")),
        refused(
            "agreement-not-accepted",
            _share_what(
                _is_open,
                lambda author, invoice, each: not each.in_force,
            ),
        ),
        refused(
            "agreement-not-in-force",
            _share_what(_is_open, _is_other),
        ),
        refused("share-too-early", _share_when(due=False), 4),
        refused("share-differs", raised(_share, "amount")),
    ),
    (ANYBODY, "profit.confirmed"): (
        valid(_confirm, 6),
        refused("unknown-share", _confirm_unknown),
        refused(
            "wrong-author", _confirm_what(lambda author, each: author.party not in each.portions)
        ),
        refused(
            "nothing-due", _confirm_what(lambda author, each: each.portions.get(author.party) == 0)
        ),
        refused(
            "already-confirmed", _confirm_what(lambda author, each: author.party in each.confirmed)
        ),
        refused("time-in-future", spoilt(_confirm, received_at=YEAR_2100_MS)),
    ),
}
