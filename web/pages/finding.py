"""Finding: one box for whatever has a name or a number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from api.subjects import Sought
from views.find import Candidate, find_view
from web.headers import PAGE
from web.page import Pages, Visit
from web.pages.search import by_amount
from web.values import LINKS


def add_to(pages: Pages) -> None:
    """Add the page that finds."""
    pages.add("/find", "find.html", find_page)


def find_page(visit: Visit, q: Sought = "") -> Mapping[str, Any] | Response:
    """Lead to the one thing that a text names, or show all that it may mean."""
    found = find_view(visit.reader, visit.genesis, q)
    only = address_of(found.candidates[0]) if len(found.candidates) == 1 else ""
    if to := only or (not found.candidates and by_amount(visit, q)):
        return RedirectResponse(to, 303, headers=dict(PAGE))
    return {
        "found": found,
        "address_of": address_of,
        "twin": f"/v1/find?q={quote(q, safe='')}" if q else "/v1/find",
    }


def address_of(candidate: Candidate) -> str:
    """Return the page of something that was found."""
    return LINKS[candidate.kind].format(quote(candidate.name, safe=""))
