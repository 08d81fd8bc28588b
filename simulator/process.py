"""One simulated machine: its disk, its clocks and, while the power is on, the production host.

The machine does one thing at a time. Writing takes time, and what it sends afterwards leaves
later; what arrives meanwhile waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from consensus.effects import Now
from node.errors import CorruptLedger, Halted, NodeError
from node.host.host import Host
from node.storage.check import check
from node.storage.held import FinalBlock
from node.storage.store import Item
from simulator.brazen import BrazenHost
from simulator.disk import Disk, SimulatedStore
from simulator.keys import MORNING_MS
from simulator.plan import Fault
from simulator.setting import Setting

NO_TICK = 1 << 62
TICK_MIN_US = 1000
NOT_SHOWN = (-1, Now(0, 0))
"""What no clock has shown: a moment of the world, and the time at it."""


class PowerCut(Exception):
    """The power of a machine has failed; everything in its memory is gone."""


class Keeper(Protocol):
    """The one who looks after machines: carries what they send, and does what an operator would."""

    def post(self, sender: Process, party: str, frame: bytes) -> None:
        """Carry a frame to the machines of a party."""

    def hang_up(self, process: Process, party: str, for_ms: int) -> None:
        """Break a machine's links with a party; they come up again after a while."""

    def power_failed(self, process: Process, fault: Fault | None) -> None:
        """Turn a machine off, and on again when the fault says so."""

    def halted(self, process: Process, why: Halted) -> None:
        """Look after a machine whose node has stopped for safety."""

    def saw_damage(self, process: Process, error: Exception) -> None:
        """Learn that a machine found its disk damaged."""


class Voice(Protocol):
    """The one who speaks and hears for a machine whose party lies."""

    def send(self, peer: str, frame: bytes) -> None:
        """Take what the node underneath wants to send to ``peer``."""

    def receive(self, sender: str, frame: bytes) -> bool:
        """Take what arrives. Return whether the node underneath gets it as well."""


class Process:
    """One machine of a party. A twin is a second machine of the same party.

    Args:
        setting: What the parts of the world share.
        keeper: Who looks after it.
        name: Its own name.
        party: The party whose key it holds.
        directory: Where its disk's files go.
        template: An empty database to begin with.
    """

    def __init__(
        self,
        setting: Setting,
        keeper: Keeper,
        name: str,
        party: str,
        *,
        directory: Path,
        template: Path,
    ) -> None:
        self._setting = setting
        self._keeper = keeper
        self.name = name
        self.party = party
        self.disk = Disk(directory, template)
        self.host: Host | None = None
        self.store: SimulatedStore | None = None
        self.liar: Voice | None = None
        self.life = 0
        self.now_us = 0
        self.busy_until_us = 0
        self.tick_at_us = NO_TICK
        self.links: set[str] = set()
        self.fuse: tuple[int, Fault] | None = None
        self.full = False
        self.rebuilt = False
        self.rewound = False
        self.is_behind = False
        self._told_height = 0
        self.latency_us = setting.plan.disk_us
        plan, chance = setting.plan, setting.chance
        self._skew_ms = chance.between(-plan.skew_ms, plan.skew_ms)
        self._drift_ppm = chance.between(-plan.drift_ppm, plan.drift_ppm)
        self._hurry = plan.hurry
        self._ticks_ms = 1 + chance.below(1_000_000)
        self._base_us = 0
        self._writing = False
        self._alarm, self._shown = (NO_TICK, 0), NOT_SHOWN

    # -- clocks (node.host.ports.Clock) ------------------------------------------------------------

    def now(self) -> Now:
        """Return this machine's steady ticks and wall time."""
        at_us = self.now_us
        if self._shown[0] != at_us:
            ticks = self._ticks_ms + self._elapsed_us(at_us) // 1000
            wall = MORNING_MS + self._skew_ms + at_us * self._hurry // 1000
            self._shown = (at_us, Now(ticks, wall))
        return self._shown[1]

    def jump(self, by_ms: int, drift_ppm: int) -> None:
        """Set the wall clock forward or back, and let the steady one run at another speed."""
        self._ticks_ms = self.now().ticks_ms
        self._base_us = self.now_us
        self._drift_ppm = drift_ppm
        self._skew_ms += by_ms
        self._alarm, self._shown = (NO_TICK, 0), NOT_SHOWN

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

    # -- network (node.host.ports.Network) ---------------------------------------------------------

    def send(self, peer: str, frame: bytes) -> None:
        """Send a frame to a party, or not, if the power fails or the party is a liar."""
        self.burn()
        if self.liar is None:
            self.post(peer, frame)
        else:
            self.liar.send(peer, frame)

    def post(self, peer: str, frame: bytes) -> None:
        """Let a frame leave for a party as it is."""
        self._keeper.post(self, peer, frame)

    def hang_up(self, peer: str, for_ms: int) -> None:
        """Break the link with a peer, which comes up again after a while."""
        self._keeper.hang_up(self, peer, for_ms)

    # -- power ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Turn the power on: open the disk, and run what a node runs at its start."""
        self.life += 1
        self.fuse = None
        self.now_us = self.busy_until_us = max(self._setting.now_us, self.busy_until_us)
        try:
            self._open()
        except (CorruptLedger, NodeError) as error:
            self._keeper.saw_damage(self, error)
            self._close()
            self.rebuild()
            self._open()

    def _open(self) -> None:
        self.disk.note_whole()
        setting = self._setting
        self.store = SimulatedStore(
            self.disk.url, setting.genesis, party=self.party, cache_rows=setting.cache_rows
        )
        if self.name in setting.damaged:  # an operator would check everything
            check(self.store, lambda done, total: None, deep=True)
        if self.rebuilt:
            self.store.set_abstains(True)
        self.store.process = self
        signer = setting.signers[self.party]
        nonce = sha256(f"{setting.plan.seed} {self.name} {self.life}".encode()).digest()
        kind = Host if self.liar is None else BrazenHost
        self.host = kind(
            setting.genesis, self.party, signer, self.store, network=self, clock=self, nonce=nonce
        )

    def cut(self, fault: Fault | None = None) -> None:
        """Turn the power off; ``fault`` says what becomes of the disk."""
        if self.store is not None:
            self.is_behind = False
            old = self.disk.freeze()
            if fault is not None and fault.disk == "torn" and self._writing:
                self.disk.tear(self._setting.chance.below(1_000_001))
            self._close()
            self.disk.remove(old)
        self._writing = False
        self.fuse = None
        if fault is not None and fault.disk == "lost":
            self.rebuild()
        if fault is not None and fault.disk == "backup":
            self.disk.restore(fault.at_ms - fault.age_ms)
            self.rewound = self.is_behind = True
        if fault is not None and fault.kind == "corrupt":
            places = [self._setting.chance.below(1_000_001) for _ in range(max(1, fault.count))]
            self.disk.turn_bytes(places)

    def rebuild(self) -> None:
        """Replace the disk by an empty one; the node follows from now on, and votes no more."""
        self.disk.lose()
        self.rebuilt = self.is_behind = True

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
        """Tell those who watch what is durable."""
        self._setting.on_saved(self, items)

    def final(self, final: FinalBlock) -> None:
        """Tell those who watch what is final; of what papers say at a start, only what is news."""
        height = final.block.height
        if self.host is None and height <= self._told_height:
            return
        self._told_height = height
        self._setting.on_final(self, final)

    # -- doing ------------------------------------------------------------------------------------

    def do(self, act: Callable[[Host], object]) -> None:
        """Let the host act, at the world's time or when the machine is free again."""
        host = self.host
        if host is None:
            return
        self.now_us = max(self._setting.now_us, self.busy_until_us)
        checks = self._setting.checks()
        try:
            act(host)
            self.now_us += (self._setting.checks() - checks) * self._setting.plan.verify_us
        except PowerCut:
            fault = self.fuse[1] if self.fuse is not None else None
            self._keeper.power_failed(self, fault)
            return
        except NodeError:
            # What a caller is told when the node has stopped or is full.
            if host.halted is None:
                raise
        self.busy_until_us = self.now_us
        if host.halted is not None:
            self._keeper.halted(self, host.halted)
            return
        self._schedule(host)

    def shows_all(self) -> bool:
        """Have what is held written, as the HTTP layer does before a read; return whether it is."""
        self.do(lambda host: host.write())
        return self.store is not None and not self.store.holds

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
            self._setting.at(due_us, self, lambda: self._tick_due(due_us))

    def _tick_due(self, due_us: int) -> None:
        if self.tick_at_us == due_us:
            self.tick()
