"""Every lie is told, heard, and borne: the honest stay together, and convict the liar or nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from consensus.justification import leader_of
from consensus.messages import (
    BatchMessage,
    Message,
    Proposal,
    VoteMessage,
    decode_evidence,
    decode_vote,
)
from consensus.votes import Subject, Vote
from ledger.batch import Batch
from ledger.block import Block
from ledger.errors import DecodeError
from ledger.execute import Execution
from node.storage.store import ConsensusItem, EvidenceItem, Item
from simulator.checkers import CHECKERS, Checker
from simulator.liars import LIES, sentence
from simulator.plan import Plan
from simulator.process import Process
from simulator.templates import Templates
from simulator.trace import Trace
from simulator.world import World

CONVICTING = ("batch-equivocator", "colluder", "equivocator", "flooder", "twin", "two-faced")
"""Lies of which two contradicting signatures come about."""

ROOT = Path(__file__).resolve().parents[2]

FORKING = ("colluder", "equivocator", "twin", "two-faced")


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

    def on_final(
        self,
        process: Process,
        block: Block,
        execution: Execution,
        proofs: tuple[bytes | None, bytes],
    ) -> None:
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


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    (tmp_path_factory.getbasetemp() / "liars").mkdir()
    yield tmp_path_factory.getbasetemp() / "liars"


@pytest.fixture
def play(room: Path, tmp_path: Path) -> Callable[[Plan], tuple[World, Seen]]:
    """Return what runs a plan under all checkers."""

    def run(plan: Plan) -> tuple[World, Seen]:
        directory = tmp_path / f"{plan.seed}"
        checkers = (*CHECKERS, Seen)
        world = World(plan, directory, templates=Templates(room), checkers=checkers, trace=Trace())
        world.run()
        seen = next(c for c in world.checkers if isinstance(c, Seen))
        return world, seen

    return run


Play = Callable[[Plan], tuple[World, Seen]]


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
    return all(seen.rejected[f"{party} {code}"] for code in codes)


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
    votes = seen.votes(party)
    return len(votes) > 10 and all(vote.slot < final for final, vote in votes)


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


SIGNS: dict[str, Callable[[Seen, str], bool]] = {
    "batch-equivocator": _two_batches,
    "censor": _censors,
    "colluder": lambda seen, party: _contradicts(seen, party, ("final", "final")),
    "equivocator": _two_blocks,
    "flooder": _floods,
    "forger": _forges,
    "nonsense": _talks_nonsense,
    "replayer": _repeats_others,
    "stale-voter": _is_late,
    "twin": lambda seen, party: _contradicts(seen, party, ("notar", "notar")),
    "two-faced": lambda seen, party: _contradicts(seen, party, ("final", "skip")),
    "withholder": _keeps_back,
    "wrong-state": _is_wrong,
}
"""How a lie shows to who hears everything."""


def _convicted(seen: Seen) -> set[frozenset[str]]:
    """Return the sets of names that honest machines hold evidence against."""
    return {frozenset(names) for names in seen.convicted.values()}


# -- claims ----------------------------------------------------------------------------------------


def test_every_lie_is_said_in_one_sentence() -> None:
    assert set(SIGNS) == set(LIES)
    for lie in LIES:
        assert sentence(lie).endswith(".") and len(sentence(lie)) <= 100


@pytest.mark.parametrize(("seed", "liar"), [(1, "platform"), (6, "funder")])
@pytest.mark.parametrize("lie", sorted(LIES))
def test_one_liar_of_four_is_heard_and_borne(play: Play, lie: str, seed: int, liar: str) -> None:
    world, seen = play(Plan(seed=seed, records=50, liars={liar: lie}))
    assert SIGNS[lie](seen, liar), "the lie was not told"
    assert world.settled and not world.halts
    assert all(len(blocks) == 1 for blocks in seen.finals.values()), "I1"
    # I8: who contradicts itself is known to every honest node; nobody else is
    assert _convicted(seen) == {frozenset([liar] if lie in CONVICTING else [])}


def test_an_honest_party_shows_no_sign_of_any_lie(play: Play) -> None:
    _, seen = play(Plan(seed=1, records=50))
    for party in ("platform", "funder"):
        assert [lie for lie, shows in SIGNS.items() if shows(seen, party)] == []
    assert _convicted(seen) == {frozenset()}


@pytest.mark.parametrize(
    ("seed", "liars"),
    [
        (6, {"institution": "twin", "auditor": "two-faced"}),
        (2, {"guarantor": "wrong-state", "auditor-b": "replayer"}),
        (3, {"funder": "forger", "platform": "withholder"}),
        (4, {"merchant": "batch-equivocator", "auditor": "nonsense"}),
        (5, {"funder": "colluder", "guarantor": "colluder"}),
    ],
)
def test_two_liars_of_seven_are_borne(play: Play, seed: int, liars: dict[str, str]) -> None:
    world, seen = play(Plan(seed=seed, nodes=7, quorum=5, records=40, liars=liars))
    assert world.settled and not world.halts and not world.forkable
    assert all(SIGNS[lie](seen, liar) for liar, lie in liars.items())
    convicting = frozenset(liar for liar, lie in liars.items() if lie in CONVICTING)
    assert _convicted(seen) == {convicting}


@pytest.mark.parametrize("lie", FORKING)
def test_a_liar_of_three_with_quorum_two_may_fork_and_is_exposed(play: Play, lie: str) -> None:
    plan = Plan(seed=1, nodes=3, quorum=2, records=60, until_ms=20_000, liars={"funder": lie})
    world, seen = play(plan)
    assert world.forkable
    assert _convicted(seen) == {frozenset(["funder"])}
    if any(len(blocks) > 1 for blocks in seen.finals.values()):
        assert {why.code for why in world.halts.values()} == {"conflicting-final"}


def test_two_blocks_that_no_quorum_saw_may_stay_unnoticed(play: Play) -> None:
    """Three of seven see one block, three the other: neither gets a certificate, both are lost."""
    liars = {"institution": "equivocator"}
    world, seen = play(Plan(seed=1, nodes=7, quorum=5, records=40, liars=liars))
    assert SIGNS["equivocator"](seen, "institution")
    assert world.settled and not world.halts
    assert frozenset().union(*_convicted(seen)) <= set(liars)


@pytest.mark.parametrize("seed", [2, 6, 8])
def test_a_censor_bears_another_liars_nonsense(play: Play, seed: int) -> None:
    """Nonsense may have the form of a batch whose header is none."""
    liars = {"institution": "censor", "funder": "nonsense"}
    play(Plan(seed=seed, nodes=5, records=60, liars=liars))


@pytest.mark.parametrize("lie", FORKING)
def test_with_quorum_three_of_three_a_liar_stops_everybody_and_forks_nothing(
    play: Play, lie: str
) -> None:
    plan = Plan(seed=1, nodes=3, quorum=3, records=60, until_ms=10_000, liars={"funder": lie})
    world, seen = play(plan)
    assert not world.forkable and not world.halts
    assert all(len(blocks) == 1 for blocks in seen.finals.values())
    assert frozenset().union(*_convicted(seen)) <= {"funder"}


def test_two_colluders_of_four_fork_and_both_are_convicted_by_all(play: Play) -> None:
    pairs = [("platform", "institution"), ("auditor", "funder"), ("institution", "auditor")]
    forks = 0
    for seed in range(6, 15):
        liars = dict.fromkeys(pairs[seed % 3], "colluder")
        world, seen = play(Plan(seed=seed, records=40, until_ms=10_000, liars=liars))
        assert world.forkable and _led_apart(seen)
        assert {world.halts[p.name].code for p in world.honest()} == {"conflicting-final"}
        assert _convicted(seen) == {frozenset(liars)}
        forks += any(len(blocks) > 1 for blocks in seen.finals.values())
    assert forks >= 3, "two blocks were final at one height before the honest met"


def _led_apart(seen: Seen) -> bool:
    """Whether honest parties voted Final for two blocks of one slot."""
    finals: dict[int, set[bytes]] = defaultdict(set)
    for process in seen.world.honest():
        for _, vote in seen.votes(process.party):
            if vote.kind == "final":
                finals[vote.slot].add(vote.block)
    return any(len(blocks) > 1 for blocks in finals.values())


def test_a_leader_that_is_wrong_loses_only_its_own_slots(play: Play) -> None:
    _, seen = play(Plan(seed=4, records=80, liars={"funder": "wrong-state"}))
    proposed = {block.slot for block in seen.proposals("funder")}
    lost = proposed - {block.slot for block in seen.chain()}
    assert lost and all(leader_of(slot, seen.world.genesis) == "funder" for slot in lost)


def test_what_liars_do_is_the_same_in_every_process(tmp_path: Path) -> None:
    found = set()
    for hash_seed in ("0", "1"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, __file__, str(tmp_path / hash_seed)]
        told = subprocess.run(command, env=environment, capture_output=True, check=True)
        found.add(told.stdout)
    assert len(found) == 1 and found != {b""}


def _print_digests(directory: Path) -> None:
    templates = directory / "templates"
    templates.mkdir(parents=True)
    crowds = (
        ("equivocator", "forger", "replayer", "two-faced"),
        ("batch-equivocator", "flooder", "nonsense", "withholder"),
        ("censor", "colluder", "colluder", "wrong-state"),
    )
    for seed, lies in enumerate(crowds):
        parties = Plan(nodes=7).parties
        plan = Plan(seed=seed, nodes=7, records=12, until_ms=3000, liars=dict(zip(parties, lies)))  # noqa: B905
        trace = Trace()
        World(
            plan,
            directory / str(seed),
            templates=Templates(templates),
            checkers=(),
            trace=trace,
        ).run()
        print(len(trace.lines), trace.digest())


if __name__ == "__main__":
    _print_digests(Path(sys.argv[1]))
