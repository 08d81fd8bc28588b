"""Ranges over long runs of blocks without a certificate of their own (R9)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from consensus.justification import refuse_unproved
from consensus.limits import RANGE_BLOCKS_MAX
from consensus.messages import Range, decode, encode
from consensus.votes import certificate_of, final_subject, sign_vote
from ledger.block import tip_of
from node.host.catchup import range_from
from node.storage.store import Store
from tests.ledger.chains import GENESIS, SIGNERS, Chain
from tests.node.store_kit import make_final, open_store

BLOCKS = 3 * RANGE_BLOCKS_MAX


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    """Return a store of many blocks, the last of which alone has a certificate."""
    opened, chain = open_store("sqlite://"), Chain()
    for height in range(1, BLOCKS + 1):
        block, execution = chain.grow_records(1)
        subject, certificate = final_subject(tip_of(block)), None
        if height == BLOCKS:
            votes = {n: sign_vote(subject, SIGNERS[n], n, 1, GENESIS) for n in GENESIS.voters[:3]}
            certificate = encode(certificate_of(votes))
        make_final(opened, block, execution, certificate, encode(()))
    yield opened
    opened.close()


def _answer(store: Store, height: int, bytes_max: int = 10**6) -> Range | None:
    with store.own_reader() as reader:
        return range_from(reader, height, bytes_max)


def test_a_run_of_hundreds_of_uncertified_blocks_is_given_stretch_by_stretch(store: Store) -> None:
    height = 1
    while height <= BLOCKS:
        answer = _answer(store, height)
        assert answer is not None
        assert decode(encode(answer)) == answer
        blocks = [wire.block() for wire in answer.blocks]
        assert blocks[0].height == height and len(blocks) == RANGE_BLOCKS_MAX
        refuse_unproved(answer, blocks, GENESIS)
        assert len(answer.headers) == BLOCKS - height + 1 - len(blocks)
        height += len(blocks)
    assert _answer(store, BLOCKS + 1) is None


def test_blocks_and_headers_keep_to_their_bytes_but_the_first_block(store: Store) -> None:
    one = _answer(store, BLOCKS - 5, 2500)
    assert one is not None and 1 <= len(one.blocks) < 5
    assert sum(map(len, one.headers)) <= 2500
    last = _answer(store, BLOCKS, 1)
    assert last is not None and len(last.blocks) == 1 and not last.headers
    assert _answer(store, 1, 2500) is None, "the headers to the certificate are too many"
