"""The Simplex replica: one pure machine, ``step(event, now) -> Effects``.

n voters, quorum q, slots 1, 2, …; the leader rotates with the slot. The rules, cited below:

- R1 enter slot s when slot s−1 has a Notar or a Skip certificate; forward it; start the slot's
  timer if work is pending.
- R2 the leader proposes once, on the highest notarized block such that every slot between has a
  Skip certificate; the proposal carries the last of those certificates.
- R3 vote Notar for the leader's first justified and valid proposal; once per slot; never after
  Skip.
- R4 vote Skip on timeout, a bad or a second proposal, or after n−q+1 others; never after Final.
- R5 vote Final on a Notar certificate for the block this replica notarized, unless it voted Skip.
- R6 with q Final votes the block and its ancestors are final.
- R7 a vote is durable before it leaves; who lost its votes does not vote again.
- R8 certificates are forwarded once; after a time without progress what is later than the last
  final and not skipped is said again; a silent leader gets no time.
- R9 who is behind fetches final blocks by range; nothing is rejected because the clock moved on.
- R10 who lacks exit certificates of slots before a block fetches them in pieces; the block waits.
- R11 who starts signs nothing until enough others have said what its key has signed; that is its
  own from then on. A key that has contradicted itself signs nothing more.

R3 to R5 are conditions per slot, not on the current slot.

The replica takes events and applies the rules until none has anything more to do; it keeps R1, the
timers, what is said again (R8) and what is taken back after a restart (I2) itself. The other rules
are functions of one :class:`~consensus.context.Context`, with a file for each group:

============================  ====================================================================
part                          does
============================  ====================================================================
:mod:`consensus.proposals`    R2: proposals, made and taken
:mod:`consensus.judge`        R3: which blocks are valid here
:mod:`consensus.voter`        R3, R4, R5, R7: what this voter signs
:mod:`consensus.certificates` R1, R8: votes become certificates, forwarded once; I1: conflicts
:mod:`consensus.finality`     R6, R9: blocks become final, singly or by range
:mod:`consensus.fetching`     R9, R10: which blocks, ranges and exit certificates are asked for
:mod:`consensus.exits`        R10: exit certificates, given and taken in pieces
:mod:`consensus.witness`      I8: every statement compared; lies become evidence
:mod:`consensus.statements`   R11: what others know of this key, asked, told and taken as own
:mod:`consensus.papers`       I2: what was durable before a restart
============================  ====================================================================

Source: B. Chan, R. Pass, "Simplex Consensus: A Simple and Fast Consensus Protocol", 2023.
"""

from __future__ import annotations

from consensus import (
    certificates,
    exits,
    finality,
    judge,
    papers,
    proposals,
    statements,
    voter,
)
from consensus.block_tree import BlockTree
from consensus.context import Context, Step
from consensus.effects import (
    Deliver,
    Effects,
    Event,
    Halt,
    Machine,
    MaySign,
    Now,
    PeerDown,
    PeerUp,
    Recalled,
    Received,
    Rejected,
    Saved,
    SignsNoMore,
    Tick,
)
from consensus.errors import ConsensusError
from consensus.fetching import OWN, Fetching
from consensus.justification import leader_of
from consensus.messages import (
    CertificateMessage,
    Exits,
    Message,
    Proposal,
    Range,
    VoteMessage,
    WantBlock,
    WantExits,
)
from consensus.patience import Patience
from consensus.timers import Timers
from ledger.batch import Batch
from ledger.block import Tip, decode_header
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
        recalling: Whether it signs nothing before :class:`~consensus.effects.MaySign` (R11).
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
        recalling: bool = False,
    ) -> None:
        self.genesis = genesis
        self.me = me
        self.may_vote = may_vote
        """Whether this replica votes, now or once it may sign; never again once it is False."""
        self.recalling = recalling
        self._patience = Patience(genesis, me)
        self._hurried = False
        """Whether the current slot's leader is given no time."""
        self.timers = Timers(genesis.timeouts, now.ticks_ms)
        self._tree = BlockTree(saved.tip, saved.certificate)
        self._step = Step(now)
        self._fetching = Fetching(genesis.names, me)
        self._context = Context(
            genesis=genesis,
            me=me,
            signer=signer,
            machine=machine,
            tree=self._tree,
            fetching=self._fetching,
            timers=self.timers,
            patience=self._patience,
            step=self._step,
            may_vote=may_vote,
        )
        papers.take_back(saved, self._context)
        self._resume()

    @property
    def slot(self) -> int:
        """The slot that this replica is in."""
        return self._tree.current

    @property
    def final(self) -> Tip:
        """The last final block."""
        return self._tree.final

    @property
    def halt(self) -> Halt | None:
        """Why this replica has stopped for good; None while it has not."""
        return self._step.halt

    @property
    def silent(self) -> tuple[str, ...]:
        """The leaders that are given no time (R8)."""
        return self._patience.silent(self._step.now.ticks_ms, moving=self.timers.moving)

    @property
    def useful(self) -> bool:
        """Whether the latest step took something that was not known before."""
        return self._step.news or self._step.counted

    def owes_range(self, peer: str) -> bool:
        """Return whether a peer was asked for final blocks and has not answered."""
        return self._fetching.owes_range(peer)

    def owes_exits(self, peer: str) -> bool:
        """Return whether a peer was asked for exit certificates of slots that are not final."""
        return self._fetching.owes_exits(peer)

    def known_of(self, party: str, first_slot: int) -> statements.KnownStatements:
        """Return what is known of a party's votes and proposals that are not final (R11)."""
        return statements.collect(self._tree, party, first_slot, self.genesis)

    def batches_of(self, party: str) -> list[Batch]:
        """Return the batches of a party in blocks that are not final."""
        return statements.batches_of(self._tree, party)

    def woken(self) -> list[Deliver]:
        """Return the blocks that its papers make final, once, after a start."""
        delivered, self._step.effects.deliver = self._step.effects.deliver, []
        return delivered

    # -- in and out ------------------------------------------------------------------------------

    def step(self, event: Event, now: Now) -> Effects:
        """Take one event and return what the host is to do about it.

        A message that does not decode, verify or belong to its sender is dropped, and the reason
        stands in ``rejected``.
        """
        self._step.begin(now, news=not isinstance(event, Received | Recalled))
        if self._step.halt is None:
            self._on_event(event)
            self._hear_of_itself()
            if self._step.news:
                self._settle()
        return self._step.end()

    def deadline_ms(self) -> int:
        """Return when the replica wants its next Tick, on the steady clock."""
        return min(self.timers.next_at(), self._fetching.next_at())

    def leader(self, slot: int) -> str:
        """Return the leader of ``slot``: the voters take turns in genesis order."""
        return leader_of(slot, self.genesis)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Received):
            try:
                self._on_message(event.peer, event.message)
            except (ConsensusError, LedgerError) as error:
                self._step.effects.rejected = Rejected(event.peer, error)
        elif isinstance(event, PeerUp):
            self._patience.up(event.peer, self._step.now.ticks_ms)
            self._say_everything(event.peer)
        elif isinstance(event, PeerDown):
            self._patience.down(event.peer)
        elif isinstance(event, Tick):
            self._on_tick()
        elif isinstance(event, Recalled):
            statements.take(self._context, event)
        elif isinstance(event, MaySign):
            self.recalling = False
        elif isinstance(event, SignsNoMore):
            self.may_vote = False

    def _on_message(self, peer: str, message: Message) -> None:
        if isinstance(message, VoteMessage):
            certificates.on_vote(self._context, message.vote)
        elif isinstance(message, CertificateMessage):
            certificates.on_certificate(self._context, message.certificate, peer)
        elif isinstance(message, Proposal):
            self._on_proposal(message)
        elif isinstance(message, Exits):
            exits.on_exits(self._context, peer, message)
        elif isinstance(message, Range):
            finality.on_range(self._context, message, peer)
        elif isinstance(message, WantBlock | WantExits):
            self._answer(peer, message)

    def _answer(self, peer: str, question: WantBlock | WantExits) -> None:
        if isinstance(question, WantBlock):
            answer = self._tree.block_or_latest(question.hash)
        else:
            answer = exits.answer(self._tree, question)
        if answer is not None:
            self._step.send(answer, peer)

    def _on_proposal(self, message: Proposal) -> None:
        proposals.on_proposal(self._context, message.block)
        if self._step.news:
            proposer = decode_header(message.block.header).proposer
            self._patience.heard(proposer, self._step.now.ticks_ms)

    def _settle(self) -> None:
        """Apply the rules until none has anything more to do."""
        moving = True
        while moving and self._step.halt is None:
            moving = finality.commit(self._context) or proposals.admit(self._context)
            moving = moving or judge.judge_next(self._context)
            self._hear_of_itself()
            moving = moving or self._enter() or self._propose()
            moving = self._vote() or moving
        for block in self._tree.rest():
            self._context.machine.forget(block)
        self._step.effects.halt = self._step.halt
        self._arm()

    def _hear_of_itself(self) -> None:
        """Sign nothing more once this very key is convicted, in the same step (R11)."""
        effects = self._step.effects
        if any(lie.party == self.me for lie in (*effects.accuse, *effects.found)):
            self.may_vote = False

    def _signs(self) -> bool:
        return self.may_vote and not self.recalling

    def _propose(self) -> bool:
        if self.leader(self.slot) != self.me or not self._signs() or self.slot <= self._tree.proved:
            return False
        return proposals.propose(self._context, self.slot, empty=self.timers.empty_due)

    def _vote(self) -> bool:
        return self._signs() and voter.cast_votes(self._context)

    def _resume(self) -> None:
        """Execute again what is not stored, and ask for blocks that are certified and not here."""
        context = self._context
        while judge.judge_next(context) or self._enter() or finality.commit(context):
            pass
        for certificate in [c for _, slot in self._tree.live() for c in slot.certificates.values()]:
            certificates.want_block_of(context, certificate)
        self._step.effects.halt = self._step.halt

    # -- R1: slots -------------------------------------------------------------------------------

    def _enter(self) -> bool:
        ahead = [s for s, slot in self._tree.live() if s >= self.slot and slot.exit_certificate]
        if not ahead:
            return False
        self._tree.enter(max(ahead) + 1)
        self._fetching.on_whole(OWN)
        self.timers.stop_slot()
        return True

    def _arm(self) -> None:
        """Start or stop timers by whether work is pending (R1): idle, no slot burns."""
        now = self._step.now.ticks_ms
        head = self._tree.head()
        waiting = head.size > self.final.size or self._tree.lacks_notarized()
        work = self._context.machine.has_work(head, self._step.now.wall_ms)
        pending = waiting or self._sees_proposal() or work
        self.timers.work(pending, now)
        self._end_turn(now)
        current = self._tree.slots.get(self.slot)
        over = current is not None and current.timed_out
        if not pending or over or self.recalling:
            self.timers.stop_slot()
            self._patience.end(now, wasted=False)
            return
        leader = self.leader(self.slot)
        self._hurried = self._gives_no_time(leader, work=work)
        if not self._hurried:
            proposed = current is not None and current.first_proposal is not None
            due_ms = now if work else now + self.timers.slot_ms // 2  # of an empty block, at last
            self._patience.begin(self.slot, leader, due_ms, proposed=proposed)
        self.timers.start_slot(now, leader_silent=self._hurried, waiting=waiting)

    def _gives_no_time(self, leader: str, *, work: bool) -> bool:
        """Return whether a leader is silent; one that is connected may still wait for work."""
        if leader not in self.silent:
            return False
        return self._patience.is_down(leader) or work

    def _end_turn(self, now_ms: int) -> None:
        """Note that a proposal is here that was waited for, or that its slot is over."""
        number = self._patience.waiting
        if number is None:
            return
        slot = self._tree.slots.get(number)
        for first in self._tree.proposed_in(number)[:1]:
            self._patience.proposed(first.block.record_count, now_ms)
        if number != self.slot:
            skipped = slot is not None and slot.skipped and slot.certificate("notar") is None
            self._patience.end(now_ms, wasted=skipped)
            self.timers.moving = self.timers.moving and not skipped

    def _sees_proposal(self) -> bool:
        """Return whether a proposal waits for a slot that is not over.

        One of a slot that was left is no work: what it held is in the pool, or it was a lie.
        """
        current = self._tree.current
        waits = any(each.block.slot >= current for each in self._tree.waiting.values())
        return waits or any(s >= current and slot.proposals for s, slot in self._tree.live())

    # -- time ------------------------------------------------------------------------------------

    def _on_tick(self) -> None:
        now = self._step.now.ticks_ms
        if self.timers.on_tick(now):
            self._on_timeout()
        if self.timers.resend_at <= now:
            self._say_everything(None)
            self.timers.on_resent(now)
        self._step.effects.send += self._fetching.due(now, self.final.height)

    def _on_timeout(self) -> None:
        self._tree.slot(self.slot).timed_out = True
        self.timers.stop_slot()
        leader, now = self.leader(self.slot), self._step.now.ticks_ms
        self._patience.end(now, wasted=not self._hurried)
        if self._hurried:
            return
        self.timers.on_timeout()
        if leader != self.me and not self._tree.proposed_in(self.slot):
            self._step.effects.notes.append(f"slot {self.slot}: {leader} is silent")

    def _say_everything(self, peer: str | None) -> None:
        """Say the latest final certificate and everything later, and the pool's batches (R8)."""
        for message in self._tree.everything_later(self.me):
            self._step.send(message, peer)
        for message in self._context.machine.own_work():
            self._step.send(message, peer)
