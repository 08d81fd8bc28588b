"""Fork inquiry: the other branch and the keys that signed both are found in bounded time (I8).

The node has stopped voting and committing. It asks every peer for the blocks around the fork,
going back in doubling steps until a peer's blocks continue this node's own, then forward. Where
those pass over a slot that is final here, it asks for the Skip certificate (R10). What the two
branches' certificates prove together (:func:`consensus.forks.culprits`) is evidence. The
report names both blocks, those who signed them, and the keys convicted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from consensus.effects import Halt, Send
from consensus.errors import BadMessage
from consensus.evidence import Evidence
from consensus.forks import Branch, culprits, liars_needed
from consensus.justification import (
    refuse_not_the_leaders,
    refuse_unjustified,
    refuse_unproved,
)
from consensus.limits import RANGE_BLOCKS_MAX
from consensus.messages import (
    Exits,
    Range,
    WantExits,
    WantRange,
    WireBlock,
    decode_certificate,
    decode_justification,
    wire_block,
)
from consensus.votes import Certificate, skip_subject, verify_certificate
from ledger import canonical
from ledger.block import Block
from ledger.genesis import Genesis
from node.limits import CONFLICT_ASK_MS, CONFLICT_QUESTIONS_MAX, CONFLICT_WAIT_MS
from node.storage.store import Store

CONFLICT = "conflict"
"""Kind under which contradicting certificates are kept, at a slot that no commit clears."""

REPORT = "report"
"""Name under which the conflict report is kept beside them."""

CERTIFICATES_MAX = 1024
"""Certificates of final blocks, and of slots skipped, compared with each other."""


class _Trail:
    """How far one peer has been asked."""

    def __init__(self, height: int) -> None:
        self.height: int | None = height
        self.answered = 0
        self.at_ms = 0
        self.step = 1
        self.slots: set[int] = set()
        """Slots that are final here and skipped on the peer's branch, without the proof yet."""

    @property
    def is_open(self) -> bool:
        """Whether there is anything to ask."""
        return self.height is not None or bool(self.slots)

    def close(self) -> None:
        """Ask no more."""
        self.height = None
        self.slots.clear()


class ForkInquiry:
    """One node's questions about one fork.

    Args:
        genesis: The ledger.
        store: This node's own history.
        halt: Why it stopped, with the certificates; the last one is the other branch's.
        others: The peers.
        refuse_forged: Verifies the batches of a block.
        now_ms: The steady clock.
    """

    def __init__(
        self,
        genesis: Genesis,
        store: Store,
        halt: Halt,
        others: tuple[str, ...],
        *,
        refuse_forged: Callable[[Block], None],
        now_ms: int,
    ) -> None:
        self._genesis = genesis
        self._store = store
        self._refuse_forged = refuse_forged
        self.halt = halt
        self.deadline_ms = now_ms + CONFLICT_WAIT_MS
        self.parent_height: int | None = None
        """Height of the last block that both branches share, once known."""
        self._own, self._other = halt.certificates[0], halt.certificates[-1]
        self._found: dict[str, Evidence] = {}
        self._kept = {c.subject: c for c in halt.certificates}
        start = min(store.tip().height, halt.certificates[-1].subject.height)
        self._trails = {peer: _Trail(max(1, start)) for peer in others}

    def next_at(self) -> int:
        """Return when the next question is due, or the time is over."""
        waiting = [trail.at_ms for trail in self._trails.values() if trail.is_open]
        return min([self.deadline_ms, *waiting])

    def due(self, now_ms: int) -> list[Send]:
        """Return the questions that are due now."""
        sends = []
        for peer, trail in self._trails.items():
            if not trail.is_open or trail.at_ms > now_ms:
                continue
            trail.at_ms = now_ms + CONFLICT_ASK_MS
            if trail.height is not None:
                sends.append(Send(peer, WantRange(trail.height)))
            sends += [Send(peer, WantExits(s, s + 1)) for s in sorted(trail.slots)[:1]]
        return sends

    def found_at_once(self) -> list[Evidence]:
        """Return what the certificates that stopped the node prove by themselves."""
        return self._counted(culprits(Branch(), self._known(())))

    def on_range(self, peer: str, message: Range) -> list[Evidence]:
        """Compare a peer's blocks with this node's own. Return what both together prove.

        Raises:
            ConsensusError: the range does not prove itself; nothing of it counts.
            LedgerError: as above.
        """
        trail = self._trails.get(peer)
        blocks = [wire.block() for wire in message.blocks]
        if trail is None or trail.height != blocks[0].height:
            return []
        self._refuse_false(message, blocks)
        same = [self._own_hash(block.height) == block.hash for block in blocks]
        self._move(trail, blocks, same)
        if all(same):
            return []
        own = self._own_branch(blocks[0].height)
        finals = [c for c in own.certificates if c.subject.kind == "final"]
        self._keep((*finals, message.certificate))
        self._name_sides(finals)
        other = self._known(message.blocks)
        passed = other.passed_over(c.subject.slot for c in finals)
        trail.slots |= {slot for slot in passed if skip_subject(slot) not in self._kept}
        return self._stop_asking(trail, self._counted(culprits(own, other)))

    def on_exits(self, peer: str, message: Exits) -> list[Evidence]:
        """Compare a Skip certificate of a peer's branch with what is final here.

        Raises:
            BadMessage: ``unasked``.
            BadVote: it does not verify.
        """
        trail, certificate = self._trails.get(peer), message.certificates[0]
        slot = certificate.subject.slot
        if trail is None or certificate.subject != skip_subject(slot) or slot not in trail.slots:
            raise BadMessage("unasked", f"nobody asked {peer} for slot {slot}")
        verify_certificate(certificate, self._genesis)
        trail.slots.remove(slot)
        trail.at_ms = 0
        self._keep((certificate,))
        return self._stop_asking(trail, self._counted(culprits(Branch(), self._known(()))))

    def _keep(self, certificates: Iterable[Certificate]) -> None:
        for certificate in certificates:
            if len(self._kept) < CERTIFICATES_MAX:
                self._kept.setdefault(certificate.subject, certificate)

    def _known(self, blocks: tuple[WireBlock, ...]) -> Branch:
        return Branch(blocks, tuple(self._kept.values()))

    def _stop_asking(self, trail: _Trail, found: list[Evidence]) -> list[Evidence]:
        if len(self._convicted()) >= liars_needed(self._genesis):
            trail.close()
        return found

    def _counted(self, found: list[Evidence]) -> list[Evidence]:
        self._found |= {lie.id: lie for lie in found}
        return found

    def _convicted(self) -> list[str]:
        return sorted({lie.party for lie in self._found.values()})

    def verdict(self) -> str:
        """Return in a few words whom the fork has convicted."""
        names = ", ".join(self._convicted())
        return f"convicted: {names}" if names else "no key is convicted yet"

    def _name_sides(self, finals: list[Certificate]) -> None:
        """Let the report name this node's first final block that the other branch lacks."""
        shared = self.parent_height
        beside = [c for c in finals if shared is not None and c.subject.height > shared]
        self._own = min(beside, key=lambda c: c.subject.height, default=self._own)

    def _move(self, trail: _Trail, blocks: list[Block], same: list[bool]) -> None:
        """Choose what the peer is asked next: further back, further on, or nothing."""
        first, trail.at_ms = blocks[0], 0
        trail.answered += 1
        if trail.answered >= CONFLICT_QUESTIONS_MAX:
            trail.height = None
            return
        if not same[0] and self._own_hash(first.height - 1) != first.parent:
            trail.height = max(1, first.height - trail.step)
            trail.step *= 2
            return
        if not all(same):
            self.parent_height = first.height + same.index(False) - 1
        trail.height = first.height + len(blocks)
        if all(same) and trail.height > self._store.tip().height + 1:
            trail.height = None

    def _refuse_false(self, message: Range, blocks: list[Block]) -> None:
        refuse_unproved(message, blocks, self._genesis)
        for wire, block in zip(message.blocks, blocks, strict=True):
            refuse_not_the_leaders(block, self._genesis)
            refuse_unjustified(wire, block, self._genesis, self._is_known)
            self._refuse_forged(block)

    def _is_known(self, certificate: Certificate) -> bool:
        return self._kept.get(certificate.subject) == certificate

    def _own_branch(self, height: int) -> Branch:
        with self._store.own_reader() as reader:
            stored = reader.block_range(height, self._genesis.limits.block_bytes, RANGE_BLOCKS_MAX)
        blocks = tuple(wire_block(s.block, decode_justification(s.justification)) for s in stored)
        finals = [decode_certificate(s.certificate) for s in stored if s.certificate is not None]
        proofs = [c for s in stored for c in decode_justification(s.justification)]
        return Branch(blocks, (*finals, *proofs))

    def _own_hash(self, height: int) -> bytes | None:
        return self._genesis.hash if height == 0 else self._store.block_hash(height)

    # -- the report -------------------------------------------------------------------------------

    def report(self, wall_ms: int) -> bytes:
        """Return the conflict report of this time as canonical JSON."""
        pieces = [
            {"evidence": id_, "kind": lie.kind, "party": lie.party}
            for id_, lie in sorted(self._found.items(), key=lambda pair: (pair[1].party, pair[0]))
        ]
        told: dict[str, object] = {
            "at": wall_ms,
            "convicted": self._convicted(),
            "evidence": pieces,
            "expected": liars_needed(self._genesis),
            "ledger": self._genesis.ledger,
            "other": _side(self._other),
            "own": _side(self._own),
        }
        if self.parent_height is not None:
            told["shared_height"] = self.parent_height
        return canonical.encode(told)


def conflict_report(store: Store) -> bytes | None:
    """Return the conflict report that a node has left in its database, or None."""
    wanted = (CONFLICT, REPORT)
    found = [i.body for i in store.load_consensus() if (i.kind, i.name) == wanted]
    return found[0] if found else None


def _side(certificate: Certificate) -> dict[str, object]:
    subject = certificate.subject
    return {
        "block": subject.block.hex(),
        "height": subject.height,
        "signers": list(certificate.voters),
        "slot": subject.slot,
    }
