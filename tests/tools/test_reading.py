"""The way through the code leads to files that are there, and can be read in a day."""

from __future__ import annotations

import re

from tools.tidy import ARROWS, ROOT

PAGE = (ROOT / "docs" / "reading.md").read_text("utf-8")
FILES = re.findall(r"^\| `([a-z_/]+\.py)` \|", PAGE, re.MULTILINE)
CORE = ("ledger", "consensus", "node", "views", "api", "cli")


def test_every_file_of_the_way_is_there_and_named_once() -> None:
    assert len(FILES) == len(set(FILES)) > 20
    assert not [name for name in FILES if not (ROOT / name).is_file()]


def test_every_file_that_the_page_speaks_of_is_there() -> None:
    named = re.findall(r"`([a-z_]+/[a-z_/]+\.py)`", PAGE)
    assert not [name for name in named if not (ROOT / name).is_file()]


def test_the_way_is_as_short_as_it_says() -> None:
    (bound,) = re.findall(r"fewer than ([\d,]+) lines", PAGE)
    lines = sum((ROOT / name).read_text("utf-8").count("\n") for name in FILES)
    assert lines < int(bound.replace(",", "")), "shorten the way, or say how long it is"
    assert lines > int(bound.replace(",", "")) * 0.8


def test_the_way_goes_along_the_arrows() -> None:
    """No file is in a package that one before it may import: what it needs stands before it."""
    packages = list(dict.fromkeys(name.partition("/")[0] for name in FILES))
    assert packages == list(CORE)
    for place, package in enumerate(packages):
        assert not ARROWS[package] & set(packages[place + 1 :])
