"""Routes to one subject of records, whatever its kind, and to what a text may mean."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.answers import json_answer
from api.listings import now_ms
from api.openapi import describe
from api.problems import Problem
from api.reading import Reading
from node.storage.queries import LedgerReader
from views.calendars import today
from views.find import FindView, find_view
from views.subjects import SubjectView, subject_view
from views.texts import gettext

SubjectName = Annotated[
    str, Path(max_length=160, description="As records name it, such as `dispute:D-7`.")
]
Sought = Annotated[str, Query(max_length=128, description="A name, an id or a number.")]


def subject_routes(router: APIRouter, reading: Reading) -> None:
    """Add the routes to ``router``."""

    @router.get("/v1/about/{subject:path}", **describe(SubjectView, "no-such-subject"))
    def show_subject(subject: SubjectName) -> Response:
        """Show what the ledger has about one subject of records."""
        with reading.reader() as reader:
            return json_answer(subject_shown(reading, reader, subject))

    @router.get("/v1/find", **describe(FindView))
    def find(q: Sought = "") -> Response:
        """Find whatever a text names: things by id or how it begins, entries, blocks, records."""
        with reading.reader() as reader:
            return json_answer(find_view(reader, reading.genesis, q))


def subject_shown(reading: Reading, reader: LedgerReader, subject: str) -> SubjectView:
    """Return a subject as it is shown now.

    Raises:
        Problem: ``no-such-subject``.
    """
    now = now_ms()
    day = today(reader, reading.genesis, now)
    view = subject_view(reader, reading.genesis, subject, (now, day))
    if view is None:
        said = gettext("no record of the log is about {subject!r}; subjects are named kind:id")
        raise Problem("no-such-subject", said.format(subject=subject))
    return view
