"""One host meets the two halves of a lie, anywhere; every honest host ends up with the evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from consensus.evidence import Evidence, SignedHeader, of_headers, of_votes, verify_evidence
from consensus.messages import (
    BatchMessage,
    CertificateMessage,
    EvidenceMessage,
    Proposal,
    Range,
    VoteMessage,
    decode,
    decode_certificate,
    decode_evidence,
    encode,
    wire_batch,
    wire_block,
)
from consensus.votes import (
    Certificate,
    Subject,
    Vote,
    certificate_of,
    final_subject,
    notar_subject,
    sign_vote,
    skip_subject,
)
from ledger import domains
from ledger.batch import Batch, seal
from ledger.block import Block, BlockHeader, Tip, batch_hashes, decode_header, encode_header
from node.host.catchup import range_from
from node.host.host import Host
from node.limits import EVIDENCE_SAID_MAX, EVIDENCE_SAY_MS
from tests.ledger.ledger_kit import GENESIS, signer
from tests.node.host_kit import CALM_MS, World, let_ask, make_templates, register

LIAR = "funder"
HONEST = ("platform", "institution", "auditor")
SEES = "auditor"
A, B = bytes([1]) * 32, bytes([2]) * 32


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_templates(tmp_path_factory.mktemp("templates"))


@pytest.fixture
def world(tmp_path: Path, templates: Path) -> Iterator[World]:
    """Return three honest hosts at work; the test speaks for the fourth key."""
    opened = World(tmp_path, templates)
    opened.open(*HONEST)
    _work(opened, "first")
    yield opened
    opened.close()


def _work(world: World, name: str) -> None:
    told = world.submit("institution", [register(name)])
    assert world.run(CALM_MS, lambda: all(each.state == "final" for each in told))
    assert world.run(CALM_MS, lambda: len({h.store.tip() for h in world.hosts.values()}) == 1)


def _lies(host: Host) -> list[Evidence]:
    with host.store.reader() as reader:
        return [decode_evidence(each.body) for each in reader.evidence()]


def _all_know(world: World, kind: str) -> bool:
    held = [{(lie.party, lie.kind) for lie in _lies(host)} for host in world.hosts.values()]
    return all((LIAR, kind) in each for each in held)


def _tell(world: World, *messages: object, to: str = SEES) -> None:
    for message in messages:
        world.hosts[to].receive(LIAR, encode(message))


def _spreads(world: World, kind: str) -> None:
    assert world.run(200, lambda: _all_know(world, kind)), [
        _lies(host) for host in world.hosts.values()
    ]
    for host in world.hosts.values():
        for lie in _lies(host):
            verify_evidence(lie, GENESIS)
            assert lie.party == LIAR  # I8
        assert host.halted is None
    _work(world, "after")


def _vote(subject: Subject, voter: str = LIAR) -> Vote:
    return sign_vote(subject, signer(voter), voter, 9, GENESIS)


def _final(slot: int, block: bytes) -> Subject:
    return final_subject(Tip(9, slot, block, 0, 9, bytes(32), b""))


def _ahead(world: World) -> int:
    return world.hosts[SEES].replica.slot + 5


SAID: dict[str, Callable[[int], tuple[Subject, Subject]]] = {
    "two-notar": lambda slot: (notar_subject(slot, A), notar_subject(slot, B)),
    "two-final": lambda slot: (_final(slot, A), _final(slot, B)),
    "final-skip": lambda slot: (skip_subject(slot), _final(slot, A)),
    "final-notar": lambda slot: (notar_subject(slot, B), _final(slot, A)),
}


@pytest.mark.parametrize("kind", SAID)
def test_two_votes_that_one_host_received(world: World, kind: str) -> None:
    _tell(world, *(VoteMessage(_vote(subject)) for subject in SAID[kind](_ahead(world))))
    _spreads(world, kind)


def _stored_certificate(world: World) -> Certificate:
    with world.hosts[SEES].store.reader() as reader:
        latest = reader.latest_certificate()
    assert latest is not None
    return decode_certificate(latest[1])


def _with_liar(certificate: Certificate) -> Certificate:
    votes = {vote.voter: vote for vote in certificate.votes}
    return certificate_of(votes | {LIAR: _vote(certificate.subject)})


def test_a_vote_and_one_inside_a_certificate_of_a_final_slot(world: World) -> None:
    certificate = _with_liar(_stored_certificate(world))
    _tell(world, VoteMessage(_vote(skip_subject(certificate.subject.slot))))
    _tell(world, CertificateMessage(certificate))
    _spreads(world, "final-skip")


def test_a_vote_inside_another_certificate_for_what_is_certified_already(world: World) -> None:
    slot = _ahead(world)
    votes = {name: _vote(skip_subject(slot), name) for name in HONEST}
    _tell(world, CertificateMessage(certificate_of(votes)))
    _tell(world, VoteMessage(_vote(_final(slot, A))))
    assert not _lies(world.hosts[SEES])
    _tell(world, CertificateMessage(certificate_of(votes | {LIAR: _vote(skip_subject(slot))})))
    assert world.run(200, lambda: _all_know(world, "final-skip"))


def test_a_certificate_with_a_forged_vote_convicts_nobody(world: World) -> None:
    certificate = _stored_certificate(world)
    _tell(world, VoteMessage(_vote(skip_subject(certificate.subject.slot))))
    forged = msgspec.structs.replace(_vote(certificate.subject), signature=bytes(64))
    votes = {vote.voter: vote for vote in certificate.votes} | {LIAR: forged}
    _tell(world, CertificateMessage(certificate_of(votes)))
    world.run(200)
    assert not any(_lies(host) for host in world.hosts.values())
    assert world.hosts[SEES].rejected[LIAR, "bad-vote-signature"] == 1


def _block(world: World, slot: int, batches: tuple[Batch, ...] = (), time: int = 0) -> Block:
    """Return a block that leads its slot; its parent and results are of no matter here."""
    tip = world.hosts[SEES].store.tip()
    proposer = GENESIS.names[slot % len(GENESIS.names)]
    header = BlockHeader(
        batches=batch_hashes(batches), height=tip.height + 1, ledger=GENESIS.ledger,
        parent=tip.hash.hex(), proposer=proposer, root="00" * 32, size=tip.size, slot=slot,
        state="00" * 32, time=tip.time + time,
    )  # fmt: skip
    raw = encode_header(header)
    return Block(raw, signer(proposer).sign(domains.proposal_signature_input(raw)), batches)


def _own_slot(world: World) -> int:
    slot = world.hosts[SEES].replica.slot
    return next(s for s in range(slot, slot + 4) if GENESIS.names[s % 4] == LIAR)


def _justified(world: World, block: Block, parent: Certificate) -> Proposal:
    tip = world.hosts[SEES].store.tip()
    skips = [
        certificate_of({name: _vote(skip_subject(slot), name) for name in HONEST})
        for slot in range(tip.slot + 1, block.slot)
    ]
    return Proposal(wire_block(block, (parent, *skips)))


def test_a_vote_and_one_inside_what_justifies_a_proposal(world: World) -> None:
    parent = _stored_certificate(world)
    _tell(world, VoteMessage(_vote(skip_subject(parent.subject.slot))))
    block = _block(world, _own_slot(world))
    _tell(world, _justified(world, block, _with_liar(parent)))
    assert world.run(200, lambda: _all_know(world, "final-skip"))


def test_two_proposals_of_which_none_is_justified(world: World) -> None:
    slot = _own_slot(world) + 4
    pair = [Proposal(wire_block(_block(world, slot, time=n), ())) for n in (1, 2)]
    _tell(world, *pair)
    _spreads(world, "two-proposals")


def test_unjustified_proposals_for_a_slot_far_ahead_make_nobody_skip_it(world: World) -> None:
    slot = _own_slot(world) + 40
    voted: list[int] = []

    def note(_sender: str, _to: str, frame: bytes) -> bool:
        message = decode(frame)
        voted.extend([message.vote.slot] if isinstance(message, VoteMessage) else [])
        return False

    world.lose = note
    for name in HONEST:
        pair = [Proposal(wire_block(_block(world, slot, time=n), ())) for n in (1, 2)]
        _tell(world, *pair, to=name)
    _spreads(world, "two-proposals")
    assert voted and max(voted) < slot


def _batch(number: int, name: str) -> Batch:
    previous = (number - 1, bytes(32) if number == 1 else A)
    return seal(signer(LIAR), GENESIS.ledger, LIAR, previous, [register(name)])


def test_two_batches_that_one_host_received(world: World) -> None:
    _tell(world, *(BatchMessage(wire_batch(_batch(7, name))) for name in ("x", "y")))
    _spreads(world, "two-batches")


def test_a_batch_and_another_one_inside_a_block(world: World) -> None:
    slot, parent = _own_slot(world), _stored_certificate(world)
    _tell(world, BatchMessage(wire_batch(_batch(7, "x"))))
    block = _block(world, slot, (_batch(7, "y"),))
    _tell(world, _justified(world, block, parent))
    assert world.run(200, lambda: _all_know(world, "two-batches"))


def test_a_batch_inside_a_block_and_then_another_one(world: World) -> None:
    slot, parent = _own_slot(world), _stored_certificate(world)
    block = _block(world, slot, (_batch(7, "y"),))
    _tell(world, _justified(world, block, parent))
    _tell(world, BatchMessage(wire_batch(_batch(7, "x"))))
    assert world.run(200, lambda: _all_know(world, "two-batches"))


def test_a_batch_and_another_one_that_is_final_already(world: World) -> None:
    batch = _batch(1, "liars")
    for name in HONEST:
        _tell(world, BatchMessage(wire_batch(batch)), to=name)
    ids = lambda: [id_ for _, id_, _ in world.entries(SEES)]  # noqa: E731
    assert world.run(CALM_MS, lambda: "reg-liars" in ids())
    _tell(world, BatchMessage(wire_batch(batch)))
    assert not _lies(world.hosts[SEES])
    _tell(world, BatchMessage(wire_batch(_batch(1, "other"))))
    _spreads(world, "two-batches")


# -- catching up ----------------------------------------------------------------------------------


def _range(world: World, height: int) -> Range:
    with world.hosts["platform"].store.reader() as reader:
        found = range_from(reader, height, 10**6)
    assert found is not None
    return found


@pytest.fixture
def behind(tmp_path: Path, templates: Path) -> Iterator[World]:
    """Return four hosts, of which the auditor has missed blocks; the funder has led some."""
    opened = World(tmp_path, templates)
    opened.open()
    _work(opened, "first")
    opened.links_down.add(SEES)
    for number in range(8):
        told = opened.submit("institution", [register(f"missed-{number}")])
        assert opened.run(CALM_MS, lambda told=told: told[0].state == "final")
    opened.crash(LIAR)
    opened.links_down.clear()
    opened.frames.clear()
    yield opened
    opened.close()


def _missing(world: World) -> Range:
    """Return the blocks that the auditor has missed, and has asked the liar for."""
    missing = _range(world, world.hosts[SEES].store.tip().height + 1)
    let_ask(world, SEES, LIAR, missing.certificate)
    return missing


def test_a_vote_and_one_inside_the_certificate_of_a_range(behind: World) -> None:
    told = _missing(behind)
    _tell(behind, VoteMessage(_vote(skip_subject(told.certificate.subject.slot))))
    _tell(behind, Range(told.blocks, told.headers, _with_liar(told.certificate)))
    assert behind.run(200, lambda: _all_know(behind, "final-skip"))


def test_a_vote_and_one_inside_what_justifies_a_block_of_a_range(behind: World) -> None:
    told = _missing(behind)
    second = told.blocks[1]
    parent = second.justification[0]
    _tell(behind, VoteMessage(_vote(notar_subject(parent.subject.slot, A))))
    changed = msgspec.structs.replace(
        second, justification=(_with_liar(parent), *second.justification[1:])
    )
    blocks = (told.blocks[0], changed, *told.blocks[2:])
    _tell(behind, Range(blocks, told.headers, told.certificate))
    kinds = {"two-notar", "final-notar"}
    assert behind.run(200, lambda: any(_all_know(behind, kind) for kind in kinds))


def test_a_proposal_and_another_one_inside_a_range(behind: World) -> None:
    told = _missing(behind)
    header = next(
        h for h in (decode_header(wire.header) for wire in told.blocks) if h.proposer == LIAR
    )
    _tell(behind, Proposal(wire_block(_block(behind, header.slot), ())))
    assert not _lies(behind.hosts[SEES])
    _tell(behind, told)
    assert behind.run(200, lambda: _all_know(behind, "two-proposals"))


# -- how it travels -------------------------------------------------------------------------------


def _lie(slot: int = 400, blocks: tuple[bytes, bytes] = (A, B)) -> Evidence:
    pair = [_vote(notar_subject(slot, block)) for block in blocks]
    lie = of_votes(*pair)
    assert lie is not None
    return lie


def test_a_host_that_was_away_hears_of_it_when_it_comes_back(world: World) -> None:
    world.crash("institution")
    _tell(world, EvidenceMessage(_lie()))
    world.run(100)
    world.open("institution")
    assert world.run(100, lambda: _all_know(world, "two-notar"))


def test_it_goes_round_a_link_that_is_down(world: World) -> None:
    world.lose = lambda sender, to, _: {sender, to} == {SEES, "institution"}
    _tell(world, *(VoteMessage(_vote(notar_subject(_ahead(world), block))) for block in (A, B)))
    assert world.run(100, lambda: _all_know(world, "two-notar"))


def test_a_lost_frame_is_said_again(world: World) -> None:
    world.lose = lambda _sender, _to, frame: isinstance(decode(frame), EvidenceMessage)
    _tell(world, EvidenceMessage(_lie()))
    world.run(1000)
    world.lose = lambda *_: False
    assert world.run(2 * EVIDENCE_SAY_MS, lambda: _all_know(world, "two-notar"))


def test_it_is_kept_once_said_on_once_and_within_bounds(world: World) -> None:
    said: list[str] = []

    def note(sender: str, _to: str, frame: bytes) -> bool:
        said.extend([sender] if isinstance(decode(frame), EvidenceMessage) else [])
        return False

    world.lose = note
    for _ in range(5):
        _tell(world, EvidenceMessage(_lie()))
        world.run(100)
    assert [len(_lies(host)) for host in world.hosts.values()] == [1, 1, 1]
    assert len(said) <= len(HONEST) * (len(HONEST) - 1)
    for slot in range(401, 401 + 2 * EVIDENCE_SAID_MAX):
        _tell(world, EvidenceMessage(_lie(slot)))
    world.run(100)
    said.clear()
    world.crash("institution")
    world.open("institution")
    assert said.count(SEES) == EVIDENCE_SAID_MAX


def test_one_lie_has_one_id_whatever_the_order_of_its_halves(world: World) -> None:
    headers = [_block(world, _own_slot(world), time=n) for n in (1, 2)]
    pair = [SignedHeader(block.raw_header, block.signature) for block in headers]
    lie = of_headers("two-proposals", LIAR, *pair)
    swapped = msgspec.structs.replace(lie, headers=lie.headers[::-1])
    _tell(world, EvidenceMessage(lie), EvidenceMessage(swapped))
    assert len(_lies(world.hosts[SEES])) == 1
    assert world.hosts[SEES].rejected[LIAR, "bad-evidence"] == 1
