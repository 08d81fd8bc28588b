"""The machine between replica, pool and store, by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ledger import canonical
from ledger.batch import Batch, seal
from ledger.block import Block, genesis_tip
from ledger.domains import ZERO_HASH
from ledger.errors import VerificationError
from ledger.execute import check_records
from node.host.machine import LedgerMachine
from node.host.pool import Pool
from node.storage.store import Store
from tests.ledger.ledger_kit import GENESIS, MORNING, captured, signer

PARTY = GENESIS.names[1]
Make = Callable[[Batch], LedgerMachine]


@pytest.fixture
def machine_with() -> Iterator[Make]:
    """Makes machines whose pool holds a batch."""
    stores = []

    def make(batch: Batch) -> LedgerMachine:
        pool, store = Pool(GENESIS), Store("sqlite://", GENESIS)
        stores.append(store)
        pool.add(batch)
        return LedgerMachine(GENESIS, PARTY, signer(PARTY), store, pool)

    yield make
    for store in stores:
        store.close()


def capture_batch() -> Batch:
    record = {"at": MORNING, "id": "c1", "type": "payment.captured", **captured("P1")}
    raws = [canonical.encode(record)]
    start = (0, ZERO_HASH)
    return seal(signer("institution"), GENESIS.ledger, "institution", start, raws)


def received(block: Block, signature: bytes) -> Block:
    """Return the block as it comes over the wire: equal batches, other objects."""
    batch = block.batches[0]
    copy = Batch(batch.raw_header, signature, batch.records)
    return Block(block.raw_header, block.signature, (copy,))


def test_a_batch_that_the_pool_holds_is_not_decoded_again_in_a_block(machine_with: Make) -> None:
    batch = capture_batch()
    decoded = check_records(batch)
    tip = genesis_tip(GENESIS)
    built = machine_with(batch).build(tip, 1, MORNING, empty=False)
    assert built is not None
    block = received(built, batch.signature)
    machine = machine_with(batch)
    machine.refuse_forged(block, [])
    assert block.batches[0].decoded is decoded
    assert machine.check(block, tip, MORNING) is None


def test_a_batch_that_only_resembles_the_pools_is_verified_by_itself(machine_with: Make) -> None:
    batch = capture_batch()
    machine = machine_with(batch)
    built = machine.build(genesis_tip(GENESIS), 1, MORNING, empty=False)
    assert built is not None
    block = received(built, bytes(64))
    with pytest.raises(VerificationError) as caught:
        machine.refuse_forged(block, [])
    assert caught.value.code == "bad-signature"
    assert block.batches[0].decoded is None
