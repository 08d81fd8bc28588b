"""Links: who is connected with whom. They come up, and are noticed to be gone, on both ends."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from simulator.process import Process
from simulator.setting import Setting

PING_US = 1_000_000
"""After so long without an answer a link counts as broken."""


class Links:
    """The links between the machines of a world; each machine keeps the names of its own.

    Args:
        setting: What the parts of the world share.
        processes: The machines by name.
    """

    def __init__(self, setting: Setting, processes: Mapping[str, Process]) -> None:
        self._setting = setting
        self._processes = processes

    def connect_all(self) -> None:
        """Connect all machines that can reach each other."""
        names = list(self._processes.values())
        for place, one in enumerate(names):
            for other in names[place + 1 :]:
                self.connect(one, other)

    def connect(self, one: Process, other: Process) -> None:
        """Connect two machines, if both are on and the line is not cut."""
        if one.party == other.party or one.host is None or other.host is None:
            return
        if self._are_cut(one, other) or other.name in one.links:
            return
        shut_ms = max(self.shut_out_ms(one, other), self.shut_out_ms(other, one))
        if shut_ms:
            self._setting.after(1000 * shut_ms, partial(self.connect, one, other))
            return
        one.links.add(other.name)
        other.links.add(one.name)
        for here, there in ((one, other), (other, one)):
            self._setting.at(self._setting.now_us, here, partial(self._peer_up, here, there))

    def _peer_up(self, here: Process, there: Process) -> None:
        here.do(lambda host: host.peer_up(there.party))

    def _are_cut(self, one: Process, other: Process) -> bool:
        lines, now_us = self._setting.lines, self._setting.now_us
        return lines.cut(one.party, other.party, now_us) or lines.cut(
            other.party, one.party, now_us
        )

    def ping(self) -> None:
        """Let machines notice that a line between them is cut."""
        for one in self._processes.values():
            for other in self._processes.values():
                if other.name in one.links and self._are_cut(one, other):
                    self.lose(one, other)
                    self.lose(other, one)

    @staticmethod
    def shut_out_ms(here: Process, there: Process) -> int:
        """Return for how long a machine does not listen to another; 0 if it does."""
        return 0 if here.host is None else here.host.shut_out_ms(there.party)

    def break_off(self, one: Process, other: Process, for_ms: int = 0) -> None:
        """Break the link of two machines, which both notice at once; connect them again later."""
        if other.name not in one.links:
            return
        self._setting.counts["hang-ups"] += 1
        for here, there in ((one, other), (other, one)):
            here.links.discard(there.name)
            if not any(self._processes[name].party == there.party for name in here.links):
                down = partial(self._peer_down, here, there.party)
                self._setting.at(self._setting.now_us, here, down)
        self._setting.after(1000 * for_ms, partial(self.connect, one, other))

    def _peer_down(self, here: Process, party: str) -> None:
        here.do(lambda host: host.peer_down(party))

    def lose(self, here: Process, gone: Process) -> None:
        """Let a machine notice that another is gone, unless it has come back already."""
        if gone.host is not None and here.name in gone.links and not self._are_cut(here, gone):
            return
        if gone.name not in here.links:
            return
        here.links.discard(gone.name)
        if not any(self._processes[name].party == gone.party for name in here.links):
            here.do(lambda host: host.peer_down(gone.party))
