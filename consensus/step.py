"""The step under way: its time, what it does, and whether it changed anything.

All parts of a replica write into one step, in the order in which things happen; the host performs
what it says (:mod:`consensus.effects`). Decides nothing.
"""

from __future__ import annotations

from consensus.effects import Durable, Effects, Halt, Now, Send
from consensus.evidence import Evidence
from consensus.messages import EvidenceMessage, Message, encode
from consensus.slot import Proposed
from consensus.votes import Certificate, Vote


class Step:
    """One step after the other of one replica.

    Args:
        now: The clocks at the start.
    """

    def __init__(self, now: Now) -> None:
        self.now = now
        self.effects = Effects()
        self.news = False
        """Whether the rules have to be applied: something that they look at has changed."""
        self.halt: Halt | None = None
        """Why the replica has stopped for good. Outlives the step."""
        self._final_durables: list[Durable] = []

    def begin(self, now: Now, *, news: bool) -> Effects:
        """Begin the next step. Return its effects, still empty; steady ticks never go back."""
        self.now = Now(max(self.now.ticks_ms, now.ticks_ms), now.wall_ms)
        self.effects = Effects()
        self.news = news
        return self.effects

    def send(self, message: Message, peer: str | None = None) -> None:
        """Send a message to a peer, or to all."""
        self.effects.send.append(Send(peer, message))

    def accuse(self, lies: list[Evidence]) -> None:
        """Have evidence kept, and tell all."""
        self.effects.accuse += lies
        for lie in lies:
            self.send(EvidenceMessage(lie))

    def persist_vote(self, vote: Vote) -> None:
        """Make an own vote durable before it leaves (R7)."""
        self.effects.persist.append(Durable(vote.slot, "vote", vote.kind, encode(vote)))

    def persist_block(self, proposed: Proposed) -> None:
        """Make a proposal durable: an own one, or one that this voter notarizes."""
        block = proposed.block
        self.effects.persist.append(
            Durable(block.slot, "block", block.hash.hex(), encode(proposed.wire))
        )

    def persist_certificate(self, certificate: Certificate) -> None:
        """Make a certificate durable; a Final one with its block, if that is committed now."""
        subject = certificate.subject
        name = f"{subject.kind}:{subject.block.hex()}"
        durable = Durable(subject.slot, "certificate", name, encode(certificate))
        final = subject.kind == "final"
        (self._final_durables if final else self.effects.persist).append(durable)

    def close(self, final_slot: int) -> None:
        """End the step: what is final up to ``final_slot`` is stored with its blocks."""
        late = [durable for durable in self._final_durables if durable.slot > final_slot]
        self.effects.persist += late
        self._final_durables.clear()
        self.effects.halt = self.halt
