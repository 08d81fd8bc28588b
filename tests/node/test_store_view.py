"""The view: the state as contracts see it, in few queries, the same as a plain dictionary."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.contracts import ROWS
from ledger.state import Changes, Key, Row, Wanted
from node.storage.store import Store
from node.storage.tables import RowTable, Tables, tables_of
from node.storage.view import QUERY_KEYS, query_chunks
from tests.ledger.chains import (
    GENESIS,
    TEST_ROWS,
    Account,
    Chain,
    Line,
    Mark,
)
from tests.node.store_kit import (
    KINDS,
    Counted,
    account,
    changes_of,
    commit,
    open_store,
    url_of,
)


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return url_of(request.param, tmp_path)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = open_store(url)
    yield store
    store.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


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
        sql = store.statements.select(mapped.table, 64)
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


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
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
