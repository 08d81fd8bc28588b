"""What makes a proposal justified (R2, I3): its parent was notarized, every slot between skipped.

A justification is canonical: first the parent's Notar (or Final) certificate, left out only when
the parent is genesis, then one Skip certificate for each slot between, in order.
"""

from __future__ import annotations

from collections.abc import Callable

from consensus.errors import BadVote
from consensus.messages import WireBlock
from consensus.votes import Certificate, verify_certificate
from ledger.block import Block
from ledger.genesis import Genesis


def refuse_unjustified(
    wire: WireBlock, block: Block, genesis: Genesis, is_known: Callable[[Certificate], bool]
) -> None:
    """Return if the certificates in ``wire`` justify ``block``.

    Args:
        wire: The block as it came, with its justification.
        block: The same block, decoded.
        genesis: The ledger.
        is_known: Tells certificates that were verified before, to save doing it again.

    Raises:
        BadVote: ``unjustified``, or what a certificate's verification raises.
    """
    certificates = wire.justification
    parent_slot = 0
    if block.header.parent != genesis.ledger:
        parent_slot = _parent_slot(certificates, block)
        skips = certificates[1:]
    else:
        skips = certificates
    subjects = [(c.subject.kind, c.subject.slot) for c in skips]
    if subjects != [("skip", slot) for slot in range(parent_slot + 1, block.slot)]:
        raise BadVote("unjustified", "not exactly the slots after the parent's are skipped")
    for certificate in certificates:
        if not is_known(certificate):
            verify_certificate(certificate, genesis)


def _parent_slot(certificates: tuple[Certificate, ...], block: Block) -> int:
    first = certificates[0].subject if certificates else None
    if first is None or first.kind == "skip" or first.block != block.parent:
        raise BadVote("unjustified", "the parent's certificate is missing")
    if first.slot >= block.slot:
        raise BadVote("unjustified", "the parent is not from an earlier slot")
    return first.slot
