"""Comparison of two exported logs: the first difference, and who signed what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Literal

import msgspec

from ledger import canonical, domains
from ledger.block import BlockHeader, decode_header, genesis_tip
from ledger.entry import decode_entry, id_of
from ledger.errors import LedgerError
from ledger.genesis import Genesis
from ledger.log.merkle import Frontier
from ledger.log_check import LogChecker
from ledger.log_faults import LogFault
from ledger.log_lines import CHECKPOINT_START, BlockLine, decode_line
from ledger.log_walk import LogEnd, walk

Relation = Literal["equal", "prefix", "different"]


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """What one log proves by its signatures: how far it is good, and who cosigned its end."""

    blocks: int
    entries: int
    cosigners: tuple[str, ...]
    fault: LogFault | None


class SideSaid(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one log has where two differ. Hashes are hex; all is empty where it has nothing.

    ``entry`` is the canonical JSON of the entry, as the log has it.
    """

    block: str = ""
    proposer: str = ""
    time: int = 0
    party: str = ""
    batch: int = 0
    record: str = ""
    outcome: str = ""
    entry: str = ""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """How two logs of one ledger differ.

    ``prefix`` means that the one with fewer blocks is the beginning of the other. At the first
    difference ``fields`` says in what: ``entry``, or fields of the block's header; ``said`` is what
    each has there. ``forked_by`` names the parties that cosigned both, where both are good and
    differ: no honest party can have done so.
    """

    relation: Relation
    sides: tuple[Side, Side]
    height: int = 0
    entry: int | None = None
    fields: tuple[str, ...] = ()
    said: tuple[SideSaid, SideSaid] = (SideSaid(), SideSaid())
    forked_by: tuple[str, ...] = ()


def proved(lines: Iterable[bytes], genesis: Genesis) -> Side:
    """Return what a log proves by its signatures; nothing is executed.

    Args:
        lines: Its lines, without their line breaks.
        genesis: The founding document.
    """
    checker = LogChecker(genesis, genesis_tip(genesis), Frontier(), {})
    blocks = walk(lines, genesis, checker)
    tip = checker.tip
    while True:
        try:
            tip = next(blocks).tip
        except StopIteration as stop:
            ending: LogEnd = stop.value
            break
    return Side(blocks=tip.height, entries=tip.size, cosigners=ending.cosigners, fault=ending.fault)


def compare(one: Iterable[bytes], other: Iterable[bytes], sides: tuple[Side, Side]) -> Comparison:
    """Return the first difference of two logs.

    Args:
        one: The lines of one log, without their line breaks.
        other: Those of another.
        sides: What each proves.
    """
    size = 0
    for height, (mine, yours) in enumerate(zip_longest(_blocks(one), _blocks(other)), 1):
        if mine == yours:
            size = _size_of(mine) or size
            continue
        if mine is None or yours is None:
            return Comparison(relation="prefix", sides=sides, height=height)
        return _differing(height, size, (mine, yours), sides)
    return Comparison(relation="equal", sides=sides)


def _blocks(lines: Iterable[bytes]) -> Iterator[bytes]:
    return (line for line in lines if not line.startswith(CHECKPOINT_START))


class _Sized(msgspec.Struct):
    size: int


class _Line(msgspec.Struct):
    block: _Sized


_line = msgspec.json.Decoder(_Line)


def _size_of(raw: bytes | None) -> int:
    try:
        return _line.decode(raw or b"").block.size
    except (msgspec.DecodeError, ValueError, RecursionError):
        return 0


def _differing(
    height: int, size: int, raw: tuple[bytes, bytes], sides: tuple[Side, Side]
) -> Comparison:
    lines = tuple(_decoded(each) for each in raw)
    leaves = [[] if line is None else [bytes(each) for each in line.entries] for line in lines]
    at = next((n for n, pair in enumerate(zip_longest(*leaves)) if pair[0] != pair[1]), None)
    headers = [_header(line) for line in lines]
    first, second = (_said(header, own, at) for header, own in zip(headers, leaves, strict=True))
    fields = _different_fields(*headers) if at is None else ("entry",)
    both_good = all(side.fault is None for side in sides)
    shared = [name for name in sides[0].cosigners if name in sides[1].cosigners]
    return Comparison(
        relation="different",
        sides=sides,
        height=height,
        entry=None if at is None else size + at,
        fields=fields or ("line",),
        said=(first, second),
        forked_by=tuple(shared) if both_good else (),
    )


def _decoded(raw: bytes) -> BlockLine | None:
    try:
        line = decode_line(raw)
    except LedgerError:
        return None
    return line if isinstance(line, BlockLine) else None


def _header(line: BlockLine | None) -> BlockHeader | None:
    try:
        return None if line is None else decode_header(bytes(line.block))
    except LedgerError:
        return None


def _different_fields(one: BlockHeader | None, other: BlockHeader | None) -> tuple[str, ...]:
    if one is None or other is None:
        return ()
    names = BlockHeader.__struct_fields__
    return tuple(name for name in names if getattr(one, name) != getattr(other, name))


def _said(header: BlockHeader | None, leaves: list[bytes], at: int | None) -> SideSaid:
    named: dict[str, object] = {}
    if header is not None:
        block = domains.block_hash(canonical.encode(header)).hex()
        named = {"block": block, "proposer": header.proposer, "time": header.time}
    if at is not None and at < len(leaves):
        named["entry"] = leaves[at].decode("utf-8", "replace")
        try:
            entry = decode_entry(leaves[at])
        except LedgerError:
            return msgspec.convert(named, SideSaid)
        stated = {"party": entry.party, "batch": entry.batch, "outcome": entry.outcome}
        named |= {**stated, "record": id_of(entry.record)}
    return msgspec.convert(named, SideSaid)
