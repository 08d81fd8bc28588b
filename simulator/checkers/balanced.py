"""I6: the books balance to zero per currency at every height."""

from __future__ import annotations

from collections import defaultdict

from ledger.block import Block
from ledger.books import Balance, Posting
from ledger.entry import APPLIED
from ledger.execute import Execution
from node.storage.held import FinalBlock
from simulator.checkers.checker import Checker
from simulator.checkers.scene import Scene, Watched

_BALANCES = "SELECT account, currency, amount FROM balances"
_POSTINGS = "SELECT account, currency, sum(amount) FROM postings GROUP BY account, currency"

AccountKey = tuple[str, str]


class Balanced(Checker):
    """Adds up postings and balances as blocks become final, and on each disk."""

    invariant = "I6"

    def __init__(self, world: Scene) -> None:
        super().__init__(world)
        self._blocks: list[bytes] = []
        self._balances: dict[AccountKey, int] = {}
        self._sums: defaultdict[str, int] = defaultdict(int)

    def on_final(self, process: Watched, final: FinalBlock) -> None:
        """Add up a block that has become final for the first time."""
        block, execution = final.block, final.execution
        if not self.is_honest(process) or not self.follows(block, self._blocks):
            return
        self._blocks.append(block.hash)
        posted = self._posted(block, execution)
        for key, row in execution.changes.get(Balance, {}).items():
            account: AccountKey = (key[0], key[1])
            amount = row.amount if isinstance(row, Balance) else 0
            change = amount - self._balances.get(account, 0)
            if change != posted.pop(account, 0):
                self.broken(f"block {block.height} moves {account[0]} by {change}, not as posted")
            self._balances[account] = amount
            self._sums[account[1]] += change
        for account, amount in posted.items():
            if amount:
                self.broken(f"block {block.height} posts {amount} to {account[0]}, unseen there")
        for currency, total in self._sums.items():
            if total:
                self.broken(f"the books sum to {total} {currency} at height {block.height}")

    def on_start(self, process: Watched) -> None:
        """Add up what the disk holds."""
        self._add_up(process)

    def finish(self) -> None:
        """Add up every disk."""
        for process in self.world.honest():
            self._add_up(process)

    def _posted(self, block: Block, execution: Execution) -> dict[AccountKey, int]:
        """Return what a block posts by account; each entry must be applied, and balance."""
        applied = {entry.index for entry in execution.entries if entry.outcome == APPLIED}
        by_account: defaultdict[AccountKey, int] = defaultdict(int)
        by_entry: defaultdict[tuple[int, str], int] = defaultdict(int)
        for row in execution.changes.get(Posting, {}).values():
            if not isinstance(row, Posting):
                self.broken(f"block {block.height} deletes a posting")
            if row.entry not in applied:
                self.broken(f"entry {row.entry} was refused, and posts to {row.account}")
            by_account[row.account, row.currency] += row.amount
            by_entry[row.entry, row.currency] += row.amount
        for (entry, currency), total in by_entry.items():
            if total:
                self.broken(f"the postings of entry {entry} sum to {total} {currency}")
        return by_account

    def _add_up(self, process: Watched) -> None:
        if process.store is None or not self.is_honest(process):
            return
        with process.store.reader() as reader:
            balances = reader.connection.exec_driver_sql(_BALANCES).fetchall()
            postings = reader.connection.exec_driver_sql(_POSTINGS).fetchall()
        sums: defaultdict[str, int] = defaultdict(int)
        for _, currency, amount in balances:
            sums[currency] += amount
        for currency, total in sorted(sums.items()):
            if total:
                self.broken(f"the books on {process.name} sum to {total} {currency}")
        if {tuple(row) for row in balances} != {tuple(row) for row in postings if row[2]}:
            self.broken(f"the balances on {process.name} are not the sums of its postings")
