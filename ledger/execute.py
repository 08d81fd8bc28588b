"""Execution: the batches of a block against a state, giving entries, changes and hashes.

Every record of a block becomes an entry, applied or refused. A refused record leaves nothing but
its entry and the use of its id. A block whose batches do not continue their authors' chains, or
hold bytes that are no record, is invalid as a whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from ledger import canonical, domains
from ledger.batch import Batch
from ledger.block import Tip
from ledger.contracts import ROWS, RULES, decode_records, times
from ledger.entry import APPLIED, entry_head
from ledger.errors import DecodeError, Refused, VerificationError
from ledger.genesis import Genesis
from ledger.limits import MINUTE_MS
from ledger.log.merkle import Frontier, leaf_hash
from ledger.members import DEALING_ROLES
from ledger.records import BatchHead as BatchHead
from ledger.records import Record, Rule, type_name
from ledger.records import Recorded as Recorded
from ledger.state import Changes, Overlay, Row, StateView, Transaction, Wanted, change_list

ID_REUSED = "id-reused"
WRONG_AUTHOR = "wrong-author"

_LEADING = frozenset(row for row in ROWS if row.leads_to is not Row.leads_to)
_TYPES = {record: type_name(record) for record in RULES}


class EntryInfo(msgspec.Struct, frozen=True, gc=False):
    """An entry's facts for indexes and feeds. ``outcome`` is applied or a refusal's code."""

    index: int
    party: str
    id: str
    type: str
    subject: str
    outcome: str


class Execution:
    """The result of a block: entries, changes and hashes. Immutable by convention.

    ``height`` is the block's. ``size``, ``root``, ``state`` and ``frontier`` describe the log
    after the block. ``leaves``,
    ``leaf_hashes`` and ``entries`` hold the block's own entries, the first at ``first_index``.
    ``view`` shows the state after the block, ``changes`` are its difference from the state before.
    ``refusals`` are (entry index, refusal).
    """

    __slots__ = (
        "changes",
        "entries",
        "first_index",
        "frontier",
        "height",
        "leaf_hashes",
        "leaves",
        "refusals",
        "root",
        "size",
        "state",
        "view",
    )

    def __init__(self, parent: Tip, frontier: Frontier, view: StateView) -> None:
        self.height = parent.height + 1
        self.first_index = parent.size
        self.size = parent.size
        self.root = parent.root
        self.state = parent.state
        self.frontier = frontier.copy()
        self.view = Overlay(view)
        self.changes: Changes = {}
        self.leaves: list[bytes] = []
        self.leaf_hashes: list[bytes] = []
        self.entries: list[EntryInfo] = []
        self.refusals: list[tuple[int, Refused]] = []


def execute(  # noqa: PLR0917 - what a block is executed on, in the order of the block's making
    genesis: Genesis,
    parent: Tip,
    frontier: Frontier,
    view: StateView,
    time_ms: int,
    batches: Sequence[Batch],
) -> Execution:
    """Execute ``batches`` as the block after ``parent``.

    Args:
        genesis: The founding document.
        parent: The block before.
        frontier: The log's frontier at ``parent``; left as it is.
        view: The state at ``parent``.
        time_ms: The block's time, ms since the epoch.
        batches: The block's batches, whose signatures and roots were verified before.

    Raises:
        VerificationError: ``unknown-party``, ``batch-order`` or ``bad-record``; the block is
            invalid.
    """
    execution = Execution(parent, frontier, view)
    records = [check_records(batch) for batch in batches]
    said = [(batch.party, each) for batch, each in zip(batches, records, strict=True)]
    _load(execution.view, _wanted(genesis, said))
    tx = Transaction(execution.view, genesis, "", "", parent.size, parent.height + 1, time_ms)
    for batch, batch_records in zip(batches, records, strict=True):
        tx.author, tx.role = batch.party, _role(genesis, batch)
        _append_head(execution.view, batch, time_ms // MINUTE_MS)
        _execute_batch(execution, tx, batch, batch_records)
    execution.changes = execution.view.rest()
    _close(execution, parent)
    return execution


class Preview:
    """Applies records of one party to ``view`` as if they stood in the block after ``tip``.

    A node asks this before it signs a page of records.

    Args:
        genesis: The founding document.
        view: The state; shows the records that passed.
        tip: The block before.
        author: The party that wants to state the records.
        time_ms: The wall clock. The block's time is that, or the time of ``tip`` if it is later.
    """

    def __init__(
        self, genesis: Genesis, view: Overlay, tip: Tip, author: str, *, time_ms: int
    ) -> None:
        role = genesis.roles[author]
        block_ms = max(time_ms, tip.time)
        self._tx = Transaction(view, genesis, author, role, tip.size, tip.height + 1, block_ms)

    def apply(self, record: Record, entry: int) -> None:
        """Apply one record. When it is refused, the view stays as it was.

        Args:
            record: The decoded record.
            entry: The entry index that it would get.

        Raises:
            Refused: the record would be refused, with the code that its entry would carry.
        """
        tx = self._tx
        rule = RULES[type(record)]
        tx.begin(entry, rule.subject(record))
        try:
            _apply(tx, rule, record)
        except Refused:
            tx.undo()
            raise
        tx.put(Recorded(tx.author, record.id, entry))


def prefetch(genesis: Genesis, view: Overlay, party: str, records: Sequence[Record]) -> None:
    """Load what previews of ``records`` of ``party`` will ask for, one query a table."""
    _load(view, _wanted(genesis, [(party, records)]))


def check_records(batch: Batch) -> tuple[Record, ...]:
    """Return the decoded records of ``batch``, all of which must be records; decodes them once.

    Raises:
        VerificationError: ``bad-record``; an author that signs such a batch is at fault.
    """
    if batch.decoded is None:
        try:
            batch.decoded = decode_records(batch.records)
        except DecodeError as error:
            raise VerificationError(
                "bad-record",
                f"batch {batch.number} of {batch.party} holds bytes that are no record: {error}",
            ) from error
    return batch.decoded


def _role(genesis: Genesis, batch: Batch) -> str:
    role = genesis.roles.get(batch.party)
    if role is None:
        raise VerificationError("unknown-party", f"{batch.party} is not in genesis")
    return role


def _wanted(genesis: Genesis, said: Iterable[tuple[str, Sequence[Record]]]) -> Wanted:
    """Return the keys of what records of parties will ask for first."""
    wanted: Wanted = defaultdict(set)
    for party, records in said:
        wanted[BatchHead].add((party,))
        wanted[Recorded].update([(party, record.id) for record in records])
        for record in records:
            for kind, key in RULES[type(record)].keys(record, genesis):
                wanted[kind].add(key)
    return wanted


def _load(view: Overlay, wanted: Wanted) -> None:
    """Load rows, and then what those lead to, wave by wave."""
    while wanted:
        found = view.prefetch(wanted)
        wanted = defaultdict(set)
        for kind in _LEADING & found.keys():
            for row in found[kind].values():
                for led, key in row.leads_to() if row is not None else ():
                    wanted[led].add(key)


def _append_head(view: Overlay, batch: Batch, minute: int) -> None:
    header = batch.header
    head = view.get(BatchHead, (header.party,))
    number, hash_hex = (
        (0, domains.ZERO_HASH.hex()) if head is None else (head.number, head.hash_hex)
    )
    if header.number != number + 1 or header.previous != hash_hex:
        raise VerificationError(
            "batch-order",
            f"expected batch {number + 1} of {header.party} after {hash_hex}, "
            f"got batch {header.number} after {header.previous}",
        )
    stated = (0 if head is None else head.stated_in(minute)) + header.count
    row = BatchHead(header.party, header.number, batch.hash.hex(), minute, stated)
    view.merge({BatchHead: {row.key: row}})


def _execute_batch(
    execution: Execution, tx: Transaction, batch: Batch, records: Sequence[Record]
) -> None:
    party, number = batch.party, batch.number
    applied = entry_head(number, APPLIED, party)
    entries, leaves = execution.entries, execution.leaves
    first = execution.first_index + len(leaves)
    for index, (raw, record) in enumerate(zip(batch.records, records, strict=True), first):
        kind = type(record)
        rule = RULES[kind]
        subject = rule.subject(record)
        tx.begin(index, subject)
        outcome, head = APPLIED, applied
        try:
            _apply(tx, rule, record)
        except Refused as refused:
            tx.undo()
            outcome, head = refused.code, entry_head(number, refused.code, party)
            if rule.refused_subject is not None:
                subject = rule.refused_subject(record)
            # Its traceback would lead back here, and the whole block be kept until a collection.
            execution.refusals.append((index, refused.with_traceback(None)))
        if outcome != ID_REUSED:
            tx.set(Recorded, (party, record.id), Recorded(party, record.id, index))
        entries.append(EntryInfo(index, party, record.id, _TYPES[kind], subject, outcome))
        leaves.append(b"".join((head, raw, b"}")))


def refusals(rule: Rule) -> tuple[str, ...]:
    """Return the codes with which records of a rule can be refused, sorted, without the books'."""
    general = {ID_REUSED, times.TIME_IN_FUTURE, *((WRONG_AUTHOR,) if rule.authors else ())}
    return tuple(sorted(general.union(rule.record.CODES)))


def _apply(tx: Transaction, rule: Rule, record: Record) -> None:
    earlier = tx.rows[Recorded][tx.author, record.id]
    if earlier is not None:
        raise Refused(
            ID_REUSED,
            "An author uses an id once; state something new under a new id.",
            expected="a new id",
            got=f"{record.id}, used in entry {earlier.entry}",
        )
    if not rule.is_for(tx.role):
        raise Refused(
            WRONG_AUTHOR,
            f"Only who knows it may state it ({_TYPES[rule.record]}).",
            expected=" or ".join(rule.authors or DEALING_ROLES),
            got=tx.author if tx.author == tx.role else f"{tx.author}, whose role is {tx.role}",
        )
    times.refuse_future(tx, "at", record.at)
    rule.apply(tx, record)


def _close(execution: Execution, parent: Tip) -> None:
    """Compute the hashes that the block's header states."""
    hashes = execution.leaf_hashes = [leaf_hash(leaf) for leaf in execution.leaves]
    frontier = execution.frontier
    frontier.extend(hashes)
    execution.size = frontier.size
    execution.root = frontier.root()
    covered = {
        "changes": change_list(execution.changes),
        "outcomes": [entry.outcome for entry in execution.entries],
    }
    execution.state = domains.state_hash(parent.state, canonical.encode(covered))
