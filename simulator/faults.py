"""The faults of a plan strike, are over, and in the end all heal.

What a fault does to a line is the network's business (:mod:`simulator.network`), what it does to a
disk or a clock the machine's (:mod:`simulator.process`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.links import PING_US
from simulator.plan import Fault

if TYPE_CHECKING:
    from simulator.process import Process
    from simulator.world import World


class Faults:
    """The faults of a world.

    Args:
        world: The world.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def schedule(self) -> None:
        """Let each fault of the plan strike when its time comes, and its backups be made before."""
        world = self._world
        for fault in world.plan.faults:
            if fault.disk == "backup":
                at_us = 1000 * (fault.at_ms - fault.age_ms)
                world.at(at_us, None, lambda f=fault: self._back_up(f))  # type: ignore[misc]
            world.at(1000 * fault.at_ms, None, lambda f=fault: self._strike(f))  # type: ignore[misc]

    def _machines_of(self, fault: Fault) -> list[Process]:
        machines = self._world.processes.values()
        return [p for p in machines if not fault.who or p.party in fault.who]

    def _back_up(self, fault: Fault) -> None:
        for process in self._machines_of(fault):
            process.disk.back_up(fault.at_ms - fault.age_ms)

    # -- striking ---------------------------------------------------------------------------------

    def _strike(self, fault: Fault) -> None:
        world = self._world
        if world.healed:
            return
        world.counts[fault.kind] += 1
        world.note(None, "fault", describe(fault))
        if fault.kind in ("partition", "network"):
            world.lines.begin(fault)
            world.after(PING_US, world.links.ping)
        elif fault.kind == "flood":
            for client in world.clients:
                if client.process.party in (fault.who or world.plan.parties):
                    client.flood(fault.count)
        else:
            for process in self._machines_of(fault):
                self._strike_machine(process, fault)
        if fault.for_ms and fault.kind not in ("crash", "corrupt"):
            world.after(1000 * fault.for_ms, lambda: self._end(fault))

    def _strike_machine(self, process: Process, fault: Fault) -> None:
        world = self._world
        if fault.kind == "slow-disk":
            process.latency_us = 1000 * fault.latency_ms
        elif fault.kind == "clock":
            process.now_us = max(process.now_us, world.now_us)
            process.jump(fault.by_ms, fault.drift_ppm)
        elif fault.kind == "disk-full":
            process.full = True
            if process.store is not None:
                process.store.limit_pages(full=True)
        elif fault.kind == "crash" and fault.effect and process.host is not None:
            process.fuse = (fault.effect, fault)
        else:
            if fault.kind == "corrupt":
                world.damaged.add(process.name)
            world.power_failed(process, fault)

    # -- over -------------------------------------------------------------------------------------

    def _end(self, fault: Fault) -> None:
        world = self._world
        world.note(None, "over", describe(fault))
        if fault.kind in ("partition", "network"):
            world.lines.end(fault)
            world.links.connect_all()
            return
        for process in self._machines_of(fault):
            if fault.kind == "slow-disk":
                process.latency_us = world.plan.disk_us
            elif fault.kind == "clock":
                process.jump(-fault.by_ms, 0)
            elif fault.kind == "disk-full":
                process.full = False
                if process.store is not None:
                    process.store.limit_pages(full=False)

    def heal(self) -> None:
        """End all faults for good, and start what can come back."""
        world = self._world
        world.healed = True
        world.note(None, "heal", "")
        world.lines.calm()
        gone = {
            process.name
            for fault in world.plan.faults
            if fault.kind == "crash" and not fault.for_ms and fault.at_ms * 1000 <= world.now_us
            for process in self._machines_of(fault)
        }
        for process in world.processes.values():
            process.fuse = None
            process.latency_us = world.plan.disk_us
            process.full = False
            if process.store is not None:
                process.store.limit_pages(full=False)
            elif process.name not in gone and process.name not in world.halts:
                world.start(process)
        world.links.connect_all()


def describe(fault: Fault) -> str:
    """Return a fault in one line, with the fields that differ from their defaults."""
    default = Fault(kind=fault.kind, at_ms=0)
    names = [n for n in fault.__struct_fields__ if getattr(fault, n) != getattr(default, n)]
    said = (f"{name}={_plain(getattr(fault, name))}" for name in names if name != "at_ms")
    return " ".join((fault.kind, *said))


def _plain(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)
