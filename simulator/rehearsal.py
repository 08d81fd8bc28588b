"""A rehearsal: the workload of a run on a plain ledger in memory, without machines or lines.

What the clients of a world say, they say here too, thousands of records a second. All parties
draft against the same state, each tries its own records before it signs them, and then they meet in
one block: so both kinds of refusal occur. It is how coverage is measured, and it finds what goes
wrong in a contract without anything going wrong around it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ledger.batch import Batch, seal
from ledger.block import Tip, genesis_tip
from ledger.contracts import decode_record
from ledger.domains import ZERO_HASH
from ledger.errors import Refused
from ledger.execute import Execution, Preview, execute
from ledger.log.merkle import Frontier
from ledger.state import EmptyView, Overlay
from simulator.chance import Chance
from simulator.keys import MORNING_MS, make_genesis
from simulator.plan import Plan
from simulator.workload import RawRecord, Workload

WRONG_PPM = 400_000
"""A rehearsal is after refusals: two in five records are to be refused."""
TURN_RECORDS_MAX = 8
"""The most records that a party says before it sees what the others said."""
BLOCK_MS = 6 * 3_600_000
"""Mean time between blocks: days have to pass in a rehearsal."""

Executed = Callable[[Overlay, Tip, int, Sequence[Batch]], object]
"""Told of every block before it counts: the state and the tip before it, its time, its batches."""


def nobody(*what: object) -> None:
    """Take no notice."""


class Rehearsal:
    """One run of the workload of a plan.

    Args:
        plan: Its seed, its parties and how many records they say.
        on_block: Told of every block.
        wrong_ppm: How often something is said that is to be refused.
    """

    def __init__(
        self, plan: Plan, on_block: Executed = nobody, *, wrong_ppm: int = WRONG_PPM
    ) -> None:
        self.genesis, self._signers = make_genesis(plan)
        self._parties = plan.parties
        self.workload = Workload(plan, self.genesis, MORNING_MS, wrong_ppm=wrong_ppm)
        self._chances = {party: Chance(plan.seed, f"client {party}") for party in plan.parties}
        self._blocks = Chance(plan.seed, "blocks")
        self.on_block = on_block
        self.view = Overlay(EmptyView())
        self.tip: Tip = genesis_tip(self.genesis)
        self.now_ms = MORNING_MS
        self._frontier = Frontier()
        self._heads = dict.fromkeys(plan.parties, (0, ZERO_HASH))

    def run(self) -> None:
        """Say all records of the plan."""
        while not self.workload.is_done:
            turns = [(party, self._turn(party)) for party in self._parties]
            self._block([turn for turn in turns if turn[1]])
            self.now_ms += self._blocks.below(2 * BLOCK_MS)

    def _turn(self, party: str) -> list[RawRecord]:
        """Return what a party says and may sign, for all that it knows."""
        chance = self._chances[party]
        own = Overlay(self.view)
        preview = Preview(self.genesis, own, self.tip, party, time_ms=self.now_ms)
        signed: list[RawRecord] = []
        count = 1 + chance.below(TURN_RECORDS_MAX)
        for record in self.workload.next(party, count, chance, self.now_ms):
            try:
                preview.apply(decode_record(record.raw), self.tip.size + len(signed))
            except Refused as refused:
                self.workload.answered(record, refused.code, in_log=False)
            else:
                signed.append(record)
        return signed

    def _block(self, turns: list[tuple[str, list[RawRecord]]]) -> None:
        first = self._blocks.below(len(turns))
        turns = turns[first:] + turns[:first]
        batches = [self._seal(party, records) for party, records in turns]
        self.on_block(self.view, self.tip, self.now_ms, batches)
        done = execute(self.genesis, self.tip, self._frontier, self.view, self.now_ms, batches)
        self._advance(done)
        records = [record for _, records in turns for record in records]
        for record, entry in zip(records, done.entries, strict=True):
            self.workload.answered(record, entry.outcome, in_log=True)

    def _seal(self, party: str, records: list[RawRecord]) -> Batch:
        signer, head = self._signers[party], self._heads[party]
        raws = [record.raw for record in records]
        batch = seal(signer, self.genesis.ledger, party, head, raws)
        self._heads[party] = (batch.number, batch.hash)
        return batch

    def _advance(self, done: Execution) -> None:
        self.view.merge(done.changes)
        self._frontier = done.frontier
        height = self.tip.height + 1
        place = (height, height, ZERO_HASH, self.now_ms)
        self.tip = Tip(*place, done.size, done.root, done.state)
