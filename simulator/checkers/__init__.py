"""Checkers: one class per invariant. They watch everything that happens and say what is wrong.

A checker is told of each thing as it happens, and may raise :class:`simulator.errors.Violation`
there and then (safety); at the end, when the world has healed, it looks once more (progress).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from consensus.messages import Message
from ledger.block import Block
from ledger.execute import Execution
from node.storage.store import Item
from simulator.history import Operation

if TYPE_CHECKING:
    from simulator.process import Process
    from simulator.world import World


class Checker:
    """Watches one invariant. All methods do nothing unless a checker overrides them.

    Args:
        world: What it watches.
    """

    invariant: str

    def __init__(self, world: World) -> None:
        self.world = world

    def on_sent(self, process: Process, message: Message, frame: bytes) -> None:
        """Learn that a machine has sent a message, to one or all."""

    def on_saved(self, process: Process, items: Sequence[Item]) -> None:
        """Learn that votes, own batches or evidence of a machine are durable."""

    def on_final(
        self,
        process: Process,
        block: Block,
        execution: Execution,
        proofs: tuple[bytes | None, bytes],
    ) -> None:
        """Learn that a machine has committed a block; ``proofs`` are certificate, justification."""

    def on_start(self, process: Process) -> None:
        """Learn that a machine is up, with what its disk holds."""

    def on_operation(self, operation: Operation) -> None:
        """Learn what a client did or was told."""

    def finish(self) -> None:
        """Look at the healed world."""
