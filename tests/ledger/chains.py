"""Builds signed blocks for tests of the store: real hashes and signatures, made-up rows."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import ClassVar

from ledger import batch as batches
from ledger import domains
from ledger.block import Block, BlockHeader, Tip, batch_hashes, encode_header, genesis_tip, tip_of
from ledger.entry import encode_entry
from ledger.execute import EntryInfo, Execution, execute
from ledger.genesis import Genesis, Member, Role, found
from ledger.keys import Signer
from ledger.log.merkle import Frontier, leaf_hash
from ledger.state import Changes, EmptyView, Overlay, Row, StateView

MEMBERS: tuple[tuple[str, Role], ...] = (
    ("platform", "platform"),
    ("institution", "institution"),
    ("funder", "funder"),
    ("auditor", "auditor"),
)
SIGNERS = {name: Signer(bytes([place + 1]) * 32) for place, (name, _) in enumerate(MEMBERS)}
CREATED_AT = 1_767_578_400_000
BLOCK_MS = 1000
CERTIFICATE = b"certificate of quorum"
JUSTIFICATION = b"justification"


class Account(Row, frozen=True):
    TABLE: ClassVar[str] = "test_accounts"
    KEY: ClassVar[int] = 2
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = (("owner",),)

    book: str
    number: int
    owner: str
    amount: int
    frozen: bool
    tags: tuple[str, ...]
    note: str | None


class Line(Row, frozen=True):
    TABLE: ClassVar[str] = "test_lines"
    KEY: ClassVar[int] = 2

    entry: int
    line: int
    text: str


class Mark(Row, frozen=True):
    TABLE: ClassVar[str] = "test_marks"

    name: str


TEST_ROWS: tuple[type[Row], ...] = (Account, Line, Mark)


def genesis_of(name: str = "test") -> Genesis:
    members = tuple(
        Member(key=b64encode(SIGNERS[party].public_key).decode(), name=party, role=role)
        for party, role in MEMBERS
    )
    return found(name, members, 3, CREATED_AT)


GENESIS = genesis_of()


def record(party: str, number: int, text: str = "") -> bytes:
    value = {"at": CREATED_AT, "id": f"{party}-{number}", "text": text, "type": "test.said"}
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def execution_of(
    parent: Tip, frontier: Frontier, sealed: Sequence[batches.Batch], changes: Changes
) -> Execution:
    """Return what executing would give if the batches' records made exactly ``changes``."""
    execution = Execution(parent, frontier, EmptyView())
    execution.view.merge(changes)
    execution.changes = execution.view.changes
    for each in sealed:
        for raw in each.records:
            index = execution.first_index + len(execution.leaves)
            stated = json.loads(raw)
            subject = f"said:{stated['id']}"
            info = EntryInfo(index, each.party, stated["id"], stated["type"], subject, "applied")
            execution.entries.append(info)
            execution.leaves.append(encode_entry(each.number, "applied", each.party, raw))
    execution.leaf_hashes = [leaf_hash(leaf) for leaf in execution.leaves]
    execution.frontier.extend(execution.leaf_hashes)
    execution.size, execution.root = execution.frontier.size, execution.frontier.root()
    execution.state = domains.state_hash(parent.state, repr(changes).encode())
    return execution


class Chain:
    """Grows a chain of blocks by itself, in memory."""

    def __init__(self, genesis: Genesis = GENESIS, view: StateView | None = None) -> None:
        self.genesis = genesis
        self.tip = genesis_tip(genesis)
        self.frontier = Frontier()
        self.state = Overlay(view or EmptyView())
        self.heads = dict.fromkeys(genesis.names, (0, domains.ZERO_HASH))
        self.blocks: list[tuple[Block, Execution]] = []

    def seal(self, party: str, records: Sequence[bytes]) -> batches.Batch:
        sealed = batches.seal(
            SIGNERS[party], self.genesis.ledger, party, self.heads[party], records
        )
        self.heads[party] = (sealed.number, sealed.hash)
        return sealed

    def grow(
        self, stated: Mapping[str, Sequence[bytes]], changes: Changes | None = None
    ) -> tuple[Block, Execution]:
        """Append a block with one batch for each party and the rows that it changes."""
        sealed = [self.seal(party, records) for party, records in stated.items()]
        execution = execution_of(self.tip, self.frontier, sealed, changes or {})
        return self._append(sealed, execution)

    def execute(self, stated: Mapping[str, Sequence[bytes]]) -> tuple[Block, Execution]:
        """Append a block of records of the real contracts, executed."""
        sealed = [self.seal(party, records) for party, records in stated.items()]
        time_ms = self.tip.time + BLOCK_MS
        execution = execute(self.genesis, self.tip, self.frontier, self.state, time_ms, sealed)
        return self._append(sealed, execution)

    def grow_records(self, count: int, changes: Changes | None = None) -> tuple[Block, Execution]:
        """Append a block with ``count`` records of the platform."""
        start = self.tip.size
        records = [record("platform", start + each) for each in range(count)]
        return self.grow({"platform": records} if records else {}, changes)

    def _append(
        self, sealed: Sequence[batches.Batch], execution: Execution
    ) -> tuple[Block, Execution]:
        block = self._block(sealed, execution)
        self.tip, self.frontier = tip_of(block), execution.frontier.copy()
        self.state.merge(execution.changes)
        self.blocks.append((block, execution))
        return block, execution

    def _block(self, sealed: Sequence[batches.Batch], execution: Execution) -> Block:
        slot = self.tip.slot + 1
        proposer = self.genesis.names[slot % len(self.genesis.names)]
        header = BlockHeader(
            batches=batch_hashes(sealed),
            height=self.tip.height + 1,
            ledger=self.genesis.ledger,
            parent=self.tip.hash.hex(),
            proposer=proposer,
            root=execution.root.hex(),
            size=execution.size,
            slot=slot,
            state=execution.state.hex(),
            time=self.tip.time + BLOCK_MS,
        )
        raw = encode_header(header)
        signature = SIGNERS[proposer].sign(domains.proposal_signature_input(raw))
        return Block(raw, signature, tuple(sealed))
