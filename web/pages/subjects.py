"""One subject of records, such as a dispute, an agreement or a refund."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.subjects import SubjectName, subject_shown
from views.disputes import DISPUTES
from views.expectations import EXPECTATIONS
from views.labels import views_in
from views.subjects import SHOWN_BY
from views.view import ViewStruct
from web import timeline
from web.page import Pages, Visit


def add_to(pages: Pages) -> None:
    """Add the page of a subject."""
    pages.add("/about/{subject:path}", "subject.html", subject_page)


def subject_page(visit: Visit, subject: SubjectName) -> Mapping[str, Any]:
    """Show what the ledger has about a subject.

    Raises:
        Problem: ``no-such-subject``.
    """
    view = subject_shown(visit.reading, visit.reader, subject)
    return {
        "about": view,
        "listing": SHOWN_BY.get(view.kind),
        **({} if view.item is None else _told(view.item)),
        "expectations": EXPECTATIONS,
        "disputes": DISPUTES,
        "timeline": timeline.drawn(visit, view.timeline, view.expectations),
        "twin": f"/v1/about/{subject}",
        "live": f"/live?subject={subject}",
    }


def _told(item: ViewStruct) -> Mapping[str, Any]:
    """Return the fields of a view that are told one by one, and those that are tables.

    Its name and its state stand above them.
    """
    parts = views_in(type(item))
    names = (name for name in item.__struct_fields__[1:] if name != "state")
    return {"fields": [name for name in names if name not in parts], "parts": parts}
