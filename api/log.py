"""Routes to the log itself: records, entries, blocks, and what proves them to outsiders."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from msgspec import UNSET, UnsetType
from starlette.responses import Response, StreamingResponse

from api.answers import IMMUTABLE, json_answer, left, text_answer
from api.limits import BLOCKS_PAGE_MAX, FEED_WAIT_MS_MAX, PAGE_DEFAULT
from api.log_views import (
    BlockPage,
    EntryPage,
    WholeBlock,
    block_view,
    log_size,
    whole_block,
)
from api.named import no_such_block, no_such_entry, refuse_unknown_party
from api.openapi import TEXT, describe, describe_content
from api.paging import Index, Limit, Name, Start
from api.problems import Problem
from api.proofs import (
    ConsistencyProof,
    InclusionProof,
    consistency_proof,
    inclusion_proof,
    tile_bytes,
)
from api.reading import Reading
from api.results import State, Waiting, waiting_at
from ledger.entry import APPLIED
from ledger.limits import SAFE_INTEGER_MAX
from ledger.records import Recorded
from views.timeline import EntryView, entry_views

if TYPE_CHECKING:
    from node.node import Node

NDJSON = "application/x-ndjson"
OCTETS = "application/octet-stream"

BlockLimit = Annotated[int, Query(ge=1, le=BLOCKS_PAGE_MAX, description="How many at most.")]
WaitMs = Annotated[
    int,
    Query(
        ge=0,
        le=FEED_WAIT_MS_MAX,
        description="How long to wait, at most, for an entry at `start`; then the page is empty.",
    ),
]
Size = Annotated[
    int | None, Query(ge=0, le=SAFE_INTEGER_MAX, description="Tree size; the newest by default.")
]
FirstBlock = Annotated[
    int,
    Query(ge=1, le=SAFE_INTEGER_MAX, description="The first block; a whole export starts at 1."),
]
Wanted = Annotated[int, Query(ge=0, le=SAFE_INTEGER_MAX)]


class RecordView(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a record: the entry that it is, or how far it has got at its own node.

    ``definite`` is false as long as the outcome can still change. ``code`` says why it was refused,
    ``waiting`` what stands in its way.
    """

    party: str
    id: str
    state: State
    definite: bool
    entry: EntryView | UnsetType = UNSET
    receipt: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    message: str | UnsetType = UNSET
    waiting: Waiting | UnsetType = UNSET


def log_routes(reading: Reading) -> APIRouter:
    """Return the router that shows the log itself."""
    router = reading.router("log")

    @router.get("/v1/entries", **describe(EntryPage, "too-many-feeds"))
    async def list_entries(
        request: Request, start: Start = 0, limit: Limit = PAGE_DEFAULT, wait_ms: WaitMs = 0
    ) -> Response:
        """List entries from an index on; with `wait_ms` wait until there are some."""
        if wait_ms:
            await _unless_left(request, reading.news.reach(start, wait_ms / 1000))
        return await run_in_threadpool(_entry_page, reading, start, limit)

    @router.get("/v1/entries/{index}", **describe(EntryView, "no-such-entry"))
    def show_entry(index: Index) -> Response:
        """Show one entry."""
        with reading.reader() as reader:
            entry = reader.entry(index)
            if entry is None:
                raise no_such_entry(log_size(reader))
            return json_answer(entry_views(reader, [entry])[0], headers=IMMUTABLE)

    @router.get("/v1/blocks", **describe(BlockPage))
    def list_blocks(start: Start = 1, limit: BlockLimit = BLOCKS_PAGE_MAX) -> Response:
        """List blocks from a height on."""
        with reading.reader() as reader:
            found = [block_view(summary) for summary in reader.blocks(start, limit)]
            return json_answer(BlockPage(height=reader.height(), blocks=found))

    @router.get("/v1/blocks/{height}", **describe(WholeBlock, "no-such-block"))
    def show_block(height: Index) -> Response:
        """Show a block, its header as signed, its batches and who made it final."""
        with reading.reader() as reader:
            stored = reader.block(height)
            if stored is None:
                raise no_such_block(reader.height())
            return json_answer(whole_block(reader.blocks(height, 1)[0], stored))

    @router.get("/v1/log", **describe_content(NDJSON, "no-such-checkpoint"))
    def export_log(start: FirstBlock = 1) -> Response:
        """Export the log as lines that `tongzhang verify log` checks offline, a block a line."""
        lines = reading.export(start)
        try:
            first = next(lines)  # what is wrong is said before the first byte
        except LookupError as error:
            raise Problem("no-such-checkpoint", str(error)) from None
        return StreamingResponse(
            (line + b"\n" for line in chain([first], lines)), media_type=NDJSON
        )

    return router


def record_routes(reading: Reading) -> APIRouter:
    """Return the router that tells submitters, and readers, what became of a record.

    ``scope["own"]`` is what was known of an own record when all that was final was written.
    """
    router = reading.router("records", "read", "submit")

    @router.get(
        "/v1/records/{party}/{id}", **describe(RecordView, "no-such-party", "no-such-record")
    )
    def show_record(
        request: Request,
        party: Name,
        id: Name,  # noqa: A002 - the name in the path
    ) -> Response:
        """Tell the outcome of a record by its author and its id."""
        refuse_unknown_party(party, reading.genesis.names)
        own: RecordView | None = request.scope.get("own")
        with reading.reader() as reader:
            recorded = reader.row(Recorded, (party, id))
            entry = None if recorded is None else reader.entry(recorded.entry)
            if entry is not None:
                return json_answer(_final_record(entry_views(reader, [entry])[0]))
        if own is None or own.party != party:
            raise _no_such_record(party, id)
        return json_answer(own)

    return router


def proof_routes(reading: Reading) -> APIRouter:
    """Return the router that proves the log to outsiders, in C2SP formats."""
    router = reading.router("proofs")

    @router.get("/v1/checkpoint", **describe_content(TEXT, "no-such-checkpoint"))
    def show_checkpoint() -> Response:
        """Return the newest final checkpoint: signed by this party, cosigned by a quorum."""
        try:
            return text_answer(reading.checkpoint())
        except LookupError as error:
            raise Problem("no-such-checkpoint", str(error)) from None

    @router.get(
        "/v1/receipts/{party}/{id}", **describe_content(TEXT, "no-such-party", "no-such-record")
    )
    def show_receipt(party: Name, id: Name) -> Response:  # noqa: A002 - the name in the path
        """Return one file that proves, offline, who stated a record and that the log has it."""
        refuse_unknown_party(party, reading.genesis.names)
        try:
            return text_answer(reading.receipt(party, id))
        except LookupError as error:
            raise Problem("no-such-record", str(error), definite=False) from None

    @router.get("/v1/proofs/inclusion", **describe(InclusionProof, "index-out-of-range"))
    def prove_inclusion(index: Wanted, size: Size = None) -> Response:
        """Prove that the log of a size holds an entry at an index."""
        with reading.reader() as reader:
            return json_answer(inclusion_proof(reader, index, size))

    @router.get("/v1/proofs/consistency", **describe(ConsistencyProof, "index-out-of-range"))
    def prove_consistency(old: Wanted, new: Size = None) -> Response:
        """Prove that the log of a newer size only added to that of an older one."""
        with reading.reader() as reader:
            return json_answer(consistency_proof(reader, old, new))

    @router.get("/v1/tile/{path:path}", **describe_content(OCTETS, "no-such-tile"))
    def show_tile(path: str) -> Response:
        """Return a tile of hashes, or of entries, as C2SP tlog-tiles names them."""
        with reading.reader() as reader:
            data = tile_bytes(reader, f"tile/{path}")
        return Response(data, media_type=OCTETS, headers=IMMUTABLE)

    return router


def _entry_page(reading: Reading, start: int, limit: int) -> Response:
    with reading.reader() as reader:
        views = entry_views(reader, reader.entries(start, limit))
        return json_answer(EntryPage(size=log_size(reader), entries=views))


async def _unless_left(request: Request, waiting: Coroutine[Any, Any, None]) -> None:
    """Wait, but not for a client that has gone away.

    Raises:
        NodeError: the database could not be read.
    """
    both = asyncio.create_task(waiting), asyncio.create_task(left(request.receive))
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if both[0].done():
            both[0].result()  # raises
    finally:
        for task in both:
            task.cancel()


def _final_record(entry: EntryView) -> RecordView:
    return RecordView(
        party=entry.party,
        id=entry.id,
        state="final",
        definite=True,
        entry=entry,
        receipt=f"/v1/receipts/{entry.party}/{entry.id}",
        code=UNSET if entry.outcome == APPLIED else entry.outcome,
    )


def own_record(node: Node, record_id: str) -> RecordView | None:
    """Return how far an own record has got that is not final; None if there is none of this id."""
    submission = node.host.journal.find(record_id)
    if submission is None:
        return None
    return RecordView(
        party=submission.party,
        id=submission.id,
        state=submission.state,
        definite=submission.done,
        code=submission.code or UNSET,
        message=submission.message or UNSET,
        waiting=UNSET if submission.done else waiting_at(node),
    )


def _no_such_record(party: str, record_id: str) -> Problem:
    return Problem(
        "no-such-record",
        f"nothing of {party!r} with the id {record_id!r} is final here; if it was submitted, "
        "submit the same bytes again to learn its outcome",
        definite=False,
    )
