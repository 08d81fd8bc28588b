"""Delivery of final blocks: into the store, to those who wait for them, and later to readers.

What final blocks have changed is written for readers soon when the ledger rests; under load several
blocks at once, and within half a second. Whoever wants to read sooner has it written
(:meth:`node.host.host.Host.write`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from consensus.effects import Deliver
from consensus.messages import encode
from ledger.execute import Execution
from node.host.gathering import Gathering
from node.host.parts import Parts
from node.host.sightings import Sightings
from node.limits import LISTENED_WITHIN_MS, REST_BEFORE_WRITING_MS, WRITTEN_WITHIN_MS
from node.storage.held import FinalBlock

_NEVER_MS = 1 << 62


class Delivery:
    """Takes what a host's replica delivers.

    Args:
        parts: The host's parts.
        sightings: Told of what has become final.
    """

    def __init__(self, parts: Parts, sightings: Sightings) -> None:
        self._party, self._store, self._clock = parts.party, parts.store, parts.clock
        self._pool, self._machine, self._journal = parts.pool, parts.machine, parts.journal
        self._sightings = sightings
        self._first_ms = self._last_ms = 0
        self.gathering = Gathering(parts.clock, parts.genesis.timeouts.base_ms)
        self._listeners = 0

    def deliver(self, delivered: list[Deliver]) -> None:
        """Take final blocks; tell who waits for them once they are durable (I4)."""
        executions = [self._hold(each) for each in delivered]
        if not executions:
            return
        if self._store.must_write:
            self._store.write()
        for each, execution in zip(delivered, executions, strict=True):
            self._pool.forget_final({batch.party: batch.number for batch in each.block.batches})
            self._journal.on_final(each.block, execution)
            self._sightings.final(each.block)
        batches = (batch for each in delivered for batch in each.block.batches)
        self.gathering.final(sum(len(b.records) for b in batches if b.party == self._party))
        self._last_ms = self._clock.now().ticks_ms
        self._first_ms = (self._first_ms or self._last_ms) if self._store.holds else 0

    def _hold(self, deliver: Deliver) -> Execution:
        block, certificate = deliver.block, deliver.certificate
        execution = self._machine.execution(block.hash)
        own = [batch.number for batch in block.batches if batch.party == self._party]
        final = FinalBlock(
            block=block,
            execution=execution,
            justification=encode(deliver.justification),
            certificate=None if certificate is None else encode(certificate),
            journal_upto=max(own, default=0),
            durable=deliver.durable,
        )
        self._store.hold(final)
        self._machine.settle(self._store.tip())
        return execution

    def sign_at(self) -> int:
        """Return when to sign the next page, on the steady clock."""
        if not self._journal.may_sign:
            return _NEVER_MS
        return 0 if self._journal.has_full_page else self.gathering.until_ms

    def write_at(self) -> int:
        """Return when to write what is held, on the steady clock."""
        if not self._store.holds:
            self._first_ms = 0
            return _NEVER_MS
        latest = self._first_ms + (LISTENED_WITHIN_MS if self._listeners else WRITTEN_WITHIN_MS)
        rests = not len(self._pool) and not self._machine.has_unfinal
        return min(latest, self._last_ms + REST_BEFORE_WRITING_MS) if rests else latest

    @contextmanager
    def listened(self) -> Iterator[None]:
        """Note that somebody listens meanwhile to what becomes final."""
        self._listeners += 1
        try:
            yield
        finally:
            self._listeners -= 1
