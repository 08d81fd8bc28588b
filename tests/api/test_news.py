"""News in one process: what all listeners share, and what becomes of those who are slow."""

from __future__ import annotations

from tests.api.queries_kit import Kept
from tests.ledger.ledger_kit import captured

WAIT_S = 20.0


class Busy(Kept):
    """A kept ledger to which captures are added."""

    count = 0

    def add(self, count: int) -> None:
        """Add a block of captures."""
        records = []
        for _ in range(count):
            self.count += 1
            name = f"N{self.count}"
            fields = captured(name, 1_000, captured_at=self.now)
            records.append(self.record("payment.captured", id=f"n-{self.count}", **fields))
        self.run(self.seal("institution", records))
