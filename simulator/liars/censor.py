"""As leader never includes what the institution says (the platform, if it is the institution)."""

from __future__ import annotations

from consensus.messages import BatchMessage, Message, WireBatch
from ledger.errors import LedgerError
from simulator.liars.liar import Liar


class Censor(Liar):
    """A leader that is deaf to one party. Blocks of other leaders it accepts as they are."""

    def _begin(self) -> None:
        first, second = self.genesis.sole("institution"), self.genesis.sole("platform")
        self.victim = second if self.party == first else first

    def lets_in(self, message: Message) -> bool:
        """Keep the victim's batches from the node, so that it has none to propose."""
        if isinstance(message, BatchMessage) and self._is_of_victim(message.batch):
            self.lied("ignored", self.victim)
            return False
        return True

    def _is_of_victim(self, wire: WireBatch) -> bool:
        try:
            return wire.batch().party == self.victim
        except LedgerError:
            return False  # another liar's nonsense
