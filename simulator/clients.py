"""Clients: each party's own system, which submits records to the party's own node and reads there.

A client hands in one page at a time and waits. A node that does not answer in time, or is down, is
asked again with the same bytes: a record's id makes that harmless.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ledger.entry import APPLIED
from ledger.records import Recorded
from node.errors import NodeError
from node.host.submission import Submission
from node.storage.books import BookReader
from node.storage.places import Places
from simulator.chance import MILLION, Chance
from simulator.history import BalanceRead, Operation, OperationKind
from simulator.workload import Said

if TYPE_CHECKING:
    from node.host.host import Host
    from simulator.process import Process
    from simulator.world import World

PATIENCE_US = 3_000_000
READS_PPM = 200_000
LOOKS_PPM = 30_000
"""How often an answer makes a client look at a balance; a look is dear beside a block."""


class Client:
    """One party's system.

    Args:
        world: Where it lives.
        process: The party's node.
        chance: What decides when it does what.
    """

    def __init__(self, world: World, process: Process, chance: Chance) -> None:
        self.world = world
        self.process = process
        self._chance = chance
        self._looking = Chance(world.plan.seed, f"looks of {process.name}")
        self._waiting: dict[str, Said] = {}
        self._flood = 0
        self._told: list[str] = []
        self._entries: list[int] = []
        self.idle = False
        """Whether it has nothing more to say, and waits for nothing."""

    @property
    def answered(self) -> bool:
        """Whether it waits for no answer."""
        return not self._waiting

    @property
    def hopeless(self) -> bool:
        """Whether its node is gone for good, lies, or may not sign: no answer is owed to it."""
        host = self.process.host
        liar = self.process.party in self.world.plan.suspects
        return host is None or host.halted is not None or liar or not host.journal.may_seal

    def flood(self, count: int) -> None:
        """Submit ``count`` records at once with the next turn."""
        self._flood = count

    def turn(self) -> None:
        """Say the next thing, if nothing is waited for; look again later."""
        world = self.world
        if not self._waiting and not world.healed:
            count = max(1 + self._chance.below(3), self._flood)
            self._flood = 0
            party, now_ms = self.process.party, self.process.now().wall_ms
            for said in world.workload.next(party, count, self._chance, now_ms):
                self._waiting[said.id] = said
        self.idle = not self._waiting and (world.healed or world.workload.is_done)
        if self.idle and world.healed:
            return
        if self._waiting:
            self._submit()
            world.after(PATIENCE_US, self._again())
        else:
            world.after(self._think_us(), self.turn)

    def _again(self) -> Callable[[], None]:
        asked = tuple(self._waiting)

        def again() -> None:
            if any(record_id in self._waiting for record_id in asked):
                self.turn()

        return again

    def _think_us(self) -> int:
        return 1000 + self._chance.tail(1000 * self.world.plan.think_ms)

    def _submit(self) -> None:
        self.world.at(self.world.now_us, self.process, lambda: self.process.do(self._hand_in))

    def _hand_in(self, host: Host) -> None:
        asked = list(self._waiting.values())
        for said in asked:
            self._tell("submit", said.id)
        try:
            submissions = host.submit([said.raw for said in asked])
        except NodeError:
            return  # stopped or full: asked again after a while
        for said, submission in zip(asked, submissions, strict=True):
            submission.on_done(partial(self._on_done, said))

    def _on_done(self, said: Said, submission: Submission) -> None:
        if self._waiting.pop(said.id, None) is None:
            return  # answered before
        index = -1 if submission.index is None else submission.index
        outcome = submission.outcome or submission.code or ""
        self._tell("answer", said.id, outcome, index, submission.height or 0)
        self._told.append(said.id)
        if outcome == APPLIED:
            self._entries.append(index)
        self.world.workload.answered(said, outcome, in_log=index >= 0)
        if self._chance.happens(READS_PPM):
            self._soon(self.process.party, said.id)
            self._read_old()
        if self._entries and self._looking.happens(LOOKS_PPM):
            self._look_around()
        if not self._waiting:
            self.world.at(self.process.now_us + self._think_us(), None, self.turn)

    def _read_old(self) -> None:
        """Read something that some client was told at any time before."""
        other = self._chance.pick(self.world.clients)
        if other._told:
            self._soon(other.process.party, self._chance.pick(other._told))

    def _look_around(self) -> None:
        """Look at somebody's node, one's own or another: at a record, and at an account of it."""
        node = self._looking.pick(self.world.clients).process
        entry = self._looking.pick(self._entries)
        record_id, past = self._looking.pick(self._told), self._looking.below(MILLION)
        at_us = self.process.now_us + 1000
        self.world.at(at_us, node, lambda: self._read(self.process.party, record_id, node))
        self.world.at(at_us, node, lambda: self._read_balance(node, entry, past))

    def _read_balance(self, node: Process, entry: int, past: int) -> None:
        """Read, as the HTTP layer would, what an entry posted, and a balance of one account of it.

        It is as of the last block or, in half of the cases, as of one before.
        """
        if node.store is None:
            return
        with node.store.reader() as reader:
            books = BookReader(reader, self.world.genesis)
            posted = books.entries(entry, entry + 1)
            if not posted:
                return  # not there yet, or it moves no money
            line = posted[0].postings[past % len(posted[0].postings)]
            height, places = reader.height(), Places(reader, self.world.genesis)
            place = places.at_height(height - max(0, 2 * past - MILLION) * height // MILLION)
            if place is None:
                return
            account = (line.account, line.currency)
            amount = books.balance(account, place.size)
        read = BalanceRead(self.process.party, node.party, height, place.height, account, amount)
        for checker in self.world.checkers:
            checker.on_balance(read)
        self._note(node, "read", f"{' '.join(account)} {amount} as of {place.height}")

    def _soon(self, party: str, record_id: str) -> None:
        at_us = self.process.now_us + 1000
        self.world.at(at_us, self.process, lambda: self._read(party, record_id, self.process))

    def _read(self, party: str, record_id: str, node: Process) -> None:
        """Read a record as the HTTP layer would: id, entry, and the height of the snapshot."""
        store = node.store
        if store is None:
            return
        with store.reader() as reader:
            height = reader.height()
            row = reader.row(Recorded, (party, record_id))
            entry = None if row is None else reader.entry(row.entry)
        outcome = "" if entry is None else entry.outcome
        index = -1 if entry is None else entry.index
        self._tell("read", record_id, outcome, index, height, party=party, node=node)

    def _tell(
        self,
        kind: OperationKind,
        record_id: str,
        outcome: str = "",
        index: int = -1,
        height: int = 0,
        *,
        party: str = "",
        node: Process | None = None,
    ) -> None:
        name, where = self.process.party, node or self.process
        place = (where.now_us, name, kind, party or name, record_id)
        self.world.on_operation(Operation(*place, outcome, index, height, where.party))
        self._note(where, kind, f"{record_id} {outcome}".rstrip())

    def _note(self, where: Process, kind: OperationKind, said: str) -> None:
        by = "" if where is self.process else f", by {self.process.party}"
        self.world.note(where, kind, said + by)
