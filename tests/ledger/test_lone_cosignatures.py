"""A Final vote for a block that never becomes final is a cosignature of a tree that nobody has.

It convicts nobody: not here, and not by the trust policy (docs/adr/0024-a-lone-final-vote.md).
"""

from __future__ import annotations

from functools import cache
from itertools import combinations
from random import Random

import pytest

from consensus.evidence import of_votes
from consensus.votes import Subject, Vote, checkpoint_for, verify_vote
from ledger.errors import VerificationError
from ledger.log.checkpoint import Cosignature, cosigner_name, signed_checkpoint
from ledger.log.receipt import open_consortium_checkpoint
from tests.consensus.consensus_kit import Cluster
from tests.consensus.test_replica_properties import CALM_MS, disturb
from tests.ledger.chain_kit import SIGNERS, genesis_of

ROUGH = ("deliver", "burst", "burst", "drop", "drop", "tick", "tick", "work", "cut", "mend")
SEEDS = (35, 50, 1131, 1416)
"""Rough weather in which it happens: to about one in ten; trees of one size differ in the last two."""


def weathered(seed: int) -> Cluster:
    """Return a consortium after rough weather and its clearing, everything final again."""
    chance = Random(seed)
    cluster = Cluster(genesis_of(4, 3))
    cluster.work("platform")
    for _ in range(300):
        disturb(cluster, chance.choice(ROUGH), chance.randrange(10_000))
    cluster.heal()
    assert cluster.run(cluster.now_ms + CALM_MS, cluster.all_work_final)
    return cluster


def lone_votes(cluster: Cluster) -> list[tuple[Subject, Vote]]:
    """Return the Final votes for blocks that another block of their height has replaced."""
    return [
        (subject, vote)
        for subject, votes in cluster.votes.items()
        if subject.kind == "final"
        and cluster.final.get(subject.height, subject.block) != subject.block
        for vote in votes.values()
    ]


@cache
def found() -> list[tuple[Cluster, list[tuple[Subject, Vote]]]]:
    clusters = [weathered(seed) for seed in SEEDS]
    return [(cluster, lone) for cluster in clusters if (lone := lone_votes(cluster))]


def test_it_happens_to_honest_voters() -> None:
    assert found()
    trees = [
        (subject.root, final.root)
        for cluster, lone in found()
        for subject, _ in lone
        for final in cluster.certificates
        if final.kind == "final" and final.size == subject.size
    ]
    assert any(one != other for one, other in trees), "and the trees of one size differ"


def test_it_is_no_evidence_whatever_the_voter_said_besides() -> None:
    for cluster, lone in found():
        for _, vote in lone:
            verify_vote(vote, cluster.genesis)
            said = [v for votes in cluster.votes.values() for v in votes.values()]
            own = [v for v in said if v.voter == vote.voter]
            assert [p for p in combinations(own, 2) if of_votes(*p) is not None] == []
        assert not any(seat.evidence for seat in cluster.honest)


def test_it_is_no_checkpoint_by_the_trust_policy() -> None:
    for cluster, lone in found():
        for subject in {subject for subject, _ in lone}:
            votes = cluster.votes[subject]
            assert len(votes) < cluster.genesis.quorum
            checkpoint = checkpoint_for(subject, cluster.genesis.origin)
            lines = [
                Cosignature(
                    cosigner_name(cluster.genesis.origin, vote.voter),
                    SIGNERS[vote.voter].public_key,
                    vote.time,
                    vote.signature,
                )
                for vote in votes.values()
            ]
            note = signed_checkpoint(checkpoint, SIGNERS[next(iter(votes))], lines)
            with pytest.raises(VerificationError, match="no-quorum"):
                open_consortium_checkpoint(note, cluster.genesis)


def test_checkpoints_with_a_quorum_are_all_of_one_history() -> None:
    for cluster, _ in found():
        finals = [c.subject for c in cluster.certificates.values() if c.subject.kind == "final"]
        assert finals
        assert all(cluster.final[each.height] == each.block for each in finals)
