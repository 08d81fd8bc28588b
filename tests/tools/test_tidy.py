"""The style that ``tools.tidy`` holds: it finds nothing here, and finds whatever is planted."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import SLOW
from tools import tidy
from tools.tidy import (
    EXCEPTIONS,
    FILE_LINES_MAX,
    FUNCTION_LINES_MAX,
    PRODUCT,
    QUESTIONS,
    ROOT,
    Finding,
    Module,
    findings,
    module_of,
    modules,
)


def found_in(path: str, text: str) -> list[Finding]:
    return findings([module_of(path, text)], {})


@pytest.fixture(scope="module")
def every() -> list[Module]:
    return modules()


def test_nothing_is_against_the_style(every: list[Module]) -> None:
    assert not [str(each) for each in findings(every)]


def test_every_slow_file_is_there_and_named_once() -> None:
    """A file that was moved would be slow and run by ``make test``."""
    assert not [name for name in SLOW if not (ROOT / "tests" / name).is_file()]
    assert len(SLOW) == len(set(SLOW))


def test_every_exception_has_its_reason() -> None:
    assert all(len(reason.split()) > 3 for reason in EXCEPTIONS.values())


def test_an_exception_that_excuses_nothing_is_found() -> None:
    (idle,) = findings([], {("file", "api/app.py"): "because it was long once"})
    assert (idle.kind, idle.name) == ("exception", "api/app.py")


def test_a_finding_that_is_excused_is_none() -> None:
    module = module_of("ledger/planted.py", '"""What it is."""\n')
    assert findings([module], {})
    assert not findings([module], {("docstring", "ledger/planted.py"): "it was always so called"})


def test_a_long_file_is_found() -> None:
    assert not found_in("ledger/planted.py", "x = 1\n" * FILE_LINES_MAX)
    (long,) = found_in("ledger/planted.py", "x = 1\n" * (FILE_LINES_MAX + 1))
    assert str(long) == "ledger/planted.py: 401 lines, at most 400: divide it"


@pytest.mark.parametrize("begin", ["def", "async def"])
def test_a_long_function_is_found_wherever_it_is(begin: str) -> None:
    body = "        x = 1\n" * (FUNCTION_LINES_MAX - 1)
    short = f"class A:\n    {begin} long():\n{body}"
    assert not found_in("api/planted.py", short)
    (long,) = found_in("api/planted.py", f"{short}        x = 1\n")
    assert (long.kind, long.name) == ("function", "api/planted.py:long")


@pytest.mark.parametrize("word", QUESTIONS)
def test_a_docstring_that_begins_with_a_question_is_found(word: str) -> None:
    (found,) = found_in("views/planted.py", f'"""{word} is shown."""\n')
    assert found.kind == "docstring"
    assert not found_in("views/planted.py", f'"""Things {word.lower()} are shown."""\n')


@pytest.mark.parametrize(
    "line",
    [
        "import node",
        "import node.host.host",
        "from node.host import host",
        "if TYPE_CHECKING:\n    from node import limits",
        "def f() -> None:\n    from node.host.host import Host",
    ],
)
def test_an_arrow_in_the_wrong_direction_is_found(line: str) -> None:
    (found,) = found_in("views/planted.py", f"{line}\n")
    assert str(found) == "views/planted.py: imports node; views may import ledger"
    assert not found_in("api/planted.py", f"{line}\n")
    assert not found_in("tools/planted.py", f"{line}\n")


@pytest.mark.parametrize("other", ["tools", "tests"])
def test_the_product_imports_nothing_that_is_not_installed(other: str) -> None:
    (found,) = found_in("cli/planted.py", f"from {other} import tidy\n")
    assert str(found).startswith(f"cli/planted.py: imports {other}; cli may import ")
    assert not found_in("benchmarks/planted.py", f"from {other} import tidy\n")


def test_a_class_name_with_two_meanings_is_found() -> None:
    one, other = (module_of(f"{package}/a.py", "class Thing: ...\n") for package in ("api", "cli"))
    (found,) = findings([one, other], {})
    assert str(found) == "Thing: a class of api/a.py and of cli/a.py: rename all but one"
    assert not findings([one, module_of("cli/a.py", "class _Thing: ...\n")], {})
    assert not findings([one, module_of("tools/a.py", "class Thing: ...\n")], {})


def test_every_package_of_the_product_is_checked(every: list[Module]) -> None:
    assert {module.package for module in every} == {*PRODUCT, "tools", "benchmarks"}


def test_the_command_prints_what_it_finds_and_says_so_by_its_exit_code(every: list[Module]) -> None:
    found = [str(each) for each in findings(every)]
    words = [sys.executable, "-m", "tools.tidy"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines() == found
    assert done.returncode == (1 if found else 0)


@pytest.mark.parametrize(("found", "exits"), [([], 0), ([Finding("class", "A", "twice")], 1)])
def test_findings_are_an_exit_code(
    found: list[Finding], exits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidy, "modules", list)
    monkeypatch.setattr(tidy, "findings", lambda every: found)
    assert tidy.main() == exits
