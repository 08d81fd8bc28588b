"""Pages over the kept month of business: a real application on a real database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest

from tests.api.queries_kit import Kept, month
from web.site import SITE

_TAG = re.compile(r"<[^>]+>")


class Shown(Kept):
    """A kept ledger whose application has its pages."""

    SITE = SITE

    def page(self, path: str, language: str = "en", status: int = 200) -> str:
        """Return the HTML of a page."""
        headers = {"accept": "text/html", "accept-language": language}
        answer = self.client.get(path, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.text

    def words(self, path: str, language: str = "en") -> str:
        """Return what a page says, without its tags, in one line."""
        return words_of(self.page(path, language))


def words_of(html: str) -> str:
    """Return the text of a piece of HTML in one line."""
    return " ".join(unescape(_TAG.sub(" ", html)).split())


def parts_of(html: str, mark: str) -> list[str]:
    """Return what each element says whose class begins with a word, up to the end of its line."""
    found = re.findall(rf'<(\w+) class="{mark}[^>]*>(.*?)</\1>', html, re.DOTALL)
    return [words_of(inner) for _, inner in found]


def shown_month() -> Any:
    """Return a fixture that gives every module a :func:`month` with its pages."""

    @pytest.fixture(scope="module")
    def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
        made = month(tmp_path_factory.mktemp("pages"), "file", Shown)
        yield made
        made.close()

    return shown
