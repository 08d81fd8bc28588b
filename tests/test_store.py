"""The store: whole blocks or nothing, what was committed is read back, and errors have names."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from chains import (
    CERTIFICATE,
    GENESIS,
    JUSTIFICATION,
    TEST_ROWS,
    Account,
    Chain,
    Line,
    Mark,
    genesis_of,
    record,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from ledger.block import genesis_tip
from ledger.contracts import ROWS
from ledger.log.merkle import EMPTY_ROOT, inclusion_path, verify_inclusion
from ledger.log.tiles import hash_reader
from ledger.state import Changes, Key, Row, Wanted
from node.errors import CorruptLedger, StorageError
from node.storage.check import check
from node.storage.store import ConsensusItem, EvidenceItem, Item, JournalItem, Store
from node.storage.tables import RowTable, Tables, tables_of
from node.storage.view import QUERY_KEYS, query_chunks

POSTGRESQL = os.environ.get("TONGZHANG_POSTGRESQL_URL", "")
KINDS = ["memory", "file", *(["postgresql"] if POSTGRESQL else [])]


def commit(store: Store, chain: Chain, count: int = 1, changes: Changes | None = None) -> None:
    block, execution = chain.grow_records(count, changes)
    store.commit(block, execution, CERTIFICATE, JUSTIFICATION)


def open_store(url: str, **choices: int) -> Store:
    return Store(url, GENESIS, rows=TEST_ROWS, **choices)  # type: ignore[arg-type]


def empty_postgresql() -> None:
    engine = create_engine(POSTGRESQL)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        empty_postgresql()
        return POSTGRESQL
    return "sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = open_store(url)
    yield store
    store.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def account(number: int, **fields: object) -> Account:
    plain = Account("main", number, "shop", 0, False, (), None)
    return msgspec.structs.replace(plain, **fields)


def changes_of(*rows: Row, deleted: tuple[tuple[type[Row], Key], ...] = ()) -> Changes:
    changes: Changes = {}
    for row in rows:
        changes.setdefault(type(row), {})[row.key] = row
    for kind, key in deleted:
        changes.setdefault(kind, {})[key] = None
    return changes


# -- blocks ---------------------------------------------------------------------------------------


def test_an_empty_store_is_at_genesis(store: Store) -> None:
    assert store.tip() == genesis_tip(GENESIS)
    assert store.frontier().root() == EMPTY_ROOT
    assert store.block_hash(0) in (None, GENESIS.hash)
    with store.reader() as reader:
        assert reader.height() == 0
        assert reader.block(1) is None
        assert reader.entry(0) is None
        assert reader.blocks(1, 10) == []
        assert reader.latest_certificate() is None
        assert reader.block_range(1, 10**6, 10) == []
        assert reader.batch_of_entry(0) is None
        assert reader.tile(0, 0) is None


def test_a_committed_block_is_read_back_exactly_as_it_was_signed(store: Store) -> None:
    chain = Chain()
    stated = {
        "platform": [record("platform", 1), record("platform", 2, "分账 ✓")],
        "institution": [record("institution", 1)],
    }
    block, execution = chain.grow(stated)
    store.commit(block, execution, CERTIFICATE, JUSTIFICATION)
    assert store.tip() == chain.tip
    assert store.frontier() == chain.frontier
    assert store.block_hash(1) == block.hash
    with store.reader() as reader:
        stored = reader.block(1)
    assert stored is not None
    assert stored.justification == JUSTIFICATION
    assert stored.certificate == CERTIFICATE
    assert (stored.block.raw_header, stored.block.signature) == (block.raw_header, block.signature)
    for mine, theirs in zip(block.batches, stored.block.batches, strict=True):
        assert (mine.raw_header, mine.signature) == (theirs.raw_header, theirs.signature)
        assert mine.records == theirs.records


def test_what_was_committed_passes_the_check(store: Store) -> None:
    chain = Chain()
    for count in (3, 0, 700, 1):
        commit(store, chain, count, changes_of(account(count)))
    check(store, lambda done, total: None)


def test_a_block_without_records_is_a_block(store: Store) -> None:
    chain = Chain()
    commit(store, chain, 0)
    commit(store, chain, 3)
    commit(store, chain, 0)
    assert store.tip() == chain.tip
    with store.reader() as reader:
        assert [s.header.size for s in reader.blocks(1, 10)] == [0, 3, 3]


def test_a_store_opened_again_goes_on_where_it_was(path: Path) -> None:
    chain = Chain()
    for count in (1, 255, 1, 300, 512, 0, 7):
        store = open_store(f"sqlite:///{path}")
        assert (store.tip(), store.frontier()) == (chain.tip, chain.frontier)
        commit(store, chain, count, changes_of(account(count)))
        store.close()
    store = open_store(f"sqlite:///{path}")
    assert store.view().get(Account, ("main", 300)) == account(300)
    store.close()


def test_only_a_child_of_the_tip_can_be_committed(store: Store) -> None:
    chain = Chain()
    first = chain.grow_records(1)
    second = chain.grow_records(1)
    for block, execution in (second, (first[0], second[1])):
        with pytest.raises(StorageError) as caught:
            store.commit(block, execution, CERTIFICATE, JUSTIFICATION)
        assert caught.value.code == "wrong-block"
    store.commit(*first, CERTIFICATE, JUSTIFICATION)
    with pytest.raises(StorageError):
        store.commit(*first, CERTIFICATE, JUSTIFICATION)
    assert store.tip().height == 1


def test_a_failure_before_commit_leaves_the_old_tip_and_no_trace(store: Store) -> None:
    chain = Chain()
    commit(store, chain, 3, changes_of(account(1)))
    tip = store.tip()
    changes = changes_of(account(1, amount=5), account(2))
    block, execution = chain.grow_records(2, changes)
    execution.changes = PowerCut(changes)
    with pytest.raises(KeyboardInterrupt):
        store.commit(block, execution, CERTIFICATE, JUSTIFICATION)
    assert store.tip() == tip
    with store.reader() as reader:
        assert reader.height() == 1
        assert reader.entries(0, 10)[-1].index == 2
        assert reader.batch("platform", 2) is None
        assert reader.rows(Account) == [account(1)]
    assert store.view().get(Account, ("main", 1)) == account(1)
    execution.changes = changes
    store.commit(block, execution, CERTIFICATE, JUSTIFICATION)
    assert store.tip() == chain.tip
    check(store, lambda done, total: None)


class PowerCut(dict[type[Row], dict[Key, Row | None]]):
    """Changes that break off when all of them have been written."""

    def items(self) -> Iterator[Any]:  # type: ignore[override]
        yield from super().items()
        raise KeyboardInterrupt


def test_growing_the_log_reads_nothing_back(store: Store) -> None:
    chain = Chain()
    counted = Counted(store)
    for count in (1, 254, 1, 1, 300, 0, 512, 200, 66_000, 5):
        commit(store, chain, count)
    assert counted.statements == []
    check(store, lambda done, total: None)


def test_a_process_that_dies_before_commit_restarts_at_the_old_tip(
    path: Path, tmp_path: Path
) -> None:
    chain = Chain()
    store = open_store(f"sqlite:///{path}")
    commit(store, chain, 3)
    block, execution = chain.grow_records(2)
    after_death = tmp_path / "after"

    def copy(statement: str) -> None:
        if statement == "COMMIT":
            after_death.mkdir()
            for each in tmp_path.glob("ledger.db*"):
                shutil.copy(each, after_death)

    driver_of(store).set_trace_callback(copy)
    store.commit(block, execution, CERTIFICATE, JUSTIFICATION)
    store.close()
    survivor = open_store(f"sqlite:///{after_death / 'ledger.db'}")
    assert survivor.tip().height == 1
    survivor.commit(block, execution, CERTIFICATE, JUSTIFICATION)
    assert survivor.tip() == chain.tip
    survivor.close()


def driver_of(store: Store) -> Any:
    """Return the driver's connection on which the store writes."""
    return store._writer.connection.connection.driver_connection


def test_a_full_disk_says_so_and_loses_nothing(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    chain = Chain()
    commit(store, chain, 3)
    driver_of(store).execute("PRAGMA max_page_count = 1")
    block, execution = chain.grow_records(1000)
    with pytest.raises(StorageError) as caught:
        store.commit(block, execution, CERTIFICATE, JUSTIFICATION)
    assert caught.value.code == "disk-full"
    assert caught.value.definite
    assert store.tip().height == 1
    driver_of(store).execute("PRAGMA max_page_count = 1000000")
    store.commit(block, execution, CERTIFICATE, JUSTIFICATION)
    assert store.tip() == chain.tip
    store.close()


def test_after_a_commit_of_unknown_outcome_nothing_more_is_written(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    chain = Chain()
    block, execution = chain.grow_records(1, changes_of(Mark("a")))
    assert store.view().get(Mark, ("a",)) is None
    driver_of(store).set_authorizer(forbid_commit)
    with pytest.raises(StorageError) as caught:
        store.commit(block, execution, CERTIFICATE, JUSTIFICATION)
    assert (caught.value.code, caught.value.definite) == ("storage-failed", False)
    assert store.view().cached_rows == 0  # only the database can say what it holds
    driver_of(store).set_authorizer(None)
    assert store.load_journal() == []
    assert store.view().get(Mark, ("a",)) is None
    with pytest.raises(StorageError, match="open the store again"):
        store.save([ConsensusItem(1, "notar", "platform", b"vote")])
    store.close()
    again = open_store(f"sqlite:///{path}")
    assert again.tip().height == 0
    again.close()


def forbid_commit(action: int, what: str | None, *_: object) -> int:
    """Refuse COMMIT, as an authorizer of SQLite."""
    refused = action == sqlite3.SQLITE_TRANSACTION and what == "COMMIT"
    return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK


def forbid_marks(action: int, what: str | None, *_: object) -> int:
    """Refuse everything about one table, as an authorizer of SQLite."""
    return sqlite3.SQLITE_DENY if what == "test_marks" else sqlite3.SQLITE_OK


def test_a_write_that_the_database_refuses_is_definite_and_leaves_nothing(store: Store) -> None:
    chain = Chain()
    commit(store, chain, 1)
    store.save(ITEMS)
    driver = driver_of(store)
    driver.set_authorizer(forbid_marks)
    block, execution = chain.grow_records(1, changes_of(Mark("a")))
    with pytest.raises(StorageError) as caught:
        store.commit(block, execution, CERTIFICATE, JUSTIFICATION)
    assert (caught.value.code, caught.value.definite) == ("storage-failed", True)
    with pytest.raises(StorageError, match="read the state") as caught:
        store.view().get(Mark, ("a",))
    assert caught.value.code == "storage-failed"
    driver.set_authorizer(None)
    assert store.view().get(Mark, ("a",)) is None
    store.commit(block, execution, CERTIFICATE, JUSTIFICATION)
    assert store.view().get(Mark, ("a",)) == Mark("a")
    check(store, lambda done, total: None)


@pytest.fixture
def served() -> Iterator[Store]:
    """A store on the PostgreSQL server."""
    if not POSTGRESQL:
        pytest.skip("TONGZHANG_POSTGRESQL_URL names no server")
    empty_postgresql()
    store = open_store(POSTGRESQL)
    yield store
    store.close()


def test_a_commit_that_the_server_refuses_is_of_unknown_outcome(served: Store) -> None:
    with served.engine.begin() as connection:
        connection.exec_driver_sql(
            "ALTER TABLE journal ADD FOREIGN KEY (number) REFERENCES blocks (height) "
            "DEFERRABLE INITIALLY DEFERRED"
        )
    with pytest.raises(StorageError) as caught:
        served.save([JournalItem(1, b"batch")])
    assert (caught.value.code, caught.value.definite) == ("storage-failed", False)
    with pytest.raises(StorageError, match="open the store again"):
        served.save([ConsensusItem(1, "notar", "platform", b"vote")])
    assert served.load_journal() == []


def test_a_connection_that_the_server_ended_is_replaced(served: Store) -> None:
    chain = Chain()
    commit(served, chain, 1, changes_of(Mark("a")))
    for _ in range(2):
        end_connection(served)
        with pytest.raises(StorageError) as caught:
            served.save([ConsensusItem(5, "notar", "platform", b"vote")])
        assert (caught.value.code, caught.value.definite) == ("storage-failed", True)
        assert served.load_consensus() == []
    end_connection(served)
    with pytest.raises(StorageError):
        served.view().get(Mark, ("a",))
    assert served.view().get(Mark, ("a",)) == Mark("a")
    commit(served, chain, 300)
    assert served.tip() == chain.tip
    check(served, lambda done, total: None)


def end_connection(store: Store) -> None:
    pid = driver_of(store).info.backend_pid
    with store.engine.begin() as connection:
        connection.exec_driver_sql("SELECT pg_terminate_backend(%s, 5000)", (pid,))


# -- votes, own batches, evidence -----------------------------------------------------------------

ITEMS: list[Item] = [
    ConsensusItem(2, "notar", "platform", b"vote 2"),
    ConsensusItem(1, "final", "platform", b"final 1"),
    ConsensusItem(1, "notar", "platform", b"vote 1"),
    JournalItem(2, b"batch 2"),
    JournalItem(1, b"batch 1"),
    EvidenceItem("e1", b"two votes", 5),
]


def test_saved_items_are_loaded_in_order(store: Store) -> None:
    store.save(ITEMS)
    assert [(i.slot, i.kind) for i in store.load_consensus()] == [
        (1, "final"),
        (1, "notar"),
        (2, "notar"),
    ]
    assert [item.number for item in store.load_journal()] == [1, 2]
    with store.reader() as reader:
        evidence = reader.evidence()
    assert [(e.id, e.body, e.created_at) for e in evidence] == [("e1", b"two votes", 5)]


def test_a_commit_removes_what_it_makes_obsolete(store: Store) -> None:
    store.save(ITEMS)
    block, execution = Chain().grow_records(1)
    store.commit(block, execution, CERTIFICATE, JUSTIFICATION, journal_upto=1)
    assert [item.slot for item in store.load_consensus()] == [2]
    assert [item.number for item in store.load_journal()] == [2]


def test_an_own_batch_number_can_be_taken_only_once(store: Store) -> None:
    store.save([JournalItem(1, b"batch 1")])
    with pytest.raises(StorageError) as caught:
        store.save([ConsensusItem(1, "notar", "me", b"vote"), JournalItem(1, b"other")])
    assert caught.value.code == "storage-failed"
    assert store.load_journal() == [JournalItem(1, b"batch 1")]
    assert store.load_consensus() == []


def test_a_certificate_saved_again_is_replaced_and_evidence_stays(store: Store) -> None:
    store.save([ConsensusItem(1, "certificate", "", b"three"), EvidenceItem("e", b"first", 1)])
    store.save([ConsensusItem(1, "certificate", "", b"four"), EvidenceItem("e", b"second", 2)])
    assert store.load_consensus() == [ConsensusItem(1, "certificate", "", b"four")]
    with store.reader() as reader:
        assert [e.body for e in reader.evidence()] == [b"first"]


def test_a_node_that_lost_its_votes_remembers_that_it_abstains(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    assert not store.abstains()
    store.set_abstains(True)
    store.close()
    store = open_store(f"sqlite:///{path}")
    assert store.abstains()
    store.set_abstains(False)
    assert not store.abstains()
    store.close()


# -- reading --------------------------------------------------------------------------------------


def test_entries_are_found_by_index_and_subject(store: Store) -> None:
    chain = Chain()
    commit(store, chain, 5)
    repeated = [record("funder", 1), record("institution", 1), record("funder", 1)]
    block, execution = chain.grow({"funder": repeated})
    store.commit(block, execution, CERTIFICATE, JUSTIFICATION)
    with store.reader() as reader:
        assert [e.index for e in reader.entries(3, 3)] == [3, 4, 5]
        assert [e.leaf for e in reader.entries(5, 9)] == execution.leaves
        found = reader.entries_by_subject("said:funder-1", -1, 1)
        assert [e.index for e in found] == [5]
        found = reader.entries_by_subject("said:funder-1", found[-1].index, 5)
        assert [(e.index, e.height, e.party) for e in found] == [(7, 2, "funder")]


def test_the_batch_of_every_entry_is_the_one_its_author_signed(store: Store) -> None:
    chain = Chain()
    for size in (1, 2, 5):
        stated = {
            party: [record(party, 100 * size + each) for each in range(size)]
            for party in ("platform", "funder")
        }
        store.commit(*chain.grow(stated), CERTIFICATE, JUSTIFICATION)
    signed = [(b, block.height) for block, _ in chain.blocks for b in block.batches]
    of_entry = [(batch, height) for batch, height in signed for _ in batch.records]
    with store.reader() as reader:
        for index, (batch, height) in enumerate(of_entry):
            found = reader.batch_of_entry(index)
            assert found is not None
            assert (found.raw_header, found.signature) == (batch.raw_header, batch.signature)
            assert (found.records, found.height) == (batch.records, height)
            assert found.first_index <= index < found.first_index + found.count
            assert reader.batch(batch.party, batch.number) == found
        assert reader.batch("platform", 99) is None


def test_inclusion_proofs_come_out_of_stored_tiles(store: Store) -> None:
    chain = Chain()
    for count in (200, 300, 7):
        commit(store, chain, count)
    leaves = [leaf for _, execution in chain.blocks for leaf in execution.leaf_hashes]
    size, root = store.tip().size, store.tip().root
    with store.reader() as reader:
        for index in (0, 199, 255, 256, 499, 506):
            proof = inclusion_path(index, size, hash_reader(reader.tile))
            verify_inclusion(leaves[index], index, size, proof, root)


def test_a_range_for_catching_up_ends_at_a_certificate(store: Store) -> None:
    chain = Chain()
    for certificate in (None, CERTIFICATE, None, None, CERTIFICATE, None):
        store.commit(*chain.grow_records(2), certificate, JUSTIFICATION)
    with store.reader() as reader:
        heights = {
            limits: [s.block.height for s in reader.block_range(*limits)]
            for limits in [
                (1, 10**6, 100),
                (1, 10**6, 4),
                (1, 10**6, 1),
                (3, 1, 1),
                (1, 1, 100),
                (6, 10**6, 100),
                (7, 10**6, 100),
            ]
        }
        assert reader.latest_certificate() == (5, CERTIFICATE)
        assert [s.certified for s in reader.blocks(4, 2)] == [False, True]
    assert list(heights.values()) == [[1, 2, 3, 4, 5], [1, 2], [1, 2], [3, 4, 5], [1, 2], [], []]


def test_rows_are_paged_by_key_and_filtered(store: Store) -> None:
    rows = [account(number, owner="ab"[number % 2], frozen=number > 6) for number in range(10)]
    other = Account("zz", 0, "a", 1, False, ("x",), "note")
    commit(store, Chain(), 1, changes_of(other, *reversed(rows)))
    with store.reader() as reader:
        assert reader.row(Account, ("zz", 0)) == other
        assert reader.row(Account, ("zz", 1)) is None
        paged, after = [], None
        while page := reader.rows(Account, after_key=after, limit=3):
            paged += page
            after = page[-1].key
        assert paged == [*rows, other]
        where: dict[str, str | int | bool] = {"owner": "a", "frozen": False}
        assert reader.rows(Account, where, ("main", 2)) == [rows[4], rows[6], other]


def test_texts_sort_by_bytes_on_every_database(store: Store) -> None:
    names = ["a", "B", "é", "z", "Z", "_", "中", "a b", "a-b"]
    commit(store, Chain(), 1, changes_of(*(Mark(name) for name in names)))
    with store.reader() as reader:
        assert [row.name for row in reader.rows(Mark)] == sorted(names, key=str.encode)


@pytest.mark.parametrize("kind", KINDS[1:])  # in memory there is one connection, and no snapshot
def test_a_reader_keeps_its_snapshot_while_blocks_are_committed(kind: str, path: Path) -> None:
    if kind == "postgresql":
        empty_postgresql()
    store = open_store(POSTGRESQL if kind == "postgresql" else f"sqlite:///{path}")
    chain = Chain()
    commit(store, chain, 1, changes_of(account(1)))
    with store.reader() as reader:
        assert reader.height() == 1
        commit(store, chain, 1, changes_of(account(1, amount=9)))
        assert reader.height() == 1
        assert reader.row(Account, ("main", 1)) == account(1)
    with store.reader() as reader:
        assert reader.height() == 2
    store.close()


def test_threads_read_while_blocks_are_committed(store: Store) -> None:
    chain = Chain()
    commit(store, chain, 1, changes_of(account(1)))
    failures: list[BaseException] = []
    done = threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                with store.reader() as reader:
                    height = reader.height()
                    entries = reader.entries(0, 10_000)
                    assert entries[-1].height == height
                    assert reader.rows(Account)[0].amount == height - 1
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for amount in range(1, 30):
        commit(store, chain, 2, changes_of(account(1, amount=amount)))
        assert store.view().get(Account, ("main", 1)) == account(1, amount=amount)
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_reader_in_memory_may_be_used_inside_another(tmp_path: Path) -> None:
    store = open_store("sqlite://")
    chain = Chain()
    commit(store, chain, 1, changes_of(account(1)))
    with store.reader() as outer, store.reader() as inner:
        assert store.view().get(Account, ("main", 1)) == account(1)
        assert outer.height() == inner.height() == 1
    with store.reader() as reader:
        assert reader.height() == 1
        commit(store, chain, 1)
        assert reader.height() == 2
    commit(store, chain, 1)
    store.close()


# -- the view -------------------------------------------------------------------------------------


class Counted:
    """Keeps the text of what the store asks the database from now on."""

    def __init__(self, store: Store) -> None:
        self.statements: list[str] = []
        self._fetch = store._writer.fetch
        store._writer.fetch = self._noted  # type: ignore[method-assign]

    def _noted(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        self.statements.append(sql)
        return self._fetch(sql, values)


def test_rows_that_were_asked_for_are_not_read_again(store: Store) -> None:
    chain = Chain()
    commit(store, chain, 1, changes_of(account(1)))
    counted = Counted(store)
    for _ in range(3):
        assert store.view().get(Account, ("main", 1)) == account(1)
        assert store.view().get(Account, ("main", 2)) is None
    assert len(counted.statements) == 2
    commit(store, chain, 1, changes_of(account(2), deleted=((Account, ("main", 1)),)))
    counted.statements.clear()
    assert store.view().get(Account, ("main", 1)) is None
    assert store.view().get(Account, ("main", 2)) == account(2)
    assert counted.statements == []


def test_prefetch_asks_once_a_table_and_only_for_what_is_missing(store: Store) -> None:
    rows = [account(number) for number in range(40)]
    commit(store, Chain(), 1, changes_of(*rows, Mark("a")))
    counted = Counted(store)
    wanted: Wanted = {
        Account: {row.key for row in rows},
        Mark: {(name,) for name in "abc"},
    }
    found = store.view().fetch(wanted)
    assert found[Account] == {row.key: row for row in rows}
    assert found[Mark] == {("a",): Mark("a"), ("b",): None, ("c",): None}
    assert len(counted.statements) == 2
    assert store.view().fetch(wanted) == found
    assert [store.view().get(Account, row.key) for row in rows] == rows
    assert store.view().get(Mark, ("b",)) is None
    assert len(counted.statements) == 2


def test_rows_that_are_only_written_do_not_fill_the_cache(store: Store) -> None:
    lines = [Line(number, 0, "x") for number in range(100)]
    commit(store, Chain(), 1, changes_of(*lines))
    assert store.view().cached_rows == 0


def test_the_cache_is_bounded_and_keeps_what_is_used(url: str) -> None:
    store = open_store(url, cache_rows=100)
    commit(store, Chain(), 1, changes_of(*(account(number) for number in range(1000))))
    for number in range(1000):
        assert store.view().get(Account, ("main", number)) == account(number)
        assert store.view().get(Account, ("main", 0)) == account(0)
        assert store.view().cached_rows <= 101
    counted = Counted(store)
    store.view().get(Account, ("main", 0))
    assert counted.statements == []
    store.close()


@pytest.mark.parametrize("count", [1, 2, 7, 9, 65, 511, 513, 1500])
def test_queries_come_in_few_sizes_and_cover_all_keys(count: int) -> None:
    keys = list(range(count))
    chunks = list(query_chunks(keys))
    assert {key for chunk in chunks for key in chunk} == set(keys)
    assert {len(chunk) for chunk in chunks} <= set(QUERY_KEYS)
    assert sum(map(len, chunks)) <= 2 * count


def test_a_prefetch_searches_the_index_and_never_scans(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    for kind, mapped in store.tables.rows.items():
        sql = store._sql.select(mapped.table, 64)
        with store.reader() as reader:
            plan = reader.connection.exec_driver_sql(
                f"EXPLAIN QUERY PLAN {sql}", ("x",) * 64 * kind.KEY
            ).fetchall()
        assert f"SCAN {kind.TABLE}" not in str(plan)
    store.close()


numbers = st.integers(-(2**53) + 1, 2**53 - 1)
names = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
accounts = st.builds(
    Account,
    book=st.sampled_from(["main", "side", "é"]),
    number=st.integers(0, 3),
    owner=names,
    amount=numbers,
    frozen=st.booleans(),
    tags=st.lists(names, max_size=3).map(tuple),
    note=st.none() | names,
)
rows_of_any_kind = st.one_of(
    accounts,
    st.builds(Line, entry=st.integers(0, 4), line=st.integers(0, 1), text=names),
    st.builds(Mark, name=st.sampled_from("abcd")),
)
block_changes = st.lists(st.tuples(rows_of_any_kind, st.booleans()), max_size=8)


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(block_changes, st.booleans()), max_size=5), st.integers(1, 20))
def test_the_view_shows_what_a_plain_dictionary_would(
    blocks: list[tuple[list[tuple[Row, bool]], bool]], cache_rows: int
) -> None:
    store = open_store("sqlite://", cache_rows=cache_rows)
    chain = Chain()
    model: dict[tuple[type[Row], Key], Row] = {}
    asked = {(type(row), row.key) for changed, _ in blocks for row, _ in changed}
    ordered = sorted(asked, key=repr)
    for changed, prefetch in blocks:
        changes: Changes = {}
        for row, deleted in changed:
            changes.setdefault(type(row), {})[row.key] = None if deleted else row
        if prefetch:
            wanted: Wanted = {}
            for kind, key in ordered:
                wanted.setdefault(kind, set()).add(key)
            store.view().fetch(wanted)
        commit(store, chain, 1, changes)
        for kind, rows in changes.items():
            for key, new in rows.items():
                model.pop((kind, key), None)
                if new is not None:
                    model[kind, key] = new
        assert {each: store.view().get(*each) for each in ordered} == {
            each: model.get(each) for each in ordered
        }
    with store.reader() as reader:
        stored = {(kind, row.key): row for kind in TEST_ROWS for row in reader.rows(kind)}
    assert stored == model
    store.close()


@given(rows_of_any_kind)
def test_every_row_reads_back_as_it_was_written(row: Row) -> None:
    mapped = tables_of(TEST_ROWS).rows[type(row)]
    assert mapped.decode(mapped.encode(row)) == row


def test_a_row_of_a_type_that_no_column_holds_is_refused() -> None:
    class Bad(Row, frozen=True):
        TABLE = "bad"
        name: str
        ratio: float

    with pytest.raises(TypeError, match=r"Bad\.ratio"):
        Tables((Bad,))


def test_every_row_of_the_contracts_has_a_table() -> None:
    tables = tables_of(ROWS)
    assert all(isinstance(tables.rows[kind], RowTable) for kind in ROWS)
    store = Store("sqlite://", GENESIS)
    for kind in ROWS:
        with store.reader() as reader:
            assert reader.rows(kind) == []
    store.close()


# -- opening --------------------------------------------------------------------------------------


def code_of(error: pytest.ExceptionInfo[StorageError]) -> str:
    return error.value.code


def test_a_database_of_another_ledger_is_refused(path: Path) -> None:
    open_store(f"sqlite:///{path}").close()
    with pytest.raises(StorageError) as caught:
        Store(f"sqlite:///{path}", genesis_of("other"), rows=TEST_ROWS)
    assert code_of(caught) == "wrong-ledger"


def test_a_database_of_another_party_is_refused(path: Path) -> None:
    url = f"sqlite:///{path}"
    Store(url, GENESIS, party="platform", rows=TEST_ROWS).close()
    Store(url, GENESIS, rows=TEST_ROWS).close()
    with pytest.raises(StorageError) as caught:
        Store(url, GENESIS, party="funder", rows=TEST_ROWS)
    assert code_of(caught) == "wrong-party"


def test_a_database_with_other_tables_is_refused_and_left_alone(path: Path) -> None:
    Store(f"sqlite:///{path}", GENESIS, rows=(Mark,)).close()
    with pytest.raises(StorageError) as caught:
        open_store(f"sqlite:///{path}")
    assert code_of(caught) == "wrong-schema"
    with sqlite3.connect(path) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert Account.TABLE not in names


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://x/y", "postgresql+asyncpg://x/y"])
def test_a_database_that_is_not_supported_is_refused(url: str) -> None:
    with pytest.raises(StorageError) as caught:
        open_store(url)
    assert code_of(caught) == "bad-database-url"


def test_a_place_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        open_store(f"sqlite:///{tmp_path / 'absent' / 'ledger.db'}")
    assert code_of(caught) == "storage-failed"


def test_a_file_that_is_no_database_is_corrupt(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(CorruptLedger) as caught:
        open_store(f"sqlite:///{path}")
    assert "--rebuild" in str(caught.value)


def test_sqlite_is_durable_by_write_ahead_log_and_full_sync(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    with store.reader() as reader:
        pragma = reader.connection.exec_driver_sql
        assert pragma("PRAGMA journal_mode").scalar() == "wal"
        assert pragma("PRAGMA synchronous").scalar() == 2
    store.close()
