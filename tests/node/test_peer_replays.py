"""A peer with a valid key that says again, without end, what costs an honest host time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from consensus.messages import Justification, Proposal, encode, wire_block
from ledger import domains
from ledger.batch import seal
from ledger.block import Block, BlockHeader, Tip, batch_hashes, encode_header
from ledger.domains import ZERO_HASH
from node.host.host import Host
from tests.ledger.ledger_kit import GENESIS, signer
from tests.node.host_kit import CALM_MS, World, make_templates, register

HONEST, LIAR, SEES = ("platform", "institution", "auditor"), "funder", "auditor"


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_templates(tmp_path_factory.mktemp("templates"))


@pytest.fixture
def world(tmp_path: Path, templates: Path) -> Iterator[World]:
    opened = World(tmp_path, templates)
    opened.open(*HONEST)
    yield opened
    opened.close()


def _skipped(host: Host) -> int:
    """Return a slot of the liar that was skipped, and that nothing final has passed; or 0."""
    tree = host.replica._tree
    later = [n for n in tree.slots if tree.final.slot < n < tree.current]
    led = [n for n in later if host.replica.leader(n) == LIAR and tree.slots[n].skipped]
    return led[0] if led else 0


def _proposal(slot: int, parent: Tip, justification: Justification, mark: str = "") -> bytes:
    """Return a justified block of the liar, with records that have to be executed in vain."""
    records = [register(f"shop-{mark}{number}") for number in range(20)]
    batch = seal(signer(LIAR), GENESIS.ledger, LIAR, (0, ZERO_HASH), records)
    zero = ZERO_HASH.hex()
    header = BlockHeader(
        batches=batch_hashes((batch,)), height=parent.height + 1, ledger=GENESIS.ledger,
        parent=parent.hash.hex(), proposer=LIAR, root=zero, size=1, slot=slot, state=zero,
        time=parent.time,
    )  # fmt: skip
    raw = encode_header(header)
    signature = signer(LIAR).sign(domains.proposal_signature_input(raw))
    return encode(Proposal(wire_block(Block(raw, signature, (batch,)), justification)))


def _checked(host: Host, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by the slot of each block that the host executes."""
    checked: list[int] = []
    true = host.machine.check

    def check(block: Block, parent: Tip, wall_ms: int):  # type: ignore[no-untyped-def]
        checked.append(block.slot)
        return true(block, parent, wall_ms)

    monkeypatch.setattr(host.machine, "check", check)
    return checked


def test_a_block_of_a_slot_that_was_skipped_is_not_executed_however_often_it_comes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = world.hosts[SEES]
    for number in range(8):
        world.submit("institution", [register(f"work-{number}")])
        if world.run(3000, lambda: bool(_skipped(host))):
            break
    slot = _skipped(host)
    found = host.replica._tree.parent_for(slot)
    assert slot and found is not None
    checked = _checked(host, monkeypatch)
    frame = _proposal(slot, *found)
    assert not any(host.receive(LIAR, frame) for _ in range(3)), "it is of no use"
    assert not checked and not host.rejected


def _leads(host: Host) -> bool:
    """Return whether the liar leads the current slot, and what it can build on is final."""
    tree = host.replica._tree
    found = host.replica.leader(tree.current) == LIAR and tree.parent_for(tree.current)
    return bool(found) and not tree.slots.get(tree.current)


def test_a_leader_whose_block_came_out_otherwise_has_no_more_executed_for_a_while(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could have the others execute a full block in vain in each slot of its own."""
    host, executed, said = world.hosts[SEES], [], []
    checked = _checked(host, monkeypatch)
    for number in range(24):
        told = world.submit("institution", [register(f"work-{number}")])
        assert world.run(CALM_MS, lambda told=told: told[0].done)
        if world.run(0, lambda: _leads(host)):
            slot, tree = host.replica.slot, host.replica._tree
            found = tree.parent_for(slot)
            assert found is not None
            for mark in ("a", "b"):
                host.receive(LIAR, _proposal(slot, *found, mark))
            said.append(slot)
    executed = [slot for slot in checked if host.replica.leader(slot) == LIAR]
    assert len(said) > 2 and executed == said[:1]
    assert LIAR in host.replica.silent
    world.now_ms += 40_000
    assert LIAR not in host.replica._patience.silent(world.now_ms, moving=True)
    assert host.replica._patience.trusts(LIAR, world.now_ms)
