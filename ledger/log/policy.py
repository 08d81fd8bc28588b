"""Trust policies: which keys and how many of them make a checkpoint of this log valid.

Other tools read the file to verify proofs without us. Each party may sign under the origin (a
``log`` line) and each is a ``witness``; one group with the quorum holds them all.

Source: C2SP tlog-policy, section "Policy file syntax and structure".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ledger.errors import LedgerError
from ledger.log.checkpoint import cosigner_name
from ledger.log.note import COSIGNATURE, ED25519, NoteKey

GROUP = "consortium"


def policy_text(
    origin: str, parties: Mapping[str, bytes], quorum: int, *, witnesses: Collection[str] = ()
) -> str:
    """Return the policy of a consortium.

    Args:
        origin: Origin of the log.
        parties: Public key by party name, in the order to write them.
        quorum: Distinct witnesses that make a checkpoint valid.
        witnesses: The parties that vote; all of them if left out.

    Raises:
        LedgerError: ``bad-quorum`` or ``duplicate-key``.
    """
    voting = {p: key for p, key in parties.items() if not witnesses or p in witnesses}
    if not 1 <= quorum <= len(voting):
        raise LedgerError("bad-quorum", f"expected 1 to {len(voting)} parties, got {quorum}")
    if len(set(parties.values())) != len(parties):
        raise LedgerError("duplicate-key", "every party needs a key of its own")
    names = [cosigner_name(origin, party) for party in voting]
    lines = [f"log {NoteKey(origin, ED25519, key).vkey}" for key in parties.values()]
    lines += [
        f"witness {name} {NoteKey(name, COSIGNATURE, key).vkey}"
        for name, key in zip(names, voting.values(), strict=True)
    ]
    lines.append(f"group {GROUP} {quorum} {' '.join(names)}")
    lines.append(f"quorum {GROUP}")
    return "\n".join(lines) + "\n"
