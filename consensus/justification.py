"""Justification of proposals (R2, I3): the parent was notarized, every slot between skipped.

And what else proves blocks: the leader's signature, and the certificate at the end of a range (R9).
A justification is canonical: first the parent's Notar (or Final) certificate, left out only when
the parent is genesis, then one Skip certificate for each slot between, in order. It is stored
whole. A block on its way carries the Skip certificates of the last slots between alone; the others
are fetched where they are not known (R10), and the block is judged when all are there.
"""

from __future__ import annotations

from collections.abc import Callable

from consensus.errors import BadMessage, BadVote
from consensus.limits import SKIPS_CARRIED_MAX
from consensus.messages import Justification, Range, WireBlock
from consensus.votes import Certificate, final_subject, verify_certificate
from ledger import domains
from ledger.block import Block, BlockHeader, decode_header, tip_of, tip_of_header
from ledger.errors import VerificationError
from ledger.genesis import Genesis


def leader_of(slot: int, genesis: Genesis) -> str:
    """Return the leader of ``slot``: the voters take turns in genesis order."""
    return genesis.voters[slot % len(genesis.voters)]


def refuse_not_the_leaders(block: Block, genesis: Genesis) -> None:
    """Return if the leader of its slot signed ``block`` for this ledger.

    Raises:
        BadMessage: ``wrong-ledger`` or ``not-leader``.
        VerificationError: ``bad-signature``.
    """
    refuse_header(block.header, block.raw_header, block.signature, genesis)


def refuse_header(header: BlockHeader, raw: bytes, signature: bytes, genesis: Genesis) -> None:
    """Return if the leader of its slot signed this header; raises as above."""
    if header.ledger != genesis.ledger:
        raise BadMessage("wrong-ledger", "the proposal is of another ledger")
    if header.proposer != leader_of(header.slot, genesis):
        raise BadMessage("not-leader", f"{header.proposer} does not lead slot {header.slot}")
    message = domains.proposal_signature_input(raw)
    genesis.verifiers[header.proposer].verify(signature, message)


def refuse_unproved(message: Range, blocks: list[Block], genesis: Genesis) -> None:
    """Return if the blocks of a range follow each other and its certificate makes them final.

    Raises:
        VerificationError: ``broken-chain``.
        BadVote: ``wrong-certificate``, or what a certificate's verification raises.
        DecodeError: a header is malformed.
    """
    at, height = blocks[0].parent, blocks[0].height
    for raw in (*(block.raw_header for block in blocks), *message.headers):
        header = decode_header(raw)
        if (header.parent, header.height) != (at.hex(), height):
            raise VerificationError("broken-chain", "a block does not follow the one before")
        at, height = domains.block_hash(raw), height + 1
    tip = tip_of_header(message.headers[-1]) if message.headers else tip_of(blocks[-1])
    if message.certificate.subject != final_subject(tip):
        raise BadVote("wrong-certificate", "the certificate is not the last block's")
    verify_certificate(message.certificate, genesis)


def refuse_unjustified(
    wire: WireBlock, block: Block, genesis: Genesis, is_known: Callable[[Certificate], bool]
) -> None:
    """Return if ``wire`` carries what it has to of the justification of ``block``.

    Args:
        wire: The block as it came.
        block: The same block, decoded.
        genesis: The ledger.
        is_known: Tells certificates that were verified before, to save doing it again.

    Raises:
        BadVote: ``unjustified``, or what a certificate's verification raises.
    """
    _refuse_others(wire.justification, block, genesis, SKIPS_CARRIED_MAX)
    for certificate in wire.justification:
        if not is_known(certificate):
            verify_certificate(certificate, genesis)


def refuse_incomplete(justification: Justification, block: Block, genesis: Genesis) -> None:
    """Return if a whole justification, as it is stored, justifies ``block``.

    Raises:
        BadVote: ``unjustified``, or what a certificate's verification raises.
    """
    _refuse_others(justification, block, genesis, len(justification) + 1)
    for certificate in justification:
        verify_certificate(certificate, genesis)


def _refuse_others(
    certificates: Justification, block: Block, genesis: Genesis, skips_max: int
) -> None:
    """Refuse all but the parent's certificate and ``skips_max`` Skips of the slots between."""
    parent_slot, skips = 0, certificates
    if block.header.parent != genesis.ledger:
        parent_slot, skips = _parent_slot(certificates, block), certificates[1:]
    first = max(parent_slot + 1, block.slot - skips_max)
    subjects = [(c.subject.kind, c.subject.slot) for c in skips]
    expected = range(first, block.slot)
    if subjects != [("skip", slot) for slot in expected]:
        raise BadVote("unjustified", "not exactly the last slots after the parent's are skipped")


def _parent_slot(certificates: Justification, block: Block) -> int:
    first = certificates[0].subject if certificates else None
    if first is None or first.kind == "skip" or first.block != block.parent:
        raise BadVote("unjustified", "the parent's certificate is missing")
    if first.slot >= block.slot:
        raise BadVote("unjustified", "the parent is not from an earlier slot")
    return first.slot
