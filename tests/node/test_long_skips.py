"""A long night: thousands of slots are skipped in a row, and the ledger goes on all the same (R10).

Real hosts on real files. While the proposals are lost, every slot ends with a Skip certificate.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from consensus.justification import refuse_incomplete
from consensus.messages import Proposal, decode, decode_justification
from tests.ledger.ledger_kit import GENESIS
from tests.node.host_kit import CALM_MS, World, capture, make_templates, register

FRAME_BYTES_MAX = 2**20


class Night:
    """Four hosts, and all that they send each other."""

    def __init__(self, folder: Path, templates: Path) -> None:
        self.world = World(folder, templates)
        self.dark = False
        self.largest = 0
        self.kinds: dict[type, int] = {}
        self.world.lose = self._lose
        self.open()

    def open(self, *names: str) -> None:
        """Start hosts; their files need not outlive a power cut of this machine."""
        self.world.open(*names)
        for name in names or self.world.stores:
            raw = self.world.stores[name]._writer.connection.connection.dbapi_connection
            raw.execute("PRAGMA synchronous = OFF")

    def _lose(self, _sender: str, _to: str, frame: bytes) -> bool:
        message = decode(frame)
        self.largest = max(self.largest, len(frame))
        self.kinds[type(message)] = self.kinds.get(type(message), 0) + 1
        return self.dark and isinstance(message, Proposal)

    def final(self, party: str, raw: bytes) -> None:
        told = self.world.submit(party, [raw])
        assert self.world.run(CALM_MS, lambda: all(each.state == "final" for each in told))

    def slots(self) -> list[int]:
        return [host.replica.slot for host in self.world.hosts.values()]

    def skip_to(self, slot: int) -> None:
        """Let all slots up to this one be skipped."""
        self.dark = True
        assert self.world.run(10**9, lambda: min(self.slots()) > slot)


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_templates(tmp_path_factory.mktemp("templates"))


def test_night(tmp_path: Path, templates: Path) -> None:
    import os
    import time

    N = int(os.environ.get("N", "300"))
    night = Night(tmp_path, templates)
    night.final("institution", register("shop"))
    world = night.world
    told = world.submit("institution", [capture("P1")])
    t = time.process_time()
    for k in range(1, 11):
        night.skip_to(N * k // 10)
        print(N * k // 10, round(time.process_time() - t, 1), flush=True)
        t = time.process_time()
    world.crash("auditor")
    world.crash("platform")
    night.open("platform")
    print("restart", round(time.process_time() - t, 1), flush=True)
    t = time.process_time()
    night.skip_to(N + 20)
    print("more", round(time.process_time() - t, 1), flush=True)
    t = time.process_time()
    night.dark = False
    m = world.now_ms
    assert world.run(CALM_MS, lambda: all(each.state == "final" for each in told))
    print(
        "final after ms",
        world.now_ms - m,
        round(time.process_time() - t, 1),
        night.kinds,
        night.largest,
        flush=True,
    )
    t = time.process_time()
    (tmp_path / "auditor.db").unlink()
    for x in tmp_path.glob("auditor.db*"):
        x.unlink()
    night.open("auditor")
    m = world.now_ms
    assert world.run(CALM_MS, lambda: len({h.store.tip() for h in world.hosts.values()}) == 1)
    print(
        "caught up after ms",
        world.now_ms - m,
        round(time.process_time() - t, 1),
        night.kinds,
        night.largest,
        flush=True,
    )
    print({n: h.rejected for n, h in world.hosts.items()})
    with world.stores["auditor"].reader() as reader:
        for height in range(1, world.stores["auditor"].tip().height + 1):
            stored = reader.block(height)
            j = decode_justification(stored.justification)
            refuse_incomplete(j, stored.block, GENESIS)
            print(height, stored.block.slot, len(j))
    world.close()
