"""Proposals of loans: who lends which part, by which terms, and to which receivers it comes back.

The ledger computes the schedule and the cost itself. A proposal that is not in force may be made
anew; those who have accepted it are asked again.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from ledger import canonical, domains, expectations
from ledger.books import money
from ledger.contracts import loan_rows, receivers
from ledger.contracts.loan_rows import (
    DECLINED,
    PROPOSED,
    WITHDRAWN,
    LoanAgreement,
    LoanParty,
    LoanRole,
)
from ledger.contracts.loan_state import (
    in_money,
    require_agreement,
)
from ledger.errors import Refused
from ledger.expectations import LOAN_ACCEPTANCE
from ledger.genesis import Genesis
from ledger.lending import cost, division
from ledger.lending.errors import LoanRefused
from ledger.lending.schedule import require_same, schedule
from ledger.lending.terms import (
    FUNDERS,
    FUNDERS_MAX,
    INSTALMENTS_MAX,
    MILLION,
    Fee,
    Funder,
    LoanTerms,
    Parties,
    ScheduleRow,
    check_parties,
    check_terms,
)
from ledger.records import Commitment, Currency, Identifier, PartyName, Record, Rule
from ledger.state import Key, Row, Transaction

Rows = Annotated[tuple[ScheduleRow, ...], Meta(max_length=INSTALMENTS_MAX)]


class LoanFunder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A funder, its share in parts per million, and the receiver of what is due to it."""

    party: PartyName
    ppm: Annotated[int, Meta(ge=1, le=MILLION, description="parts per million")]
    receiver: Identifier


class LoanGuarantor(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False
):
    """The guarantor, and the receiver of what is due to it."""

    party: PartyName
    receiver: Identifier


class LoanProposed(Record, frozen=True, kw_only=True, tag="loan.proposed"):
    """The platform proposes a loan: who lends which part, and its terms.

    ``borrower`` commits to the borrower, who is no party. ``schedule`` may be left out; if it is
    stated, it must be the one that the terms give.

    Refused unless the loan is not in force; funders and guarantor are parties of these roles, and
    own their receivers; a split may have as many legs; shares, terms and schedule close; the cost
    is within the limit.
    """

    CODES = (
        "beneficiary-unknown",
        "cost-over-limit",
        "dates-out-of-order",
        "early-fee-over-limit",
        "funders-form",
        "loan-exists",
        "amount-over-limit",
        "receiver-not-owned",
        "receiver-suspended",
        "schedule-differs",
        "schedule-does-not-close",
        "shares-do-not-sum",
        "terms-contradict",
        "terms-out-of-range",
        "too-many-legs",
        "unknown-party",
        "unknown-receiver",
        "wrong-currency",
    )

    loan: Identifier
    borrower: Commitment
    currency: Currency
    funders: Annotated[tuple[LoanFunder, ...], Meta(min_length=1, max_length=FUNDERS_MAX)]
    platform_receiver: Identifier
    terms: LoanTerms
    guarantor: LoanGuarantor | None = None
    schedule: Rows = ()


class LoanReceiverNamed(Record, frozen=True, kw_only=True, tag="loan.receiver_named"):
    """A beneficiary of a loan names another receiver of its own, for what comes from now on.

    Refused unless the author is a beneficiary; it owns the receiver, which is active and of the
    currency.
    """

    CODES = (
        "loan-unknown",
        "receiver-not-owned",
        "receiver-suspended",
        "unknown-receiver",
        "wrong-author",
        "wrong-currency",
    )

    loan: Identifier
    receiver: Identifier


def proposal_hash(record: Record) -> str:
    """Return the hash that names a proposal, in hex."""
    return domains.loan_proposal_hash(canonical.encode(record)).hex()


def _proposed(tx: Transaction, record: LoanProposed) -> None:
    existing = tx.rows[LoanAgreement][record.loan,]
    _refuse_in_force(existing)
    _refuse_parties(tx, record)
    parties = _parties_of(record, tx.author)
    _refuse_terms(tx, record, parties)
    _refuse_receivers(tx, record, _beneficiaries(record, tx.author))
    agreement = agreement_of(record, tx.author, tx.entry)
    if existing is not None:
        agreement = replace(agreement, entry=existing.entry)
        _clear(tx, existing, agreement)
    tx.put(agreement)
    _put_parties(tx, agreement, parties)
    await_acceptance(tx, agreement.loan, agreement)


def agreement_of(record: LoanProposed, platform: str, entry: int) -> LoanAgreement:
    """Return what a proposal is, by itself.

    Args:
        record: The proposal.
        platform: Its author.
        entry: Its entry.
    """
    beneficiaries = _beneficiaries(record, platform)
    return LoanAgreement(
        loan=record.loan,
        state=PROPOSED,
        borrower=record.borrower,
        currency=record.currency,
        principal=record.terms.principal,
        platform=platform,
        guarantor=record.guarantor.party if record.guarantor else "",
        funders=tuple(f"{each.party}:{each.ppm}" for each in record.funders),
        beneficiaries=tuple(f"{party}:{name}" for party, name in beneficiaries.items()),
        terms=canonical.encode(record.terms).decode(),
        proposal=proposal_hash(record),
        entry=entry,
        last_entry=entry,
    )


def _parties_of(record: LoanProposed, platform: str) -> Parties:
    return Parties(
        funders=tuple(Funder(party=each.party, ppm=each.ppm) for each in record.funders),
        platform=platform,
        guarantor=record.guarantor.party if record.guarantor else "",
    )


def _refuse_in_force(existing: LoanAgreement | None) -> None:
    if existing is not None and existing.state not in {PROPOSED, DECLINED, WITHDRAWN}:
        raise Refused(
            "loan-exists",
            "A loan that all have accepted is changed by loan.replanned, not by a new proposal.",
            expected="a new loan id, or a loan that is not in force",
            got=f"{existing.loan}, {existing.state}",
        )


def _refuse_parties(tx: Transaction, record: LoanProposed) -> None:
    named = [(each.party, "funder") for each in record.funders]
    if record.guarantor is not None:
        named.append((record.guarantor.party, "guarantor"))
    for party, role in named:
        if tx.genesis.roles.get(party) != role:
            known = [name for name in tx.genesis.names if tx.genesis.roles[name] == role]
            raise Refused(
                "unknown-party",
                f"The {role} of a loan is a party of the consortium in that role.",
                expected=" or ".join(known) or f"a {role}, of which the consortium has none",
                got=party,
            )


def _refuse_terms(tx: Transaction, record: LoanProposed, parties: Parties) -> None:
    terms = record.terms
    limit = tx.genesis.limits.amount
    if terms.principal > limit:
        raise Refused(
            "amount-over-limit",
            "The consortium limits the amount of one record; check the principal.",
            expected=f"at most {money(limit, record.currency)}",
            got=money(terms.principal, record.currency),
        )
    try:
        check_parties(parties)
        check_terms(terms)
        made = schedule(terms)
        if record.schedule:
            require_same(terms, record.schedule)
        cost.refuse_dear(terms, made, tx.genesis.cost_limit_ppm)
    except LoanRefused as refused:
        raise in_money(refused, record.currency) from None


def _beneficiaries(record: LoanProposed, platform: str) -> dict[str, str]:
    """Return the receiver of each beneficiary, in the order of the proposal."""
    found = {each.party: each.receiver for each in record.funders}
    if record.guarantor is not None:
        found[record.guarantor.party] = record.guarantor.receiver
    found[platform] = record.platform_receiver
    terms = record.terms
    to = [fee.to for fee in terms.fees]
    to += [each for each in (terms.penalty_to, terms.early_fee_to) if each != FUNDERS]
    for party in to:
        if party not in found:
            raise Refused(
                "beneficiary-unknown",
                "Fees and penalty of a loan go to its funders, its guarantor or the platform.",
                expected=" or ".join(found),
                got=party,
            )
    return found


def _refuse_receivers(tx: Transaction, record: LoanProposed, beneficiaries: dict[str, str]) -> None:
    limit = tx.genesis.limits.legs
    if len(beneficiaries) > limit:
        raise Refused(
            "too-many-legs",
            "A repayment goes to all beneficiaries of its loan, and the consortium limits the legs "
            "of a split.",
            expected=f"at most {limit} beneficiaries",
            got=f"{len(beneficiaries)}",
        )
    for party, name in beneficiaries.items():
        _refuse_receiver(tx, party, name, record.currency)


def _refuse_receiver(tx: Transaction, party: str, name: str, currency: str) -> None:
    receiver = receivers.require(tx, name)
    if receiver.owner != party:
        raise Refused(
            "receiver-not-owned",
            "What is due to a party of a loan goes to a receiver of its own.",
            expected=f"a receiver that {party} owns",
            got=f"{name}, owned by {receiver.owner or 'no party'}",
        )
    if receiver.currency != currency:
        raise receivers.wrong_currency(receiver, currency)
    if receiver.state != receivers.ACTIVE:
        raise Refused(
            "receiver-suspended",
            f"No new claims of a suspended receiver ({receiver.reason}).",
            expected="an active receiver",
            got=f"{name}, suspended",
        )


def _clear(tx: Transaction, before: LoanAgreement, now: LoanAgreement) -> None:
    """Let go of those that an earlier proposal named, and this one does not."""
    for party in (*before.names, before.platform):
        if party not in (*now.names, now.platform):
            tx.delete(LoanParty, (party, before.loan))
            subject = acceptance(before.loan, party)
            expectations.meet_if_open(tx, LOAN_ACCEPTANCE, subject, "the loan was proposed anew")


def _put_parties(tx: Transaction, agreement: LoanAgreement, parties: Parties) -> None:
    lent = division.by_weights(agreement.principal, parties.ppms)
    roles: list[tuple[str, LoanRole, int]] = [
        (name, "funder", part) for name, part in zip(parties.names, lent, strict=True)
    ]
    if parties.guarantor:
        roles.append((parties.guarantor, "guarantor", 0))
    roles.append((parties.platform, "platform", 0))
    for party, role, part in roles:
        tx.put(LoanParty(party=party, loan=agreement.loan, role=role, lent=part))


def acceptance(loan: str, party: str) -> str:
    """Return what the expectation of a party's acceptance is about."""
    return f"loan:{loan}/party:{party}"


def await_acceptance(tx: Transaction, loan: str, agreement: LoanAgreement) -> None:
    """Expect all that have to accept a proposal to do so."""
    for party in agreement.names:
        matter = (acceptance(loan, party), party)
        amount, currency = agreement.principal, agreement.currency
        expectations.open_or_revise(tx, LOAN_ACCEPTANCE, matter, amount, currency)


def _receiver_named(tx: Transaction, record: LoanReceiverNamed) -> None:
    agreement = require_agreement(tx, record.loan)
    held = dict(text.split(":", 1) for text in agreement.beneficiaries)
    if tx.author not in held:
        raise Refused(
            "wrong-author",
            f"A beneficiary of {record.loan} names its own receiver.",
            expected=" or ".join(held),
            got=tx.author,
        )
    _refuse_receiver(tx, tx.author, record.receiver, agreement.currency)
    held[tx.author] = record.receiver
    named = tuple(f"{party}:{receiver}" for party, receiver in held.items())
    tx.put(replace(agreement, beneficiaries=named, last_entry=tx.entry))


def _proposed_keys(record: LoanProposed, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    names = [each.receiver for each in record.funders]
    names.append(record.platform_receiver)
    if record.guarantor is not None:
        names.append(record.guarantor.receiver)
    keys: list[tuple[type[Row], Key]] = [(LoanAgreement, (record.loan,))]
    return keys + [(receivers.Receiver, (name,)) for name in names]


def _receiver_keys(record: LoanReceiverNamed, genesis: Genesis) -> list[tuple[type[Row], Key]]:
    return [(LoanAgreement, (record.loan,)), (receivers.Receiver, (record.receiver,))]


def _subject(record: LoanProposed | LoanReceiverNamed) -> str:
    return f"loan:{record.loan}"


ROWS: tuple[type[Row], ...] = loan_rows.ROWS
RULES = (
    Rule(LoanProposed, ("platform",), _proposed, _proposed_keys, _subject),
    Rule(
        LoanReceiverNamed,
        ("platform", "funder", "guarantor"),
        _receiver_named,
        _receiver_keys,
        _subject,
    ),
)
EXAMPLES: tuple[Record, ...] = (
    LoanProposed(
        at=1_760_000_000_060,
        id="plat-0060",
        loan="L-2025-0001",
        borrower="b0" * 32,
        currency="CNY",
        funders=(
            LoanFunder(party="funder", ppm=700_000, receiver="funder-main"),
            LoanFunder(party="bank-b", ppm=300_000, receiver="bank-b-main"),
        ),
        platform_receiver="platform-fees",
        guarantor=LoanGuarantor(party="guarantor", receiver="guarantor-main"),
        terms=LoanTerms(
            principal=500_000,
            annual_rate_ppm=120_000,
            day_count="30/360",
            method="equal-instalment",
            instalments=12,
            disbursed=date(2025, 10, 9),
            first_due=date(2025, 11, 9),
            fees=(Fee(name="service", to="platform", yearly_ppm=10_000),),
            penalty_ppm=100_000,
            partial="reduce",
            per_instalment_days=30,
            whole_days=80,
        ),
    ),
    LoanReceiverNamed(
        at=1_760_000_000_065, id="fund-0065", loan="L-2025-0001", receiver="funder-second"
    ),
)
