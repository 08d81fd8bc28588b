"""The pool: verified batches of all parties that are not final yet, fair to every author."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest

from ledger.batch import Batch
from ledger.genesis import Genesis
from node.limits import POOL_BATCHES_PER_PARTY_MAX

Head = tuple[int, bytes]
"""Number and hash of a party's latest batch; (0, 32 zero bytes) before the first."""


class Pool:
    """Batches by party and number.

    Args:
        genesis: The parties and the limits of a block.
    """

    def __init__(self, genesis: Genesis) -> None:
        self._genesis = genesis
        self._batches: dict[str, dict[int, Batch]] = {name: {} for name in genesis.names}
        self._final: dict[str, int] = dict.fromkeys(genesis.names, 0)

    def __len__(self) -> int:
        return sum(map(len, self._batches.values()))

    def lacks(self, batch: Batch) -> bool:
        """Return whether no batch of that number is here or final, and it is near enough."""
        ahead = batch.number - self._final[batch.party]
        held = batch.number in self._batches[batch.party]
        return 0 < ahead <= POOL_BATCHES_PER_PARTY_MAX and not held

    def add(self, batch: Batch) -> None:
        """Take a verified batch. The first one of a number stays."""
        self._batches[batch.party].setdefault(batch.number, batch)

    def at(self, party: str, number: int) -> Batch | None:
        """Return the party's batch of this number that is not final, or None."""
        return self._batches[party].get(number)

    def final_number(self, party: str) -> int:
        """Return the number of the party's latest final batch."""
        return self._final[party]

    def find(self, batch: Batch) -> Batch | None:
        """Return the pool's own copy of ``batch``, already verified, if it is the very same."""
        known = self._batches.get(batch.party, {}).get(batch.number)
        same = (
            known is not None
            and known.hash == batch.hash
            and known.signature == batch.signature
            and known.records == batch.records
        )
        return known if same else None

    def choose(
        self, head_of: Callable[[str], Head], room_of: Callable[[str], int], turn: int
    ) -> list[Batch]:
        """Choose batches for a block: one of each party in turn, until the block is full.

        Args:
            head_of: The latest batch of a party in the chain that the block extends.
            room_of: How many records of a party its quota allows in the block.
            turn: Who goes first; the slot, so that everybody is first at times.
        """
        names = self._genesis.names
        order = [names[(turn + i) % len(names)] for i in range(len(names))]
        heads = {name: head_of(name) for name in order}
        rooms = {name: room_of(name) for name in order}
        chosen: list[Batch] = []
        records = size = 0
        limits = self._genesis.limits
        waiting = list(order)
        while waiting:
            name = waiting.pop(0)
            batch = self._after(name, heads[name])
            if batch is None or len(batch.records) > rooms[name]:
                continue
            rooms[name] -= len(batch.records)
            records += len(batch.records)
            size += batch.size_bytes
            if records > limits.block_records or size > limits.block_bytes:
                break
            chosen.append(batch)
            heads[name] = (batch.number, batch.hash)
            waiting.append(name)
        return chosen

    def has_after(self, head_of: Callable[[str], Head], room_of: Callable[[str], int]) -> bool:
        """Return whether any party has a batch that follows its head and is within its quota."""
        for name, batches in self._batches.items():
            batch = self._after(name, head_of(name)) if batches else None
            if batch is not None and len(batch.records) <= room_of(name):
                return True
        return False

    def _after(self, party: str, head: Head) -> Batch | None:
        batch = self._batches[party].get(head[0] + 1)
        fits = batch is not None and batch.header.previous == head[1].hex()
        return batch if fits else None

    def forget_final(self, heads: dict[str, int]) -> None:
        """Drop what has become final.

        Args:
            heads: The number of the latest final batch by party, for parties that moved.
        """
        for party, number in heads.items():
            self._final[party] = number
            batches = self._batches[party]
            for old in [n for n in batches if n <= number]:
                del batches[old]

    def of(self, party: str) -> list[Batch]:
        """Return the party's batches that are not final, by number."""
        return [batch for _, batch in sorted(self._batches.get(party, {}).items())]

    def waiting(self, count_max: int, *, first: str) -> list[Batch]:
        """Return up to ``count_max`` batches that are not final, the parties taking turns.

        Args:
            count_max: How many at most.
            first: Whose oldest batch comes first; nobody can crowd it out.
        """
        names = [first, *(name for name in self._batches if name != first)]
        rows = [sorted(self._batches[name].items())[:count_max] for name in names]
        turns = zip_longest(*rows)
        return [each[1] for turn in turns for each in turn if each is not None][:count_max]
