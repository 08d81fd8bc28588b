"""The checker of one invariant: told of each thing as it happens, it says what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from consensus.messages import Message
from ledger.block import Block
from node.errors import Halted
from node.storage.held import FinalBlock
from node.storage.store import Item
from simulator.checkers.scene import Scene, Watched
from simulator.errors import Violation
from simulator.history import BalanceRead, Operation


class Checker:
    """Watches one invariant. All methods do nothing unless a checker overrides them.

    Args:
        world: What it watches.
    """

    invariant: str

    def __init__(self, world: Scene) -> None:
        self.world = world
        self._suspects = world.plan.suspects

    def is_honest(self, process: Watched) -> bool:
        """Return whether the machine's party keeps its promises; nothing binds the others."""
        return process.party not in self._suspects

    def follows(self, block: Block, blocks: Sequence[bytes]) -> bool:
        """Return whether a block is the next one after ``blocks``, the hashes of one branch.

        Where liars can fork the ledger, a block of that height may be of another branch.
        """
        if block.height != len(blocks) + 1:
            return False
        last = blocks[-1] if blocks else self.world.genesis.hash
        return not self.world.forkable or block.header.parent == last.hex()

    def broken(self, text: str) -> NoReturn:
        """End the run: the invariant does not hold.

        Raises:
            Violation: always.
        """
        raise Violation(self.invariant, text)

    def on_sent(self, process: Watched, message: Message, frame: bytes) -> None:
        """Learn that a machine has sent a message, to one or all."""

    def on_heard(self, process: Watched, sender: Watched, message: Message, sent_us: int) -> None:
        """Learn that a machine has taken in a message, and when it was sent."""

    def on_shut_out(self, process: Watched, sender: Watched) -> None:
        """Learn that a machine listens to a peer no more, for what the peer has sent."""

    def on_saved(self, process: Watched, items: Sequence[Item]) -> None:
        """Learn that votes, own batches or evidence of a machine are durable."""

    def on_final(self, process: Watched, final: FinalBlock) -> None:
        """Learn that a machine has committed a block.

        Where the power failed between the write and its report, this comes with the next start.
        """

    def on_start(self, process: Watched) -> None:
        """Learn that a machine is up, with what its disk holds."""

    def on_halt(self, process: Watched, why: Halted) -> None:
        """Learn that a machine's node has stopped for safety."""

    def on_operation(self, operation: Operation) -> None:
        """Learn what a client did or was told."""

    def on_balance(self, read: BalanceRead) -> None:
        """Learn what balance a client was shown."""

    def finish(self) -> None:
        """Look at the healed world."""
