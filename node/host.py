"""The host: takes events, steps the replica, and performs its effects in order.

Persist, send, deliver, accuse, notes: nothing leaves before it is durable (R7, I2), and a client
hears "final" only after the block is committed (I4). Synchronous and single threaded. Clock,
network and store are handed in; everything else is the same in production and in simulation.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from typing import Protocol

from consensus.effects import (
    Deliver,
    Durable,
    Effects,
    Event,
    Halt,
    Now,
    PeerDown,
    PeerUp,
    Received,
    Saved,
    Send,
    Tick,
    WorkArrived,
)
from consensus.errors import ConsensusError
from consensus.evidence import Evidence, verify_evidence
from consensus.messages import (
    BatchMessage,
    CertificateMessage,
    ChangesMessage,
    EvidenceMessage,
    Message,
    Range,
    WantChanges,
    WantJournal,
    WantRange,
    WireBatch,
    decode,
    decode_batch,
    decode_certificate,
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
from ledger.limits import SAFE_INTEGER_MAX
from node.accusations import Accusations
from node.catchup import range_from
from node.errors import CorruptLedger, Halted, NodeError
from node.inquiry import CONFLICT, REPORT, Inquiry
from node.journal import Journal
from node.limits import DIFFERENCE_WAIT_MS, EVIDENCE_SAY_MS
from node.machine import LedgerMachine, head_in
from node.pool import Pool
from node.questions import QUESTIONS, Questions
from node.storage.store import ConsensusItem, Store
from node.submission import Submission

HEARD = {
    "state-diverged": (ChangesMessage,),
    "conflicting-final": (EvidenceMessage, Range, WantRange),
}
"""What a host still hears between the moment that it stopped voting and its end."""

logger = logging.getLogger("tongzhang.host")


class Network(Protocol):
    """The host's way to its peers."""

    def send(self, peer: str, frame: bytes) -> None:
        """Send a frame; never blocks, may lose it."""


class Clock(Protocol):
    """The host's clocks."""

    def now(self) -> Now:
        """Return steady ticks and wall time, both in ms."""


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
        self._ending: tuple[Halt, int] | None = None
        self._inquiry: Inquiry | None = None
        self._say_evidence_at = clock.now().ticks_ms + EVIDENCE_SAY_MS
        self.rejected: Counter[tuple[str, str]] = Counter()
        """Dropped frames by peer and reason code."""
        self._network = network
        self._clock = clock
        self._others = tuple(name for name in genesis.names if name != party)
        self._events: deque[Event] = deque()
        self._busy = False
        may_vote = not store.abstains()
        self.journal.may_seal = may_vote or not self._others
        self._unanswered = set(self._others)
        self._questions = Questions()
        try:
            self.accusations = Accusations(store)
            self._restore_pool()
            self.replica = Replica(
                genesis,
                party,
                signer,
                self.machine,
                self._saved(),
                now=clock.now(),
                may_vote=may_vote,
            )
        except (ConsensusError, LedgerError) as error:
            raise CorruptLedger(f"a stored vote, batch or evidence is damaged: {error}.") from None

    # -- what comes in ----------------------------------------------------------------------------

    def receive(self, peer: str, frame: bytes) -> None:
        """Take one frame of an authenticated peer. Bad frames are counted and dropped."""
        if self.halted is not None:
            return
        try:
            message = decode(frame)
            if self._ending is None or isinstance(message, HEARD[self._ending[0].code]):
                self._dispatch(peer, message)
        except (ConsensusError, LedgerError) as error:
            self._reject(peer, error)
        except NodeError as error:
            self._stop(error.code, error.message)

    def peer_up(self, peer: str) -> None:
        """Learn that a peer is connected: tell it what it may have missed."""
        if not self.journal.may_seal:
            self._send(Send(peer, WantJournal()))
        for lie in self.accusations.for_newcomer():
            self._send(Send(peer, EvidenceMessage(lie)))
        if self._inquiry is not None:
            for certificate in self._inquiry.halt.certificates:
                self._send(Send(peer, CertificateMessage(certificate)))
        self._run(PeerUp(peer))

    def peer_down(self, peer: str) -> None:
        """Learn that a peer is gone."""
        self._run(PeerDown(peer))

    def tick(self) -> None:
        """Let timers fire; to be called at :meth:`deadline_ms` or later."""
        now_ms = self._clock.now().ticks_ms
        if self._ending is not None and self._ending[1] <= now_ms:
            self._end()
        if self.halted is not None:
            return
        try:
            self._answer_questions()
            self._say_evidence(now_ms)
            self._ask_about_fork()
        except NodeError as error:
            self._stop(error.code, error.message)
        self._run(Tick())

    def deadline_ms(self) -> int:
        """Return when the next tick is wanted, on the steady clock."""
        paused = self._questions.next_at()
        if self._inquiry is not None:
            return min([self._inquiry.next_at(), *paused])
        if self._ending is not None:
            return self._ending[1]
        return min([self.replica.deadline_ms(), *paused])

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
            return Halted(self._ending[0].code, self._ending[0].message)
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
        self._share_lies()
        self._ask_about_differences()
        if effects.deliver:
            self._resume_sealing()
            self._pump()

    def _perform(self, effects: Effects) -> None:
        if effects.persist:
            self.store.save([ConsensusItem(*durable) for durable in effects.persist])
        for send in effects.send:
            self._send(send)
        for block in effects.executed:
            self.journal.mark_ordered(block)
        for deliver in effects.deliver:
            self._deliver(deliver)
        for evidence in effects.accuse:
            self._keep_evidence(evidence)  # the replica has told the others
        for note in effects.notes:
            logger.info("%s: %s", self.party, note)
        if effects.halt is not None:
            self._on_halt(effects.halt)

    def _send(self, send: Send) -> None:
        frame = encode(send.message)
        for peer in self._others if send.peer is None else (send.peer,):
            self._network.send(peer, frame)

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
            self._send(Send(None, BatchMessage(wire_batch(batch))))
            self._run(WorkArrived())

    def _ask_about_differences(self) -> None:
        questions, self.machine.questions = self.machine.questions, []
        for proposer, block in questions:
            self._send(Send(proposer, WantChanges(block)))

    # -- messages that are not the replica's ------------------------------------------------------

    def _dispatch(self, peer: str, message: Message) -> None:
        if isinstance(message, BatchMessage):
            self._on_batch(message.batch.batch())
        elif isinstance(message, EvidenceMessage):
            self._on_evidence(peer, message.evidence)
        elif isinstance(message, QUESTIONS):
            self._questions.put(peer, message)
            self._answer_questions()
        elif isinstance(message, JournalMessage):
            self._on_journal(peer, message)
        elif isinstance(message, ChangesMessage):
            self._on_changes(peer, message)
        elif isinstance(message, Range) and self._inquiry is not None:
            self._convict(self._inquiry.on_range(peer, message))
            self._ask_about_fork()
        else:
            self._run(Received(peer, message))

    def _answer_questions(self) -> None:
        for peer, question in self._questions.waiting():
            began_ms = self._clock.now().ticks_ms
            if self._questions.take(peer, question, began_ms):
                self._answer(peer, question)
                self._questions.answered(peer, began_ms, self._clock.now().ticks_ms)

    def _answer(self, peer: str, question: Message) -> None:
        if isinstance(question, WantRange):
            self._on_want_range(peer, question.height)
        elif isinstance(question, WantJournal):
            self._send(Send(peer, JournalMessage(self._latest_batch_of(peer))))
        elif isinstance(question, WantChanges):
            changes = self.machine.changes_of(question.hash)
            if changes is not None:
                self._send(Send(peer, ChangesMessage(question.hash, changes)))
        else:
            self._run(Received(peer, question))

    def _on_batch(self, batch: Batch) -> None:
        if batch.party not in self.genesis.verifiers:
            return
        wanted, watch = self.pool.wants(batch), self.machine.watch
        if not wanted and not watch.contradicts(batch):
            return
        self.machine.verify_batch(batch)
        self.machine.lies += watch.see(batch)
        self._share_lies()
        if not wanted:
            return
        if batch.party == self.party and not self.journal.may_seal:
            self.journal.adopt(batch)
        self.pool.add(batch)
        self._run(WorkArrived())

    def _on_evidence(self, peer: str, evidence: Evidence) -> None:
        if self.accusations.knows(evidence):
            return
        verify_evidence(evidence, self.genesis)
        self._keep_evidence(evidence)
        for other in self._others:
            if other not in (peer, evidence.party):  # said on once: some links may be down
                self._send(Send(other, EvidenceMessage(evidence)))

    def _share_lies(self) -> None:
        """Keep what the batches of blocks have proved, and tell the others of what is new."""
        lies, self.machine.lies = self.machine.lies, []
        for lie in lies:
            if self._keep_evidence(lie):
                self._send(Send(None, EvidenceMessage(lie)))

    def _say_evidence(self, now_ms: int) -> None:
        if self._say_evidence_at > now_ms:
            return
        self._say_evidence_at = now_ms + EVIDENCE_SAY_MS
        for lie in self.accusations.in_turn():
            self._send(Send(None, EvidenceMessage(lie)))

    def _on_want_range(self, peer: str, height: int) -> None:
        with self.store.own_reader() as reader:
            answer = range_from(reader, height, self.genesis.limits.block_bytes)
        if answer is not None:
            self._send(Send(peer, answer))

    def _latest_batch_of(self, party: str) -> WireBatch | None:
        waiting = self.pool.latest(party)
        if waiting is not None:
            return wire_batch(waiting)
        number, _ = head_in(self.store.view(), party)
        with self.store.own_reader() as reader:
            stored = reader.batch(party, number) if number else None
        return None if stored is None else wire_batch(stored.batch())

    def _on_journal(self, peer: str, message: JournalMessage) -> None:
        """Learn of own batches from before the database was lost; sign again when all have said."""
        if self.journal.may_seal:
            return
        if message.batch is not None:
            batch = message.batch.batch()
            self.machine.verify_batch(batch)
            if batch.party == self.party and batch.number > self.journal.head[0]:
                self.journal.head = (batch.number, batch.hash)
        self._unanswered.discard(peer)
        self._resume_sealing()

    def _resume_sealing(self) -> None:
        """Sign again when all peers have answered and all that they knew of is final here."""
        waits = self.journal.may_seal or self._unanswered
        if waits or head_in(self.store.view(), self.party)[0] < self.journal.head[0]:
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
            self._stop(self._ending[0].code, f"{self._ending[0].message}; {text}")

    def _keep_evidence(self, evidence: Evidence) -> bool:
        """Keep verified evidence. Return whether it is new here."""
        new = self.accusations.add(evidence, self._clock.now().wall_ms)
        if new:
            logger.error("%s: evidence against %s: %s", self.party, evidence.party, evidence.kind)
        return new

    def _reject(self, peer: str, error: Exception) -> None:
        code = getattr(error, "code", "error")
        self.rejected[peer, code] += 1
        if self.rejected[peer, code] == 1:
            logger.warning("%s: dropped a message of %s: %s", self.party, peer, error)

    # -- stopping and starting --------------------------------------------------------------------

    def _on_halt(self, halt: Halt) -> None:
        items = [
            ConsensusItem(SAFE_INTEGER_MAX, CONFLICT, c.subject.block.hex(), encode(c))
            for c in halt.certificates
        ]
        if items:
            self.store.save(items)
        now_ms = self._clock.now().ticks_ms
        if halt.code == "conflicting-final":
            self._inquire(halt, now_ms)
        elif not self.machine.is_explained():
            # It neither votes nor commits any more; it only waits to learn which key differs.
            self._ending = (halt, now_ms + DIFFERENCE_WAIT_MS)
        else:
            self._stop(halt.code, halt.message)

    def _inquire(self, halt: Halt, now_ms: int) -> None:
        """Vote and commit no more; find out who forked the ledger, and let the others find out."""
        self._inquiry = Inquiry(
            self.genesis,
            self.store,
            halt,
            self._others,
            refuse_forged=self.machine.refuse_forged,
            now_ms=now_ms,
        )
        self._ending = (halt, self._inquiry.deadline_ms)
        logger.critical("%s: votes no more: %s: %s", self.party, halt.code, halt.message)
        for certificate in halt.certificates:
            self._send(Send(None, CertificateMessage(certificate)))
        self._convict(self._inquiry.found_at_once())
        self._ask_about_fork()

    def _convict(self, lies: list[Evidence]) -> None:
        """Keep and tell what a fork has proved, and write the report anew."""
        self.machine.lies += lies
        self._share_lies()
        if self._inquiry is not None:
            report = self._inquiry.report(self._clock.now().wall_ms)
            self.store.save([ConsensusItem(SAFE_INTEGER_MAX, CONFLICT, REPORT, report)])

    def _ask_about_fork(self) -> None:
        if self._inquiry is not None:
            for send in self._inquiry.due(self._clock.now().ticks_ms):
                self._send(send)

    def _end(self) -> None:
        if self._ending is not None:
            halt = self._ending[0]
            told = "" if self._inquiry is None else f"; {self._inquiry.verdict()}"
            self._stop(halt.code, halt.message + told)

    def _stop(self, code: str, message: str) -> None:
        if self.halted is None:
            self.halted = Halted(code, message)
            logger.critical("%s: stopped for safety: %s: %s", self.party, code, message)

    def _restore_pool(self) -> None:
        view = self.store.view()
        self.pool.forget_final({name: head_in(view, name)[0] for name in self.genesis.names})
        for item in self.store.load_journal():
            self.journal.adopt(decode_batch(item.body).batch())

    def _saved(self) -> Saved:
        with self.store.own_reader() as reader:
            latest = reader.latest_certificate()
        certificate = None if latest is None else decode_certificate(latest[1])
        items = self.store.load_consensus()
        if any(item.kind == CONFLICT for item in items):
            self._stop(
                "conflicting-final",
                "this node met a certificate against its own history before; both are kept in its "
                "database. Show `tongzhang evidence report` to the other parties before you go on",
            )
        durables = tuple(Durable(*item) for item in items if item.kind != CONFLICT)
        return Saved(self.store.tip(), certificate, durables)
