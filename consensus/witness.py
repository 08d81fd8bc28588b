"""The witness: counts every statement of a voter, wherever it is met, and notices contradictions.

A vote comes by itself, inside a certificate, or inside the certificates that justify a proposal or
a block of a range; a leader's header comes with a proposal or a range. All meet here, in the
:class:`~consensus.slot.Slot` of their number, as long as the :class:`~consensus.book.Book` keeps
it: up to ``EVIDENCE_SLOTS`` behind the last final one. Decides nothing.
"""

from __future__ import annotations

from consensus.book import Book
from consensus.evidence import Evidence
from consensus.limits import EVIDENCE_SLOTS, SLOT_WINDOW
from consensus.messages import WireBlock
from consensus.votes import Certificate, verify_vote
from ledger.block import Block
from ledger.genesis import Genesis


class Witness:
    """Compares statements over the pages of one book.

    Args:
        book: Where the statements are kept.
        genesis: The ledger.
    """

    def __init__(self, book: Book, genesis: Genesis) -> None:
        self._book = book
        self._genesis = genesis

    def hear(self, certificate: Certificate, *, verified: bool) -> list[Evidence]:
        """Count the votes inside a certificate. Return evidence against its voters.

        Args:
            certificate: A certificate, or votes that somebody says are one.
            verified: Whether its signatures were verified; if not, those of new votes are.

        Raises:
            BadVote: a new vote does not verify.
        """
        subject = certificate.subject
        number = subject.slot
        if number <= self._book.final.slot - EVIDENCE_SLOTS:
            return []
        lies: list[Evidence | None] = []
        slot = self._book.slot(number)
        for vote in certificate.votes:
            said = subject if vote is certificate.votes[0] else vote.subject
            if vote.slot != number or slot.has(vote, said) or slot.is_full(vote):
                continue
            if not verified:
                verify_vote(vote, self._genesis)
            lies.append(slot.count(vote, said))
        return [lie for lie in lies if lie is not None]

    def see(self, block: Block, current_slot: int) -> list[Evidence]:
        """Note the header of a block whose leader's signature was verified.

        Args:
            block: The block, justified or not.
            current_slot: The slot of the replica; what is too far ahead of it is not kept.
        """
        number = block.slot
        late = number <= self._book.final.slot - EVIDENCE_SLOTS
        early = number > current_slot + SLOT_WINDOW and number not in self._book.slots
        if late or early:
            return []
        lie = self._book.slot(number).see(block)
        return [] if lie is None else [lie]

    def read(self, wire: WireBlock, block: Block) -> list[Evidence]:
        """Take a verified block of a range: its header, and the certificates that justify it."""
        lies = self.see(block, block.slot)
        for certificate in wire.justification:
            lies += self.hear(certificate, verified=True)
        return lies
