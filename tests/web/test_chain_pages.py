"""Pages of the chain: what they say is what blocks, votes, batches, entries and evidence say."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest

from consensus.evidence_file import verify_file
from consensus.justification import leader_of
from tests.web.hostile_kit import COVERED_EVERY, NO_DAY_S, Hostile, hostile_month
from tests.web.walk_kit import Page, Walk


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    made = hostile_month(tmp_path_factory.mktemp("month"))
    yield made
    made.close()


def shown(ledger: Hostile, address: str, language: str = "en") -> Page:
    page = Walk(ledger.client, language).page(address)
    assert page is not None
    assert page.status == 200, page.text
    return page


def test_the_chain_shows_every_block_with_its_proposer_and_voters(ledger: Hostile) -> None:
    seen: set[int] = set()
    start = ledger.tip.height
    while start:
        page = shown(ledger, f"/chain?start={max(1, start - 19)}")
        seen |= {int(height) for height in re.findall(r'id="block-(\d+)"', page.source)}
        start = max(0, start - 20)
    assert seen == set(range(1, ledger.tip.height + 1))
    page = shown(ledger, "/chain?start=1")
    for block in ledger.get("/v1/blocks", start=1, limit=20)["blocks"]:
        row = page.source.partition(f'id="block-{block["height"]}"')[2].partition("</tr>")[0]
        assert f"<bdi>{block['proposer']}</bdi>" in row
        covering = f'href="/chain/blocks/{block["height"] + 1}"'
        assert (covering in row) != block["certified"]
        voters = ledger.get(f"/v1/blocks/{block['height']}").get("voters")
        assert voters is None or ", ".join(voters) in row


def test_slots_that_were_skipped_stand_between_blocks_with_whose_turn_it_was(
    ledger: Hostile,
) -> None:
    page = shown(ledger, "/chain?start=1")
    blocks = ledger.get("/v1/blocks", start=1, limit=20)["blocks"]
    slots = {block["slot"] for block in blocks}
    missing = [slot for slot in range(1, max(slots)) if slot not in slots]
    assert len(missing) == 6
    first, last = missing[0], missing[2]
    turns = ", ".join(leader_of(slot, ledger.genesis) for slot in missing[:3])
    words = f"3 slots were skipped, {first} to {last}: it was the turn of {turns}."
    gap = page.source.index(words)
    after = next(block["height"] for block in blocks if block["slot"] == last + 1)
    assert page.source.index(f'id="block-{after}"') < gap
    assert gap < page.source.index(f'id="block-{after - 1}"')
    assert page.source.count('class="slot skipped" title') == len(missing)


def test_a_gap_at_the_beginning_of_a_page_is_not_lost(ledger: Hostile) -> None:
    page = shown(ledger, "/chain?start=7")
    assert "3 slots were skipped, 7 to 9" in page.text


def test_the_newest_checkpoint_is_that_which_is_served(ledger: Hostile) -> None:
    note = ledger.client.get("/v1/checkpoint").text.split("\n")
    origin, size, root, block = note[:4]
    page = shown(ledger, "/chain")
    card = page.text.partition("Newest checkpoint")[2]
    for each in (origin, f"{int(size):,}", b64decode(root).hex(), block.split(" ")[1]):
        assert each in card
    for name in ledger.genesis.voters[: ledger.genesis.quorum]:
        assert name in card


def test_a_block_shows_its_header_votes_batches_and_entries(ledger: Hostile) -> None:
    for height in (1, COVERED_EVERY, COVERED_EVERY + 1):
        whole = ledger.get(f"/v1/blocks/{height}")
        raw = ledger.client.get(f"/v1/blocks/{height}").text
        page = shown(ledger, f"/chain/blocks/{height}")
        block = whole["block"]
        for name in ("hash", "parent", "root", "state"):
            assert block[name] in page.text
        assert whole["signature"] in page.text
        header = re.search(r'"header":(\{.*?\}),"signature"', raw)
        assert header is not None and header[1] in page.text
        copied = {each["data-copy"] for each in page.all("button") if "data-copy" in each}
        for batch in whole["batches"]:
            assert {batch["hash"], batch["previous"], batch["signature"]} <= copied
        for entry in range(block["first_index"], block["size"]):
            assert f'href="/chain/entries/{entry}"' in page.source
        assert ("final with block" in page.text) != block["certified"]
        assert ("3 signed it; 3 of" in page.text) == block["certified"]


@pytest.mark.parametrize("address", ("/chain", "/chain/blocks/1"))
def test_a_voter_that_signs_a_time_of_no_calendar_breaks_no_page(
    ledger: Hostile, address: str
) -> None:
    assert f"{NO_DAY_S * 1000:,} ms" in shown(ledger, address).text


def test_a_refused_entry_says_so_and_that_nothing_changed(ledger: Hostile) -> None:
    entries = ledger.get("/v1/entries", limit=1000)["entries"]
    refused = next(each for each in entries if each["outcome"] != "applied")
    page = shown(ledger, f"/chain/entries/{refused['index']}")
    assert "it stands in the log and changed nothing" in page.text
    assert refused["outcome"] in page.text
    applied = shown(ledger, f"/chain/entries/{entries[0]['index']}")
    assert "the ledger took it" in applied.text


def test_an_entry_shows_its_postings_and_leads_to_its_receipt(ledger: Hostile) -> None:
    for entry in ledger.get("/v1/entries", limit=30)["entries"]:
        index = entry["index"]
        page = shown(ledger, f"/chain/entries/{index}")
        postings = ledger.get(f"/v1/books/entries/{index}")["postings"]
        for posting in postings:
            assert posting["account"] in page.text
        assert ("It moved no money." in page.text) == (not postings)
        receipt = f"/v1/receipts/{entry['party']}/{entry['id']}"
        assert receipt in page.source
        assert ledger.client.get(receipt).status_code == 200
        assert entry["leaf_hash"] in page.text


def test_without_evidence_the_page_says_what_would_stand_there(tmp_path: Path) -> None:
    quiet = Hostile(tmp_path)
    try:
        page = shown(quiet, "/chain/evidence")
        assert "This node knows of no key that signed a contradiction." in page.text
        assert "未发现任何密钥签署过自相矛盾的内容" in shown(quiet, "/chain/evidence", "zh").text
        assert "No block is final yet" in shown(quiet, "/chain").text
        assert "Nothing was stated yet" in shown(quiet, "/chain/entries").text
    finally:
        quiet.close()


def test_each_lie_stands_with_both_statements_and_what_differs(ledger: Hostile) -> None:
    listed = shown(ledger, "/chain/evidence")
    key = next(each.key for each in ledger.genesis.members if each.name == "funder")
    for kind, lie in ledger.lies.items():
        assert f'href="/chain/evidence/{lie.id}"' in listed.source
        page = shown(ledger, f"/chain/evidence/{lie.id}")
        file = ledger.client.get(f"/v1/evidence/{lie.id}/file").content
        assert verify_file(file, ledger.genesis).kind == kind
        copied = {each["data-copy"] for each in page.all("button") if "data-copy" in each}
        for statement in ledger.get(f"/v1/evidence/{lie.id}")["file"]["statements"]:
            assert {statement["signature"], statement["signed"]} <= copied
        assert key in copied
        assert 'class="differs"' in page.source
        assert f"evidence-{lie.id[:8]}.json --genesis" in page.text


def test_what_is_the_same_in_both_statements_is_not_marked(ledger: Hostile) -> None:
    page = shown(ledger, f"/chain/evidence/{ledger.lies['two-notar'].id}")
    marked = re.findall(r'<tr class="differs"><th scope="row"><code>(\w+)', page.source)
    assert marked == ["block"]
