"""The evidence that one host holds: kept once, within bounds, and said to the others (I8)."""

from __future__ import annotations

from collections.abc import Iterator

from consensus.evidence import Evidence
from consensus.messages import decode_evidence, encode
from node.limits import EVIDENCE_PER_PARTY_MAX, EVIDENCE_SAID_BYTES_MAX, EVIDENCE_SAID_MAX
from node.storage.store import EvidenceItem, Store


class Accusations:
    """Evidence by convicted party.

    Args:
        store: Where it is kept for ever.

    Raises:
        ConsensusError: what is stored is no evidence.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.convicted: dict[str, set[str]] = {}
        """Ids by convicted party."""
        self._order: list[str] = []
        self._firsts: list[str] = []
        self._said = 0
        with store.own_reader() as reader:
            for stored in reader.evidence():
                self._note(decode_evidence(stored.body).party, stored.id)

    def knows(self, evidence: Evidence) -> bool:
        """Return whether this very evidence is kept, or no more against its party is wanted."""
        known = self.convicted.get(evidence.party, set())
        return self.is_full(evidence.party) or evidence.id in known

    def is_full(self, party: str) -> bool:
        """Return whether no more evidence against a party is wanted."""
        return len(self.convicted.get(party, ())) >= EVIDENCE_PER_PARTY_MAX

    def add(self, evidence: Evidence, wall_ms: int) -> bool:
        """Keep verified evidence durably. Return whether it is new here."""
        if self.knows(evidence):
            return False
        self._store.save([EvidenceItem(evidence.id, encode(evidence), wall_ms)])
        self._note(evidence.party, evidence.id)
        return True

    def for_newcomer(self) -> list[Evidence]:
        """Return what a peer that was away is told: of each party its first piece, then others."""
        rest = (each for each in self._order if each not in self._firsts)
        return self._load([*self._firsts, *rest])

    def in_turn(self) -> list[Evidence]:
        """Return the next pieces to say again; all have their turn."""
        at = self._said % max(1, len(self._order))
        found = self._load([*self._order[at:], *self._order[:at]])
        self._said = at + len(found)
        return found

    def _note(self, party: str, evidence_id: str) -> None:
        if party not in self.convicted:
            self._firsts.append(evidence_id)
        self.convicted.setdefault(party, set()).add(evidence_id)
        self._order.append(evidence_id)

    def _load(self, ids: list[str]) -> list[Evidence]:
        return list(self._fitting(ids[:EVIDENCE_SAID_MAX]))

    def _fitting(self, ids: list[str]) -> Iterator[Evidence]:
        size = 0
        with self._store.own_reader() as reader:
            for each in ids:
                stored = reader.evidence_by_id(each)
                if stored is None:
                    continue
                size += len(stored.body)
                if size > EVIDENCE_SAID_BYTES_MAX:
                    return
                yield decode_evidence(stored.body)
