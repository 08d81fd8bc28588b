"""Evidence as it is shown: who has signed what contradicts itself."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from consensus.evidence_file import Conviction, EvidenceFile, conviction, file_of
from consensus.messages import decode_evidence
from ledger.genesis import Genesis
from node.storage.reads import Reader
from node.storage.stored import StoredEvidence

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
