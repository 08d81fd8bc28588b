"""Disputes: a party contests something that the log knows, and names who has to answer.

A dispute opens an expectation on the party that it names. That party upholds or rejects it; the
party that raised it may withdraw it. One that is rejected goes on standing, and conflicts, until it
is withdrawn or upheld after all: nobody closes it by denying it. A dispute moves no money and holds
none back: what follows from it is stated in the records of its own business.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple

from msgspec import Meta
from msgspec.structs import replace

from ledger import expectations, forms
from ledger.contracts.allocation import Leg
from ledger.contracts.fee_agreements import FeeAgreement
from ledger.contracts.fee_invoices import FeeInvoice
from ledger.contracts.halves import Capture, Instruction
from ledger.contracts.loan_rows import LoanAgreement, LoanCompensation
from ledger.contracts.payouts import Payout
from ledger.contracts.profit_agreements import ProfitAgreement
from ledger.contracts.profits import ProfitShare
from ledger.contracts.receivers import Receiver
from ledger.contracts.refund_float import FloatMovement
from ledger.contracts.refunds import Refund
from ledger.errors import Refused
from ledger.expectations import DISPUTE, Expectation
from ledger.genesis import Genesis
from ledger.records import Identifier, PartyName, Record, Rule, Text
from ledger.state import Key, Row, Transaction

DisputeState = Literal["open", "upheld", "rejected", "withdrawn"]
OPEN: Final = "open"
DISPUTED: Final = "disputed"
REJECTED: Final = "rejected"
WITHDRAWN: Final = "withdrawn"
STANDING: tuple[DisputeState, ...] = (OPEN, REJECTED)
"""The states in which a dispute is not settled: what it is about is shown as disputed."""
WHOLE = 0
"""The leg of a dispute that is about no leg but about the whole subject."""

_LEG = "/leg:"

DisputeOutcome = Literal["upheld", "rejected", "withdrawn"]
DisputeSubject = Annotated[
    str,
    Meta(
        pattern=forms.shut(forms.SUBJECT),
        max_length=88,
        description="what is disputed, as kind:id, or payment:id/leg:n for one leg of a payment",
    ),
]

SUBJECTS: dict[str, tuple[type[Any], ...]] = {
    "payment": (Capture, Instruction),
    "payout": (Payout,),
    "refund": (Refund,),
    "receiver": (Receiver,),
    "float": (FloatMovement,),
    "fee-agreement": (FeeAgreement,),
    "invoice": (FeeInvoice,),
    "profit-agreement": (ProfitAgreement,),
    "share": (ProfitShare,),
    "loan": (LoanAgreement,),
    "compensation": (LoanCompensation,),
}
"""The rows, keyed by id alone, of which at least one stands for a subject that the log knows.

The first that does says what is at stake, if it has an ``amount``. Each has a ``currency``.
"""


class DisputeRaised(Record, frozen=True, kw_only=True, tag="dispute.raised"):
    """A party contests ``subject`` and wants an answer from the party ``against``.

    Stated by any party.

    Refused unless the dispute id is new; the other party is in genesis and is not the author;
    the log knows the subject.
    """

    CODES = ("dispute-exists", "dispute-with-oneself", "unknown-party", "unknown-subject")

    dispute: Identifier
    subject: DisputeSubject
    against: PartyName
    reason: Text


class DisputeResolved(Record, frozen=True, kw_only=True, tag="dispute.resolved"):
    """The party awaited upholds or rejects a dispute, or the party that raised it withdraws it.

    Stated by the party that the dispute names (`upheld`, `rejected`), or the one that raised
    it (`withdrawn`).

    Refused unless the dispute is open or rejected; the author is one of the two, and the outcome is
    its to state.
    """

    CODES = ("dispute-outcome", "dispute-resolved", "unknown-dispute", "wrong-author")

    dispute: Identifier
    outcome: DisputeOutcome
    reason: Text


class Dispute(Row, frozen=True, kw_only=True):
    """One dispute. ``subject`` is without the leg; ``leg`` is 0 for a dispute about the whole.

    ``answer`` is why it is in its ``state``. ``entry`` raised it, ``last_entry`` changed it last.
    """

    TABLE: ClassVar[str] = "disputes"
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (("subject", "state"), ("state",))

    dispute: str
    subject: str
    leg: int
    raiser: str
    against: str
    reason: str
    state: DisputeState
    answer: str = ""
    entry: int
    last_entry: int


class Stake(NamedTuple):
    """The amount that a dispute is about, in minor units: 0 for what has none."""

    amount: int
    currency: str


def shown_state(state: str, disputes: Iterable[Dispute], leg: int = WHOLE) -> str:
    """Return the state to show of something: ``disputed`` while a dispute about it stands.

    A dispute about a leg shows on that leg and on its payment, but on no other leg; one about the
    whole payment shows on the payment alone, so that it does not hide how far each leg has got.

    Args:
        state: The state without disputes.
        disputes: Those whose ``subject`` it is, or of whose ``subject`` it is a leg.
        leg: The number of the leg, or 0 for the subject as a whole.
    """
    about = (each.leg for each in disputes if each.state in STANDING)
    return DISPUTED if any(leg in {WHOLE, number} for number in about) else state


def _raised(tx: Transaction, record: DisputeRaised) -> None:
    _refuse_parties(tx, record)
    subject, leg = _parts(record.subject)
    stake = _require_subject(tx, record.subject)
    dispute = record.dispute
    tx.put(
        Dispute(
            dispute=dispute,
            subject=subject,
            leg=leg,
            raiser=tx.author,
            against=record.against,
            reason=record.reason,
            state=OPEN,
            entry=tx.entry,
            last_entry=tx.entry,
        )
    )
    matter = (f"dispute:{dispute}", record.against)
    expectations.open_expectation(tx, DISPUTE, matter, stake.amount, stake.currency)


def _refuse_parties(tx: Transaction, record: DisputeRaised) -> None:
    existing = tx.rows[Dispute][record.dispute,]
    if existing is not None:
        raise Refused(
            "dispute-exists",
            "A dispute id is used once, by whatever party.",
            expected="a new dispute id",
            got=f"{record.dispute}, raised in entry {existing.entry}",
        )
    if record.against not in tx.genesis.roles:
        raise Refused(
            "unknown-party",
            "A dispute names the party of the consortium that has to answer it.",
            expected=", ".join(name for name in tx.genesis.names if name != tx.author),
            got=record.against,
        )
    if record.against == tx.author:
        raise Refused(
            "dispute-with-oneself",
            "A dispute names another party; correct your own statements with new records.",
            expected="another party",
            got=record.against,
        )


def _require_subject(tx: Transaction, text: str) -> Stake:
    stake = _stake(tx, text)
    if stake is None:
        raise Refused(
            "unknown-subject",
            "A dispute is about something that the log knows.",
            expected=f"kind:id with a kind of {', '.join(sorted(SUBJECTS))}, "
            "or payment:id/leg:n, that applied records named",
            got=text,
        )
    return stake


def _stake(tx: Transaction, text: str) -> Stake | None:
    """Return what is at stake in a subject, or None if the log does not know it."""
    number = _parts(text)[1]
    found = [tx.rows[kind][key] for kind, key in _rows_of(text)]
    row = next((row for row in found if row is not None), None)
    if row is None or not number:
        return None if row is None else Stake(getattr(row, "amount", 0), row.currency)
    leg = tx.rows[Leg][row.payment, number]
    return None if leg is None else Stake(leg.amount, row.currency)


def _parts(text: str) -> tuple[str, int]:
    """Return the subject without its leg, and the number of the leg or 0."""
    subject, _, leg = text.partition(_LEG)
    return subject, int(leg or WHOLE)


def _rows_of(text: str) -> list[tuple[type[Any], Key]]:
    """Return the keys of the rows that can stand for a subject; none for an unknown kind.

    A leg is looked for once its instruction is found, which leads to it.
    """
    subject, leg = _parts(text)
    kind, _, name = subject.partition(":")
    if leg:
        return [(Instruction, (name,))] if kind == "payment" else []
    return [(row, (name,)) for row in SUBJECTS.get(kind, ())]


def _resolved(tx: Transaction, record: DisputeResolved) -> None:
    dispute = _refuse_answer(tx, record)
    awaited = expectations.awaited(tx, DISPUTE, tx.subject)
    tx.put(replace(dispute, state=record.outcome, answer=record.reason, last_entry=tx.entry))
    settle = expectations.conflict if record.outcome == REJECTED else expectations.meet
    settle(tx, awaited, f"dispute {record.outcome}: {record.reason}")


def _refuse_answer(tx: Transaction, record: DisputeResolved) -> Dispute:
    dispute = tx.rows[Dispute][record.dispute,]
    if dispute is None:
        raise Refused(
            "unknown-dispute",
            "A dispute is raised before it is resolved.",
            expected="a raised dispute",
            got=record.dispute,
        )
    if tx.author not in {dispute.raiser, dispute.against}:
        raise Refused(
            "wrong-author",
            f"Only the two parties of the dispute {dispute.dispute} can resolve it.",
            expected=f"{dispute.against}, or {dispute.raiser} to withdraw it",
            got=tx.author,
        )
    if dispute.state not in STANDING:
        raise Refused(
            "dispute-resolved",
            f"The dispute {dispute.dispute} is resolved; raise a new one if need be.",
            expected="a dispute that is open or rejected",
            got=f"{dispute.state} in entry {dispute.last_entry}",
        )
    if (record.outcome == WITHDRAWN) != (tx.author == dispute.raiser):
        raise Refused(
            "dispute-outcome",
            f"{dispute.against} upholds or rejects the dispute, {dispute.raiser} withdraws it.",
            expected=WITHDRAWN if tx.author == dispute.raiser else "upheld or rejected",
            got=f"{record.outcome} by {tx.author}",
        )
    if record.outcome == dispute.state:
        raise Refused(
            "dispute-outcome",
            f"{dispute.against} has rejected the dispute before; it stands until {dispute.raiser} "
            f"withdraws it, or {dispute.against} upholds it after all.",
            expected="upheld",
            got=record.outcome,
        )
    return dispute


def _raised_keys(record: DisputeRaised, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    return [(Dispute, (record.dispute,)), *_rows_of(record.subject)]


def _resolved_keys(record: DisputeResolved, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    name = record.dispute
    return [(Dispute, (name,)), (Expectation, (DISPUTE, f"dispute:{name}"))]


def _subject(record: DisputeRaised | DisputeResolved) -> str:
    return f"dispute:{record.dispute}"


def _refused_subject(record: DisputeRaised) -> str:
    """A dispute that was refused is none: who looks for it asks about what it contests."""
    return _parts(record.subject)[0]


ROWS: tuple[type[Row], ...] = (Dispute,)
RULES = (
    Rule(DisputeRaised, (), _raised, _raised_keys, _subject, _refused_subject, supervised=True),
    Rule(DisputeResolved, (), _resolved, _resolved_keys, _subject, supervised=True),
)
EXAMPLES: tuple[Record, ...] = (
    DisputeRaised(
        at=1_760_000_000_037,
        id="fund-0030",
        dispute="DP-2025-0001",
        subject="payment:P-2025-1001/leg:2",
        against="platform",
        reason="the service fee is not the agreed one",
    ),
    DisputeResolved(
        at=1_760_000_000_038,
        id="plat-0032",
        dispute="DP-2025-0001",
        outcome="rejected",
        reason="the fee is that of agreement fee-2025",
    ),
)
