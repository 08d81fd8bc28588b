"""The import arrows between packages, held as a table."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

ARROWS: dict[str, set[str]] = {
    "ledger": set(),
    "consensus": {"ledger"},
    "node": {"ledger", "consensus"},
    "api": {"ledger", "consensus", "node"},
    "simulator": {"ledger", "consensus", "node"},
    "demo": {"ledger", "node", "cli"},
    "cli": {"ledger", "consensus", "node", "api", "simulator", "demo"},
    "benchmarks": {"ledger", "consensus", "node", "api", "demo", "cli"},
}
"""What each package may import besides itself."""

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

PURE = ("ledger", "consensus")
IMPURE_MODULES = {
    "asyncio", "datetime.now", "os", "random", "secrets", "socket", "sqlite3", "sqlalchemy",
    "subprocess", "threading", "time", "urllib", "uuid", "zoneinfo",
}  # fmt: skip


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            if node.module.split(".")[0] in ARROWS:
                found |= {
                    f"{node.module}.{alias.name}"
                    for alias in node.names
                    if (ROOT / node.module.replace(".", "/") / f"{alias.name}.py").exists()
                }
    return found


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


def test_the_arrow_checker_bites(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text("from node.host.host import Host\nimport time\n")
    assert {"node.host.host", "time"} <= imports_of(planted)
