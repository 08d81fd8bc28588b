"""How evidence spreads (I8): who finds it tells all, who hears of it first verifies and says it on.

A peer that comes up is told what it may have missed, and once a minute some pieces are said again,
in turn, in case a frame was lost.
"""

from __future__ import annotations

import logging

from consensus.evidence import Evidence, verify_evidence
from consensus.messages import EvidenceMessage
from ledger.genesis import Genesis
from node.host.accusations import Accusations
from node.host.machine import LedgerMachine
from node.host.sender import Sender
from node.host.surroundings import Clock
from node.limits import EVIDENCE_SAY_MS

logger = logging.getLogger("tongzhang.host")


class Gossip:
    """Keeps and says evidence for one host.

    Args:
        genesis: The ledger.
        party: This node's party.
        accusations: The evidence kept here.
        machine: Finds evidence in the batches of blocks.
        sender: The way to the peers.
        clock: The clocks.
    """

    def __init__(
        self,
        genesis: Genesis,
        party: str,
        accusations: Accusations,
        *,
        machine: LedgerMachine,
        sender: Sender,
        clock: Clock,
    ) -> None:
        self._genesis = genesis
        self._party = party
        self._accusations = accusations
        self._machine = machine
        self._sender = sender
        self._clock = clock
        self._say_at = clock.now().ticks_ms + EVIDENCE_SAY_MS

    def keep(self, evidence: Evidence) -> bool:
        """Keep verified evidence. Return whether it is new here."""
        new = self._accusations.add(evidence, self._clock.now().wall_ms)
        if new:
            logger.error("%s: evidence against %s: %s", self._party, evidence.party, evidence.kind)
        return new

    def on_evidence(self, peer: str, evidence: Evidence) -> None:
        """Take evidence of a peer; what is new is verified, kept and said on.

        Raises:
            ConsensusError: it proves nothing.
            LedgerError: as above.
        """
        if self._accusations.knows(evidence):
            return
        verify_evidence(evidence, self._genesis)
        self.keep(evidence)
        for other in self._sender.others:
            if other not in (peer, evidence.party):  # said on once: some links may be down
                self._sender.tell(other, EvidenceMessage(evidence))

    def share_found(self) -> None:
        """Keep what the batches of blocks have proved, and tell the others of what is new."""
        lies, self._machine.lies = self._machine.lies, []
        for lie in lies:
            if self.keep(lie):
                self._sender.tell_all(EvidenceMessage(lie))

    def greet(self, peer: str) -> None:
        """Tell a peer that comes up what it may have missed."""
        for lie in self._accusations.for_newcomer():
            self._sender.tell(peer, EvidenceMessage(lie))

    def say_again(self, now_ms: int) -> bool:
        """Say some pieces again, if it is time for that on the steady clock; return if it was."""
        if self._say_at > now_ms:
            return False
        self._say_at = now_ms + EVIDENCE_SAY_MS
        for lie in self._accusations.in_turn():
            self._sender.tell_all(EvidenceMessage(lie))
        return True
