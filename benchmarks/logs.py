"""Logs of any size, as `tongzhang export log` writes them, and how fast they are opened.

Run with ``python -m benchmarks.logs PAYMENTS [FOLDER]``. The log holds one generated day of the
business as the demo plays it, with every kind of record and planted trouble, about 2.6 entries a
payment: 390,000 payments make a million entries. It is made in this process, of real batches,
blocks and cosignatures, and left in the folder with its genesis. Then it is opened: verified and
executed again into a new index, and once more from the index that was kept. Times are by the clock.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO

from demo.day.cast import DayPlan
from demo.day.generate import generate
from demo.day.phases import founding
from ledger.batch import Batch
from ledger.block import Block, BlockHeader, checkpoint_of, encode_header, tip_of
from ledger.execute import Execution, execute
from ledger.genesis import Genesis
from ledger.log.checkpoint import Cosignature, cosign, cosigner_name, signed_checkpoint
from ledger.log_lines import encode_block, encode_checkpoint
from tests.demo import day_kit
from tests.ledger.ledger_kit import Ledger, make_genesis, signer

BLOCK_RECORDS = 500


class Logged(Ledger):
    """A ledger whose blocks are written as lines of an export.

    Args:
        genesis: The founding document.
        file: Where the lines go.
    """

    def __init__(self, genesis: Genesis, file: BinaryIO) -> None:
        super().__init__(genesis)
        self._file = file

    def run(self, *batches: Batch) -> Execution:
        """Execute a block, and write its line."""
        tip = self.tip
        done = execute(self.genesis, tip, self.frontier, self.view, self.now, batches)
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
        block = Block(encode_header(header), b"", batches)
        self.view.merge(done.changes)
        self.frontier, self.tip = done.frontier, tip_of(block)
        self._file.write(encode_block(block, done.leaves) + b"\n")
        for batch in batches:
            self.heads[batch.party] = (batch.number, batch.hash)
        return done

    def close(self) -> None:
        """Write the checkpoint that ends the log."""
        genesis = self.genesis
        checkpoint = checkpoint_of(genesis.origin, self.tip)
        at_s = self.now // 1000
        cosignatures = [
            Cosignature(
                name=cosigner_name(genesis.origin, voter),
                public_key=genesis.verifiers[voter].public_key,
                timestamp_s=at_s,
                signature=cosign(signer(voter), checkpoint, at_s),
            )
            for voter in genesis.voters
        ]
        text = signed_checkpoint(checkpoint, signer("auditor"), cosignatures)
        self._file.write(encode_checkpoint(text) + b"\n")


class _Played(day_kit.Played):
    """A day in blocks of one batch a party."""

    def _flush(self) -> None:
        said: dict[str, list[bytes]] = {}
        for party, raw in self._waiting:
            said.setdefault(party, []).append(raw)
        if said:
            self.ledger.run(*(self.ledger.seal(party, records) for party, records in said.items()))
        self._waiting = []


def write_log(payments: int, folder: Path) -> Path:
    """Write the log of a generated day, and its genesis beside it."""
    day = generate(DayPlan(payments, seed=1))
    genesis = make_genesis(calendar=founding(day))
    (folder / "genesis.json").write_bytes(genesis.raw)
    day_kit.BLOCK_RECORDS = BLOCK_RECORDS
    log = folder / "log.ndjson"
    with log.open("wb") as file:
        ledger = Logged(genesis, file)
        _Played(day, 1, ledger)
        ledger.close()
    print(f"{log}: {ledger.tip.size:,} entries in {ledger.tip.height:,} blocks")
    return log


if __name__ == "__main__":
    write_log(int(sys.argv[1]), Path(sys.argv[2]))
