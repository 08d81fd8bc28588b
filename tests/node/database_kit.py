"""Databases of whole generated days, as the nodes of four homes keep them.

Batches, headers, state hashes and certificates are real and signed with the homes' keys; nothing
votes, and no file of a block is synced.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import msgspec

from cli.bench.load import captures, instructions, registrations
from consensus.messages import encode
from consensus.votes import certificate_of, final_subject, sign_vote
from demo.day.cast import PAYMENTS_MIN, DayPlan
from demo.day.generate import generate
from demo.day.phases import founding
from demo.stage.processes import NodeProcess, free_ports
from ledger import domains
from ledger.batch import Batch
from ledger.block import Block, BlockHeader, Tip, encode_header, tip_of
from ledger.execute import Execution, execute
from ledger.genesis import Genesis, Role
from ledger.state import StateView
from node.home.files import write_whole
from node.home.founding import create_consortium
from node.home.home import DATABASE, DATABASE_ID, read_address
from node.storage.bulk import Bulk, WriterProcess
from node.storage.store import Store
from node.storage.tables import block_checksum
from tests.ledger.ledger_kit import CREATED_AT, Ledger, signer
from tests.ledger.log_kit import InBatches

ROLES: list[tuple[str, Role]] = [
    ("platform", "platform"),
    ("institution", "institution"),
    ("funder", "funder"),
    ("auditor", "auditor"),
]


class _Stated(msgspec.Struct):
    at: int


class Kept(Ledger):
    """A ledger whose blocks are kept in a database.

    Args:
        genesis: The founding document.
        state: The state after the last block that was kept.
        keep: Keeps a block.
    """

    def __init__(
        self, genesis: Genesis, state: StateView, keep: Callable[[Block, Execution], None]
    ) -> None:
        super().__init__(genesis)
        self._state = state
        self._keep = keep

    def run(self, *batches: Batch) -> Execution:
        """Execute a block, and keep it."""
        tip = self.tip
        done = execute(self.genesis, tip, self.frontier, self._state, self.now, batches)
        header = BlockHeader(
            batches=tuple(batch.hash.hex() for batch in batches),
            height=tip.height + 1,
            ledger=self.genesis.ledger,
            parent=tip.hash.hex(),
            proposer="platform",
            root=done.root.hex(),
            size=done.size,
            slot=tip.height + 1,
            state=done.state.hex(),
            time=self.now,
        )
        raw = encode_header(header)
        signature = signer("platform").sign(domains.proposal_signature_input(raw))
        block = Block(raw, signature, batches)
        self._keep(block, done)
        self.frontier, self.tip = done.frontier, tip_of(block)
        for batch in batches:
            self.heads[batch.party] = (batch.number, batch.hash)
        return done


def final_certificate(genesis: Genesis, tip: Tip) -> bytes:
    """Return the encoded certificate of all voters for a block."""
    subject, time_s = final_subject(tip), tip.time // 1000
    votes = {
        name: sign_vote(subject, signer(name), name, time_s, genesis) for name in genesis.voters
    }
    return encode(certificate_of(votes))


def found_filled(
    folder: Path, payments: int, block_records: int = 500, *, plain: bool = False
) -> list[NodeProcess]:
    """Found a consortium of four whose nodes have a generated day behind them.

    Args:
        folder: A directory that does not exist.
        payments: How many payments the day has; an entry count about 3.4 times as high.
        block_records: How many records a block has.
        plain: Captures and instructions of three legs instead, two entries a payment; a day is
            made in memory, these are not.

    Returns:
        The nodes, not started, in genesis order.
    """
    day = generate(DayPlan(PAYMENTS_MIN if plain else payments, seed=1))
    homes = create_consortium(
        folder,
        ROLES,
        3,
        ports=free_ports(len(ROLES)),
        created_at=CREATED_AT,
        seeds={party: sha256(b"test key of " + party.encode()).digest() for party, _ in ROLES},
        choices={"calendar": founding(day)},
    )
    first, *others = homes.values()

    def play(ledger: Ledger) -> None:
        if plain:
            _state_payments(ledger, payments, block_records // 2)
        else:
            InBatches(day, 1, ledger, block_records)

    database_id = _fill(first.path / DATABASE, first.genesis, play)
    for home in others:
        shutil.copyfile(first.path / DATABASE, home.path / DATABASE)
    nodes = []
    for home in homes.values():
        write_whole(home.path / DATABASE_ID, f"{database_id}\n".encode())
        _, token = home.tokens.create("feeder", ("read", "submit"), CREATED_AT)
        nodes.append(NodeProcess(home.party, home.path, read_address(home.path), token))
    return nodes


def _state_payments(ledger: Ledger, payments: int, block_payments: int) -> None:
    """State captures and instructions, as many of both in a block."""
    _apply(ledger, ledger.seal("institution", registrations()))
    for first in range(0, payments, block_payments):
        count = min(block_payments, payments - first)
        stated = ledger.seal("institution", captures(first, count))
        _apply(ledger, stated, ledger.seal("platform", instructions(first, count)))


def _apply(ledger: Ledger, *batches: Batch) -> None:
    """Execute a block at the time of its last record; refuse a refusal, which would be no state."""
    last = max(msgspec.json.decode(batch.records[-1], type=_Stated).at for batch in batches)
    ledger.now = max(ledger.now, last)
    refusals = ledger.run(*batches).refusals
    if refusals:
        raise AssertionError(f"{len(refusals)} records were refused: {refusals[0]}")


def _fill(path: Path, genesis: Genesis, play: Callable[[Ledger], None]) -> str:
    """Write the database of what is played to a ledger; return its id."""
    with WriterProcess(path) as process:
        store = Store(f"sqlite:///{path}", genesis)
        bulk = Bulk(store, process)
        ledger = Kept(genesis, bulk.view, lambda block, done: bulk.add(block, done, dict))
        play(ledger)
        certificate = final_certificate(genesis, ledger.tip)
        height = ledger.tip.height
        checksum = block_checksum(height, b"", certificate)
        certify = "UPDATE blocks SET certificate = ?, checksum = ? WHERE height = ?"
        bulk.finish({}, {certify: (certificate, checksum, height)})
        store.close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    database.close()
    return store.id
