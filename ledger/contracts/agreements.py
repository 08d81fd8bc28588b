"""Agreements: what those on fees and on profit sharing have in common.

An agreement is offered by the institution and in force once everybody it asks has accepted it. The
agreements in force on one matter form a chain, newest first: each one names the one it replaces,
and takes effect no earlier. Which of them holds on a date is found along the chain, so that nothing
is ever edited and history stays.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal, TypeVar

from msgspec import Meta

from ledger import expectations, forms
from ledger.contracts import times
from ledger.errors import Refused
from ledger.expectations import Expectation
from ledger.limits import EFFECTIVE_YEARS_MAX
from ledger.state import NEVER, Row, Transaction

AgreementKind = Literal["fee", "profit"]
AgreementState = Literal["offered", "conflicting", "in-force", "withdrawn", "declined"]
OFFERED: Final = "offered"
CONFLICTING: Final = "conflicting"
IN_FORCE: Final = "in-force"
WITHDRAWN: Final = "withdrawn"
DECLINED: Final = "declined"

MONTH_CHARS = 7

Period = Annotated[
    str, Meta(pattern=forms.shut(forms.MONTH), description="a calendar month, YYYY-MM")
]


class Agreement(Row, frozen=True, kw_only=True):
    """An agreement, as the rows of every kind begin.

    ``effective_from`` is a date or a month. ``replaces`` names the agreement that held before, once
    this one is in force. ``entry`` is the last in which the institution stated it,
    ``accepted_entry`` the one that put it in force, or −1.
    """

    agreement: str
    currency: str
    effective_from: str
    state: AgreementState
    replaces: str = ""
    entry: int
    accepted_entry: int = NEVER


A = TypeVar("A", bound=Agreement)


def require(tx: Transaction, kind: type[A], name: str) -> A:
    """Return the agreement ``name``, whatever its state.

    Raises:
        Refused: ``unknown-agreement``.
    """
    agreement = tx.rows[kind][name,]
    if agreement is None:
        raise Refused(
            "unknown-agreement",
            "The institution states an agreement before anybody accepts it or closes its offer.",
            expected="a stated agreement",
            got=name,
        )
    return agreement


def held_on(tx: Transaction, kind: type[A], latest: str, when: str) -> A | None:
    """Return which agreement of the chain that begins with ``latest`` holds on ``when``.

    Args:
        tx: The record's transaction.
        kind: The row type of the chain.
        latest: The newest agreement in force, or the empty string.
        when: A date or a month, as ``effective_from`` is.
    """
    name = latest
    while name:
        agreement = require(tx, kind, name)
        if agreement.effective_from <= when:
            return agreement
        name = agreement.replaces
    return None


def refuse_in_force(existing: Agreement | None) -> None:
    """Return if an agreement may still be stated, again too, or its offer closed.

    Raises:
        Refused: ``agreement-in-force``.
    """
    if existing is not None and existing.state == IN_FORCE:
        raise Refused(
            "agreement-in-force",
            f"The agreement {existing.agreement} is accepted; a new one replaces it from its own "
            "effective date on.",
            expected="a new agreement id, or one that is not yet accepted",
            got=f"{existing.agreement}, in force since entry {existing.accepted_entry}",
        )


def refuse_closed(offer: Agreement) -> None:
    """Return if an offer was neither withdrawn nor declined since it was stated last.

    Raises:
        Refused: ``offer-closed``.
    """
    if offer.state in {WITHDRAWN, DECLINED}:
        raise Refused(
            "offer-closed",
            f"The offer {offer.agreement} is closed; the institution may state it again.",
            expected="an open offer",
            got=f"{offer.agreement}, {offer.state}",
        )


def accepted_before(agreement: Agreement, who: str) -> Refused:
    """Return the refusal of a second acceptance by ``who``."""
    return Refused(
        "already-accepted",
        f"{who} has accepted the agreement {agreement.agreement} before.",
        expected="an agreement that awaits this acceptance",
        got=f"{agreement.agreement}, accepted",
    )


def refuse_order(before: Agreement | None, effective_from: str) -> None:
    """Return if an agreement from ``effective_from`` on may replace ``before``.

    Raises:
        Refused: ``effective-too-early``.
    """
    if before is not None and effective_from < before.effective_from:
        raise Refused(
            "effective-too-early",
            f"An agreement takes effect no earlier than {before.agreement}, which it replaces: "
            "state it from a later date on, or close its offer.",
            expected=f"{before.effective_from} or later",
            got=effective_from,
        )


def refuse_far(tx: Transaction, effective_from: str) -> None:
    """Return if a date or a month is at most ``EFFECTIVE_YEARS_MAX`` after the block.

    What took effect later could hardly be replaced: nothing that replaces it may begin earlier.

    Raises:
        Refused: ``effective-too-late``.
    """
    today = times.business_date(tx, tx.time_ms)
    latest = f"{int(today[:4]) + EFFECTIVE_YEARS_MAX}{today[4 : len(effective_from)]}"
    if effective_from > latest:
        raise Refused(
            "effective-too-late",
            f"What is agreed or declared takes effect within {EFFECTIVE_YEARS_MAX} years; "
            "check the year.",
            expected=f"{latest} or earlier",
            got=effective_from,
        )


def misnamed(named: A | None, name: str, held: A | None, matter: str) -> Refused:
    """Return the refusal of a record that names another agreement than the one that holds.

    Args:
        named: The agreement that the record names, if it was stated.
        name: How it is named.
        held: The one that holds, if one does.
        matter: For what it must hold, as a clause such as ``on 2026-01-05``.

    Returns:
        ``unknown-agreement``, ``agreement-not-accepted`` or ``agreement-not-in-force``. Each
        expects the agreement that holds, so that the record can be put right at once.
    """
    expected = "no agreement, since none holds" if held is None else held.agreement
    if named is None:
        holds = "none" if held is None else held.agreement
        message = f"No agreement {name} was stated; {holds} holds {matter}."
        return Refused("unknown-agreement", message, expected=expected, got=name)
    if named.state != IN_FORCE:
        return Refused(
            "agreement-not-accepted",
            f"The agreement {name} holds only when all it asks have accepted it.",
            expected=expected,
            got=f"{name}, {named.state}",
        )
    return Refused(
        "agreement-not-in-force",
        f"The agreement {name} does not hold {matter}.",
        expected=expected,
        got=f"{name}, effective from {named.effective_from}",
    )


def refuse_day(text: str) -> None:
    """Return if ``text`` is a day of the calendar.

    Raises:
        Refused: ``no-such-date``.
    """
    try:
        date.fromisoformat(text)
    except ValueError:
        raise Refused(
            "no-such-date",
            "An agreement takes effect on a day of the calendar.",
            expected="an ISO 8601 date",
            got=text,
        ) from None


def contradiction(tx: Transaction, kind: str, subject: str) -> Expectation | None:
    """Return the acceptance that is awaited under ``kind`` and ``subject`` if it is of other terms.

    An offer that is stated again, or closed, goes on being contradicted until that party agrees.
    """
    expectation = tx.rows[Expectation][kind, subject]
    conflicts = expectation is not None and expectation.state == expectations.CONFLICTING
    return expectation if conflicts else None
