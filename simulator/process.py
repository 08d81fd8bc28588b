"""One simulated machine: its disk, its clocks and, while the power is on, the production host.

The machine does one thing at a time. Writing takes time, and what it sends afterwards leaves
later; what arrives meanwhile waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from consensus.effects import Now
from ledger.block import Block
from ledger.execute import Execution
from node.errors import CorruptLedger, NodeError
from node.host.host import Host
from node.storage.check import check
from node.storage.store import Item
from simulator.disk import Disk, SimulatedStore
from simulator.keys import FOUNDED_MS

if TYPE_CHECKING:
    from simulator.liars import Liar
    from simulator.plan import Fault
    from simulator.world import World

MORNING_MS = FOUNDED_MS + 4 * 86_400_000 + 2 * 3_600_000
"""When every run begins: Monday 2026-01-05, 10:00 at UTC+8."""

NO_TICK = 1 << 62
TICK_MIN_US = 1000

Commit = tuple[Block, Execution, bytes | None, bytes]
"""A block, what it makes of the state, its certificate and its justification."""


class PowerCut(Exception):
    """The power of a machine has failed; everything in its memory is gone."""


class Process:
    """One machine of a party. A twin is a second machine of the same party.

    Args:
        world: The world it is in.
        name: Its own name.
        party: The party whose key it holds.
        directory: Where its disk's files go.
        template: An empty database to begin with.
    """

    def __init__(
        self, world: World, name: str, party: str, *, directory: Path, template: Path
    ) -> None:
        self.world = world
        self.name = name
        self.party = party
        self.disk = Disk(directory, template)
        self.host: Host | None = None
        self.store: SimulatedStore | None = None
        self.liar: Liar | None = None
        self.life = 0
        self.now_us = 0
        self.busy_until_us = 0
        self.tick_at_us = NO_TICK
        self.links: set[str] = set()
        self.fuse: tuple[int, Fault] | None = None
        self.full = False
        self.rebuilt = False
        self.unreported: Commit | None = None
        self.latency_us = world.plan.disk_us
        self._skew_ms = world.chance.between(-world.plan.skew_ms, world.plan.skew_ms)
        self._drift_ppm = world.chance.between(-world.plan.drift_ppm, world.plan.drift_ppm)
        self._hurry = world.plan.hurry
        self._ticks_ms = 1 + world.chance.below(1_000_000)
        self._base_us = 0
        self._writing = False
        self._alarm = (NO_TICK, 0)

    # -- clocks (node.host.surroundings.Clock) -----------------------------------------------------

    def now(self) -> Now:
        """Return this machine's steady ticks and wall time."""
        ticks = self._ticks_ms + self._elapsed_us(self.now_us) // 1000
        return Now(ticks, MORNING_MS + self._skew_ms + self.now_us * self._hurry // 1000)

    def jump(self, by_ms: int, drift_ppm: int) -> None:
        """Set the wall clock forward or back, and let the steady one run at another speed."""
        self._ticks_ms = self.now().ticks_ms
        self._base_us = self.now_us
        self._drift_ppm = drift_ppm
        self._skew_ms += by_ms
        self._alarm = (NO_TICK, 0)

    def _elapsed_us(self, at_us: int) -> int:
        passed = at_us - self._base_us
        return passed + passed * self._drift_ppm // 1_000_000

    def _when_us(self, ticks_ms: int) -> int:
        """Return the first moment of the world at which the steady clock shows ``ticks_ms``."""
        if self._alarm[0] != ticks_ms:
            self._alarm = (ticks_ms, self._moment_of(ticks_ms))
        return self._alarm[1]

    def _moment_of(self, ticks_ms: int) -> int:
        wanted_us = (ticks_ms - self._ticks_ms) * 1000
        passed = wanted_us * 1_000_000 // (1_000_000 + self._drift_ppm)
        while self._elapsed_us(self._base_us + passed) < wanted_us:
            passed += 1
        return self._base_us + passed

    # -- network (node.host.surroundings.Network) --------------------------------------------------

    def send(self, peer: str, frame: bytes) -> None:
        """Send a frame to a party, or not, if the power fails or the party is a liar."""
        self.burn()
        if self.liar is None:
            self.world.frames.post(self, peer, frame)
        else:
            self.liar.send(peer, frame)

    # -- power ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Turn the power on: open the disk, and run what a node runs at its start."""
        self.life += 1
        self.fuse = None
        self.now_us = self.busy_until_us = max(self.world.now_us, self.busy_until_us)
        try:
            self._open()
        except (CorruptLedger, NodeError) as error:
            self.world.saw_damage(self, error)
            self._close()
            self.rebuild()
            self._open()

    def _open(self) -> None:
        self.disk.note_whole()
        world = self.world
        self.store = SimulatedStore(
            self.disk.url, world.genesis, party=self.party, cache_rows=world.cache_rows
        )
        if world.doubts(self):
            check(self.store, lambda done, total: None, deep=True)
        if self.rebuilt:
            self.store.set_abstains(True)
        self.store.process = self
        self.report()
        signer = world.signers[self.party]
        self.host = Host(world.genesis, self.party, signer, self.store, network=self, clock=self)

    def cut(self, fault: Fault | None = None) -> None:
        """Turn the power off; ``fault`` says what becomes of the disk."""
        if self.store is not None:
            old = self.disk.freeze()
            if fault is not None and fault.disk == "torn" and self._writing:
                self.disk.tear(self.world.chance.below(1_000_001))
            self._close()
            self.disk.remove(old)
        self._writing = False
        self.fuse = None
        if fault is not None and fault.disk == "lost":
            self.rebuild()
        if fault is not None and fault.disk == "backup":
            self.disk.restore(fault.at_ms - fault.age_ms)
        if fault is not None and fault.kind == "corrupt":
            places = [self.world.chance.below(1_000_001) for _ in range(max(1, fault.count))]
            self.disk.turn_bytes(places)

    def rebuild(self) -> None:
        """Replace the disk by an empty one; the node follows from now on, and votes no more."""
        self.disk.lose()
        self.rebuilt = True

    def _close(self) -> None:
        if self.store is not None:
            self.store.close()
        self.store = self.host = None
        self.links = set()
        self.tick_at_us = NO_TICK

    def close(self) -> None:
        """Let go of the files, at the end of the world."""
        self._close()

    # -- effects ----------------------------------------------------------------------------------

    def burn(self) -> None:
        """Count an effect; the power may fail at it."""
        if self.fuse is None:
            return
        left, fault = self.fuse
        if left <= 0:
            raise PowerCut
        self.fuse = (left - 1, fault)

    def before_write(self) -> None:
        """A write begins."""
        self.burn()
        if self.fuse is not None:
            self.disk.note_whole()
        self._writing = True
        self.now_us += self.latency_us

    def after_write(self) -> None:
        """A write is about to be reported as done."""
        self.burn()
        self._writing = False

    def saved(self, items: Sequence[Item]) -> None:
        """Tell the world what is durable."""
        self.world.on_saved(self, items)

    def report(self) -> None:
        """Tell the world what is final, if the last commit has reached the disk."""
        commit, self.unreported = self.unreported, None
        if commit is None or self.store is None or self.store.tip().hash != commit[0].hash:
            return
        block, execution, certificate, justification = commit
        self.world.on_final(self, block, execution, (certificate, justification))

    # -- doing ------------------------------------------------------------------------------------

    def do(self, act: Callable[[Host], object]) -> None:
        """Let the host act, at the world's time or when the machine is free again."""
        host = self.host
        if host is None:
            return
        self.now_us = max(self.world.now_us, self.busy_until_us)
        try:
            act(host)
        except PowerCut:
            fault = self.fuse[1] if self.fuse is not None else None
            self.world.power_failed(self, fault)
            return
        except NodeError:
            # What a caller is told when the node has stopped or is full.
            if host.halted is None:
                raise
        self.busy_until_us = self.now_us
        if host.halted is not None:
            self.world.halted(self, host.halted)
            return
        self._schedule(host)

    def tick(self) -> None:
        """Let timers fire, if this is the tick that was asked for last."""
        self.tick_at_us = NO_TICK
        self.do(self._tick_if_due)

    def _tick_if_due(self, host: Host) -> None:
        if host.halted is None and host.deadline_ms() <= self.now().ticks_ms:
            host.tick()

    def _schedule(self, host: Host) -> None:
        due_us = max(self._when_us(host.deadline_ms()), self.now_us + TICK_MIN_US)
        if due_us < self.tick_at_us:
            self.tick_at_us = due_us
            self.world.at(due_us, self, lambda: self._tick_due(due_us))

    def _tick_due(self, due_us: int) -> None:
        if self.tick_at_us == due_us:
            self.tick()
