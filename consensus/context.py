"""The context that all parts of one replica share, and the step under way in it.

The parts are functions of the context, a file for each group of rules. They write into one step, in
the order in which things happen, and the host performs it (:mod:`consensus.effects`).
"""

from __future__ import annotations

from dataclasses import dataclass

from consensus.block_tree import BlockTree
from consensus.effects import Durable, Effects, Halt, Machine, Now, Send
from consensus.evidence import Evidence, SignedHeader
from consensus.fetching import Fetching
from consensus.messages import EvidenceMessage, Message, encode
from consensus.patience import Patience
from consensus.slot import Proposed
from consensus.timers import Timers
from consensus.votes import Certificate, Vote
from ledger.genesis import Genesis
from ledger.keys import Signer


class Step:
    """One step after the other of one replica: its time, and what it does. Decides nothing.

    Args:
        now: The clocks at the start.
    """

    def __init__(self, now: Now) -> None:
        self.now = now
        self.effects = Effects()
        self.news = False
        """Whether the rules have to be applied: something that they look at has changed."""
        self.counted = False
        """Whether a vote was counted that is no news by itself."""
        self.halt: Halt | None = None
        """Why the replica has stopped for good. Outlives the step."""

    def begin(self, now: Now, *, news: bool) -> None:
        """Begin the next step; steady ticks never go back.

        The first step also does what was left to do by the start.
        """
        self.now = Now(max(self.now.ticks_ms, now.ticks_ms), now.wall_ms)
        self.news = news
        self.counted = False

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
        block, proposed.durable = proposed.block, True
        self.effects.persist.append(
            Durable(block.slot, "block", block.hash.hex(), encode(proposed.wire))
        )

    def persist_header(self, slot: int, block: bytes, signed: SignedHeader) -> None:
        """Make the header of an own proposal durable whose block is not here (R11)."""
        self.effects.persist.append(Durable(slot, "header", block.hex(), encode(signed)))

    def persist_certificate(self, certificate: Certificate) -> None:
        """Make a certificate durable, before anything that follows from it."""
        subject = certificate.subject
        name = f"{subject.kind}:{subject.block.hex()}"
        durable = Durable(subject.slot, "certificate", name, encode(certificate))
        self.effects.persist.append(durable)

    def end(self) -> Effects:
        """End the step and return what it does."""
        effects, self.effects = self.effects, Effects()
        return effects


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """All that the parts of one replica share.

    Attributes:
        genesis: The ledger: voters, quorum, timeouts.
        me: This voter's name.
        signer: This voter's key.
        machine: The ledger's side: builds and executes blocks.
        tree: What is known: blocks, votes, certificates.
        fetching: What is known to exist and wanted from peers.
        timers: When something comes due by itself.
        patience: Who is waited for, and whose blocks are executed.
        step: What is done in the step under way.
        may_vote: False for a replica that never votes: what its key has said is not said again.
    """

    genesis: Genesis
    me: str
    signer: Signer
    machine: Machine
    tree: BlockTree
    fetching: Fetching
    timers: Timers
    patience: Patience
    step: Step
    may_vote: bool
