"""The wire: canonical only, and nothing that a peer sends makes a host raise."""

from __future__ import annotations

from random import Random

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from consensus import messages
from consensus.effects import Received
from consensus.errors import BadMessage, ConsensusError
from consensus.evidence import SignedHeader
from consensus.limits import EVIDENCE_SLOTS, SLOT_WINDOW
from consensus.messages import (
    ChangesMessage,
    Exits,
    Message,
    VoteMessage,
    WantBlock,
    WantChanges,
    WantExits,
    WantRange,
    WantStatements,
    WireBatch,
    decode,
    encode,
)
from consensus.votes import (
    Certificate,
    certificate_of,
    notar_subject,
    sign_vote,
    skip_subject,
)
from ledger.errors import LedgerError
from tests.consensus.consensus_kit import Cluster
from tests.consensus.test_evidence import batches, proposals
from tests.ledger.chain_kit import SIGNERS
from tests.ledger.chain_kit import genesis_of as small_genesis
from tests.ledger.ledger_kit import GENESIS, signer
from tests.node.host_kit import CALM_MS, World, capture, instruct, make_templates, register

SLOW = settings(
    max_examples=300,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return four hosts that have made some blocks."""
    templates = make_templates(tmp_path_factory.mktemp("templates"))
    opened = World(tmp_path_factory.mktemp("hosts"), templates)
    opened.open()
    for name, raws in (
        ("institution", [register("shop"), register("platform-fee")]),
        ("institution", [capture("P1")]),
        ("platform", [instruct("P1")]),
    ):
        told = opened.submit(name, raws)
        assert opened.run(CALM_MS, lambda told=told: all(each.done for each in told))
    yield opened  # type: ignore[misc]
    opened.close()


@pytest.fixture(scope="module")
def frames(world: World) -> list[bytes]:
    """Return valid frames of every kind, of a run with losses and a restart."""
    heard: list[bytes] = []
    weather = Random(3)

    def lose(_sender: str, _to: str, frame: bytes) -> bool:
        heard.append(frame)
        return weather.random() < 0.3

    world.lose = lose
    told = world.submit("institution", [capture("P2")])
    world.crash("auditor")
    world.run(3000)
    told += world.submit("institution", [capture("P3")])
    world.run(3000)
    told += world.submit("institution", [capture("P4")])
    world.run(3000)
    world.open("auditor")
    assert world.run(CALM_MS, lambda: all(each.done for each in told))
    world.run(20_000)
    world.lose = lambda *_: False
    with world.stores["platform"].reader() as reader:
        stored = reader.batch("platform", 1)
    assert stored is not None
    extra: list[Message] = [
        WantBlock(bytes(32)),
        WantRange(1),
        WantExits(1, 2),
        Exits((_skipped(),)),
        WantStatements(bytes(32), 1, 1),
        _statements((), ()),
        _statements(
            (messages.wire_batch(stored.batch()),),
            (SignedHeader(stored.raw_header, stored.signature),),
        ),
        WantChanges(bytes(32)),
        ChangesMessage(bytes(32), b"[]"),
        messages.Voting(""),
        messages.Voting("state-diverged"),
        *_lies(),
    ]
    return sorted({*heard, *map(encode, extra)})


def _skipped() -> Certificate:
    votes = [
        sign_vote(skip_subject(9), signer(name), name, 0, GENESIS) for name in GENESIS.voters[:3]
    ]
    return certificate_of({vote.voter: vote for vote in votes})


def _statements(batches: tuple[WireBatch, ...], proposals: tuple[SignedHeader, ...]) -> Message:
    said = messages.KeyStatements(
        bytes(32), "platform", "funder", bytes(32), 1, 2, None, (), proposals, batches, 3, 4
    )
    return messages.StatementsMessage(said, bytes(64))


def _lies() -> list[Message]:

    return [messages.EvidenceMessage(proposals()), messages.EvidenceMessage(batches())]


def test_every_kind_of_message_round_trips(frames: list[bytes]) -> None:
    kinds = {type(decode(frame)) for frame in frames}
    assert kinds == set(Message.__args__)
    for frame in frames:
        assert encode(decode(frame)) == frame


@SLOW
@given(st.binary(max_size=300))
@example(b"\x92\xa3\xff\xfe\xfd\x01")
@example(b"\x92\xa4vote\x99\xa5notar\x01\xa1\xff")
@example(b"\x94\xa5range\xdd\xff\xff\xff\xff")
@example(b"\x91" * 100_000)
@example(b"")
def test_arbitrary_bytes_are_no_message(raw: bytes) -> None:
    try:
        message = decode(raw)
    except BadMessage as error:
        assert error.code in ("bad-message", "not-canonical-message")
    else:
        assert encode(message) == raw


@SLOW
@given(st.binary(max_size=200))
@example(b"\x99\xa5notar\x01\xa1\xff")
def test_arbitrary_stored_bytes_are_refused_with_a_code(raw: bytes) -> None:
    for each in (
        messages.decode_batch,
        messages.decode_block,
        messages.decode_certificate,
        messages.decode_evidence,
        messages.decode_justification,
        messages.decode_vote,
    ):
        try:
            each(raw)
        except (ConsensusError, LedgerError) as error:
            assert error.code


def test_longer_encodings_of_a_message_are_refused() -> None:
    short = encode(WantRange(1))
    long = short[:-1] + b"\xcd\x00\x01"
    assert msgspec.msgpack.decode(long) == msgspec.msgpack.decode(short)
    with pytest.raises(BadMessage, match="not-canonical-message"):
        decode(long)
    with pytest.raises(BadMessage):
        decode(short + b"\x00")


@SLOW
@given(st.data())
def test_mutated_messages_never_make_a_host_raise_or_stop(
    world: World, frames: list[bytes], data: st.DataObject
) -> None:
    raw = bytearray(frames[data.draw(st.integers(0, len(frames) - 1))])
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        how = data.draw(st.sampled_from(("set", "cut", "add", "double")))
        if how == "set":
            raw[at] = data.draw(st.integers(0, 255))
        elif how == "cut":
            del raw[at : at + data.draw(st.integers(1, 40))]
        elif how == "add":
            raw[at:at] = data.draw(st.binary(min_size=1, max_size=8))
        else:
            raw[at:at] = raw[at : at + 64]
        if not raw:
            break
    for peer in ("platform", "institution"):
        host = world.hosts["auditor"]
        host.receive(peer, bytes(raw))
        assert host.halted is None
        host.tick()
        assert host.deadline_ms() > world.now_ms


def test_fuzzed_hosts_still_work(world: World, frames: list[bytes]) -> None:
    random = Random(5)
    host = world.hosts["auditor"]
    for frame in frames:
        raw = bytearray(frame)
        raw[random.randrange(len(raw))] ^= random.randrange(1, 256)
        host.receive("funder", bytes(raw))
    told = world.submit("institution", [capture("P3")])
    assert world.run(CALM_MS, lambda: all(each.state == "final" for each in told))
    assert world.run(CALM_MS, lambda: len({h.store.tip() for h in world.hosts.values()}) == 1)
    world.check_equal()


def test_what_a_hostile_peer_says_is_remembered_within_bounds() -> None:
    """Votes for every slot there is: a window of slots is kept, and two of each kind a voter."""
    cluster = Cluster(small_genesis(4, 3), ["funder"])
    replica = cluster.replica("platform")
    for slot in (*range(1, 2 * SLOT_WINDOW), 2**40, 2**53 - 1):
        subjects = [notar_subject(slot, bytes([n]) * 32) for n in range(4)]
        for subject in (*subjects, skip_subject(slot)):
            vote = sign_vote(subject, SIGNERS["funder"], "funder", 1, cluster.genesis)
            replica.step(
                Received("funder", VoteMessage(vote)), cluster.now(cluster.seats["platform"])
            )
    slots = replica._tree.slots
    assert len(slots) <= SLOT_WINDOW + EVIDENCE_SLOTS + 1
    assert all(len(slot.tallies) <= 3 for slot in slots.values())
