"""A quota: what goes beyond it waits for its party's own block or the next minute."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from consensus.effects import Invalid
from ledger.batch import Batch, seal
from ledger.block import Block, genesis_tip
from ledger.domains import ZERO_HASH
from ledger.genesis import Limits
from node.host.machine import LedgerMachine
from node.host.pool import Pool
from node.storage.store import Store
from tests.ledger.ledger_kit import MORNING, make_genesis, signer
from tests.node.host_kit import World, capture, instruct, register

QUOTA = 10
GENESIS = make_genesis(limits=Limits(batch_records=5, party_records=QUOTA))
TIP = genesis_tip(GENESIS)
MINUTE = 60_000


def batches(party: str, count: int) -> list[Batch]:
    """Return ``count`` consecutive batches of five records each."""
    head, made = (0, ZERO_HASH), []
    for number in range(count):
        raws = [register(f"{party}-{number}-{place}") for place in range(5)]
        made.append(seal(signer(party), GENESIS.ledger, party, head, raws))
        head = (made[-1].number, made[-1].hash)
    return made


@pytest.fixture
def machines() -> Iterator[dict[str, LedgerMachine]]:
    """A machine of the institution and one of another, whose pools hold four batches of it."""
    made, stores = {}, []
    for party in ("institution", "platform"):
        store = Store("sqlite://", GENESIS)
        stores.append(store)
        pool = Pool(GENESIS)
        for batch in batches("institution", 4):
            pool.add(batch)
        made[party] = LedgerMachine(GENESIS, party, signer(party), store, pool)
    yield made
    for store in stores:
        store.close()


def numbers(block: Block | None) -> list[int]:
    assert block is not None
    return [batch.number for batch in block.batches]


def test_others_leave_waiting_what_is_over_the_quota(machines: dict[str, LedgerMachine]) -> None:
    block = machines["platform"].build(TIP, 1, MORNING, empty=False)
    assert numbers(block) == [1, 2]
    assert machines["institution"].check(block, TIP, MORNING) is None  # type: ignore[arg-type]


def test_a_party_puts_into_its_own_block_what_fits(machines: dict[str, LedgerMachine]) -> None:
    block = machines["institution"].build(TIP, 1, MORNING, empty=False)
    assert numbers(block) == [1, 2, 3, 4]
    assert machines["platform"].check(block, TIP, MORNING) is None  # type: ignore[arg-type]


def test_a_block_of_somebody_else_over_the_quota_is_invalid(
    machines: dict[str, LedgerMachine],
) -> None:
    generous = Limits(batch_records=5, party_records=QUOTA + 1000)
    machines["platform"]._genesis = _lenient(generous)
    block = machines["platform"].build(TIP, 1, MORNING, empty=False)
    assert numbers(block) == [1, 2, 3, 4]
    found = machines["institution"].check(block, TIP, MORNING)  # type: ignore[arg-type]
    assert found == Invalid("20 records of institution, whose quota leaves 10 this minute")


def _lenient(limits: Limits) -> object:
    """Return the same ledger, by its hash, as a proposer sees it that keeps to no quota."""
    from msgspec.structs import replace

    changed = replace(GENESIS, limits=limits)
    changed.__dict__["raw"] = GENESIS.raw
    return changed


def test_blocks_of_one_minute_add_up_and_the_next_minute_is_fresh(
    machines: dict[str, LedgerMachine],
) -> None:
    machine = machines["platform"]
    first = machine.build(TIP, 1, MORNING, empty=False)
    assert first is not None
    tip = _tip_of(first)
    assert not machine.has_work(tip, MORNING), "over the quota: no slot burns for it"
    assert machine.build(tip, 2, MORNING + MINUTE - MORNING % MINUTE - 1, empty=False) is None
    later = MORNING + MINUTE - MORNING % MINUTE
    assert machine.has_work(tip, later)
    assert numbers(machine.build(tip, 2, later, empty=False)) == [3, 4]
    assert numbers(machine.build(tip, 3, MORNING, empty=True)) == []


def _tip_of(block: Block) -> object:
    from ledger.block import tip_of

    return tip_of(block)


def test_all_of_it_becomes_final_and_the_others_are_served_at_once(tmp_path: Path) -> None:
    """Four hosts: the institution states 30 times its quota, the platform a little."""
    world = World(tmp_path, genesis=GENESIS)
    world.open()
    flood = world.submit("institution", [register(f"shop-{n}") for n in range(30 * QUOTA)])
    flood += world.submit("institution", [capture("P1")])
    little = world.submit("platform", [instruct("P1")])
    assert world.run(10_000, lambda: all(each.done for each in little))
    assert not all(each.done for each in flood)
    assert world.run(40 * MINUTE, lambda: all(each.done for each in flood))
    world.run(1000)
    world.check_equal()
    assert {each.outcome for each in flood} == {"applied"}
    for host in world.hosts.values():
        assert not host.replica.silent
        assert host.replica.timers.slot_ms == GENESIS.timeouts.base_ms, "no timeout has grown"
    world.close()
