"""Recall: before a host signs anything it hears what its key has signed (R11, I2).

A node may have been put back to an earlier state, by an old copy of its database or an empty one.
At every start it asks each peer that comes up, with a nonce of this start, and takes as own what
the answers show. It votes once enough have answered, and the others that are up have had a moment
to. It seals batches once it has, beyond that, all blocks that the answers prove to be final, and
every own batch that it has heard of. What only a peer knows that cannot be reached stays unknown
until that one comes up: it is asked all the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from consensus.effects import Event, MaySign, Recalled, SignsNoMore, WorkArrived
from consensus.errors import BadMessage
from consensus.evidence import Evidence
from consensus.messages import KeyStatements, StatementsMessage, WantStatements
from consensus.statements import verify_statements
from ledger.batch import Batch
from node.errors import CONTRADICTED, Silenced
from node.host.parts import Parts
from node.host.voters import Voters
from node.limits import RECALL_AGAIN_MAX_MS, RECALL_AGAIN_MS, RECALL_GRACE_MS

logger = logging.getLogger("tongzhang.host")


class _Talk:
    """What one peer was asked and has answered in this life."""

    def __init__(self) -> None:
        self.up = False
        self.owed = 0
        self.answered = False
        self.knows_nothing = False
        self.begin()

    def begin(self) -> None:
        self.slot = self.number = 1
        self.empty = True
        self.ask_at_ms = 0
        self.pause_ms = RECALL_AGAIN_MS

    @property
    def is_open(self) -> bool:
        """Whether its answer may still come."""
        return self.up and not self.answered


class Recall:
    """The dialogue of one host about what its own key has signed.

    Args:
        parts: The host's parts.
        voters: Says whether this node votes.
        run: Lets the replica take an event, and returns whether it was news.
        share: Keeps and tells evidence.
    """

    def __init__(
        self,
        parts: Parts,
        voters: Voters,
        *,
        run: Callable[[Event], bool],
        share: Callable[[list[Evidence]], None],
    ) -> None:
        self._genesis = parts.genesis
        self._party = parts.party
        self._clock = parts.clock
        self._journal = parts.journal
        self._machine = parts.machine
        self._nonce = parts.nonce
        self._pool = parts.pool
        self._sender = parts.sender
        self._store = parts.store
        self._voters = voters
        self._run = run
        self._share = share
        self._needed = parts.answers_needed
        self._talks = {name: _Talk() for name in parts.sender.others}
        self._counted = [p for p in self._genesis.voters if p != parts.party] or parts.sender.others
        self._enough_at_ms: int | None = None
        self._height = 0
        """Up to where answers prove blocks to be final."""
        self._learnt: dict[int, Batch] = {}
        """Own batches that do not follow this node's last one yet."""
        self.recalling = self._needed > 0
        """Whether too little is known to sign anything."""
        self.silenced = False
        """Whether this key has signed a contradiction, and signs nothing more."""

    # -- links and time ---------------------------------------------------------------------------

    def greet(self, peer: str) -> None:
        """Ask a peer that comes up, unless it has answered in this life."""
        talk = self._talks[peer]
        talk.begin()
        talk.up = True
        self.ask_due()

    def lose(self, peer: str) -> None:
        """Note that a peer is gone; nobody waits for it."""
        talk = self._talks[peer]
        talk.up, talk.owed = False, 0

    def next_at(self) -> list[int]:
        """Return when something is to be done, on the steady clock."""
        times = [talk.ask_at_ms for talk in self._talks.values() if talk.is_open]
        if self.recalling and self._enough_at_ms is not None:
            times.append(self._enough_at_ms + RECALL_GRACE_MS)
        return times

    def ask_due(self) -> None:
        """Ask whoever is up and has not answered, again after a pause: frames may be lost."""
        now_ms = self._clock.now().ticks_ms
        for peer, talk in self._talks.items():
            if talk.is_open and talk.ask_at_ms <= now_ms:
                talk.owed += 1
                talk.ask_at_ms = now_ms + talk.pause_ms
                talk.pause_ms = min(2 * talk.pause_ms, RECALL_AGAIN_MAX_MS)
                self._sender.tell(peer, WantStatements(self._nonce, talk.slot, talk.number))

    def owes(self, peer: str) -> bool:
        """Return whether a peer was asked more often than it has answered."""
        return self._talks[peer].owed > 0

    # -- answers ----------------------------------------------------------------------------------

    def on_statements(self, peer: str, message: StatementsMessage) -> bool:
        """Take a piece of a peer's answer, and ask for the next one.

        Return whether it was of use: it ends the answer, or shows what was not known here. A peer
        could say the same in pieces without end.

        Raises:
            ConsensusError: it is no answer to this start's question, or shows what this key has
                not signed.
            LedgerError: a batch or a header is forged.
        """
        talk, said = self._talks[peer], message.statements
        talk.owed -= 1
        if talk.answered:
            return False  # it was asked twice
        verify_statements(
            message, self._genesis, asker=self._party, answerer=peer, nonce=self._nonce
        )
        batches = self._own_batches(said)
        new = self._run(Recalled(peer, said.certificate, said.votes, said.proposals))
        for batch in batches:
            self._share(self._machine.watch.see(batch))
            new = self.learn(batch) or new
        if said.certificate is not None:
            self._height = max(self._height, said.certificate.subject.height)
        if (said.slot, said.number) == (talk.slot, talk.number):
            self._advance(talk, said)
            self.ask_due()
        return new or talk.answered

    def _own_batches(self, said: KeyStatements) -> list[Batch]:
        batches = [wire.batch() for wire in said.batches]
        for batch in batches:
            if batch.party != self._party:
                raise BadMessage("foreign-statement", f"a batch of {batch.party}")
            if self._pool.find(batch) is None:
                self._machine.verify_batch(batch)
        return batches

    def _advance(self, talk: _Talk, said: KeyStatements) -> None:
        talk.empty = talk.empty and said.says_nothing
        talk.slot, talk.number = said.next_slot, said.next_number
        talk.ask_at_ms, talk.pause_ms = 0, RECALL_AGAIN_MS
        if said.is_last:
            talk.answered, talk.knows_nothing = True, talk.empty

    def learn(self, batch: Batch) -> bool:
        """Take a verified batch of this key as own, now or once those before it are here.

        Return whether it was not known.
        """
        known = max(self._journal.head[0], self._pool.final_number(self._party))
        if batch.number <= known or batch.number in self._learnt:
            return False
        self._learnt[batch.number] = batch
        self._adopt()
        return True

    def _adopt(self) -> None:
        """Take over what follows this node's last batch, durable before it is said again (I2)."""
        final = self._pool.final_number(self._party)
        for number in sorted(self._learnt):
            batch = self._learnt[number]
            if self._journal.learn(batch):
                logger.warning("%s: own batch %d was learnt of others", self._party, number)
                self._run(WorkArrived())
            if number <= max(self._journal.head[0], final):
                del self._learnt[number]
        if self._learnt:
            self._journal.may_seal = False

    # -- what follows -----------------------------------------------------------------------------

    def go_on(self) -> bool:
        """Begin to vote, and to seal, once enough is known. Return whether sealing begins."""
        if self.recalling and self._knows_enough():
            self.recalling = False
            self._voters.begin_voting()
            self._run(MaySign())
        self._adopt()
        behind = self._store.tip().height < self._height
        if self._journal.may_seal or self.recalling or self.silenced or behind or self._learnt:
            return False
        self._journal.resume()
        return True

    def _knows_enough(self) -> bool:
        answered = [name for name in self._counted if self._talks[name].answered]
        if len(answered) < self._needed:
            return False
        now_ms = self._clock.now().ticks_ms
        if self._enough_at_ms is None:
            self._enough_at_ms = now_ms
        waits = any(talk.is_open for talk in self._talks.values())
        return not waits or now_ms >= self._enough_at_ms + RECALL_GRACE_MS

    def silence(self) -> None:
        """Sign nothing more: two statements of this key contradict each other."""
        if self.silenced:
            return
        self.silenced, self._journal.may_seal = True, False
        logger.critical("%s: signs nothing more: %s", self._party, Silenced())
        self._voters.stop_voting(CONTRADICTED)
        self._run(SignsNoMore())

    def found_nothing(self) -> bool:
        """Return whether as many peers as make a quorum with this node have nothing to fetch.

        So it is after a founding: nobody has made a block, nor heard anything of this key.
        """
        lacking = [name for name in self._genesis.voters if self._knows_nothing(name)]
        needed = max(1, self._genesis.quorum - 1)
        return len(lacking) >= needed and not self._store.tip().height

    def _knows_nothing(self, peer: str) -> bool:
        return peer != self._party and self._talks[peer].knows_nothing

    # -- what is said of it -----------------------------------------------------------------------

    def waiting_for(self) -> tuple[str, ...]:
        """Return the peers that have not said yet what this key has signed, in genesis order."""
        return tuple(name for name, talk in self._talks.items() if not talk.answered)

    def hindrance(self) -> str:
        """Return in words why this node does not sign records, empty if it does."""
        if self._journal.may_seal:
            return ""
        if self.recalling:
            have = sum(self._talks[name].answered for name in self._counted)
            return (
                f"this node has started and asks the others what its key has signed: {have} of the "
                f"{self._needed} answers needed are here; not answered: "
                f"{', '.join(self.waiting_for())}"
            )
        return (
            f"this node has {self._store.tip().height} of {self._height} blocks; it signs records "
            "once it has all that the others had at its start"
        )
