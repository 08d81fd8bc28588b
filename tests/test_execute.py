"""Execution: blocks into entries, changes and hashes; every refusal, and nothing left of one."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ledger as package
from ledger import canonical, domains
from ledger.batch import Batch, seal
from ledger.block import genesis_tip
from ledger.books import post
from ledger.contracts import RULES, decode_record
from ledger.entry import decode_entry
from ledger.errors import Refused, VerificationError
from ledger.execute import BatchHead, EntryInfo, Preview, Recorded, check_records, execute
from ledger.expectations import Expectation
from ledger.limits import SAFE_INTEGER_MAX
from ledger.log.merkle import Frontier, leaf_hash, root_of
from ledger.records import Record
from ledger.state import (
    Changes,
    EmptyView,
    Key,
    Overlay,
    Row,
    Transaction,
    Wanted,
    change_list,
)
from tests import fee_kit, refund_kit
from tests.ledger_kit import (
    DAY,
    GENESIS,
    MINUTE,
    MORNING,
    RECEIVER,
    Ledger,
    captured,
    leg,
    opened,
    paid_of,
    payout_of,
    signer,
    split,
    split_ledger,
)

# --- every refusal code, produced by a record ---------------------------------------------------

Said = tuple[str, str, dict[str, Any]]


def paid_out() -> Ledger:
    ledger = split_ledger()
    ledger.create(receiver="platform-fee", amount=3000)
    return ledger


def confirmed() -> Ledger:
    ledger = paid_out()
    ledger.paid()
    ledger.apply("platform", "settlement.confirmed", **CONFIRMATION)
    return ledger


def returned() -> Ledger:
    ledger = paid_out()
    ledger.apply("institution", "settlement.returned", payout="O1", reason="closed")
    return ledger


def suspended() -> Ledger:
    ledger = opened()
    ledger.apply("institution", "receiver.suspended", receiver="shop", reason="fraud")
    return ledger


def captured_once(amount: int = 10_000) -> Ledger:
    ledger = opened()
    ledger.capture(amount=amount)
    return ledger


def at_the_end_of_time() -> Ledger:
    ledger = opened()
    ledger.now = SAFE_INTEGER_MAX
    return ledger


CONFIRMATION = {"payout": "O1", "amount": 3000, "currency": "CNY", "received_at": MORNING}
NEW_RECEIVER = {"receiver": "new", **RECEIVER}
ONE_LEG = [leg(1, "shop", amount=10_000)]
ONE_PAYMENT = {"payment": "P1", "reason": "any"}


def instruct(**fields: Any) -> Said:
    return "platform", "split.instructed", split(**fields)


def capture(**fields: Any) -> Said:
    return "institution", "payment.captured", captured(**fields)


def payout(**fields: Any) -> Said:
    return "institution", "settlement.created", payout_of(**fields)


REFUSALS: dict[str, tuple[Callable[[], Ledger], Said]] = {
    "already-captured": (captured_once, capture()),
    "already-confirmed": (confirmed, ("platform", "settlement.confirmed", CONFIRMATION)),
    "already-instructed": (split_ledger, instruct()),
    "already-paid": (confirmed, ("institution", "settlement.paid", paid_of())),
    "already-suspended": (
        suspended,
        ("institution", "receiver.suspended", {"receiver": "shop", "reason": "again"}),
    ),
    "amounts-do-not-sum": (opened, instruct(legs=[leg(1, "shop", amount=9999)])),
    "books-overflow": (
        lambda: captured_once(SAFE_INTEGER_MAX),
        capture(payment="P2", amount=1),
    ),
    "cross-institution": (
        opened,
        ("institution", "receiver.registered", {**NEW_RECEIVER, "kind": "payment_account"}),
    ),
    "date-out-of-range": (at_the_end_of_time, capture(captured_at=SAFE_INTEGER_MAX)),
    "id-reused": (opened, ("institution", "payment.captured", {**captured(), "id": "r1"})),
    "leg-form": (opened, instruct(legs=[leg(1, "shop", ppm=1_000_000)])),
    "leg-in-payout": (paid_out, ("platform", "split.amended", split())),
    "leg-order": (opened, instruct(legs=[leg(2, "shop", amount=10_000)])),
    "loan-unknown": (opened, instruct(loan="L1")),
    "no-such-date": (split_ledger, payout(cutoff_date="2026-13-01")),
    "not-captured": (opened, ("institution", "payment.reversed", ONE_PAYMENT)),
    "not-instructed": (opened, ("platform", "split.amended", split())),
    "not-suspended": (
        opened,
        ("institution", "receiver.resumed", {"receiver": "shop", "reason": "any"}),
    ),
    "nothing-due": (opened, payout()),
    "payout-differs": (split_ledger, payout(amount=1)),
    "payout-exists": (paid_out, payout()),
    "payout-not-paid": (paid_out, ("platform", "settlement.confirmed", CONFIRMATION)),
    "payout-returned": (returned, ("institution", "settlement.paid", paid_of())),
    "ratios-do-not-sum": (opened, instruct(mode="ratio", legs=[leg(1, "shop", ppm=999_999)])),
    "receiver-exists": (
        opened,
        ("institution", "receiver.registered", {**NEW_RECEIVER, "receiver": "shop"}),
    ),
    "receiver-suspended": (suspended, instruct()),
    "tail-leg": (opened, instruct(legs=ONE_LEG, tail_leg=1)),
    "time-in-future": (opened, capture(captured_at=MORNING + DAY + 1)),
    "too-many-legs": (opened, instruct(legs=[leg(n, "shop", amount=1000) for n in range(1, 12)])),
    "unknown-party": (
        opened,
        ("institution", "receiver.registered", {**NEW_RECEIVER, "owner": "stranger"}),
    ),
    "unknown-payout": (opened, ("institution", "settlement.paid", paid_of("O9"))),
    "unknown-receiver": (opened, instruct(legs=[leg(1, "nobody", amount=10_000)])),
    "wrong-author": (opened, ("funder", "payment.captured", captured())),
    "wrong-currency": (opened, instruct(currency="USD")),
    **refund_kit.REFUSALS,
    **fee_kit.REFUSALS,
}

MORE_REFUSALS: list[tuple[str, Callable[[], Ledger], Said]] = [
    ("leg-form", opened, instruct(legs=[leg(1, "shop")])),
    ("leg-form", opened, instruct(legs=[leg(1, "shop", amount=10_000, ppm=1)])),
    ("leg-form", opened, instruct(mode="ratio", legs=ONE_LEG)),
    ("tail-leg", opened, instruct(mode="ratio", legs=[leg(1, "shop", ppm=1_000_000)], tail_leg=2)),
    ("leg-order", opened, instruct(legs=[leg(1, "shop", amount=1), leg(1, "shop", amount=1)])),
    ("already-captured", captured_once, ("platform", "split.withdrawn", ONE_PAYMENT)),
    ("not-instructed", opened, ("platform", "split.withdrawn", ONE_PAYMENT)),
    ("leg-in-payout", paid_out, ("institution", "payment.reversed", ONE_PAYMENT)),
    ("wrong-author", paid_out, ("funder", "settlement.confirmed", CONFIRMATION)),
    ("wrong-currency", split_ledger, payout(currency="USD")),
    ("unknown-receiver", opened, payout(receiver="nobody")),
]

BY_HAND = {"books-overdrawn"}
"""Guards against a fault in a contract: no record reaches them, tests/test_books.py does."""


def codes_in_source() -> set[str]:
    """Return every code with which the package's source refuses, read from its syntax trees."""
    found: set[str] = set()
    for path in sorted(Path(package.__file__).parent.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refused":
                code = node.args[0]
                text = code.value if isinstance(code, ast.Constant) else constants[code.id]  # type: ignore[attr-defined]
                found.add(str(text))
    return found


def test_every_refusal_code_in_the_source_is_produced_by_a_test() -> None:
    assert codes_in_source() == set(REFUSALS) | BY_HAND


def test_the_documentation_names_every_record_type_and_every_code() -> None:
    page = Path(package.__file__).parents[1] / "docs" / "contracts.md"
    text = page.read_text(encoding="utf-8")
    assert [code for code in sorted(codes_in_source()) if f"`{code}`" not in text] == []
    types = [str(record.__struct_config__.tag) for record in RULES]
    assert [type_ for type_ in types if f"| `{type_}` |" not in text] == []


@pytest.mark.parametrize("code", REFUSALS)
def test_refusal(code: str) -> None:
    make, (author, type_, fields) = REFUSALS[code]
    refused = make().refuse(code, author, type_, **fields)
    assert refused.message


@pytest.mark.parametrize("case", range(len(MORE_REFUSALS)))
def test_other_ways_to_a_refusal(case: int) -> None:
    code, make, (author, type_, fields) = MORE_REFUSALS[case]
    make().refuse(code, author, type_, **fields)


def test_most_refusals_say_what_was_expected_and_what_came() -> None:
    for code, (make, (author, type_, fields)) in REFUSALS.items():
        refused = make().refuse(code, author, type_, **fields)
        assert refused.got, code
        assert refused.expected or code == "date-out-of-range", code


UNNAMED = {"settlement.confirmed", *refund_kit.ANYBODY, *fee_kit.RECIPIENTS}


def test_every_rule_but_those_open_to_any_role_names_its_authors() -> None:
    for rule in RULES.values():
        assert bool(rule.authors) != (rule.record.__struct_config__.tag in UNNAMED)


OPEN_TO_AUDITORS = {*refund_kit.ANYBODY, *fee_kit.RECIPIENTS}
NOT_FOR_AUDITORS = [r for r in RULES if r.__struct_config__.tag not in OPEN_TO_AUDITORS]


@pytest.mark.parametrize("record", NOT_FOR_AUDITORS, ids=lambda r: str(r.__struct_config__.tag))
def test_an_auditor_may_state_no_record_of_another_role(record: type[Record]) -> None:
    said: dict[str, dict[str, Any]] = {
        "receiver.registered": NEW_RECEIVER,
        "receiver.suspended": {"receiver": "shop", "reason": "any"},
        "receiver.resumed": {"receiver": "shop", "reason": "any"},
        "payment.captured": captured(),
        "payment.reversed": ONE_PAYMENT,
        "split.instructed": split(),
        "split.amended": split(),
        "split.withdrawn": ONE_PAYMENT,
        "settlement.created": payout_of(),
        "settlement.paid": paid_of(),
        "settlement.returned": {"payout": "O1", "reason": "any"},
        "settlement.confirmed": CONFIRMATION,
        **refund_kit.SAMPLES,
        **fee_kit.SAMPLES,
    }
    type_ = str(record.__struct_config__.tag)
    paid_out().refuse("wrong-author", "auditor", type_, **said[type_])


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


# --- prefetch -----------------------------------------------------------------------------------


class Counting:
    """A view over rows that remembers what was prefetched, and what was read without it."""

    def __init__(self, below: Overlay) -> None:
        self.below = below
        self.loaded: set[tuple[type[Row], Key]] = set()
        self.waves = 0
        self.cold: list[tuple[str, Key]] = []

    def get(self, kind: type[Any], key: Key) -> Any:
        if (kind, key) not in self.loaded:
            self.cold.append((kind.TABLE, key))
        return self.below.get(kind, key)

    def fetch(self, wanted: Wanted) -> Changes:
        self.waves += 1
        self.loaded.update((kind, key) for kind, keys in wanted.items() for key in keys)
        return self.below.fetch(wanted)


def cold_reads(ledger: Ledger, *said: Said) -> tuple[Counting, list[tuple[str, Key]]]:
    view = Counting(ledger.view)
    batches = [ledger.seal(a, [ledger.record(type_, fields)]) for a, type_, fields in said]
    done = execute(GENESIS, ledger.tip, ledger.frontier, view, ledger.now, batches)
    assert done.refusals == []
    return view, view.cold


def instructed() -> Ledger:
    ledger = opened()
    ledger.instruct()
    return ledger


def in_books() -> Ledger:
    """Return a ledger whose receivers already have open buckets."""
    ledger = split_ledger()
    ledger.capture("P2")
    return ledger


def paid() -> Ledger:
    ledger = paid_out()
    ledger.paid()
    return ledger


ORDINARY: dict[str, tuple[Callable[[], Ledger], Said]] = {
    "first half: capture": (opened, capture()),
    "first half: instruction": (opened, instruct()),
    "second half: capture": (instructed, capture()),
    "second half: instruction": (in_books, instruct(payment="P2")),
    "payout": (split_ledger, payout()),
    "paid": (paid_out, ("institution", "settlement.paid", paid_of())),
    "confirmed": (paid, ("platform", "settlement.confirmed", CONFIRMATION)),
    "returned": (paid, ("institution", "settlement.returned", {"payout": "O1", "reason": "any"})),
    "reversed": (split_ledger, ("institution", "payment.reversed", ONE_PAYMENT)),
    "withdrawn": (instructed, ("platform", "split.withdrawn", ONE_PAYMENT)),
    "registered": (opened, ("institution", "receiver.registered", NEW_RECEIVER)),
    **refund_kit.ORDINARY,
    **fee_kit.ORDINARY,
}


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_record_reads_only_what_was_prefetched(name: str) -> None:
    make, said = ORDINARY[name]
    view, cold = cold_reads(make(), said)
    assert cold == []
    assert 1 <= view.waves <= 4


# --- preview ------------------------------------------------------------------------------------


def preview_of(ledger: Ledger, view: Overlay, said: Said, entry: int = 100) -> None:
    author, type_, fields = said
    record = decode_record(ledger.record(type_, fields))
    Preview(GENESIS, view, ledger.tip, author, time_ms=ledger.now).apply(record, entry)


def test_preview_applies_to_the_overlay_only() -> None:
    ledger = opened()
    view = Overlay(ledger.view)
    preview_of(ledger, view, capture())
    preview_of(ledger, view, instruct(), 101)
    assert view.changes
    assert ledger.balances() == {}
    with pytest.raises(Refused) as caught:
        preview_of(ledger, view, capture(), 102)
    assert caught.value.code == "already-captured"


@pytest.mark.parametrize("code", REFUSALS)
def test_preview_refuses_what_execution_refuses_and_leaves_the_overlay(code: str) -> None:
    make, said = REFUSALS[code]
    ledger = make()
    view = Overlay(ledger.view)
    with pytest.raises(Refused) as caught:
        preview_of(ledger, view, said)
    assert caught.value.code == code
    assert view.changes == {}


def test_a_previewed_id_counts_as_used() -> None:
    ledger = opened()
    view = Overlay(ledger.view)
    preview_of(ledger, view, ("institution", "payment.captured", {"id": "a", **captured()}))
    with pytest.raises(Refused) as caught:
        preview_of(ledger, view, ("institution", "payment.captured", {"id": "a", **captured()}))
    assert caught.value.code == "id-reused"


# --- transactions and determinism ---------------------------------------------------------------


def test_a_transaction_reads_its_own_changes_and_undoes_them_all() -> None:
    view = Overlay(EmptyView())
    tx = Transaction(view, GENESIS, "institution", "institution", 1, 1, MORNING)
    tx.put(BatchHead("a", 1, "00"))
    tx.begin(2)
    tx.put(BatchHead("a", 2, "00"))
    tx.put(BatchHead("b", 1, "00"))
    assert tx.get(BatchHead, ("a",)) == BatchHead("a", 2, "00")
    tx.delete(BatchHead, ("a",))
    assert tx.get(BatchHead, ("a",)) is None
    tx.undo()
    assert view.changes == {BatchHead: {("a",): BatchHead("a", 1, "00")}}


def test_a_row_that_is_made_and_deleted_in_one_block_is_no_change() -> None:
    old, new = BatchHead("old", 1, "00"), BatchHead("new", 1, "00")
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


SAID = st.sampled_from([said for _, said in REFUSALS.values()] + [capture(), instruct(), payout()])


@settings(max_examples=25, deadline=None)
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


GOLDEN_ROOT = "6d9a821f661a4f9110506234561d7ca644230c683aa7b0cefa454c6c4f12dbf1"
GOLDEN_STATE = "8fa54e94405192a6ae8fa71342ff46f4bf4195bcc2bcfcaafe5265b6af6d1476"
