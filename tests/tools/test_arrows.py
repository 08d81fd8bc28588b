"""The import arrows between packages, held as a table."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tools.tidy import ARROWS, ROOT

CONSENSUS_MAY_USE = {
    "ledger",
    "ledger.batch",
    "ledger.block",
    "ledger.canonical",
    "ledger.domains",
    "ledger.errors",
    "ledger.genesis",
    "ledger.keys",
    "ledger.log.checkpoint",
}
"""The value types of the ledger: consensus never looks inside a record."""

DEMO_MAY_USE = {"cli.errors", "cli.files", "cli.inputs", "cli.output"}
"""How commands read, write, print and fail: all that the demo knows of the command line."""

CIRCLES: set[tuple[str, ...]] = set()
"""Modules of which each imports the others, on the way or for its types: none is welcome."""

PURE = ("ledger", "consensus", "views")
IMPURE_MODULES = {
    "asyncio", "datetime.now", "os", "random", "secrets", "socket", "sqlite3", "sqlalchemy",
    "subprocess", "threading", "time", "urllib", "uuid", "zoneinfo",
}  # fmt: skip


def imports_of(path: Path) -> set[str]:
    """Return the modules that a file names: of ``from simulator import plan`` the second."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if _is_module(name) else node.module for name in names}
    return found


def _is_module(name: str) -> bool:
    place = ROOT / name.replace(".", "/")
    return place.with_suffix(".py").exists() or (place / "__init__.py").exists()


def circles(graph: Mapping[str, set[str]]) -> set[tuple[str, ...]]:
    """Return the strongly connected components of more than one module, each sorted.

    Source: Tarjan, Depth-first search and linear graph algorithms (1972).
    """
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: set[tuple[str, ...]] = set()

    def visit(name: str) -> None:
        number[name] = lowest[name] = len(number)
        stack.append(name)
        for other in sorted(graph[name] & graph.keys()):
            if other not in number:
                visit(other)
            if other in stack:
                lowest[name] = min(lowest[name], lowest[other])
        if lowest[name] == number[name]:
            place = stack.index(name)
            circle = tuple(sorted(stack[place:]))
            del stack[place:]
            if len(circle) > 1:
                found.add(circle)

    for name in graph:
        if name not in number:
            visit(name)
    return found


def modules() -> dict[str, set[str]]:
    """Return what each module of the packages imports, also where only its types are wanted."""
    return {_name(path): imports_of(path) for package in ARROWS for path in sources(package)}


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", ARROWS)
def test_package_imports_only_along_its_arrows(package: str) -> None:
    allowed = ARROWS[package] | {package}
    for path in sources(package):
        ours = {name.split(".")[0] for name in imports_of(path)} & ARROWS.keys()
        assert ours <= allowed, f"{path} imports {sorted(ours - allowed)}"


def test_consensus_uses_only_value_types_of_the_ledger() -> None:
    for path in sources("consensus"):
        used = {name for name in imports_of(path) if name.split(".")[0] == "ledger"}
        assert used <= CONSENSUS_MAY_USE, f"{path} imports {sorted(used - CONSENSUS_MAY_USE)}"


def test_demo_knows_of_commands_only_how_they_print_and_fail() -> None:
    for path in sources("demo"):
        used = {name for name in imports_of(path) if name.split(".")[0] == "cli"} - {"cli"}
        used = {".".join(name.split(".")[:2]) for name in used}
        assert used <= DEMO_MAY_USE, f"{path} imports {sorted(used - DEMO_MAY_USE)}"


@pytest.mark.parametrize("package", PURE)
def test_pure_packages_import_no_clock_io_or_randomness(package: str) -> None:
    for path in sources(package):
        roots = {name.split(".")[0] for name in imports_of(path)}
        assert not roots & IMPURE_MODULES, f"{path} imports {sorted(roots & IMPURE_MODULES)}"


def test_offline_verification_loads_the_ledger_alone() -> None:
    import subprocess

    code = (
        "import sys, ledger.verify, ledger.log.receipt\n"
        "bad = {m.split('.')[0] for m in sys.modules} & "
        "{'consensus', 'node', 'api', 'cli', 'demo', 'simulator', 'sqlalchemy', 'fastapi'}\n"
        "sys.exit(repr(sorted(bad)) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_no_modules_import_each_other_in_a_circle_but_those_that_are_listed() -> None:
    assert circles(modules()) == CIRCLES


def test_circles_are_found_of_any_length_and_wherever_they_are_entered() -> None:
    graph = {
        "a": {"b", "json"},
        "b": {"c"},
        "c": {"d", "b"},
        "d": {"e"},
        "e": {"d", "f"},
        "f": set(),
    }
    assert circles(graph) == {("b", "c"), ("d", "e")}
    assert circles({**graph, "f": {"a"}}) == {("a", "b", "c", "d", "e", "f")}
    assert circles({"a": {"a"}, "b": {"a"}}) == set()


def test_the_arrow_checker_bites(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text("from node.host.host import Host\nimport time\n")
    assert {"node.host.host", "time"} <= imports_of(planted)
    planted.write_text("if TYPE_CHECKING:\n    from simulator import world\n")
    assert "simulator.world" in imports_of(planted)
