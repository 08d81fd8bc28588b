"""Testimony for a peer that starts: what this node holds of the peer's own statements (R11).

To testify needs no permission to sign: everybody may be starting at once. The answer is signed
under a domain of its own, and can never be taken for a vote.
"""

from __future__ import annotations

from consensus.limits import STATEMENTS_BYTES_MAX
from consensus.messages import (
    KeyStatements,
    StatementsMessage,
    WantStatements,
    decode_block,
    wire_batch,
)
from consensus.replica import Replica
from consensus.statements import sign_statements
from ledger.batch import Batch
from ledger.keys import Signer
from ledger.limits import SAFE_INTEGER_MAX
from node.host.parts import Parts


class Testimony:
    """The answers of one host about what other keys have signed.

    Args:
        parts: The host's parts.
        signer: This party's key.
        replica: Holds votes, headers and blocks that are not final.
    """

    def __init__(self, parts: Parts, signer: Signer, replica: Replica) -> None:
        self._genesis = parts.genesis
        self._party = parts.party
        self._pool = parts.pool
        self._signer = signer
        self._store = parts.store
        self._replica = replica

    def answer(self, peer: str, question: WantStatements) -> StatementsMessage:
        """Return the next piece: batches first, then votes and headers slot by slot."""
        batches, rest = self._batches(peer, question.number)
        known = self._replica.known_of(peer, question.slot)
        if rest:
            known = known._replace(votes=(), proposals=(), next_slot=question.slot)
        said = KeyStatements(
            ledger=self._genesis.hash,
            asker=peer,
            answerer=self._party,
            nonce=question.nonce,
            slot=question.slot,
            number=question.number,
            certificate=known.certificate,
            votes=known.votes,
            proposals=known.proposals,
            batches=tuple(map(wire_batch, batches)),
            next_slot=known.next_slot,
            next_number=(rest or SAFE_INTEGER_MAX) if known.next_slot else 0,
        )
        return sign_statements(said, self._signer)

    def _batches(self, party: str, first: int) -> tuple[list[Batch], int]:
        """Return batches from a number on, and the number of the first that did not fit, or 0."""
        told: list[Batch] = []
        room = STATEMENTS_BYTES_MAX
        for batch in self._not_final(party):
            if batch.number < first:
                continue
            room -= batch.size_bytes
            if told and room < 0:
                return told, batch.number
            told.append(batch)
        return told, 0

    def _not_final(self, party: str) -> list[Batch]:
        """Return the batches of a party that are not final here, those in blocks too, by number.

        A block of a slot that was skipped stands only on the disk after a restart. Of two with one
        number the pool's: that there are two is told as evidence.
        """
        final = self._pool.final_number(party)
        known = (*self._stored(party), *self._replica.batches_of(party), *self._pool.of(party))
        found = {batch.number: batch for batch in known if batch.number > final}
        return [found[number] for number in sorted(found)]

    def _stored(self, party: str) -> list[Batch]:
        blocks = [each for each in self._store.load_consensus() if each.kind == "block"]
        wires = (wire for each in blocks for wire in decode_block(each.body).batches)
        return [batch for wire in wires if (batch := wire.batch()).party == party]
