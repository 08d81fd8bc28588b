"""Contradictions, played on the real contracts: how halves differ, and what closes that.

``python -m tools.contradictions docs/contracts.md`` makes the table of that page from what the
contracts do: for every kind of expectation what each party may say about it alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from ledger.expectations import KINDS, MET, Expectation
from tests.ledger import calendar_kit, fee_kit, loan_contradictions, refund_kit
from tests.ledger.ledger_kit import (
    DAY,
    MORNING,
    Ledger,
    captured,
    opened,
    paid_of,
    split,
    split_ledger,
)

BEGIN = "<!-- made by python -m tools.contradictions docs/contracts.md: begin -->"
END = "<!-- contradictions: end -->"
HEAD = (
    "| kind | the halves | closed by one alone | what one alone may say | closed by |\n"
    "|---|---|---|---|---|"
)
WORDS_MAX = 3
"""How many words in a row one party tries."""
CLOSED = "closed"

Said = tuple[str, str, dict[str, Any]]
"""Author, record type and fields."""


class Case(NamedTuple):
    """One contradiction.

    ``tries`` is what a party that is contradicted may say alone; ``closed_by`` are the words that
    close it, each way in full.
    """

    kind: str
    subject: str
    arises: str
    ledger: Callable[[], Ledger]
    tries: tuple[Said, ...]
    closed_by: tuple[tuple[Said, ...], ...]


NEVER = {
    "reversal": "any word of the platform about the payment answers it; if it goes on awaiting the "
    "money, a *capture* is open",
    "payout-result": "the institution awaits its own word",
    "refund-result": "the platform has no word of its own on the result; it may dispute it",
    "fee-reversal": "the institution awaits its own word",
    **loan_contradictions.NEVER,
}
"""Kinds of which the halves cannot differ, and why."""


def _played(ledger: Ledger, *said: Said) -> Ledger:
    for author, type_, fields in said:
        ledger.apply(author, type_, **fields)
    return ledger


def _arrived(amount: int) -> Said:
    fields = {"payout": "O1", "amount": amount, "currency": "CNY", "received_at": MORNING + DAY}
    return ("platform", "settlement.confirmed", fields)


def _differing_arrival() -> Ledger:
    ledger = split_ledger()
    ledger.create(receiver="platform-fee", amount=3000)
    ledger.paid()
    return _played(ledger, _arrived(2999))


_VOID: Said = ("institution", "payment.reversed", {"payment": "P1", "reason": "void"})
_RETURNED: Said = ("institution", "settlement.returned", {"payout": "O1", "reason": "closed"})
_PAID: Said = ("institution", "settlement.paid", paid_of())
_TAKEN_BACK: Said = ("institution", "refund_float.reversed", {"movement": "M1", "reason": "error"})


def _captured(amount: int) -> Said:
    return ("institution", "payment.captured", captured(amount=amount))


def _split(type_: str, amount: int) -> Said:
    return ("platform", type_, split(amount=amount))


def _moved(amount: int) -> Said:
    return ("platform", "refund_float.confirmed", refund_kit.movement_of(amount=amount))


def _answered(author: str, outcome: str) -> Said:
    return (author, "dispute.resolved", refund_kit.answer_of(outcome))


def _accepted(**fields: Any) -> Said:
    return ("platform", "fee.accepted", fee_kit.terms(**fields))


def _offered(**fields: Any) -> Said:
    return ("institution", "fee.agreed", fee_kit.terms(**fields))


def _closed(author: str, *offer: str) -> Said:
    return (author, "offer.closed", fee_kit.closing(*offer))


def _paid_fees(amount: int) -> Said:
    return ("platform", "fee.settled", fee_kit.settlement_of(amount=amount))


def _consented(**fields: Any) -> Said:
    return ("platform", "profit.accepted", fee_kit.consent(**fields))


def _planned(**fields: Any) -> Said:
    return ("institution", "profit.agreed", fee_kit.plan(**fields))


def _shared(amount: int) -> Said:
    return ("platform", "profit.confirmed", fee_kit.confirmation_of(amount))


def _agreed(author: str, said: str, holidays: list[str]) -> Said:
    return (author, f"calendar.{said}", calendar_kit.year_of(holidays))


_NEW_YEAR: list[str] = calendar_kit.NEW_YEAR["holidays"]
_WITHOUT = fee_kit.parts(institution=800_000, funder=200_000)
_HALVES_TRIES: tuple[Said, ...] = (
    _captured(9000),
    _VOID,
    _split("split.instructed", 9500),
    _split("split.amended", 9500),
    ("platform", "split.withdrawn", {"payment": "P1", "reason": "cancelled"}),
)
_HALVES_CLOSED = (
    (_split("split.amended", 9000),),
    (_VOID, _captured(10_000)),
)

CASES = (
    Case(
        "capture",
        "payment:P1",
        "the platform has instructed another amount than the institution captures",
        lambda: _played(opened(), _split("split.instructed", 10_000), _captured(9000)),
        _HALVES_TRIES,
        _HALVES_CLOSED,
    ),
    Case(
        "instruction",
        "payment:P1",
        "the institution has captured another amount than the platform instructs",
        lambda: _played(opened(), _captured(9000), _split("split.instructed", 10_000)),
        _HALVES_TRIES,
        _HALVES_CLOSED,
    ),
    Case(
        "arrival",
        "payout:O1",
        "the institution has paid, the owner says that another amount arrived",
        _differing_arrival,
        (_PAID, _RETURNED, _arrived(2998)),
        ((_arrived(3000),), (_RETURNED, _arrived(0)), (_arrived(0), _RETURNED)),
    ),
    Case(
        "arrival",
        "payout:O1",
        "the institution says that the payout came back, the owner that money arrived",
        lambda: _played(_differing_arrival(), _RETURNED),
        (_PAID, _RETURNED, _arrived(3000)),
        ((_arrived(0),), (_arrived(3000), _PAID)),
    ),
    Case(
        "float-confirmation",
        "float:M1",
        "the institution has stated a movement, the platform another amount",
        lambda: _played(refund_kit.stated(), _moved(19_999)),
        (
            ("institution", "refund_float.deposited", refund_kit.movement_of(amount=19_999)),
            ("institution", "refund_float.withdrawn", refund_kit.movement_of(amount=19_999)),
            _TAKEN_BACK,
            _moved(19_998),
        ),
        ((_moved(20_000),), (_TAKEN_BACK, _moved(0))),
    ),
    Case(
        "dispute",
        "dispute:D1",
        "the platform disputes what the institution has stated",
        refund_kit.disputed,
        (_answered("institution", "rejected"), _answered("institution", "withdrawn")),
        (
            (_answered("institution", "upheld"),),
            (_answered("institution", "rejected"), _answered("platform", "withdrawn")),
            (_answered("institution", "rejected"), _answered("institution", "upheld")),
        ),
    ),
    Case(
        "fee-acceptance",
        "fee-agreement:A1",
        "the institution has offered, the platform accepts other terms",
        lambda: _played(fee_kit.offered(), _accepted(rate_ppm=5000)),
        (_offered(), _offered(rate_ppm=5500), _closed("institution")),
        ((_accepted(),), (_closed("platform"),), (_closed("institution"), _closed("platform"))),
    ),
    Case(
        "fee-settlement",
        "invoice:I1",
        "the institution has invoiced, the platform paid another amount",
        lambda: _played(fee_kit.invoiced(), _paid_fees(59)),
        (
            ("institution", "fee.invoiced", fee_kit.invoice_of(amount=59)),
            ("institution", "fee.reversed", fee_kit.reversal_of()),
            _paid_fees(58),
        ),
        ((_paid_fees(60),),),
    ),
    Case(
        "profit-acceptance",
        "profit-agreement:S1/platform",
        "the institution has offered, a recipient accepts other terms",
        lambda: _played(fee_kit.planned(), _consented(ppm=350_000)),
        (
            _planned(),
            _planned(recipients=_WITHOUT),
            _closed("institution", "S1", "profit"),
            _closed("funder", "S1", "profit"),
            ("funder", "profit.accepted", fee_kit.consent(ppm=200_000)),
        ),
        (
            (_consented(),),
            (_closed("platform", "S1", "profit"),),
            (_closed("institution", "S1", "profit"), _closed("platform", "S1", "profit")),
        ),
    ),
    Case(
        "profit-confirmation",
        "share:D1/platform",
        "the institution has shared, a recipient says that another amount arrived",
        lambda: _played(fee_kit.shared(), _shared(17)),
        (("institution", "profit.shared", fee_kit.share_of()), _shared(16)),
        ((_shared(18),),),
    ),
    Case(
        "calendar-acceptance",
        "calendar:2027-1/platform",
        "the institution has declared a year, the platform accepts other days",
        lambda: _played(calendar_kit.declared(), _agreed("platform", "accepted", [])),
        (
            _agreed("institution", "declared", _NEW_YEAR),
            _agreed("institution", "declared", []),
            _agreed("platform", "accepted", [*_NEW_YEAR, "2027-02-05"]),
        ),
        ((_agreed("platform", "accepted", _NEW_YEAR),),),
    ),
    *(Case(*each) for each in loan_contradictions.CASES),
)


def awaited(ledger: Ledger, case: Case) -> Expectation:
    """Return the expectation that a case is about."""
    return ledger.row(Expectation, case.kind, case.subject)


def outcome(case: Case, *said: Said) -> str:
    """Say something in a contradiction; return what becomes of it.

    Returns:
        What the last word was ``refused`` with, or ``conflicting``, or ``*kind* is awaited of …``
        where the other party is asked instead; ``closed`` where nothing is left of it.
    """
    ledger = case.ledger()
    for author, type_, fields in said:
        done = ledger.state(author, type_, **fields)
    if done.refusals:
        return f"refused, `{done.refusals[0][1].code}`"
    row = awaited(ledger, case)
    if row.state != MET:
        return row.state
    for kind in KINDS:
        other = ledger.get(Expectation, kind, case.subject)
        if other is not None and other.state != MET and other.awaited != said[-1][0]:
            return f"*{kind}* is awaited of the {other.awaited}"
    return CLOSED


@cache
def alone(kind: str) -> tuple[tuple[Said, ...], ...]:
    """Return what one party can say, and say again, that closes a contradiction of a kind."""
    found = []
    for case in (each for each in CASES if each.kind == kind):
        for party in sorted({said[0] for said in case.tries}):
            own = [said for said in case.tries if said[0] == party]
            for count in range(1, WORDS_MAX + 1):
                found += [w for w in product(own, repeat=count) if outcome(case, *w) == CLOSED]
    return tuple(found)


def states(case: Case, words: tuple[Said, ...]) -> Sequence[str]:
    """Return in which state what is awaited is after each of some words."""
    ledger = case.ledger()
    found: list[str] = []
    for each in words:
        _played(ledger, each)
        found.append(awaited(ledger, case).state)
    return found


def rows() -> Iterator[str]:
    """Yield the rows of the table, in the order of the kinds."""
    for kind in KINDS:
        if kind in NEVER:
            yield f"| `{kind}` | never differ: {NEVER[kind]} | – | – | – |"
        for case in (each for each in CASES if each.kind == kind):
            said = "; ".join(f"{_short(each)}: {outcome(case, each)}" for each in case.tries)
            closed = "; or ".join(", then ".join(map(_short, way)) for way in case.closed_by)
            answer = "yes" if alone(kind) else "no"
            yield f"| `{kind}` | {case.arises} | {answer} | {said} | {closed} |"


def _short(said: Said) -> str:
    author, type_, fields = said
    amount = fields.get("amount", fields.get("outcome", fields.get("rate_ppm", fields.get("ppm"))))
    if fields.get("recipients") is _WITHOUT:
        amount = "without it"
    if type_.startswith("calendar."):
        amount = f"holidays: {', '.join(fields.get('holidays', ())) or 'none'}"
    return f"{author} `{type_}`" + ("" if amount is None else f" ({amount})")


def page(text: str) -> str:
    """Return the page ``text`` with its table made anew.

    Raises:
        ValueError: the page lacks one of the two marks.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no place for the table: {BEGIN} … {END}")
    return "\n".join((f"{before}{BEGIN}\n", HEAD, *rows(), f"\n{END}{after}"))


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")
