"""Host: takes events, steps the replica, and performs its effects in order.

Nothing leaves before it is durable (R7, I2), and a client hears "final" only after the block is
committed (I4). Synchronous and single threaded. Clock, network and store are handed in; everything
else is the same in production and in simulation.

What is not the replica's has parts of its own: own records (:mod:`node.host.journal`), what peers
ask (:mod:`node.host.answers`), evidence (:mod:`node.host.gossip`), who votes
(:mod:`node.host.voters`), what a restart takes back (:mod:`node.host.restart`) or learns
(:mod:`node.host.recall`), and the end (:mod:`node.host.ending`).
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from consensus.effects import (
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
    Exits,
    Message,
    Range,
    StatementsMessage,
    Voting,
    decode,
    wire_batch,
)
from ledger.errors import LedgerError
from ledger.genesis import Genesis
from ledger.keys import Signer
from node.errors import CorruptLedger, Halted, NodeError, Silenced
from node.host.accusations import Accusations
from node.host.answers import QUESTIONS, Answers
from node.host.conduct import Conduct
from node.host.delivery import Delivery
from node.host.ending import Ending
from node.host.frames import FrameGuard
from node.host.gossip import Gossip
from node.host.intake import Intake
from node.host.parts import assemble
from node.host.phase import Phase
from node.host.ports import Clock, Network
from node.host.recall import Recall
from node.host.restart import FORK_MET, met_a_fork, wake
from node.host.sightings import Sightings
from node.host.submission import Submission
from node.host.testimony import Testimony
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
        nonce: 32 bytes that no earlier start has had, and that nobody can foretell.
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
        nonce: bytes,
    ) -> None:
        self.genesis = genesis
        self.party = party
        self.store = store
        self._parts = parts = assemble(
            genesis, party, signer, store, network=network, clock=clock, nonce=nonce
        )
        self.pool, self.machine, self.journal = parts.pool, parts.machine, parts.journal
        self._sender = parts.sender
        self.phase = Phase.RUNNING
        self._why: Halted | None = None
        self._ending: Ending | None = None
        self._clock = clock
        self._events: deque[Event] = deque()
        self._busy = False
        self.voters = Voters(parts)
        self.sightings = Sightings(clock)
        self.delivery = Delivery(parts, self.sightings)
        try:
            self.accusations = Accusations(store)
            self.replica = wake(parts, signer)
            self.delivery.deliver(self.replica.woken())
        except (ConsensusError, LedgerError) as error:
            raise CorruptLedger(f"a stored vote, batch or evidence is damaged: {error}.") from None
        testimony = Testimony(parts, signer, self.replica)
        self._answers = Answers(parts, testimony=testimony.answer, run=self._run)
        self.conduct = Conduct(party, clock)
        self.rejected = self.conduct.rejected
        self._frames, self._frame = FrameGuard(genesis, self._owes), b""
        self._gossip = Gossip(parts, self.accusations, convicted=self._sign_no_more)
        self.recall = Recall(parts, self.voters, run=self._run, share=self._gossip.share)
        self._intake = Intake(parts, self.accusations, self._gossip, learn=self.recall.learn)
        if party in self.accusations.convicted:
            self._sign_no_more()
        if met_a_fork(store):
            self.write()  # who never goes on leaves nothing on papers alone
            self.stop(*FORK_MET)

    # -- what comes in ----------------------------------------------------------------------------

    def receive(self, peer: str, frame: bytes) -> bool:
        """Take one frame of an authenticated peer. Bad frames are counted and dropped.

        Return whether it was of use: it said something new, or asked for something.
        """
        if self.phase is Phase.HALTED or self.conduct.shut_out_ms(peer):
            return False
        self._frame = frame
        try:
            return self._hear(peer, frame)
        except (ConsensusError, LedgerError) as error:
            self.conduct.reject(peer, error, frame)
        except NodeError as error:
            self.stop(error.code, error.message)
        return False

    def _hear(self, peer: str, frame: bytes) -> bool:
        self.conduct.refuse_again(peer, frame)
        self._frames.refuse_at_sight(peer, frame)
        message = decode(frame)
        self.sightings.hear(peer, message)
        if self._ending is not None and not self._ending.hears(message):
            return False
        return self._dispatch(peer, message)

    def shut_out_ms(self, peer: str) -> int:
        """Return for how long a peer is not listened to; 0 if it is."""
        return self.conduct.shut_out_ms(peer)

    def _owes(self, peer: str, kind: str) -> bool:
        if kind == "changes":
            return not self.machine.is_explained()
        if kind == "statements":
            return self.recall.owes(peer)
        asked = self.replica.owes_range if kind == "range" else self.replica.owes_exits
        return self._ending is not None or asked(peer)

    def peer_up(self, peer: str) -> None:
        """Learn that a peer is connected: tell it what it may have missed."""
        with self._stopping():
            self.sightings.greet(peer)
            self.voters.greet(peer)
            self._gossip.greet(peer)
            if self.phase is Phase.RUNNING:
                self.recall.greet(peer)
            if self._ending is not None:
                self._ending.greet(peer)
        self._run(PeerUp(peer))

    def peer_down(self, peer: str) -> None:
        """Learn that a peer is gone."""
        self.voters.lose(peer)
        self.recall.lose(peer)
        self._run(PeerDown(peer))
        self._go_on()

    def tick(self) -> None:
        """Let timers fire; to be called at :meth:`deadline_ms` or later."""
        now_ms = self._clock.now().ticks_ms
        if self._ending is not None and self._ending.until_ms <= now_ms:
            self.stop(self._ending.halt.code, self._ending.message())
        if self.phase is Phase.HALTED:
            return
        with self._stopping():
            self._answers.answer_due()
            if self.phase is Phase.RUNNING:
                self.recall.ask_due()
            if self._gossip.say_again(now_ms):
                self.voters.say()
            if self._ending is not None:
                self._ending.ask()
        self._run(Tick())
        self._go_on()
        if self.delivery.write_at() <= now_ms:
            self.write()
        if self.delivery.sign_at() <= now_ms:
            self._pump()

    def write(self) -> None:
        """Write what final blocks have changed, for who wants to read it now."""
        if self.phase is not Phase.HALTED:
            with self._stopping():
                self.store.write()

    def deadline_ms(self) -> int:
        """Return when the next tick is wanted, on the steady clock."""
        paused = self._answers.next_at()
        if self._ending is None:
            due = (self.replica.deadline_ms(), self.delivery.write_at(), self.delivery.sign_at())
            return min([*due, *paused, *self.recall.next_at()])
        if self._ending.inquiry is None:
            return self._ending.until_ms
        return min([self._ending.inquiry.next_at(), *paused])

    def submit(self, raws: list[bytes]) -> list[Submission]:
        """Take records of this party.

        Raises:
            Halted: the node has stopped.
            Silenced: its key has contradicted itself.
            Busy: the queue is full; nothing of this call was taken.
        """
        self._refuse_stopped()
        if self.recall.silenced:
            raise Silenced
        submissions = self.journal.submit(raws)
        self.delivery.gathering.came()
        self._pump()
        self._refuse_stopped()
        return submissions

    def stopped(self) -> Halted | None:
        """Return why this host takes and votes no more; None while it does."""
        return self._why

    @property
    def halted(self) -> Halted | None:
        """Why this host has halted; None before."""
        return self._why if self.phase is Phase.HALTED else None

    def _refuse_stopped(self) -> None:
        if self._why is not None:
            raise self._why

    # -- events and effects -----------------------------------------------------------------------

    def _run(self, event: Event) -> bool:
        """Step the replica through ``event`` and what follows. Return whether that was of use."""
        self._events.append(event)
        if self._busy:
            return False
        self._busy = True
        try:
            while self._events and self.phase is Phase.RUNNING:
                self._step(self._events.popleft())
        except NodeError as error:
            self.stop(error.code, error.message)
        except Exception as error:
            # I2: what the replica has said in this step may not be durable; it says no more.
            self.stop("internal-error", f"{type(error).__name__}: {error}")
            raise
        finally:
            self._events.clear()
            self._busy = False
        return self.replica.useful

    def _step(self, event: Event) -> None:
        effects = self.replica.step(event, self._clock.now())
        self._perform(effects)
        self.sightings.executed(effects.executed)
        if effects.deliver:
            self._go_on()
            self._pump()

    def _perform(self, effects: Effects) -> None:
        """Perform the effects of a step in the order of their fields."""
        if effects.rejected is not None:
            self.conduct.reject(*effects.rejected, self._frame)
        if effects.persist:
            self.store.save([ConsensusItem(*durable) for durable in effects.persist])
        for send in effects.send:
            self._sender.send(send)
        for block in effects.executed:
            self._intake.read(block)
            self.journal.mark_ordered(block)
        self.delivery.deliver(effects.deliver)
        for evidence in effects.accuse:
            self._gossip.keep(evidence)
        self._gossip.share(effects.found)
        for question in effects.ask:
            self._sender.send(question)
        for note in effects.notes:
            logger.info("%s: %s", self.party, note)
        if effects.halt is not None:
            self._begin_to_end(effects.halt)

    def _pump(self) -> None:
        if self.delivery.sign_at() > self._clock.now().ticks_ms:
            return
        batch = None
        with self._stopping():
            batch = self.journal.pump(self.store.tip(), self._clock.now().wall_ms)
        if batch is not None:
            self.delivery.gathering.signed()
            self._sender.tell_all(BatchMessage(wire_batch(batch)))
            self._run(WorkArrived())

    # -- messages that are not the replica's ------------------------------------------------------

    def _dispatch(self, peer: str, message: Message) -> bool:
        """Let the part that a message is for take it. Return whether it was of use."""
        if isinstance(message, BatchMessage):
            taken = self._intake.take(message.batch.batch())
            if taken == "waits":
                self._run(WorkArrived())
            return bool(taken)
        if isinstance(message, EvidenceMessage):
            return self._gossip.on_evidence(peer, message.evidence)
        if isinstance(message, QUESTIONS):
            return self._answers.put(peer, message)
        if isinstance(message, StatementsMessage):
            useful = self.recall.on_statements(peer, message)
            self._go_on()
            return useful
        if isinstance(message, ChangesMessage):
            return self._on_changes(peer, message)
        if isinstance(message, Voting):
            self.voters.hear(peer, message)
            return False
        if isinstance(message, Range | Exits) and self._ending is not None:
            self._ending.on_answer(peer, message)
            return True
        return self._run(Received(peer, message))

    def _go_on(self) -> None:
        """Begin to vote and to seal, once enough is known of what this key has signed (R11)."""
        if self.phase is not Phase.RUNNING:
            return
        with self._stopping():
            if self.recall.go_on():
                self._pump()

    def _sign_no_more(self) -> None:
        """Sign nothing more: two statements of this key contradict each other (R11)."""
        self.recall.silence()

    def _on_changes(self, peer: str, message: ChangesMessage) -> bool:
        text = self.machine.compare_changes(message.hash, message.changes)
        if text is None:
            return False
        logger.error("%s: a block of %s comes out differently here: %s", self.party, peer, text)
        if self._ending is not None:
            halt = self._ending.halt
            self.stop(halt.code, f"{halt.message}; {text}")
        return True

    # -- phases -----------------------------------------------------------------------------------

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        try:
            yield
        except NodeError as error:
            self.stop(error.code, error.message)

    def stop(self, code: str, message: str) -> None:
        """Halt for good, for safety."""
        self._go_on_to(Phase.HALTED, Halted(code, message))

    def _begin_to_end(self, halt: Halt) -> None:
        ending = Ending(self._parts, halt, self._gossip)
        waits = ending.begin()
        self.store.write()  # who never goes on leaves nothing on papers alone
        if waits:
            self._ending = ending
            self._go_on_to(Phase.ENDING, Halted(halt.code, halt.message))
        else:
            self.stop(halt.code, halt.message)

    def _go_on_to(self, phase: Phase, why: Halted) -> None:
        """Enter a later phase: the one place where it changes."""
        if phase <= self.phase:
            return
        self.phase, self._why = phase, why
        if phase is Phase.HALTED:
            logger.critical("%s: stopped for safety: %s: %s", self.party, why.code, why.message)
        self.voters.stop_voting(why.code)
