"""What is installed: every package of the product with its data, no test and no tool."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOT_INSTALLED = {"tests", "tools"}
PACKAGES = {path.parent.name for path in ROOT.glob("*/__init__.py")} - NOT_INSTALLED


def configured(table: str) -> Any:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"][table]


def test_every_package_and_no_other_is_installed() -> None:
    found = configured("setuptools")["packages"]["find"]["include"]
    assert sorted(found) == sorted(f"{name}*" for name in PACKAGES)


def test_every_package_is_checked_and_says_that_it_has_types() -> None:
    assert {*configured("mypy")["packages"]} == PACKAGES | {"tools"}
    assert {path.parent.name for path in ROOT.glob("*/py.typed")} == PACKAGES


def test_the_wheelhouse_is_made_of_every_package() -> None:
    script = (ROOT / "docker" / "wheels.sh").read_text("utf-8")
    (copied,) = re.findall(r"pyproject\.toml README\.md LICENSE ([a-z ]+) \|", script)
    assert {*copied.split()} == PACKAGES


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_files_beside_the_code_are_installed_with_it(package: str) -> None:
    patterns = configured("setuptools")["package-data"]
    told = {
        path
        for name in ("*", package)
        for pattern in patterns.get(name, [])
        for path in (ROOT / package).glob(pattern)
        if path.is_file()
    }
    files = {path for path in (ROOT / package).rglob("*") if path.is_file()}
    assert {path for path in files if path.suffix not in (".py", ".pyc")} == told
