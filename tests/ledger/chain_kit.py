"""The ledger under replicas in one process: keys, a genesis, what a disk holds, and a machine.

:class:`ChainMachine` is a second, very small implementation of :class:`consensus.effects.Machine`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from typing import ClassVar

from consensus.effects import (
    Deliver,
    Durable,
    Invalid,
    Saved,
)
from consensus.evidence import Evidence
from consensus.messages import (
    BatchMessage,
    Message,
    wire_batch,
)
from ledger import batch as batches
from ledger import domains
from ledger.batch import Batch, seal
from ledger.block import (
    Block,
    BlockHeader,
    Tip,
    batch_hashes,
    encode_header,
    genesis_tip,
    tip_of,
)
from ledger.calendar import Calendar
from ledger.genesis import (
    COST_LIMIT_PPM_DEFAULT,
    DUE_MS,
    Genesis,
    Governance,
    Limits,
    Member,
    Timeouts,
)
from ledger.keys import Signer, Verifier

NAMES = ("platform", "institution", "funder", "auditor", "guarantor", "merchant", "auditor-b")
WALL_MS = 1_767_225_600_000
DAY_MS = 86_400_000
RANGE_BLOCKS = 256
Head = tuple[int, bytes]


def signer(name: str) -> Signer:
    """Return the fixed test key of a party."""
    return Signer(sha256(b"test key of " + name.encode()).digest())


SIGNERS = {name: signer(name) for name in NAMES}


class _Remembering(Verifier):
    """Verifies each signature once: replicas in one process ask the same question many times."""

    good: ClassVar[set[tuple[bytes, bytes, bytes]]] = set()

    def verify(self, signature: bytes, message: bytes) -> None:
        key = (self.public_key, signature, message)
        if key not in self.good:
            super().verify(signature, message)
            self.good.add(key)


def genesis_of(count: int, quorum: int, **choices: object) -> Genesis:
    """Return a consortium of the first ``count`` names; a single party is allowed here."""
    members = tuple(
        Member(
            key=b64encode(SIGNERS[name].public_key).decode(),
            name=name,
            role=name.removesuffix("-b"),  # type: ignore[arg-type]
        )
        for name in NAMES[:count]
    )
    fields: dict[str, object] = {"limits": Limits(), "timeouts": Timeouts(), **choices}
    genesis = Genesis(
        calendar=Calendar(),
        cost_limit_ppm=COST_LIMIT_PPM_DEFAULT,
        created_at=WALL_MS - DAY_MS,
        due_ms=DUE_MS,
        governance=Governance(),
        members=members,
        name="test",
        quorum=quorum,
        **fields,  # type: ignore[arg-type]
    )
    genesis.__dict__["verifiers"] = {m.name: _Remembering(m.public_key) for m in members}
    return genesis


class Disk:
    """What survives a crash: votes and blocks (durables), final blocks, own batches."""

    def __init__(self, genesis: Genesis) -> None:
        self.genesis = genesis
        self.durables: dict[tuple[int, str, str], Durable] = {}
        self.chain: list[Deliver] = []
        self.journal: list[Batch] = []

    def tip(self) -> Tip:
        return tip_of(self.chain[-1].block) if self.chain else genesis_tip(self.genesis)

    def save(self, durable: Durable) -> None:
        self.durables[durable.slot, durable.kind, durable.name] = durable

    def commit(self, deliver: Deliver) -> None:
        assert deliver.block.height == len(self.chain) + 1
        assert deliver.block.parent == self.tip().hash
        self.chain.append(deliver)
        slot = deliver.block.slot
        self.durables = {key: d for key, d in self.durables.items() if d.slot > slot}

    def saved(self) -> Saved:
        certificates = [d.certificate for d in self.chain if d.certificate is not None]
        ordered = tuple(self.durables[key] for key in sorted(self.durables))
        return Saved(self.tip(), certificates[-1] if certificates else None, ordered)


class ChainMachine:
    """The smallest ledger: size counts records; root and state are hash chains over batches.

    Args:
        genesis: The ledger.
        party: Whose machine this is.
        disk: The final blocks.
    """

    def __init__(self, genesis: Genesis, party: str, disk: Disk) -> None:
        self.genesis = genesis
        self.party = party
        self.disk = disk
        self.salt = b""
        """A machine with salt computes other states than everybody else."""
        self.pool: dict[tuple[str, int], Batch] = {(b.party, b.number): b for b in disk.journal}
        self.heads: dict[bytes, dict[str, Head]] = {genesis.hash: {}}
        at = genesis.hash
        for deliver in disk.chain:
            self.heads[deliver.block.hash] = _moved(self.heads[at], deliver.block.batches)
            at = deliver.block.hash

    def build(self, parent: Tip, slot: int, wall_ms: int, *, empty: bool) -> Block | None:
        chosen = self._fitting(parent)
        if not chosen and not empty:
            return None
        block = make_block(self.genesis, self.party, parent, slot, chosen, wall_ms, self.salt)
        self.heads[block.hash] = _moved(self.heads[parent.hash], chosen)
        return block

    def refuse_forged(self, block: Block, found: list[Evidence]) -> None:
        for batch in block.batches:
            batches.verify(batch, self.genesis.ledger, self.genesis.verifiers)

    def check(self, block: Block, parent: Tip, wall_ms: int) -> Invalid | None:
        header = block.header
        if header.height != parent.height + 1 or header.time < parent.time:
            return Invalid("misplaced")
        if header.time > max(wall_ms + self.genesis.limits.drift_ms, parent.time):
            return Invalid("time is ahead of this clock")
        if not _follow(self.heads[parent.hash], block.batches):
            return Invalid("batch-order")
        if _result(parent, block.batches, self.salt) != (header.size, header.root, header.state):
            return Invalid("another result")
        self.heads[block.hash] = _moved(self.heads[parent.hash], block.batches)
        return None

    def forget(self, block: bytes) -> None:
        self.heads.pop(block, None)

    def has_work(self, tip: Tip, wall_ms: int) -> bool:
        return bool(self._fitting(tip))

    def own_work(self) -> tuple[Message, ...]:
        final = self.heads[self.disk.tip().hash]
        waiting = [b for b in self.pool.values() if b.number > final.get(b.party, (0, b""))[0]]
        return tuple(BatchMessage(wire_batch(batch)) for batch in waiting)

    def final_hash(self, height: int) -> bytes | None:
        if height == 0:
            return self.genesis.hash
        known = height <= len(self.disk.chain)
        return self.disk.chain[height - 1].block.hash if known else None

    def explain(self, block: Block) -> str:
        return "the state is another"

    def next_batch(self, records: int = 1) -> Batch:
        """Seal this party's next batch and put it into the pool; durable before it leaves."""
        last = self.disk.journal[-1] if self.disk.journal else None
        previous = (last.number, last.hash) if last else (0, domains.ZERO_HASH)
        said = [f"{self.party} {previous[0] + 1} {n}".encode() for n in range(records)]
        batch = seal(SIGNERS[self.party], self.genesis.ledger, self.party, previous, said)
        self.disk.journal.append(batch)
        self.pool[batch.party, batch.number] = batch
        return batch

    def _fitting(self, tip: Tip) -> list[Batch]:
        heads, chosen = dict(self.heads[tip.hash]), []
        for party in self.genesis.names:
            while batch := self.pool.get((party, heads.get(party, (0, b""))[0] + 1)):
                if not _follow(heads, [batch]):
                    break
                heads[party] = (batch.number, batch.hash)
                chosen.append(batch)
        return chosen


def _moved(heads: dict[str, Head], added: Iterable[Batch]) -> dict[str, Head]:
    return heads | {batch.party: (batch.number, batch.hash) for batch in added}


def _follow(heads: dict[str, Head], added: Iterable[Batch]) -> bool:
    heads = dict(heads)
    for batch in added:
        number, previous = heads.get(batch.party, (0, domains.ZERO_HASH))
        if batch.number != number + 1 or batch.header.previous != previous.hex():
            return False
        heads[batch.party] = (batch.number, batch.hash)
    return True


def _result(parent: Tip, added: Iterable[Batch], salt: bytes) -> tuple[int, str, str]:
    added = list(added)
    said = b"".join(batch.hash for batch in added)
    size = parent.size + sum(len(batch.records) for batch in added)
    return (
        size,
        sha256(parent.root + said).hexdigest(),
        sha256(parent.state + said + salt).hexdigest(),
    )


def make_block(  # noqa: PLR0917 - everything that a header says
    genesis: Genesis,
    proposer: str,
    parent: Tip,
    slot: int,
    added: Iterable[Batch],
    wall_ms: int,
    salt: bytes = b"",
) -> Block:
    """Return a signed block of the trivial ledger; salt makes its state wrong for all others."""
    added = tuple(added)
    size, root, state = _result(parent, added, salt)
    header = BlockHeader(
        batches=batch_hashes(added),
        height=parent.height + 1,
        ledger=genesis.ledger,
        parent=parent.hash.hex(),
        proposer=proposer,
        root=root,
        size=size,
        slot=slot,
        state=state,
        time=max(wall_ms, parent.time),
    )
    raw = encode_header(header)
    return Block(raw, SIGNERS[proposer].sign(domains.proposal_signature_input(raw)), added)
