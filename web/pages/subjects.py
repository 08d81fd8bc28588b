"""One subject of records, such as a dispute, an agreement or a refund."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.subjects import SubjectName, subject_shown
from views.disputes import DISPUTES
from views.expectations import EXPECTATIONS
from views.listing import Shown
from views.subjects import SHOWN_BY
from views.timeline import EntryView
from views.view import ViewStruct
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
        "fields": fields_of(view.item) if view.item else (),
        "expectations": EXPECTATIONS,
        "disputes": DISPUTES,
        "entry_view": EntryView,
        "twin": f"/v1/about/{subject}",
        "live": f"/live?subject={subject}",
    }


def fields_of(item: ViewStruct) -> tuple[Shown, ...]:
    """Return the fields of a view that are told one by one: all but its name and its state."""
    names = item.__struct_fields__
    return tuple(name for name in names[1:] if name != "state")
