"""I2: no honest key ever signs a contradiction, and nothing signed leaves before it is durable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from consensus.messages import (
    BatchMessage,
    Message,
    Proposal,
    VoteMessage,
    WireBatch,
    decode_batch,
    decode_vote,
)
from consensus.votes import Subject, Vote
from ledger import batch, block, domains
from node.host.machine import head_in
from node.storage.store import ConsensusItem, Item, JournalItem
from simulator.checkers.checker import Checker
from simulator.checkers.scene import Scene, Watched

Position = tuple[str, int]
"""A statement that a key makes once: ``notar``, ``skip``, ``final`` or ``proposal`` of a slot, or a
``batch`` of a number."""

Stated = object
"""Contents of a statement: the block's hash, a Final vote's whole subject, or a batch's header."""

_EXCLUDED = {"final": ("skip", "notar"), "skip": ("final",), "notar": ("final",)}


class NoContradiction(Checker):
    """Remembers what left under each honest key for ever, and what each disk holds.

    What is durable and has not left may be lost with the disk: nobody has seen it, and it may be
    stated otherwise then. Of a machine that lost its disk a batch that nobody else kept may be
    stated otherwise as well: it asks all others first, and they cannot know (decision record 7).
    """

    invariant = "I2"

    def __init__(self, world: Scene) -> None:
        super().__init__(world)
        self._left: dict[str, dict[Position, Stated]] = {party: {} for party in world.plan.parties}
        self._durable: dict[str, dict[Position, Stated]] = {}

    def on_start(self, process: Watched) -> None:
        """Learn what the disk holds: a write may have been whole though nobody reported it."""
        store = process.store
        if store is None or not self.is_honest(process):
            return
        self._durable[process.name] = {}
        self._note(process, (*store.load_consensus(), *store.load_journal()))

    def on_saved(self, process: Watched, items: Sequence[Item]) -> None:
        """Compare what has become durable with all that came before."""
        if not self.is_honest(process):
            return
        votes = [i.name for i in items if isinstance(i, ConsensusItem) and i.kind == "vote"]
        if process.rebuilt and votes:
            self.broken(f"{process.name} votes ({votes[0]}) under a key whose votes it has lost")
        self._note(process, items)

    def on_sent(self, process: Watched, message: Message, frame: bytes) -> None:
        """Check that what a machine states is durable."""
        if not self.is_honest(process):
            return
        if isinstance(message, VoteMessage):
            if message.vote.voter == process.party:
                self._leaves(process, *_vote(message.vote))
        elif isinstance(message, Proposal):
            self._on_proposal(process, message)
        elif isinstance(message, BatchMessage):
            self._on_batch(process, message.batch)

    def _on_proposal(self, process: Watched, message: Proposal) -> None:
        header = block.decode_header(message.block.header)
        if header.proposer != process.party:
            return
        self._leaves(process, ("proposal", header.slot), domains.block_hash(message.block.header))
        for wire in message.block.batches:
            self._on_batch(process, wire)

    def _on_batch(self, process: Watched, wire: WireBatch) -> None:
        header = batch.decode_header(wire.header)
        if header.party == process.party:
            self._leaves(process, ("batch", header.number), wire.header)

    def _note(self, process: Watched, items: Sequence[Item]) -> None:
        durable, left = self._durable[process.name], self._left[process.party]
        for place, stated in self._statements(process.party, items):
            self._compare(process, place, stated, left)
            self._compare(process, place, stated, durable)
            durable[place] = stated

    def _statements(self, party: str, items: Sequence[Item]) -> Iterator[tuple[Position, Stated]]:
        names = self.world.plan.voters
        for item in items:
            if isinstance(item, JournalItem):
                yield ("batch", item.number), decode_batch(item.body).header
            elif not isinstance(item, ConsensusItem):
                continue
            elif item.kind == "vote":
                yield _vote(decode_vote(item.body))
            elif item.kind == "block" and names[item.slot % len(names)] == party:
                yield ("proposal", item.slot), bytes.fromhex(item.name)

    def _leaves(self, process: Watched, place: Position, stated: Stated) -> None:
        left = self._left[process.party]
        if left.get(place) == stated:
            return  # said before, by this life or an earlier one
        if self._durable[process.name].get(place) != stated:
            self.broken(f"{process.name} sent its {_name(place)} before it was durable")
        self._compare(process, place, stated, left)
        left[place] = stated

    def _is_kept(self, process: Watched, number: int) -> bool:
        """Return whether another honest machine could have told that the number is taken."""
        party = process.party
        for other in self.world.honest():
            if other is process or other.host is None:
                continue
            waiting = other.host.pool.of(party)
            final, _ = head_in(other.host.store.view(), party)
            if final >= number or (waiting and waiting[-1].number >= number):
                return True
        return False

    def _compare(
        self, process: Watched, place: Position, stated: Stated, known: dict[Position, Stated]
    ) -> None:
        kind, number = place
        if kind == "batch" and process.rebuilt and not self._is_kept(process, number):
            return
        if known.get(place, stated) != stated:
            self.broken(f"{process.name} signed a second, other {_name(place)}")
        for other in _EXCLUDED.get(kind, ()):
            earlier = known.get((other, number))
            if earlier is None or _block(earlier) == _block(stated):
                continue
            self.broken(
                f"{process.name} signed its {_name(place)} beside its {_name((other, number))}"
            )


def _vote(vote: Vote) -> tuple[Position, Stated]:
    stated: Stated = vote.subject if vote.kind == "final" else vote.block
    return (vote.kind, vote.slot), stated


def _block(stated: Stated) -> Stated:
    return stated.block if isinstance(stated, Subject) else stated


def _name(place: Position) -> str:
    kind, number = place
    return f"{kind} of number {number}" if kind == "batch" else f"{kind} of slot {number}"
