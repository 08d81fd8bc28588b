"""Lies that only a planted bug believes; an honest node drops them."""

from __future__ import annotations

from msgspec.structs import astuple, replace

from consensus.evidence import of_votes
from consensus.messages import (
    EvidenceMessage,
    Message,
    Proposal,
    Range,
    StatementsMessage,
    VoteMessage,
    WireBlock,
)
from consensus.votes import Subject, Vote, final_subject, notar_subject, skip_subject
from ledger import canonical, domains
from ledger.block import Block, Tip, genesis_tip, tip_of
from simulator.liars import Liar

FALSE = bytes(64)


class BallotStuffer(Liar):
    """Votes in everybody's name for every proposal, with signatures that are none."""

    def hear(self, sender: str, message: Message) -> None:
        """Let all agree with a proposal at once."""
        if not isinstance(message, Proposal):
            return
        block = message.block.block()
        for subject in (notar_subject(block.slot, block.hash), final_subject(tip_of(block))):
            for name in self.others:
                for peer in self.others:
                    self.tell(peer, VoteMessage(_unsigned(subject, name)))


class Bare(Liar):
    """Proposes without saying why: the justification is missing."""

    def say(self, peer: str, message: Message) -> None:
        """Strip own proposals."""
        if isinstance(message, Proposal) and self.is_own(message):
            message = Proposal(replace(message.block, justification=()))
        self.tell(peer, message)


class Parrot(Liar):
    """Tells whoever starts what it told at the first start: nothing, under an old nonce."""

    def _begin(self) -> None:
        self._first: dict[str, StatementsMessage] = {}

    def say(self, peer: str, message: Message) -> None:
        """Say the first answer again in the place of a later one."""
        if isinstance(message, StatementsMessage):
            message = self._first.setdefault(peer, message)
        self.tell(peer, message)


class Slanderer(Liar):
    """Accuses others: a real vote of theirs beside one that they never signed."""

    def hear(self, sender: str, message: Message) -> None:
        """Make evidence out of a Final vote."""
        if not isinstance(message, VoteMessage) or message.vote.kind != "final":
            return
        lie = of_votes(message.vote, _unsigned(skip_subject(message.vote.slot), message.vote.voter))
        for peer in self.others:
            if lie is not None and peer != message.vote.voter:
                self.tell(peer, EvidenceMessage(lie))


class Rewriter(Liar):
    """Gives those who are behind another history: own blocks without what was in them."""

    def say(self, peer: str, message: Message) -> None:
        """Put an empty block in the place of an own one, and let the range end there."""
        if isinstance(message, Range):
            message = self._rewritten(message)
        self.tell(peer, message)

    def _rewritten(self, message: Range) -> Range:
        parent = genesis_tip(self.genesis)
        for place, wire in enumerate(message.blocks):
            block = wire.block()
            if block.parent == parent.hash and block.header.proposer == self.party:
                header, signature = self._empty(block, parent)
                made = WireBlock(header, signature, (), wire.justification)
                return replace(message, blocks=(*message.blocks[:place], made), headers=(header,))
            parent = tip_of(block)
        return message

    def _empty(self, block: Block, parent: Tip) -> tuple[bytes, bytes]:
        nothing = canonical.encode({"changes": [], "outcomes": []})
        header = replace(
            block.header,
            batches=(),
            size=parent.size,
            root=parent.root.hex(),
            state=domains.state_hash(parent.state, nothing).hex(),
        )
        made = self.sign_block(header, ())
        return made.raw_header, made.signature


def _unsigned(subject: Subject, voter: str) -> Vote:
    kind, slot, *told = astuple(subject)
    return Vote(kind, slot, voter, FALSE, *told)


LIES: dict[str, type[Liar]] = {
    "ballot-stuffer": BallotStuffer,
    "bare": Bare,
    "parrot": Parrot,
    "rewriter": Rewriter,
    "slanderer": Slanderer,
}
