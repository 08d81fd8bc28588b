"""Routes to the evidence that this node holds, and the views of it that commands show as well."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path
from msgspec import Meta
from starlette.responses import Response

from api.answers import json_answer
from api.openapi import JSON, describe, describe_content
from api.problems import Problem
from api.reading import Reading
from consensus.evidence_file import Conviction, EvidenceFile, conviction, file_of
from consensus.messages import decode_evidence
from ledger import canonical, forms
from ledger.genesis import Genesis
from node.storage.reads import Reader
from node.storage.stored import StoredEvidence

EvidenceId = Annotated[
    str, Path(pattern=forms.HASH, description="The id, as listed: 64 hex digits.")
]
FoundAt = Annotated[
    int,
    Meta(
        description="When this node found or heard of it, ms since the epoch.",
        extra_json_schema={"examples": [1_767_578_400_000]},
    ),
]


class EvidenceView(Conviction, frozen=True, kw_only=True, omit_defaults=True):
    """Two signatures of ``party`` that no honest node of its key can have made both.

    ``slot`` is left out for two batches, ``number`` for everything else. ``words`` says it for
    people.
    """

    found_at: FoundAt


class EvidencePage(msgspec.Struct, frozen=True, kw_only=True):
    """All evidence here, the oldest first. There are at most 32 pieces against one party."""

    evidence: list[EvidenceView]


class EvidenceDocument(EvidenceView, frozen=True, kw_only=True, omit_defaults=True):
    """One piece of evidence. ``file`` in canonical form is what `tongzhang verify evidence` takes.

    In it every ``signed`` is the input of the Ed25519 signature beside it, in base64.
    """

    file: EvidenceFile


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
    return Problem("no-such-evidence", "GET /v1/evidence lists what this node holds")


def evidence_page(reader: Reader) -> EvidencePage:
    """Return all evidence of a store."""
    return EvidencePage(evidence=[_view(stored) for stored in reader.evidence()])


def evidence_document(reader: Reader, id_: str, genesis: Genesis) -> EvidenceDocument | None:
    """Return one piece of evidence of a store with its file, or None."""
    stored = reader.evidence_by_id(id_)
    if stored is None:
        return None
    file = file_of(decode_evidence(stored.body), genesis.ledger, genesis.origin)
    return EvidenceDocument(**msgspec.structs.asdict(_view(stored)), file=file)


def _view(stored: StoredEvidence) -> EvidenceView:
    proved = conviction(decode_evidence(stored.body))
    return EvidenceView(**msgspec.structs.asdict(proved), found_at=stored.created_at)
