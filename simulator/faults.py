"""The faults of a plan strike, are over, and in the end all heal.

What a fault does to a line is the network's business (:mod:`simulator.network`), what it does to a
disk or a clock the machine's (:mod:`simulator.process`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from simulator.clients import SimulatedClient
from simulator.links import PING_US
from simulator.operator import Operator
from simulator.plan import Fault
from simulator.process import Process
from simulator.setting import Setting


class Faults:
    """The faults of a world.

    Args:
        setting: What the parts of the world share.
        operator: The machines, and who starts them.
        clients: Who floods.
    """

    def __init__(
        self, setting: Setting, operator: Operator, clients: Sequence[SimulatedClient]
    ) -> None:
        self._setting = setting
        self._operator = operator
        self._clients = clients

    def schedule(self) -> None:
        """Let each fault of the plan strike when its time comes, and its backups be made before."""
        setting = self._setting
        for fault in setting.plan.faults:
            if fault.disk == "backup":
                at_us = 1000 * (fault.at_ms - fault.age_ms)
                setting.at(at_us, None, partial(self._back_up, fault))
            setting.at(1000 * fault.at_ms, None, partial(self._strike, fault))

    def _machines_of(self, fault: Fault) -> list[Process]:
        machines = self._operator.processes.values()
        return [p for p in machines if not fault.who or p.party in fault.who]

    def _back_up(self, fault: Fault) -> None:
        for process in self._machines_of(fault):
            process.disk.back_up(fault.at_ms - fault.age_ms)

    # -- striking ---------------------------------------------------------------------------------

    def _strike(self, fault: Fault) -> None:
        setting = self._setting
        if setting.healed:
            return
        setting.counts[fault.kind] += 1
        setting.note(None, "fault", describe(fault))
        if fault.kind in ("partition", "network"):
            setting.lines.begin(fault)
            setting.after(PING_US, self._operator.links.ping)
        elif fault.kind == "flood":
            for client in self._clients:
                if client.party in (fault.who or setting.plan.parties):
                    client.flood(fault.count)
        else:
            for process in self._machines_of(fault):
                self._strike_machine(process, fault)
        if fault.for_ms and fault.kind not in ("crash", "corrupt"):
            setting.after(1000 * fault.for_ms, partial(self._end, fault))

    def _strike_machine(self, process: Process, fault: Fault) -> None:
        setting = self._setting
        if fault.kind == "slow-disk":
            process.latency_us = 1000 * fault.latency_ms
        elif fault.kind == "clock":
            process.now_us = max(process.now_us, setting.now_us)
            process.jump(fault.by_ms, fault.drift_ppm)
        elif fault.kind == "disk-full":
            process.full = True
            if process.store is not None:
                process.store.limit_pages(full=True)
        elif fault.kind == "crash" and fault.effect and process.host is not None:
            process.fuse = (fault.effect, fault)
        else:
            if fault.kind == "corrupt":
                setting.damaged.add(process.name)
            self._operator.power_failed(process, fault)

    # -- over -------------------------------------------------------------------------------------

    def _end(self, fault: Fault) -> None:
        setting = self._setting
        setting.note(None, "over", describe(fault))
        if fault.kind in ("partition", "network"):
            setting.lines.end(fault)
            self._operator.links.connect_all()
            return
        for process in self._machines_of(fault):
            if fault.kind == "slow-disk":
                process.latency_us = setting.plan.disk_us
            elif fault.kind == "clock":
                process.jump(-fault.by_ms, 0)
            elif fault.kind == "disk-full":
                process.full = False
                if process.store is not None:
                    process.store.limit_pages(full=False)

    def heal(self) -> None:
        """End all faults for good, and start what can come back."""
        setting = self._setting
        setting.healed = True
        setting.note(None, "heal", "")
        setting.lines.calm()
        gone = {
            process.name
            for fault in setting.plan.faults
            if fault.kind == "crash" and not fault.for_ms and fault.at_ms * 1000 <= setting.now_us
            for process in self._machines_of(fault)
        }
        for process in self._operator.processes.values():
            process.fuse = None
            process.latency_us = setting.plan.disk_us
            process.full = False
            if process.store is not None:
                process.store.limit_pages(full=False)
            elif process.name not in gone and process.name not in self._operator.halts:
                self._operator.start(process)
        self._operator.links.connect_all()


def describe(fault: Fault) -> str:
    """Return a fault in one line, with the fields that differ from their defaults."""
    default = Fault(kind=fault.kind, at_ms=0)
    names = [n for n in fault.__struct_fields__ if getattr(fault, n) != getattr(default, n)]
    said = (f"{name}={_plain(getattr(fault, name))}" for name in names if name != "at_ms")
    return " ".join((fault.kind, *said))


def _plain(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)
