"""Routes to the evidence that this node holds."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path
from starlette.responses import Response

from api.answers import json_answer
from api.evidence_views import (
    EvidenceDocument,
    EvidencePage,
    evidence_document,
    evidence_page,
)
from api.openapi import JSON, describe, describe_content
from api.problems import Problem
from api.reading import Reading
from ledger import canonical, forms
from views.texts import gettext

EvidenceId = Annotated[
    str, Path(pattern=forms.HASH, description="The id, as listed: 64 hex digits.")
]


def evidence_routes(reading: Reading) -> APIRouter:
    """Return the router that shows who has signed what contradicts itself."""
    router = reading.router("evidence")

    @router.get("/v1/evidence", **describe(EvidencePage))
    def list_evidence() -> Response:
        """List who has signed what contradicts itself."""
        with reading.reader() as reader:
            return json_answer(evidence_page(reader))

    @router.get("/v1/evidence/{id}", **describe(EvidenceDocument, "no-such-evidence"))
    def show_evidence(id: EvidenceId) -> Response:  # noqa: A002 - the name in the path
        """Show one piece of evidence, with both signed statements."""
        with reading.reader() as reader:
            found = evidence_document(reader, id, reading.genesis)
        if found is None:
            raise no_such_evidence()
        return json_answer(found)

    @router.get("/v1/evidence/{id}/file", **describe_content(JSON, "no-such-evidence"))
    def show_evidence_file(id: EvidenceId) -> Response:  # noqa: A002 - the name in the path
        """Return one piece of evidence as the file that `tongzhang verify evidence` takes."""
        with reading.reader() as reader:
            found = evidence_document(reader, id, reading.genesis)
        if found is None:
            raise no_such_evidence()
        return Response(canonical.encode(msgspec.to_builtins(found.file)), media_type=JSON)

    return router


def no_such_evidence() -> Problem:
    """Return the problem that says that nothing here has an id."""
    return Problem("no-such-evidence", gettext("GET /v1/evidence lists what this node holds"))
