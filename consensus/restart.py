"""What a replica takes back after a restart: its votes, blocks and certificates (I2)."""

from __future__ import annotations

from consensus.book import Book
from consensus.effects import Durable, Machine, Saved
from consensus.evidence import Evidence
from consensus.justification import refuse_not_the_leaders, refuse_unjustified
from consensus.messages import decode_block, decode_certificate, decode_vote
from consensus.slot import Proposed
from consensus.votes import verify_certificate, verify_vote
from consensus.witness import Witness
from ledger.genesis import Genesis


def take_back(
    saved: Saved, book: Book, witness: Witness, genesis: Genesis, *, machine: Machine
) -> list[Evidence]:
    """Put what was durable back into the book. Return what it proves against others.

    Blocks are put back unjudged: they are executed again. Every signature is verified again: a disk
    may have turned a byte, and what is taken back is counted, said to others and stored.

    Args:
        saved: What was durable.
        book: A book that knows nothing yet beyond the final tip.
        witness: Compares the statements.
        genesis: The ledger.
        machine: Knows what the authors of batches signed.

    Raises:
        ConsensusError: something stored is damaged.
        LedgerError: as above.
    """
    lies: list[Evidence] = []
    if saved.certificate is not None:
        verify_certificate(saved.certificate, genesis)
        lies += witness.hear(saved.certificate, verified=True)
    for durable in saved.durables:
        if durable.slot > book.final.slot:
            lies += _take_back(durable, book, witness, genesis)
    for _, slot in book.live():
        for proposed in slot.proposals.values():
            machine.refuse_forged(proposed.block)
    return lies


def _take_back(durable: Durable, book: Book, witness: Witness, genesis: Genesis) -> list[Evidence]:
    slot = book.slot(durable.slot)
    if durable.kind == "vote":
        vote = decode_vote(durable.body)
        verify_vote(vote, genesis)
        slot.own[vote.kind] = vote
        slot.count(vote, vote.subject)
        return []
    if durable.kind == "certificate":
        certificate = decode_certificate(durable.body)
        verify_certificate(certificate, genesis)
        slot.certificates[certificate.subject] = certificate
        return witness.hear(certificate, verified=True)
    wire = decode_block(durable.body)
    block = wire.block()
    refuse_not_the_leaders(block, genesis)
    refuse_unjustified(wire, block, genesis, lambda certificate: False)
    lies = witness.see(block, book.current)
    slot.add_header(block)
    slot.add_proposal(Proposed(block, wire))
    return lies
