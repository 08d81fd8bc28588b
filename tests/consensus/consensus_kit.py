"""A consortium of replicas in one process: a bag of letters, a simulated clock, checked invariants.

:class:`Cluster` runs the real :class:`consensus.replica.Replica` on a small ledger (``chain_kit``).
Nothing is delivered and no time passes unless a test says so. After every effect the invariants are
checked:

- I1 no two final blocks at one height
- I2 no honest key signs a contradiction, crashes included; nothing leaves before it is durable
- I3 every final block is justified back to genesis
- I8 evidence verifies, and never names an honest key
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

from consensus.effects import (
    Deliver,
    Durable,
    Effects,
    Event,
    Now,
    PeerDown,
    PeerUp,
    Received,
    Tick,
    WorkArrived,
)
from consensus.evidence import Evidence, verify_evidence
from consensus.exits import piece_of
from consensus.justification import refuse_incomplete, refuse_not_the_leaders
from consensus.messages import (
    BatchMessage,
    CertificateMessage,
    Exits,
    Message,
    Proposal,
    Range,
    VoteMessage,
    WantExits,
    WantRange,
    decode,
    decode_block,
    decode_vote,
    encode,
    wire_batch,
    wire_block,
)
from consensus.replica import Replica
from consensus.votes import MAY_SAY, VOTE_KINDS, Certificate, Subject, Vote, final_subject
from ledger import batch as batches
from ledger.batch import Batch
from ledger.block import (
    Block,
    tip_of,
)
from ledger.genesis import Genesis
from tests.ledger.chain_kit import NAMES, RANGE_BLOCKS, SIGNERS, WALL_MS, ChainMachine, Disk


class Letter(NamedTuple):
    """One message on its way."""

    sender: str
    to: str
    message: Message


class PowerCut(Exception):
    """The fuse of a seat has blown between two effects."""


class Seat:
    """One party's place: what survives, and the replica while it runs."""

    def __init__(self, name: str, genesis: Genesis) -> None:
        self.name = name
        self.disk = Disk(genesis)
        self.machine = ChainMachine(genesis, name, self.disk)
        self.replica: Replica | None = None
        self.skew_ms = 0
        self.fuse: int | None = None
        """How many more effects this seat performs before its power is cut; None for no limit."""
        self.evidence: list[Evidence] = []
        self.may_vote = True

    @property
    def live(self) -> Replica | None:
        """The replica if it runs and has not halted."""
        return self.replica if self.replica is not None and self.replica.halt is None else None


class Oath:
    """I2 from above: everything that one honest key ever signed, in any life."""

    def __init__(self) -> None:
        self.votes: dict[int, dict[str, set[Subject]]] = defaultdict(lambda: defaultdict(set))
        self.blocks: dict[int, bytes] = {}

    def vote(self, vote: Vote) -> None:
        said = self.votes[vote.slot]
        said[vote.kind].add(vote.subject)
        kinds = tuple(kind for kind in VOTE_KINDS if said[kind])
        blocks = {subject.block for kind in ("notar", "final") for subject in said[kind]}
        by = f"{vote.voter} in slot {vote.slot}"
        assert kinds in MAY_SAY, f"I2: {by} signed {' and '.join(kinds)}"
        assert max(map(len, said.values())) == 1, f"I2: {by} signed two votes of one kind"
        assert len(blocks) <= 1, f"I2: {by} signed for two blocks"

    def block(self, block: Block) -> None:
        known = self.blocks.setdefault(block.slot, block.hash)
        assert known == block.hash, f"I2: {block.header.proposer} proposed twice in {block.slot}"


class Cluster:
    """n replicas, their disks, the letters between them, and one clock.

    Args:
        genesis: The consortium.
        liars: Parties that run no replica here; a test speaks for them.
    """

    def __init__(self, genesis: Genesis, liars: Iterable[str] = ()) -> None:
        self.genesis = genesis
        self.now_ms = 0
        self.bag: list[Letter] = []
        self.liars = set(liars)
        self.seats = {name: Seat(name, genesis) for name in genesis.names}
        self.cut_links: set[frozenset[str]] = set()
        self.range_bodies = RANGE_BLOCKS
        self.final: dict[int, bytes] = {}
        self.certificates: dict[Subject, Certificate] = {}
        self.votes: dict[Subject, dict[str, Vote]] = defaultdict(dict)
        self.blocks: dict[bytes, Block] = {}
        self.on_step: Callable[[str, Event | None, Effects], None] = lambda *_: None
        self._oaths = {name: Oath() for name in genesis.names}
        for name in genesis.names:
            if name not in self.liars:
                self._boot(self.seats[name])

    # -- looking ----------------------------------------------------------------------------------

    @property
    def honest(self) -> list[Seat]:
        return [seat for seat in self.seats.values() if seat.name not in self.liars]

    @property
    def running(self) -> list[Seat]:
        return [seat for seat in self.honest if seat.live is not None]

    def replica(self, name: str) -> Replica:
        found = self.seats[name].replica
        assert found is not None
        return found

    def heights(self) -> set[int]:
        return {len(seat.disk.chain) for seat in self.honest}

    def all_work_final(self) -> bool:
        """I7: whether every batch of an honest party is final at every running honest party."""
        wanted = {(b.party, b.number) for seat in self.honest for b in seat.disk.journal}
        return all(wanted <= _stated(seat.disk) for seat in self.running)

    def now(self, seat: Seat) -> Now:
        return Now(self.now_ms, WALL_MS + self.now_ms + seat.skew_ms)

    # -- what a test does -------------------------------------------------------------------------

    def crash(self, name: str) -> None:
        self.seats[name].replica = None
        for seat in self.running:
            self.step(seat.name, PeerDown(name))

    def restart(self, name: str) -> None:
        seat = self.seats[name]
        seat.machine = ChainMachine(self.genesis, name, seat.disk)
        seat.fuse = None
        self._boot(seat)
        self._meet(name)

    def rebuild(self, name: str) -> None:
        """Start a party whose disk was lost: it must not vote (R7)."""
        seat = self.seats[name]
        seat.disk = Disk(self.genesis)
        seat.may_vote = False
        self.restart(name)

    def link(self, one: str, other: str, *, up: bool) -> None:
        pair = frozenset((one, other))
        (self.cut_links.discard if up else self.cut_links.add)(pair)
        for name, peer in ((one, other), (other, one)):
            if self.seats[name].live is not None:
                self.step(name, PeerUp(peer) if up else PeerDown(peer))

    def work(self, name: str) -> Batch:
        """Let a party state something, and tell all."""
        seat = self.seats[name]
        batch = seat.machine.next_batch()
        for peer in self.genesis.names:
            self.post(name, peer, BatchMessage(wire_batch(batch)))
        if seat.live is not None:
            self.step(name, WorkArrived())
        return batch

    def post(self, sender: str, to: str, message: Message) -> None:
        """Put a letter into the bag, unless nobody could ever read it."""
        if to != sender and to not in self.liars:
            self.bag.append(Letter(sender, to, message))

    def deliver(self, letter: Letter) -> None:
        """Hand over one letter, as bytes, as the host would."""
        seat = self.seats[letter.to]
        if seat.live is None or frozenset((letter.sender, letter.to)) in self.cut_links:
            return
        message = decode(encode(letter.message))
        if isinstance(message, BatchMessage):
            batch = message.batch.batch()
            batches.verify(batch, self.genesis.ledger, self.genesis.verifiers)
            seat.machine.pool.setdefault((batch.party, batch.number), batch)
            self.step(seat.name, WorkArrived())
        elif isinstance(message, WantRange):
            answer = self.range_of(seat, message.height)
            if answer is not None:
                self.post(seat.name, letter.sender, answer)
        elif isinstance(message, WantExits) and message.first <= seat.disk.tip().slot:
            exits = self.exits_of(seat, message)
            if exits is not None:
                self.post(seat.name, letter.sender, exits)
        else:
            self.step(seat.name, Received(letter.sender, message))

    def deliver_all(self) -> None:
        """Deliver until the bag is empty; no time passes."""
        while self.bag:
            self.deliver(self.bag.pop(0))

    def tick_due(self, names: Iterable[str] = NAMES) -> None:
        """Tick every replica whose deadline has come, until none is left behind."""
        for seat in self.running:
            for _ in range(5):
                if seat.name in names and seat.live and seat.live.deadline_ms() <= self.now_ms:
                    self.step(seat.name, Tick())
            live = seat.live
            if seat.name in names and live is not None:
                assert live.deadline_ms() > self.now_ms, "Ticks leave a deadline in the past"

    def next_deadline_ms(self, names: Iterable[str] = NAMES) -> int:
        waiting = [seat for seat in self.running if seat.name in names]
        return min((_replica(seat).deadline_ms() for seat in waiting), default=2**62)

    def run(self, until_ms: int, done: Callable[[], bool] = lambda: False) -> bool:
        """Let letters take 1 ms each and deadlines fire. Return whether ``done`` came true."""
        while not done():
            if self.now_ms >= until_ms:
                return False
            if self.bag:
                self.now_ms += 1
                letters, self.bag = self.bag, []
                for letter in letters:
                    self.deliver(letter)
            else:
                self.now_ms = min(until_ms, max(self.next_deadline_ms(), self.now_ms))
            self.tick_due()
        return True

    def heal(self) -> None:
        """Restart everybody, mend every link."""
        for pair in list(self.cut_links):
            one, other = sorted(pair)
            self.link(one, other, up=True)
        for seat in self.honest:
            seat.fuse = None
            seat.skew_ms = 0
            if seat.replica is None:
                self.restart(seat.name)

    def range_of(self, seat: Seat, height: int) -> Range | None:
        """Answer ``want-range`` as a host does, with at most ``range_bodies`` bodies."""
        wanted = seat.disk.chain[height - 1 :][:RANGE_BLOCKS]
        while wanted and wanted[-1].certificate is None:
            wanted.pop()
        if not wanted or wanted[-1].certificate is None:
            return None
        bodies, rest = wanted[: self.range_bodies], wanted[self.range_bodies :]
        return Range(
            tuple(wire_block(d.block, d.justification) for d in bodies),
            tuple(d.block.raw_header for d in rest),
            wanted[-1].certificate,
        )

    def exits_of(self, seat: Seat, question: WantExits) -> Exits | None:
        """Answer ``want-exits`` for final slots as a host does."""
        span = range(question.first, question.stop)
        found = [c for d in seat.disk.chain for c in d.justification if c.subject.slot in span]
        return piece_of(c for c in found if c.subject.kind == "skip")

    # -- stepping ---------------------------------------------------------------------------------

    def step(self, name: str, event: Event) -> None:
        """Step a replica and perform its effects in order, until its fuse blows."""
        seat = self.seats[name]
        effects = _replica(seat).step(event, self.now(seat))
        self.on_step(name, event, effects)
        try:
            self._perform(seat, effects)
        except PowerCut:
            seat.fuse = None
            self.crash(name)

    def _boot(self, seat: Seat) -> None:
        seat.replica = Replica(
            self.genesis,
            seat.name,
            SIGNERS[seat.name],
            seat.machine,
            seat.disk.saved(),
            now=self.now(seat),
            may_vote=seat.may_vote,
        )

    def _meet(self, name: str) -> None:
        for seat in self.running:
            if seat.name != name and frozenset((name, seat.name)) not in self.cut_links:
                self.step(seat.name, PeerUp(name))
                if self.seats[name].live is not None:
                    self.step(name, PeerUp(seat.name))

    def _perform(self, seat: Seat, effects: Effects) -> None:
        if effects.persist:
            self._burn(seat)
            for durable in effects.persist:
                seat.disk.save(durable)
                self._check_persist(seat, durable)
        for send in effects.send:
            for peer in self.genesis.names if send.peer is None else (send.peer,):
                self._burn(seat)
                self._check_send(seat, send.message)
                self.post(seat.name, peer, send.message)
        for deliver in effects.deliver:
            self._burn(seat)
            self._check_deliver(seat, deliver)
            seat.disk.commit(deliver)
        for lie in effects.accuse:
            self._burn(seat)
            self._check_evidence(lie)
            seat.evidence.append(lie)

    def _burn(self, seat: Seat) -> None:
        if seat.fuse is not None:
            seat.fuse -= 1
            if seat.fuse < 0:
                raise PowerCut

    # -- invariants -------------------------------------------------------------------------------

    def _check_persist(self, seat: Seat, durable: Durable) -> None:
        if durable.kind == "vote":
            self._oaths[seat.name].vote(decode_vote(durable.body))
        elif durable.kind == "block":
            self._note_block(seat, decode_block(durable.body).block())

    def _check_send(self, seat: Seat, message: Message) -> None:
        if isinstance(message, VoteMessage):
            self._check_vote(seat, message.vote)
        elif isinstance(message, Proposal):
            self._note_block(seat, message.block.block())
        elif isinstance(message, CertificateMessage):
            self.certificates.setdefault(message.certificate.subject, message.certificate)

    def _check_vote(self, seat: Seat, vote: Vote) -> None:
        assert vote.voter == seat.name
        self.votes[vote.subject][vote.voter] = vote
        self._oaths[seat.name].vote(vote)
        stored = seat.disk.durables.get((vote.slot, "vote", vote.kind))
        durable = stored is not None and stored.body == encode(vote)
        assert durable or vote.slot <= seat.disk.tip().slot, "R7: a vote left before it was durable"

    def _note_block(self, seat: Seat, block: Block) -> None:
        self.blocks[block.hash] = block
        if block.header.proposer == seat.name:
            self._oaths[seat.name].block(block)

    def _check_deliver(self, seat: Seat, deliver: Deliver) -> None:
        block = deliver.block
        known = self.final.setdefault(block.height, block.hash)
        safe = len(self.liars) < 2 * self.genesis.quorum - len(self.genesis.names)
        assert known == block.hash or not safe, f"I1: two final blocks at height {block.height}"
        refuse_incomplete(deliver.justification, block, self.genesis)  # I3
        seat.machine.refuse_forged(block, [])
        refuse_not_the_leaders(block, self.genesis)
        if deliver.certificate is not None:
            assert deliver.certificate.subject == final_subject(tip_of(block))

    def _check_evidence(self, lie: Evidence) -> None:
        verify_evidence(lie, self.genesis)
        assert lie.party in self.liars, f"I8: honest {lie.party} accused of {lie.kind}"


def _replica(seat: Seat) -> Replica:
    assert seat.replica is not None
    return seat.replica


def _stated(disk: Disk) -> set[tuple[str, int]]:
    return {(b.party, b.number) for deliver in disk.chain for b in deliver.block.batches}
