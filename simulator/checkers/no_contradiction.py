"""I2: no honest key ever signs a contradiction, and nothing signed leaves before it is durable."""

from __future__ import annotations

from collections.abc import Sequence

from consensus.messages import (
    BatchMessage,
    Message,
    Proposal,
    VoteMessage,
    WantStatements,
    decode_evidence,
)
from node.storage.store import ConsensusItem, EvidenceItem, Item
from simulator.checkers.checker import Checker
from simulator.checkers.memories import Memories
from simulator.checkers.scene import Scene, Watched
from simulator.checkers.statements import (
    EXCLUDED,
    KeyStatement,
    Stated,
    StatementPlace,
    collide,
    in_items,
    of_batch,
    of_header,
    of_vote,
)

Said = dict[StatementPlace, set[Stated]]
"""What was stated in each place: more than one thing only where one was forgotten."""


class NoContradiction(Checker):
    """Remembers what left under each honest key for ever, and what each disk holds.

    What is durable and has not left may be lost with the disk: nobody has seen it, and it may be
    stated otherwise then. A machine whose disk was lost or set back has left more than it
    remembers. It may state otherwise only what no honest machine knew that has answered it in this
    life: that is noted as the remainder. It states nothing new before q − 1 others have answered
    it, nor once it holds evidence against its own key.
    """

    invariant = "I2"

    def __init__(self, world: Scene) -> None:
        super().__init__(world)
        self._left: dict[str, Said] = {party: {} for party in world.plan.parties}
        self._durable: dict[str, Said] = {}
        self._memories = Memories(world.plan.forgetful)
        self._accused: dict[str, bool] = {}
        """Whether a machine keeps evidence against its own key."""

    def on_start(self, process: Watched) -> None:
        """Learn what the disk holds: a write may have been whole though nobody reported it."""
        store = process.store
        if store is None or not self.is_honest(process):
            return
        held: list[Item] = [*store.load_consensus(), *store.load_journal()]
        statements = tuple(in_items(held))
        self._memories.begin(process, statements, self.world.now_us)
        with store.reader() as reader:
            kept = [stored.body for stored in reader.evidence()]
        accused = {decode_evidence(body).party for body in kept}
        self._accused[process.name] = process.party in accused
        self._durable[process.name] = {}
        self._note(process, statements, is_new=False)

    def on_heard(self, process: Watched, sender: Watched, message: Message, sent_us: int) -> None:
        """Remember what a machine has been told."""
        if self.is_honest(process):
            self._memories.hear(process, sender, message, sent_us, self.world.now_us)

    def on_saved(self, process: Watched, items: Sequence[Item]) -> None:
        """Compare what has become durable with all that came before."""
        if not self.is_honest(process):
            return
        votes = [i.name for i in items if isinstance(i, ConsensusItem) and i.kind == "vote"]
        if process.rebuilt and votes:
            self.broken(f"{process.name} votes ({votes[0]}) under a key whose votes it has lost")
        statements = tuple(in_items(items))
        self._memories.save(process, statements, self.world.now_us)
        self._note(process, statements, is_new=True)
        for item in items:
            if isinstance(item, EvidenceItem):
                party = decode_evidence(item.body).party
                self._accused[process.name] |= party == process.party

    def on_sent(self, process: Watched, message: Message, frame: bytes) -> None:
        """Check that what a machine states is durable."""
        if not self.is_honest(process):
            return
        stated: list[KeyStatement] = []
        if isinstance(message, WantStatements):
            self._memories.ask(process, message)
        if isinstance(message, VoteMessage):
            stated = [of_vote(message.vote)]
        elif isinstance(message, Proposal):
            header = of_header(message.block.header)
            batches = message.block.batches if header.party == process.party else ()
            stated = [header, *map(of_batch, batches)]
        elif isinstance(message, BatchMessage):
            stated = [of_batch(message.batch)]
        for statement in stated:
            if statement.party == process.party:
                self._leaves(process, statement)

    def _note(self, process: Watched, statements: Sequence[KeyStatement], *, is_new: bool) -> None:
        for statement in statements:
            if statement.party != process.party:
                continue
            if is_new and not _is_in(statement, self._left[process.party]):
                self._states(process, statement)
            self._durable[process.name].setdefault(statement.place, set()).add(statement.stated)

    def _states(self, process: Watched, statement: KeyStatement) -> None:
        """A machine states something that has not left under its key before."""
        place = statement.place
        if self._accused[process.name]:
            self.broken(f"{process.name} signs its {place}, and keeps evidence against itself")
        voters, needed = self.world.plan.voters, self.world.plan.needed
        needed -= process.party in voters
        parties = {name.partition("~")[0] for name in self._memories.answered(process)}
        answers = len(parties.intersection(voters))
        if answers < needed:
            self.broken(f"{process.name} signs its {place}: {answers} of {needed} have answered it")
        for known in (self._durable[process.name], self._left[process.party]):
            for other in (place.kind, *EXCLUDED.get(place.kind, ())):
                for stated in known.get(StatementPlace(other, place.number), ()):
                    earlier = KeyStatement(
                        process.party, StatementPlace(other, place.number), stated
                    )
                    if collide(statement, earlier):
                        self._refuse(process, statement, earlier)

    def _leaves(self, process: Watched, statement: KeyStatement) -> None:
        left = self._left[process.party]
        if _is_in(statement, left):
            return  # said before, by this life or an earlier one
        if not _is_in(statement, self._durable[process.name]):
            self.broken(f"{process.name} sent its {statement.place} before it was durable")
        left.setdefault(statement.place, set()).add(statement.stated)

    def _refuse(self, process: Watched, statement: KeyStatement, earlier: KeyStatement) -> None:
        """End the run, unless the machine cannot know what its key has said earlier."""
        others = [other for other in self.world.honest() if other.party != process.party]
        place, told = statement.place, "remembers that"
        forgot = process.rewound or process.rebuilt
        if forgot and not _is_in(earlier, self._durable[process.name]):
            witness = self._memories.told_of(process, earlier, others)
            if witness is None:
                self.world.remainder.add((process.party, place.matter))
                return
            told = f"could be told by {witness.name}"
        if place == earlier.place:
            self.broken(f"{process.name} signed a second, other {place}: it {told}")
        self.broken(f"{process.name} signed its {place} beside its {earlier.place}: it {told}")


def _is_in(statement: KeyStatement, said: Said) -> bool:
    return statement.stated in said.get(statement.place, ())
