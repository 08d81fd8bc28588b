"""Trust policies: which keys and how many of them make a checkpoint of this log valid.

Other tools read the file to verify proofs without us. Each party may sign under the origin (a
``log`` line) and each is a ``witness``; one group with the quorum holds them all.

Source: C2SP tlog-policy, section "Policy file syntax and structure".
"""

from __future__ import annotations

from collections.abc import Mapping

from ledger.errors import LedgerError
from ledger.log.checkpoint import cosigner_name
from ledger.log.note import COSIGNATURE, ED25519, NoteKey

GROUP = "consortium"


def policy_text(origin: str, parties: Mapping[str, bytes], quorum: int) -> str:
    """Return the policy of a consortium.

    Args:
        origin: Origin of the log.
        parties: Public key by party name, in the order to write them; the voters.
        quorum: Distinct parties that make a checkpoint valid.

    Raises:
        LedgerError: ``bad-quorum`` or ``duplicate-key``.
    """
    if not 1 <= quorum <= len(parties):
        raise LedgerError("bad-quorum", f"expected 1 to {len(parties)} parties, got {quorum}")
    if len(set(parties.values())) != len(parties):
        raise LedgerError("duplicate-key", "every party needs a key of its own")
    names = [cosigner_name(origin, party) for party in parties]
    lines = [f"log {NoteKey(origin, ED25519, key).vkey}" for key in parties.values()]
    lines += [
        f"witness {name} {NoteKey(name, COSIGNATURE, key).vkey}"
        for name, key in zip(names, parties.values(), strict=True)
    ]
    lines.append(f"group {GROUP} {quorum} {' '.join(names)}")
    lines.append(f"quorum {GROUP}")
    return "\n".join(lines) + "\n"
