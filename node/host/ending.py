"""The last seconds of a host whose replica has stopped for good.

It votes and commits no more. If its state has diverged, it waits to hear which key differs; if the
ledger has forked, it finds out who forked it (:mod:`node.host.fork_inquiry`), and lets the others
find out. Then it ends.
"""

from __future__ import annotations

import logging

from consensus.effects import Halt
from consensus.evidence import Evidence
from consensus.messages import (
    CertificateMessage,
    ChangesMessage,
    EvidenceMessage,
    Exits,
    Message,
    Range,
    WantExits,
    WantRange,
    encode,
)
from ledger.block import Block
from ledger.limits import SAFE_INTEGER_MAX
from node.host.fork_inquiry import CONFLICT, REPORT, ForkInquiry
from node.host.gossip import Gossip
from node.host.parts import Parts
from node.limits import DIFFERENCE_WAIT_MS
from node.storage.store import ConsensusItem

HEARD = {
    "state-diverged": (ChangesMessage,),
    "conflicting-final": (EvidenceMessage, Exits, Range, WantExits, WantRange),
}
"""What a host still hears between the moment that it stopped voting and its end."""

logger = logging.getLogger("tongzhang.host")


class Ending:
    """Why and when one host ends, and what it does until then.

    Args:
        parts: The host's parts.
        halt: Why the replica has stopped.
        gossip: Keeps and tells what a fork proves.
    """

    def __init__(self, parts: Parts, halt: Halt, gossip: Gossip) -> None:
        self.halt = halt
        self.inquiry: ForkInquiry | None = None
        self.until_ms = 0
        """When it ends, on the steady clock."""
        self._genesis = parts.genesis
        self._party = parts.party
        self._store = parts.store
        self._machine = parts.machine
        self._sender = parts.sender
        self._clock = parts.clock
        self._gossip = gossip

    def begin(self) -> bool:
        """Keep the certificates of a fork. Return whether the host has anything to wait for."""
        halt = self.halt
        items = [
            ConsensusItem(SAFE_INTEGER_MAX, CONFLICT, c.subject.block.hex(), encode(c))
            for c in halt.certificates
        ]
        if items:
            self._store.save(items)
        now_ms = self._clock.now().ticks_ms
        if halt.code == "conflicting-final":
            self._inquire(now_ms)
            return True
        self.until_ms = now_ms + DIFFERENCE_WAIT_MS
        return not self._machine.is_explained()

    def _inquire(self, now_ms: int) -> None:
        self.inquiry = ForkInquiry(
            self._genesis,
            self._store,
            self.halt,
            self._sender.others,
            refuse_forged=self._refuse_forged,
            now_ms=now_ms,
        )
        self.until_ms = self.inquiry.deadline_ms
        halt = self.halt
        logger.critical("%s: votes no more: %s: %s", self._party, halt.code, halt.message)
        for certificate in halt.certificates:
            self._sender.tell_all(CertificateMessage(certificate))
        self._convict(self.inquiry, self.inquiry.found_at_once())
        self.ask()

    def hears(self, message: Message) -> bool:
        """Return whether a message still matters."""
        return isinstance(message, HEARD[self.halt.code])

    def on_answer(self, peer: str, message: Range | Exits) -> None:
        """Take a peer's answer about the fork, and ask on.

        Raises:
            ConsensusError: the answer does not prove itself.
            LedgerError: as above.
        """
        inquiry = self.inquiry
        if inquiry is None:
            return
        if isinstance(message, Range):
            self._convict(inquiry, inquiry.on_range(peer, message))
        else:
            self._convict(inquiry, inquiry.on_exits(peer, message))
        self.ask()

    def ask(self) -> None:
        """Ask the peers what is due about the fork."""
        if self.inquiry is not None:
            for send in self.inquiry.due(self._clock.now().ticks_ms):
                self._sender.send(send)

    def greet(self, peer: str) -> None:
        """Tell a peer that comes up of the fork."""
        if self.inquiry is not None:
            for certificate in self.halt.certificates:
                self._sender.tell(peer, CertificateMessage(certificate))

    def message(self) -> str:
        """Return why the host ends, with what has been found out."""
        if self.inquiry is None:
            return self.halt.message
        return f"{self.halt.message}; {self.inquiry.verdict()}"

    def _refuse_forged(self, block: Block) -> None:
        """Verify a peer's block; what its batches prove counts, even if one of them is forged."""
        found: list[Evidence] = []
        try:
            self._machine.refuse_forged(block, found)
        finally:
            self._gossip.share(found)

    def _convict(self, inquiry: ForkInquiry, lies: list[Evidence]) -> None:
        """Keep and tell what a fork has proved, and write the report anew."""
        self._gossip.share(lies)
        report = inquiry.report(self._clock.now().wall_ms)
        self._store.save([ConsensusItem(SAFE_INTEGER_MAX, CONFLICT, REPORT, report)])
