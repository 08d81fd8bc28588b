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

The replica takes events and applies the rules until none has anything more to do; it keeps R1 and
the timers itself. Its parts share one :class:`~consensus.book.Book` of what is known and one
:class:`~consensus.step.Step` of what is done:

============================  ====================================================
part                          does
============================  ====================================================
:mod:`consensus.proposals`    R2: proposals, made and taken
:mod:`consensus.judge`        R3: which blocks are valid here
:mod:`consensus.voter`        R3, R4, R5, R7: what this voter signs
:mod:`consensus.certificates` R1, R8: votes become certificates, forwarded once
:mod:`consensus.finality`     R6, R9: blocks become final, singly or by range
:mod:`consensus.rebroadcast`  R8: what is said again
:mod:`consensus.pursuit`      R9: which blocks and ranges are asked for
:mod:`consensus.witness`      I8: every statement compared; lies become evidence
:mod:`consensus.conflict`     I1: Final certificates against the own history
:mod:`consensus.restart`      I2: what is taken back after a restart
============================  ====================================================

Source: B. Chan, R. Pass, "Simplex Consensus: A Simple and Fast Consensus Protocol", 2023.
"""

from __future__ import annotations

from consensus.book import Book
from consensus.certificates import Certificates
from consensus.effects import (
    Effects,
    Event,
    Halt,
    Machine,
    Now,
    PeerDown,
    PeerUp,
    Received,
    Saved,
    Tick,
)
from consensus.errors import ConsensusError
from consensus.finality import Finality
from consensus.judge import Judge
from consensus.justification import leader_of
from consensus.messages import (
    CertificateMessage,
    Message,
    Proposal,
    Range,
    VoteMessage,
    WantBlock,
)
from consensus.proposals import Proposals
from consensus.pursuit import Pursuit
from consensus.rebroadcast import answer_want_block, everything_later
from consensus.restart import take_back
from consensus.step import Step
from consensus.timers import Timers
from consensus.voter import Voter
from consensus.votes import Certificate
from consensus.witness import Witness
from ledger.block import Tip
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
        self.silent: set[str] = set()
        self.timers = timers = Timers(genesis.timeouts, now.ticks_ms)
        self._machine = machine
        self._book = book = Book(saved.tip, saved.certificate)
        self._step = step = Step(now)
        witness = Witness(book, genesis)
        self._pursuit = pursuit = Pursuit(genesis.names, me)
        self._judge = judge = Judge(book, step, machine)
        self._certificates = certificates = Certificates(
            book, step, genesis, witness=witness, pursuit=pursuit, machine=machine
        )
        self._proposals = Proposals(
            book,
            step,
            genesis,
            certificates=certificates,
            judge=judge,
            witness=witness,
            pursuit=pursuit,
            machine=machine,
        )
        self._voter = Voter(book, step, genesis, certificates=certificates, me=me, signer=signer)
        self._finality = Finality(
            book,
            step,
            genesis,
            certificates=certificates,
            judge=judge,
            witness=witness,
            pursuit=pursuit,
            timers=timers,
            machine=machine,
        )
        self._remembered = take_back(saved, book, witness, genesis, machine=machine)
        self._resume()

    @property
    def slot(self) -> int:
        """The slot that this replica is in."""
        return self._book.current

    @property
    def final(self) -> Tip:
        """The last final block."""
        return self._book.final

    @property
    def final_certificate(self) -> Certificate | None:
        """The latest certificate that made a block final."""
        return self._book.final_certificate

    @property
    def halt(self) -> Halt | None:
        """Why this replica has stopped for good; None while it has not."""
        return self._step.halt

    def heard(self, party: str) -> bool:
        """Return whether any vote or proposal of ``party`` is known here that is not final."""
        return self._book.heard(party)

    # -- in and out ------------------------------------------------------------------------------

    def step(self, event: Event, now: Now) -> Effects:
        """Take one event and return what the host is to do about it.

        A message that does not decode, verify or belong to its sender is dropped, and the reason
        stands in ``rejected``.
        """
        effects = self._step.begin(now, news=not isinstance(event, Received))
        if self._step.halt is not None:
            return effects
        self._step.accuse(self._remembered)
        self._remembered = []
        try:
            self._on_event(event)
        except (ConsensusError, LedgerError) as error:
            effects.rejected = error
        if self._step.news:
            self._settle()
        return effects

    def deadline_ms(self) -> int:
        """Return when the replica wants its next Tick, on the steady clock."""
        return min(self.timers.next_at(), self._pursuit.next_at())

    def leader(self, slot: int) -> str:
        """Return the leader of ``slot``: the voters take turns in genesis order."""
        return leader_of(slot, self.genesis)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Received):
            self._step.news = event.peer in self.silent  # it speaks: its slots get time again
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
            self._certificates.on_vote(message.vote)
        elif isinstance(message, CertificateMessage):
            self._certificates.on_certificate(message.certificate, peer)
        elif isinstance(message, Proposal):
            self._proposals.on_proposal(message.block)
        elif isinstance(message, WantBlock):
            answer = answer_want_block(message.hash, self._book)
            if answer is not None:
                self._step.send(answer, peer)
        elif isinstance(message, Range):
            self._finality.on_range(message)

    def _settle(self) -> None:
        """Apply the rules until none has anything more to do."""
        moving = True
        while moving and self._step.halt is None:
            moving = self._finality.commit() or self._judge.judge()
            moving = moving or self._enter() or self._propose()
            moving = self._vote() or moving
        self._step.close(self._book.final.slot)
        self._arm()

    def _propose(self) -> bool:
        if self.leader(self.slot) != self.me or not self.may_vote:
            return False
        return self._proposals.propose(self.slot, empty=self.timers.empty_due)

    def _vote(self) -> bool:
        return self.may_vote and self._voter.vote()

    def _resume(self) -> None:
        """Execute again what is not final, and ask for blocks that are certified and not here."""
        while self._judge.judge() or self._enter():
            pass
        for _, slot in self._book.live():
            for subject, certificate in slot.certificates.items():
                if subject.kind == "notar" and subject.block not in slot.proposals:
                    self._certificates.want_block_of(certificate)

    # -- R1: slots -------------------------------------------------------------------------------

    def _enter(self) -> bool:
        current = self._book.current
        ahead = [s for s, slot in self._book.live() if s >= current and slot.exit_certificate]
        if not ahead:
            return False
        self._book.current = max(ahead) + 1
        self.timers.on_slot_entered()
        return True

    def _arm(self) -> None:
        """Start or stop timers by whether work is pending (R1): idle, no slot burns."""
        now = self._step.now.ticks_ms
        unfinal = any(slot.certificate("notar") for _, slot in self._book.live())
        head, wall_ms = self._book.head(), self._step.now.wall_ms
        pending = unfinal or self._sees_proposal() or self._machine.has_work(head, wall_ms)
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
        current = self._book.current
        return any(s >= current and slot.proposals for s, slot in self._book.live())

    # -- time ------------------------------------------------------------------------------------

    def _on_tick(self) -> None:
        now = self._step.now.ticks_ms
        if self.timers.on_tick(now):
            self._on_timeout()
        if self.timers.resend_at <= now:
            self._say_everything(None)
            self.timers.on_resent(now)
        self._step.effects.send += self._pursuit.due(now, self.final.height)

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
            self._step.effects.notes.append(f"slot {self.slot}: {leader} is silent")

    def _say_everything(self, peer: str | None) -> None:
        """Say the latest final certificate and everything later, and the pool's batches (R8)."""
        for message in everything_later(self._book, self.me):
            self._step.send(message, peer)
        for message in self._machine.own_work():
            self._step.send(message, peer)
