"""Every refusal code, produced by a record."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

import ledger as package
from ledger.contracts import RULES
from ledger.contracts.payments import PaymentCaptured
from ledger.records import Record, type_name
from simulator.coverage import GUARDS, UNREACHABLE
from tests.ledger import calendar_kit, fee_kit, loan_refusals, refund_kit
from tests.ledger.ledger_kit import (
    captured,
    paid_of,
    payout_of,
    split,
)
from tests.ledger.refusal_kit import (
    CONFIRMATION,
    MORE_REFUSALS,
    NEW_RECEIVER,
    ONE_PAYMENT,
    REFUSALS,
    paid_out,
)
from tests.ledger.refusal_scan import passed

BY_HAND = {"books-overdrawn", "amount-not-positive"}
"""Guards that no record reaches: tests/ledger/test_books.py does, and tests/ledger/lending."""


NAMES = ("Refused", "LoanRefused", "AmountRefused")


def codes_in_source() -> set[str]:
    """Return every code with which the package's source refuses, read from its syntax trees."""
    found: set[str] = set()
    for path in sorted(Path(package.__file__).parent.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in NAMES:
                code = node.args[0]
                if isinstance(code, ast.Constant):
                    found.add(code.value)
                elif isinstance(code, ast.Name) and code.id in constants:
                    found.add(constants[code.id])
    return found


def test_every_refusal_code_in_the_source_is_produced_by_a_test() -> None:
    assert codes_in_source() == set(REFUSALS) | BY_HAND


@pytest.mark.parametrize("record", RULES, ids=type_name)
def test_a_type_declares_the_codes_that_stand_on_the_way_of_its_rule(record: type[Record]) -> None:
    left_out = {*GUARDS, *(code for type_, code in UNREACHABLE if type_ == type_name(record))}
    assert sorted(record.CODES) == sorted(passed(RULES[record]) - left_out)


def test_what_is_left_out_is_on_the_way_of_its_rule() -> None:
    found = {(type_name(record), code) for record, rule in RULES.items() for code in passed(rule)}
    assert [cell for cell in UNREACHABLE if cell not in found] == []
    assert [code for code in GUARDS if code not in {code for _, code in found}] == []


def test_the_scan_knows_codes_that_stand_behind_calls_names_and_methods() -> None:
    found = passed(RULES[PaymentCaptured])
    assert {"refund-exceeds-payment", "time-in-future", "date-out-of-range"} <= found
    assert "tail-leg" not in found


def test_the_documentation_names_every_record_type_and_every_code() -> None:
    page = Path(package.__file__).parents[1] / "docs" / "contracts.md"
    text = page.read_text(encoding="utf-8")
    assert [code for code in sorted(codes_in_source()) if f"`{code}`" not in text] == []
    types = [str(record.__struct_config__.tag) for record in RULES]
    assert [type_ for type_ in types if f"| `{type_}` |" not in text] == []


@pytest.mark.parametrize("code", REFUSALS)
def test_refusal(code: str) -> None:
    make, (author, type_, fields) = REFUSALS[code]
    refused = make().refuse(code, author, type_, **fields)
    assert refused.message


@pytest.mark.parametrize("case", range(len(MORE_REFUSALS)))
def test_other_ways_to_a_refusal(case: int) -> None:
    code, make, (author, type_, fields) = MORE_REFUSALS[case]
    make().refuse(code, author, type_, **fields)


def test_every_refusal_says_what_was_expected_and_what_came() -> None:
    for code, (make, (author, type_, fields)) in REFUSALS.items():
        refused = make().refuse(code, author, type_, **fields)
        assert refused.got, code
        assert refused.expected, code


UNNAMED = {
    "settlement.confirmed",
    *refund_kit.ANYBODY,
    *fee_kit.ANYBODY,
    *calendar_kit.ANYBODY,
}


def test_every_rule_but_those_open_to_any_role_names_its_authors() -> None:
    for rule in RULES.values():
        assert bool(rule.authors) != (rule.record.__struct_config__.tag in UNNAMED)


OPEN_TO_AUDITORS = {*refund_kit.ANYBODY, *fee_kit.ANYBODY}
NOT_FOR_AUDITORS = [r for r in RULES if r.__struct_config__.tag not in OPEN_TO_AUDITORS]


@pytest.mark.parametrize("record", NOT_FOR_AUDITORS, ids=lambda r: str(r.__struct_config__.tag))
def test_an_auditor_may_state_no_record_of_another_role(record: type[Record]) -> None:
    said: dict[str, dict[str, Any]] = {
        "receiver.registered": NEW_RECEIVER,
        "receiver.suspended": {"receiver": "shop", "reason": "any"},
        "receiver.resumed": {"receiver": "shop", "reason": "any"},
        "payment.captured": captured(),
        "payment.reversed": ONE_PAYMENT,
        "split.instructed": split(),
        "split.amended": split(),
        "split.withdrawn": ONE_PAYMENT,
        "settlement.created": payout_of(),
        "settlement.paid": paid_of(),
        "settlement.returned": {"payout": "O1", "reason": "any"},
        "settlement.confirmed": CONFIRMATION,
        **refund_kit.SAMPLES,
        **fee_kit.SAMPLES,
        **calendar_kit.SAMPLES,
        **loan_refusals.SAMPLES,
    }
    type_ = str(record.__struct_config__.tag)
    paid_out().refuse("wrong-author", "auditor", type_, **said[type_])
