"""Which refusals each record type can meet, read from the source of the contracts.

What a rule's function calls, and what that calls, is followed through the ``ledger`` package by
name; every ``Refused("code", …)`` on the way is a code of the rule's record type. So a new refusal
is known the moment it is written. The few that are on the way and can never be met are named in
:data:`UNREACHABLE`, each with its reason.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterable, Iterator
from functools import cache
from types import FunctionType, ModuleType

from ledger.contracts import RULES
from ledger.execute import ID_REUSED
from ledger.records import Rule, type_name

WRONG_AUTHOR = "wrong-author"
TIME_IN_FUTURE = "time-in-future"

GUARDS = {
    "books-overdrawn": "a balance that may not be negative: only a fault in a contract gets there",
    "books-overflow": "a balance beyond 2^53−1 minor units: nobody here has so much",
}
"""Refusals of the books, which guard every posting and belong to no business."""

_NO_RECEIVER = "a leg that stands names a receiver that is registered, for good"
_CHAINED = "what is in force was stated"
_ON_A_DATE = "the capture's own date was checked when it was captured"
_BLOCK_TIME = "the time of a block is a date of the calendar"
_NEAR_BLOCK = "a capture lies at most a day after its block, which is a date of the calendar"

UNREACHABLE: dict[tuple[str, str], str] = {
    ("payment.captured", "unknown-receiver"): _NO_RECEIVER,
    ("payment.reversed", "unknown-receiver"): _NO_RECEIVER,
    ("settlement.paid", "unknown-receiver"): _NO_RECEIVER,
    ("settlement.returned", "unknown-receiver"): _NO_RECEIVER,
    ("settlement.confirmed", "unknown-receiver"): _NO_RECEIVER,
    ("fee.agreed", "unknown-agreement"): _CHAINED,
    ("profit.agreed", "unknown-agreement"): _CHAINED,
    ("payment.captured", "date-out-of-range"): _NEAR_BLOCK,
    ("split.instructed", "date-out-of-range"): _ON_A_DATE,
    ("split.amended", "date-out-of-range"): _ON_A_DATE,
    ("fee.charged", "date-out-of-range"): _ON_A_DATE,
    ("settlement.created", "date-out-of-range"): _BLOCK_TIME,
    ("fee.agreed", "date-out-of-range"): _BLOCK_TIME,
    ("profit.agreed", "date-out-of-range"): _BLOCK_TIME,
    ("fee.invoiced", "date-out-of-range"): _BLOCK_TIME,
    ("profit.shared", "date-out-of-range"): _BLOCK_TIME,
    ("calendar.declared", "date-out-of-range"): _BLOCK_TIME,
}
"""Refusals that a rule's code passes and that no record can meet, with the reason."""


@cache
def refusals() -> dict[str, tuple[str, ...]]:
    """Return the refusal codes that records of every type can meet, sorted, without guards."""
    return {type_name(record): _met(rule, passed(rule)) for record, rule in RULES.items()}


def own(rule: Rule) -> tuple[str, ...]:
    """Return the refusal codes of a rule's own contract, sorted, without guards."""
    return _met(rule, _reached(rule.apply, set()))


def _met(rule: Rule, codes: Iterable[str]) -> tuple[str, ...]:
    type_ = type_name(rule.record)
    left_out = {*GUARDS, *(code for of, code in UNREACHABLE if of == type_)}
    return tuple(sorted(set(codes) - left_out))


def passed(rule: Rule) -> tuple[str, ...]:
    """Return every refusal on the way of a rule, guards and unreachable ones among them."""
    general = (ID_REUSED, *_of_role(rule), TIME_IN_FUTURE)
    return tuple(dict.fromkeys((*general, *_reached(rule.apply, set()))))


def _of_role(rule: Rule) -> tuple[str, ...]:
    return (WRONG_AUTHOR,) if rule.authors else ()


def _reached(function: object, seen: set[object]) -> Iterator[str]:
    """Yield the codes with which a function refuses, or something that it calls."""
    function = getattr(function, "__wrapped__", function)  # what a cache answers for
    if not isinstance(function, FunctionType) or function in seen:
        return
    seen.add(function)
    for node in ast.walk(_tree(function)):
        if isinstance(node, ast.Call) and _named(node.func, function) is _refused():
            yield _code(node.args[0], function)
        for target in _targets(node, function):
            yield from _reached(target, seen)


@cache
def _tree(function: FunctionType) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(function)))


def _refused() -> object:
    return sys.modules["ledger.errors"].Refused


def _code(node: ast.expr, function: FunctionType) -> str:
    return str(node.value if isinstance(node, ast.Constant) else _named(node, function))


def _named(node: ast.expr, function: FunctionType) -> object:
    """Return what a name, or a name in a module, stands for in ``function``; None if unknown."""
    if isinstance(node, ast.Name):
        return function.__globals__.get(node.id)
    if isinstance(node, ast.Attribute):
        module = _named(node.value, function)
        return getattr(module, node.attr, None) if isinstance(module, ModuleType) else None
    return None


def _targets(node: ast.AST, function: FunctionType) -> list[object]:
    """Return what a node leads to: a function that it names, or every method that it may call."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return _methods().get(node.func.attr, []) if not _named(node.func, function) else []
    if not isinstance(node, ast.Name | ast.Attribute):
        return []
    found = _named(node, function)
    module = getattr(found, "__module__", "") or ""
    return [found] if module.split(".")[0] == "ledger" else []


@cache
def _methods() -> dict[str, list[object]]:
    """Return the methods of all classes of the package, by name."""
    found: dict[str, list[object]] = {}
    modules = [module for name, module in sys.modules.items() if name.split(".")[0] == "ledger"]
    for module in modules:
        classes = (each for each in vars(module).values() if isinstance(each, type))
        for kind in (each for each in classes if each.__module__ == module.__name__):
            for name, method in vars(kind).items():
                if isinstance(method, FunctionType) and not name.startswith("__"):
                    found.setdefault(name, []).append(method)
    return found
