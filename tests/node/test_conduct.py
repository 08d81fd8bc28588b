"""A peer with a valid key: what is refused at sight, what is remembered, who is shut out, how long.

Three honest hosts are at work; the test speaks for the fourth key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from msgspec.structs import replace

from consensus.errors import BadMessage
from consensus.evidence import Evidence, of_votes
from consensus.fetching import ASK_AGAIN_MS
from consensus.justification import leader_of
from consensus.limits import SUSPECTED_MAX
from consensus.messages import (
    BatchMessage,
    CertificateMessage,
    ChangesMessage,
    EvidenceMessage,
    Message,
    Proposal,
    VoteMessage,
    Voting,
    WantBlock,
    WantRange,
    decode,
    encode,
    kind_of,
    wire_batch,
    wire_block,
)
from consensus.votes import Certificate, Vote, notar_subject, sign_vote, skip_subject
from ledger import batch as batches
from ledger import domains
from ledger.batch import Batch, seal
from ledger.block import Block, BlockHeader, encode_header
from ledger.domains import ZERO_HASH
from ledger.errors import LedgerError
from node.host import machine as machines
from node.host.catchup import range_from
from node.host.conduct import CONDUCT, Conduct
from node.host.frames import FrameGuard, bytes_max, frame_bytes_max
from node.host.host import Host
from node.limits import (
    CLEAN_MS,
    EVIDENCE_PER_PARTY_MAX,
    POOL_BATCHES_PER_PARTY_MAX,
    SHUT_OUT_FIRST_MS,
    SHUT_OUT_MAX_MS,
    UNASKED_MAX,
)
from node.storage.queries import LedgerReader
from node.storage.store import Store
from tests.ledger.ledger_kit import GENESIS, signer
from tests.node import test_statements_refused
from tests.node.host_kit import CALM_MS, World, capture, let_ask, make_templates, register

HONEST, LIAR, SEES = ("platform", "institution", "auditor"), "funder", "auditor"
DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_templates(tmp_path_factory.mktemp("templates"))


@pytest.fixture
def world(tmp_path: Path, templates: Path) -> Iterator[World]:
    opened = World(tmp_path, templates)
    opened.open(*HONEST)
    work(opened, [register("first")])
    yield opened
    opened.close()


def work(world: World, raws: list[bytes]) -> None:
    told = world.submit("institution", raws)
    assert world.run(CALM_MS, lambda: all(each.state == "final" for each in told))


def batch_of(records: list[bytes], number: int = 1) -> Batch:
    return seal(signer(LIAR), GENESIS.ledger, LIAR, (number - 1, ZERO_HASH), records)


def forged(batch: Batch, mark: int = 0) -> BatchMessage:
    return BatchMessage(replace(wire_batch(batch), signature=bytes([mark]) * 64))


def block_of(slot: int, *made: Batch, **fields: object) -> Block:
    zero = ZERO_HASH.hex()
    header = BlockHeader(
        batches=tuple(each.hash.hex() for each in made), height=9, ledger=GENESIS.ledger,
        parent=zero, proposer=LIAR, root=zero, size=1, slot=slot, state=zero, time=1,
    )  # fmt: skip
    raw = encode_header(replace(header, **fields))
    return Block(raw, signer(LIAR).sign(domains.proposal_signature_input(raw)), made)


def leads(slot: int) -> bool:
    return leader_of(slot, GENESIS) == LIAR


def vote(kind: str = "skip", slot: int = 9, voter: str = LIAR) -> Vote:
    subject = skip_subject(slot) if kind == "skip" else notar_subject(slot, bytes(32))
    return sign_vote(subject, signer(LIAR), voter, 0, GENESIS)


# -- the first bytes -------------------------------------------------------------------------------


SAMPLES: tuple[Message, ...] = (
    BatchMessage(wire_batch(batch_of([b"{}"]))),
    VoteMessage(vote()),
    Voting(""),
    WantBlock(bytes(32)),
    WantRange(2**53 - 1),
    ChangesMessage(bytes(32), b"[]"),
)


@pytest.mark.parametrize("message", SAMPLES, ids=lambda each: type(each).__name__)
def test_the_kind_of_a_message_stands_in_its_first_bytes(message: Message) -> None:
    assert kind_of(encode(message)) == message.__struct_config__.tag


@pytest.mark.parametrize(
    "frame", [b"", b"\x92", b"\x92\xd9\x04vote", b"\xdc\x00\x02\xa4vote", b"{}"]
)
def test_what_is_no_message_has_no_kind(frame: bytes) -> None:
    assert kind_of(frame) == ""
    with pytest.raises(BadMessage, match="bad-message"):
        FrameGuard(GENESIS, lambda _peer, _kind: True).refuse_at_sight(LIAR, frame)


def test_every_kind_of_message_has_a_bound_and_honest_messages_keep_it() -> None:
    bounds = bytes_max(GENESIS)
    assert set(bounds) == set(Message.__args__)  # type: ignore[attr-defined]
    assert max(bounds.values()) == frame_bytes_max(GENESIS)
    limits = GENESIS.limits
    many = [bytes(limits.batch_bytes // limits.batch_records - 1)] * limits.batch_records
    for message in (*SAMPLES, BatchMessage(wire_batch(batch_of(many)))):
        FrameGuard(GENESIS, lambda _peer, _kind: True).refuse_at_sight(LIAR, encode(message))


@pytest.mark.parametrize(
    "kind", ["vote", "certificate", "voting", "want-block", "batch", "evidence"]
)
def test_a_frame_too_large_for_its_kind_is_not_decoded(world: World, kind: str) -> None:
    frame = b"\x92" + bytes([0xA0 + len(kind)]) + kind.encode() + bytes(2**20)
    host = world.hosts[SEES]
    assert not host.receive(LIAR, frame)
    assert host.rejected == {(LIAR, "frame-too-large"): 1}
    assert not host.shut_out_ms(LIAR), "another version may have other bounds"


def unasked(kind: str) -> bytes:
    """Return an answer that nothing would decode."""
    return b"\x94" + bytes([0xA0 + len(kind)]) + kind.encode() + bytes(2**20)


@pytest.mark.parametrize("kind", ["range", "changes"])
def test_an_answer_that_nobody_asked_for_is_not_decoded(world: World, kind: str) -> None:
    host = world.hosts[SEES]
    for number in range(1, UNASKED_MAX + 1):
        assert not host.receive(LIAR, unasked(kind))
        assert host.rejected == {(LIAR, "unasked"): number}
        assert not host.shut_out_ms(LIAR), "its asker may have forgotten"
    host.receive(LIAR, unasked(kind))
    assert host.shut_out_ms(LIAR) == SHUT_OUT_FIRST_MS


def test_a_range_counts_once_from_the_height_that_was_asked_for(
    tmp_path: Path, templates: Path
) -> None:
    world = World(tmp_path, templates)
    world.open()
    world.links_down.add(SEES)
    for number in range(6):
        work(world, [register(f"missed-{number}")])
    with world.stores["platform"].reader() as reader:
        ranges = {start: range_from(reader, start, 2**20) for start in (1, 2)}
    host = world.hosts[SEES]
    assert ranges[1] is not None and ranges[2] is not None
    let_ask(world, SEES, "platform", ranges[1].certificate)
    assert not host.receive("platform", encode(ranges[2]))
    assert host.rejected == {("platform", "unasked"): 1}
    assert host.receive("platform", encode(ranges[1]))
    height = host.store.tip().height
    assert height > 0
    host.peer_down("platform")
    assert not host.receive("platform", encode(ranges[1])), "it has been answered"
    assert host.store.tip().height == height
    world.close()


# -- batches ---------------------------------------------------------------------------------------


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows with every verification of a batch."""
    seen: list[str] = []
    true = batches.verify

    def verify(batch: Batch, *others: object) -> None:
        seen.append(batch.party)
        true(batch, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(machines.batches, "verify", verify)
    return seen


def test_the_size_of_a_batch_is_looked_at_before_anything_is_verified(
    world: World, verified: list[str]
) -> None:
    many = batch_of([b"{}"] * (GENESIS.limits.batch_records + 1))
    world.hosts[SEES].receive(LIAR, encode(forged(many)))
    assert world.hosts[SEES].rejected == {(LIAR, "batch-too-large"): 1}
    assert verified == []


def test_a_batch_with_a_number_that_nobody_needs_is_not_verified(
    world: World, verified: list[str]
) -> None:
    for number in (POOL_BATCHES_PER_PARTY_MAX + 1, 10**9):
        assert not world.hosts[SEES].receive(LIAR, encode(forged(batch_of([b"{}"], number))))
    assert verified == [] and not world.hosts[SEES].rejected


def test_a_known_batch_is_not_verified_again(world: World, verified: list[str]) -> None:
    frame = encode(BatchMessage(wire_batch(batch_of([capture("P1")]))))
    assert world.hosts[SEES].receive(LIAR, frame)
    for _ in range(3):
        assert not world.hosts[SEES].receive(LIAR, frame)
    assert verified == [LIAR]


def test_a_contradicting_batch_is_verified_once_and_some_convict(
    world: World, verified: list[str]
) -> None:
    host = world.hosts[SEES]
    pair = [encode(BatchMessage(wire_batch(batch_of([capture(p)])))) for p in ("P1", "P2")]
    for frame in (*pair, *pair, *pair):
        host.receive(LIAR, frame)
    assert verified == [LIAR] * 2
    assert len(host.accusations.convicted[LIAR]) == 1
    for number in range(2 * EVIDENCE_PER_PARTY_MAX):
        other = batch_of([capture(f"Q{number}")])
        host.receive(LIAR, encode(BatchMessage(wire_batch(other))))
    assert len(host.accusations.convicted[LIAR]) == EVIDENCE_PER_PARTY_MAX
    assert len(verified) == 1 + EVIDENCE_PER_PARTY_MAX


def test_blocks_full_of_old_batches_cost_a_look_at_the_log_once(
    world: World, verified: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A leader may propose them in each of its slots; what is held is not written for that."""
    host, party = world.hosts[SEES], "institution"
    looks: list[None] = []
    true = Store.own_reader

    def own_reader(self: Store) -> AbstractContextManager[LedgerReader]:
        looks.append(None)
        return true(self)

    monkeypatch.setattr(Store, "own_reader", own_reader)
    other = seal(signer(party), GENESIS.ledger, party, (0, ZERO_HASH), [capture("P2")])
    found: list[Evidence] = []
    for slot in (1, 2, 3):
        host.machine.refuse_forged(block_of(slot, other), found)
    assert verified == [party] and len(looks) <= 1
    assert {(each.kind, each.party) for each in found} == {("two-batches", party)}


def test_a_body_cut_otherwise_is_another_body(world: World) -> None:
    """What was verified once is known by all of its records, and by where each of them ends."""
    true = batch_of([capture("P1"), capture("P2")])
    one, two = true.records
    cut = Batch(true.raw_header, true.signature, (one + two[:1], two[1:]))
    machine = world.hosts[SEES].machine
    machine.refuse_forged(block_of(1, true), [])
    with pytest.raises(LedgerError, match="root"):
        machine.refuse_forged(block_of(2, cut), [])


# -- what was refused ------------------------------------------------------------------------------


def test_what_was_refused_is_remembered_and_not_verified_again(
    world: World, verified: list[str]
) -> None:
    host, frame = world.hosts[SEES], encode(forged(batch_of([capture("P1")])))
    for number in range(1, 5):
        host.receive(LIAR, frame)
        assert host.rejected == {(LIAR, "bad-signature"): number}
        world.now_ms += SHUT_OUT_MAX_MS
    assert verified == [LIAR]
    host.receive("platform", frame)
    assert verified == [LIAR] * 2, "each peer answers for itself"


def test_what_is_true_after_all_is_heard_when_the_time_is_over(world: World) -> None:
    host, batch = world.hosts[SEES], batch_of([capture("P1")])
    host.receive(LIAR, encode(forged(batch)))
    good = encode(BatchMessage(wire_batch(batch)))
    assert not host.receive(LIAR, good), "shut out"
    world.now_ms += SHUT_OUT_FIRST_MS
    assert host.receive(LIAR, good)


LIES: dict[str, Callable[[World], Message]] = {
    "bad-signature": lambda world: forged(batch_of([capture("P1")])),
    "bad-batch-root": lambda world: BatchMessage(
        replace(wire_batch(batch_of([capture("P1")])), records=(capture("P2"),))
    ),
    "batch-too-large": lambda world: BatchMessage(
        wire_batch(batch_of([b"{}"] * (GENESIS.limits.batch_records + 1)))
    ),
    "bad-vote-signature": lambda world: VoteMessage(vote(voter="platform")),
    "malformed-vote": lambda world: VoteMessage(replace(vote(), block=bytes(32))),
    "unknown-voter": lambda world: VoteMessage(replace(vote(), voter="nobody")),
    "no-quorum": lambda world: CertificateMessage(Certificate((vote(),))),
    "malformed-certificate": lambda world: CertificateMessage(Certificate((vote(),) * 3)),
    "wrong-ledger": lambda world: Proposal(wire_block(block_of(1, ledger="0" * 64), ())),
    "not-leader": lambda world: Proposal(wire_block(block_of(4), ())),
    "bad-evidence": lambda world: _bad_evidence(),
}


def _bad_evidence() -> Message:
    lie = of_votes(vote("notar"), replace(vote("notar"), block=b"\x01" * 32))
    assert lie is not None
    return EvidenceMessage(replace(lie, kind="two-final"))


@pytest.mark.parametrize("code", LIES)
def test_every_offence_shuts_its_sender_out(world: World, code: str) -> None:
    host = world.hosts[SEES]
    assert not host.receive(LIAR, encode(LIES[code](world)))
    assert host.rejected == {(LIAR, code): 1}
    assert host.shut_out_ms(LIAR) == SHUT_OUT_FIRST_MS
    assert not any(host.shut_out_ms(name) for name in HONEST)
    until = host._clock.now().wall_ms + SHUT_OUT_FIRST_MS
    assert host.conduct.of(LIAR) == {"offences": 1, "shut_out": {"code": code, "until": until}}
    work(world, [register("after")])


def test_the_table_of_conduct_is_the_one_in_the_documents() -> None:
    text = (DOCS / "protocol.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (offence|harmless) \|", text, re.MULTILINE))
    assert rows == CONDUCT


def test_every_offence_is_made_here_or_in_an_answer() -> None:
    in_answers = {"bad-exits", "broken-chain", "wrong-certificate", "unknown-party"}
    at_starts = {code for code, _ in test_statements_refused.LIES.values()}
    assert {code for code, verdict in CONDUCT.items() if verdict == "offence"} == {
        *LIES, *in_answers, *(code for code in at_starts if CONDUCT.get(code) == "offence"),
    }  # fmt: skip


# -- how long --------------------------------------------------------------------------------------


class Ticking:
    def __init__(self) -> None:
        self.now_ms = 1000

    def now(self):  # type: ignore[no-untyped-def]
        from consensus.effects import Now

        return Now(self.now_ms, self.now_ms)


def test_the_time_doubles_up_to_thirty_seconds_and_a_clean_minute_forgets() -> None:
    clock = Ticking()
    conduct, times = Conduct(SEES, clock), []
    for number in range(8):
        assert conduct.note(LIAR, "bad-signature", b"%d" % number)
        times.append(conduct.shut_out_ms(LIAR))
        clock.now_ms += times[-1]
        assert not conduct.shut_out_ms(LIAR)
    assert times == [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]
    clock.now_ms += CLEAN_MS - 1
    conduct.note(LIAR, "bad-signature", b"")
    assert conduct.shut_out_ms(LIAR) == SHUT_OUT_MAX_MS
    clock.now_ms += SHUT_OUT_MAX_MS + CLEAN_MS
    conduct.note(LIAR, "bad-signature", b"")
    assert conduct.shut_out_ms(LIAR) == SHUT_OUT_FIRST_MS
    assert conduct.offences == {LIAR: 9 + 1}


@pytest.mark.parametrize("code", [c for c, verdict in CONDUCT.items() if verdict == "harmless"])
def test_what_is_harmless_shuts_nobody_out(code: str) -> None:
    conduct = Conduct(SEES, Ticking())
    for _ in range(UNASKED_MAX if code == "unasked" else 1000):
        assert not conduct.note(LIAR, code, b"frame")
    assert not conduct.shut_out_ms(LIAR)
    conduct.refuse_again(LIAR, b"frame")
    assert conduct.of(LIAR) == {"offences": 0, "shut_out": None}


def test_unasked_answers_are_counted_for_a_minute() -> None:
    clock = Ticking()
    conduct = Conduct(SEES, clock)
    for _ in range(4 * UNASKED_MAX):
        assert not conduct.note(LIAR, "unasked", b"frame")
        clock.now_ms += CLEAN_MS // UNASKED_MAX + 1


# -- of what use a frame was -----------------------------------------------------------------------


def test_what_is_known_is_of_no_use_and_what_is_new_is(world: World) -> None:
    host: Host = world.hosts[SEES]
    ahead = host.replica.slot + 5
    lie = of_votes(
        *(sign_vote(notar_subject(ahead, h * 32), signer(LIAR), LIAR, 0, GENESIS)
          for h in (b"\x01", b"\x02"))
    )  # fmt: skip
    assert lie is not None
    for message in (
        VoteMessage(vote(slot=ahead)),
        BatchMessage(wire_batch(batch_of([capture("P1")]))),
        EvidenceMessage(lie),
    ):
        frame = encode(message)
        assert host.receive(LIAR, frame)
        assert not host.receive(LIAR, frame)
    with host.store.reader() as reader:
        latest = reader.latest_certificate()
    assert latest is not None
    assert not host.receive(LIAR, encode(Voting("rebuilt")))
    assert host.receive(LIAR, encode(WantRange(1)))
    assert host.receive(LIAR, encode(WantRange(1))), "the first one is answered"
    assert not host.receive(LIAR, encode(WantRange(1))), "it asks faster than it is answered"


def test_votes_far_ahead_do_not_make_steps_longer(world: World) -> None:
    """The rules look at no slot of which only single votes are known."""
    host = world.hosts[SEES]
    tree, at = host.replica._tree, host.replica.slot
    before = len(tree.live())
    for slot in range(at, at + 250):
        assert host.receive(LIAR, encode(VoteMessage(vote(slot=slot))))
    assert len(tree.live()) <= before + 1
    work(world, [register("after")])


def test_headers_and_votes_of_a_lying_leader_cause_few_questions(world: World) -> None:
    """A vote for another block than the one that is known may convict its leader."""
    host = world.hosts[SEES]
    asked: list[bytes] = []

    def lose(sender: str, _to: str, frame: bytes) -> bool:
        message = decode(frame)
        if sender == SEES and isinstance(message, WantBlock):
            asked.append(message.hash)
        return False

    world.lose = lose
    ahead = [n for n in range(host.replica.slot, host.replica.slot + 250) if leads(n)]
    for slot in ahead:
        host.receive(LIAR, encode(Proposal(wire_block(block_of(slot), ()))))
        for other in (b"\x01", b"\x02"):
            said = notar_subject(slot, other + slot.to_bytes(31, "big"))
            host.receive(LIAR, encode(VoteMessage(sign_vote(said, signer(LIAR), LIAR, 0, GENESIS))))
    world.run(5 * ASK_AGAIN_MS)
    assert 0 < len(set(asked)) <= SUSPECTED_MAX < len(ahead)


# -- honest work -----------------------------------------------------------------------------------


def test_honest_hosts_offend_nobody_whatever_happens_to_them(
    tmp_path: Path, templates: Path
) -> None:
    """Restarts, lost frames, frames said twice, a host that was away and catches up."""
    world, turn = World(tmp_path, templates), 0

    def lose(sender: str, to: str, frame: bytes) -> bool:
        nonlocal turn
        turn += 1
        if turn % 7 == 0:
            world.frames.append((sender, to, frame))
        return turn % 11 == 0

    world.open()
    world.lose = lose
    for number in range(12):
        away = world.genesis.names[number % 4]
        if number % 3 == 0:
            world.crash(away)
        told = world.submit("institution", [register(f"r{number}")])
        world.run(3000)
        if number % 3 == 0:
            world.open(away)
        assert not told or world.run(CALM_MS, lambda told=told: told[0].done)
    world.lose = lambda *_: False
    assert world.run(CALM_MS, lambda: len({h.store.tip() for h in world.hosts.values()}) == 1)
    for host in world.hosts.values():
        assert not host.conduct.offences
        assert {code for _, code in host.rejected} <= {"unasked"}, host.rejected
    world.close()
