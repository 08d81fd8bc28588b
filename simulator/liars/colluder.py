"""Forks the ledger with its like: one block to one side, another to the other, votes for both.

Each side hears only what is meant for it. With 2q−n of them the ledger really forks.
"""

from __future__ import annotations

from consensus.messages import CertificateMessage, Message, Proposal, VoteMessage, wire_block
from consensus.votes import final_subject, notar_subject
from ledger.block import Block, tip_of
from simulator.liars.liar import Liar


class Colluder(Liar):
    """One of a gang. What each hears and signs is at once known to all of them."""

    def _begin(self) -> None:
        self._second: dict[bytes, tuple[Block, tuple[str, ...]]] = {}
        self._plot: set[int] = set()
        """Slots in which the gang forks; kept by its first member for all."""

    @property
    def gang(self) -> list[Colluder]:
        """All colluders of this world."""
        return [liar for liar in self.liars if isinstance(liar, Colluder)]

    @property
    def plot(self) -> set[int]:
        """The slots in which the gang forks."""
        return self.gang[0]._plot

    def say(self, peer: str, message: Message) -> None:
        """Split own proposals; about a slot in which the gang forks only skip in public."""
        if isinstance(message, Proposal) and self.is_own(message):
            self._propose(peer, message)
        elif not self._gives_away(message):
            self.tell(peer, message)

    def _gives_away(self, message: Message) -> bool:
        if isinstance(message, VoteMessage):
            subject = message.vote.subject
        elif isinstance(message, CertificateMessage):
            subject = message.certificate.subject
        else:
            return False
        return subject.kind != "skip" and subject.slot in self.plot

    def _propose(self, peer: str, message: Proposal) -> None:
        block = message.block.block()
        split = self._split(block)
        if split is None:
            self.tell(peer, message)
            return
        second, side = split
        if peer in side:
            block = second
            message = Proposal(wire_block(second, message.block.justification))
        self.tell(peer, message)
        if any(peer == liar.party for liar in self.gang):
            return
        for liar in self.gang:
            self.tell(peer, liar.says(notar_subject(block.slot, block.hash)))
            self.tell(peer, liar.says(final_subject(tip_of(block))))
        self.lied("two-sides", f"slot {block.slot} {peer} {block.hash.hex()[:12]}")

    def _split(self, block: Block) -> tuple[Block, tuple[str, ...]] | None:
        """Return the second block, and who is to see that one only."""
        if block.hash not in self._second:
            second = self.beside(block, block.batches[1:], block.header.time + 1)
            if second is None:
                return None
            gang = {liar.party for liar in self.gang}
            honest = [name for name in self.others if name not in gang]
            side = tuple(self.chance.some(honest, len(honest) // 2))
            self._second[block.hash] = (second, side)
            self.plot.add(block.slot)
        return self._second[block.hash]
