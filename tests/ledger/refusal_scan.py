"""The refusals that stand in the source of the contracts, read by following what a rule calls.

What a rule's function calls, and what that calls, is followed through the ``ledger`` package by
name; every ``Refused("code", …)`` on the way is a code of the rule's record type, and so is one of
its subclasses. A refusal that is passed on in other words has its code where it came from.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from types import FunctionType, ModuleType

from ledger.errors import Refused
from ledger.records import Rule


def passed(rule: Rule) -> set[str]:
    """Return every code on the way of a rule, guards and unreachable ones among them."""
    return set(_reached(rule.apply, set()))


def _reached(function: object, seen: set[object]) -> Iterator[str]:
    """Yield the codes with which a function refuses, or something that it calls."""
    function = getattr(function, "__wrapped__", function)  # what a cache answers for
    if not isinstance(function, FunctionType) or function in seen:
        return
    seen.add(function)
    for node in ast.walk(_tree(function)):
        if isinstance(node, ast.Call) and is_refusal(_named(node.func, function)):
            code = _code(node.args[0], function)
            if code is not None:
                yield code
        for target in _targets(node, function):
            yield from _reached(target, seen)


@cache
def _tree(function: FunctionType) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(function)))


def is_refusal(found: object) -> bool:
    """Return whether something is a class of refusals."""
    return isinstance(found, type) and issubclass(found, Refused)


def _code(node: ast.expr, function: FunctionType) -> str | None:
    """Return a stated code; None where another refusal's is passed on, or a parameter's."""
    found = node.value if isinstance(node, ast.Constant) else _named(node, function)
    return found if isinstance(found, str) else None


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
