"""Frames on their way: from a machine to every machine of a party that it is linked with.

The network says what becomes of a frame (:mod:`simulator.network`); the checkers see each one once,
as it leaves.
"""

from __future__ import annotations

from functools import partial
from operator import methodcaller
from typing import TYPE_CHECKING

from consensus.errors import ConsensusError
from consensus.messages import Message, decode
from ledger.errors import LedgerError

if TYPE_CHECKING:
    from simulator.process import Process
    from simulator.world import World


class Frames:
    """Carries the frames of a world.

    Args:
        world: The world.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._sent: tuple[str, bytes, Message | None] = ("", b"", None)

    def post(self, sender: Process, party: str, frame: bytes) -> None:
        """Send a frame to every machine of a party that the sender is connected with."""
        self._watch(sender, frame)
        self._world.counts["frames"] += 1
        for to in self._world.processes.values():
            if to.party != party or to.name not in sender.links:
                continue
            life, now_us = to.life, sender.now_us
            arrivals = self._world.lines.arrivals(sender.party, party, now_us, len(frame))
            if self._world.trace is not None:
                self._world.trace.frame(now_us, sender, to, arrivals, self._sent[2])
            for arrival in arrivals:
                arrive = partial(self._deliver, sender.party, to, life, frame)
                self._world.at(arrival, to, arrive)

    def _deliver(self, sender: str, to: Process, life: int, frame: bytes) -> None:
        if to.life != life or to.host is None:
            self._world.note(to, "miss", f"from {sender}")
            return
        if to.liar is not None and not to.liar.receive(sender, frame):
            return
        to.do(methodcaller("receive", sender, frame))

    def _watch(self, sender: Process, frame: bytes) -> None:
        if self._sent[0] == sender.name and self._sent[1] is frame:
            return
        message: Message | None = None
        try:
            message = decode(frame)
        except (ConsensusError, LedgerError):
            self._world.counts["nonsense frames"] += 1
        self._sent = (sender.name, frame, message)
        if message is not None:
            for checker in self._world.watchers["on_sent"]:
                checker.on_sent(sender, message, frame)
