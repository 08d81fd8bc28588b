"""Forks: the keys that two branches convict, by the certificates they carry (I8).

Let ``Final(s, h)`` have a quorum on one branch, and let the other branch go past slot s without h.
Then the other branch, block by block, carries its reason in its justifications: a quorum of
``Skip(s)``, of ``Notar(s, h′)`` or of ``Final(s, h′)``. Two quorums share 2q−n voters, and each of
them has signed both. Of the lowest certified slots of two branches one is always passed by the
other branch, so a fork that is there convicts that many.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from consensus.evidence import Evidence, SignedHeader, of_headers, of_votes
from consensus.messages import WireBlock
from consensus.votes import Certificate, Vote
from ledger.block import decode_header
from ledger.genesis import Genesis


class Branch(NamedTuple):
    """A part of one history: blocks with what they carry, and certificates beside them.

    Those are of final blocks, and of slots skipped between blocks. All was verified before.
    """

    blocks: tuple[WireBlock, ...] = ()
    certificates: tuple[Certificate, ...] = ()

    def passed_over(self, slots: Iterable[int]) -> list[int]:
        """Return which of these slots lie between its blocks, and no block carries their Skip."""
        gaps = [
            range(wire.parent_slot + 1, decode_header(wire.header).slot - len(wire.skips))
            for wire in self.blocks
        ]
        return sorted({slot for slot in slots if any(slot in gap for gap in gaps)})


def liars_needed(genesis: Genesis) -> int:
    """Return how many keys have to lie for a fork: 2q−n."""
    return 2 * genesis.quorum - len(genesis.voters)


def culprits(own: Branch, other: Branch) -> list[Evidence]:
    """Return evidence against every key that the two branches together convict.

    At most one piece a party and kind, by party and kind.
    """
    found: dict[tuple[str, str], Evidence] = {}
    for lie in (*_votes(own, other), *_proposals(own, other), *_batches(own, other)):
        found.setdefault((lie.party, lie.kind), lie)
    return [found[key] for key in sorted(found)]


def _votes(own: Branch, other: Branch) -> Iterator[Evidence]:
    known: dict[tuple[int, str], list[Vote]] = {}
    for vote in (*_votes_of(own), *_votes_of(other)):
        said = known.setdefault((vote.slot, vote.voter), [])
        if any(earlier.subject == vote.subject for earlier in said):
            continue
        for earlier in said:
            lie = of_votes(earlier, vote)
            if lie is not None:
                yield lie
        said.append(vote)


def _votes_of(branch: Branch) -> Iterator[Vote]:
    for wire in branch.blocks:
        for certificate in wire.justification:
            yield from certificate.votes
    for certificate in branch.certificates:
        yield from certificate.votes


def _proposals(own: Branch, other: Branch) -> Iterator[Evidence]:
    known: dict[int, SignedHeader] = {}
    for wire in (*own.blocks, *other.blocks):
        block = wire.block()
        signed = SignedHeader(wire.header, wire.signature)
        earlier = known.setdefault(block.slot, signed)
        if earlier.header != signed.header:
            yield of_headers("two-proposals", block.header.proposer, earlier, signed)


def _batches(own: Branch, other: Branch) -> Iterator[Evidence]:
    known: dict[tuple[str, int], SignedHeader] = {}
    for wire in (*own.blocks, *other.blocks):
        for batch in wire.block().batches:
            signed = SignedHeader(batch.raw_header, batch.signature)
            earlier = known.setdefault((batch.party, batch.number), signed)
            if earlier.header != signed.header:
                yield of_headers("two-batches", batch.party, earlier, signed)
