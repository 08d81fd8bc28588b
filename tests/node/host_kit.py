"""Four real hosts over real SQLite files, on a simulated network and clock, with power cuts.

A :class:`Fuse` counts a host's effects (each save, each send, each commit) and cuts the power
before or after the one that a test chose. What the dead host had sent stays on its way.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from pathlib import Path

from consensus.effects import Now
from consensus.evidence import Evidence
from consensus.messages import (
    BatchMessage,
    CertificateMessage,
    EvidenceMessage,
    Proposal,
    VoteMessage,
    WantRange,
    decode,
    encode,
)
from consensus.votes import Certificate
from ledger import canonical
from ledger.books import Balance
from ledger.genesis import Genesis
from node.host.host import Host
from node.host.submission import Submission
from node.storage.store import Item, Store
from tests.consensus.consensus_kit import Oath
from tests.ledger.ledger_kit import DAY, GENESIS, MORNING, RECEIVER, captured, signer, split

CALM_MS = 120_000


class PowerCut(Exception):
    """The power of one host has failed."""


class Fuse:
    """Counts effects; blows at number ``at``, never for None."""

    def __init__(self) -> None:
        self.count = 0
        self.at: int | None = None
        self.blown = False

    def burn(self) -> None:
        if self.blown or self.count == self.at:
            self.blown = True
            raise PowerCut
        self.count += 1


class FusedStore(Store):
    """The real store, with a fuse before and after each write."""

    fuse: Fuse

    def save(self, items: Sequence[Item]) -> None:
        self.fuse.burn()
        super().save(items)
        self.fuse.burn()

    def write(self) -> None:
        if not self.holds:
            return
        self.fuse.burn()
        super().write()
        self.fuse.burn()


class Port:
    """One host's way into the network."""

    def __init__(self, world: World, name: str, fuse: Fuse) -> None:
        self._world, self._name, self._fuse = world, name, fuse

    def send(self, peer: str, frame: bytes) -> None:
        self._fuse.burn()
        self._world.post(self._name, peer, frame)


class Watch:
    """One host's clocks."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> Now:
        return Now(self._world.now_ms, MORNING + self._world.now_ms)


class World:
    """Hosts, their files, the frames between them, one clock, and all that was ever signed.

    Args:
        directory: Where the database files go.
        templates: Empty databases by party, to be copied.
        genesis: The consortium.
    """

    def __init__(
        self, directory: Path, templates: Path | None = None, genesis: Genesis = GENESIS
    ) -> None:
        self.genesis = genesis
        self.directory = directory
        self.now_ms = 0
        self.hosts: dict[str, Host] = {}
        self.stores: dict[str, FusedStore] = {}
        self.fuses: dict[str, Fuse] = {}
        self.frames: list[tuple[str, str, bytes]] = []
        self.evidence: list[Evidence] = []
        self.links_down: set[str] = set()
        self.lose: Callable[[str, str, bytes], bool] = lambda *_: False
        self._oaths = {name: Oath() for name in genesis.names}
        self._batches: dict[tuple[str, int], bytes] = {}
        self._starts = 0
        if templates is not None:
            for name in genesis.names:
                shutil.copy(templates / f"{name}.db", directory / f"{name}.db")

    def open(self, *names: str, fuse_at: int | None = None) -> None:
        """Start hosts (all by default) on their files, and connect them."""
        for name in names or self.genesis.names:
            url = f"sqlite:///{self.directory / name}.db"
            fuse = self.fuses[name] = Fuse()
            fuse.at = fuse_at
            store = self.stores[name] = FusedStore(url, self.genesis, party=name)
            store.fuse = fuse
            self.hosts[name] = Host(
                self.genesis, name, signer(name), store,
                network=Port(self, name, fuse), clock=Watch(self), nonce=self._nonce(),
            )  # fmt: skip
        for name in names or self.genesis.names:
            for other in list(self.hosts):
                if other != name:
                    self._do(other, lambda host, n=name: host.peer_up(n))
                    self._do(name, lambda host, n=other: host.peer_up(n))

    def _nonce(self) -> bytes:
        self._starts += 1
        return sha256(b"%d" % self._starts).digest()

    def crash(self, name: str) -> None:
        """Drop a host's memory; its file stays."""
        if self.hosts.pop(name, None) is not None:
            self.stores[name].close()
            for other in list(self.hosts):
                self._do(other, lambda host: host.peer_down(name))

    def close(self) -> None:
        for name in list(self.hosts):
            self.stores[name].close()
        self.hosts.clear()

    def submit(self, name: str, raws: list[bytes]) -> list[Submission]:
        """Submit records; an empty list if the power failed on the way."""
        taken: list[Submission] = []
        self._do(name, lambda host: taken.extend(host.submit(raws)))
        return taken

    def post(self, sender: str, to: str, frame: bytes) -> None:
        self._watch(sender, frame)
        if not self.lose(sender, to, frame):
            self.frames.append((sender, to, frame))

    def run(self, for_ms: int, done: Callable[[], bool] = lambda: False) -> bool:
        """Let frames take 1 ms and timers fire. Return whether ``done`` came true."""
        until = self.now_ms + for_ms
        while not done():
            if self.now_ms >= until:
                return False
            if self.frames:
                self.now_ms += 1
                frames, self.frames = self.frames, []
                for sender, to, frame in frames:
                    if not {sender, to} & self.links_down:
                        self._do(to, lambda host, s=sender, f=frame: host.receive(s, f))
            else:
                due = [h.deadline_ms() for h in self.hosts.values() if h.halted is None]
                self.now_ms = min(until, max(self.now_ms, min(due, default=until)))
            self._tick()
        return True

    def _tick(self) -> None:
        for name, host in list(self.hosts.items()):
            if host.halted is None and host.deadline_ms() <= self.now_ms:
                self._do(name, lambda host: host.tick())

    def _do(self, name: str, act: Callable[[Host], object]) -> None:
        host = self.hosts.get(name)
        if host is None:
            return
        try:
            act(host)
        except PowerCut:
            self.crash(name)

    def _watch(self, sender: str, frame: bytes) -> None:
        """I2: note what a key signs, over all its lives."""
        message = decode(frame)
        if isinstance(message, VoteMessage) and message.vote.voter == sender:
            self._oaths[sender].vote(message.vote)
        elif isinstance(message, Proposal):
            block = message.block.block()
            if block.header.proposer == sender:
                self._oaths[sender].block(block)
        elif isinstance(message, BatchMessage):
            batch = message.batch.batch()
            known = self._batches.setdefault((batch.party, batch.number), batch.hash)
            assert known == batch.hash, f"I2: {batch.party} signed two batches {batch.number}"
        elif isinstance(message, EvidenceMessage):
            self.evidence.append(message.evidence)

    # -- invariants -------------------------------------------------------------------------------

    def check_equal(self, names: Iterable[str] = ()) -> None:
        """I1, I5: equal height means equal blocks, roots, states and balances."""
        tips = {self.stores[name].tip() for name in names or self.hosts}
        assert len(tips) == 1, tips
        books = [self._balances(name) for name in names or self.hosts]
        assert all(each == books[0] for each in books)
        assert sum(row.amount for row in books[0]) == 0  # I6, one currency

    def _balances(self, name: str) -> list[Balance]:
        with self.stores[name].reader() as reader:
            return reader.rows(Balance, limit=1000)

    def entries(self, name: str) -> list[tuple[str, str, str]]:
        """Return (party, id, outcome) of all entries in the order of the log."""
        with self.stores[name].reader() as reader:
            return [(e.party, e.id, e.outcome) for e in reader.entries(0, 100_000)]


def make_templates(directory: Path, genesis: Genesis = GENESIS) -> Path:
    """Create empty databases once; creating tables costs more than a whole run."""
    for name in genesis.names:
        Store(f"sqlite:///{directory / name}.db", genesis, party=name).close()
    return directory


def let_ask(world: World, name: str, peer: str, certificate: Certificate) -> None:
    """Let a host learn that it is behind and ask a peer for a range, and nobody answer."""
    asked: list[str] = []
    kept = world.lose

    def note(sender: str, to: str, frame: bytes) -> bool:
        asked.extend([to] if sender == name and isinstance(decode(frame), WantRange) else [])
        return name in (sender, to)

    world.lose = note
    world.hosts[name].receive(peer, encode(CertificateMessage(certificate)))
    assert world.run(CALM_MS, lambda: peer in asked)
    world.lose = kept


def record(type_: str, id_: str, **fields: object) -> bytes:
    return canonical.encode({"at": MORNING, "id": id_, "type": type_, **fields})


def register(receiver: str) -> bytes:
    return record("receiver.registered", f"reg-{receiver}", receiver=receiver, **RECEIVER)


def capture(payment: str, amount: int = 10_000) -> bytes:
    return record("payment.captured", f"cap-{payment}", **captured(payment, amount))


def instruct(payment: str, amount: int = 10_000) -> bytes:
    return record("split.instructed", f"ins-{payment}", **split(payment, amount))


__all__ = [
    "CALM_MS", "DAY", "World", "capture", "instruct", "let_ask", "make_templates", "record",
    "register",
]  # fmt: skip
