"""A check beside a running node: what it finds, where it goes on, and what it does not believe."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from demo.day.cast import DayPlan
from demo.day.generate import generate
from demo.day.phases import founding
from ledger.block import Block
from ledger.execute import Execution
from ledger.state import EmptyView, Overlay
from node.errors import CorruptLedger
from node.storage import replay
from node.storage.beside import SCRATCH, CheckStanding, check_beside
from node.storage.check import check, check_since_mark
from node.storage.marks import MARK_EVERY, VERIFIED, VerifiedMark, read_verified
from node.storage.store import Store
from tests.ledger.chains import CERTIFICATE, GENESIS, JUSTIFICATION, TEST_ROWS, Chain
from tests.ledger.ledger_kit import make_genesis
from tests.ledger.log_kit import InBatches
from tests.node.database_kit import Kept
from tests.node.store_kit import KINDS, POSTGRESQL, empty_postgresql, make_final

DAY = generate(DayPlan(300, seed=1))
OF_DAY = make_genesis(calendar=founding(DAY))
OLD = 3
"""The height of a block near the beginning."""
PART = 300
"""Entries after which a check is cut short."""


@cache
def blocks_of_day() -> list[tuple[Block, Execution]]:
    """Return the blocks of a generated day: about a thousand entries of every kind."""
    found: list[tuple[Block, Execution]] = []
    state = Overlay(EmptyView())

    def keep(block: Block, done: Execution) -> None:
        found.append((block, done))
        state.merge(done.changes)

    InBatches(DAY, 1, Kept(OF_DAY, state, keep), 40)
    return found


class Kit:
    """A database of a generated day, its store, and a folder for checks."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.store = Store(url, OF_DAY)
        self.later = list(blocks_of_day())

    def grow(self, blocks: int) -> None:
        """Commit the next blocks of the day."""
        for block, done in self.later[:blocks]:
            make_final(self.store, block, done, CERTIFICATE, JUSTIFICATION)
        del self.later[:blocks]

    def change(self, statement: str) -> None:
        """Change a row of the database by hand, in another process' way."""
        engine = create_engine(self.url)
        with engine.begin() as connection:
            assert connection.exec_driver_sql(statement).rowcount == 1
        engine.dispose()

    def check(self) -> list[CheckStanding]:
        """Check beside; return everything that was reported."""
        said: list[CheckStanding] = []
        check_beside(self.url, OF_DAY, self.folder, said.append)
        return said

    def cut(self) -> None:
        """Check beside, and end in the middle as a killed process does."""

        def report(standing: CheckStanding) -> None:
            if standing.entries >= PART:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            check_beside(self.url, OF_DAY, self.folder, report)
        assert (self.folder / SCRATCH).exists()

    def start_check(self) -> None:
        """Check what a node checks before its first answer."""
        check_since_mark(self.store, lambda done, total: None)


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a thousand entries be many steps."""
    monkeypatch.setattr("node.storage.log_check.ENTRIES_PER_STEP", 100)
    monkeypatch.setattr(replay, "ROWS_WAITING", 200)
    monkeypatch.setattr(replay, "PAGE_ROWS", 50)


@pytest.fixture(params=[kind for kind in KINDS if kind != "memory"])
def kit(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kit]:
    if request.param == "postgresql":
        empty_postgresql()
    url = POSTGRESQL if request.param == "postgresql" else f"sqlite:///{tmp_path / 'ledger.db'}"
    kit = Kit(url, tmp_path)
    kit.grow(len(kit.later) - 4)
    yield kit
    kit.store.close()


def test_a_sound_database_is_clean_and_leaves_nothing_behind(kit: Kit) -> None:
    said = kit.check()
    size = kit.store.tip().size
    assert said[-1] == CheckStanding("clean", size, size)
    assert {each.state for each in said} == {"log", "rows", "file", "clean"}
    assert [each.entries for each in said] == sorted(each.entries for each in said)
    assert not list(kit.folder.glob(f"{SCRATCH}*"))


def test_a_check_of_an_empty_database_is_clean(tmp_path: Path) -> None:
    kit = Kit(f"sqlite:///{tmp_path / 'ledger.db'}", tmp_path)
    assert kit.check()[-1].state == "clean"
    kit.store.close()


def test_what_the_node_adds_meanwhile_is_checked_as_well(kit: Kit) -> None:
    said: list[CheckStanding] = []

    def report(standing: CheckStanding) -> None:
        said.append(standing)
        if standing.state == "rows":  # most rows are compared by now, and others still to come
            kit.grow(1)

    check_beside(kit.url, OF_DAY, kit.folder, report)
    assert not kit.later
    assert (said[-1].state, said[-1].entries) == ("clean", kit.store.tip().size)


DAMAGES = {
    "balance": (
        "UPDATE balances SET amount = amount + 1 WHERE account = 'fee_income:institution'",
        "a row of balances is Balance(account='fee_income:institution'",
    ),
    "row gone": (
        "DELETE FROM balances WHERE account = 'fee_income:institution'",
        "a row of balances is missing: Balance(account='fee_income:institution'",
    ),
    "row too many": (
        "INSERT INTO balances (account, currency, amount) VALUES ('zzz', 'CNY', 1)",
        "a row of balances should not be: Balance(account='zzz'",
    ),
    "old header": (
        f"UPDATE blocks SET slot = slot + 1 WHERE height = {OLD}",
        f"block {OLD}: the header's columns differ",
    ),
    "old subject": (
        f"UPDATE entries SET subject = 'payment:other' "
        f'WHERE "index" = (SELECT min("index") FROM entries WHERE height = {OLD})',
        f"block {OLD}: entry",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_was_changed_by_hand_is_named_and_no_start_sees_it(kit: Kit, name: str) -> None:
    kit.start_check()
    statement, message = DAMAGES[name]
    tip = kit.store.tip()
    kit.change(statement)
    kit.start_check()  # the mark stands behind it: nothing of height, root or state hash differs
    assert kit.store.tip() == tip
    last = kit.check()[-1]
    assert last.state == "damaged"
    assert last.message.startswith(message)
    with pytest.raises(CorruptLedger) as caught:
        check(kit.store, lambda done, total: None, deep=True)
    assert caught.value.message == last.message


def test_a_flipped_byte_in_an_old_block_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    kit = Kit(f"sqlite:///{path}", tmp_path)
    kit.grow(len(kit.later))
    kit.start_check()
    with kit.store.reader() as reader:
        leaf = reader.entries(blocks_of_day()[OLD - 1][1].first_index, 1)[0].leaf
    kit.store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = path.read_bytes()
    at = content.index(leaf) + len(leaf) // 2
    path.write_bytes(content[:at] + bytes((content[at] ^ 1,)) + content[at + 1 :])
    kit.store = Store(kit.url, OF_DAY)
    kit.start_check()
    last = kit.check()[-1]
    assert (last.state, last.message[:8]) == ("damaged", f"block {OLD}:")
    kit.store.close()


# -- the mark -------------------------------------------------------------------------------------


def mark_of(kit: Kit) -> VerifiedMark:
    mark = read_verified(kit.store.noted(VERIFIED))
    assert mark is not None
    return mark


def test_damage_after_the_mark_is_found_before_the_first_answer(kit: Kit) -> None:
    kit.start_check()
    marked = kit.store.tip().height
    assert mark_of(kit).height == marked
    kit.grow(4)
    kit.change(f"UPDATE blocks SET time = time + 1 WHERE height = {marked + 2}")
    with pytest.raises(CorruptLedger) as caught:
        kit.start_check()
    assert caught.value.height == marked + 2
    assert mark_of(kit).height == marked


def test_without_a_mark_everything_is_checked_before_the_first_answer(kit: Kit) -> None:
    kit.change(f"UPDATE blocks SET time = time + 1 WHERE height = {OLD}")
    with pytest.raises(CorruptLedger) as caught:
        kit.start_check()
    assert caught.value.height == OLD


def test_a_mark_forged_ahead_of_damage_shortens_the_start_and_nothing_else(kit: Kit) -> None:
    tip = kit.store.tip()
    kit.change(f"UPDATE blocks SET time = time + 1 WHERE height = {tip.height - 2}")
    with pytest.raises(CorruptLedger):
        kit.start_check()
    kit.store.note(VERIFIED, VerifiedMark(tip.height, tip.hash.hex()).text())
    kit.start_check()
    last = kit.check()[-1]
    assert last.state == "damaged"
    assert last.message.startswith(f"block {tip.height - 2}: ")


@pytest.mark.parametrize("further", [0, 5])
def test_a_mark_of_another_block_is_damage(kit: Kit, further: int) -> None:
    height = kit.store.tip().height + further
    kit.store.note(VERIFIED, VerifiedMark(height, "ab" * 32).text())
    with pytest.raises(CorruptLedger, match="verified") as caught:
        kit.start_check()
    assert caught.value.height == height


def test_a_ledger_without_a_block_is_started_again_and_again(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'ledger.db'}", GENESIS, rows=TEST_ROWS)
    for _ in range(2):
        check_since_mark(store, lambda done, total: None)
    block, done = Chain().grow_records(3)
    make_final(store, block, done, CERTIFICATE, JUSTIFICATION)
    check_since_mark(store, lambda done, total: None)
    mark = read_verified(store.noted(VERIFIED))
    assert mark is not None and mark.height == 1
    store.close()


def test_a_node_moves_its_mark_on_as_it_commits(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'ledger.db'}", GENESIS, rows=TEST_ROWS)
    chain = Chain()
    heights = []
    for count in (MARK_EVERY - 1, 1, 1, MARK_EVERY, 1):
        block, done = chain.grow_records(count)
        make_final(store, block, done, CERTIFICATE, JUSTIFICATION)
        mark = read_verified(store.noted(VERIFIED))
        heights.append(0 if mark is None else mark.height)
    # The block before is marked: that one is on the disk.
    assert heights == [0, 1, 1, 1, 4]
    check_since_mark(store, lambda done, total: None)
    store.close()


# -- going on -------------------------------------------------------------------------------------


def test_a_check_that_was_cut_short_goes_on_from_there(kit: Kit) -> None:
    kit.cut()
    said = kit.check()
    assert said[0].entries == said[0].resumed_at >= PART
    assert said[-1].state == "clean"
    assert kit.check()[-1].resumed_at == 0  # a whole round is followed by one from genesis


def test_a_check_goes_on_to_find_what_lies_ahead(kit: Kit) -> None:
    kit.cut()
    kit.change(DAMAGES["balance"][0])
    last = kit.check()[-1]
    assert (last.state, last.message[:28]) == ("damaged", DAMAGES["balance"][1][:28])
    assert last.resumed_at == 0  # it was found by a round from genesis


def test_a_check_of_another_database_or_another_boot_is_not_gone_on_with(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit.cut()
    with monkeypatch.context() as patch:
        patch.setattr("node.storage.beside.boot_id", lambda: "another")
        assert kit.check()[0].resumed_at == 0
    kit.cut()
    kit.store.note("id", "another")
    assert kit.check()[0].resumed_at == 0


def test_a_damaged_scratch_database_is_no_damage_to_the_ledger(kit: Kit) -> None:
    kit.cut()
    with sqlite3.connect(kit.folder / SCRATCH) as scratch:
        scratch.execute("UPDATE balances SET amount = amount + 1")
    scratch.close()
    said = kit.check()
    assert said[0].resumed_at >= PART
    assert (said[-1].state, said[-1].resumed_at) == ("clean", 0)
    kit.cut()
    for each in kit.folder.glob(f"{SCRATCH}*"):
        each.write_bytes(b"no database" * 1000)
    assert kit.check()[-1].state == "clean"


def test_a_volume_that_is_nearly_full_ends_the_check_and_not_the_node(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "FREE_BYTES_MIN", 1 << 62)
    last = kit.check()[-1]
    assert last.state == "failed"
    assert last.message.startswith("disk-full: ")
