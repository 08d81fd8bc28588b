"""Refusals of the contracts of loans: every code of every record, with words that help."""

from __future__ import annotations

import pytest

from ledger.contracts import RULES
from ledger.records import type_name
from tests.ledger.loan_refusals import CASES
from tests.ledger.refusal_kit import MORE_REFUSALS, REFUSALS

OF_LOANS = ("loan", "repayment", "compensation", "payment", "split")
NAMES = [f"{said[1]}-{code}-{number}" for number, (code, _, said) in enumerate(CASES)]


def test_there_is_a_record_for_every_code_that_a_type_of_loans_declares() -> None:
    declared = {
        (type_name(record), code)
        for record in RULES
        if type_name(record).split(".")[0] in OF_LOANS
        for code in record.CODES
    }
    refused = {(said[1], code) for code, _, said in CASES}
    refused |= {(said[1], code) for code, (_, said) in REFUSALS.items()}
    refused |= {(said[1], code) for code, _, said in MORE_REFUSALS}
    assert sorted(declared - refused) == []


@pytest.mark.parametrize("number", range(len(CASES)), ids=NAMES)
def test_a_record_of_a_loan_is_refused_in_words_that_help(number: int) -> None:
    code, make, (author, type_, fields) = CASES[number]
    refused = make().refuse(code, author, type_, **fields)
    assert refused.message
    assert refused.expected
    assert refused.got
