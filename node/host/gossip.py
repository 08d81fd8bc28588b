"""Gossip of evidence (I8): who finds it tells all, who hears of it first verifies and says it on.

A peer that comes up is told what it may have missed, and once a minute some pieces are said again,
in turn, in case a frame was lost.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from consensus.evidence import Evidence, verify_evidence
from consensus.messages import EvidenceMessage
from node.host.accusations import Accusations
from node.host.parts import Parts
from node.limits import EVIDENCE_SAY_MS

logger = logging.getLogger("tongzhang.host")


class Gossip:
    """Keeps and says evidence for one host.

    Args:
        parts: The host's parts.
        accusations: The evidence kept here.
        convicted: Called when this very party's key has signed a contradiction.
    """

    def __init__(
        self, parts: Parts, accusations: Accusations, *, convicted: Callable[[], None]
    ) -> None:
        self._genesis = parts.genesis
        self._party = parts.party
        self._accusations = accusations
        self._convicted = convicted
        self._sender = parts.sender
        self._clock = parts.clock
        self._say_at = parts.clock.now().ticks_ms + EVIDENCE_SAY_MS

    def keep(self, evidence: Evidence) -> bool:
        """Keep verified evidence. Return whether it is new here."""
        new = self._accusations.add(evidence, self._clock.now().wall_ms)
        if new:
            logger.error("%s: evidence against %s: %s", self._party, evidence.party, evidence.kind)
            if evidence.party == self._party:
                self._convicted()
        return new

    def on_evidence(self, peer: str, evidence: Evidence) -> bool:
        """Take evidence of a peer; what is new is verified, kept and said on. Return if it is new.

        Raises:
            ConsensusError: it proves nothing.
            LedgerError: as above.
        """
        if self._accusations.knows(evidence):
            return False
        verify_evidence(evidence, self._genesis)
        self.keep(evidence)
        for other in self._sender.others:
            if other not in (peer, evidence.party):  # said on once: some links may be down
                self._sender.tell(other, EvidenceMessage(evidence))
        return True

    def share(self, lies: list[Evidence]) -> None:
        """Keep evidence that was found here, and tell the others of what is new."""
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
