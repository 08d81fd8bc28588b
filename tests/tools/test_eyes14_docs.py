"""Faults of the pages that a fresh pair of eyes found (issue 14)."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def test_every_decision_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text("utf-8")
    assert [page.name for page in sorted((DOCS / "adr").iterdir()) if page.name not in index] == []


def test_the_way_through_the_code_is_written() -> None:
    assert (DOCS / "reading.md").read_text("utf-8").strip()


def test_folders_of_the_map_exist() -> None:
    rows = re.findall(
        r"^\| (`[^|]*)\|", (DOCS / "architecture.md").read_text("utf-8"), re.MULTILINE
    )
    folders = [name for row in rows for name in re.findall(r"`([a-z_/]+/)`", row)]
    assert [name for name in folders if not (ROOT / name).is_dir()] == []


def test_one_page_says_how_a_business_is_added() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert "add-a-business.md" in text
    assert "Nothing else changes" not in text


def test_what_users_notice_is_in_the_changelog() -> None:
    unreleased = (ROOT / "CHANGELOG.md").read_text("utf-8").partition("## 0.2.0")[0]
    assert [
        word for word in ("--csv", "--utc", "--minor", "--wide") if word not in unreleased
    ] == []
