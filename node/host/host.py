"""The host: takes events, steps the replica, and performs its effects in order.

Persist, send, deliver, accuse, notes: nothing leaves before it is durable (R7, I2), and a client
hears "final" only after the block is committed (I4). Synchronous and single threaded. Clock,
network and store are handed in; everything else is the same in production and in simulation.

What is not the replica's has files of its own beside this one: own records (``journal``), what
peers ask (``answers``), evidence (``gossip``), who votes (``voters``), the way back after a lost
database (``recovery``) or a restart (``restart``), and the end (``ending``).
"""

from __future__ import annotations

import logging
from collections import Counter, deque

from consensus.effects import (
    Deliver,
    Effects,
    Event,
    Halt,
    PeerDown,
    PeerUp,
    Received,
    Tick,
    WorkArrived,
)
from consensus.errors import ConsensusError
from consensus.messages import (
    BatchMessage,
    ChangesMessage,
    EvidenceMessage,
    Message,
    Range,
    Voting,
    WantBlock,
    WantChanges,
    WantJournal,
    decode,
    encode,
    wire_batch,
)
from consensus.messages import (
    Journal as JournalMessage,
)
from consensus.replica import Replica
from ledger.batch import Batch
from ledger.errors import LedgerError
from ledger.genesis import Genesis
from ledger.keys import Signer
from node.errors import CorruptLedger, Halted, NodeError
from node.host.accusations import Accusations
from node.host.answers import Answers
from node.host.ending import Ending
from node.host.gossip import Gossip
from node.host.journal import Journal
from node.host.machine import LedgerMachine
from node.host.pool import Pool
from node.host.questions import QUESTIONS, Questions
from node.host.recovery import Recovery
from node.host.restart import FORK_MET, met_a_fork, saved, take_back_batches
from node.host.sender import Sender
from node.host.submission import Submission
from node.host.surroundings import Clock, Network
from node.host.voters import Voters
from node.storage.store import ConsensusItem, Store

logger = logging.getLogger("tongzhang.host")


class Host:
    """One node's core: journal, pool, replica and store, driven by events.

    Args:
        genesis: The ledger.
        party: This node's party.
        signer: This party's key.
        store: The database.
        network: The way to the peers.
        clock: The clocks.
    """

    def __init__(
        self,
        genesis: Genesis,
        party: str,
        signer: Signer,
        store: Store,
        *,
        network: Network,
        clock: Clock,
    ) -> None:
        self.genesis = genesis
        self.party = party
        self.store = store
        self.pool = Pool(genesis)
        self.machine = LedgerMachine(genesis, party, signer, store, self.pool)
        self.journal = Journal(genesis, party, signer, store, self.pool)
        self.halted: Halted | None = None
        self.rejected: Counter[tuple[str, str]] = Counter()
        """Dropped frames by peer and reason code."""
        self._ending: Ending | None = None
        self._clock = clock
        self._events: deque[Event] = deque()
        self._busy = False
        others = tuple(name for name in genesis.names if name != party)
        remembers = not store.abstains()
        self.journal.may_seal = remembers or not others
        self._sender = Sender(network, others)
        self.voters = Voters(genesis, party, self._sender, clock, remembers=remembers)
        self._questions = Questions()
        self._answers = Answers(
            genesis, store, self.pool, self.machine, heard=lambda party: self.replica.heard(party)
        )
        self.recovery = Recovery(
            genesis, party, others, journal=self.journal, machine=self.machine, store=store
        )
        try:
            self.accusations = Accusations(store)
            take_back_batches(genesis, store, self.pool, self.journal)
            self.replica = Replica(
                genesis,
                party,
                signer,
                self.machine,
                saved(store),
                now=clock.now(),
                may_vote=remembers and party in genesis.voters,
            )
        except (ConsensusError, LedgerError) as error:
            raise CorruptLedger(f"a stored vote, batch or evidence is damaged: {error}.") from None
        if met_a_fork(store):
            self._stop(*FORK_MET)
        self._gossip = Gossip(
            genesis,
            party,
            self.accusations,
            machine=self.machine,
            sender=self._sender,
            clock=clock,
        )

    # -- what comes in ----------------------------------------------------------------------------

    def receive(self, peer: str, frame: bytes) -> None:
        """Take one frame of an authenticated peer. Bad frames are counted and dropped."""
        if self.halted is not None:
            return
        try:
            message = decode(frame)
            if self._ending is None or self._ending.hears(message):
                self._dispatch(peer, message)
        except (ConsensusError, LedgerError) as error:
            self._reject(peer, error)
        except NodeError as error:
            self._stop(error.code, error.message)

    def peer_up(self, peer: str) -> None:
        """Learn that a peer is connected: tell it what it may have missed."""
        self.voters.greet(peer)
        if not self.journal.may_seal:
            self._sender.tell(peer, WantJournal())
        self._gossip.greet(peer)
        if self._ending is not None:
            self._ending.greet(peer)
        self._run(PeerUp(peer))

    def peer_down(self, peer: str) -> None:
        """Learn that a peer is gone."""
        self.voters.lose(peer)
        self._run(PeerDown(peer))

    def tick(self) -> None:
        """Let timers fire; to be called at :meth:`deadline_ms` or later."""
        now_ms = self._clock.now().ticks_ms
        if self._ending is not None and self._ending.until_ms <= now_ms:
            self._stop(self._ending.halt.code, self._ending.message())
        if self.halted is not None:
            return
        try:
            self._answer_questions()
            if self._gossip.say_again(now_ms):
                self.voters.say()
            if self._ending is not None:
                self._ending.ask()
        except NodeError as error:
            self._stop(error.code, error.message)
        self._run(Tick())

    def deadline_ms(self) -> int:
        """Return when the next tick is wanted, on the steady clock."""
        paused = self._questions.next_at()
        if self._ending is None:
            return min([self.replica.deadline_ms(), *paused])
        if self._ending.inquiry is None:
            return self._ending.until_ms
        return min([self._ending.inquiry.next_at(), *paused])

    def submit(self, raws: list[bytes]) -> list[Submission]:
        """Take records of this party.

        Raises:
            Halted: the node has stopped.
            Busy: the queue is full; nothing of this call was taken.
        """
        self._refuse_stopped()
        submissions = self.journal.submit(raws)
        self._pump()
        self._refuse_stopped()
        return submissions

    def stopped(self) -> Halted | None:
        """Return why this host takes and votes no more; None while it does."""
        if self.halted is None and self._ending is not None:
            return Halted(self._ending.halt.code, self._ending.halt.message)
        return self.halted

    def _refuse_stopped(self) -> None:
        stopped = self.stopped()
        if stopped is not None:
            raise stopped

    # -- events and effects -----------------------------------------------------------------------

    def _run(self, event: Event) -> None:
        """Step the replica through ``event`` and what follows from it."""
        self._events.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            while self._events and self.halted is None and self._ending is None:
                self._step(self._events.popleft())
        except NodeError as error:
            self._stop(error.code, error.message)
        except Exception as error:
            # I2: what the replica has said in this step may not be durable; it says no more.
            self._stop("internal-error", f"{type(error).__name__}: {error}")
            raise
        finally:
            self._events.clear()
            self._busy = False

    def _step(self, event: Event) -> None:
        effects = self.replica.step(event, self._clock.now())
        if effects.rejected is not None and isinstance(event, Received):
            self._reject(event.peer, effects.rejected)
        self._perform(effects)
        self._gossip.share_found()
        self._ask_about_differences()
        if effects.deliver:
            self._resume_sealing()
            self._pump()

    def _perform(self, effects: Effects) -> None:
        if effects.persist:
            self.store.save([ConsensusItem(*durable) for durable in effects.persist])
        for send in effects.send:
            self._sender.send(send)
        for block in effects.executed:
            self.journal.mark_ordered(block)
        for deliver in effects.deliver:
            self._deliver(deliver)
        for evidence in effects.accuse:
            self._gossip.keep(evidence)  # the replica has told the others
        for note in effects.notes:
            logger.info("%s: %s", self.party, note)
        if effects.halt is not None:
            self._on_halt(effects.halt)

    def _deliver(self, deliver: Deliver) -> None:
        block = deliver.block
        execution = self.machine.execution(block.hash)
        own = [batch.number for batch in block.batches if batch.party == self.party]
        self.store.commit(
            block,
            execution,
            encode(deliver.certificate) if deliver.certificate is not None else None,
            encode(deliver.justification),
            journal_upto=max(own, default=0),
        )
        self.machine.settle(self.store.tip())
        self.pool.forget_final({batch.party: batch.number for batch in block.batches})
        self.journal.on_final(block, execution)  # I4: answered after the commit

    def _pump(self) -> None:
        try:
            batch = self.journal.pump(self.store.tip(), self._clock.now().wall_ms)
        except NodeError as error:
            self._stop(error.code, error.message)
            return
        if batch is not None:
            self._sender.tell_all(BatchMessage(wire_batch(batch)))
            self._run(WorkArrived())

    def _ask_about_differences(self) -> None:
        questions, self.machine.questions = self.machine.questions, []
        for proposer, block in questions:
            self._sender.tell(proposer, WantChanges(block))

    # -- messages that are not the replica's ------------------------------------------------------

    def _dispatch(self, peer: str, message: Message) -> None:
        if isinstance(message, BatchMessage):
            self._on_batch(message.batch.batch())
        elif isinstance(message, EvidenceMessage):
            self._gossip.on_evidence(peer, message.evidence)
        elif isinstance(message, QUESTIONS):
            self._questions.put(peer, message)
            self._answer_questions()
        elif isinstance(message, JournalMessage):
            self._on_journal(peer, message)
        elif isinstance(message, ChangesMessage):
            self._on_changes(peer, message)
        elif isinstance(message, Voting):
            self.voters.hear(peer, message)
        elif isinstance(message, Range) and self._ending is not None:
            self._ending.on_range(peer, message)
        else:
            self._run(Received(peer, message))

    def _answer_questions(self) -> None:
        for peer, question in self._questions.waiting():
            began_ms = self._clock.now().ticks_ms
            if self._questions.take(peer, question, began_ms):
                self._answer(peer, question)
                self._questions.answered(peer, began_ms, self._clock.now().ticks_ms)

    def _answer(self, peer: str, question: Message) -> None:
        if isinstance(question, WantBlock):
            self._run(Received(peer, question))
            return
        answer = self._answers.to(peer, question)
        if answer is not None:
            self._sender.tell(peer, answer)

    def _on_batch(self, batch: Batch) -> None:
        if batch.party not in self.genesis.verifiers:
            return
        wanted, watch = self.pool.wants(batch), self.machine.watch
        if not wanted and not watch.contradicts(batch):
            return
        self.machine.verify_batch(batch)
        self.machine.lies += watch.see(batch)
        self._gossip.share_found()
        if not wanted:
            return
        if batch.party == self.party and not self.journal.may_seal:
            self.journal.adopt(batch)
        self.pool.add(batch)
        self._run(WorkArrived())

    def _on_journal(self, peer: str, message: JournalMessage) -> None:
        if not self.journal.may_seal:
            self.recovery.on_journal(peer, message)
            self._resume_sealing()

    def _resume_sealing(self) -> None:
        if self.journal.may_seal or not self.recovery.is_complete():
            return
        self.journal.resume()
        logger.warning("%s: own journal is complete; signing records again", self.party)
        self._pump()

    def _on_changes(self, peer: str, message: ChangesMessage) -> None:
        text = self.machine.compare_changes(message.hash, message.changes)
        if text is None:
            return
        logger.error("%s: a block of %s comes out differently here: %s", self.party, peer, text)
        if self._ending is not None:
            halt = self._ending.halt
            self._stop(halt.code, f"{halt.message}; {text}")

    def _reject(self, peer: str, error: Exception) -> None:
        code = getattr(error, "code", "error")
        self.rejected[peer, code] += 1
        if self.rejected[peer, code] == 1:
            logger.warning("%s: dropped a message of %s: %s", self.party, peer, error)

    # -- stopping and starting --------------------------------------------------------------------

    def _on_halt(self, halt: Halt) -> None:
        ending = Ending(
            self.genesis,
            self.party,
            halt,
            store=self.store,
            machine=self.machine,
            sender=self._sender,
            gossip=self._gossip,
            clock=self._clock,
        )
        if ending.begin():
            self._ending = ending
            self.voters.stop_voting(halt.code)
        else:
            self._stop(halt.code, halt.message)

    def _stop(self, code: str, message: str) -> None:
        if self.halted is None:
            self.halted = Halted(code, message)
            logger.critical("%s: stopped for safety: %s: %s", self.party, code, message)
            self.voters.stop_voting(code)
