"""README in two languages: the same commands, headings, tables and pages, and pictures of each."""

from __future__ import annotations

import re
from pathlib import Path

from tests.tools.test_docs import DOCS, LINK, PAGES, fences, text_of
from tools.bytes_example import FENCE, ROOT

READMES = {"en": ROOT / "README.md", "zh": ROOT / "README.zh.md"}


def _typed(page: Path) -> list[str]:
    """Return the lines of code that a page has people type, without remarks."""
    typed = [*fences(page, "sh"), *fences(page, "bash")]
    typed += [each for each in fences(page, "text") if "tongzhang " in each.partition("\n")[0]]
    return [re.sub(r"\s+# .*", "", line) for each in typed for line in each.splitlines()]


def test_both_readmes_have_the_same_commands_headings_tables_and_pages() -> None:
    english, chinese = READMES.values()
    assert _typed(english) == _typed(chinese)
    assert len(_typed(english)) > 40
    for pattern in (r"^#+ ", r"^\|", r"^- \*\*", r"^!\["):
        found = [
            len(re.findall(pattern, FENCE.sub("", text_of(each)), re.M))
            for each in (english, chinese)
        ]
        assert found[0] == found[1] > 0, pattern
    pages = [
        {target for target, _ in LINK.findall(text_of(each)) if target[-3:] == ".md"}
        for each in (english, chinese)
    ]
    assert pages[0] - {"README.zh.md"} == pages[1] - {"README.md"}


def test_the_chinese_readme_shows_what_the_demo_said() -> None:
    (whole,) = [each for each in fences(READMES["en"], "text") if "founded tongzhang" in each]
    (part,) = [each for each in fences(READMES["zh"], "text") if "kill -9" in each]
    assert [line for line in part.splitlines() if line not in whole.splitlines()] == []


def test_every_picture_is_shown_by_a_page_in_its_language() -> None:
    pictures = {path.name for path in (DOCS / "images").iterdir()}
    shown = {page: set(re.findall(r"images/([\w-]+\.png)", text_of(page))) for page in PAGES}
    assert set().union(*shown.values()) == pictures
    for language, page in READMES.items():
        assert shown[page] and all(each.endswith(f"-{language}.png") for each in shown[page])
