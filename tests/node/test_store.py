"""The store: whole blocks or nothing, and what is to be durable is kept."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.block import genesis_tip
from ledger.log.merkle import EMPTY_ROOT
from node.errors import StorageError
from node.storage import held
from node.storage.check import check
from node.storage.held import FinalBlock
from node.storage.store import ConsensusItem, EvidenceItem, Item, JournalItem, Store
from tests.ledger.chains import (
    CERTIFICATE,
    GENESIS,
    JUSTIFICATION,
    Account,
    Chain,
    Mark,
    record,
)
from tests.node.store_kit import (
    KINDS,
    POSTGRESQL,
    Counted,
    account,
    changes_of,
    commit,
    driver_of,
    empty_postgresql,
    make_final,
    open_store,
    url_of,
)


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store = open_store(url_of(request.param, tmp_path))
    yield store
    store.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


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
    make_final(store, block, execution, CERTIFICATE, JUSTIFICATION)
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
            make_final(store, block, execution, CERTIFICATE, JUSTIFICATION)
        assert caught.value.code == "wrong-block"
    make_final(store, *first, CERTIFICATE, JUSTIFICATION)
    with pytest.raises(StorageError):
        make_final(store, *first, CERTIFICATE, JUSTIFICATION)
    assert store.tip().height == 1


def test_a_write_that_breaks_off_leaves_no_trace_and_is_made_up_for(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = Chain()
    commit(store, chain, 3, changes_of(account(1)))
    block, execution = chain.grow_records(2, changes_of(account(1, amount=5), account(2)))
    store.hold(FinalBlock(block, execution, JUSTIFICATION, CERTIFICATE))
    with monkeypatch.context() as patched:
        patched.setattr(held, "grow", power_cut)  # everything but tiles is written by then
        with pytest.raises(KeyboardInterrupt):
            store.write()
    counts = {name: _count(store, name) for name in ("blocks", "entries", "batches")}
    assert counts == {"blocks": 1, "entries": 3, "batches": 1}
    assert _count(store, "test_accounts") == 1
    assert store.view().get(Account, ("main", 1)) == account(1, amount=5)
    store.write()
    with store.reader() as reader:
        assert reader.rows(Account) == [account(1, amount=5), account(2)]
    check(store, lambda done, total: None)


def power_cut(*_: object) -> None:
    raise KeyboardInterrupt


def _count(store: Store, table: str) -> int:
    cursor = driver_of(store).cursor()
    cursor.execute(f"SELECT COUNT(*) FROM {table}")
    return int(cursor.fetchone()[0])


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
    make_final(store, block, execution, CERTIFICATE, JUSTIFICATION)
    store.close()
    survivor = open_store(f"sqlite:///{after_death / 'ledger.db'}")
    assert survivor.tip().height == 1
    make_final(survivor, block, execution, CERTIFICATE, JUSTIFICATION)
    assert survivor.tip() == chain.tip
    survivor.close()


def test_a_full_disk_says_so_and_loses_nothing(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    chain = Chain()
    commit(store, chain, 3)
    driver_of(store).execute("PRAGMA max_page_count = 1")
    block, execution = chain.grow_records(1000)
    with pytest.raises(StorageError) as caught:
        make_final(store, block, execution, CERTIFICATE, JUSTIFICATION)
    assert caught.value.code == "disk-full"
    assert caught.value.definite
    assert _count(store, "blocks") == 1
    driver_of(store).execute("PRAGMA max_page_count = 1000000")
    store.write()
    with store.reader() as reader:
        assert reader.height() == store.tip().height == 2
    store.close()


def test_after_a_commit_of_unknown_outcome_nothing_more_is_written(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    chain = Chain()
    block, execution = chain.grow_records(1, changes_of(Mark("a")))
    assert store.view().get(Mark, ("a",)) is None
    driver_of(store).set_authorizer(forbid_commit)
    with pytest.raises(StorageError) as caught:
        make_final(store, block, execution, CERTIFICATE, JUSTIFICATION)
    assert (caught.value.code, caught.value.definite) == ("storage-failed", False)
    assert store.view().cached_rows == 0  # only the database can say what it holds
    driver_of(store).set_authorizer(None)
    assert store.load_journal() == []
    with pytest.raises(StorageError, match="open the store again"):
        store.save([ConsensusItem(1, "notar", "platform", b"vote")])
    with pytest.raises(StorageError, match="open the store again"):
        store.write()
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


def refuse_marks(store: Store, refused: bool) -> None:
    """Let the database refuse to read and write one table, or no more."""
    if store.engine.dialect.name == "sqlite":
        driver_of(store).set_authorizer(forbid_marks if refused else None)
        return
    old, new = ("test_marks", "other") if refused else ("other", "test_marks")
    with store.engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")


def test_a_write_that_the_database_refuses_is_definite_and_leaves_nothing(store: Store) -> None:
    chain = Chain()
    commit(store, chain, 1)
    store.save(ITEMS)
    refuse_marks(store, True)
    block, execution = chain.grow_records(1, changes_of(Mark("a")))
    with pytest.raises(StorageError) as caught:
        make_final(store, block, execution, CERTIFICATE, JUSTIFICATION)
    assert (caught.value.code, caught.value.definite) == ("storage-failed", True)
    with pytest.raises(StorageError, match="read the state") as caught:
        store.view().get(Mark, ("b",))
    assert caught.value.code == "storage-failed"
    refuse_marks(store, False)
    assert _count(store, "blocks") == 1
    store.write()
    with store.reader() as reader:
        assert reader.rows(Mark) == [Mark("a")]
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
    make_final(store, block, execution, CERTIFICATE, JUSTIFICATION, journal_upto=1)
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
