"""The Simplex replica: one pure machine, ``step(event, now) -> Effects``.

n voters, quorum q, slots 1, 2, …; the leader rotates with the slot. The rules, cited below:

- R1 enter slot s when slot s−1 has a Notar or a Skip certificate; forward it; start the slot's
  timer if work is pending.
- R2 the leader proposes once, on the highest notarized block such that every slot between has a
  Skip certificate; the proposal carries those certificates.
- R3 vote Notar for the leader's first justified and valid proposal; once per slot; never after
  Skip.
- R4 vote Skip on timeout, or on an invalid or second proposal, unless Final was voted.
- R5 vote Final on a Notar certificate for the block this replica notarized, unless it voted Skip.
- R6 with q Final votes the block and its ancestors are final.
- R7 a vote is durable before it leaves; who lost its votes does not vote again.
- R8 certificates are forwarded once; after a time without progress everything later than the last
  final is said again; a silent leader gets no time.
- R9 who is behind fetches final blocks by range; nothing is rejected because the clock moved on.

R3 to R5 are conditions per slot, not on the current slot.

Source: B. Chan, R. Pass, "Simplex Consensus: A Simple and Fast Consensus Protocol", 2023.
"""

from __future__ import annotations

from consensus.book import Book
from consensus.effects import (
    Deliver,
    Durable,
    Effects,
    Event,
    Halt,
    Machine,
    Now,
    PeerDown,
    PeerUp,
    Received,
    Saved,
    Send,
    Tick,
)
from consensus.errors import ConsensusError
from consensus.evidence import Evidence
from consensus.justification import (
    leader_of,
    refuse_not_the_leaders,
    refuse_unjustified,
    refuse_unproved,
)
from consensus.limits import CATCH_UP_DELAY_MS, EVIDENCE_SLOTS, SLOT_WINDOW
from consensus.messages import (
    CertificateMessage,
    EvidenceMessage,
    Message,
    Proposal,
    Range,
    VoteMessage,
    WantBlock,
    WireBlock,
    decode_block,
    decode_certificate,
    decode_vote,
    encode,
    wire_block,
)
from consensus.pursuit import Pursuit
from consensus.slot import Proposed, Slot
from consensus.timers import Timers
from consensus.votes import (
    Certificate,
    Subject,
    Vote,
    final_subject,
    notar_subject,
    sign_vote,
    skip_subject,
    verify_certificate,
    verify_vote,
)
from consensus.witness import Witness
from ledger.block import Block, Tip
from ledger.errors import LedgerError
from ledger.genesis import Genesis
from ledger.keys import Signer


class Replica:
    """One voter's state machine.

    Args:
        genesis: The ledger: voters, quorum, timeouts.
        me: This voter's name.
        signer: This voter's key.
        machine: The ledger's side: builds and executes blocks.
        saved: The final tip and the durable papers from before a restart.
        now: The clocks at the start.
        may_vote: False for a node that lost its votes: it follows, and signs no vote (R7).
    """

    def __init__(
        self,
        genesis: Genesis,
        me: str,
        signer: Signer,
        machine: Machine,
        saved: Saved,
        *,
        now: Now,
        may_vote: bool = True,
    ) -> None:
        self.genesis = genesis
        self.me = me
        self.may_vote = may_vote
        self.slot = saved.tip.slot + 1
        self.halt: Halt | None = None
        self.silent: set[str] = set()
        self.timers = Timers(genesis.timeouts, now.ticks_ms)
        self._signer = signer
        self._machine = machine
        self._now = now
        self._book = Book(saved.tip, saved.certificate)
        self._witness = Witness(self._book, genesis)
        self._pursuit = Pursuit(genesis.names, me)
        self._out = Effects()
        self._final_durables: list[Durable] = []
        self._news = False
        self._remembered: list[Evidence] = []
        self._restore(saved)

    @property
    def final(self) -> Tip:
        """The last final block."""
        return self._book.final

    @property
    def final_certificate(self) -> Certificate | None:
        """The latest certificate that made a block final."""
        return self._book.final_certificate

    # -- in and out ------------------------------------------------------------------------------

    def step(self, event: Event, now: Now) -> Effects:
        """Take one event and return what the host is to do about it.

        A message that does not decode, verify or belong to its sender is dropped, and the reason
        stands in ``rejected``.
        """
        self._now = Now(max(self._now.ticks_ms, now.ticks_ms), now.wall_ms)
        self._out = Effects()
        if self.halt is not None:
            return self._out
        self._news = not isinstance(event, Received)
        self._accuse(self._remembered)
        self._remembered = []
        try:
            self._on_event(event)
        except (ConsensusError, LedgerError) as error:
            self._out.rejected = error
        if self._news:
            self._settle()
        return self._out

    def deadline_ms(self) -> int:
        """Return when the replica wants its next Tick, on the steady clock."""
        return min(self.timers.next_at(), self._pursuit.next_at())

    def leader(self, slot: int) -> str:
        """Return the leader of ``slot``: the voters take turns in genesis order."""
        return leader_of(slot, self.genesis)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Received):
            self._news = event.peer in self.silent  # it speaks: its slots get their time again
            self.silent.discard(event.peer)
            self._on_message(event.peer, event.message)
        elif isinstance(event, PeerUp):
            self.silent.discard(event.peer)
            self._say_everything(event.peer)
        elif isinstance(event, PeerDown):
            self.silent.add(event.peer)
        elif isinstance(event, Tick):
            self._on_tick()

    def _on_message(self, peer: str, message: Message) -> None:
        if isinstance(message, VoteMessage):
            self._on_vote(message.vote)
        elif isinstance(message, CertificateMessage):
            self._on_certificate(message.certificate, peer)
        elif isinstance(message, Proposal):
            self._on_proposal(message.block)
        elif isinstance(message, WantBlock):
            self._on_want_block(peer, message.hash)
        elif isinstance(message, Range):
            self._on_range(message)

    def _settle(self) -> None:
        """Apply the rules until none has anything more to do."""
        moving = True
        while moving and self.halt is None:
            moving = self._commit() or self._judge() or self._enter() or self._propose()
            moving = self._vote() or moving
        # A Final certificate whose block is committed now is stored with the block.
        late = [durable for durable in self._final_durables if durable.slot > self.final.slot]
        self._out.persist += late
        self._final_durables.clear()
        self._out.halt = self.halt
        self._arm()

    # -- R1: slots -------------------------------------------------------------------------------

    def _enter(self) -> bool:
        ahead = [s for s, slot in self._book.live() if s >= self.slot and slot.exit_certificate]
        if not ahead:
            return False
        self.slot = max(ahead) + 1
        self.timers.on_slot_entered()
        return True

    def _arm(self) -> None:
        """Start or stop timers by whether work is pending (R1): idle, no slot burns."""
        now = self._now.ticks_ms
        unfinal = any(slot.certificate("notar") for _, slot in self._book.live())
        pending = unfinal or self._sees_proposal() or self._machine.has_work(self._book.head())
        self.timers.work(pending, now)
        current = self._book.slots.get(self.slot)
        if not pending or (current is not None and current.timed_out):
            self.timers.stop_slot()
            return
        silent = self.leader(self.slot) in self.silent
        self.timers.start_slot(now, leader_silent=silent, unfinal=unfinal)

    def _sees_proposal(self) -> bool:
        """Return whether a proposal waits for a slot that is not over.

        One of a slot that was left is no work: what it held is in the pool, or it was a lie.
        """
        return any(s >= self.slot and slot.proposals for s, slot in self._book.live())

    # -- R2: proposals ---------------------------------------------------------------------------

    def _propose(self) -> bool:
        slot = self._book.slots.get(self.slot)
        if self.leader(self.slot) != self.me or not self.may_vote:
            return False
        if slot is not None and (slot.proposals or slot.timed_out or "skip" in slot.own):
            return False
        found = self._book.parent_for(self.slot)
        if found is None:
            return False
        parent, justification = found
        empty = self.timers.empty_due
        block = self._machine.build(parent, self.slot, self._now.wall_ms, empty=empty)
        if block is None:
            return False
        proposed = Proposed(block, wire_block(block, justification))
        slot = self._book.slot(self.slot)
        slot.see(block)
        slot.add_header(block)
        slot.add_proposal(proposed)
        self._accept(proposed)
        self._persist_block(proposed)
        self._send(Proposal(proposed.wire))
        return True

    def _on_proposal(self, wire: WireBlock) -> None:
        block = wire.block()
        number = block.slot
        if number <= self.final.slot - EVIDENCE_SLOTS:
            return
        known = self._book.slots.get(number)
        if known is not None and block.hash in known.proposals:
            return
        refuse_not_the_leaders(block, self.genesis)
        self._accuse(self._witness.see(block, self.slot))
        refuse_unjustified(wire, block, self.genesis, self._book.is_known)
        for certificate in wire.justification:
            self._on_certificate(certificate, None)
        slot = self._book.slot(number)
        slot.add_header(block)
        self._suspect(number, slot)
        certified = notar_subject(number, block.hash) in slot.certificates
        if number > self.final.slot and (block.hash in slot.headers or certified):
            self._news = True
            self._machine.refuse_forged(block)
            slot.add_proposal(Proposed(block, wire))
            self._pursuit.on_block(block.hash)

    def _judge(self) -> bool:
        """Execute every proposal that has become justified. Return whether there was one."""
        for number, slot in self._book.live():
            for proposed in list(slot.proposals.values()):
                if not self._is_open(proposed, slot):
                    continue
                parent = self._book.justifying_parent(number, proposed.block)
                if parent is not None:
                    self._execute(proposed, parent, slot)
                    return True
        return False

    def _is_open(self, proposed: Proposed, slot: Slot) -> bool:
        """Return whether a proposal is to be judged: at first, and once more when notarized.

        Others build on a notarized block that this node's clock refused; not to look again would
        cost this node its vote for all that follows (R9).
        """
        block = proposed.block
        if block.hash in self._book.tips:
            return False
        certified = notar_subject(block.slot, block.hash) in slot.certificates
        return not proposed.refused or (certified and not proposed.judged_certified)

    def _execute(self, proposed: Proposed, parent: Tip, slot: Slot) -> None:
        block = proposed.block
        wall_ms = self._now.wall_ms
        if notar_subject(block.slot, block.hash) in slot.certificates:
            proposed.judged_certified = True
            wall_ms = max(wall_ms, block.header.time)
        reason = self._machine.check(block, parent, wall_ms)
        if reason is None:
            self._accept(proposed)
            return
        proposed.refused = True
        self._out.notes.append(f"slot {block.slot}: proposal refused: {reason}")

    def _accept(self, proposed: Proposed) -> None:
        self._book.accept(proposed)
        self._out.executed.append(proposed.block)

    # -- R3, R4, R5: votes -----------------------------------------------------------------------

    def _vote(self) -> bool:
        if not self.may_vote:
            return False
        votes = [self._next_vote(number, slot) for number, slot in self._book.live()]
        for subject in votes:
            if subject is not None:
                self._cast(subject)
        return any(subject is not None for subject in votes)

    def _next_vote(self, number: int, slot: Slot) -> Subject | None:
        own = slot.own
        if "final" in own:
            return None
        if "skip" not in own and self._must_skip(slot):
            return skip_subject(number)
        if "skip" in own:
            return None
        if "notar" not in own:
            first = slot.first_proposal
            ready = first is not None and first in self._book.tips
            return notar_subject(number, first or b"") if ready else None
        subject = own["notar"].subject
        if subject in slot.certificates and subject.block in self._book.tips:
            return final_subject(self._book.tips[subject.block])
        return None

    def _must_skip(self, slot: Slot) -> bool:
        refused = any(proposed.refused for proposed in slot.proposals.values())
        return slot.timed_out or slot.two_faced or refused

    def _cast(self, subject: Subject) -> None:
        seconds = self._now.wall_ms // 1000
        vote = sign_vote(subject, self._signer, self.me, seconds, self.genesis)
        slot = self._book.slot(subject.slot)
        slot.own[subject.kind] = vote
        if subject.kind == "notar" and self.leader(subject.slot) != self.me:
            self._persist_block(slot.proposals[subject.block])
        # R7: durable before it leaves
        self._out.persist.append(Durable(subject.slot, "vote", subject.kind, encode(vote)))
        self._send(VoteMessage(vote))
        self._count(slot, vote, subject)

    def _persist_block(self, proposed: Proposed) -> None:
        block = proposed.block
        self._out.persist.append(
            Durable(block.slot, "block", block.hash.hex(), encode(proposed.wire))
        )

    def _on_vote(self, vote: Vote) -> None:
        if not self.final.slot - EVIDENCE_SLOTS < vote.slot <= self.slot + SLOT_WINDOW:
            return
        slot = self._book.slots.get(vote.slot)
        subject = vote.subject
        if slot is not None and (slot.has(vote, subject) or slot.is_full(vote)):
            return
        verify_vote(vote, self.genesis)
        self._count(self._book.slot(vote.slot), vote, subject)

    def _count(self, slot: Slot, vote: Vote, subject: Subject) -> None:
        """Count a vote. It is news if it completes a quorum: no rule looks at single votes."""
        lie = slot.count(vote, subject)
        self._accuse([] if lie is None else [lie])
        if subject.kind == "notar":
            self._suspect(vote.slot, slot)
        if vote.slot > self.final.slot:
            certificate = slot.certify(subject, self.genesis.quorum)
            if certificate is not None:
                self._news = True
                self._on_quorum(certificate)

    def _suspect(self, number: int, slot: Slot) -> None:
        """Ask for a block that another voter has notarized beside one that is known here.

        Its header convicts the leader, also when no quorum ever sees either block.
        """
        if len(slot.seen) != 1 or number <= self.final.slot:
            return
        for subject, tally in slot.tallies.items():
            if subject.kind == "notar" and subject.block not in slot.seen:
                voters = tuple(sorted(tally))
                self._pursuit.want_block(subject, voters, self._now.ticks_ms)

    def _want_certified(self, certificate: Certificate) -> None:
        at_ms = self._now.ticks_ms + CATCH_UP_DELAY_MS
        self._pursuit.want_block(certificate.subject, certificate.voters, at_ms)

    def _on_quorum(self, certificate: Certificate) -> None:
        subject = certificate.subject
        if subject.kind == "final" and self._conflicts(subject):
            self._stop_on_conflict(certificate)
        else:
            self._on_certified(certificate)

    def _accuse(self, lies: list[Evidence]) -> None:
        self._out.accuse += lies
        for lie in lies:
            self._send(EvidenceMessage(lie))

    # -- certificates ----------------------------------------------------------------------------

    def _on_certificate(self, certificate: Certificate, peer: str | None) -> None:
        subject = certificate.subject
        if subject.slot <= self.final.slot:
            self._on_old_certificate(certificate, peer)
            return
        slot = self._book.slots.get(subject.slot)
        if slot is not None and subject in slot.certificates:
            self._accuse(self._witness.hear(certificate, verified=False))
            return
        verify_certificate(certificate, self.genesis)
        self._news = True
        if subject.kind == "final" and self._conflicts(subject):
            self._stop_on_conflict(certificate)
            return
        self._book.slot(subject.slot).certificates[subject] = certificate
        self._accuse(self._witness.hear(certificate, verified=True))
        self._on_certified(certificate)

    def _on_certified(self, certificate: Certificate) -> None:
        subject = certificate.subject
        name = f"{subject.kind}:{subject.block.hex()}"
        durable = Durable(subject.slot, "certificate", name, encode(certificate))
        if subject.kind == "final":
            self._final_durables.append(durable)
        else:
            self._out.persist.append(durable)
        self._send(CertificateMessage(certificate))  # R1, R8: forwarded once
        if subject.kind == "notar" and subject.block not in self._book.slot(subject.slot).proposals:
            self._want_certified(certificate)

    def _on_old_certificate(self, certificate: Certificate, peer: str | None) -> None:
        subject, final = certificate.subject, certificate.subject.kind == "final"
        if final and self._machine.final_hash(subject.height) != subject.block:
            verify_certificate(certificate, self.genesis)
            self._stop_on_conflict(certificate)
            return
        self._accuse(self._witness.hear(certificate, verified=False))
        if final:
            self._tell_latest(subject, peer)

    def _conflicts(self, subject: Subject) -> bool:
        """Return whether a Final certificate cannot stand beside the final ones known here.

        Along one chain, slots and heights grow together. What is forked elsewhere shows in a range.
        """
        known = [s for _, slot in self._book.live() for s in slot.certificates if s.kind == "final"]
        known.append(final_subject(self.final))
        return any(
            (s.slot < subject.slot) != (s.height < subject.height)
            or (s.slot == subject.slot and s.block != subject.block)
            for s in known
        )

    def _tell_latest(self, subject: Subject, peer: str | None) -> None:
        stale = subject.slot < self.final.slot
        if stale and peer is not None and self.final_certificate is not None:
            self._send(CertificateMessage(self.final_certificate), peer)

    def _stop_on_conflict(self, certificate: Certificate) -> None:
        self._news = True
        self._accuse(self._witness.hear(certificate, verified=True))
        own = [self.final_certificate] if self.final_certificate else []
        for _, slot in self._book.live():
            own += [c for c in slot.certificates.values() if c.subject.kind == "final"]
        subject = certificate.subject
        signers = ", ".join(certificate.voters)
        self.halt = Halt(
            "conflicting-final",
            f"a certificate makes block {subject.block.hex()} final at height {subject.height}, "
            f"against this node's own history; it is signed by {signers}",
            (*(c for c in dict.fromkeys(own) if c != certificate), certificate),
        )

    # -- R6: commit ------------------------------------------------------------------------------

    def _commit(self) -> bool:
        certified = [c for _, slot in self._book.live() if (c := slot.certificate("final"))]
        for certificate in reversed(certified):
            chain = self._chain_to(certificate)
            if chain is not None:
                self._deliver(chain)
                return True
            if self.halt is not None:
                return False
        if certified:
            self._pursuit.want_range(certified[-1], self._now.ticks_ms)
        return False

    def _chain_to(self, certificate: Certificate) -> list[Block] | None:
        self._recheck_refused(certificate.subject)
        try:
            return self._book.chain_to(certificate.subject.block)
        except LookupError:
            self._stop_on_conflict(certificate)
            return None

    def _recheck_refused(self, subject: Subject) -> None:
        """Judge a refused block again now that a quorum made it final, whatever the clock said."""
        proposed = self._book.slot(subject.slot).proposals.get(subject.block)
        if proposed is None or not proposed.refused:
            return
        parent = self._book.justifying_parent(subject.slot, proposed.block)
        if parent is not None and self._check(proposed, parent):
            proposed.refused = False

    def _check(self, proposed: Proposed, parent: Tip) -> bool:
        """Execute a final block; stop if this node gets another result."""
        block = proposed.block
        wall_ms = max(self._now.wall_ms, block.header.time)
        if self._machine.check(block, parent, wall_ms) is not None:
            self._stop_on_divergence(block)
            return False
        self._accept(proposed)
        return True

    def _stop_on_divergence(self, block: Block) -> None:
        why = self._machine.explain(block)
        self.halt = Halt(
            "state-diverged",
            f"a quorum made block {block.height} final, but executing it here gives another "
            f"result: {why}",
        )

    def _deliver(self, chain: list[Block]) -> None:
        for block in chain:
            subject = final_subject(self._book.tips[block.hash])
            certificate = self._book.slot(block.slot).certificates.get(subject)
            justification = self._book.wires[block.hash].justification
            self._out.deliver.append(Deliver(block, justification, certificate))
            if certificate is not None:
                self._book.final_certificate = certificate
        self._advance(self._book.tips[chain[-1].hash])

    def _advance(self, tip: Tip) -> None:
        self._book.advance(tip)
        if self.slot <= tip.slot + 1:
            self.slot = tip.slot + 1
            self.timers.on_slot_entered()
        self.timers.on_final(self._now.ticks_ms)
        self._pursuit.on_final(tip)

    # -- R8, R9: saying it again, catching up ------------------------------------------------------

    def _on_tick(self) -> None:
        now = self._now.ticks_ms
        if self.timers.on_tick(now):
            self._on_timeout()
        if self.timers.resend_at <= now:
            self._say_everything(None)
            self.timers.on_resent(now)
        for send in self._pursuit.due(now, self.final.height):
            self._out.send.append(send)

    def _on_timeout(self) -> None:
        slot = self._book.slot(self.slot)
        slot.timed_out = True
        self.timers.stop_slot()
        leader = self.leader(self.slot)
        if leader in self.silent:
            return
        self.timers.on_timeout()
        if leader != self.me and not slot.proposals:
            self.silent.add(leader)
            self._out.notes.append(f"slot {self.slot}: {leader} is silent")

    def _say_everything(self, peer: str | None) -> None:
        """Say the latest final certificate and everything later (R8)."""
        if self.final_certificate is not None:
            self._send(CertificateMessage(self.final_certificate), peer)
        for _, slot in self._book.live():
            for certificate in slot.certificates.values():
                self._send(CertificateMessage(certificate), peer)
            for proposed in slot.proposals.values():
                if proposed.block.header.proposer == self.me:
                    self._send(Proposal(proposed.wire), peer)
            for vote in slot.own.values():
                self._send(VoteMessage(vote), peer)
        for message in self._machine.own_work():
            self._send(message, peer)

    def _on_want_block(self, peer: str, block: bytes) -> None:
        wire = self._book.wires.get(block)
        if wire is not None:
            self._send(Proposal(wire), peer)
        elif self.final_certificate is not None:
            self._send(CertificateMessage(self.final_certificate), peer)

    def _on_range(self, message: Range) -> None:
        """Take final blocks from a peer: one later certificate proves them all (R9)."""
        self._news = True
        blocks = [wire.block() for wire in message.blocks]
        if blocks[0].height != self.final.height + 1:
            return
        refuse_unproved(message, blocks, self.genesis)
        if blocks[0].parent != self.final.hash:
            self._stop_on_conflict(message.certificate)
            return
        parent = self.final
        for wire, block in zip(message.blocks, blocks, strict=True):
            refuse_not_the_leaders(block, self.genesis)
            refuse_unjustified(wire, block, self.genesis, self._book.is_known)
            self._accuse(self._witness.read(wire, block))
            self._machine.refuse_forged(block)
            if block.hash not in self._book.tips and not self._check(Proposed(block, wire), parent):
                return
            parent = self._book.tips[block.hash]
        if message.headers:
            self._deliver(blocks)
        self._on_certificate(message.certificate, None)

    def _send(self, message: Message, peer: str | None = None) -> None:
        self._out.send.append(Send(peer, message))

    # -- restart ---------------------------------------------------------------------------------

    def _restore(self, saved: Saved) -> None:
        """Take back votes, blocks and certificates from before a restart (I2).

        What they prove is told again with the first step: the power may have failed before.
        """
        lies = self._remembered
        if saved.certificate is not None:
            lies += self._witness.hear(saved.certificate, verified=True)
        for durable in saved.durables:
            if durable.slot <= self.final.slot:
                continue
            slot = self._book.slot(durable.slot)
            if durable.kind == "vote":
                vote = decode_vote(durable.body)
                slot.own[vote.kind] = vote
                slot.count(vote, vote.subject)
            elif durable.kind == "certificate":
                certificate = decode_certificate(durable.body)
                slot.certificates[certificate.subject] = certificate
                lies += self._witness.hear(certificate, verified=True)
            else:
                wire = decode_block(durable.body)
                block = wire.block()
                lies += self._witness.see(block, self.slot)
                slot.add_header(block)
                slot.add_proposal(Proposed(block, wire))
        while self._judge() or self._enter():
            pass
        for _, slot in self._book.live():
            for subject, certificate in slot.certificates.items():
                if subject.kind == "notar" and subject.block not in slot.proposals:
                    self._want_certified(certificate)
