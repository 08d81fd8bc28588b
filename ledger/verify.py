"""Offline verification of an exported log or a checkpoint, from the genesis document alone.

An export is lines of JSON (:mod:`ledger.log_lines`), checked block by block
(:mod:`ledger.log_check`) up to the quorum's cosignatures under the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from ledger.block import Tip, genesis_tip
from ledger.genesis import Genesis
from ledger.log.merkle import Frontier
from ledger.log.receipt import cosigning_parties, open_consortium_checkpoint
from ledger.log_check import LogChecker
from ledger.log_faults import BadLog
from ledger.log_walk import LogEnd, walk
from ledger.state import EmptyView, Overlay


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
        BadLog: the first thing that is false, with its place.
    """
    state = Overlay(EmptyView())
    checker = LogChecker(
        genesis, genesis_tip(genesis), Frontier(), {}, view=state if replay else None
    )
    stripped = (raw.removesuffix(b"\n") for raw in lines)
    blocks = walk(stripped, genesis, checker)
    while True:
        try:
            block = next(blocks)
        except StopIteration as stop:
            ending: LogEnd = stop.value
            break
        if block.execution is not None:
            state.merge(block.execution.changes)
        if progress is not None:
            progress(block.tip.size)
    if ending.fault is not None:
        raise BadLog(ending.fault)
    return _verified(checker.tip, ending.cosigners, replayed=replay)


def _verified(tip: Tip, cosigners: tuple[str, ...], *, replayed: bool) -> VerifiedLog:
    return VerifiedLog(
        blocks=tip.height,
        entries=tip.size,
        root=tip.root.hex(),
        state=tip.state.hex(),
        replayed=replayed,
        cosigners=cosigners,
    )
