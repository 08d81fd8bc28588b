"""Frames on their way: from a machine to every machine of a party that it is linked with.

The network says what becomes of a frame (:mod:`simulator.network`); the checkers see each one once,
as it leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from operator import methodcaller
from typing import NamedTuple

from consensus.errors import ConsensusError
from consensus.messages import Message, decode
from ledger.errors import LedgerError
from simulator.links import Links
from simulator.process import Process
from simulator.setting import Setting


class _Letter(NamedTuple):
    """A frame on its way."""

    sender: Process
    frame: bytes
    message: Message | None
    sent_us: int


class Carrier:
    """Carries the frames of a world.

    Args:
        setting: What the parts of the world share.
        processes: The machines by name.
        links: Who is connected with whom; broken where a machine listens to a peer no more.
    """

    def __init__(self, setting: Setting, processes: Mapping[str, Process], links: Links) -> None:
        self._setting = setting
        self._links = links
        self._processes = processes
        self._machines: dict[str, list[Process]] = {}
        """The machines of each party that was sent to; all are there before anything is sent."""
        self._sent: tuple[str, bytes, Message | None] = ("", b"", None)

    def post(self, sender: Process, party: str, frame: bytes) -> None:
        """Send a frame to every machine of a party that the sender is connected with."""
        self._watch(sender, frame)
        self._setting.counts["frames"] += 1
        for to in self._machines_of(party):
            if to.name not in sender.links:
                continue
            life, now_us = to.life, sender.now_us
            arrivals = self._setting.lines.arrivals(sender.party, party, now_us, len(frame))
            if self._setting.trace is not None:
                self._setting.trace.frame(now_us, sender.name, to.name, arrivals, self._sent[2])
            letter = _Letter(sender, frame, self._sent[2], now_us)
            for arrival in arrivals:
                self._setting.at(arrival, to, partial(self._deliver, to, life, letter))

    def _machines_of(self, party: str) -> list[Process]:
        found = self._machines.get(party)
        if found is None:
            found = [each for each in self._processes.values() if each.party == party]
            self._machines[party] = found
        return found

    def _deliver(self, to: Process, life: int, letter: _Letter) -> None:
        sender, frame = letter.sender.party, letter.frame
        if to.life != life or to.host is None:
            self._setting.note(to, "miss", f"from {sender}")
            return
        if self._links.shut_out_ms(to, letter.sender):
            return  # it was on its way when the connection was closed
        if to.liar is not None and not to.liar.receive(sender, frame):
            return
        if letter.message is not None:
            self._setting.on_heard(to, letter.sender, letter.message, letter.sent_us)
        to.do(methodcaller("receive", sender, frame))
        if self._links.shut_out_ms(to, letter.sender):
            self._setting.on_shut_out(to, letter.sender)
            self._links.break_off(to, letter.sender)

    def _watch(self, sender: Process, frame: bytes) -> None:
        if self._sent[0] == sender.name and self._sent[1] is frame:
            return
        message: Message | None = None
        try:
            message = decode(frame)
        except (ConsensusError, LedgerError):
            self._setting.counts["nonsense frames"] += 1
        self._sent = (sender.name, frame, message)
        if message is not None:
            self._setting.on_sent(sender, message, frame)
