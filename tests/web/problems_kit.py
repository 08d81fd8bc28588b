"""What is wrong to ask of pages, and what of a problem's page is not in Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from fastapi.routing import APIRoute

from api.reading import Reading
from tests.web.walk_kit import Page
from web.page import Pages
from web.site import SUBJECTS

CHINESE = re.compile("[\u4e00-\u9fff]")
ENGLISH = re.compile(r"[A-Za-z]+(?:[ ,;:]+[A-Za-z']+){2}")
"""Three English words in a row, which no name, code or parameter is."""
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|query\.\w+|/[\w./]+")
WRONG = (
    "-1", "1.5", "99999999999999999999", "9007199254740991", "0", "2026-02-30", "2999-01-01",
    "1900-01-01", "2026-13", "nowhere", "no.such", "rmb", "XXZ", "no such thing at all", "中文",
    "x" * 5000,
)  # fmt: skip
"""What is tried of every parameter: of each kind something is wrong among it, or unknown."""
_WAITS = "min_height"


def page_routes(reading: Reading) -> list[APIRoute]:
    """Return the routes of all pages."""
    pages = Pages(reading)
    for subject in SUBJECTS:
        subject.add_to(pages)
    return [route for route in pages.router.routes if isinstance(route, APIRoute)]


def parameters_of(route: APIRoute) -> list[str]:
    """Return the names of the parameters that a page takes, but for the one that waits."""
    asked = (route.dependant, *route.dependant.dependencies)
    return [f.alias for each in asked for f in each.query_params if f.alias != _WAITS]


def wrong_addresses(route: APIRoute, known: dict[str, str]) -> Iterator[str]:
    """Yield addresses of a page with something wrong in each.

    Args:
        route: The page.
        known: What exists, by the name of the parameter of the path.
    """
    path = route.path.replace(":path}", "}")
    names = [field.alias for field in route.dependant.path_params]
    for name in names:
        for value in ("nowhere", "no:such", "no such", "-1", "9007199254740991", "0" * 64):
            yield path.format(**{**known, name: value})
    there = path.format(**known)
    for name in parameters_of(route):
        yield from (f"{there}?{urlencode({name: value})}" for value in WRONG)
    yield f"{there}?no_such=1"
    yield f"{there}?{_WAITS}=x"
    yield f"{there}?{_WAITS}=1&{_WAITS}=1"


def not_chinese(page: Page) -> list[str]:
    """Return what on the page of a problem is not in Chinese."""
    words = [text for text, inside in page.words if "h1" in inside or "p" in inside]
    left = [each for each in words if each.strip("· 0123456789") and not CHINESE.search(each)]
    return left + [text for text, _ in page.words if ENGLISH.search(QUOTED.sub("", text))]


def detail_of(page: Page) -> str:
    """Return what a problem's page says of it in particular."""
    said: Any = [text for text, inside in page.words if inside[-1] == "p" and "main" in inside]
    return str(said[1]) if len(said) > 1 else ""
