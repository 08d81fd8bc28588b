"""Block tree: the slots, executed blocks and final tip that a replica knows. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterator

from consensus.limits import EVIDENCE_SLOTS, SAID_SLOTS_MAX, SKIPS_CARRIED_MAX
from consensus.messages import (
    CertificateMessage,
    Justification,
    Message,
    Proposal,
    VoteMessage,
    WireBlock,
)
from consensus.slot import Proposed, Slot
from consensus.votes import Certificate, notar_subject
from ledger.block import Block, Tip, tip_of


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
        self._awake: set[int] = set()
        """Slots that a rule may look at: of others only single votes and headers are known."""
        self._live: list[tuple[int, Slot]] | None = []
        self._notarized: set[int] = set()
        self._after_skip: dict[int, int] = {}
        self.tips: dict[bytes, Tip] = {}
        self.blocks: dict[bytes, Block] = {}
        self.wires: dict[bytes, WireBlock] = {}
        self.waiting: dict[bytes, Proposed] = {}
        """Blocks that lack Skip certificates of slots before them (R10)."""

    def slot(self, number: int) -> Slot:
        """Return what is known of a slot, nothing at first; from now on the rules look at it."""
        if number not in self._awake and number > self.final.slot:
            self._awake.add(number)
            self._live = None
        return self.hearsay(number)

    def hearsay(self, number: int) -> Slot:
        """Return what is known of a slot, to count a vote or a header: no rule looks at these.

        Anybody can vote far ahead; that must not make every step longer.
        """
        found = self.slots.get(number)
        if found is None:
            found = self.slots[number] = Slot()
        return found

    def enter(self, number: int) -> None:
        """Go on to a slot; if it is lost already, the rules look at it."""
        self.current = number
        if number in self.slots and self.slots[number].lost:
            self.slot(number)

    def lacks_notarized(self) -> bool:
        """Return whether a block that is notarized and not final is not here, or not executed."""
        found = [s for _, slot in self.live() for s in slot.certificates if s.kind == "notar"]
        return any(subject.block not in self.tips for subject in found)

    def live(self) -> list[tuple[int, Slot]]:
        """Return the slots after the final one in which a rule may have something to do."""
        if self._live is None:
            self._live = [(number, self.slots[number]) for number in sorted(self._awake)]
        return self._live

    def rests(self, number: int) -> bool:
        """Return whether a slot was left with a Skip certificate and no other."""
        slot = self.slots.get(number)
        return slot is not None and number < self.current and slot.is_only_skipped

    def rest(self) -> list[bytes]:
        """Let slots rest that were left and skipped, once the rules have been applied.

        Thousands may have been skipped in a row: a step looks at those alone that are not over, and
        no proposal of a slot that rests is kept. If it was notarized after all, it is asked for.

        Returns:
            The blocks that were forgotten.
        """
        resting = [number for number, _ in self.live() if self.rests(number)]
        if not resting:
            return []
        self._awake -= set(resting)
        self._live = None
        return [block for number in resting for block in self._forget_proposals(number)]

    def _forget_proposals(self, number: int) -> list[bytes]:
        forgotten = list(self.slots[number].proposals)
        for block in forgotten:
            for known in (self.tips, self.blocks, self.wires):
                known.pop(block, None)
        self.slots[number].proposals.clear()
        return forgotten

    def is_certified(self, block: Block) -> bool:
        """Return whether a block, executed or not, has a Notar certificate."""
        slot = self.slots.get(block.slot)
        return slot is not None and notar_subject(block.slot, block.hash) in slot.certificates

    def forget_left(self) -> list[bytes]:
        """Let blocks of slots that were left wait no more, but those that a quorum stands behind.

        If a quorum did after all, they are asked for. Return which were forgotten.
        """
        left = [p for p in self.waiting.values() if p.block.slot < self.current and not p.proved]
        forgotten = [each.block.hash for each in left if not self.is_certified(each.block)]
        for block in forgotten:
            del self.waiting[block]
        return forgotten

    def keep(self, certificate: Certificate) -> None:
        """Keep a verified certificate of a slot after the final one."""
        subject = certificate.subject
        self.slot(subject.slot).certificates[subject] = certificate
        if subject.kind == "skip":
            self._after_skip[subject.slot] = subject.slot + 1
        elif subject.kind == "notar":
            self._notarized.add(subject.slot)
        else:
            self.proved = max(self.proved, subject.slot)

    def first_unskipped(self, number: int) -> int:
        """Return the first slot from ``number`` on that has no Skip certificate.

        A run of skipped slots is passed in a few steps: each walk shortens the next one.
        """
        end = number
        while end in self._after_skip:
            end = self._after_skip[end]
        while number in self._after_skip:
            self._after_skip[number], number = end, self._after_skip[number]
        return end

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
        notarized = [tip for s in self._notarized if (tip := self._notarized_tip(s)) is not None]
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

    def base(self, number: int) -> int:
        """Return the slot of what a block of slot ``number`` is built on: notarized, or final.

        A slot that was skipped, too, does not count while its notarized block is not here.
        """
        notarized = [s for s in self._notarized if s < number]
        usable = [s for s in notarized if s not in self._after_skip or self._notarized_tip(s)]
        return max(usable, default=self.final.slot)

    def _notarized_tip(self, number: int) -> Tip | None:
        notar = self.slots[number].certificate("notar")
        return None if notar is None else self.tips.get(notar.subject.block)

    def parent_for(self, number: int) -> tuple[Tip, Justification] | None:
        """Return what a leader of slot ``number`` builds on (R2), or None while that is unknown.

        It is the highest notarized block such that every slot between has a Skip certificate. With
        it comes what the block carries of its justification, or more.
        """
        base = self.base(number)
        if self.first_unskipped(base + 1) < number:
            return None
        skips = self._skips(max(base + 1, number - SKIPS_CARRIED_MAX), number)
        if base == self.final.slot:
            return self._final_as_parent(skips)
        notar, parent = self.slots[base].certificate("notar"), self._notarized_tip(base)
        return None if parent is None or notar is None else (parent, (notar, *skips))

    def _final_as_parent(self, skips: Justification) -> tuple[Tip, Justification] | None:
        if self.final.slot == 0:
            return self.final, skips
        own = self.final_certificate
        if own is None or own.subject.block != self.final.hash:
            return None
        return self.final, (own, *skips)

    def _skips(self, first: int, stop: int) -> Justification:
        slots = [self.slots[number] for number in range(first, stop) if number in self.slots]
        found = [slot.certificate("skip") for slot in slots]
        return tuple(skip for skip in found if skip is not None)

    def proposed_in(self, number: int) -> list[Proposed]:
        """Return the blocks proposed for a slot, first those that do not wait for Skips (R10)."""
        slot = self.slots.get(number)
        taken = [] if slot is None else list(slot.proposals.values())
        return taken + [each for each in self.waiting.values() if each.block.slot == number]

    def first_lacking(self, proposed: Proposed) -> int | None:
        """Return the first slot before a block whose Skip certificate is not here; None if whole.

        What the block carries itself is here.
        """
        wire = proposed.wire
        lacking = self.first_unskipped(wire.parent_slot + 1)
        return lacking if lacking < proposed.block.slot - len(wire.skips) else None

    def justification(self, block: bytes) -> Justification:
        """Return all that justifies an executed block: what it carries, and what was fetched."""
        wire, number = self.wires[block], self.tips[block].slot
        fetched = self._skips(wire.parent_slot + 1, number - len(wire.skips))
        parent = wire.justification[: len(wire.justification) - len(wire.skips)]
        return (*parent, *fetched, *wire.skips)

    def justifying_parent(self, number: int, block: Block) -> Tip | None:
        """Return the executed parent that justifies ``block`` in slot ``number``, or None yet."""
        parent = self.final if block.parent == self.final.hash else self.tips.get(block.parent)
        if parent is None or parent.slot >= number:
            return None
        if parent != self.final and not self.is_notarized(parent.hash):
            return None
        return parent if self.first_unskipped(parent.slot + 1) >= number else None

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
        """Yield the latest final certificate and what is later, in the order of the slots.

        It brings any peer into the slot that this replica is in, or lets it see that it is behind
        (R9): lost frames and restarts are harmless because of it. What is older than a few slots
        and skipped is left out: who needs it asks for it (R10).

        Args:
            me: The voter whose own proposals and votes are said.
        """
        if self.final_certificate is not None:
            yield CertificateMessage(self.final_certificate)
        numbers = self._said_again()
        proposed = self._own_proposal(numbers, me)
        for number in numbers:
            slot = self.slots[number]
            for certificate in slot.certificates.values():
                yield CertificateMessage(certificate)
            if proposed is not None and proposed.block.slot == number:
                yield Proposal(proposed.wire)
            for vote in slot.own.values():
                yield VoteMessage(vote)

    def _said_again(self) -> list[int]:
        """Return the slots of which all is said again: what led into this one, and open ones."""
        open_ = [number for number, slot in self.live() if slot.certificates or slot.own]
        before = self.current - 1
        entered = {before} if before > self.final.slot and before in self.slots else set()
        return sorted({*open_[-SAID_SLOTS_MAX:], *entered})

    def _own_proposal(self, numbers: list[int], me: str) -> Proposed | None:
        """Return the last own proposal of these slots that was not skipped."""
        for number in reversed(numbers):
            for proposed in self.slots[number].proposals.values():
                if proposed.block.header.proposer == me and not self.slots[number].skipped:
                    return proposed
        return None

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
        self._awake = {number for number in self._awake if number > tip.slot}
        self._notarized = {number for number in self._notarized if number > tip.slot}
        self._after_skip = {n: after for n, after in self._after_skip.items() if n > tip.slot}
        self.waiting = {h: p for h, p in self.waiting.items() if p.block.slot > tip.slot}
        for number in [s for s in self.slots if s <= tip.slot - EVIDENCE_SLOTS]:
            del self.slots[number]
        for old in [block for block, t in self.tips.items() if t.slot <= tip.slot]:
            del self.tips[old], self.blocks[old], self.wires[old]
        for number, slot in self.slots.items():
            if slot.proposals and number <= tip.slot:
                slot.proposals.clear()
