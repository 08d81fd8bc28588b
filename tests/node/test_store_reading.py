"""What was committed is read back: entries, proofs, ranges, rows; each reader sees one height."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.log.merkle import inclusion_path, verify_inclusion
from ledger.log.tiles import hash_reader
from node.storage.store import Store
from tests.ledger.chains import (
    CERTIFICATE,
    JUSTIFICATION,
    Account,
    Chain,
    Mark,
    record,
)
from tests.node.store_kit import (
    KINDS,
    POSTGRESQL,
    account,
    changes_of,
    commit,
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


def test_entries_are_found_by_index_and_subject(store: Store) -> None:
    chain = Chain()
    commit(store, chain, 5)
    repeated = [record("funder", 1), record("institution", 1), record("funder", 1)]
    block, execution = chain.grow({"funder": repeated})
    make_final(store, block, execution, CERTIFICATE, JUSTIFICATION)
    with store.reader() as reader:
        assert [e.index for e in reader.entries(3, 3)] == [3, 4, 5]
        assert [e.leaf for e in reader.entries(5, 9)] == execution.leaves
        found = reader.newest_about("said:funder-1", 1, applied=True)
        assert [(e.index, e.height, e.party) for e in found] == [(7, 2, "funder")]
        found = reader.newest_about("said:funder-1", 5, applied=True)
        assert [e.index for e in found] == [7, 5]
        assert reader.newest_about("said:funder-1", 5, applied=False) == []


def test_the_batch_of_every_entry_is_the_one_its_author_signed(store: Store) -> None:
    chain = Chain()
    for size in (1, 2, 5):
        stated = {
            party: [record(party, 100 * size + each) for each in range(size)]
            for party in ("platform", "funder")
        }
        make_final(store, *chain.grow(stated), CERTIFICATE, JUSTIFICATION)
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
        make_final(store, *chain.grow_records(2), certificate, JUSTIFICATION)
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
