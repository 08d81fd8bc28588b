"""Execution: blocks into entries, changes and hashes, the same however they are cut."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import canonical, domains
from ledger.batch import Batch, seal
from ledger.block import genesis_tip
from ledger.books import post
from ledger.contracts import decode_record
from ledger.entry import decode_entry
from ledger.errors import Refused, VerificationError
from ledger.execute import BatchHead, EntryInfo, Execution, Recorded, check_records, execute
from ledger.expectations import Expectation
from ledger.log.merkle import Frontier, leaf_hash, root_of
from ledger.state import (
    EmptyView,
    Overlay,
    Transaction,
    change_list,
)
from tests.ledger.ledger_kit import (
    GENESIS,
    MINUTE,
    MORNING,
    RECEIVER,
    Ledger,
    captured,
    opened,
    signer,
    split,
    split_ledger,
)
from tests.ledger.refusal_kit import (
    REFUSALS,
    Said,
    capture,
    instruct,
    payout,
)

# --- blocks -------------------------------------------------------------------------------------


def test_entries_leaves_and_tree_fit_together() -> None:
    ledger = opened()
    first = ledger.tip.size
    raw = [
        ledger.record("payment.captured", captured()),
        ledger.record("payment.captured", captured()),
        ledger.record("split.instructed", split()),
    ]
    done = ledger.run(ledger.seal("institution", raw))
    assert done.first_index == first
    assert [entry.outcome for entry in done.entries] == [
        "applied",
        "already-captured",
        "wrong-author",
    ]
    assert done.entries[0] == EntryInfo(
        first, "institution", "r4", "payment.captured", "payment:P1", "applied"
    )
    assert [index for index, _ in done.refusals] == [first + 1, first + 2]
    for position, leaf in enumerate(done.leaves):
        entry = decode_entry(leaf)
        assert (entry.batch, entry.party) == (4, "institution")
        assert entry.record == raw[position]
    assert done.leaf_hashes == [leaf_hash(leaf) for leaf in done.leaves]
    assert done.size == first + 3
    assert done.root == done.frontier.root()


def test_the_root_covers_all_leaves_of_all_blocks() -> None:
    ledger = Ledger()
    leaves = []
    for number in range(5):
        fields = {"receiver": f"shop-{number}", **RECEIVER}
        raw = [ledger.record("receiver.registered", fields)] * 1
        leaves += ledger.run(ledger.seal("institution", raw)).leaf_hashes
    assert ledger.tip.root == root_of(leaves)


def test_the_state_hash_covers_changes_and_outcomes() -> None:
    ledger = opened()
    parent = ledger.tip
    done = ledger.state("institution", "payment.captured", **captured())
    covered = {"changes": change_list(done.changes), "outcomes": ["applied"]}
    assert done.state == domains.state_hash(parent.state, canonical.encode(covered))


def test_changes_are_listed_by_table_and_key() -> None:
    done = split_ledger().state("institution", "payment.reversed", payment="P1", reason="void")
    listed = change_list(done.changes)
    assert [table for table, _, _ in listed] == sorted({kind.TABLE for kind in done.changes})
    for _, rows, deleted in listed:
        assert [row.key for row in rows] == sorted(row.key for row in rows)
        assert deleted == sorted(deleted)
    gone = {table: deleted for table, _, deleted in listed}
    assert ("reserve", "CNY") in gone["balances"]
    standing = [row for _, rows, _ in listed for row in rows]
    assert len(standing) + sum(map(len, gone.values())) == sum(map(len, done.changes.values()))


def test_an_id_is_used_once_by_each_author_even_when_it_was_refused() -> None:
    ledger = opened()
    same = {"id": "same", **captured()}
    ledger.refuse("wrong-author", "platform", "payment.captured", **same)
    ledger.apply("institution", "payment.captured", **same)
    refused = ledger.refuse("id-reused", "platform", "split.instructed", id="same", **split())
    assert "entry 3" in refused.got
    assert ledger.row(Recorded, "platform", "same").entry == 3
    assert ledger.row(Recorded, "institution", "same").entry == 4


def test_an_id_twice_in_one_batch_counts_once() -> None:
    ledger = opened()
    raw = [
        ledger.record("payment.captured", {"id": "same", **captured("P1")}),
        ledger.record("payment.captured", {"id": "same", **captured("P2")}),
    ]
    done = ledger.run(ledger.seal("institution", raw))
    assert [entry.outcome for entry in done.entries] == ["applied", "id-reused"]
    assert ledger.row(Recorded, "institution", "same").entry == done.first_index


def invalid(code: str, ledger: Ledger, *batches: Batch) -> None:
    before = len(canonical.encode(change_list(ledger.view.changes)))
    with pytest.raises(VerificationError) as caught:
        execute(ledger.genesis, ledger.tip, ledger.frontier, ledger.view, ledger.now, batches)
    assert caught.value.code == code
    assert len(canonical.encode(change_list(ledger.view.changes))) == before


def batch_of(
    ledger: Ledger, previous: tuple[int, bytes], raw: bytes, party: str = "institution"
) -> Batch:
    return seal(signer(party), ledger.genesis.ledger, party, previous, [raw])


def test_a_batch_that_does_not_continue_its_authors_chain_makes_the_block_invalid() -> None:
    ledger = opened()
    raw = ledger.record("payment.captured", captured())
    number, head = ledger.heads["institution"]
    invalid("batch-order", ledger, batch_of(ledger, (number + 1, head), raw))
    invalid("batch-order", ledger, batch_of(ledger, (number - 1, head), raw))
    invalid("batch-order", ledger, batch_of(ledger, (number, domains.ZERO_HASH), raw))
    invalid("batch-order", ledger, batch_of(ledger, (0, head), raw, "platform"))
    good = batch_of(ledger, (number, head), raw)
    invalid("batch-order", ledger, good, good)
    ledger.run(good)
    assert ledger.row(BatchHead, "institution").hash_hex == good.hash.hex()


def test_batches_of_one_party_follow_each_other_in_one_block() -> None:
    ledger = opened()
    first = ledger.seal("institution", [ledger.record("payment.captured", captured("P1"))])
    head = (first.number, first.hash)
    second = batch_of(ledger, head, ledger.record("payment.captured", captured("P2")))
    assert ledger.run(first, second).refusals == []
    assert ledger.row(BatchHead, "institution").number == second.number


def test_bytes_that_are_no_record_make_the_block_invalid() -> None:
    ledger = opened()
    for raw in (b"{}", b'{"at": 1}', b"\xff"):
        batch = batch_of(ledger, ledger.heads["institution"], raw)
        invalid("bad-record", ledger, batch)
        with pytest.raises(VerificationError) as caught:
            check_records(batch)
        assert caught.value.code == "bad-record"


def test_check_records_returns_the_decoded_records() -> None:
    ledger = opened()
    raw = ledger.record("payment.captured", captured())
    batch = ledger.seal("institution", [raw])
    assert check_records(batch) == (decode_record(raw),)


def test_a_batch_of_a_stranger_makes_the_block_invalid() -> None:
    ledger = opened()
    raw = ledger.record("payment.captured", captured())
    invalid("unknown-party", ledger, batch_of(ledger, (0, domains.ZERO_HASH), raw, "stranger"))


def test_a_refused_record_keeps_its_block_no_longer_than_others() -> None:
    ledger = opened()
    raw = [ledger.record("payment.captured", captured()) for _ in range(2)]
    batch = ledger.seal("institution", raw)
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)  # what is found is kept, to be looked at
    try:
        done = ledger.run(batch)
        assert [refused.code for _, refused in done.refusals] == ["already-captured"]
        del done
        gc.collect()
        assert not [each for each in gc.garbage if isinstance(each, Refused | Execution)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def test_records_of_a_batch_are_decoded_once() -> None:
    ledger = opened()
    batch = ledger.seal("institution", [ledger.record("payment.captured", captured())])
    first = check_records(batch)
    ledger.run(batch)
    assert check_records(batch) is first


def test_an_empty_block_changes_nothing_but_the_state_hash() -> None:
    ledger = opened()
    done = execute(GENESIS, ledger.tip, ledger.frontier, ledger.view, ledger.now, [])
    assert (done.size, done.root, done.changes) == (ledger.tip.size, ledger.tip.root, {})
    assert done.state != ledger.tip.state


def test_execution_leaves_its_inputs_as_they_were() -> None:
    ledger = opened()
    hashes, rows = ledger.frontier.hashes, ledger.rows()
    batch = ledger.seal("institution", [ledger.record("payment.captured", captured())])
    execute(GENESIS, ledger.tip, ledger.frontier, ledger.view, ledger.now, [batch])
    assert (ledger.frontier.hashes, ledger.rows()) == (hashes, rows)


def test_a_contract_sees_the_blocks_time_and_not_the_authors() -> None:
    ledger = opened()
    ledger.now += MINUTE
    ledger.apply("institution", "payment.captured", at=1, **captured())
    row = ledger.row(Expectation, "instruction", "payment:P1")
    assert row.opened_at == ledger.now


# --- transactions and determinism ---------------------------------------------------------------


def test_a_transaction_reads_its_own_changes_and_undoes_them_all() -> None:
    view = Overlay(EmptyView())
    tx = Transaction(view, GENESIS, "institution", "institution", 1, 1, MORNING)
    tx.put(BatchHead("a", 1, "00", 0, 0))
    tx.begin(2)
    tx.put(BatchHead("a", 2, "00", 0, 0))
    tx.put(BatchHead("b", 1, "00", 0, 0))
    assert tx.rows[BatchHead]["a",] == BatchHead("a", 2, "00", 0, 0)
    tx.delete(BatchHead, ("a",))
    assert tx.rows[BatchHead]["a",] is None
    tx.undo()
    assert view.changes == {BatchHead: {("a",): BatchHead("a", 1, "00", 0, 0)}}


def test_a_row_that_is_made_and_deleted_in_one_block_is_no_change() -> None:
    old, new = BatchHead("old", 1, "00", 0, 0), BatchHead("new", 1, "00", 0, 0)
    below = Overlay(EmptyView(), {BatchHead: {old.key: old}})
    view = Overlay(below)
    tx = Transaction(view, GENESIS, "institution", "institution", 1, 1, MORNING)
    tx.put(new)
    for key in (old.key, new.key):
        tx.delete(BatchHead, key)
    tx.put(Recorded("a", "x", 1))
    tx.delete(Recorded, ("a", "x"))
    view.rest()
    assert view.changes == {BatchHead: {old.key: None}}
    assert view.get(BatchHead, new.key) is None


def test_the_first_change_undone_leaves_no_trace() -> None:
    view = Overlay(EmptyView())
    tx = Transaction(view, GENESIS, "institution", "institution", 1, 1, MORNING)
    post(tx, "CNY", [("reserve", 1), ("suspense:p", -1)])
    tx.undo()
    assert view.changes == {}


REFUSED = [said for _, said in REFUSALS.values() if said[0] in GENESIS.names]
SAID = st.sampled_from([*REFUSED, capture(), instruct(), payout()])


@settings(max_examples=25)
@given(st.lists(SAID, min_size=1, max_size=12), st.integers(1, 4))
def test_the_same_batches_give_the_same_bytes_however_they_are_cut_into_blocks(
    day: list[Said], cut: int
) -> None:
    one, other = opened(), opened()
    for author, type_, fields in day:
        stated = {"id": f"n{one.tip.size}", **fields}
        one.state(author, type_, **stated)
    sizes = list(range(0, len(day), cut))
    for start in sizes:
        block = []
        for place, (author, type_, fields) in enumerate(day[start : start + cut], start):
            stated = {"id": f"n{3 + place}", **fields}
            batch = other.seal(author, [other.record(type_, stated)])
            other.heads[author] = (batch.number, batch.hash)
            block.append(batch)
        other.run(*block)
    assert one.tip.root == other.tip.root
    assert one.rows() == other.rows()


def test_two_executions_of_one_block_give_the_same_hashes() -> None:
    ledger = opened()
    records = [ledger.record(type_, fields) for _, type_, fields in (capture(), payout())]
    batch = ledger.seal("institution", records)
    tip, frontier = ledger.tip, ledger.frontier
    results = [execute(GENESIS, tip, frontier, ledger.view, ledger.now, [batch]) for _ in range(2)]
    assert results[0].state == results[1].state
    assert results[0].root == results[1].root


def test_golden_hashes_of_a_small_day() -> None:
    ledger = split_ledger()
    ledger.create()
    ledger.paid()
    assert ledger.tip.root.hex() == GOLDEN_ROOT
    assert ledger.tip.state.hex() == GOLDEN_STATE


def test_the_log_begins_empty() -> None:
    assert genesis_tip(GENESIS).size == Frontier().size == 0


GOLDEN_ROOT = "8cbbd9c49feac88e2795c2a4e1ca66a727adce3fc9f87597da888b23124d9398"
GOLDEN_STATE = "25881775d176a157a1e7528b5049835bba2b2ddd7c628e87cd968b253c116376"
