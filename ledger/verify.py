"""Offline verification of an exported log, from the genesis document alone.

An export is lines of JSON: one line a block, in height order, then one line with a checkpoint::

    {"batches":[{"header":{…},"signature":"<128 hex>"},…],"block":{…},"entries":[{…},…]}
    {"checkpoint":"<signed note>"}

Checked are: the chain of block hashes, every author's batch chain, signature and record root, the
log's root and size after every block, and the quorum's cosignatures under the last one. With
``replay`` every record is executed again, and outcomes and state hashes must come out the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from ledger import batch as batches
from ledger import canonical, domains
from ledger.batch import Batch, BatchHeader, Hex64
from ledger.block import Block, BlockHeader, Tip, genesis_tip, tip_of_header
from ledger.entry import Entry, decode_entry, which
from ledger.errors import DecodeError, VerificationError
from ledger.execute import execute
from ledger.genesis import Genesis
from ledger.log.merkle import Frontier, leaf_hash, root_of
from ledger.log.receipt import cosigning_parties, open_consortium_checkpoint
from ledger.state import EmptyView, Overlay

T = TypeVar("T")

LINE_BYTES_MAX = 256 * 2**20


class SignedBatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A batch's header and signature; its records stand in the block's entries."""

    header: msgspec.Raw
    signature: Hex64


class BlockLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One block of an export."""

    batches: tuple[SignedBatch, ...]
    block: msgspec.Raw
    entries: tuple[msgspec.Raw, ...]


class CheckpointLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last line of an export."""

    checkpoint: str


class VerifiedCheckpointFacts(msgspec.Struct, frozen=True):
    """The facts that a checkpoint proves: a quorum cosigned size and root (hex) at a height."""

    origin: str
    size: int
    root: str
    height: int
    block: str
    cosigners: tuple[str, ...]


class VerifiedLog(msgspec.Struct, frozen=True):
    """The facts of a verified export."""

    blocks: int
    entries: int
    root: str
    state: str
    replayed: bool
    cosigners: tuple[str, ...]


_block_decoder = msgspec.json.Decoder(BlockLine)
_checkpoint_decoder = msgspec.json.Decoder(CheckpointLine)


def encode_block(block: Block, leaves: Sequence[bytes]) -> bytes:
    """Return the line of one block, without a line break.

    Args:
        block: The block with its batches.
        leaves: The leaf bytes of its entries, in order.
    """
    signed = tuple(SignedBatch(msgspec.Raw(b.raw_header), b.signature.hex()) for b in block.batches)
    entries = tuple(msgspec.Raw(leaf) for leaf in leaves)
    return canonical.encode(BlockLine(signed, msgspec.Raw(block.raw_header), entries))


def encode_checkpoint(text: str) -> bytes:
    """Return the last line of an export, without a line break."""
    return canonical.encode(CheckpointLine(text))


def verify_checkpoint(text: str, genesis: Genesis) -> VerifiedCheckpointFacts:
    """Return what a served checkpoint proves.

    Raises:
        DecodeError: the text is not a checkpoint note.
        VerificationError: a signature is false or there is no quorum.
    """
    verified = open_consortium_checkpoint(text, genesis)
    checkpoint = verified.checkpoint
    return VerifiedCheckpointFacts(
        origin=checkpoint.origin,
        size=checkpoint.size,
        root=checkpoint.root.hex(),
        height=checkpoint.height,
        block=checkpoint.block.hex(),
        cosigners=cosigning_parties(verified, genesis),
    )


def verify_log(
    lines: Iterable[bytes],
    genesis: Genesis,
    progress: Callable[[int], None] | None = None,
    *,
    replay: bool = False,
) -> VerifiedLog:
    """Verify an exported log from genesis to its checkpoint.

    Args:
        lines: The export's lines.
        genesis: The founding document.
        progress: Called with the number of entries verified so far, once a block.
        replay: Execute every record again as well.

    Raises:
        DecodeError: a line is not of an export.
        VerificationError: the first thing that is false, with the height of its block.
    """
    checker = _LogChecker(genesis, replay)
    rest = iter(lines)
    for raw in rest:
        line = raw.removesuffix(b"\n")
        if line.startswith(b'{"checkpoint":'):
            verified = checker.close(_decode(line, _checkpoint_decoder).checkpoint)
            if next(rest, b""):
                raise VerificationError("trailing-data", "something follows the checkpoint line")
            return verified
        checker.check(_decode(line, _block_decoder))
        if progress is not None:
            progress(checker.tip.size)
    raise VerificationError("no-checkpoint", "the export ends without a checkpoint line")


def _decode(line: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    if len(line) > LINE_BYTES_MAX:
        raise DecodeError("line-too-long", f"over {LINE_BYTES_MAX} bytes")
    try:
        value = decoder.decode(line)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise DecodeError("not-a-log-line", f"not a line of an export: {error}") from None
    if canonical.encode(value) != line:
        raise DecodeError("not-a-log-line", "the line is not in the one form that an export has")
    return value


class _LogChecker:
    """Walks an export block by block."""

    def __init__(self, genesis: Genesis, replay: bool) -> None:
        self._genesis = genesis
        self._replay = replay
        self._frontier = Frontier()
        self._heads: dict[str, tuple[int, str]] = {}
        self._state = Overlay(EmptyView())
        self.tip = genesis_tip(genesis)

    def check(self, line: BlockLine) -> None:
        """Verify one block and move on to it."""
        after = tip_of_header(bytes(line.block))
        try:
            self._check_block(line, after)
        except (DecodeError, VerificationError) as error:
            raise type(error)(error.code, f"block {after.height}: {error.message}") from None
        self.tip = after

    def close(self, checkpoint_text: str) -> VerifiedLog:
        """Verify the checkpoint over everything walked, and say what was found."""
        verified = open_consortium_checkpoint(checkpoint_text, self._genesis)
        checkpoint, tip = verified.checkpoint, self.tip
        if (checkpoint.size, checkpoint.root, checkpoint.block) != (tip.size, tip.root, tip.hash):
            raise VerificationError(
                "wrong-checkpoint", "the checkpoint is not of the last block of this export"
            )
        return VerifiedLog(
            blocks=tip.height,
            entries=tip.size,
            root=tip.root.hex(),
            state=tip.state.hex(),
            replayed=self._replay,
            cosigners=cosigning_parties(verified, self._genesis),
        )

    def _check_block(self, line: BlockLine, after: Tip) -> None:
        raw_header = bytes(line.block)
        header = msgspec.json.decode(raw_header, type=BlockHeader)
        self._refuse_unchained(header)
        leaves = [bytes(entry) for entry in line.entries]
        entries = self._decode_entries(leaves)
        signed = self._check_batches(line.batches, entries)
        if tuple(batch.hash.hex() for batch in signed) != header.batches:
            raise VerificationError("wrong-batches", "the batches are not the header's")
        if self._replay:
            self._execute(header, signed, entries)
        self._frontier.extend([leaf_hash(leaf) for leaf in leaves])
        if (self._frontier.size, self._frontier.root()) != (after.size, after.root):
            found = which(entries, self.tip.size) if entries else "it has none"
            said = f"the entries do not lead to the header's root; {found}"
            raise VerificationError("wrong-root", said)

    def _decode_entries(self, leaves: Sequence[bytes]) -> list[Entry]:
        found: list[Entry] = []
        for leaf in leaves:
            try:
                found.append(decode_entry(leaf))
            except DecodeError as error:
                index = self.tip.size + len(found)
                raise DecodeError(error.code, f"entry {index}: {error.message}") from None
        return found

    def _refuse_unchained(self, header: BlockHeader) -> None:
        tip = self.tip
        if header.ledger != self._genesis.ledger:
            raise VerificationError("wrong-ledger", f"the block is of ledger {header.ledger}")
        if tip.height == 0 and header.height > 1:
            raise VerificationError(
                "broken-chain",
                f"this export begins at block {header.height}; verification needs it from block 1",
            )
        if (header.height, header.parent) != (tip.height + 1, tip.hash.hex()):
            raise VerificationError("broken-chain", "the block does not follow the one before")
        if header.time < tip.time:
            raise VerificationError("broken-chain", "the block's time is before its parent's")

    def _check_batches(
        self, signed: Sequence[SignedBatch], entries: Sequence[Entry]
    ) -> list[Batch]:
        start = 0
        found: list[Batch] = []
        for each in signed:
            raw = bytes(each.header)
            header = batches.decode_header(raw)
            own = entries[start : start + header.count]
            try:
                self._check_batch(header, raw, bytes.fromhex(each.signature), own)
            except VerificationError as error:
                what = which(own, self.tip.size + start) if own else f"no record of {header.party}"
                said = f"batch {header.number}, {what}: {error.message}"
                raise VerificationError(error.code, said) from None
            start += header.count
            found.append(Batch(raw, bytes.fromhex(each.signature), tuple(e.record for e in own)))
        if start != len(entries):
            raise VerificationError("wrong-count", "more entries than the batches hold")
        return found

    def _check_batch(
        self, header: BatchHeader, raw: bytes, signature: bytes, own: Sequence[Entry]
    ) -> None:
        genesis, party = self._genesis, header.party
        batches.verify_header(header, raw, signature, genesis.ledger, genesis.verifiers)
        number, previous = self._heads.get(party, (0, domains.ZERO_HASH.hex()))
        if (header.number, header.previous) != (number + 1, previous):
            raise VerificationError("batch-order", "it does not follow its author's batch before")
        if any(e.party != party or e.batch != header.number for e in own):
            raise VerificationError("wrong-entry", "the entry says that it is of another batch")
        if root_of([leaf_hash(e.record) for e in own]).hex() != header.root:
            raise VerificationError("bad-batch-root", "the records are not the ones signed")
        self._heads[party] = (header.number, domains.batch_hash(raw).hex())

    def _execute(
        self, header: BlockHeader, signed: Sequence[Batch], entries: Sequence[Entry]
    ) -> None:
        own = execute(self._genesis, self.tip, self._frontier, self._state, header.time, signed)
        for index, (entry, mine) in enumerate(zip(entries, own.entries, strict=True)):
            if entry.outcome != mine.outcome:
                raise VerificationError(
                    "wrong-outcome",
                    f"{which([entry], self.tip.size + index)}: it says {entry.outcome}, and "
                    f"executing the record gives {mine.outcome}",
                )
        if own.state.hex() != header.state:
            raise VerificationError("wrong-state", "executing the records gives another state")
        self._state.merge(own.changes)
