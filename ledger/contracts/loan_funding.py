"""Disbursement and funding: the institution has paid a loan out, each funder its share of it."""

from __future__ import annotations

from msgspec.structs import replace

from ledger import books, expectations
from ledger.books import money
from ledger.contracts.loan_rows import (
    ACCEPTED,
    ACTIVE,
    LoanAccount,
    LoanAgreement,
    LoanEvent,
    LoanInstalment,
    LoanParty,
)
from ledger.contracts.loan_state import (
    parties_of,
    ranges_of,
    require_agreement,
    require_loan,
    row_of,
    stated_day,
    terms_of,
)
from ledger.errors import Refused
from ledger.expectations import LOAN_FUNDING
from ledger.genesis import Genesis
from ledger.lending.instalments import founding_shares
from ledger.lending.loan import open_loan
from ledger.records import Amount, Commitment, Day, Identifier, Record, Rule
from ledger.state import Key, Row, Transaction


class LoanDisbursed(Record, frozen=True, kw_only=True, tag="loan.disbursed"):
    """The institution has paid a loan out to its borrower.

    Refused unless all have accepted the loan; it was not disbursed before; amount and date are
    those of the terms.
    """

    CODES = (
        "already-disbursed",
        "disbursement-differs",
        "loan-not-in-force",
        "loan-unknown",
        "no-such-date",
        "time-in-future",
    )

    loan: Identifier
    amount: Amount
    date: Day
    bank_reference: Commitment


class LoanFunded(Record, frozen=True, kw_only=True, tag="loan.funded"):
    """A funder has paid its share of a loan. What differs from the share conflicts.

    Refused unless the loan is disbursed; the author is one of its funders and has not stated its
    share before.
    """

    CODES = (
        "already-funded",
        "loan-not-disbursed",
        "loan-unknown",
        "no-such-date",
        "time-in-future",
        "wrong-author",
    )

    loan: Identifier
    amount: Amount
    date: Day


def _disbursed(tx: Transaction, record: LoanDisbursed) -> None:
    agreement = _refuse_disbursement(tx, record)
    terms, parties = terms_of(agreement.terms), parties_of(agreement)
    loan = open_loan(terms, parties)
    name = record.loan
    for instalment in loan.instalments:
        row = row_of(name, instalment)
        tx.add(LoanInstalment, (name, instalment.number), row)
    whole = [each for each in loan.instalments if not each.open]
    first = next((each for each in loan.instalments if each.open), None)
    tx.put(
        LoanAccount(
            loan=name,
            currency=agreement.currency,
            disbursed=record.date,
            latest=record.date,
            method=loan.method,
            regular=loan.regular,
            numbers=ranges_of([each.number for each in loan.instalments]),
            numbered=loan.numbered,
            records=0,
            settled=len(whole) if first is None else loan.instalments.index(first),
            due_from="" if first is None else first.due.isoformat(),
            open_principal=terms.principal,
            bank_reference=record.bank_reference,
            entry=tx.entry,
            last_entry=tx.entry,
        )
    )
    tx.put(replace(agreement, state=ACTIVE, last_entry=tx.entry))
    tx.put(
        LoanEvent(
            loan=name,
            record=0,
            kind="disbursed",
            date=record.date,
            amount=record.amount,
            about=tx.author,
            entry=tx.entry,
        )
    )
    shares = founding_shares(terms, parties).lent
    lines = [(books.funding(party), -part) for party, part in shares if part]
    books.post(tx, agreement.currency, [(books.principal(name), record.amount), *lines])
    for party, part in [each for each in shares if each[1]]:
        matter = (funding_subject(name, party), party)
        expectations.open_expectation(tx, LOAN_FUNDING, matter, part, agreement.currency)


def _refuse_disbursement(tx: Transaction, record: LoanDisbursed) -> LoanAgreement:
    agreement = require_agreement(tx, record.loan)
    account = tx.rows[LoanAccount][record.loan,]
    if account is not None:
        raise Refused(
            "already-disbursed",
            "A loan is paid out once.",
            expected="a loan that was not disbursed",
            got=f"{record.loan}, disbursed in entry {account.entry}",
        )
    if agreement.state != ACCEPTED:
        missing = [each for each in agreement.names if each not in agreement.accepted]
        raise Refused(
            "loan-not-in-force",
            f"A loan is paid out when all have accepted it; {', '.join(missing)} did not.",
            expected="a loan that all have accepted",
            got=f"{record.loan}, {agreement.state}",
        )
    stated_day(tx, record.date)
    disbursed = terms_of(agreement.terms).disbursed.isoformat()
    if (record.amount, record.date) != (agreement.principal, disbursed):
        currency = agreement.currency
        raise Refused(
            "disbursement-differs",
            "A loan is paid out as its terms say, since its schedule follows from them: propose it "
            "anew if it was another amount or day. The difference is "
            f"{money(record.amount - agreement.principal, currency)}.",
            expected=f"{money(agreement.principal, currency)} on {disbursed}",
            got=f"{money(record.amount, currency)} on {record.date}",
        )
    return agreement


def funding_subject(loan: str, party: str) -> str:
    """Return what the expectation of a funder's share is about."""
    return f"loan:{loan}/party:{party}"


def _funded(tx: Transaction, record: LoanFunded) -> None:
    agreement, _ = require_loan(tx, record.loan)
    party = _refuse_funding(tx, record)
    stated_day(tx, record.date)
    stated = replace(party, funded=record.amount, funded_on=record.date, funded_entry=tx.entry)
    tx.put(stated)
    awaited = expectations.awaited(tx, LOAN_FUNDING, funding_subject(record.loan, tx.author))
    if record.amount == party.lent:
        expectations.meet(tx, awaited)
        return
    currency = agreement.currency
    apart = books.contradiction(
        "disbursed", (party.lent, currency), "funded", (record.amount, currency)
    )
    expectations.conflict(tx, awaited, f"amount: {apart}")


def _refuse_funding(tx: Transaction, record: LoanFunded) -> LoanParty:
    party = tx.rows[LoanParty][tx.author, record.loan]
    if party is None or not party.lent:
        raise Refused(
            "wrong-author",
            f"A funder of {record.loan} states what it has funded.",
            expected="a funder of the loan",
            got=tx.author,
        )
    if party.funded == party.lent:
        raise Refused(
            "already-funded",
            f"{tx.author} has stated its share of {record.loan} before.",
            expected="a share that is not funded",
            got=f"funded in entry {party.funded_entry}",
        )
    return party


def _disbursed_keys(record: LoanDisbursed, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    return [(LoanAgreement, (record.loan,)), (LoanAccount, (record.loan,))]


def _funded_keys(record: LoanFunded, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    return [(LoanAgreement, (record.loan,)), (LoanAccount, (record.loan,))]


def _subject(record: LoanDisbursed | LoanFunded) -> str:
    return f"loan:{record.loan}"


RULES = (
    Rule(LoanDisbursed, ("institution",), _disbursed, _disbursed_keys, _subject),
    Rule(LoanFunded, ("funder",), _funded, _funded_keys, _subject),
)
ROWS: tuple[type[Row], ...] = ()
EXAMPLES: tuple[Record, ...] = (
    LoanDisbursed(
        at=1_760_000_000_066,
        id="inst-0066",
        loan="L-2025-0001",
        amount=500_000,
        date="2025-10-09",
        bank_reference="e5" * 32,
    ),
    LoanFunded(
        at=1_760_000_000_067,
        id="fund-0067",
        loan="L-2025-0001",
        amount=350_000,
        date="2025-10-09",
    ),
)
