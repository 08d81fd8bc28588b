"""Walk along an exported log as far as it is good, and where it ends.

A block is given out only once the next one builds on it, or the checkpoint says so: a header that
was changed is found by what follows it. Where something is false, the rest of the log is looked
through for a chain of headers to a checkpoint that a quorum cosigned: it says whether what came
before is certified, and which of two blocks that do not fit is the false one.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator

import msgspec

from ledger import domains
from ledger.block import BlockHeader, decode_header
from ledger.errors import DecodeError, LedgerError
from ledger.genesis import Genesis
from ledger.log.receipt import open_consortium_checkpoint
from ledger.log_check import CheckedBlock, LogChecker
from ledger.log_faults import BadLog, LogFault, LogPlace
from ledger.log_lines import BlockLine, CheckpointLine, decode_line


class LogEnd(msgspec.Struct, frozen=True, kw_only=True):
    """The end of the good part of a log.

    ``checkpoint`` is the signed note that ends the log, where that is good, and ``cosigners`` are
    the parties that cosigned it. ``fault`` is the first thing that is false. The good part is
    ``certified`` if it leads, by its hashes, to a checkpoint that a quorum cosigned.
    """

    checkpoint: str = ""
    cosigners: tuple[str, ...] = ()
    fault: LogFault | None = None
    certified: bool = False


class _Headed(msgspec.Struct):
    """As much of a line as names its block."""

    block: msgspec.Raw


_headed = msgspec.json.Decoder(_Headed)


def walk(
    lines: Iterable[bytes], genesis: Genesis, checker: LogChecker
) -> Generator[CheckedBlock, None, LogEnd]:
    """Yield the blocks of a log while they are good, and return how it ends.

    Args:
        lines: The log's lines without their line breaks, from ``checker``'s place on.
        genesis: The founding document.
        checker: Checks each block; what a block that was yielded changes must be in its view
            before the next one is asked for.
    """
    rest = iter(lines)
    held: CheckedBlock | None = None
    while True:
        raw = next(rest, None)
        try:
            line = _decoded(raw, checker)
            if isinstance(line, CheckpointLine):
                cosigners = checker.close(line.checkpoint)
                break
            header = checker.follow(line)
            if held is not None:
                yield held
            held = None
            held = checker.check(line, header)
        except BadLog as bad:
            ending, is_held_good = _judge(bad, raw, rest, genesis, checker)
            if held is not None and is_held_good:
                yield held
            return ending
    if held is not None:
        yield held
    fault = None if next(rest, None) is None else _trailing(checker)
    return LogEnd(checkpoint=line.checkpoint, cosigners=cosigners, fault=fault, certified=True)


def _decoded(raw: bytes | None, checker: LogChecker) -> BlockLine | CheckpointLine:
    place = LogPlace(checker.tip.height + 1, checker.tip.size, part="file")
    if raw is None:
        said = "the log ends without a checkpoint: it is cut short, or still being written"
        raise place.refute(
            "no-checkpoint", said, expected="a checkpoint", got="the end of the file"
        )
    try:
        return decode_line(raw)
    except DecodeError as error:
        raise place.refute(error.code, error.message) from None


def _trailing(checker: LogChecker) -> LogFault:
    place = LogPlace(checker.tip.height + 2, checker.tip.size, part="file")
    return place.refute("trailing-data", "something follows the checkpoint line").fault


def _judge(
    bad: BadLog, raw: bytes | None, rest: Iterator[bytes], genesis: Genesis, checker: LogChecker
) -> tuple[LogEnd, bool]:
    """Return how a log ends where something is false, and whether the block before is good."""
    fault, tip = bad.fault, checker.tip
    if fault.code == "wrong-checkpoint" and raw is not None:
        return _of_another(fault, raw, genesis, checker)
    header, certified = _followed(raw, rest, genesis)
    if not certified or header is None:
        return LogEnd(fault=fault), True
    if (header.height, header.parent) == (tip.height + 1, tip.hash.hex()):
        return LogEnd(fault=fault, certified=True), True
    if header.height == tip.height + 1 and tip.height:
        return LogEnd(fault=_altered(checker, header.parent)), False
    return LogEnd(fault=fault), True


def _of_another(
    fault: LogFault, raw: bytes, genesis: Genesis, checker: LogChecker
) -> tuple[LogEnd, bool]:
    """Return what is wrong where a checkpoint that holds is not of the last block."""
    tip, line = checker.tip, decode_line(raw)
    assert isinstance(line, CheckpointLine)
    checkpoint = open_consortium_checkpoint(line.checkpoint, genesis).checkpoint
    if checkpoint.height == tip.height:
        return LogEnd(fault=_altered(checker, checkpoint.block.hex())), False
    if checkpoint.height > tip.height:
        said = f"it is missing, the checkpoint is of block {checkpoint.height}"
        place = LogPlace(tip.height + 1, tip.size)
        missing = f"block {tip.height + 1}"
        fault = place.refute("broken-chain", said, expected=missing, got="the checkpoint").fault
    return LogEnd(fault=fault), True


def _altered(checker: LogChecker, block: str) -> LogFault:
    place = LogPlace(checker.tip.height, checker.tip.size)
    said = "its header is not the one that what follows it builds on"
    return place.refute("broken-chain", said, expected=block, got=checker.tip.hash.hex()).fault


def _followed(
    raw: bytes | None, rest: Iterator[bytes], genesis: Genesis
) -> tuple[BlockHeader | None, bool]:
    """Return the header of a line, and whether it leads to a checkpoint that holds."""
    first: BlockHeader | None = None
    before = b""
    try:
        while raw is not None:
            if raw.startswith(b'{"checkpoint":'):
                line = decode_line(raw)
                assert isinstance(line, CheckpointLine)
                verified = open_consortium_checkpoint(line.checkpoint, genesis)
                return first, verified.checkpoint.block == before
            header_bytes = bytes(_headed.decode(raw).block)
            header = decode_header(header_bytes)
            if first is None:
                first = header
            elif header.parent != before.hex():
                return first, False
            before = domains.block_hash(header_bytes)
            raw = next(rest, None)
    except (LedgerError, msgspec.DecodeError, ValueError, RecursionError):
        return first, False
    return first, False
