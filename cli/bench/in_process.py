"""Four hosts in one process, exchanging frames directly, each on a real SQLite file.

What it leaves out is the network and HTTP; what is left is everything that agreement costs: every
signature checked, every block executed and synced to disk, four times.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections import deque
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from cli.bench.latency import single_ms
from cli.bench.load import captures, instructions, registrations
from cli.errors import CheckFailed
from consensus.effects import Now
from ledger.genesis import Genesis, Member, Role, found
from ledger.keys import Signer
from node.host.host import Host
from node.storage.store import Store

PARTIES: dict[str, Role] = {
    "platform": "platform",
    "institution": "institution",
    "funder": "funder",
    "auditor": "auditor",
}
QUORUM = 3
PAGE = 500
QUEUE = 4
STALL_S = 30.0


class SteadyClock:
    """The machine's own clocks."""

    def now(self) -> Now:
        """Return steady ticks and wall time in ms."""
        return Now(time.monotonic_ns() // 1_000_000, time.time_ns() // 1_000_000)


class Wire:
    """Frames on their way between the hosts, in the order in which they were sent."""

    def __init__(self) -> None:
        self.frames: deque[tuple[str, str, bytes]] = deque()

    def port(self, sender: str) -> Port:
        """Return the sender's end."""
        return Port(self, sender)


class Port:
    """One host's way to its peers."""

    def __init__(self, wire: Wire, sender: str) -> None:
        self._wire = wire
        self._sender = sender

    def send(self, peer: str, frame: bytes) -> None:
        """Put a frame on the wire."""
        self._wire.frames.append((self._sender, peer, frame))


class Consortium:
    """Four hosts over real files.

    Args:
        folder: Where the database files go.
    """

    def __init__(self, folder: Path) -> None:
        signers = {party: Signer(sha256(party.encode()).digest()) for party in PARTIES}
        self.genesis = _genesis(signers)
        self._wire = Wire()
        self._clock = SteadyClock()
        self.stores = {
            party: Store(f"sqlite:///{folder / party}.db", self.genesis, party=party)
            for party in PARTIES
        }
        self.hosts = {
            party: Host(
                self.genesis,
                party,
                signers[party],
                self.stores[party],
                network=self._wire.port(party),
                clock=self._clock,
                nonce=sha256(party.encode()).digest(),
            )
            for party in PARTIES
        }
        for party, host in self.hosts.items():
            for peer in PARTIES:
                if peer != party:
                    host.peer_up(peer)

    def close(self) -> None:
        """Close the databases."""
        for store in self.stores.values():
            store.close()

    def submit_all(self, loads: dict[str, list[bytes]]) -> None:
        """Submit every party's records page by page, and run until all are final everywhere.

        Raises:
            CheckFailed: nothing moved for ``STALL_S``.
        """
        goal = self._size() + sum(map(len, loads.values()))
        pages = {party: _pages(records) for party, records in loads.items()}
        moved, last = time.monotonic(), self._size()
        while self._size() < goal:
            self._refill(pages)
            self._exchange()
            if self._size() > last:
                moved, last = time.monotonic(), self._size()
            if time.monotonic() - moved > STALL_S:
                raise CheckFailed("stalled", f"{last} of {goal} records final, then nothing moved")

    def _refill(self, pages: dict[str, Iterator[list[bytes]]]) -> None:
        for party, rest in pages.items():
            host = self.hosts[party]
            while host.journal.record_count < QUEUE * PAGE:
                page = next(rest, None)
                if page is None:
                    break
                host.submit(page)

    def _exchange(self) -> None:
        frames = self._wire.frames
        for _ in range(len(frames)):
            sender, receiver, frame = frames.popleft()
            self.hosts[receiver].receive(sender, frame)
        if frames:
            return
        now = self._clock.now().ticks_ms
        deadline = min(host.deadline_ms() for host in self.hosts.values())
        if deadline > now:
            time.sleep(min(deadline - now, 5) / 1000)
        for host in self.hosts.values():
            host.tick()

    def _size(self) -> int:
        return min(store.tip().size for store in self.stores.values())


def measure(folder: Path, records: int, singles: int) -> dict[str, Any]:
    """Measure bulk throughput and the latency of single records.

    Args:
        folder: An empty directory for the databases.
        records: How many records in bulk.
        singles: How many single submissions.
    """
    consortium = Consortium(folder)
    try:
        consortium.submit_all({"institution": registrations()})
        half = records // 2
        loads = {"institution": captures(0, half), "platform": instructions(0, half)}
        started = time.perf_counter()
        consortium.submit_all(loads)
        seconds = time.perf_counter() - started
        times = []
        for raw in captures(half, singles):
            began = time.perf_counter()
            consortium.submit_all({"institution": [raw]})
            times.append((time.perf_counter() - began) * 1000)
        blocks = consortium.stores["platform"].tip().height
    finally:
        consortium.close()
    return {
        "records": 2 * half,
        "seconds": round(seconds, 3),
        "records_per_s": round(2 * half / seconds),
        "blocks": blocks,
        "single_ms": single_ms(times),
    }


def _genesis(signers: dict[str, Signer]) -> Genesis:
    members = tuple(
        Member(key=b64encode(signers[party].public_key).decode(), name=party, role=role)
        for party, role in PARTIES.items()
    )
    return found("bench", members, QUORUM, time.time_ns() // 1_000_000)


def _pages(records: list[bytes]) -> Iterator[list[bytes]]:
    return (records[first : first + PAGE] for first in range(0, len(records), PAGE))
