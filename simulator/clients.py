"""Clients: each party's own system, which submits records to the party's own node and reads there.

A client hands in a few records at a time and waits. A node that does not answer in time, or is
down, is asked again with the same bytes: a record's id makes that harmless.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ledger.entry import APPLIED
from ledger.records import Recorded
from node.errors import NodeError
from node.host.host import Host
from node.host.submission import Submission
from node.storage.books import BookReader
from node.storage.places import Places
from simulator.chance import MILLION, Chance
from simulator.history import BalanceRead, Operation, OperationKind
from simulator.process import Process
from simulator.setting import Setting
from simulator.workload import RawRecord

PATIENCE_US = 3_000_000
READS_PPM = 200_000
LOOKS_PPM = 30_000
"""Rate of answers that make a client look at a balance; a look is dear beside a block."""


class SimulatedClient:
    """One party's system.

    Args:
        setting: What the parts of the world share.
        process: The party's node.
        chance: What decides when it does what.
        clients: All clients of the world, which it joins.
    """

    def __init__(
        self, setting: Setting, process: Process, chance: Chance, clients: list[SimulatedClient]
    ) -> None:
        self._setting = setting
        self._clients = clients
        self._process = process
        self.party = process.party
        clients.append(self)
        self._chance = chance
        self._looking = Chance(setting.plan.seed, f"looks of {process.name}")
        self._waiting: dict[str, RawRecord] = {}
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
        """Whether its node is gone for good, lies, or cannot sign: no answer is owed to it."""
        host, setting = self._process.host, self._setting
        if host is None or host.halted is not None or self.party in setting.plan.suspects:
            return True
        return self._is_silenced and not host.journal.may_seal

    @property
    def _is_silenced(self) -> bool:
        """Whether its node may have a reason to sign nothing: only a disk that was lost or set
        back, or too few others to ask."""
        process, setting = self._process, self._setting
        up = sum(other._process.host is not None for other in self._clients if other is not self)
        contradicts = any(party == self.party for party, _ in setting.remainder)
        return process.rebuilt or contradicts or up < setting.plan.needed - 1

    def flood(self, count: int) -> None:
        """Submit ``count`` records with the next turn; now, if it waits for answers.

        What waits is handed in again, too: so does a system that sees its node come back.
        """
        if not self._waiting:
            self._flood = count
            return
        self._draw(count)
        self._submit()
        self._setting.after(PATIENCE_US, self._again())

    def turn(self) -> None:
        """Say the next thing, if nothing is waited for; look again later."""
        setting = self._setting
        if not self._waiting and not setting.healed:
            self._draw(max(1 + self._chance.below(3), self._flood))
            self._flood = 0
        self.idle = not self._waiting and (setting.healed or setting.workload.is_done)
        if self.idle and setting.healed:
            return
        if self._waiting:
            self._submit()
            setting.after(PATIENCE_US, self._again())
        else:
            setting.after(self._think_us(), self.turn)

    def _draw(self, count: int) -> None:
        party, now_ms = self.party, self._process.now().wall_ms
        for record in self._setting.workload.next(party, count, self._chance, now_ms):
            self._waiting[record.id] = record

    def _again(self) -> Callable[[], None]:
        asked = tuple(self._waiting)

        def again() -> None:
            if any(record_id in self._waiting for record_id in asked):
                self.turn()

        return again

    def _think_us(self) -> int:
        return 1000 + self._chance.tail(1000 * self._setting.plan.think_ms)

    def _submit(self) -> None:
        self._setting.at(
            self._setting.now_us, self._process, lambda: self._process.do(self._hand_in)
        )

    def _hand_in(self, host: Host) -> None:
        asked = list(self._waiting.values())
        for record in asked:
            self._tell("submit", record.id)
        try:
            submissions = host.submit([record.raw for record in asked])
        except NodeError:
            return  # stopped or full: asked again after a while
        for record, submission in zip(asked, submissions, strict=True):
            submission.on_done(partial(self._on_done, record))

    def _on_done(self, record: RawRecord, submission: Submission) -> None:
        if self._waiting.pop(record.id, None) is None:
            return  # answered before
        index = -1 if submission.index is None else submission.index
        outcome = submission.outcome or submission.code or ""
        self._tell("answer", record.id, outcome, index, submission.height or 0)
        self._told.append(record.id)
        if outcome == APPLIED:
            self._entries.append(index)
        self._setting.workload.answered(record, outcome, in_log=index >= 0)
        if self._chance.happens(READS_PPM):
            self._soon(self.party, record.id)
            self._read_old()
        if self._entries and self._looking.happens(LOOKS_PPM):
            self._look_around()
        if not self._waiting:
            self._setting.at(self._process.now_us + self._think_us(), None, self.turn)

    def _read_old(self) -> None:
        """Read something that some client was told at any time before."""
        other = self._chance.pick(self._clients)
        if other._told:
            self._soon(other.party, self._chance.pick(other._told))

    def _look_around(self) -> None:
        """Look at somebody's node, one's own or another: at a record, and at an account of it."""
        node = self._looking.pick(self._clients)._process
        entry = self._looking.pick(self._entries)
        record_id, past = self._looking.pick(self._told), self._looking.below(MILLION)
        at_us = self._process.now_us + 1000
        self._setting.at(at_us, node, lambda: self._read(self.party, record_id, node))
        self._setting.at(at_us, node, lambda: self._read_balance(node, entry, past))

    def _read_balance(self, node: Process, entry: int, past: int) -> None:
        """Read, as the HTTP layer would, what an entry posted, and a balance of one account of it.

        It is as of the last block or, in half of the cases, as of one before.
        """
        if not node.shows_all() or node.store is None:
            return
        with node.store.reader() as reader:
            books = BookReader(reader, self._setting.genesis)
            posted = books.entries(entry, entry + 1)
            if not posted:
                return  # not there yet, or it moves no money
            line = posted[0].postings[past % len(posted[0].postings)]
            height, places = reader.height(), Places(reader, self._setting.genesis)
            place = places.at_height(height - max(0, 2 * past - MILLION) * height // MILLION)
            if place is None:
                return
            account = (line.account, line.currency)
            amount = books.balance(account, place.size)
        read = BalanceRead(self.party, node.party, height, place.height, account, amount)
        self._setting.on_balance(read)
        self._note(node, "read", f"{' '.join(account)} {amount} as of {place.height}")

    def _soon(self, party: str, record_id: str) -> None:
        at_us = self._process.now_us + 1000
        self._setting.at(at_us, self._process, lambda: self._read(party, record_id, self._process))

    def _read(self, party: str, record_id: str, node: Process) -> None:
        """Read a record as the HTTP layer would: id, entry, and the height of the snapshot."""
        if not node.shows_all() or node.store is None:
            return
        with node.store.reader() as reader:
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
        name, where = self.party, node or self._process
        place = (where.now_us, name, kind, party or name, record_id)
        self._setting.on_operation(Operation(*place, outcome, index, height, where.party))
        self._note(where, kind, f"{record_id} {outcome}".rstrip())

    def _note(self, where: Process, kind: OperationKind, detail: str) -> None:
        by = "" if where is self._process else f", by {self.party}"
        self._setting.note(where, kind, detail + by)
