"""Claims of a loan: what is due and open to whom, in its rows, its books and its events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

from ledger.contracts.loan_events import LoanHistory
from ledger.contracts.loan_rows import (
    LoanAccount,
    LoanAgreement,
    LoanEvent,
    LoanInstalment,
    LoanParty,
    RepaymentAttempt,
    numbers_of,
)
from ledger.contracts.loan_state import instalment_of, legs_of
from ledger.lending.errors import LoanRefused
from ledger.lending.instalments import Instalment, LoanLeg
from simulator.checkers.loan_rows import LoanRows

PRINCIPAL = "principal"


def wrong_of(rows: LoanRows, name: str) -> Iterator[str]:
    """Yield what does not hold of a disbursed loan."""
    agreement, account = _rows_of(rows, name)
    parts = [instalment_of(row) for row in rows.of(LoanInstalment, name)]
    yield from _wrong_claims(rows, name, parts)
    yield from _wrong_standing(agreement, account, parts)
    yield from _wrong_principal(rows, account, parts)
    yield from _wrong_events(rows, account)
    yield from _wrong_holders(rows, agreement, parts)
    yield from _wrong_receipts(rows, name, parts)


def _rows_of(rows: LoanRows, name: str) -> tuple[LoanAgreement, LoanAccount]:
    agreement, account = rows.get(LoanAgreement, name), rows.get(LoanAccount, name)
    if agreement is None or account is None:
        raise LookupError(f"loan {name} was not disbursed")
    return agreement, account


def _wrong_claims(rows: LoanRows, name: str, parts: Sequence[Instalment]) -> Iterator[str]:
    for part in parts:
        row = rows.get(LoanInstalment, name, part.number)
        if row is None or row.open != part.open:
            yield f"instalment {part.number} of {name} is not as open as its claims"
        for claim in part.claims:
            if not 0 <= claim.open <= claim.due:
                what = f"{claim.component} of instalment {part.number} of {name}"
                yield f"of the {what} {claim.open} of {claim.due} is open to {claim.party}"
        named = Counter((claim.component, claim.party) for claim in part.claims)
        if any(count > 1 for count in named.values()):
            yield f"instalment {part.number} of {name} has two claims of one holder"


def _wrong_standing(
    agreement: LoanAgreement, account: LoanAccount, parts: Sequence[Instalment]
) -> Iterator[str]:
    """Yield what is untrue of the first instalment that is open."""
    name = account.loan
    if [part.number for part in parts] != list(numbers_of(account.numbers)):
        yield f"{name} has other instalments than {', '.join(account.numbers)}"
    whole = 0
    while whole < len(parts) and not parts[whole].open:
        whole += 1
    due_from = parts[whole].due.isoformat() if whole < len(parts) else ""
    if (account.settled, account.due_from) != (whole, due_from):
        said = f"{account.settled} whole, then {account.due_from or 'nothing'}"
        yield f"{name} says {said}, and has {whole} whole, then {due_from or 'nothing'}"
    state = "active" if due_from else "settled"
    if agreement.state != state:
        yield f"{name} is {agreement.state}, and ought to be {state}"


def _wrong_principal(
    rows: LoanRows, account: LoanAccount, parts: Sequence[Instalment]
) -> Iterator[str]:
    opened = sum(_open_principal(parts).values())
    booked = rows.balance(f"principal:{account.loan}", account.currency)
    if not opened == account.open_principal == booked:
        yield (
            f"of the principal of {account.loan} {opened} is open to its holders, "
            f"{account.open_principal} in its account, {booked} in the books"
        )


def _open_principal(parts: Sequence[Instalment]) -> Counter[str]:
    found: Counter[str] = Counter()
    for claim in chain.from_iterable(part.claims for part in parts):
        if claim.component == PRINCIPAL:
            found[claim.party] += claim.open
    return found


def _wrong_events(rows: LoanRows, account: LoanAccount) -> Iterator[str]:
    events = list(rows.of(LoanEvent, account.loan))
    if [event.record for event in events] != list(range(account.records + 1)):
        yield f"{account.loan} has not one event for each of its {account.records} records"
    latest = max((event.date for event in events), default="")
    if account.latest != latest:
        yield f"{account.loan} is of {account.latest}, its latest event of {latest}"


def _standing(rows: LoanRows, loan: str) -> Iterator[RepaymentAttempt]:
    return (each for each in rows.of(RepaymentAttempt, loan) if each.state == "succeeded")


def _wrong_holders(
    rows: LoanRows, agreement: LoanAgreement, parts: Sequence[Instalment]
) -> Iterator[str]:
    """Yield who has not got, waived, passed on or open what it lent, or took over."""
    name, opened = agreement.loan, _open_principal(parts)
    left: Counter[str] = Counter()
    for party in agreement.names:
        row = rows.get(LoanParty, party, name)
        left[party] += 0 if row is None else row.lent
    for leg in _passed(rows, name):
        left[leg.party] -= leg.amount
        left[agreement.guarantor] += leg.amount
    for leg in _paid_or_waived(rows, name):
        left[leg.party] -= leg.amount
    for party in sorted(left.keys() | opened.keys()):
        if left[party] != opened[party]:
            said = f"{left[party]} of the principal of {name} is left to {party}"
            yield f"{said}, {opened[party]} is open"


def _passed(rows: LoanRows, name: str) -> Iterator[LoanLeg]:
    """Yield the principal that compensations have passed on."""
    settled = (each for each in rows.compensations(name) if each.state == "settled")
    return chain.from_iterable(_of_principal(each.passed) for each in settled)


def _paid_or_waived(rows: LoanRows, name: str) -> Iterator[LoanLeg]:
    """Yield the principal that its holders got of the borrower, and what they waived of it."""
    for attempt in _standing(rows, name):
        yield from _of_principal((*attempt.legs, *attempt.ahead))
    for event in rows.of(LoanEvent, name):
        if event.kind == "waived":
            yield from _of_principal(event.details)


def _of_principal(texts: Sequence[str]) -> list[LoanLeg]:
    return [leg for leg in legs_of(texts) if leg.component == PRINCIPAL]


def _wrong_receipts(rows: LoanRows, name: str, parts: Sequence[Instalment]) -> Iterator[str]:
    """Yield who got more of an instalment than was ever due to it.

    Principal that was prepaid is left out: it was due with instalments that a new plan changed.
    """
    due = {
        (part.number, claim.component, claim.party): claim.due
        for part in parts
        for claim in part.claims
    }
    numbers = {part.number for part in parts}
    got: Counter[tuple[int, str, str]] = Counter()
    for attempt in _standing(rows, name):
        ahead = [leg for leg in legs_of(attempt.ahead) if leg.component != PRINCIPAL]
        for leg in (*legs_of(attempt.legs), *ahead):
            if leg.instalment in numbers:
                got[leg.instalment, leg.component, leg.party] += leg.amount
    for place, amount in got.items():
        if amount > due.get(place, 0):
            number, component, party = place
            what = f"{component} of instalment {number} of {name}"
            yield f"{party} got {amount} of the {what}, and {due.get(place, 0)} is due to it"


class Funding:
    """What is open to each party over all loans, as their claims say it."""

    def __init__(self) -> None:
        self._by_loan: dict[str, Counter[tuple[str, str]]] = {}
        self._whole: Counter[tuple[str, str]] = Counter()

    def wrong_after(self, rows: LoanRows, loans: Sequence[str]) -> Iterator[str]:
        """Take in how loans stand now, and yield whose books say otherwise."""
        touched: set[tuple[str, str]] = set()
        for name in loans:
            _, account = _rows_of(rows, name)
            parts = [instalment_of(row) for row in rows.of(LoanInstalment, name)]
            opened = _open_principal(parts)
            now = Counter({(party, account.currency): each for party, each in opened.items()})
            before = self._by_loan.get(name, Counter())
            self._whole.subtract(before)
            self._whole.update(now)
            self._by_loan[name] = now
            touched |= now.keys() | before.keys()
        for party, currency in sorted(touched):
            booked = -rows.balance(f"funding:{party}", currency)
            if booked != self._whole[party, currency]:
                whole = self._whole[party, currency]
                yield f"{whole} {currency} is open to {party}, {booked} in the books"


def wrong_anew(rows: LoanRows, account: LoanAccount) -> str:
    """Compute a loan anew from its events alone; return what differs from its rows, or nothing."""
    name = account.loan
    agreement, _ = _rows_of(rows, name)
    history = LoanHistory(agreement)
    for event in rows.of(LoanEvent, name):
        try:
            moved = history.tell(event)
        except LoanRefused as refused:
            return f"the rules refuse event {event.record} of {name}: {refused.message}"
        if event.kind == "repaid":
            attempt = rows.get(RepaymentAttempt, name, event.about)
            stated = () if attempt is None else legs_of((*attempt.legs, *attempt.ahead))
            if moved != stated:
                return f"attempt {event.about} of {name} is {moved} by the rules, and not {stated}"
    loan = history.loan
    if loan is None:
        return f"{name} has no events"
    stand = [instalment_of(row) for row in rows.of(LoanInstalment, name)]
    for anew, row in zip(loan.instalments, stand, strict=False):
        if anew != row:
            return f"instalment {row.number} of {name} is {anew} by the rules, and not {row}"
    computed = (len(loan.instalments), loan.latest.isoformat(), loan.numbered, loan.records)
    kept = (len(stand), account.latest, account.numbered, account.records)
    if computed != kept or loan.method != account.method:
        return f"{name} stands as {kept}, by its events as {computed}"
    return ""
