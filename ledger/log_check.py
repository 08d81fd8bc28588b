"""Check of an exported log, block by block: what is signed, and what comes of it.

Checked are: the chain of block hashes, every author's batch chain, signature and record root, the
log's root and size after every block. With a state every record is executed again, and outcomes
and state hashes must come out the same. Whatever is false is reported at the first entry that it
concerns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ledger import batch as batches
from ledger import domains
from ledger.batch import Batch, BatchHeader
from ledger.block import BlockHeader, Tip, decode_header, tip_of_header
from ledger.entry import Entry, entry_decoder
from ledger.errors import DecodeError, VerificationError
from ledger.execute import Execution, check_records, execute
from ledger.genesis import Genesis
from ledger.log.merkle import Frontier, leaf_hash, root_of
from ledger.log.receipt import cosigning_parties, open_consortium_checkpoint
from ledger.log_faults import BadLog, LogPlace, wrong_records
from ledger.log_lines import BlockLine, SignedBatch
from ledger.state import StateView

Heads = dict[str, tuple[int, str]]
"""Number and hash (hex) of the last batch of each party."""


class CheckedBlock(NamedTuple):
    """A block that was found good.

    Args:
        header: Its header.
        raw_header: The header's bytes, as hashed.
        batches: Its batches.
        leaves: The leaf bytes of its entries.
        execution: What executing it gave; None if nothing was executed.
        tip: The end of the chain with it.
    """

    header: BlockHeader
    raw_header: bytes
    batches: tuple[Batch, ...]
    leaves: list[bytes]
    execution: Execution | None
    tip: Tip


class LogChecker:
    """Walks along an export.

    Args:
        genesis: The founding document.
        tip: The end of what was checked before.
        frontier: The log's frontier there.
        heads: The parties' last batches there.
        view: The state there, which the caller moves on with each block's changes; without one
            nothing is executed.
    """

    def __init__(
        self,
        genesis: Genesis,
        tip: Tip,
        frontier: Frontier,
        heads: Heads,
        *,
        view: StateView | None = None,
    ) -> None:
        self._genesis = genesis
        self._frontier = frontier
        self._heads = heads
        self._view = view
        self.tip = tip

    def follow(self, line: BlockLine) -> BlockHeader:
        """Return the header of a block that follows the one before.

        Raises:
            BadLog: it does not, or is no header.
        """
        place = LogPlace(self.tip.height + 1, self.tip.size)
        try:
            header = decode_header(bytes(line.block))
        except DecodeError as error:
            raise place.refute(error.code, error.message) from None
        self._refuse_unchained(header, place)
        return header

    def check(self, line: BlockLine, header: BlockHeader) -> CheckedBlock:
        """Check the rest of a block and move on to it.

        Args:
            line: The block.
            header: What :meth:`follow` returned for it.

        Raises:
            BadLog: the first thing that is false, with its place.
        """
        leaves = [bytes(entry) for entry in line.entries]
        checked = self._check_block(header, bytes(line.block), line.batches, leaves)
        self.tip = checked.tip
        return checked

    def close(self, checkpoint_text: str) -> tuple[str, ...]:
        """Verify the checkpoint over everything walked, and return who cosigned it.

        Raises:
            BadLog: it is false, or another block's.
        """
        tip = self.tip
        place = LogPlace(tip.height + 1, tip.size, part="checkpoint")
        try:
            verified = open_consortium_checkpoint(checkpoint_text, self._genesis)
        except (DecodeError, VerificationError) as error:
            raise place.refute(error.code, error.message) from None
        checkpoint = verified.checkpoint
        said = (checkpoint.height, checkpoint.size, checkpoint.root.hex(), checkpoint.block.hex())
        held = (tip.height, tip.size, tip.root.hex(), tip.hash.hex())
        if said != held:
            raise place.refute(
                "wrong-checkpoint",
                "the checkpoint is not of the last block of this export",
                expected=_in_words(*held),
                got=_in_words(*said),
            )
        return cosigning_parties(verified, self._genesis)

    def _refuse_unchained(self, header: BlockHeader, place: LogPlace) -> None:
        tip = self.tip
        if header.ledger != self._genesis.ledger:
            said = f"the block is of ledger {header.ledger}"
            raise place.refute(
                "wrong-ledger", said, expected=self._genesis.ledger, got=header.ledger
            )
        if tip.height == 0 and header.height > 1:
            begins = (
                f"this export begins at block {header.height}; verification needs it from block 1"
            )
            raise place.refute(
                "broken-chain", begins, expected="block 1", got=f"block {header.height}"
            )
        if header.height > tip.height + 1:
            last = header.height - 1
            missing = f"block {place.height}" + (f" to {last}" if last > place.height else "")
            said = f"it is missing, after block {tip.height} comes block {header.height}"
            raise place.refute("broken-chain", said, expected=missing, got=f"block {header.height}")
        if (header.height, header.parent) != (tip.height + 1, tip.hash.hex()):
            raise place.refute(
                "broken-chain",
                "the block does not follow the one before",
                expected=f"block {tip.height + 1} after {tip.hash.hex()}",
                got=f"block {header.height} after {header.parent}",
            )
        if header.time < tip.time:
            raise place.refute("broken-chain", "the block's time is before its parent's")

    def _check_block(
        self, header: BlockHeader, raw: bytes, signed: Sequence[SignedBatch], leaves: list[bytes]
    ) -> CheckedBlock:
        good: list[Batch] = []
        entries: list[Entry] = []
        try:
            self._check_batches(header, signed, leaves, (good, entries))
        except BadLog:
            self._execute(header, good, entries)  # an outcome of an earlier batch may be false
            raise
        execution = self._execute(header, good, entries)
        after = tip_of_header(raw)
        frontier = self._frontier
        if execution is None:
            frontier.extend([leaf_hash(leaf) for leaf in leaves])
        else:
            frontier = self._frontier = execution.frontier
        place = LogPlace(header.height, self.tip.size, entries)
        if (frontier.size, frontier.root()) != (after.size, after.root):
            said = "the entries do not lead to the header's root"
            got = f"{frontier.size} entries, root {frontier.root().hex()}"
            expected = f"{after.size} entries, root {header.root}"
            raise place.refute("wrong-root", said, expected=expected, got=got)
        if execution is not None and execution.state != after.state:
            raise place._replace(entries=()).refute(
                "wrong-state",
                "executing the records gives another state",
                expected=execution.state.hex(),
                got=header.state,
            )
        return CheckedBlock(header, raw, tuple(good), leaves, execution, after)

    def _check_batches(
        self,
        header: BlockHeader,
        signed: Sequence[SignedBatch],
        leaves: Sequence[bytes],
        found: tuple[list[Batch], list[Entry]],
    ) -> None:
        """Check batch after batch, and add to ``found`` which are good and their entries."""
        good, entries = found
        short = _is_short(signed, leaves)
        for position, each in enumerate(signed):
            place = LogPlace(header.height, self.tip.size + len(entries))
            try:
                said = batches.decode_header(bytes(each.header))
            except DecodeError as error:
                raise place.refute(
                    error.code, f"batch {position + 1} of it: {error.message}"
                ) from None
            own = leaves[len(entries) : len(entries) + said.count]
            batch, its = self._check_batch(said, place, each, own, short=short)
            if header.batches[position : position + 1] != (batch.hash.hex(),):
                raise place._replace(entries=its, batch=said).refute(
                    "wrong-batches",
                    "the batches are not the header's",
                    expected=(*header.batches, "no batch")[min(position, len(header.batches))],
                    got=batch.hash.hex(),
                )
            self._heads[said.party] = (said.number, batch.hash.hex())
            good.append(batch)
            entries += its
        rest = LogPlace(header.height, self.tip.size + len(entries))
        if len(good) != len(header.batches):
            missing = header.batches[len(good)]
            raise rest.refute("wrong-batches", "a batch of the header is missing", expected=missing)
        if len(entries) != len(leaves):
            too_many = f"{len(leaves)} entries"
            raise rest.refute(
                "wrong-count",
                "more entries than the batches hold",
                expected=f"{len(entries)} entries",
                got=too_many,
            )

    def _check_batch(
        self,
        header: BatchHeader,
        place: LogPlace,
        signed: SignedBatch,
        own: Sequence[bytes],
        *,
        short: bool,
    ) -> tuple[Batch, list[Entry]]:
        genesis = self._genesis
        raw, signature = bytes(signed.header), bytes.fromhex(signed.signature)
        entries, undecoded = _decoded(own, header, place)
        place = place._replace(entries=entries, batch=header)
        try:
            batches.verify_header(header, raw, signature, genesis.ledger, genesis.verifiers)
        except VerificationError as error:
            raise place.refute(error.code, error.message) from None
        number, previous = self._heads.get(header.party, (0, domains.ZERO_HASH.hex()))
        if (header.number, header.previous) != (number + 1, previous):
            raise place.refute(
                "batch-order",
                "it does not follow its author's batch before",
                expected=f"batch {number + 1} after {previous}",
                got=f"batch {header.number} after {header.previous}",
            )
        if undecoded is not None:
            raise undecoded
        _refuse_strangers(entries, place, short=short)
        if root_of([leaf_hash(e.record) for e in entries]).hex() != header.root:
            raise wrong_records(place, header.root)
        batch = Batch(raw, signature, tuple([e.record for e in entries]))
        if self._view is not None:
            try:
                check_records(batch)
            except VerificationError as error:
                raise place.refute(error.code, error.message) from None
        return batch, entries

    def _execute(
        self, header: BlockHeader, good: Sequence[Batch], entries: Sequence[Entry]
    ) -> Execution | None:
        if self._view is None:
            return None
        try:
            own = execute(self._genesis, self.tip, self._frontier, self._view, header.time, good)
        except VerificationError as error:
            raise LogPlace(header.height, self.tip.size).refute(error.code, error.message) from None
        for at, (entry, mine) in enumerate(zip(entries, own.entries, strict=True)):
            if entry.outcome != mine.outcome:
                place = LogPlace(header.height, self.tip.size + at, (entry,))
                raise place.refute(
                    "wrong-outcome",
                    f"it says {entry.outcome}, and executing the record gives {mine.outcome}",
                    expected=mine.outcome,
                    got=entry.outcome,
                )
        return own


def _decoded(
    leaves: Sequence[bytes], header: BatchHeader, place: LogPlace
) -> tuple[list[Entry], BadLog | None]:
    """Return entries up to the first that is none, and what is wrong with that."""
    found: list[Entry] = []
    decode = entry_decoder(header.number, header.party)
    for leaf in leaves:
        try:
            found.append(decode(leaf))
        except DecodeError as error:
            at = place.first + len(found)
            bad = place._replace(first=at).refute(error.code, f"entry {at}: {error.message}")
            return found, bad
    return found, None


def _refuse_strangers(entries: Sequence[Entry], place: LogPlace, *, short: bool) -> None:
    """Refuse entries of another batch, and fewer than the batch has.

    Args:
        entries: As many as the batch has, or fewer.
        place: All of them.
        short: The block has too few entries: those of the next batch stand where its own should.
    """
    header = place.batch
    assert header is not None
    own = [entry.party == header.party and entry.batch == header.number for entry in entries]
    at = own.index(False) if False in own else len(entries)
    if at < len(entries) and not (short and True not in own[at:]):
        raise place.only(at).refute(
            "wrong-entry",
            "the entry says that it is of another batch",
            expected=f"batch {header.number} of {header.party}",
            got=f"batch {entries[at].batch} of {entries[at].party}",
        )
    if at < header.count:
        raise place._replace(entries=entries[:at]).refute(
            "wrong-count",
            f"records are missing: the batch has {header.count}, {at} stand here",
            expected=f"{header.count} records",
            got=f"{at} records",
        )


def _is_short(signed: Sequence[SignedBatch], leaves: Sequence[bytes]) -> bool:
    """Return whether a block has fewer entries than its batches have records."""
    try:
        return sum(batches.decode_header(bytes(each.header)).count for each in signed) > len(leaves)
    except DecodeError:
        return False


def _in_words(height: int, size: int, root: str, block: str) -> str:
    return f"block {height} {block}, {size} entries, root {root}"
