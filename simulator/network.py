"""The simulated network: what becomes of a frame between two machines, and when it arrives.

Every frame is on its own: it may be lost, doubled, late, or overtaken by a later one, as frames of
two connections are when a link breaks and comes back. Partitions and bad lines are faults of the
plan; those that are on at the moment are kept here.
"""

from __future__ import annotations

from simulator.chance import Chance
from simulator.plan import Fault, LineConditions

REORDERED_FACTOR = 10


class Lines:
    """All lines of a world.

    Args:
        network: How a line behaves without faults.
        chance: What decides.
    """

    def __init__(self, network: LineConditions, chance: Chance) -> None:
        self._network = network
        self._chance = chance
        self._faults: list[Fault] = []
        self._free_us: dict[tuple[str, str], int] = {}
        self.lost = self.doubled = self.reordered = 0

    def begin(self, fault: Fault) -> None:
        """Let a partition or a bad line begin."""
        self._faults.append(fault)

    def end(self, fault: Fault) -> None:
        """Let it end."""
        self._faults = [each for each in self._faults if each is not fault]

    def calm(self) -> None:
        """End everything, and lose nothing any more."""
        self._faults = []
        quiet = LineConditions(delay_ms=self._network.delay_ms, jitter_ms=self._network.jitter_ms)
        self._network = quiet

    def cut(self, sender: str, to: str, now_us: int) -> bool:
        """Return whether nothing gets from ``sender`` to ``to`` at all."""
        return any(
            fault.kind == "partition" and _on(fault, now_us) and _between(fault, sender, to)
            for fault in self._faults
        )

    def arrivals(self, sender: str, to: str, now_us: int, size: int) -> list[int]:
        """Return when copies of a frame of ``size`` bytes arrive, in µs; none if it is lost."""
        condition: LineConditions | Fault = self._network
        for fault in self._faults:
            if not _on(fault, now_us) or not _between(fault, sender, to):
                continue
            if fault.kind == "partition" or 0 < fault.bytes_max < size:
                self.lost += 1
                return []
            condition = fault
        if condition.loss_ppm and self._chance.happens(condition.loss_ppm):
            self.lost += 1
            return []
        found = [self._arrival(condition, (sender, to), now_us, size)]
        if condition.duplicate_ppm and self._chance.happens(condition.duplicate_ppm):
            self.doubled += 1
            found.append(self._arrival(condition, (sender, to), now_us, size))
        return found

    def _arrival(
        self, condition: LineConditions | Fault, line: tuple[str, str], now_us: int, size: int
    ) -> int:
        if condition.bandwidth_kib_s:
            begin = max(now_us, self._free_us.get(line, 0))
            now_us = begin + size * 1_000_000 // (condition.bandwidth_kib_s * 1024)
            self._free_us[line] = now_us
        delay_us = 1000 * condition.delay_ms + self._chance.tail(1000 * condition.jitter_ms)
        if condition.reorder_ppm and self._chance.happens(condition.reorder_ppm):
            self.reordered += 1
            delay_us *= REORDERED_FACTOR
        return now_us + max(1, delay_us)


def _on(fault: Fault, now_us: int) -> bool:
    """Return whether a fault that comes and goes is there at the moment."""
    if not fault.period_ms:
        return True
    return (now_us // 1000 - fault.at_ms) // fault.period_ms % 2 == 0


def _between(fault: Fault, sender: str, to: str) -> bool:
    """Return whether a fault is on the line; a party's line to itself is never touched."""

    def out(one: str, other: str) -> bool:
        here = not fault.who or one in fault.who
        there = other in fault.toward if fault.toward else not fault.who or other not in fault.who
        return here and there and one != other

    return out(sender, to) or (not fault.one_way and out(to, sender))
