"""Logs of a whole generated day, as a node exports them, made in this process.

Batches, blocks, state hashes and cosignatures are real; nothing votes.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from demo.day.cast import DayPlan
from demo.day.generate import generate
from demo.day.phases import founding
from ledger.batch import Batch
from ledger.block import Block, BlockHeader, Tip, checkpoint_of, encode_header, tip_of
from ledger.execute import Execution, execute
from ledger.genesis import Genesis
from ledger.log.checkpoint import Cosignature, cosign, cosigner_name, signed_checkpoint
from ledger.log_lines import encode_block, encode_checkpoint
from tests.demo.day_kit import Played
from tests.ledger.ledger_kit import Ledger, make_genesis, signer


class Logged(Ledger):
    """A ledger whose blocks are written as lines of an export.

    Args:
        genesis: The founding document.
        file: Where the lines go.
    """

    def __init__(self, genesis: Genesis, file: BinaryIO) -> None:
        super().__init__(genesis)
        self._file = file
        self.tips: list[Tip] = []

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
        self.tips.append(self.tip)
        self._file.write(encode_block(block, done.leaves) + b"\n")
        for batch in batches:
            self.heads[batch.party] = (batch.number, batch.hash)
        return done

    def checkpoint(self, tip: Tip) -> bytes:
        """Return the line that ends a log at a block, signed by all who vote."""
        genesis = self.genesis
        checkpoint = checkpoint_of(genesis.origin, tip)
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
        return encode_checkpoint(signed_checkpoint(checkpoint, signer("auditor"), cosignatures))

    def close(self) -> None:
        """Write the checkpoint that ends the log."""
        self._file.write(self.checkpoint(self.tip) + b"\n")


class InBatches(Played):
    """A day in blocks of one batch a party."""

    def _flush(self) -> None:
        said: dict[str, list[bytes]] = {}
        for party, raw in self._waiting:
            said.setdefault(party, []).append(raw)
        if said:
            self.ledger.run(*(self.ledger.seal(party, records) for party, records in said.items()))
        self._waiting = []


def write_log(payments: int, folder: Path, block_records: int = 40) -> Logged:
    """Write the log of a generated day, and its genesis beside it; return the ledger."""
    day = generate(DayPlan(payments, seed=1))
    genesis = make_genesis(calendar=founding(day))
    (folder / "genesis.json").write_bytes(genesis.raw)
    with (folder / "log.ndjson").open("wb") as file:
        ledger = Logged(genesis, file)
        InBatches(day, 1, ledger, block_records)
        ledger.close()
    return ledger
