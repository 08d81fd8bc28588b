"""What a replica says again, to a peer that comes up or to all after a time without progress (R8).

Lost frames and restarts are harmless because of it: the latest final certificate and everything
later bring any peer as far as this replica is, or let it see that it is behind (R9).
"""

from __future__ import annotations

from collections.abc import Iterator

from consensus.book import Book
from consensus.messages import CertificateMessage, Message, Proposal, VoteMessage


def everything_later(book: Book, me: str) -> Iterator[Message]:
    """Yield the latest final certificate and everything later, in the order of the slots.

    Args:
        book: What the replica knows.
        me: The voter whose own proposals and votes are said.
    """
    if book.final_certificate is not None:
        yield CertificateMessage(book.final_certificate)
    for _, slot in book.live():
        for certificate in slot.certificates.values():
            yield CertificateMessage(certificate)
        for proposed in slot.proposals.values():
            if proposed.block.header.proposer == me:
                yield Proposal(proposed.wire)
        for vote in slot.own.values():
            yield VoteMessage(vote)


def answer_want_block(block: bytes, book: Book) -> Message | None:
    """Return a block that a peer wants, or the latest final certificate if it is not here."""
    wire = book.wires.get(block)
    if wire is not None:
        return Proposal(wire)
    latest = book.final_certificate
    return None if latest is None else CertificateMessage(latest)
