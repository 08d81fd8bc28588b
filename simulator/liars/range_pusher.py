"""Pushes ranges of final blocks, true and as long as they get, at peers that asked for nothing."""

from __future__ import annotations

from consensus.messages import encode
from node.host.catchup import range_from
from simulator.liars.liar import Liar

PERIOD_US = 40_000
HEIGHTS_OLD = 20
"""For so many heights a range is pushed again before a longer one is made."""


class RangePusher(Liar):
    """A helper whom nobody asked."""

    def _begin(self) -> None:
        self._made: tuple[int, bytes] = (0, b"")
        self.every(PERIOD_US, self._push)

    def _push(self) -> None:
        store = self.process.store
        if store is None:
            return
        height = store.tip().height
        if height >= self._made[0] + HEIGHTS_OLD:
            with store.reader() as reader:
                made = range_from(reader, 1, self.genesis.limits.block_bytes)
            self._made = (height, b"" if made is None else encode(made))
        for peer in self.others if self._made[1] else ():
            self.tell(peer, self._made[1])
            self.lied("range", peer)
