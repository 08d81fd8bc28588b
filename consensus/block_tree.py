"""Block tree: the slots, executed blocks and final tip that a replica knows. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterator

from consensus.limits import EVIDENCE_SLOTS
from consensus.messages import CertificateMessage, Message, Proposal, VoteMessage, WireBlock
from consensus.slot import Proposed, Slot
from consensus.votes import Certificate, notar_subject
from ledger.block import Block, Tip, tip_of

Parent = tuple[Tip, tuple[Certificate, ...]]
"""A tip to build on, and the certificates that justify a block on it."""


class BlockTree:
    """The blocks and slots after the last final one, and a few slots before to convict late liars.

    Args:
        tip: The last final block.
        certificate: What made it final; None at genesis.
    """

    def __init__(self, tip: Tip, certificate: Certificate | None) -> None:
        self.final = tip
        self.final_certificate = certificate
        self.current = tip.slot + 1
        """The slot that the replica is in (R1)."""
        self.proved = tip.slot
        """The last slot that a known Final certificate ends: none up to it needs a vote (R11)."""
        self.slots: dict[int, Slot] = {}
        self._live: list[tuple[int, Slot]] | None = []
        self.tips: dict[bytes, Tip] = {}
        self.blocks: dict[bytes, Block] = {}
        self.wires: dict[bytes, WireBlock] = {}

    def slot(self, number: int) -> Slot:
        """Return what is known of a slot; nothing, at first."""
        found = self.slots.get(number)
        if found is None:
            found = self.slots[number] = Slot()
            self._live = None
        return found

    def live(self) -> list[tuple[int, Slot]]:
        """Return the slots after the final one, in order."""
        if self._live is None:
            final = self.final.slot
            self._live = [(s, self.slots[s]) for s in sorted([s for s in self.slots if s > final])]
        return self._live

    def certify(self, certificate: Certificate) -> None:
        """Keep a verified certificate."""
        subject = certificate.subject
        self.slot(subject.slot).certificates[subject] = certificate
        if subject.kind == "final":
            self.proved = max(self.proved, subject.slot)

    def latest_certificate(self) -> Certificate | None:
        """Return the Final certificate of the highest slot, its block here or not, or None."""
        later = self.slots.get(self.proved)
        found = later.certificate("final") if later is not None else None
        return found or self.final_certificate

    def accept(self, proposed: Proposed) -> None:
        """Note a block that was executed and found valid."""
        block = proposed.block
        self.blocks[block.hash] = block
        self.tips[block.hash] = tip_of(block)
        self.wires[block.hash] = proposed.wire

    def head(self) -> Tip:
        """Return the highest notarized, executed block; the final tip if there is none after."""
        notarized = [tip for block, tip in self.tips.items() if self.is_notarized(block)]
        return max(notarized, key=lambda tip: tip.slot, default=self.final)

    def is_notarized(self, block: bytes) -> bool:
        """Return whether an executed block has a Notar certificate."""
        tip = self.tips[block]
        slot = self.slots.get(tip.slot)
        return slot is not None and notar_subject(tip.slot, block) in slot.certificates

    def is_known(self, certificate: Certificate) -> bool:
        """Return whether this very certificate was verified before."""
        slot = self.slots.get(certificate.subject.slot)
        known = slot.certificates.get(certificate.subject) if slot is not None else None
        return certificate in (known, self.final_certificate)

    def parent_for(self, number: int) -> Parent | None:
        """Return what a leader of slot ``number`` builds on (R2), or None while that is unknown.

        It is the highest notarized block such that every slot between has a Skip certificate.
        """
        skips: list[Certificate] = []
        for between in range(number - 1, self.final.slot, -1):
            slot = self.slots.get(between, Slot())
            notar, skip = slot.certificate("notar"), slot.certificate("skip")
            if notar is not None:
                parent = self.tips.get(notar.subject.block)
                return None if parent is None else (parent, (notar, *reversed(skips)))
            if skip is None:
                return None
            skips.append(skip)
        return self._final_as_parent(skips[::-1])

    def _final_as_parent(self, skips: list[Certificate]) -> Parent | None:
        if self.final.slot == 0:
            return self.final, tuple(skips)
        own = self.final_certificate
        if own is None or own.subject.block != self.final.hash:
            return None
        return self.final, (own, *skips)

    def justifying_parent(self, number: int, block: Block) -> Tip | None:
        """Return the executed parent that justifies ``block`` in slot ``number``, or None yet."""
        parent = self.final if block.parent == self.final.hash else self.tips.get(block.parent)
        if parent is None or parent.slot >= number:
            return None
        if parent != self.final and not self.is_notarized(parent.hash):
            return None
        between = [self.slots.get(s) for s in range(parent.slot + 1, number)]
        return parent if all(slot is not None and slot.skipped for slot in between) else None

    def chain_to(self, block: bytes) -> list[Block] | None:
        """Return the executed blocks after the final tip up to ``block``, or None if one lacks.

        Raises:
            LookupError: the chain leads beside the final tip: history conflicts.
        """
        chain: list[Block] = []
        at = block
        while at != self.final.hash:
            found = self.blocks.get(at)
            if found is None:
                return None
            if found.height <= self.final.height:
                raise LookupError
            chain.append(found)
            at = found.parent
        return chain[::-1]

    # -- what is said again (R8) -----------------------------------------------------------------

    def everything_later(self, me: str) -> Iterator[Message]:
        """Yield the latest final certificate and everything later, in the order of the slots.

        It brings any peer as far as this replica is, or lets it see that it is behind (R9): lost
        frames and restarts are harmless because of it.

        Args:
            me: The voter whose own proposals and votes are said.
        """
        if self.final_certificate is not None:
            yield CertificateMessage(self.final_certificate)
        for _, slot in self.live():
            for certificate in slot.certificates.values():
                yield CertificateMessage(certificate)
            for proposed in slot.proposals.values():
                if proposed.block.header.proposer == me:
                    yield Proposal(proposed.wire)
            for vote in slot.own.values():
                yield VoteMessage(vote)

    def block_or_latest(self, block: bytes) -> Message | None:
        """Return a block that a peer wants, or the latest final certificate if it is not here."""
        wire = self.wires.get(block)
        if wire is not None:
            return Proposal(wire)
        latest = self.final_certificate
        return None if latest is None else CertificateMessage(latest)

    # -- what becomes final ----------------------------------------------------------------------

    def advance(self, tip: Tip) -> None:
        """Move the final tip and forget what it makes unnecessary."""
        self.final = tip
        self.proved = max(self.proved, tip.slot)
        self._live = None
        for number in [s for s in self.slots if s <= tip.slot - EVIDENCE_SLOTS]:
            del self.slots[number]
        for old in [block for block, t in self.tips.items() if t.slot <= tip.slot]:
            del self.tips[old], self.blocks[old], self.wires[old]
        for number, slot in self.slots.items():
            if number <= tip.slot:
                slot.proposals.clear()
