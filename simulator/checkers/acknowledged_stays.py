"""I4: an acknowledged record stays in the log for ever, once, in its author's order."""

from __future__ import annotations

from typing import NamedTuple

from ledger.block import Block
from ledger.domains import ZERO_HASH
from ledger.execute import ID_REUSED, EntryInfo, Execution
from node.storage.held import FinalBlock
from simulator.checkers.checker import Checker
from simulator.checkers.scene import HealedScene, Watched
from simulator.history import Operation


class _Line(NamedTuple):
    """One entry of the log as it became final first."""

    party: str
    id: str
    outcome: str
    leaf: bytes


class AcknowledgedStays(Checker):
    """Keeps the one log, and compares each machine and each answer with it.

    Machines on another branch of a fork are not compared: what they hold is the liars' work.
    """

    invariant = "I4"
    world: HealedScene

    def __init__(self, world: HealedScene) -> None:
        super().__init__(world)
        self._blocks: list[bytes] = []
        self._log: list[_Line] = []
        self._places: dict[tuple[str, str], int] = {}
        self._heads: dict[str, tuple[int, str]] = {}
        self._sizes: dict[str, int] = {}
        self._apart: set[str] = set()
        self._answered: dict[tuple[str, str], int] = {}

    def on_final(self, process: Watched, final: FinalBlock) -> None:
        """Let the log grow, or compare a block with what was final at its height before."""
        block, execution = final.block, final.execution
        if not self.is_honest(process):
            return
        place = block.height - 1
        if self.follows(block, self._blocks):
            self._blocks.append(block.hash)
            self._append(block, execution)
        if place >= len(self._blocks) or self._blocks[place] != block.hash:
            self._apart.add(process.name)
        self._sizes[process.name] = execution.size

    def on_start(self, process: Watched) -> None:
        """What was final on a machine stays there, unless its disk was lost or set back."""
        if process.store is None or not self.is_honest(process):
            return
        size = process.store.tip().size
        if size < self._sizes.get(process.name, 0) and not process.is_behind:
            self.broken(
                f"{process.name} had {self._sizes[process.name]} entries, and starts with {size}"
            )
        self._sizes[process.name] = size
        self._compare(process)

    def on_operation(self, operation: Operation) -> None:
        """Compare an answer with the log, which must hold the record by now."""
        if operation.kind != "answer" or operation.entry < 0 or operation.client in self._suspects:
            return
        index, client = operation.entry, operation.client
        said = f"{client} was told that {operation.record_id} is entry {index}"
        if index >= self._sizes.get(client, 0):
            self.broken(f"{said}, which is not final there yet")
        if client in self._apart:
            return
        line = self._log[index]
        if (line.party, line.id, line.outcome) != (
            operation.party,
            operation.record_id,
            operation.outcome,
        ):
            self.broken(
                f"{said}, {operation.outcome}: the log has {line.id} of {line.party}, "
                f"{line.outcome}, there"
            )
        self._answered[operation.party, operation.record_id] = index

    def finish(self) -> None:
        """Compare the whole log of every machine; where all is final, nothing may lack."""
        for process in self.world.honest():
            if process.store is None or process.name in self._apart:
                continue
            self._compare(process)
            if not (self.world.settled and self.world.owes_progress):
                continue
            size = process.store.tip().size
            for (party, record_id), index in self._answered.items():
                if index >= size:
                    self.broken(f"{record_id} of {party} is not final on {process.name}")

    def _append(self, block: Block, execution: Execution) -> None:
        self._follow(block)
        said = [(b.party, raw) for b in block.batches for raw in b.records]
        if len(said) != len(execution.entries) or len(said) != len(execution.leaves):
            self.broken(f"block {block.height} has {len(said)} records, but other entries")
        for (party, raw), info, leaf in zip(said, execution.entries, execution.leaves, strict=True):
            if info.party != party or not leaf.endswith(b'"record":' + raw + b"}"):
                self.broken(f"entry {info.index} is not the record that {party} signed there")
            self._add(info, leaf)

    def _follow(self, block: Block) -> None:
        """Each author's batches come in order, each after the one before."""
        for batch in block.batches:
            number, before = self._heads.get(batch.party, (0, ZERO_HASH.hex()))
            if (batch.number, batch.header.previous) != (number + 1, before):
                self.broken(f"batch {batch.number} of {batch.party} comes after batch {number}")
            self._heads[batch.party] = (batch.number, batch.hash.hex())

    def _add(self, info: EntryInfo, leaf: bytes) -> None:
        if info.index != len(self._log):
            self.broken(f"entry {info.index} comes at place {len(self._log)}")
        first = self._places.setdefault((info.party, info.id), info.index)
        if first != info.index:
            self._refuse_twice(info, first)
        self._log.append(_Line(info.party, info.id, info.outcome, leaf))

    def _refuse_twice(self, info: EntryInfo, first: int) -> None:
        """A second entry of an id changes nothing, and no honest party makes one.

        A party that lost its disk cannot know which of its records are on their way.
        """
        said = f"entry {info.index} is {info.id} of {info.party}, which entry {first} was before"
        if info.outcome != ID_REUSED:
            self.broken(f"{said}: {info.outcome}")
        if info.party not in self._suspects | self.world.rebuilt:
            self.broken(said)

    def _compare(self, process: Watched) -> None:
        if process.store is None or process.name in self._apart:
            return
        with process.store.reader() as reader:
            stored = reader.entries(0, len(self._log) + 1)
        size = process.store.tip().size
        if len(stored) != size:
            self.broken(f"{process.name} holds {len(stored)} entries, its tip says {size}")
        for index, (entry, line) in enumerate(zip(stored, self._log, strict=False)):
            found = (entry.index, entry.party, entry.id, entry.outcome, entry.leaf)
            if found != (index, *line):
                self.broken(f"entry {index} on {process.name} is not {line.id} of {line.party}")
