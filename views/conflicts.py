"""Contradictions with both halves side by side: who said which amount of the same fact."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, NamedTuple

from ledger.contracts.fee_invoices import FeeInvoice
from ledger.contracts.halves import Capture, Instruction
from ledger.contracts.loan_rows import LoanCompensation, LoanParty
from ledger.contracts.payouts import Payout
from ledger.contracts.profits import ProfitPortion
from ledger.contracts.refund_float import FloatMovement
from ledger.expectations import CONFLICTING, Expectation, ExpectationKind
from ledger.genesis import Genesis
from views.expectations import ExpectationView, KindOf
from views.labels import Label, Subject
from views.reader import Reader
from views.view import ViewStruct

Contradiction = Expectation | ExpectationView


class ConflictView(ViewStruct, frozen=True, kw_only=True):
    """Two halves that differ: what each party says, in minor units, and what differs in words.

    An amount without a currency is none: the halves differ in something else, or one of them is no
    amount. ``entry`` is where the expectation was opened.
    """

    kind: KindOf
    subject: Subject
    entry: Annotated[int, Label("opened in", "起始条目", "entry", "entry")]
    opened_at: Annotated[int, Label("since", "起始时间", "ms")]
    party: Annotated[str, Label("one party", "一方")]
    amount: Annotated[int, Label("it says", "其声明", "minor")]
    currency: Annotated[str, Label("currency", "币种")]
    other: Annotated[str, Label("other party", "另一方")]
    other_amount: Annotated[int, Label("the other says", "对方声明", "minor")]
    other_currency: Annotated[str, Label("the other's currency", "对方币种")]
    detail: Annotated[str, Label("what differs", "差异", "text")] = ""


class _Said(NamedTuple):
    party: str
    amount: int = 0
    currency: str = ""


_Sides = tuple[_Said, _Said]


def conflicts(reader: Reader, genesis: Genesis, limit: int) -> list[ConflictView]:
    """Return the oldest contradictions that stand."""
    found = reader.oldest_unmet(CONFLICTING, limit)
    return [conflict_view(reader, genesis, row) for row in found]


def conflict_view(reader: Reader, genesis: Genesis, row: Contradiction) -> ConflictView:
    """Return a contradiction with what each party says."""
    find = _SIDES.get(row.kind)
    sides = None if find is None else find(reader, genesis, row)
    one, other = sides or (_Said(row.opener, row.amount, row.currency), _Said(row.awaited))
    return ConflictView(
        kind=row.kind,
        subject=row.subject,
        entry=row.opened_entry,
        opened_at=row.opened_at,
        party=one.party,
        amount=one.amount,
        currency=one.currency,
        other=other.party,
        other_amount=other.amount,
        other_currency=other.currency,
        detail=row.detail,
    )


def _payment(reader: Reader, genesis: Genesis, row: Contradiction) -> _Sides | None:
    name = _name(row)
    capture, instruction = reader.row(Capture, (name,)), reader.row(Instruction, (name,))
    if capture is None or instruction is None:
        return None
    captured = _Said(genesis.sole("institution"), capture.amount, capture.currency)
    split = _Said(genesis.sole("platform"), instruction.amount, instruction.currency)
    return captured, split


def _payout(reader: Reader, _: Genesis, row: Contradiction) -> _Sides | None:
    return _confirmed(reader.row(Payout, (_name(row),)), row)


def _movement(reader: Reader, _: Genesis, row: Contradiction) -> _Sides | None:
    return _confirmed(reader.row(FloatMovement, (_name(row),)), row)


def _confirmed(found: Payout | FloatMovement | None, row: Contradiction) -> _Sides | None:
    if found is None:
        return None
    one = _Said(row.opener, found.amount, found.currency)
    return one, _Said(row.awaited, found.confirmed_amount, found.confirmed_currency)


def _invoice(reader: Reader, _: Genesis, row: Contradiction) -> _Sides | None:
    found = reader.row(FeeInvoice, (_name(row),))
    if found is None:
        return None
    one = _Said(row.opener, found.amount, found.currency)
    return one, _Said(row.awaited, found.settled_amount, found.settled_currency)


def _portion(reader: Reader, _: Genesis, row: Contradiction) -> _Sides | None:
    found = reader.row(ProfitPortion, (_name(row), row.awaited))
    if found is None:
        return None
    one = _Said(row.opener, found.amount, row.currency)
    return one, _Said(row.awaited, found.confirmed_amount, found.confirmed_currency)


def _funding(reader: Reader, _: Genesis, row: Contradiction) -> _Sides | None:
    found = reader.row(LoanParty, (row.awaited, _name(row)))
    if found is None:
        return None
    one = _Said(row.opener, found.lent, row.currency)
    return one, _Said(row.awaited, found.funded, row.currency)


def _compensation(reader: Reader, genesis: Genesis, row: Contradiction) -> _Sides | None:
    found = reader.row(LoanCompensation, (_name(row),))
    capture = reader.row(Capture, (found.payment,)) if found is not None else None
    if found is None or capture is None:
        return None
    one = _Said(genesis.sole("institution"), capture.amount, capture.currency)
    return one, _Said(found.guarantor, found.amount, found.currency)


_SIDES: Mapping[ExpectationKind, Callable[[Reader, Genesis, Contradiction], _Sides | None]] = {
    "capture": _payment,
    "instruction": _payment,
    "arrival": _payout,
    "float-confirmation": _movement,
    "fee-settlement": _invoice,
    "profit-confirmation": _portion,
    "loan-funding": _funding,
    "compensation": _compensation,
}
"""Kinds of which both halves state an amount, and where they stand."""


def _name(row: Contradiction) -> str:
    """Return what a subject names: of ``share:s-1/funder`` the share."""
    return row.subject.partition(":")[2].partition("/")[0]
