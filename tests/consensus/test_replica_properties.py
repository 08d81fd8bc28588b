"""Random schedules: the replica is always safe, and live when the weather clears (I1 to I3, I7)."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consensus import certificates as certificates_module
from consensus import evidence as evidence_module
from consensus import finality as finality_module
from consensus import justification as justification_module
from consensus import proposals as proposals_module
from consensus.block_tree import BlockTree
from consensus.effects import Saved
from consensus.errors import BadVote
from consensus.messages import (
    CertificateMessage,
    Message,
    Proposal,
    Range,
    VoteMessage,
    WantBlock,
    WantRange,
    wire_block,
)
from consensus.replica import Replica
from consensus.slot import Slot
from consensus.votes import (
    Certificate,
    Subject,
    certificate_of,
    final_subject,
    notar_subject,
    sign_vote,
    skip_subject,
)
from ledger.block import Tip, genesis_tip, tip_of
from tests.consensus.consensus_kit import Cluster, Letter
from tests.ledger.chain_kit import SIGNERS, WALL_MS, Disk, genesis_of, make_block

SIZES = ((1, 1), (3, 2), (3, 3), (4, 3), (5, 4), (7, 5))
CALM_MS = 300_000
ACTIONS = (
    "deliver", "deliver", "deliver", "burst", "drop", "double", "tick", "tick", "work", "crash",
    "fuse", "restart", "cut", "mend",
)  # fmt: skip


def calm(examples: int) -> settings:
    """Return settings for slow, deterministic examples."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=examples, derandomize=True, suppress_health_check=slow)


schedules = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.integers(0, 10_000)), min_size=10, max_size=150
)


def disturb(cluster: Cluster, action: str, number: int) -> None:  # noqa: C901 - one line each
    """Do one thing that a network, a clock or a power supply may do."""
    names = [seat.name for seat in cluster.honest]
    name = names[number % len(names)]
    seat = cluster.seats[name]
    if action in ("deliver", "burst"):
        for _ in range(1 if action == "deliver" else number % 40):
            if cluster.bag:
                cluster.deliver(cluster.bag.pop(number % len(cluster.bag)))
    elif action == "drop" and cluster.bag:
        cluster.bag.pop(number % len(cluster.bag))
    elif action == "double" and cluster.bag:
        cluster.bag.append(cluster.bag[number % len(cluster.bag)])
    elif action == "tick":
        cluster.now_ms += number % 1500
        cluster.tick_due([name])
    elif action == "work":
        cluster.work(name)
    elif action == "crash":
        cluster.crash(name)
    elif action == "fuse":
        seat.fuse = number % 12
    elif action == "restart" and seat.replica is None:
        cluster.restart(name)
    elif action in ("cut", "mend") and len(names) > 1:
        other = names[(number // len(names)) % len(names)]
        if other != name:
            cluster.link(name, other, up=action == "mend")


@calm(200)
@given(st.sampled_from(SIZES), schedules)
def test_honest_replicas_are_safe_always_and_live_after_healing(
    size: tuple[int, int], schedule: list[tuple[str, int]]
) -> None:
    cluster = Cluster(genesis_of(*size))
    cluster.work("platform")
    for action, number in schedule:
        disturb(cluster, action, number)
    cluster.heal()
    assert cluster.run(cluster.now_ms + CALM_MS, cluster.all_work_final), "I7: work is not final"
    assert not any(seat.evidence for seat in cluster.honest)  # I8


@calm(100)
@given(st.sampled_from(((3, 2), (4, 3), (5, 4), (7, 5))), schedules, st.integers(0, 6))
def test_the_rest_is_live_while_no_more_than_allowed_are_gone_for_good(
    size: tuple[int, int], schedule: list[tuple[str, int]], first: int
) -> None:
    count, quorum = size
    cluster = Cluster(genesis_of(*size))
    gone = {cluster.genesis.names[(first + n) % count] for n in range(count - quorum)}
    for action, number in schedule:
        disturb(cluster, action, number)
    for name in gone:
        cluster.crash(name)
    for seat in cluster.honest:  # what only the lost ones hold need not become final
        if seat.name in gone:
            seat.disk.journal = []
    _heal_others(cluster, gone)
    survivor = next(name for name in cluster.genesis.names if name not in gone)
    cluster.work(survivor)
    assert cluster.run(cluster.now_ms + CALM_MS, cluster.all_work_final)


def _heal_others(cluster: Cluster, gone: set[str]) -> None:
    for pair in list(cluster.cut_links):
        cluster.link(*sorted(pair), up=True)
    for seat in cluster.honest:
        seat.fuse = None
        if seat.replica is None and seat.name not in gone:
            cluster.restart(seat.name)


# -- liars ----------------------------------------------------------------------------------------


class Liar:
    """Knows every letter ever sent, holds one key, and says whatever could hurt.

    Args:
        cluster: The consortium that it lies to.
        name: Whose key it holds.
    """

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster = cluster
        self.name = name

    def lie(self, number: int) -> None:
        """Say one of the lies to one of the others."""
        random = Random(number)
        to = random.choice([seat.name for seat in self.cluster.honest])
        message = random.choice(
            (self.second_block, self.any_vote, self.any_certificate, self.forged_body, self.noise)
        )(random)
        if message is not None:
            self.cluster.post(self.name, to, message)

    def second_block(self, random: Random) -> Message | None:
        """Propose in a slot that it leads, with another time each time, perhaps a wrong state."""
        names = self.cluster.genesis.names
        now = max((seat.replica.slot for seat in self.cluster.honest if seat.replica), default=1)
        slots = [s for s in range(max(1, now - 3), now + 4) if names[s % len(names)] == self.name]
        if not slots:
            return None
        slot = random.choice(slots)
        parent, proofs = self._justified(slot)
        seat = self.cluster.honest[0]
        pool = seat.machine._fitting(parent) if parent.hash in seat.machine.heads else []
        chosen = pool[: random.randrange(len(pool) + 1)]
        salt = random.choice((b"", b"", b"", b"wrong"))
        block = make_block(
            self.cluster.genesis,
            self.name,
            parent,
            slot,
            chosen,
            WALL_MS + random.randrange(3),
            salt,
        )
        self.cluster.blocks[block.hash] = block
        return Proposal(wire_block(block, proofs))

    def _justified(self, slot: int) -> tuple[Tip, tuple[Certificate, ...]]:
        skips: list[Certificate] = []
        known = self.cluster.certificates
        for between in range(slot - 1, 0, -1):
            notar = next((s for s in known if (s.kind, s.slot) == ("notar", between)), None)
            if notar is not None and notar.block in self.cluster.blocks:
                parent = tip_of(self.cluster.blocks[notar.block])
                return parent, (known[notar], *reversed(skips))
            if skip_subject(between) in known:
                skips.append(known[skip_subject(between)])
        return genesis_tip(self.cluster.genesis), tuple(reversed(skips))

    def any_vote(self, random: Random) -> Message | None:
        """Vote for anything that exists, or Skip, in its own name or another's."""
        subject = self._subject(random)
        voter = self.name if random.random() < 0.9 else random.choice(self.cluster.genesis.names)
        vote = sign_vote(subject, SIGNERS[self.name], self.name, 1, self.cluster.genesis)
        if voter == self.name:
            self.cluster.votes[subject][self.name] = vote
        return VoteMessage(type(vote)(**{**_fields(vote), "voter": voter}))

    def _subject(self, random: Random) -> Subject:
        if not self.cluster.blocks or random.random() < 0.3:
            return skip_subject(random.randrange(1, 12))
        block = random.choice(list(self.cluster.blocks.values()))
        if random.random() < 0.5:
            return notar_subject(block.slot, block.hash)
        return final_subject(tip_of(block))

    def any_certificate(self, random: Random) -> Message | None:
        """Show a certificate made of all votes that exist for something, quorum or not."""
        if not self.cluster.votes:
            return None
        subject = random.choice(list(self.cluster.votes))
        votes = self.cluster.votes[subject]
        return CertificateMessage(certificate_of(votes)) if votes else None

    def forged_body(self, random: Random) -> Message | None:
        """Repeat an honest message with batches that nobody signed."""
        for letter in self.cluster.bag:
            message = letter.message
            if isinstance(message, Proposal) and message.block.batches:
                return Proposal(_forged(message.block))
            if isinstance(message, Range):
                blocks = tuple(map(_forged, message.blocks))
                return Range(blocks, message.headers, message.certificate)
        return None

    def noise(self, random: Random) -> Message:
        """Ask for things."""
        return random.choice((WantRange(random.randrange(1, 5)), WantBlock(random.randbytes(32))))


def _fields(struct: object) -> dict[str, object]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}  # type: ignore[attr-defined]


def _forged(wire):  # type: ignore[no-untyped-def]
    spoilt = tuple(type(b)(b.header, bytes(64), b.records) for b in wire.batches)
    return type(wire)(wire.header, wire.signature, spoilt, wire.justification)


@calm(160)
@given(
    st.sampled_from(((4, 3, 1), (7, 5, 2))),
    st.lists(
        st.tuples(st.sampled_from((*ACTIONS, *["lie"] * 8)), st.integers(0, 10_000)),
        min_size=20,
        max_size=160,
    ),
    st.integers(0, 6),
)
def test_liars_up_to_the_tolerance_harm_nobody(
    size: tuple[int, int, int], schedule: list[tuple[str, int]], first: int
) -> None:
    count, quorum, lying = size
    genesis = genesis_of(count, quorum)
    names = [genesis.names[(first + n) % count] for n in range(lying)]
    cluster = Cluster(genesis, names)
    liars = [Liar(cluster, name) for name in names]
    cluster.work(cluster.honest[0].name)
    for action, number in schedule:
        if action == "lie":
            liars[number % lying].lie(number)
        else:
            disturb(cluster, action, number)
    cluster.heal()
    for seat in cluster.honest:
        assert seat.replica is None or seat.replica.halt is None, seat.replica.halt
    state = {"number": 0}

    def done() -> bool:
        state["number"] += 1
        if state["number"] % 3 == 0 and state["number"] < 600:
            liars[state["number"] % lying].lie(state["number"])
        return cluster.all_work_final()

    assert cluster.run(cluster.now_ms + CALM_MS, done), "I7 beside liars"
    accused = {lie.party for seat in cluster.honest for lie in seat.evidence}
    assert accused <= set(names)  # I8


# -- every checker bites --------------------------------------------------------------------------


def _cluster_at_work() -> Cluster:
    cluster = Cluster(genesis_of(4, 3))
    cluster.work("platform")
    return cluster


def test_checker_of_i2_bites_when_votes_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Disk, "saved", lambda disk: Saved(disk.tip(), None, ()))
    cluster = _cluster_at_work()
    while not any("final" in slot.own for slot in _slots(cluster)):
        cluster.deliver(cluster.bag.pop(0))
    for name in cluster.genesis.names:
        cluster.crash(name)
    cluster.bag.clear()
    with pytest.raises(AssertionError, match="I2"):
        for name in cluster.genesis.names:
            cluster.restart(name)
        cluster.run(60_000)


def _slots(cluster: Cluster) -> list[Slot]:
    trees = [cluster.replica(seat.name)._tree for seat in cluster.running]
    return [slot for tree in trees for slot in tree.slots.values()]


def test_checker_of_r7_bites_when_a_vote_is_not_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Disk, "save", lambda _disk, _durable: None)
    with pytest.raises(AssertionError, match="R7"):
        _cluster_at_work().run(5000)


def test_checker_of_i3_bites_when_a_proposal_carries_no_proof(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (proposals_module, finality_module):
        monkeypatch.setattr(module, "refuse_unjustified", lambda *_: None)
    monkeypatch.setattr(BlockTree, "first_lacking", lambda *_: None)
    monkeypatch.setattr(proposals_module, "wire_block", lambda block, _: wire_block(block, ()))
    cluster = _cluster_at_work()
    with pytest.raises(BadVote, match="unjustified"):
        for _ in range(3):
            cluster.run(cluster.now_ms + 5000)
            cluster.work("platform")


def test_checker_of_i1_bites_when_a_quorum_is_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Slot, "certify", _certify_two)
    for module in (certificates_module, justification_module):
        monkeypatch.setattr(module, "verify_certificate", lambda *_: None)
    cluster = Cluster(genesis_of(4, 3))
    for one in ("platform", "institution"):
        for other in ("funder", "auditor"):
            cluster.link(one, other, up=False)
    cluster.work("platform")
    cluster.work("funder")
    with pytest.raises(AssertionError, match="I1"):
        cluster.run(60_000)


_certify = Slot.certify


def _certify_two(slot: Slot, subject: Subject, quorum: int) -> Certificate | None:
    return _certify(slot, subject, 2)


def test_checker_of_i8_bites_when_honest_votes_count_as_lies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evidence_module, "contradiction", lambda *_: "two-notar")
    with pytest.raises(AssertionError, match="I8"):
        _cluster_at_work().run(5000)


def test_checker_of_i7_bites_when_nobody_says_anything_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Replica, "_say_everything", lambda *_: None)
    cluster = _cluster_at_work()
    cluster.bag.clear()
    cluster.deliver_all()
    for seat in cluster.honest:
        cluster.crash(seat.name)
    cluster.heal()
    cluster.crash("platform")
    cluster.restart("platform")
    assert not cluster.run(3000, cluster.all_work_final)


@pytest.mark.parametrize("delay_ms", [50, 300, 550, 900, 1500])
def test_one_record_on_a_slow_network_ends_in_a_few_empty_blocks(delay_ms: int) -> None:
    """Empty blocks are there for records: none is proposed to make another one final."""
    cluster = Cluster(genesis_of(4, 3))
    flying: list[tuple[int, Letter]] = []

    def run(until_ms: int) -> None:
        while cluster.now_ms < until_ms:
            flying.extend((cluster.now_ms + delay_ms, letter) for letter in cluster.bag)
            cluster.bag = []
            at_ms = min([at for at, _ in flying] + [cluster.next_deadline_ms(), until_ms])
            cluster.now_ms = max(cluster.now_ms, at_ms)
            here = [letter for at, letter in flying if at <= cluster.now_ms]
            flying[:] = [each for each in flying if each[0] > cluster.now_ms]
            for letter in here:
                cluster.deliver(letter)
            cluster.tick_due()

    run(8000)
    cluster.work("platform")
    run(40_000)
    heights = {len(seat.disk.chain) for seat in cluster.seats.values()}
    assert len(heights) == 1 and heights < {1, 2, 3, 4, 5}
    run(120_000)
    assert {len(seat.disk.chain) for seat in cluster.seats.values()} == heights
