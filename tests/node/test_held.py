"""Blocks that are held: final and durable, and written for readers later, several at once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from consensus.messages import (
    CertificateMessage,
    Range,
    VoteMessage,
    decode,
    encode,
)
from consensus.votes import Subject, certificate_of, sign_vote
from ledger.limits import SAFE_INTEGER_MAX
from node.errors import StorageError
from node.host import delivery as deliveries
from node.host.catchup import range_from
from node.host.fork_inquiry import CONFLICT, REPORT
from node.host.phase import Phase
from node.limits import LISTENED_WITHIN_MS, REST_BEFORE_WRITING_MS, WRITTEN_WITHIN_MS
from node.storage import store as stores
from node.storage.check import check
from node.storage.held import FinalBlock
from node.storage.store import ConsensusItem, Store
from tests.ledger.chains import CERTIFICATE, JUSTIFICATION, Account, Chain
from tests.ledger.ledger_kit import GENESIS, signer
from tests.node.host_kit import CALM_MS, World, capture, instruct, let_ask, make_templates, register
from tests.node.store_kit import KINDS, account, changes_of, driver_of, open_store, url_of


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(url_of(request.param, tmp_path))
    yield opened
    opened.close()


def hold(store: Store, chain: Chain, *rows: Account, gone: tuple[object, ...] = ()) -> None:
    deleted = tuple((Account, key) for key in gone)
    block, execution = chain.grow_records(1, changes_of(*rows, deleted=deleted))  # type: ignore[arg-type]
    store.hold(FinalBlock(block, execution, JUSTIFICATION, CERTIFICATE))


def test_what_no_paper_makes_final_has_to_be_written(store: Store) -> None:
    chain = Chain()
    hold(store, chain, account(1))
    assert not store.must_write
    block, execution = chain.grow_records(1, changes_of(account(2)))
    store.hold(FinalBlock(block, execution, JUSTIFICATION, CERTIFICATE, durable=False))
    assert store.must_write
    hold(store, chain, account(3))
    assert store.must_write
    store.write()
    assert not store.must_write and not store.holds


def heights_stored(store: Store) -> list[int]:
    """Return what another thread's reader sees: only what was written."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(lambda: _heights(store)).result()


def _heights(store: Store) -> list[int]:
    with store.reader() as reader:
        return [each.height for each in reader.blocks(1, 1000)]


def test_what_is_held_is_final_here_and_not_seen_by_others(store: Store) -> None:
    chain = Chain()
    hold(store, chain, account(1))
    first = store.tip()
    hold(store, chain, account(1, amount=5), account(2))
    assert store.tip() == chain.tip
    assert store.holds
    assert store.view().get(Account, ("main", 1)) == account(1, amount=5)
    assert store.view().fetch({Account: {("main", 2), ("main", 3)}}) == {
        Account: {("main", 2): account(2), ("main", 3): None}
    }
    assert store.block_hash(1) == first.hash
    if store.engine.url.database not in (None, ""):  # in memory all share one connection
        assert heights_stored(store) == []
    store.write()
    assert not store.holds
    assert heights_stored(store) == [1, 2]
    assert store.block_hash(1) == first.hash
    check(store, lambda done, total: None)


def test_a_reader_of_the_writers_thread_sees_the_tip(store: Store) -> None:
    chain = Chain()
    hold(store, chain, account(1))
    with store.reader() as reader:
        assert reader.height() == 1
        assert reader.rows(Account) == [account(1)]


def test_a_row_that_came_and_went_leaves_no_trace(store: Store) -> None:
    chain = Chain()
    keys = {("main", number) for number in (1, 2, 3)}
    assert store.view().fetch({Account: keys}) == {Account: dict.fromkeys(keys)}
    hold(store, chain, account(1), account(2))
    hold(store, chain, account(2, amount=7), gone=(("main", 1),))
    store.write()
    with store.reader() as reader:
        assert reader.rows(Account) == [account(2, amount=7)]
    assert store.view().get(Account, ("main", 1)) is None
    hold(store, chain, gone=(("main", 2),))
    assert store.view().get(Account, ("main", 2)) is None
    store.write()
    assert store.view().get(Account, ("main", 2)) is None
    with store.reader() as reader:
        assert reader.rows(Account) == []


def test_many_rows_are_written_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "HELD_ROWS_MAX", 3)
    store, chain = open_store(f"sqlite:///{tmp_path / 'ledger.db'}"), Chain()
    hold(store, chain, account(1), account(2))
    assert heights_stored(store) == []
    hold(store, chain, account(3))
    assert heights_stored(store) == [1, 2]
    store.close()


def test_a_full_disk_loses_nothing_that_is_held(tmp_path: Path) -> None:
    store, chain = open_store(f"sqlite:///{tmp_path / 'ledger.db'}"), Chain()
    hold(store, chain, account(1))
    store.write()
    driver_of(store).execute("PRAGMA max_page_count = 1")
    for _ in range(200):
        hold(store, chain, account(2))
    with pytest.raises(StorageError) as caught:
        store.write()
    assert (caught.value.code, caught.value.definite) == ("disk-full", True)
    assert store.tip() == chain.tip
    assert store.view().get(Account, ("main", 2)) == account(2)
    driver_of(store).execute("PRAGMA max_page_count = 1000000")
    store.write()
    assert heights_stored(store)[-1] == chain.tip.height
    check(store, lambda done, total: None)
    store.close()


# -- hosts ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_templates(tmp_path_factory.mktemp("templates"))


@pytest.fixture
def world(tmp_path: Path, templates: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Four hosts that write nothing by themselves."""
    monkeypatch.setattr(deliveries, "WRITTEN_WITHIN_MS", 10 * CALM_MS)
    monkeypatch.setattr(deliveries, "REST_BEFORE_WRITING_MS", 10 * CALM_MS)
    opened = World(tmp_path, templates)
    opened.open()
    yield opened
    opened.close()


def _final(world: World, party: str, raw: bytes) -> None:
    said = world.submit(party, [raw])
    assert world.run(CALM_MS, lambda: said[0].state == "final")


def _pay(world: World, *payments: str) -> None:
    for receiver in ("shop", "platform-fee"):
        _final(world, "institution", register(receiver))
    for payment in payments:
        _final(world, "institution", capture(payment))
        _final(world, "platform", instruct(payment))
    stores = [world.stores[name] for name in world.hosts]
    assert world.run(CALM_MS, lambda: len({each.tip() for each in stores}) == 1)


@pytest.mark.parametrize("name", GENESIS.names)
def test_a_host_alone_knows_after_a_crash_all_that_was_final(world: World, name: str) -> None:
    _pay(world, "P1", "P2", "P3")
    tip = world.stores[name].tip()
    assert tip.height > 3
    assert world.stores[name].holds
    for each in GENESIS.names:
        world.crash(each)
    assert Store(f"sqlite:///{world.directory / name}.db", GENESIS).tip().height == 0
    world.open(name)
    assert world.stores[name].tip() == tip
    assert {each[1] for each in world.entries(name)} >= {"cap-P3", "ins-P3"}
    check(world.stores[name], lambda done, total: None, deep=True)


def test_a_block_that_came_by_range_is_written_at_once(world: World) -> None:
    world.crash("auditor")
    _pay(world, "P1", "P2")
    assert world.stores["funder"].holds
    world.open("auditor")
    tip = world.stores["funder"].tip()
    assert world.run(CALM_MS, lambda: world.stores["auditor"].tip() == tip)
    for each in GENESIS.names:
        world.crash(each)
    world.open("auditor")
    assert world.stores["auditor"].tip() == tip


def _tells(kind: str, frame: bytes) -> bool:
    """Return whether a frame is a vote or a certificate of a kind."""
    message = decode(frame)
    if isinstance(message, VoteMessage):
        return message.vote.kind == kind
    return isinstance(message, CertificateMessage) and message.certificate.subject.kind == kind


def test_a_range_of_blocks_that_were_voted_for_is_written_at_once(world: World) -> None:
    """No paper of this node's says that they are final: the range's headers do, and they pass."""
    world.lose = lambda _, to, frame: to == "funder" and _tells("final", frame)
    for receiver in ("shop", "platform-fee"):
        _final(world, "institution", register(receiver))
    voted = world.stores["platform"].tip()
    assert (voted.height, world.stores["funder"].tip().height) == (2, 0)
    world.lose = lambda _, to, __: to == "funder"
    _final(world, "institution", capture("P1"))
    with world.stores["platform"].reader() as reader:
        known = range_from(reader, 1, 1 << 20)
    assert known is not None
    *blocks, last = known.blocks
    let_ask(world, "funder", "platform", known.certificate)
    answer = Range(tuple(blocks), (last.header,), known.certificate)
    world.hosts["funder"].receive("platform", encode(answer))
    assert world.stores["funder"].tip() == voted
    for each in GENESIS.names:
        world.crash(each)
    world.open("funder")
    assert world.stores["funder"].tip() == voted


def test_a_host_that_crashes_at_any_moment_starts_where_it_was(world: World) -> None:
    """Everybody loses the power at once, again and again; nobody falls back."""
    for number in range(6):
        _pay(world, f"P{number}")
        tips = {name: world.stores[name].tip() for name in GENESIS.names}
        if number % 2:
            world.hosts["funder"].write()
        for each in GENESIS.names:
            world.crash(each)
        world.open()
        assert {name: world.stores[name].tip() for name in GENESIS.names} == tips
    world.check_equal()


def test_a_clock_that_was_set_back_takes_nothing_from_what_was_final(world: World) -> None:
    """Final certificates came, Notar certificates did not: nothing else overrules the clock."""
    world.run(100 * CALM_MS)
    world.lose = lambda _, to, frame: to == "funder" and _tells("notar", frame)
    for number in range(2 * len(GENESIS.voters)):
        _final(world, "institution", capture(f"P{number}"))
    tip = world.stores["platform"].tip()
    assert world.run(CALM_MS, lambda: world.stores["funder"].tip() == tip)
    assert world.stores["funder"].holds
    for each in GENESIS.names:
        world.crash(each)
    world.now_ms -= 90 * CALM_MS
    world.open("funder")
    assert world.stores["funder"].tip() == tip


def test_a_start_whose_papers_come_out_differently_stops(world: World) -> None:
    """What stands in the rows was damaged while the node was down: it says so, as when running."""
    _pay(world, "P1")
    world.hosts["funder"].write()
    _pay(world, "P2")
    assert world.stores["funder"].holds
    for each in GENESIS.names:
        world.crash(each)
    with sqlite3.connect(world.directory / "funder.db") as connection:
        connection.execute("UPDATE balances SET amount = amount + 1")
    connection.close()
    world.open("funder")
    host = world.hosts["funder"]
    host.tick()
    why = host.stopped()
    assert why is not None and why.code == "state-diverged"


def test_a_host_that_meets_a_fork_writes_what_was_final_before(world: World) -> None:
    """It never goes on: whoever reads its database at rest finds all that it has called final."""
    _pay(world, "P1")
    store, host, tip = world.stores["funder"], world.hosts["funder"], world.stores["funder"].tip()
    assert store.holds
    beside = Subject("final", tip.slot, bytes(32), tip.height, tip.size, tip.root)
    signers = GENESIS.voters[: GENESIS.quorum]
    votes = {name: sign_vote(beside, signer(name), name, 1, GENESIS) for name in signers}
    host.receive("platform", encode(CertificateMessage(certificate_of(votes))))
    assert host.phase is Phase.ENDING
    assert heights_stored(store)[-1] == tip.height
    world.crash("funder")
    world.open("funder")
    assert world.hosts["funder"].halted is not None


def test_a_host_that_met_a_fork_and_was_killed_writes_what_was_final_before(world: World) -> None:
    _pay(world, "P1")
    store, tip = world.stores["funder"], world.stores["funder"].tip()
    store.save([ConsensusItem(SAFE_INTEGER_MAX, CONFLICT, REPORT, b"{}")])
    assert store.holds
    for each in GENESIS.names:
        world.crash(each)
    world.open("funder")
    assert world.hosts["funder"].halted is not None
    assert heights_stored(world.stores["funder"])[-1] == tip.height


def test_blocks_are_written_when_the_ledger_rests(tmp_path: Path, templates: Path) -> None:
    world = World(tmp_path, templates)
    world.open()
    _pay(world, "P1")
    store, taken_ms = world.stores["funder"], world.now_ms
    assert store.holds
    assert world.run(CALM_MS, lambda: not store.holds)
    assert taken_ms < world.now_ms <= taken_ms + REST_BEFORE_WRITING_MS
    world.close()


def test_blocks_are_written_in_time_under_load_and_sooner_for_listeners(
    tmp_path: Path, templates: Path
) -> None:
    world = World(tmp_path, templates)
    world.open()
    _pay(world, "P1")
    host, now_ms = world.hosts["institution"], world.now_ms
    world.lose = lambda *_: True  # what is submitted now stays on its way
    world.submit("institution", [capture("P2")])
    assert len(host.pool)
    rested_ms = host.delivery.write_at() - WRITTEN_WITHIN_MS
    assert now_ms - WRITTEN_WITHIN_MS < rested_ms <= now_ms
    with host.delivery.listened():
        assert host.delivery.write_at() == rested_ms + LISTENED_WITHIN_MS
    world.close()
