"""What a replica takes back after a restart: its votes, blocks and certificates (I2)."""

from __future__ import annotations

from consensus.book import Book
from consensus.effects import Durable, Saved
from consensus.evidence import Evidence
from consensus.messages import decode_block, decode_certificate, decode_vote
from consensus.slot import Proposed
from consensus.witness import Witness


def take_back(saved: Saved, book: Book, witness: Witness) -> list[Evidence]:
    """Put what was durable back into the book. Return what it proves against others.

    Blocks are put back unjudged: they are executed again.

    Args:
        saved: What was durable.
        book: A book that knows nothing yet beyond the final tip.
        witness: Compares the statements.

    Raises:
        ConsensusError: something stored is damaged.
        LedgerError: as above.
    """
    lies: list[Evidence] = []
    if saved.certificate is not None:
        lies += witness.hear(saved.certificate, verified=True)
    for durable in saved.durables:
        if durable.slot > book.final.slot:
            lies += _take_back(durable, book, witness)
    return lies


def _take_back(durable: Durable, book: Book, witness: Witness) -> list[Evidence]:
    slot = book.slot(durable.slot)
    if durable.kind == "vote":
        vote = decode_vote(durable.body)
        slot.own[vote.kind] = vote
        slot.count(vote, vote.subject)
        return []
    if durable.kind == "certificate":
        certificate = decode_certificate(durable.body)
        slot.certificates[certificate.subject] = certificate
        return witness.hear(certificate, verified=True)
    wire = decode_block(durable.body)
    block = wire.block()
    lies = witness.see(block, book.current)
    slot.add_header(block)
    slot.add_proposal(Proposed(block, wire))
    return lies
