"""The operator of all machines: starts them, lets their power fail, repairs what people repair."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from node.errors import Halted
from simulator.errors import Violation
from simulator.frames import Carrier
from simulator.links import Links
from simulator.plan import Fault
from simulator.process import Process
from simulator.setting import Setting
from simulator.templates import Templates

RESTART_US = 2_000_000
"""Time that an operator takes to start a node again that has stopped."""
RESTARTABLE = frozenset(("disk-full", "storage-failed"))


class Operator:
    """The machines of a world, and what an operator does about them.

    Args:
        setting: What the parts of the world share.
        directory: Where the machines' files go.
        templates: Empty databases, shared by many worlds.
    """

    def __init__(self, setting: Setting, directory: Path, templates: Templates) -> None:
        self._setting = setting
        self._directory = directory
        self._templates = templates
        self.processes: dict[str, Process] = {}
        self.halts: dict[str, Halted] = {}
        """Why machines have stopped for good."""
        self.links = Links(setting, self.processes)
        self._frames = Carrier(setting, self.processes, self.links)

    def add(self, name: str, party: str) -> Process:
        """Return a new machine of a party, which is off."""
        template = self._templates.of(self._setting.genesis, party)
        home = self._directory / name
        process = Process(self._setting, self, name, party, directory=home, template=template)
        self.processes[name] = process
        return process

    def post(self, sender: Process, party: str, frame: bytes) -> None:
        """Carry a frame to every machine of a party that the sender is connected with."""
        self._frames.post(sender, party, frame)

    def hang_up(self, process: Process, party: str, for_ms: int) -> None:
        """Break a machine's links with a party; they come up again after a while."""
        for other in self.processes.values():
            if other.party == party:
                self.links.break_off(process, other, for_ms)

    def start(self, process: Process) -> None:
        """Turn a machine on and connect it."""
        if process.host is not None:
            return
        setting = self._setting
        process.start()
        process.full = False
        height = process.store.tip().height if process.store is not None else 0
        setting.note(process, "start", f"life {process.life}, height {height}")
        setting.counts["starts"] += 1
        for checker in setting.checkers:
            checker.on_start(process)
        if process.host is not None and process.host.halted is not None:
            self.halted(process, process.host.halted)
            return
        for other in self.processes.values():
            if other is not process:
                setting.after(1000, partial(self.links.connect, process, other))
        process.do(lambda host: None)

    def power_failed(self, process: Process, fault: Fault | None) -> None:
        """Turn a machine off, and on again when the fault says so."""
        setting = self._setting
        process.cut(fault)
        setting.note(process, "crash", fault.disk if fault is not None else "")
        setting.counts["crashes"] += 1
        for other in self.processes.values():
            if process.name in other.links:
                setting.after(1000, partial(self.links.lose, other, process))
        if fault is not None and fault.for_ms:
            setting.after(1000 * fault.for_ms, partial(self.start, process))

    def halted(self, process: Process, why: Halted) -> None:
        """A node has stopped for safety: note it, and do what an operator would."""
        setting = self._setting
        setting.note(process, "halt", f"{why.code}: {why.message}")
        setting.counts["halts"] += 1
        for checker in setting.checkers:
            checker.on_halt(process, why)
        damaged = process.name in setting.damaged
        self.power_failed(process, None)
        if why.code == "corrupt-ledger" or (why.code == "state-diverged" and damaged):
            self.saw_damage(process, why)
            process.rebuild()
        elif why.code not in RESTARTABLE:
            self.halts[process.name] = why
            return
        setting.after(RESTART_US, partial(self.start, process))

    def saw_damage(self, process: Process, error: Exception) -> None:
        """A machine found its disk damaged, which must not be unless the plan has damaged it."""
        if process.name not in self._setting.damaged:
            raise Violation("I4", f"{process.name} lost its database without a cause: {error}")
        self._setting.note(process, "damage", str(error))
        self._setting.counts["damage found"] += 1
