"""The party's own journal: takes records, checks them, signs them page by page.

A record passes three doors. *Decode*: bytes that are no record are refused. *Known*: the same id
with the same bytes is answered with what is there. *Preview*: just before signing, the record is
tried against the final state and the page's earlier records; what the contracts refuse is never
signed. A sealed batch is durable before it leaves (I2).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence

from consensus.messages import encode, wire_batch
from ledger.batch import Batch, seal
from ledger.block import Block, Tip
from ledger.contracts import decode_record, decode_records
from ledger.entry import decode_entry
from ledger.errors import DecodeError, Refused
from ledger.execute import Execution, Preview, Recorded, check_records, prefetch
from ledger.genesis import Genesis
from ledger.keys import Signer
from ledger.state import Overlay
from node.errors import Busy, CorruptLedger
from node.host.machine import head_in
from node.host.pool import Pool
from node.host.submission import Submission
from node.limits import QUEUE_RECORDS_MAX, RECENT_REFUSALS_MAX
from node.storage.store import JournalItem, Store


class Journal:
    """Own records from submission to the signed batch, and back to who waits for them.

    Args:
        genesis: The ledger and its limits.
        party: This party.
        signer: This party's key.
        store: The final state; keeps sealed batches.
        pool: Where sealed batches go.
    """

    def __init__(
        self, genesis: Genesis, party: str, signer: Signer, store: Store, pool: Pool
    ) -> None:
        self._genesis = genesis
        self._party = party
        self._signer = signer
        self._store = store
        self._pool = pool
        self._queue: deque[Submission] = deque()
        self._by_id: dict[str, Submission] = {}
        self._sealed: dict[int, tuple[bytes, list[Submission]]] = {}
        self._refused: OrderedDict[str, Submission] = OrderedDict()
        self.head = head_in(store.view(), party)
        self.may_seal = True

    def adopt(self, batch: Batch) -> None:
        """Take back an own sealed batch from before a restart, if it is the next one.

        Raises:
            VerificationError: ``bad-record``.
        """
        if not self._is_next(batch):
            return
        submissions = []
        for raw, record in zip(batch.records, check_records(batch), strict=True):
            submission = Submission(self._party, record.id, raw, record)
            self._by_id[record.id] = submission
            submissions.append(submission)
        self._note_sealed(batch, submissions)

    def learn(self, batch: Batch) -> bool:
        """Take an own batch that only others had, if it is the next one; it is durable then (I2).

        What waits here may stand in it: it is looked at again. Return whether it was taken.

        Raises:
            VerificationError: ``bad-record``.
        """
        if not self._is_next(batch):
            return False
        self._store.save([JournalItem(batch.number, encode(wire_batch(batch)))])
        self.adopt(batch)
        self._take_again()
        return True

    def _is_next(self, batch: Batch) -> bool:
        return (batch.number, batch.header.previous) == (self.head[0] + 1, self.head[1].hex())

    def _note_sealed(self, batch: Batch, submissions: list[Submission]) -> None:
        self._sealed[batch.number] = (batch.hash, submissions)
        self.head = (batch.number, batch.hash)
        self._pool.add(batch)

    def resume(self) -> None:
        """Begin to seal; what was queued meanwhile may stand in the log already."""
        self.may_seal = True
        self._take_again()

    def _take_again(self) -> None:
        queue, self._queue = self._queue, deque()
        for submission in queue:
            if self._by_id.get(submission.id) is submission:
                del self._by_id[submission.id]
            if not submission.done:
                self._take(submission)

    @property
    def may_sign(self) -> bool:
        """Whether records wait, and nothing but a moment is waited for."""
        return bool(self.may_seal and self._queue and not self._sealed)

    @property
    def has_full_page(self) -> bool:
        """Whether a page would hold no more."""
        return len(self._queue) >= self._genesis.limits.batch_records

    @property
    def record_count(self) -> int:
        """Own records that are not final yet."""
        return len(self._by_id)

    def find(self, record_id: str) -> Submission | None:
        """Return the submission under an id that is on its way or was refused lately."""
        return self._by_id.get(record_id) or self._refused.get(record_id)

    # -- taking records ---------------------------------------------------------------------------

    def submit(self, raws: Sequence[bytes]) -> list[Submission]:
        """Take records. Each comes back queued, existing or refused.

        Raises:
            Busy: the queue is full; nothing of this call was taken.
        """
        if len(self._queue) + len(raws) > QUEUE_RECORDS_MAX and self._queue:
            raise Busy(len(self._queue))
        submissions = self._all_decoded(raws)
        ids = {(self._party, s.id) for s in submissions if not s.done}
        self._store.view().fetch({Recorded: ids})
        return [s if s.done else self._take(s) for s in submissions]

    def _all_decoded(self, raws: Sequence[bytes]) -> list[Submission]:
        try:
            records = decode_records(raws)
        except DecodeError:
            return [self._decoded(raw) for raw in raws]
        stated = zip(raws, records, strict=True)
        return [Submission(self._party, record.id, raw, record) for raw, record in stated]

    def _decoded(self, raw: bytes) -> Submission:
        try:
            record = decode_record(raw)
        except DecodeError as error:
            submission = Submission(self._party, "", raw, None)
            submission.refuse(error)
            return submission
        return Submission(self._party, record.id, raw, record)

    def _take(self, submission: Submission) -> Submission:
        known = self._by_id.get(submission.id)
        if known is not None:
            return self._same_or_reused(submission, known.raw, known)
        recorded = self._store.view().get(Recorded, (self._party, submission.id))
        if recorded is not None:
            return self._from_log(submission, recorded.entry)
        self._by_id[submission.id] = submission
        self._queue.append(submission)
        return submission

    def _same_or_reused(self, new: Submission, raw: bytes, known: Submission) -> Submission:
        if raw == new.raw:
            new.follow(known)
        else:
            new.refuse(_id_reused(new.id))
        return new

    def _from_log(self, submission: Submission, index: int) -> Submission:
        with self._store.own_reader() as reader:
            stored = reader.entry(index)
        if stored is None:
            raise CorruptLedger(f"entry {index} is known and not there.")
        entry = decode_entry(stored.leaf)
        if entry.record != submission.raw:
            submission.refuse(_id_reused(submission.id))
            return submission
        submission.existing = True
        submission.finalize(index, stored.height, entry.outcome)
        return submission

    # -- signing ----------------------------------------------------------------------------------

    def pump(self, tip: Tip, time_ms: int) -> Batch | None:
        """Sign the next page of records, unless the last one is not final yet.

        One page at a time is on its way: an idle party signs at once, a busy one signs full pages,
        and a record is always tried against the final state alone.

        Args:
            tip: The final tip.
            time_ms: The wall clock, for the preview.

        Returns:
            A new batch, durable and in the pool, to be broadcast; None if there is none.
        """
        while self.may_sign:
            batch = self._seal_next(tip, time_ms)
            if batch is not None:
                return batch
        return None

    def _seal_next(self, tip: Tip, time_ms: int) -> Batch | None:
        page = self._next_page()
        passed = self._passing(page, tip, time_ms)
        if not passed:
            return None
        records = [s.raw for s in passed]
        batch = seal(self._signer, self._genesis.ledger, self._party, self.head, records)
        item = JournalItem(batch.number, encode(wire_batch(batch)))
        self._store.save([item])  # I2: durable before it leaves
        batch.decoded = tuple([s.record for s in passed])
        for submission in passed:
            submission.record = None
        self._note_sealed(batch, passed)
        return batch

    def _next_page(self) -> list[Submission]:
        limits = self._genesis.limits
        page: list[Submission] = []
        room = limits.batch_bytes - 2048
        while self._queue and len(page) < limits.batch_records:
            room -= len(self._queue[0].raw)
            if room < 0 and page:
                break
            submission = self._queue.popleft()
            if not submission.done:  # or a batch from before a rebuild has brought it already
                page.append(submission)
        return page

    def _passing(self, page: list[Submission], tip: Tip, time_ms: int) -> list[Submission]:
        view = Overlay(self._store.view())
        records = [s.record for s in page if s.record is not None]
        prefetch(self._genesis, view, self._party, records)
        preview = Preview(self._genesis, view, tip, self._party, time_ms=time_ms)
        passed: list[Submission] = []
        for submission, record in zip(page, records, strict=True):
            entry = tip.size + len(passed)
            try:
                preview.apply(record, entry)
            except Refused as refused:
                self._refuse(submission, refused)
                continue
            passed.append(submission)
        return passed

    def _refuse(self, submission: Submission, refused: Refused) -> None:
        del self._by_id[submission.id]
        self._refused[submission.id] = submission
        while len(self._refused) > RECENT_REFUSALS_MAX:
            self._refused.popitem(last=False)
        submission.refuse(refused)

    # -- what became final ------------------------------------------------------------------------

    def on_final(self, block: Block, execution: Execution) -> None:
        """Answer those whose records have become final with ``block``."""
        messages = {index: refused.message for index, refused in execution.refusals}
        own = [batch for batch in block.batches if batch.party == self._party]
        said = {raw for batch in own for raw in batch.records}
        for entry in execution.entries:
            submission = self._by_id.get(entry.id) if entry.party == self._party else None
            if submission is not None and submission.raw in said:
                del self._by_id[entry.id]
                message = messages.get(entry.index)
                submission.finalize(entry.index, block.height, entry.outcome, message)
        for batch in own:
            sealed, submissions = self._sealed.pop(batch.number, (batch.hash, []))
            if batch.number > self.head[0] or sealed != batch.hash:
                self.head = (batch.number, batch.hash)
            self._put_back([each for each in submissions if not each.done])

    def _put_back(self, submissions: list[Submission]) -> None:
        """Queue again, before all others, records whose batch has lost its number to another."""
        for each in reversed(submissions):
            each.record, each.state = decode_record(each.raw), "queued"
            self._queue.appendleft(each)

    def mark_ordered(self, block: Block) -> None:
        """Note that own batches have a place in a block that was proposed and is valid here."""
        for batch in block.batches:
            if batch.party == self._party:
                sealed, submissions = self._sealed.get(batch.number, (b"", []))
                for submission in submissions if sealed == batch.hash else ():
                    if submission.state == "queued":
                        submission.state = "ordered"


def _id_reused(record_id: str) -> Refused:
    return Refused(
        "id-reused",
        "An author uses an id once; state something new under a new id.",
        expected=f"the bytes first stated under {record_id}, or a new id",
        got="other bytes",
    )
