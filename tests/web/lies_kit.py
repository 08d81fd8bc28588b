"""Every kind of lie, told with the key of a party of a real consortium."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import msgpack

from consensus.evidence import Evidence, SignedHeader, of_headers, of_votes
from consensus.votes import Subject, final_subject, notar_subject, sign_vote, skip_subject
from ledger import domains
from ledger.batch import seal
from ledger.block import BlockHeader, Tip, encode_header
from ledger.domains import ZERO_HASH
from node.home.home import Home
from node.storage.store import EvidenceItem, Store

SLOT = 900
_A, _B = b"\x01" * 32, b"\x02" * 32


def lies_of(home: Home) -> Mapping[str, Evidence]:
    """Return evidence of every kind against the party of a home, by its kind."""
    found = {
        "two-notar": _voted(home, notar_subject(SLOT, _A), notar_subject(SLOT, _B)),
        "two-final": _voted(home, _final(_A), _final(_B)),
        "final-skip": _voted(home, _final(_A), skip_subject(SLOT)),
        "final-notar": _voted(home, _final(_A), notar_subject(SLOT, _B)),
        "two-proposals": _proposed(home),
        "two-batches": _stated(home),
    }
    assert [each.kind for each in found.values()] == list(found)
    return found


def convict(store: Store, home: Home, found_at: int) -> Mapping[str, Evidence]:
    """Keep evidence of every kind against the party of a home in a store."""
    lies = lies_of(home)
    store.save([EvidenceItem(lie.id, msgpack.encode(lie), found_at) for lie in lies.values()])
    return lies


def _final(block: bytes) -> Subject:
    return final_subject(Tip(1, SLOT, block, 0, 1, bytes(32), b""))


def _voted(home: Home, *said: Subject) -> Evidence:
    votes = [sign_vote(subject, home.signer, home.party, 9, home.genesis) for subject in said]
    lie = of_votes(*votes)
    assert lie is not None
    return lie


def _proposed(home: Home) -> Evidence:
    signed = []
    for block in (_A, _B):
        header = BlockHeader(
            batches=(block.hex(),),
            height=7,
            ledger=home.genesis.ledger,
            parent=_A.hex(),
            proposer=home.party,
            root=block.hex(),
            size=1,
            slot=SLOT,
            state=_A.hex(),
            time=home.genesis.created_at,
        )
        raw = encode_header(header)
        signed.append(SignedHeader(raw, home.signer.sign(domains.proposal_signature_input(raw))))
    return of_headers("two-proposals", home.party, *signed)


def _stated(home: Home) -> Evidence:
    made = [
        seal(home.signer, home.genesis.ledger, home.party, (0, ZERO_HASH), [record])
        for record in (b"one", b"two")
    ]
    signed = [SignedHeader(batch.raw_header, batch.signature) for batch in made]
    return of_headers("two-batches", home.party, *signed)
