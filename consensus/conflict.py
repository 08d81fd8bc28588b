"""Final certificates that cannot stand beside each other (I1), and the halt that they lead to.

What convicts the signers is found in :mod:`consensus.forks`.
"""

from __future__ import annotations

from consensus.book import Book
from consensus.effects import Halt
from consensus.votes import Certificate, Subject, final_subject


def conflicts(subject: Subject, book: Book) -> bool:
    """Return whether a Final certificate cannot stand beside the final ones known here.

    Along one chain, slots and heights grow together. What is forked elsewhere shows in a range.

    Args:
        subject: What the certificate says.
        book: What this replica knows.
    """
    known = [s for _, slot in book.live() for s in slot.certificates if s.kind == "final"]
    known.append(final_subject(book.final))
    return any(
        (s.slot < subject.slot) != (s.height < subject.height)
        or (s.slot == subject.slot and s.block != subject.block)
        for s in known
    )


def conflict(certificate: Certificate, book: Book) -> Halt:
    """Return the halt over a Final certificate against this replica's own history.

    It keeps the own final certificates and, as the last one, the other.
    """
    own = [book.final_certificate] if book.final_certificate else []
    for _, slot in book.live():
        own += [c for c in slot.certificates.values() if c.subject.kind == "final"]
    subject = certificate.subject
    signers = ", ".join(certificate.voters)
    return Halt(
        "conflicting-final",
        f"a certificate makes block {subject.block.hex()} final at height {subject.height}, "
        f"against this node's own history; it is signed by {signers}",
        (*(c for c in dict.fromkeys(own) if c != certificate), certificate),
    )
