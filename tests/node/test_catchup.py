"""A host that is behind, rebuilt or damaged: it catches up, keeps its mouth shut, or stops."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import update

from consensus.evidence import of_votes
from consensus.messages import (
    BatchMessage,
    CertificateMessage,
    ChangesMessage,
    EvidenceMessage,
    Proposal,
    Range,
    VoteMessage,
    WantRange,
    WantStatements,
    WireBatch,
    WireBlock,
    decode,
    encode,
    wire_batch,
)
from consensus.votes import notar_subject, sign_vote
from ledger.batch import seal
from ledger.books import Balance
from ledger.domains import ZERO_HASH
from ledger.execute import Execution, execute
from ledger.genesis import Genesis, Member, found
from ledger.verify import verify_log
from node.errors import CorruptLedger
from node.host.answers import PAUSE_MIN_MS
from node.host.catchup import range_from
from node.limits import EVIDENCE_PER_PARTY_MAX, RESENT_BATCHES_MAX, SHUT_OUT_MAX_MS
from node.storage.proofs import export_lines, served_checkpoint
from node.storage.reads import Reader
from node.storage.store import ConsensusItem, JournalItem, Store
from tests.ledger.ledger_kit import CREATED_AT, GENESIS, RECEIVER, signer
from tests.node.host_kit import (
    CALM_MS,
    World,
    capture,
    instruct,
    let_ask,
    make_templates,
    record,
    register,
)


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_templates(tmp_path_factory.mktemp("templates"))


@pytest.fixture
def world(tmp_path: Path, templates: Path) -> World:
    opened = World(tmp_path, templates)
    opened.open()
    _state(opened, "institution", [register("shop"), register("platform-fee")])
    yield opened  # type: ignore[misc]
    opened.close()


def _state(world: World, name: str, raws: list[bytes]) -> None:
    told = world.submit(name, raws)
    assert world.run(CALM_MS, lambda: all(each.state == "final" for each in told))
    assert world.run(CALM_MS, lambda: _level(world))


def _level(world: World) -> bool:
    return len({host.store.tip() for host in world.hosts.values()}) == 1


def _rebuild(world: World, name: str, templates: Path) -> None:
    """Lose a host's database, as ``--rebuild`` does: an empty one that abstains."""
    world.crash(name)
    for file in world.directory.glob(f"{name}.db*"):
        file.unlink()
    store = Store(f"sqlite:///{world.directory / name}.db", world.genesis, party=name)
    store.set_abstains(True)
    store.close()
    world.open(name)


def test_rebuilt_host_catches_up_and_never_votes(world: World, templates: Path) -> None:
    _state(world, "platform", [instruct("P0")])
    votes: list[str] = []
    world.lose = lambda sender, _to, frame: _note_vote(votes, sender, frame)
    _rebuild(world, "auditor", templates)
    assert world.run(CALM_MS, lambda: _level(world))
    _state(world, "institution", [capture("P1")])
    _state(world, "platform", [instruct("P1")])
    world.check_equal()
    assert not world.hosts["auditor"].replica.may_vote
    assert "auditor" not in votes and "funder" in votes
    # Nor after the next restart.
    world.crash("auditor")
    world.open("auditor")
    _state(world, "institution", [capture("P2")])
    assert "auditor" not in votes


def _note_notar(slots: list[int], sender: str, frame: bytes) -> bool:
    message = decode(frame)
    if sender == "auditor" and isinstance(message, VoteMessage) and message.vote.kind == "notar":
        slots.append(message.vote.slot)
    return False


def _note_vote(votes: list[str], sender: str, frame: bytes) -> bool:
    message = decode(frame)
    if isinstance(message, VoteMessage):
        votes.append(message.vote.voter)
    return False


def test_rebuilt_author_asks_a_quorum_for_its_batches_before_it_signs(
    world: World, templates: Path
) -> None:
    """A batch that left and is not final must not be signed again with other records (I2)."""
    sent: list[tuple[str, str, bytes]] = []
    world.run(50)  # the moment in which the next page is gathered
    # The batch reaches the funder alone, and nothing becomes final before the disk is lost.
    world.lose = lambda sender, to, frame: sender == "institution" and to != "funder"
    world.submit("institution", [capture("P1")])
    world.run(2)
    world.lose = lambda *_: True
    world.run(5)
    assert [batch.number for batch in world.hosts["funder"].pool.of("institution")] == [2]
    world.crash("institution")
    world.crash("auditor")
    world.crash("platform")
    world.lose = lambda *frame: sent.append(frame) is not None  # type: ignore[func-returns-value]
    _rebuild(world, "institution", templates)
    late = world.submit("institution", [capture("P2")])
    world.run(2000)
    asked = {to for sender, to, frame in sent if isinstance(decode(frame), WantStatements)}
    assert asked == {"funder"}
    assert not world.hosts["institution"].journal.may_seal, "one has answered, two are needed"
    assert late[0].state == "queued"
    world.open("platform", "auditor")
    assert world.run(CALM_MS, lambda: late[0].done)
    assert world.hosts["institution"].journal.may_seal
    entries = [id_ for _, id_, _ in world.entries("platform")]
    assert entries.count("cap-P1") == 1 and entries.count("cap-P2") == 1
    assert entries.index("cap-P1") < entries.index("cap-P2")
    assert not world.evidence  # I8; the world watches batch numbers for I2


def test_rebuilt_author_learns_of_a_batch_that_only_stored_blocks_of_its_peers_hold(
    world: World, templates: Path
) -> None:
    """No pool has it when the peers were off as well, and it becomes final all the same (I2)."""
    world.lose = lambda _sender, _to, frame: _of(frame) in ("final", CertificateMessage)
    world.submit("institution", [capture("P1")])
    world.run(20)
    for name in world.genesis.names:
        world.crash(name)
    world.frames.clear()
    world.lose = lambda _sender, _to, frame: _of(frame) in ("notar", "final", "skip", Proposal)
    world.open("platform", "funder", "auditor")
    held = [item.kind for item in world.stores["platform"].load_consensus()]
    assert "block" in held and not world.hosts["platform"].pool.of("institution")
    _rebuild(world, "institution", templates)
    (late,) = world.submit("institution", [capture("P2")])
    world.run(200)
    assert world.hosts["institution"].journal.head[0] == 2, "its own again, durable"
    assert [item.number for item in world.stores["institution"].load_journal()] == [2]
    assert late.state == "queued"
    world.lose = lambda *_: False
    assert world.run(CALM_MS, lambda: late.done and _level(world))
    entries = [id_ for _, id_, _ in world.entries("platform")]
    assert entries.index("cap-P1") < entries.index("cap-P2") and not world.evidence


def _of(frame: bytes) -> object:
    """Return a frame's type, and of a vote its kind."""
    message = decode(frame)
    return message.vote.kind if isinstance(message, VoteMessage) else type(message)


def test_rebuilt_author_judges_no_record_before_it_has_its_own_log_again(
    world: World, templates: Path
) -> None:
    """A refusal is definite: it must not come from an old state, the record may be in the log."""
    _state(world, "platform", [instruct("P1")])
    world.lose = lambda _sender, to, frame: to == "platform" and isinstance(decode(frame), Range)
    _rebuild(world, "platform", templates)
    world.run(200)
    (again,) = world.submit("platform", [instruct("P1")])
    (other,) = world.submit("platform", [instruct("P1", 5_000)])
    world.run(200)
    assert again.state == "queued", "all have said what they know, and nothing of it is here yet"
    assert (other.state, other.code) == ("refused", "id-reused"), "it came after the queued one"
    assert not world.hosts["platform"].journal.may_seal
    world.lose = lambda *_: False
    assert world.run(CALM_MS, lambda: again.done and _level(world))
    assert (again.state, again.outcome) == ("final", "applied")
    assert [id_ for _, id_, _ in world.entries("platform")].count("ins-P1") == 1


def test_rebuilt_author_is_not_told_of_other_bytes_under_its_id(
    world: World, templates: Path
) -> None:
    _state(world, "platform", [instruct("P1")])
    world.lose = lambda _sender, to, frame: to == "platform" and isinstance(decode(frame), Range)
    _rebuild(world, "platform", templates)
    (other,) = world.submit("platform", [instruct("P1", 5_000)])
    world.run(200)
    assert other.state == "queued"
    world.lose = lambda *_: False
    assert world.run(CALM_MS, lambda: other.done)
    assert (other.state, other.code) == ("refused", "id-reused")


# -- many blocks ----------------------------------------------------------------------------------


def _trio() -> Genesis:
    members = tuple(
        Member(key=b64encode(signer(name).public_key).decode(), name=name, role=name)  # type: ignore[arg-type]
        for name in ("platform", "institution", "auditor")
    )
    return found("trio", members, 2, CREATED_AT)


@pytest.fixture(scope="module")
def long_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return a trio in which the auditor has missed 310 blocks."""
    opened = World(tmp_path_factory.mktemp("long"), genesis=_trio())
    opened.open("platform", "institution")
    for number in range(310):
        raw = record("receiver.registered", f"r{number}", receiver=f"R{number}", **RECEIVER)
        told = opened.submit("institution", [raw])
        assert opened.run(CALM_MS, lambda told=told: told[0].done)
    assert opened.run(CALM_MS, lambda: _level(opened))
    yield opened  # type: ignore[misc]
    opened.close()


def test_host_that_missed_300_blocks_catches_up_by_ranges(long_world: World) -> None:
    world = long_world
    height = world.stores["platform"].tip().height
    assert height >= 300
    asked: list[int] = []
    world.lose = lambda sender, _to, frame: _note_range(asked, sender, frame)
    world.open("auditor")
    assert world.run(CALM_MS, lambda: _level(world))
    world.check_equal()
    assert 2 <= len(asked) <= 4, "whole ranges, not block by block"
    host = world.hosts["auditor"]
    assert not host.rejected
    # Range ends carry the certificates; between them the next party is served all the same.
    with world.stores["auditor"].reader() as reader:
        for start in (1, 2, 100, 255, 256, 257, height):
            answer = range_from(reader, start, world.genesis.limits.block_bytes)
            assert answer is not None and answer.blocks[0].block().height == start
    _state(world, "platform", [record("split.instructed", "x", **_split())])
    world.check_equal()


def _note_range(asked: list[int], sender: str, frame: bytes) -> bool:
    message = decode(frame)
    if isinstance(message, WantRange) and sender == "auditor":
        asked.append(message.height)
    return False


def _split() -> dict[str, object]:
    legs = [{"amount": 100, "leg": 1, "purpose": "goods", "receiver": "R1"}]
    return {
        "amount": 100, "currency": "CNY", "legs": legs,
        "mode": "fixed", "order": "o", "payment": "x",
    }  # fmt: skip


def test_every_lie_in_a_range_is_refused_and_stops_nobody(
    long_world: World, tmp_path: Path
) -> None:
    if "auditor" not in long_world.hosts:
        long_world.open("auditor")
    assert long_world.run(CALM_MS, lambda: _level(long_world))
    with long_world.stores["auditor"].reader() as reader:
        true = range_from(reader, 1, 140_000)
    assert true is not None and true.headers
    store = Store(f"sqlite:///{tmp_path / 'fresh'}.db", long_world.genesis, party="auditor")
    fresh = World(tmp_path, genesis=long_world.genesis)
    store.close()
    (tmp_path / "auditor.db").write_bytes((tmp_path / "fresh.db").read_bytes())
    fresh.open("auditor")
    host = fresh.hosts["auditor"]
    for lie in _lies(true):
        let_ask(fresh, "auditor", "platform", true.certificate)
        host.receive("platform", encode(lie))
        assert host.halted is None
        assert host.store.tip().height == 0
        fresh.now_ms += SHUT_OUT_MAX_MS
    assert sum(host.rejected.values()) == len(_lies(true))
    assert (
        host.conduct.offences["platform"]
        == len(_lies(true)) - host.rejected["platform", "unjustified"]
    )
    let_ask(fresh, "auditor", "platform", true.certificate)
    host.receive("platform", encode(true))
    assert host.store.tip().height == len(true.blocks)
    fresh.close()


def _lies(true: Range) -> list[Range]:
    first, rest = true.blocks[0], true.blocks[1:]
    votes = true.certificate.votes
    unsigned = WireBlock(first.header, bytes(64), first.batches, first.justification)
    unproved = WireBlock(rest[0].header, rest[0].signature, rest[0].batches, ())
    batch = first.batches[0]
    other = WireBatch(batch.header, bytes(64), batch.records)
    forged = WireBlock(first.header, first.signature, (other,), first.justification)
    swapped = WireBatch(batch.header, batch.signature, (b"{}",) * len(batch.records))
    replaced = WireBlock(first.header, first.signature, (swapped,), first.justification)
    return [
        Range((unsigned, *rest), true.headers, true.certificate),
        Range((first, unproved, *rest[1:]), true.headers, true.certificate),
        Range((forged, *rest), true.headers, true.certificate),
        Range((replaced, *rest), true.headers, true.certificate),
        Range((first, *rest[1:]), true.headers, true.certificate),
        Range(true.blocks, true.headers[:-1], true.certificate),
        Range(true.blocks, true.headers[1:], true.certificate),
        Range(true.blocks, (), true.certificate),
        Range(true.blocks, true.headers, type(true.certificate)(votes[:1])),
    ]


# -- damage and hostility -------------------------------------------------------------------------


def test_diverged_host_does_not_vote_and_stops_naming_the_key(world: World) -> None:
    _state(world, "institution", [capture("P1")])
    replica = world.hosts["auditor"].replica
    while replica.leader(replica.slot) == "auditor":
        _state(world, "institution", [capture(f"Q{replica.slot}")])
    store = world.stores["auditor"]
    table = store.tables.rows[Balance].table
    store.write()
    with store.engine.begin() as connection:
        connection.execute(update(table).values(amount=table.c.amount + 1))
    store.view().forget()
    notars: list[int] = []
    world.lose = lambda sender, _to, frame: _note_notar(notars, sender, frame)
    told = world.submit("institution", [capture("P2")])
    assert world.run(CALM_MS, lambda: world.hosts["auditor"].halted is not None)
    assert world.run(CALM_MS, lambda: told[0].done)
    halted = world.hosts["auditor"].halted
    assert halted is not None and halted.code == "state-diverged"
    assert Balance.TABLE in halted.message
    assert all(replica.leader(slot) == "auditor" for slot in notars), "not its own result"
    assert [s.state for s in told] == ["final"]
    world.check_equal(["platform", "institution", "funder"])


@pytest.mark.parametrize(
    "answer", [b"", b"no json", b"\xff", b"{}", b"[1]", b"[[]]", b"[[1,2,3]]", b"[" * 5000, b"null"]
)
def test_changes_that_are_no_changes_harm_nobody(
    world: World, answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = world.hosts["auditor"]
    store = world.stores["auditor"]
    told = world.submit("institution", [capture("P1")])
    world.run(50, lambda: told[0].done)
    monkeypatch.setattr(host.machine, "_differing", {bytes(32): _any_execution(world)})
    host.receive("platform", encode(ChangesMessage(bytes(32), answer)))
    assert host.halted is None
    assert store.tip().height > 0


def _any_execution(world: World) -> Execution:

    store = world.stores["auditor"]
    return execute(world.genesis, store.tip(), store.frontier(), store.view(), 2**41, [])


def test_evidence_against_one_party_is_kept_within_bounds(world: World) -> None:
    host = world.hosts["auditor"]
    for slot in range(1, EVIDENCE_PER_PARTY_MAX + 20):
        pair = [
            sign_vote(notar_subject(slot, bytes([n]) * 32), signer("funder"), "funder", 1, GENESIS)
            for n in (1, 2)
        ]
        lie = of_votes(*pair)
        assert lie is not None
        for _ in range(2):
            host.receive("platform", encode(EvidenceMessage(lie)))
    with host.store.reader() as reader:
        assert len(reader.evidence()) == EVIDENCE_PER_PARTY_MAX
    world.crash("auditor")
    world.open("auditor")
    with world.stores["auditor"].reader() as reader:
        assert len(reader.evidence()) == EVIDENCE_PER_PARTY_MAX


def test_batches_over_the_limits_are_not_taken(world: World) -> None:
    """A batch that fits no block would stay for ever, and slots would burn over it for ever."""

    many = [register(f"m{n}") for n in range(GENESIS.limits.batch_records + 1)]
    batch = seal(signer("funder"), GENESIS.ledger, "funder", (0, ZERO_HASH), many)
    host = world.hosts["auditor"]
    host.receive("funder", encode(BatchMessage(wire_batch(batch))))
    assert host.rejected["funder", "batch-too-large"] == 1
    assert not host.machine.has_work(host.store.tip(), host.store.tip().time)


def test_nobody_can_crowd_out_a_partys_own_batches_from_what_is_said_again(world: World) -> None:
    host = world.hosts["auditor"]
    head = (1, bytes(32))  # batches 2, 3, … on a first one that never comes
    for number in range(RESENT_BATCHES_MAX + 10):
        batch = seal(signer("platform"), GENESIS.ledger, "platform", head, [register(f"g{number}")])
        head = (batch.number, batch.hash)
        host.receive("platform", encode(BatchMessage(wire_batch(batch))))
    own = seal(signer("auditor"), GENESIS.ledger, "auditor", (0, bytes(32)), [register("own")])
    funders = seal(signer("funder"), GENESIS.ledger, "funder", (0, bytes(32)), [register("f")])
    host.pool.add(own)
    host.pool.add(funders)
    said = [m.batch.batch().party for m in host.machine.own_work() if isinstance(m, BatchMessage)]
    assert said[0] == "auditor" and "funder" in said
    assert len(said) == RESENT_BATCHES_MAX


def test_questions_of_a_peer_are_answered_one_at_a_time_and_the_latest_counts(
    world: World,
) -> None:
    host = world.hosts["auditor"]
    sent: list[str] = []
    world.lose = lambda sender, peer, _: sender == "auditor" and not sent.append(peer)
    for height in (1, 1, 1, 1, 1, 2):
        host.receive("platform", encode(WantRange(height)))
    assert sent == ["platform"]
    assert [asked for _, asked in host._answers.waiting()] == [WantRange(2)]
    assert host.deadline_ms() <= world.now_ms + PAUSE_MIN_MS
    world.now_ms += PAUSE_MIN_MS
    host.tick()
    assert host._answers.waiting() == []


def test_damaged_votes_are_told_as_a_corrupt_ledger(world: World) -> None:
    for kind in ("vote", "block", "certificate"):
        world.crash("auditor")
        store = Store(f"sqlite:///{world.directory / 'auditor'}.db", GENESIS, party="auditor")
        store.save([ConsensusItem(9999, kind, "skip", b"\x00")])
        store.close()
        with pytest.raises(CorruptLedger, match="--rebuild"):
            world.open("auditor")


def test_a_turned_byte_of_an_own_batch_is_told_as_a_corrupt_ledger(world: World) -> None:
    """No byte of it is taken back: the signature is verified again, too."""
    world.crash("auditor")
    store = Store(f"sqlite:///{world.directory / 'auditor'}.db", GENESIS, party="auditor")
    head = (0, ZERO_HASH)
    own = seal(signer("auditor"), GENESIS.ledger, "auditor", head, [register("r-9")])
    body = bytearray(encode(wire_batch(own)))
    at = body.index(own.signature) + 7
    body[at] ^= 0xFF
    store.save([JournalItem(1, bytes(body))])
    store.close()
    with pytest.raises(CorruptLedger, match="--rebuild"):
        world.open("auditor")


def test_a_slow_reader_of_an_export_holds_no_snapshot(world: World) -> None:
    store = world.stores["auditor"]
    held: list[Reader] = []

    @contextmanager
    def counted() -> Iterator[Reader]:
        with store.reader() as reader:
            held.append(reader)
            yield reader
            held.remove(reader)

    lines = export_lines(
        counted, partial(served_checkpoint, genesis=GENESIS, signer=signer("auditor")), 1
    )
    exported = []
    for line in lines:
        assert held == []
        exported.append(line + b"\n")
    assert verify_log(exported, GENESIS).entries == store.tip().size
