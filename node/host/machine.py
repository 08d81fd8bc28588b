"""Machine: the ledger as the replica sees it; builds blocks from the pool, executes them in memory.

Blocks that are executed and not yet final live here as overlays on the stored state, so that a
fork costs nothing and a final block is already computed when it is committed.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import msgspec

from consensus.effects import Invalid
from consensus.evidence import Evidence
from consensus.messages import BatchMessage, Message, wire_batch
from ledger import batch as batches
from ledger import canonical, domains
from ledger.batch import Batch
from ledger.block import Block, BlockHeader, Tip, batch_hashes, encode_header
from ledger.contracts import ROWS
from ledger.errors import LedgerError, VerificationError
from ledger.execute import BatchHead, Execution, check_records, execute
from ledger.genesis import Genesis
from ledger.keys import Signer
from ledger.limits import MINUTE_MS
from ledger.log.merkle import Frontier
from ledger.state import StateView, change_list
from node.errors import NodeError
from node.host.batch_watch import BatchWatch
from node.host.pool import Head, Pool
from node.limits import DIFFERENCE_CHARS_MAX, DIFFERING_BLOCKS_MAX, RESENT_BATCHES_MAX
from node.storage.store import Store

_NO_BATCH: Head = (0, domains.ZERO_HASH)
_changes = msgspec.json.Decoder(list[tuple[str, list[list[Any]], list[list[Any]]]])
_KEY_SIZES = {kind.TABLE: kind.KEY for kind in ROWS}


def head_in(view: StateView, party: str) -> Head:
    """Return number and hash of a party's latest batch as of ``view``."""
    row = view.get(BatchHead, (party,))
    return _NO_BATCH if row is None else (row.number, bytes.fromhex(row.hash_hex))


class LedgerMachine:
    """Builds and executes blocks over a store and a pool.

    Args:
        genesis: The ledger.
        party: This node's party.
        signer: This party's key, for proposals.
        store: The final state.
        pool: Batches waiting for a block.
    """

    def __init__(
        self, genesis: Genesis, party: str, signer: Signer, store: Store, pool: Pool
    ) -> None:
        self._genesis = genesis
        self._party = party
        self._signer = signer
        self._store = store
        self._pool = pool
        self._executed: dict[bytes, Execution] = {}
        self._differing: dict[bytes, Execution] = {}
        self._explained: dict[bytes, str] = {}
        self.watch = BatchWatch(store, pool)

    # -- what the replica asks (consensus.effects.Machine) ----------------------------------------

    def build(self, parent: Tip, slot: int, wall_ms: int, *, empty: bool) -> Block | None:
        """Return this node's signed block on ``parent``, or None with nothing to put in it."""
        view, frontier = self._state_at(parent)
        time_ms = max(wall_ms, parent.time)
        rooms = partial(self._room, view, time_ms, self._party)
        chosen = self._pool.choose(lambda party: head_in(view, party), rooms, slot)
        if not chosen and not empty:
            return None
        execution = execute(self._genesis, parent, frontier, view, time_ms, chosen)
        header = BlockHeader(
            batches=batch_hashes(chosen),
            height=parent.height + 1,
            ledger=self._genesis.ledger,
            parent=parent.hash.hex(),
            proposer=self._party,
            root=execution.root.hex(),
            size=execution.size,
            slot=slot,
            state=execution.state.hex(),
            time=time_ms,
        )
        raw = encode_header(header)
        signature = self._signer.sign(domains.proposal_signature_input(raw))
        block = Block(raw, signature, tuple(chosen))
        self._keep(block.hash, execution)
        return block

    def refuse_forged(self, block: Block, found: list[Evidence]) -> None:
        """Return if every batch of ``block`` is what its author signed.

        What the pool holds was verified and decoded when it came, and is not decoded again.

        Args:
            block: The block.
            found: Takes the evidence that genuine batches make with others of their number.

        Raises:
            LedgerError: a batch is forged; the block itself may still be good.
        """
        for batch in block.batches:
            known = self._pool.find(batch)
            if known is not None:
                batch.decoded = known.decoded
            elif not self.watch.was_verified(batch):
                batches.verify(batch, self._genesis.ledger, self._genesis.verifiers)
                self.watch.note_verified(batch)
            found += self.watch.see(batch)

    def check(self, block: Block, parent: Tip, wall_ms: int) -> Invalid | None:
        """Execute ``block`` on ``parent``. Return None if it is valid, else why it is not."""
        if block.hash in self._executed:
            return None
        header = block.header
        view, frontier = self._state_at(parent)
        reason = (
            self._misplaced(header, parent, wall_ms)
            or self._too_large(block)
            or self._over_quota(block, view)
        )
        if reason is not None:
            return Invalid(reason)
        try:
            execution = execute(self._genesis, parent, frontier, view, header.time, block.batches)
        except LedgerError as error:
            return Invalid(str(error))
        return self._compare(block, execution)

    def forget(self, block: bytes) -> None:
        """Drop the result of a block whose slot was skipped; it may be checked again."""
        self._executed.pop(block, None)

    def has_work(self, tip: Tip, wall_ms: int) -> bool:
        """Return whether the pool holds a batch that anybody's block after ``tip`` could take.

        What is over its party's quota is no work for others: no slot burns for it.
        """
        if not len(self._pool):
            return False
        view, _ = self._state_at(tip)
        rooms = partial(self._room, view, max(wall_ms, tip.time), "")
        return self._pool.has_after(lambda party: head_in(view, party), rooms)

    def own_work(self) -> tuple[Message, ...]:
        """Return the pool's oldest batches as messages, to say again (R8)."""
        waiting: list[Message] = []
        room = self._genesis.limits.block_bytes
        for batch in self._pool.waiting(RESENT_BATCHES_MAX, first=self._party):
            room -= batch.size_bytes
            if room < 0:
                break
            waiting.append(BatchMessage(wire_batch(batch)))
        return tuple(waiting)

    def final_hash(self, height: int) -> bytes | None:
        """Return the hash of the final block at ``height``, or None if it is not final here."""
        return self._store.block_hash(height)

    def explain(self, block: Block) -> str:
        """Return what differs between this node's result for ``block`` and its header."""
        own = self._differing.get(block.hash)
        if own is None:
            return "it was refused here before it was executed; see the log for the reason"
        parts = (_difference(block.header, own), self._explained.get(block.hash))
        return "; ".join(part for part in parts if part is not None)

    # -- what the host asks -----------------------------------------------------------------------

    def execution(self, block: bytes) -> Execution:
        """Return the result of an executed block that is about to be committed."""
        return self._executed[block]

    def settle(self, tip: Tip) -> None:
        """Drop what the committed block at ``tip`` makes unnecessary, and rest on the store."""
        final = self._executed.pop(tip.hash)
        for other in self._executed.values():
            if other.view.below is final.view:
                other.view.below = self._store.view()
        for stale in [h for h, e in self._executed.items() if e.height <= tip.height]:
            del self._executed[stale]

    @property
    def has_unfinal(self) -> bool:
        """Whether there are executed blocks that are not final."""
        return bool(self._executed)

    def changes_of(self, block: bytes) -> bytes | None:
        """Return the changes this node computed for a block that is not final, or None."""
        execution = self._executed.get(block)
        return None if execution is None else canonical.encode(change_list(execution.changes))

    def is_explained(self) -> bool:
        """Return whether no proposer owes an answer about a block that comes out differently."""
        return self._differing.keys() <= self._explained.keys()

    def compare_changes(self, block: bytes, theirs: bytes) -> str | None:
        """Return which key of the state differs from a proposer's changes, or None."""
        own = self._differing.get(block)
        if own is None or block in self._explained:
            return None
        text = self._explained[block] = _first_difference(own, theirs)
        return text

    # -- inside -----------------------------------------------------------------------------------

    def _state_at(self, tip: Tip) -> tuple[StateView, Frontier]:
        execution = self._executed.get(tip.hash)
        if execution is not None:
            return execution.view, execution.frontier
        if tip.hash != self._store.tip().hash:
            raise NodeError("no-such-state", f"the state at block {tip.height} is not known here")
        return self._store.view(), self._store.frontier()

    def _misplaced(self, header: BlockHeader, parent: Tip, wall_ms: int) -> str | None:
        if header.height != parent.height + 1:
            return f"height {header.height} does not follow {parent.height}"
        if header.time < parent.time:
            return f"time {header.time} is before the parent's {parent.time}"
        latest = max(wall_ms + self._genesis.limits.drift_ms, parent.time)
        if header.time > latest:
            return f"time {header.time} is more than the allowed drift ahead of this clock"
        return None

    def _too_large(self, block: Block) -> str | None:
        limits = self._genesis.limits
        if block.record_count > limits.block_records:
            return f"{block.record_count} records, the limit is {limits.block_records}"
        if sum(batch.size_bytes for batch in block.batches) > limits.block_bytes:
            return f"over {limits.block_bytes} bytes"
        if not all(map(self._fits, block.batches)):
            return "a batch is over the limits of genesis"
        return None

    def _over_quota(self, block: Block, view: StateView) -> str | None:
        header = block.header
        stated: Counter[str] = Counter()
        for batch in block.batches:
            stated[batch.party] += len(batch.records)
        for party, count in stated.items():
            room = self._room(view, header.time, header.proposer, party)
            if count > room:
                return f"{count} records of {party}, whose quota leaves {max(0, room)} this minute"
        return None

    def _room(self, view: StateView, time_ms: int, proposer: str, party: str) -> int:
        """Return how many records of a party a block of that time and proposer may hold.

        A party's own blocks hold whatever fits; others' keep to its quota.
        """
        limits = self._genesis.limits
        if party == proposer:
            return limits.block_records
        head = view.get(BatchHead, (party,))
        return limits.party_records - (0 if head is None else head.stated_in(time_ms // MINUTE_MS))

    def verify_batch(self, batch: Batch) -> None:
        """Return if ``batch`` is its author's, within the limits, and every record decodes.

        Raises:
            LedgerError: the batch is not fit for a pool or a block.
        """
        self.refuse_too_large(batch)
        batches.verify(batch, self._genesis.ledger, self._genesis.verifiers)
        check_records(batch)

    def refuse_too_large(self, batch: Batch) -> None:
        """Return if ``batch`` is within the limits of genesis; nothing of it is hashed.

        Raises:
            VerificationError: ``batch-too-large``.
        """
        if not self._fits(batch):
            raise VerificationError(
                "batch-too-large", f"{len(batch.records)} records, {batch.size_bytes} bytes"
            )

    def _fits(self, batch: Batch) -> bool:
        limits = self._genesis.limits
        return len(batch.records) <= limits.batch_records and batch.size_bytes <= limits.batch_bytes

    def _compare(self, block: Block, execution: Execution) -> Invalid | None:
        difference = _difference(block.header, execution)
        if difference is None:
            self._keep(block.hash, execution)
            return None
        while len(self._differing) >= DIFFERING_BLOCKS_MAX:
            oldest = next(iter(self._differing))
            del self._differing[oldest]
            self._explained.pop(oldest, None)
        self._differing[block.hash] = execution
        return Invalid(difference, differs=True)

    def _keep(self, block: bytes, execution: Execution) -> None:
        # Dropped when it is settled, or was skipped and nothing builds on it; never before.
        self._executed[block] = execution


def _difference(header: BlockHeader, own: Execution) -> str | None:
    if header.size != own.size:
        return f"log size: here {own.size}, header {header.size}"
    if header.root != own.root.hex():
        return f"log root: here {own.root.hex()}, header {header.root}"
    if header.state != own.state.hex():
        return f"state hash: here {own.state.hex()}, header {header.state}"
    return None


def _first_difference(own: Execution, theirs: bytes) -> str:
    mine = _by_key(canonical.encode(change_list(own.changes)))
    try:
        other = _by_key(theirs)
    except (ValueError, RecursionError):
        return "the proposer's answer is not a list of changes"
    for key in sorted(mine.keys() | other.keys()):
        if mine.get(key) != other.get(key):
            return f"{key}: here {mine.get(key)}, proposer {other.get(key)}"[:DIFFERENCE_CHARS_MAX]
    return "the changes are the same; the outcomes or an earlier state differ"


def _by_key(raw: bytes) -> dict[str, object]:
    """Return a list of changes by table and key; False stands for a deleted row."""
    found: dict[str, object] = {}
    for table, rows, deleted in _changes.decode(raw):
        size = _KEY_SIZES.get(table, 1)
        found.update({f"{table}{row[:size]}": row for row in rows})
        found.update({f"{table}{key}": False for key in deleted})
    return found
