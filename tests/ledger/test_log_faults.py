"""Corrupted logs: each named corruption is found at its place, and what comes before is good."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ledger import canonical, domains
from ledger.block import genesis_tip
from ledger.genesis import Genesis, read
from ledger.log.checkpoint import Checkpoint, Cosignature, cosign, cosigner_name, signed_checkpoint
from ledger.log.merkle import Frontier, leaf_hash, root_of
from ledger.log_check import LogChecker
from ledger.log_faults import LogFault
from ledger.log_lines import encode_checkpoint
from ledger.log_walk import LogEnd, walk
from ledger.state import EmptyView, Overlay
from tests.ledger.ledger_kit import signer
from tests.ledger.log_kit import write_log

Lines = list[bytes]
BLOCK = 4
"""The block that is corrupted, unless said otherwise."""


class Log(NamedTuple):
    genesis: Genesis
    lines: Lines

    def block(self, height: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.lines[height - 1])
        return found

    def first_of(self, height: int) -> int:
        return int(self.block(height)["block"]["size"]) - len(self.block(height)["entries"])


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    folder = tmp_path_factory.mktemp("log")
    write_log(60, folder)
    lines = (folder / "log.ndjson").read_bytes().splitlines()
    return Log(read((folder / "genesis.json").read_bytes()), lines)


def walked(lines: Lines, genesis: Genesis, *, execute: bool = True) -> tuple[int, LogEnd]:
    """Return the height of the last good block, and how the log ends."""
    state = Overlay(EmptyView())
    view = state if execute else None
    checker = LogChecker(genesis, genesis_tip(genesis), Frontier(), {}, view=view)
    blocks = walk(lines, genesis, checker)
    height = 0
    while True:
        try:
            block = next(blocks)
        except StopIteration as stop:
            return height, stop.value
        height = block.tip.height
        if block.execution is not None:
            state.merge(block.execution.changes)


def changed(log: Log, change: Callable[[dict[str, Any]], None], height: int = BLOCK) -> Lines:
    """Return the log with one block's line changed and written in the one form again."""
    line = log.block(height)
    change(line)
    return [*log.lines[: height - 1], canonical.encode(line), *log.lines[height:]]


def refound(line: dict[str, Any], start: int, count: int, index: int) -> None:
    """Have a batch's author, whose key was stolen, sign its changed records."""
    header = line["batches"][index]["header"]
    records = [canonical.encode(each["record"]) for each in line["entries"][start : start + count]]
    header["root"] = root_of([leaf_hash(record) for record in records]).hex()
    raw = canonical.encode(header)
    signed = signer(header["party"]).sign(domains.batch_signature_input(raw))
    line["batches"][index]["signature"] = signed.hex()


def amount(line: dict[str, Any]) -> int:
    """Change an amount of the last batch, and return the place of its entry."""
    places = [at for at, each in enumerate(line["entries"]) if "amount" in each["record"]]
    line["entries"][places[-1]]["record"]["amount"] += 1
    return places[-1]


def batch_of(line: dict[str, Any], at: int) -> tuple[int, int, int]:
    """Return which batch an entry is of, its first entry and its count."""
    start = 0
    for index, each in enumerate(line["batches"]):
        count = each["header"]["count"]
        if at < start + count:
            return index, start, count
        start += count
    raise AssertionError(at)


def found(lines: Lines, log: Log, **options: bool) -> LogFault:
    height, end = walked(lines, log.genesis, **options)
    assert end.fault is not None
    assert height == end.fault.height - 1, "the good part ends before what is false"
    return end.fault


def test_a_good_log_is_good_to_its_end(log: Log) -> None:
    height, end = walked(log.lines, log.genesis)
    assert (height, end.fault, end.certified) == (len(log.lines) - 1, None, True)
    assert len(end.cosigners) == 4


def test_a_changed_amount_is_named_with_its_batch_and_party(log: Log) -> None:
    place: list[int] = []
    fault = found(changed(log, lambda line: place.append(amount(line))), log)
    index, start, count = batch_of(log.block(BLOCK), place[0])
    header = log.block(BLOCK)["batches"][index]["header"]
    assert (fault.code, fault.part, fault.height) == ("bad-batch-root", "batch", BLOCK)
    assert (fault.first_entry, fault.count) == (log.first_of(BLOCK) + start, count)
    assert (fault.party, fault.batch) == (header["party"], header["number"])
    assert fault.expected == header["root"] != fault.got


def test_a_changed_record_that_is_none_any_more_is_named_itself(log: Log) -> None:
    def spoil(line: dict[str, Any]) -> None:
        line["entries"][5]["record"]["type"] = "payment.imagined"

    fault = found(changed(log, spoil), log)
    assert (fault.code, fault.part, fault.count) == ("bad-batch-root", "record", 1)
    assert fault.first_entry == log.first_of(BLOCK) + 5
    assert fault.record == log.block(BLOCK)["entries"][5]["record"]["id"]
    assert "unknown-type" in fault.got


def test_two_records_in_each_others_place_are_named(log: Log) -> None:
    at = next(
        n for n in range(30) if batch_of(log.block(BLOCK), n) == batch_of(log.block(BLOCK), n + 3)
    )

    def swap(line: dict[str, Any]) -> None:
        entries = line["entries"]
        entries[at], entries[at + 3] = entries[at + 3], entries[at]

    fault = found(changed(log, swap), log)
    entries = log.block(BLOCK)["entries"]
    assert fault.code == "bad-batch-root"
    assert (fault.first_entry, fault.count) == (log.first_of(BLOCK) + at, 4)
    assert repr(entries[at]["record"]["id"]) in fault.message
    assert repr(entries[at + 3]["record"]["id"]) in fault.message


@pytest.mark.parametrize("at", [0, 5, -1])
def test_a_record_left_out_is_missed_in_its_batch(log: Log, at: int) -> None:
    def leave_out(line: dict[str, Any]) -> None:
        del line["entries"][at]

    fault = found(changed(log, leave_out), log)
    line = log.block(BLOCK)
    _, start, count = batch_of(line, at % len(line["entries"]))
    assert (fault.code, fault.first_entry) == ("wrong-count", log.first_of(BLOCK) + start)
    assert (fault.expected, fault.got) == (f"{count} records", f"{count - 1} records")


def test_a_record_added_is_too_many(log: Log) -> None:
    fault = found(changed(log, lambda line: line["entries"].append(line["entries"][-1])), log)
    assert (fault.code, fault.height) == ("wrong-count", BLOCK)
    assert fault.first_entry == log.first_of(BLOCK + 1)


def test_a_batch_left_out_is_missed(log: Log) -> None:
    def leave_out(line: dict[str, Any]) -> None:
        count = line["batches"].pop()["header"]["count"]
        del line["entries"][-count:]

    fault = found(changed(log, leave_out), log)
    assert (fault.code, fault.height) == ("wrong-batches", BLOCK)
    left = log.block(BLOCK)["batches"][-1]["header"]
    assert fault.expected == domains.batch_hash(canonical.encode(left)).hex()


def test_a_block_left_out_is_missed(log: Log) -> None:
    fault = found([*log.lines[: BLOCK - 1], *log.lines[BLOCK:]], log)
    assert (fault.code, fault.height) == ("broken-chain", BLOCK)
    assert (fault.expected, fault.got) == (f"block {BLOCK}", f"block {BLOCK + 1}")


def test_last_blocks_left_out_are_missed(log: Log) -> None:
    fault = found([*log.lines[:-3], log.lines[-1]], log)
    assert (fault.code, fault.expected) == ("broken-chain", f"block {len(log.lines) - 2}")


@pytest.mark.parametrize("at", [0, 7])
def test_a_changed_outcome_is_named_with_its_record(log: Log, at: int) -> None:
    def refuse(line: dict[str, Any]) -> None:
        line["entries"][at]["outcome"] = "not-due-yet"

    fault = found(changed(log, refuse), log)
    entry = log.block(BLOCK)["entries"][at]
    assert (fault.code, fault.part) == ("wrong-outcome", "record")
    assert (fault.first_entry, fault.record) == (log.first_of(BLOCK) + at, entry["record"]["id"])
    assert (fault.party, fault.got) == (entry["party"], "not-due-yet")
    assert fault.expected == entry["outcome"]


def test_of_two_faults_in_a_block_the_first_is_named(log: Log) -> None:
    def spoil(line: dict[str, Any]) -> None:
        assert amount(line) > batch_of(line, 0)[2], "it is of another batch than the outcome"
        line["entries"][0]["outcome"] = "not-due-yet"

    fault = found(changed(log, spoil), log)
    assert (fault.code, fault.first_entry) == ("wrong-outcome", log.first_of(BLOCK))


def test_a_record_of_another_party_is_named(log: Log) -> None:
    def move(line: dict[str, Any]) -> None:
        line["entries"][2]["party"] = "auditor"

    fault = found(changed(log, move), log)
    assert (fault.code, fault.part, fault.first_entry) == (
        "wrong-entry",
        "record",
        log.first_of(BLOCK) + 2,
    )
    assert fault.got.endswith("of auditor")


def test_a_batch_that_its_author_signed_anew_is_not_the_blocks(log: Log) -> None:
    def sign_anew(line: dict[str, Any]) -> None:
        index, start, count = batch_of(line, amount(line))
        refound(line, start, count, index)

    fault = found(changed(log, sign_anew), log)
    assert (fault.code, fault.part, fault.height) == ("wrong-batches", "batch", BLOCK)
    assert fault.expected in log.block(BLOCK)["block"]["batches"]


def test_a_false_signature_of_a_batch_is_named_with_its_party(log: Log) -> None:
    def forge(line: dict[str, Any]) -> None:
        line["batches"][0]["signature"] = line["batches"][1]["signature"]

    fault = found(changed(log, forge), log)
    assert (fault.code, fault.first_entry) == ("bad-signature", log.first_of(BLOCK))
    assert fault.party == log.block(BLOCK)["batches"][0]["header"]["party"]


@pytest.mark.parametrize(
    ("field", "code"),
    [("state", "wrong-state"), ("root", "wrong-root"), ("proposer", "broken-chain")],
)
def test_a_changed_header_is_named_itself_and_not_the_block_after_it(
    log: Log, field: str, code: str
) -> None:
    def change(line: dict[str, Any]) -> None:
        line["block"][field] = "funder" if field == "proposer" else "0" * 64

    fault = found(changed(log, change), log)
    assert (fault.code, fault.height) == (code, BLOCK)
    if field == "proposer":
        assert fault.expected == log.block(BLOCK + 1)["block"]["parent"]


def test_a_changed_last_header_is_named(log: Log) -> None:
    last = len(log.lines) - 1

    def change(line: dict[str, Any]) -> None:
        line["block"]["slot"] += 1

    fault = found(changed(log, change, last), log)
    assert (fault.code, fault.height) == ("broken-chain", last)


def test_a_history_made_up_from_a_block_on_is_false_there_if_no_quorum_signed_it(log: Log) -> None:
    """All headers after the changed one are written anew: only the checkpoint is missing."""
    lines = changed(log, lambda line: line["block"].update(proposer="funder"))
    for at in range(BLOCK, len(lines) - 1):
        line = json.loads(lines[at])
        line["block"]["parent"] = domains.block_hash(_header(lines[at - 1])).hex()
        lines[at] = canonical.encode(line)
    height, end = walked(lines, log.genesis)
    assert end.fault is not None
    assert (end.fault.code, end.certified) == ("broken-chain", False)
    assert height == end.fault.height - 1 == len(lines) - 2


def _header(line: bytes) -> bytes:
    return canonical.encode(json.loads(line)["block"])


def test_what_comes_before_a_false_record_is_certified_by_what_follows(log: Log) -> None:
    _, end = walked(changed(log, lambda line: line["entries"].pop()), log.genesis)
    assert end.fault is not None
    assert end.certified
    cut = changed(log, lambda line: line["entries"].pop())[:-1]
    _, end = walked(cut, log.genesis)
    assert end.fault is not None
    assert not end.certified


def test_a_forged_certificate_is_named(log: Log) -> None:
    text = json.loads(log.lines[-1])["checkpoint"]
    checkpoint = Checkpoint.parse(text.partition("\n\n")[0] + "\n")
    stranger = signer("stranger")
    for signers, code in ((("platform", "institution"), "no-quorum"), (None, "bad-signature")):
        cosignatures = [
            Cosignature(
                name=cosigner_name(log.genesis.origin, name),
                public_key=log.genesis.verifiers[name].public_key,
                timestamp_s=1,
                signature=cosign(signer(name) if signers else stranger, checkpoint, 1),
            )
            for name in signers or log.genesis.voters
        ]
        forged = signed_checkpoint(checkpoint, signer("auditor"), cosignatures)
        height, end = walked([*log.lines[:-1], encode_checkpoint(forged)], log.genesis)
        assert end.fault is not None
        assert (end.fault.code, end.fault.part, end.certified) == (code, "checkpoint", False)
        assert height == len(log.lines) - 1


def test_a_file_that_is_cut_short_is_good_up_to_there(log: Log) -> None:
    cut = [*log.lines[: BLOCK - 1], log.lines[BLOCK - 1][:-40]]
    height, end = walked(cut, log.genesis)
    assert end.fault is not None
    assert (end.fault.code, end.fault.part, end.certified) == ("not-a-log-line", "file", False)
    assert height == BLOCK - 1
    height, end = walked(log.lines[:BLOCK], log.genesis)
    assert end.fault is not None
    assert (end.fault.code, height) == ("no-checkpoint", BLOCK)


def test_what_follows_the_checkpoint_is_named(log: Log) -> None:
    height, end = walked([*log.lines, log.lines[0]], log.genesis)
    assert end.fault is not None
    assert (end.fault.code, height) == ("trailing-data", len(log.lines) - 1)


def test_the_log_of_another_ledger_has_nothing_good(log: Log, tmp_path: Path) -> None:
    other = write_log(80, tmp_path).genesis
    if other.ledger == log.genesis.ledger:
        changed_genesis = json.loads(other.raw)
        changed_genesis["name"] = "another"
        other = read(canonical.encode(changed_genesis))
    height, end = walked(log.lines, other)
    assert end.fault is not None
    assert (end.fault.code, height) == ("wrong-ledger", 0)
    assert (end.fault.expected, end.fault.got) == (other.ledger, log.genesis.ledger)


def test_any_turned_byte_is_found_in_its_block(log: Log) -> None:
    for height in range(1, len(log.lines), 3):
        raw = log.lines[height - 1]
        for at in range(11, len(raw), 977):
            turned = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
            fault = found([*log.lines[: height - 1], turned, *log.lines[height:]], log)
            assert fault.height == height, (at, fault)
