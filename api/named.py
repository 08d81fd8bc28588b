"""Names in questions: a party, a kind of expectation, a payment, loan or receiver has to exist.

A name that nothing has would be answered with an empty list, and that would be taken for news.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from api.problems import Problem
from ledger.contracts.halves import Capture, Instruction
from ledger.contracts.loan_rows import LoanAgreement
from ledger.contracts.payouts import Payout
from ledger.contracts.receivers import Receiver
from ledger.expectations import KINDS
from views.reader import Reader
from views.texts import gettext

_NEAR = 5
_BEGINNING_CHARS = 2


def refuse_unknown_party(party: str, names: Sequence[str]) -> None:
    """Return if ``party`` is empty or one of ``names``.

    Raises:
        Problem: ``no-such-party``.
    """
    if party and party not in names:
        said = gettext("the parties are {names}; got {party!r}")
        raise Problem("no-such-party", said.format(names=_listed(names), party=party))


def refuse_unknown_kind(kind: str) -> None:
    """Return if ``kind`` is empty or a kind of expectation.

    Raises:
        Problem: ``bad-parameter``; the detail says which kind is nearest, or all of them.
    """
    if not kind or kind in KINDS:
        return
    near = get_close_matches(kind, KINDS, n=1)
    if near:
        advice = gettext("did you mean {name}?").format(name=near[0])
    else:
        advice = gettext("the kinds are {kinds}").format(kinds=_listed(KINDS))
    said = gettext("query.kind: {kind!r} is no kind of expectation; {advice}")
    raise Problem("bad-parameter", said.format(kind=kind, advice=advice))


def refuse_unknown_height(reader: Reader, height: int | None) -> None:
    """Return if ``height`` is None or that of a block.

    Raises:
        Problem: ``no-such-block``.
    """
    if height is not None and height > reader.height():
        said = gettext("the newest block is {newest}, got {height}")
        raise Problem("no-such-block", said.format(newest=reader.height(), height=height))


def no_such_block(newest: int) -> Problem:
    """Return the problem that says which blocks there are."""
    return Problem("no-such-block", gettext("blocks are 1 to {newest}").format(newest=newest))


def no_such_entry(size: int) -> Problem:
    """Return the problem that says which entries there are."""
    said = gettext("the log has {size} entries, from 0")
    return Problem("no-such-entry", said.format(size=size))


def refuse_unknown_loan(reader: Reader, loan: str) -> None:
    """Return if ``loan`` is empty or was proposed.

    Raises:
        Problem: ``no-such-loan``; the detail names some that were.
    """
    if loan and reader.row(LoanAgreement, (loan,)) is None:
        raise no_such_loan(reader, loan)


def no_such_loan(reader: Reader, loan: str) -> Problem:
    """Return the answer about a loan that nobody proposed; it says which names are near."""
    near = reader.rows(LoanAgreement, after_key=(loan[:_BEGINNING_CHARS],), limit=_NEAR)
    near = near or reader.rows(LoanAgreement, limit=_NEAR)
    names = _listed([row.loan for row in near])
    some = gettext("some that were: {names}").format(names=names)
    said = gettext("no loan was proposed as {loan!r}; {advice}")
    advice = some if names else gettext("none was yet")
    return Problem("no-such-loan", said.format(loan=loan, advice=advice))


def refuse_unknown_payment(reader: Reader, payment: str) -> None:
    """Return if ``payment`` is empty or a record, even a refused one, is about it.

    Raises:
        Problem: ``no-such-payment``.
    """
    if payment and not _is_known(reader, payment):
        raise no_such_payment(payment)


def no_such_payment(payment: str) -> Problem:
    """Return the problem that says that no record is about a payment."""
    said = gettext("no record of the log is about payment {payment!r}")
    return Problem("no-such-payment", said.format(payment=payment))


def refuse_unknown_payout(reader: Reader, payout: str) -> None:
    """Return if ``payout`` is empty or was created.

    Raises:
        Problem: ``no-such-payout``.
    """
    if payout and reader.row(Payout, (payout,)) is None:
        raise no_such_payout(payout)


def no_such_payout(payout: str) -> Problem:
    """Return the answer about a payout that the log does not know."""
    said = gettext(
        "no applied record is about payout {payout!r}; if it was refused, that stands in "
        "the timeline of its receiver"
    )
    return Problem("no-such-payout", said.format(payout=payout))


def refuse_unknown_receiver(reader: Reader, receiver: str) -> None:
    """Return if ``receiver`` is empty or registered.

    Raises:
        Problem: ``no-such-receiver``; the detail names some that are registered.
    """
    if receiver and reader.row(Receiver, (receiver,)) is None:
        raise no_such_receiver(reader, receiver)


def no_such_receiver(reader: Reader, receiver: str) -> Problem:
    """Return the problem that says that nothing has this name, and which names are near it."""
    begins = (receiver[:_BEGINNING_CHARS],)
    near = reader.rows(Receiver, after_key=begins, limit=_NEAR)
    near = near or reader.rows(Receiver, limit=_NEAR)
    names = _listed([row.receiver for row in near])
    some = gettext("some that are: {names}").format(names=names)
    said = gettext("no receiver is registered as {receiver!r}; {advice}")
    advice = some if names else gettext("none is registered yet")
    return Problem("no-such-receiver", said.format(receiver=receiver, advice=advice))


def _listed(names: Sequence[str]) -> str:
    return gettext(", ").join(names)


def _is_known(reader: Reader, payment: str) -> bool:
    halves = (reader.row(kind, (payment,)) for kind in (Capture, Instruction))
    if any(half is not None for half in halves):
        return True
    return bool(reader.newest_about(f"payment:{payment}", 1, applied=False))
