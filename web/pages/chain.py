"""The chain of blocks: who proposed, who voted, which slots were skipped; and one block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import Query

from api.log_views import BlockView, block_view, log_size, whole_block
from api.named import no_such_block
from api.paging import Index, Start
from consensus.justification import leader_of
from consensus.messages import decode_certificate
from consensus.votes import Certificate, checkpoint_for
from ledger.genesis import Genesis
from ledger.limits import SAFE_INTEGER_MAX
from node.storage.queries import LedgerReader
from views.texts import gettext
from views.timeline import EntryView, entry_views
from web.page import Pages, Visit

BLOCKS = 20
SLOTS = 60
ENTRIES = 50
NAMED_MAX = 6
"""How many voters of a block are named in the list of blocks; of more it says how many."""
_LEADERS_MAX = 8

FirstBlock = Annotated[
    int | None, Query(ge=1, le=SAFE_INTEGER_MAX, description="The lowest height shown.")
]


class Skipped(NamedTuple):
    """Slots in which no block became final, and the parties whose turn it was in the first ones."""

    first: int
    last: int
    leaders: list[str]

    @property
    def words(self) -> str:
        """Which slots were skipped, and whose turn it was."""
        count = self.last - self.first + 1
        if count == 1:
            text = gettext("Slot {slot:,} was skipped: it was the turn of {party}.")
            return text.format(slot=self.first, party=self.leaders[0])
        parties = ", ".join(self.leaders) + ("…" if count > len(self.leaders) else "")
        text = gettext(
            "{count:,} slots were skipped, {first:,} to {last:,}: it was the turn of {parties}."
        )
        return text.format(count=count, first=self.first, last=self.last, parties=parties)


class SlotTurn(NamedTuple):
    """A slot: the party whose turn it was, and the height of its block; 0 if it was skipped."""

    number: int
    leader: str
    height: int


class ChainedBlock(NamedTuple):
    """A block in the chain: what makes it final, and the slots that were skipped before it.

    ``voters`` signed the certificate, which is that of block ``final_by``.
    """

    block: BlockView
    final_by: int
    voters: Sequence[str]
    skipped: Skipped | None


def add_to(pages: Pages) -> None:
    """Add the pages of blocks."""
    pages.add("/chain", "chain.html", chain_page)
    pages.add("/chain/blocks/{height}", "block.html", block_page)


def chain_page(visit: Visit, start: FirstBlock = None) -> Mapping[str, Any]:
    """Show blocks, the newest first, and the newest checkpoint."""
    reader, genesis = visit.reader, visit.genesis
    height = reader.height()
    newest_start = max(1, height - BLOCKS + 1)
    first = newest_start if start is None else min(start, newest_start)
    last = min(first + BLOCKS - 1, height)
    slots = _slots(reader, genesis, last)
    skipped = [each for each in slots if not each.height]
    return {
        "links": list(_links(reader, genesis, first, last))[::-1],
        "slots": slots,
        "skipped": skipped,
        "turns": [(name, sum(each.leader == name for each in skipped)) for name in genesis.voters],
        "voters": genesis.voters,
        "named_max": NAMED_MAX,
        "quorum": genesis.quorum,
        "checkpoint": _checkpoint(reader, genesis),
        "size": log_size(reader),
        "lies": len(reader.evidence()),
        "older": max(1, first - BLOCKS) if first > 1 else 0,
        "newer": first + BLOCKS if first < newest_start else 0,
        "is_newest": first == newest_start,
        "twin": f"/v1/blocks?start={first}&limit={BLOCKS}",
        "live": "/live" if first == newest_start else "",
    }


def _links(reader: LedgerReader, genesis: Genesis, first: int, last: int) -> Iterator[ChainedBlock]:
    certified = reader.certificates(first, last - first + 1) if last >= first else []
    found = reader.blocks(max(1, first - 1), last - max(1, first - 1) + 1)
    slot = found[0].header.slot if found and first > 1 else 0
    for summary in found if first == 1 else found[1:]:
        final_by, voters = _final_by(certified, summary.height)
        leads = summary.header.slot
        yield ChainedBlock(
            block_view(summary), final_by, voters, _skipped(slot + 1, leads - 1, genesis)
        )
        slot = leads


def _final_by(certified: Sequence[tuple[int, bytes]], height: int) -> tuple[int, Sequence[str]]:
    for at, raw in certified:
        if at >= height:
            return at, decode_certificate(raw).voters
    return 0, ()


def _skipped(first: int, last: int, genesis: Genesis) -> Skipped | None:
    if last < first:
        return None
    shown = range(first, min(last, first + _LEADERS_MAX - 1) + 1)
    return Skipped(first, last, [leader_of(slot, genesis) for slot in shown])


def _slots(reader: LedgerReader, genesis: Genesis, last: int) -> list[SlotTurn]:
    """Return the slots up to that of a block, oldest first."""
    if not last:
        return []
    first = max(1, last - SLOTS + 1)
    blocks = {each.header.slot: each.height for each in reader.blocks(first, last - first + 1)}
    end = max(blocks)
    numbers = range(max(1, end - SLOTS + 1), end + 1)
    return [SlotTurn(each, leader_of(each, genesis), blocks.get(each, 0)) for each in numbers]


def _checkpoint(reader: LedgerReader, genesis: Genesis) -> Mapping[str, Any] | None:
    latest = reader.latest_certificate()
    if latest is None:
        return None
    certificate = decode_certificate(latest[1])
    point = checkpoint_for(certificate.subject, genesis.origin)
    return {
        "origin": point.origin,
        "size": point.size,
        "root": point.root.hex(),
        "height": point.height,
        "slot": point.slot,
        "cosigners": _votes(certificate),
    }


def _votes(certificate: Certificate) -> list[tuple[str, int, str]]:
    """Return who signed a certificate, when in ms since the epoch, and the signatures in hex."""
    return [(vote.voter, vote.time * 1000, vote.signature.hex()) for vote in certificate.votes]


def block_page(visit: Visit, height: Index, start: Start = 0) -> Mapping[str, Any]:
    """Show one block.

    Raises:
        Problem: ``no-such-block``.
    """
    reader, genesis = visit.reader, visit.genesis
    stored = reader.block(height)
    newest = reader.height()
    if stored is None:
        raise no_such_block(newest)
    link = next(_links(reader, genesis, height, height))
    whole = whole_block(reader.blocks(height, 1)[0], stored)
    certified = reader.certificates(height, 1)
    first = min(max(start, link.block.first_index), link.block.size)
    entries = reader.entries(first, min(ENTRIES, link.block.size - first))
    following = first + ENTRIES
    return {
        "chained": link,
        "block": link.block,
        "header": stored.block.raw_header.decode(),
        "signature": whole.signature,
        "batches": whole.batches,
        "votes": _votes(decode_certificate(certified[0][1])) if certified else [],
        "voters": genesis.voters,
        "quorum": genesis.quorum,
        "newest": newest,
        "entry_view": EntryView,
        "entries": entry_views(reader, entries),
        "first": first,
        "following": following if following < link.block.size else 0,
        "twin": f"/v1/blocks/{height}",
    }
