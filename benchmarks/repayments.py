"""Microseconds per repayment and its split, against an ordinary capture and split, in turns.

Run with ``python -m benchmarks.repayments [loans] [rounds]``. Every loan is lent by three funders
and guaranteed; a repayment pays an instalment in full, its split has four legs. The ordinary
payment has as many. Records are executed on a database file and committed with all that a node
stores of them, in blocks of one batch. Signing, agreement and the network are not part of it: they
cost both the same. Times are CPU time.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ledger import domains
from ledger.batch import Batch
from ledger.block import Block, BlockHeader, Tip, batch_hashes, encode_header
from ledger.contracts.loan_rows import LoanInstalment, RepaymentAttempt
from ledger.execute import Execution, execute
from node.storage.store import Store
from tests.ledger.ledger_kit import captured, leg, signer, split
from tests.ledger.loan_kit import LoanLedger, lending_genesis
from tests.node.store_kit import make_final

PRINCIPAL = 1_200_000
SHARES = (500, 300, 180, 20)


class StoredLoans(LoanLedger):
    """A ledger that lends, in a database file.

    Args:
        folder: Where the file goes.
    """

    def __init__(self, folder: Path) -> None:
        genesis = lending_genesis()
        self.store = Store(f"sqlite:///{folder / 'ledger.db'}", genesis, party="platform")
        self.spent = 0.0
        """CPU seconds of the last block."""
        super().__init__(genesis)

    def run(self, *batches: Batch) -> Execution:
        store = self.store
        began = time.process_time()
        tip = store.tip()
        done = execute(self.genesis, tip, store.frontier(), store.view(), self.now, batches)
        block = self._block(tip, batches, done)
        make_final(store, block, done, b"certificate", b"justification")
        self.spent = time.process_time() - began
        for batch in batches:
            self.heads[batch.party] = (batch.number, batch.hash)
        if done.refusals:
            raise AssertionError(done.refusals[0])
        return done

    def get(self, kind: Any, *key: object) -> Any:
        return self.store.view().get(kind, key)

    row = get

    def _block(self, tip: Tip, batches: tuple[Batch, ...], done: Execution) -> Block:
        header = BlockHeader(
            batches=batch_hashes(batches),
            height=tip.height + 1,
            ledger=self.genesis.ledger,
            parent=tip.hash.hex(),
            proposer="platform",
            root=done.root.hex(),
            size=done.size,
            slot=tip.slot + 1,
            state=done.state.hex(),
            time=self.now,
        )
        raw = encode_header(header)
        signed = signer("platform").sign(domains.proposal_signature_input(raw))
        return Block(raw, signed, batches)


def main(loans: int = 1000, rounds: int = 6) -> None:
    """Print what each costs, and the ratio."""
    with TemporaryDirectory() as folder:
        ledger = StoredLoans(Path(folder))
        for number in range(loans):
            ledger.lend(
                f"L{number}", terms={"instalments": 12, "principal": PRINCIPAL, "partial": None}
            )
        size = ledger.row(LoanInstalment, "L0", 1).open
        ratios = []
        for turn in range(rounds):
            ordinary = _pair(ledger, loans, _ordinary(ledger, turn, size))
            repaid = _pair(ledger, loans, _repayment(ledger, turn, size))
            ratios.append(repaid / ordinary)
            print(
                f"turn {turn + 1}: ordinary {ordinary / loans * 1e6:.0f} µs, "
                f"repayment {repaid / loans * 1e6:.0f} µs, ratio {ratios[-1]:.2f}"
            )
        print(f"median ratio {statistics.median(ratios):.2f} of {loans} pairs a turn")


Stated = Callable[[int], tuple[dict[str, Any], Callable[[], dict[str, Any]]]]
"""By number the fields of a capture, and what makes those of its split afterwards."""


def _pair(ledger: StoredLoans, count: int, stated: Stated) -> float:
    """Return the CPU seconds of captures and their splits."""
    pairs = [stated(number) for number in range(count)]
    captures = [ledger.record("payment.captured", capture) for capture, _ in pairs]
    ledger.run(ledger.seal("institution", captures))
    spent = ledger.spent
    splits = [ledger.record("split.instructed", instruction()) for _, instruction in pairs]
    ledger.run(ledger.seal("platform", splits))
    return spent + ledger.spent


def _repayment(ledger: StoredLoans, turn: int, size: int) -> Stated:
    day = f"2026-{2 + turn:02}-05"

    def stated(number: int) -> tuple[dict[str, Any], Callable[[], dict[str, Any]]]:
        name, attempt = f"L{number}", f"A{number}-{turn}"
        fields = ledger.repay_fields(attempt, size, day, loan=name)
        return fields, lambda: ledger.split_fields(ledger.row(RepaymentAttempt, name, attempt))

    return stated


def _ordinary(ledger: StoredLoans, turn: int, size: int) -> Stated:
    receivers = [f"{owner}-main" for owner in ("fund-a", "fund-b", "fund-c", "platform")]
    at = ledger.on(f"2026-{2 + turn:02}-05")
    rest = size - sum(size * share // 1000 for share in SHARES)
    parts = [size * share // 1000 for share in SHARES]
    parts[0] += rest

    def stated(number: int) -> tuple[dict[str, Any], Callable[[], dict[str, Any]]]:
        name = f"Q{number}-{turn}"
        order = f"O-{name}"
        legs = [
            leg(place, receiver, amount=part)
            for place, (receiver, part) in enumerate(zip(receivers, parts, strict=True), 1)
        ]
        fields = captured(name, size, order=order, captured_at=at)
        return fields, lambda: split(name, size, order=order, legs=legs)

    return stated


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
