"""Places in the log by height and by business date: as of when something is told."""

from __future__ import annotations

from ledger.genesis import Genesis
from ledger.posted import Place
from node.storage.reads import Reader


class Places:
    """Finds places on one snapshot.

    Args:
        reader: The snapshot.
        genesis: The consortium, whose calendar gives the dates.
    """

    def __init__(self, reader: Reader, genesis: Genesis) -> None:
        self._reader = reader
        self._genesis = genesis

    def founding(self) -> Place:
        """Return the place before the first block."""
        return self._place(0, 0, self._genesis.created_at)

    def at_height(self, height: int) -> Place | None:
        """Return the end of the block at ``height``; 0 is the founding, None what is not there."""
        if height == 0:
            return self.founding()
        found = self._reader.blocks(height, 1)
        if not found or found[0].height != height:
            return None
        return self._place(height, found[0].header.size, found[0].header.time)

    def tip(self) -> Place:
        """Return the end of the last block."""
        return self.at_height(self._reader.height()) or self.founding()

    def at_date(self, date: str) -> Place:
        """Return the end of the last block whose business date is not after an ISO ``date``."""
        # Block times never fall, and so neither do their business dates.
        found = self.founding()
        after = self._reader.height() + 1
        while after - found.height > 1:
            middle = self.at_height((found.height + after) // 2)
            if middle is not None and middle.date <= date:
                found = middle
            else:
                after = (found.height + after) // 2
        return found

    def _place(self, height: int, size: int, time: int) -> Place:
        date = self._genesis.calendar.business_date(time)
        return Place(height=height, size=size, time=time, date=date)
