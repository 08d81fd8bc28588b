"""Keys of a run: derived from the parties' names, with signatures checked once a world.

Every node checks every signature, as in production. A world remembers which checks have succeeded,
so that four nodes in one process do not pay four times for one answer; a signature that was never
found good is always checked in full.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

from ledger.calendar import Calendar
from ledger.genesis import DUE_MS, Genesis, Limits, Member, Timeouts, found
from ledger.keys import Signer, Verifier
from simulator.plan import Plan

FOUNDED_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z."""
MORNING_MS = FOUNDED_MS + 4 * 86_400_000 + 2 * 3_600_000
"""When every run begins: Monday 2026-01-05, 10:00 at UTC+8."""
YEARS = (2001, *range(2025, 2041))
"""The years whose calendar is founded: those of runs, and one long before, with a gap after it."""


class SignatureMemory:
    """What a world's verifiers share: which signatures were good, and how often one was asked."""

    def __init__(self) -> None:
        self.good: set[tuple[bytes, bytes, bytes]] = set()
        self.checks = 0


class RememberingVerifier(Verifier):
    """A verifier that asks the library once about the same signature and message."""

    def __init__(self, public_key: bytes, memory: SignatureMemory) -> None:
        super().__init__(public_key)
        self._memory = memory

    def verify(self, signature: bytes, message: bytes) -> None:
        """Return if ``signature`` is this key's over ``message``."""
        memory = self._memory
        memory.checks += 1
        key = (self.public_key, signature, message)
        if key not in memory.good:
            super().verify(signature, message)
            memory.good.add(key)


class _Unchecked(Signer):
    """A signer whose signatures need no check: it has just made them."""

    def __init__(self, seed: bytes, memory: SignatureMemory) -> None:
        super().__init__(seed)
        self._good = memory.good

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of ``message``."""
        signature = super().sign(message)
        self._good.add((self.public_key, signature, message))
        return signature


def seed_of(party: str) -> bytes:
    """Return the private seed of a simulated party: nothing secret, and the same in every run."""
    return sha256(b"tongzhang simulated key\0" + party.encode()).digest()


def _limits(quota: int) -> Limits:
    if not quota:
        return Limits()
    return Limits(batch_records=min(Limits().batch_records, quota), party_records=quota)


def make_genesis(
    plan: Plan, memory: SignatureMemory | None = None
) -> tuple[Genesis, dict[str, Signer]]:
    """Return the consortium of ``plan`` and its keys, which share ``memory``."""
    memory = memory or SignatureMemory()
    signers: dict[str, Signer] = {name: _Unchecked(seed_of(name), memory) for name in plan.parties}
    members = tuple(
        Member(
            key=b64encode(signer.public_key).decode(),
            name=name,
            role=name.split("-")[0],  # type: ignore[arg-type]
        )
        for name, signer in signers.items()
    )
    genesis = found(
        "simulated",
        members,
        plan.needed,
        FOUNDED_MS,
        calendar=Calendar(years=YEARS),
        due_ms=DUE_MS,
        limits=_limits(plan.quota),
        timeouts=Timeouts(base_ms=plan.timeout_ms, cap_ms=max(plan.cap_ms, plan.timeout_ms)),
    )
    genesis.verifiers.update(
        {name: RememberingVerifier(signer.public_key, memory) for name, signer in signers.items()}
    )
    return genesis, signers
