"""Style that holds for all packages: ``python -m tools.tidy`` prints what is against it.

Sizes of files and functions, arrows between packages, one meaning for a class name, the noun at the
beginning of a module's docstring. What may be otherwise stands in :data:`EXCEPTIONS`, each with its
reason; an exception that excuses nothing is found, too.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

ROOT = Path(__file__).resolve().parents[1]

ARROWS: dict[str, set[str]] = {
    "ledger": set(),
    "consensus": {"ledger"},
    "views": {"ledger"},
    "node": {"ledger", "consensus"},
    "api": {"ledger", "consensus", "views", "node"},
    "web": {"ledger", "consensus", "views", "node", "api"},
    "simulator": {"ledger", "consensus", "node"},
    "demo": {"ledger", "node", "cli"},
    "cli": {"ledger", "consensus", "views", "node", "api", "web", "simulator", "demo"},
    "benchmarks": {"ledger", "consensus", "views", "node", "api", "web", "demo", "cli"},
}
"""What each package may import besides itself."""

PRODUCT = tuple(package for package in ARROWS if package != "benchmarks")
APART = {"tools", "tests"}
"""What no package of the product imports: it is not installed."""
CHECKED = (*PRODUCT, "tools", "benchmarks")
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
QUESTIONS = ("How", "That", "What", "When", "Where", "Which", "Who", "Whose", "Why")
"""Words with which no module's docstring begins: a newcomer looks for the noun."""

Kind = Literal["file", "function", "docstring", "arrow", "class", "exception"]
Function = ast.FunctionDef | ast.AsyncFunctionDef

EXCEPTIONS: Mapping[tuple[Kind, str], str] = {
    ("class", "Reader"): "the contract of readers, and the node's own that keeps it",
    ("class", "StoredEntry"): "the contract of readers, and the node's own that keeps it",
}
"""Findings that are none, by kind and name, and why."""


class Finding(NamedTuple):
    """What is against the style.

    Args:
        kind: Which rule.
        name: What it is found in: a path, a path with a function, or a class.
        text: What is there, and what was expected.
    """

    kind: Kind
    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"


class Module(NamedTuple):
    """A module: its path within the checkout, its text and its tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def package(self) -> str:
        """The package at the top that it is of."""
        return self.path.partition("/")[0]


def modules(root: Path = ROOT, packages: Iterable[str] = CHECKED) -> list[Module]:
    """Return the modules of packages."""
    paths = [path for package in packages for path in sorted((root / package).rglob("*.py"))]
    return [module_of(path.relative_to(root).as_posix(), path.read_text("utf-8")) for path in paths]


def module_of(path: str, text: str) -> Module:
    """Return a module of a text."""
    return Module(path, text, ast.parse(text))


def findings(
    found: list[Module], exceptions: Mapping[tuple[Kind, str], str] = EXCEPTIONS
) -> list[Finding]:
    """Return what is against the style and not excused, and exceptions that excuse nothing."""
    every = [each for module in found for each in _of_module(module)]
    every += class_names(found)
    places = {(each.kind, each.name) for each in every}
    idle = [
        Finding("exception", name, f"is excused ({kind}) and need not be: delete the exception")
        for kind, name in exceptions
        if (kind, name) not in places
    ]
    return [each for each in every if (each.kind, each.name) not in exceptions] + idle


def _of_module(module: Module) -> Iterator[Finding]:
    lines = module.text.count("\n")
    if lines > FILE_LINES_MAX:
        yield Finding("file", module.path, f"{lines} lines, at most {FILE_LINES_MAX}: divide it")
    yield from _functions(module)
    yield from _docstring(module)
    yield from _arrows(module)


def _functions(module: Module) -> Iterator[Finding]:
    for node in ast.walk(module.tree):
        if isinstance(node, Function):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                name = f"{module.path}:{node.name}"
                said = f"{lines} lines, at most {FUNCTION_LINES_MAX}: divide it"
                yield Finding("function", name, said)


def _docstring(module: Module) -> Iterator[Finding]:
    first, *_ = (ast.get_docstring(module.tree) or "").split() or [""]
    if first in QUESTIONS:
        yield Finding("docstring", module.path, f"begins with {first!r}: put the noun first")


def _arrows(module: Module) -> Iterator[Finding]:
    if module.package not in ARROWS:
        return
    allowed = ARROWS[module.package] | {module.package}
    known = ARROWS.keys() | APART if module.package in PRODUCT else ARROWS.keys()
    for other in sorted((imported(module.tree) & known) - allowed):
        may = ", ".join(sorted(ARROWS[module.package])) or "no other package"
        yield Finding("arrow", module.path, f"imports {other}; {module.package} may import {may}")


def imported(tree: ast.Module) -> set[str]:
    """Return the packages at the top from which a module imports, types included."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def class_names(found: Iterable[Module]) -> list[Finding]:
    """Return the public class names that have a meaning in more than one module of the product."""
    places: dict[str, list[str]] = {}
    for module in found:
        for node in module.tree.body if module.package in PRODUCT else ():
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(module.path)
    return [
        Finding("class", name, f"a class of {' and of '.join(paths)}: rename all but one")
        for name, paths in sorted(places.items())
        if len(paths) > 1
    ]


def main() -> int:
    """Print what is against the style; return the exit code."""
    found = findings(modules())
    for each in found:
        print(each)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
