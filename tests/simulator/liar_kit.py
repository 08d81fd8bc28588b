"""What one can see of a liar from outside, and how each lie shows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import TypeVar

from consensus.messages import (
    BatchMessage,
    Message,
    Proposal,
    Range,
    VoteMessage,
    WantRange,
    decode_evidence,
    decode_vote,
    encode,
)
from consensus.votes import Subject, Vote
from ledger.batch import Batch
from ledger.block import Block
from ledger.errors import DecodeError
from node.host.answers import QUESTIONS
from node.storage.held import FinalBlock
from node.storage.store import ConsensusItem, EvidenceItem, Item
from simulator.checkers import Checker
from simulator.process import Process
from simulator.world import World


class Seen(Checker):
    """What one can see from outside: what a party sends, what becomes final, who is accused."""

    invariant = "I8"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.convicted: dict[str, set[str]] = {p.name: set() for p in world.honest()}
        self.finals: dict[int, dict[bytes, Block]] = defaultdict(dict)
        self.slot = 0
        self.batches: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.sent: dict[str, list[tuple[int, Message]]] = defaultdict(list)
        self.saved: dict[str, set[Subject]] = defaultdict(set)

    def on_sent(self, process: Process, message: Message, frame: bytes) -> None:
        self.sent[process.party].append((self.slot, message))

    def on_saved(self, process: Process, items: Sequence[Item]) -> None:
        for item in items:
            if isinstance(item, EvidenceItem) and process.name in self.convicted:
                self.convicted[process.name].add(decode_evidence(item.body).party)
            if isinstance(item, ConsensusItem) and item.kind == "vote":
                self.saved[process.party].add(decode_vote(item.body).subject)

    def on_final(self, process: Process, final: FinalBlock) -> None:
        block = final.block
        if process.name in self.convicted:
            self.finals[block.height][block.hash] = block
            self.slot = max(self.slot, block.slot)
            self.batches.update(batch.party for batch in block.batches)

    def finish(self) -> None:
        for process in self.world.honest():
            if process.host is not None:
                self.rejected.update(
                    f"{peer} {code}" for (peer, code), n in process.host.rejected.items() if n
                )

    def votes(self, party: str) -> list[tuple[int, Vote]]:
        """Return the votes that a party sent in its own name, with the final slot at the time."""
        return [
            (slot, m.vote)
            for slot, m in self.sent[party]
            if isinstance(m, VoteMessage) and m.vote.voter == party
        ]

    def proposals(self, party: str) -> list[Block]:
        """Return the blocks that a party has proposed."""
        blocks = [_decoded(m.block.block) for _, m in self.sent[party] if isinstance(m, Proposal)]
        return [block for block in blocks if block and block.header.proposer == party]

    def own_batches(self, party: str) -> list[Batch]:
        """Return the batches that a party has sent in its own name."""
        sent = [m for _, m in self.sent[party] if isinstance(m, BatchMessage)]
        batches = [_decoded(message.batch.batch) for message in sent]
        return [batch for batch in batches if batch and batch.party == party]

    def lines(self) -> list[str]:
        """Return the trace's lines of frames."""
        trace = self.world.trace
        return [] if trace is None else [line for line in trace.lines if " send " in line]

    def chain(self) -> list[Block]:
        return [next(iter(blocks.values())) for _, blocks in sorted(self.finals.items())]


T = TypeVar("T")


def _decoded(decode: Callable[[], T]) -> T | None:
    """Return what a part of a message holds, unless it is nonsense."""
    try:
        return decode()
    except DecodeError:
        return None


# -- how each lie shows from outside ---------------------------------------------------------------


def _contradicts(seen: Seen, party: str, kinds: tuple[str, str]) -> bool:
    """Whether a party voted for two things in one slot that it may not vote for both."""
    said: dict[int, set[tuple[str, bytes]]] = defaultdict(set)
    for _, vote in seen.votes(party):
        said[vote.slot].add((vote.kind, vote.block))
    wanted = sorted(kinds)
    return any(
        sorted((one[0], other[0])) == wanted and one[1] != other[1]
        for votes in said.values()
        for one in votes
        for other in votes
    )


def _two_blocks(seen: Seen, party: str) -> bool:
    slots: dict[int, set[bytes]] = defaultdict(set)
    for block in seen.proposals(party):
        slots[block.slot].add(block.hash)
    return any(len(blocks) > 1 for blocks in slots.values())


def _two_batches(seen: Seen, party: str) -> bool:
    numbers: dict[int, set[bytes]] = defaultdict(set)
    for batch in seen.own_batches(party):
        numbers[batch.number].add(batch.raw_header)
    return any(len(headers) > 1 for headers in numbers.values())


def _forges(seen: Seen, party: str) -> bool:
    codes = ("bad-vote-signature", "bad-evidence")
    return any(seen.rejected[f"{party} {code}"] for code in codes)


def _repeats_others(seen: Seen, party: str) -> bool:
    """Whether a party sends the very votes of others, which nobody does who keeps the protocol."""
    votes = [m.vote for _, m in seen.sent[party] if isinstance(m, VoteMessage)]
    return sum(vote.voter != party for vote in votes) > 10


def _keeps_back(seen: Seen, party: str) -> bool:
    """Whether there are votes that a party has made and not shown to everybody."""
    shown: dict[str, set[str]] = defaultdict(set)
    for line in seen.lines():
        _, sender, event, to, _, what = line.split(" ", 5)
        if sender == party and event == "send" and what.startswith("vote "):
            shown[what].add(to)
    others = {name for name in seen.world.plan.parties if name != party}
    unheard = seen.saved[party] - {vote.subject for _, vote in seen.votes(party)}
    return bool(unheard) or any(to != others for to in shown.values())


def _is_late(seen: Seen, party: str) -> bool:
    """Whether nearly all votes are of slots that are over; its node may know that first."""
    votes = seen.votes(party)
    late = sum(vote.slot < final for final, vote in votes)
    return late > 10 and 10 * late > 9 * len(votes)


def _talks_nonsense(seen: Seen, party: str) -> bool:
    return seen.rejected[f"{party} bad-message"] > 0


def _floods(seen: Seen, party: str) -> bool:
    far = [vote for final, vote in seen.votes(party) if vote.slot > final + 100]
    ahead = max((batch.number for batch in seen.own_batches(party)), default=0)
    return len(far) > 10 and ahead > 30


def _is_wrong(seen: Seen, party: str) -> bool:
    """Whether a party proposed what nobody could vote for, though nothing else was in the way."""
    final = {block.hash for block in seen.chain()}
    wrong = [block for block in seen.proposals(party) if block.hash not in final]
    return len(wrong) > 1


def _censors(seen: Seen, party: str) -> bool:
    victim = "platform" if party == "institution" else "institution"
    mine = [block for block in seen.chain() if block.header.proposer == party and block.batches]
    held = [batch.party for block in mine for batch in block.batches]
    return bool(mine) and victim not in held and seen.batches[victim] > 0


def _is_mute(seen: Seen, party: str) -> bool:
    votes = seen.votes(party)
    return len(votes) > 10 and not seen.proposals(party) and not seen.own_batches(party)


def _hangs_up(seen: Seen, party: str) -> bool:
    return seen.world.counts["hang-ups"] > 10 and not seen.proposals(party)


def _pushes_ranges(seen: Seen, party: str) -> bool:
    """Whether a party sends more ranges than anybody has asked of anybody."""
    asked = sum(isinstance(m, WantRange) for sent in seen.sent.values() for _, m in sent)
    return sum(isinstance(m, Range) for _, m in seen.sent[party]) > 3 + asked


def _signs_falsely(seen: Seen, party: str) -> bool:
    """Whether a party sends many batches of one number with different signatures."""
    numbers = Counter(batch.number for batch in seen.own_batches(party))
    return any(count > 10 for count in numbers.values())


def _votes_falsely(seen: Seen, party: str) -> bool:
    """Whether a party votes for many blocks of one slot."""
    said = {(vote.slot, vote.block) for _, vote in seen.votes(party) if vote.kind == "notar"}
    return any(count > 3 for count in Counter(slot for slot, _ in said).values())


def _asks_on(seen: Seen, party: str) -> bool:
    return sum(isinstance(m, QUESTIONS) for _, m in seen.sent[party]) > 100


def _repeats_itself(seen: Seen, party: str) -> bool:
    """Whether the same frame is said again and again."""
    frames = Counter(encode(m) for _, m in seen.sent[party])
    return max(frames.values(), default=0) > 20


SIGNS: dict[str, Callable[[Seen, str], bool]] = {
    "batch-equivocator": _two_batches,
    "batch-pest": _signs_falsely,
    "censor": _censors,
    "colluder": lambda seen, party: _contradicts(seen, party, ("final", "final")),
    "equivocator": _two_blocks,
    "flapper": _hangs_up,
    "flooder": _floods,
    "forger": _forges,
    "mute": _is_mute,
    "nonsense": _talks_nonsense,
    "questioner": _asks_on,
    "range-pusher": _pushes_ranges,
    "repeater": _repeats_itself,
    "replayer": _repeats_others,
    "stale-voter": _is_late,
    "twin": lambda seen, party: _contradicts(seen, party, ("notar", "notar")),
    "two-faced": lambda seen, party: _contradicts(seen, party, ("final", "skip")),
    "vote-pest": _votes_falsely,
    "withholder": _keeps_back,
    "wrong-state": _is_wrong,
}
"""How a lie shows to who hears everything."""
