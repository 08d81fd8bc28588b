"""Watch over batches: two with one number are noticed, by themselves or inside blocks."""

from __future__ import annotations

from hashlib import sha256

from consensus import evidence
from consensus.evidence import Evidence, SignedHeader
from ledger import domains
from ledger.batch import Batch
from node.host.pool import Pool
from node.limits import CONTRADICTIONS_MAX, SEEN_BATCHES_MAX
from node.storage.store import Store


class BatchWatch:
    """Compares batches with those of the pool, of blocks that are not final, and of the log.

    Args:
        store: The log.
        pool: Batches that are not final.
    """

    def __init__(self, store: Store, pool: Pool) -> None:
        self._store = store
        self._pool = pool
        self._seen: dict[str, dict[int, SignedHeader]] = {}
        self._verified: dict[bytes, None] = {}

    def contradicts(self, batch: Batch) -> bool:
        """Return whether another batch of that author and number is known. Not verified here."""
        return any(each.header != batch.raw_header for each in self._known(batch))

    def see(self, batch: Batch) -> list[Evidence]:
        """Remember a verified batch. Return evidence if its author signed another of that number.

        It may be the same evidence as before; whoever keeps it knows. What is remembered was
        compared with the log when it came, and what the log took since was compared with it.
        """
        signed = SignedHeader(batch.raw_header, batch.signature)
        seen = self._seen.setdefault(batch.party, {})
        remembered = seen.get(batch.number)
        known = self._known(batch, in_log=remembered is None)
        others = [each for each in known if each.header != signed.header]
        if remembered is None:
            seen[batch.number] = signed
            if len(seen) > SEEN_BATCHES_MAX:
                del seen[next(iter(seen))]
        return [
            evidence.of_headers("two-batches", batch.party, other, signed) for other in others[:1]
        ]

    def was_verified(self, batch: Batch) -> bool:
        """Return whether this very batch, which the pool does not hold, was verified before."""
        return _digest(batch) in self._verified

    def note_verified(self, batch: Batch) -> None:
        """Remember a verified batch that nobody keeps: saying it again shall cost a hash."""
        self._verified[_digest(batch)] = None
        if len(self._verified) > CONTRADICTIONS_MAX:
            del self._verified[next(iter(self._verified))]

    def _known(self, batch: Batch, *, in_log: bool = True) -> list[SignedHeader]:
        """Return what is known of that author and number: the log's own, or what came first."""
        party, number = batch.party, batch.number
        final = in_log and number <= self._pool.final_number(party)
        stored = self._stored(party, number, batch.hash) if final else None
        waiting = self._pool.at(party, number)
        pooled = None if waiting is None else SignedHeader(waiting.raw_header, waiting.signature)
        seen = self._seen.get(party, {}).get(number)
        return [each for each in (stored, pooled, seen) if each is not None]

    def _stored(self, party: str, number: int, batch_hash: bytes) -> SignedHeader | None:
        with self._store.own_reader() as reader:
            found = reader.batch(party, number)
        if found is None or domains.batch_hash(found.raw_header) == batch_hash:
            return None
        return SignedHeader(found.raw_header, found.signature)


def _digest(batch: Batch) -> bytes:
    lengths = b"".join(len(each).to_bytes(4) for each in batch.records)
    said = (batch.signature, batch.raw_header, lengths, *batch.records)
    return sha256(b"".join(said)).digest()
