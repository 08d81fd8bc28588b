"""Leaders that let others wait: who is given no time, for how long, and what words are worth."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from consensus.effects import Received
from consensus.messages import CertificateMessage, VoteMessage
from consensus.patience import (
    DEBT_MAX,
    FORGIVEN_EVERY,
    FREE_PARTS,
    PAYS_BACK,
    PROBATION,
    RECORDS_PER_MS,
    TOLERATED_PARTS,
    Patience,
)
from consensus.votes import sign_vote, skip_subject
from tests.consensus.consensus_kit import Cluster, Letter
from tests.ledger.chain_kit import SIGNERS, genesis_of

FOUR = genesis_of(4, 3)
BASE_MS = FOUR.timeouts.base_ms
ME, MUTE, OTHER, THIRD = "platform", "institution", "funder", "auditor"


def wait(patience: Patience, leader: str, slot: int, at_ms: int, for_ms: int) -> None:
    """Let a leader's slot time out."""
    patience.begin(slot, leader, at_ms, proposed=False)
    patience.end(at_ms + for_ms, wasted=True)


def share_wasted(turn: Callable[[Patience, int], int], rounds: int = 4000) -> float:
    """Return the part of the time in which a leader is waited for.

    ``turn`` is one slot of its at a time, and says how long it took; the other three leaders' slots
    take 35 ms each.
    """
    patience, now_ms, wasted_ms = Patience(FOUR, ME), 0, 0
    for _ in range(rounds):
        now_ms += 105
        if MUTE not in patience.silent(now_ms, moving=True):
            took_ms = turn(patience, now_ms)
            now_ms += took_ms
            wasted_ms += took_ms
    return wasted_ms / now_ms


def mute(patience: Patience, now_ms: int) -> int:
    wait(patience, MUTE, 1, now_ms, BASE_MS)
    return BASE_MS


def tardy(late_ms: int) -> Callable[[Patience, int], int]:
    def turn(patience: Patience, now_ms: int) -> int:
        patience.begin(1, MUTE, now_ms, proposed=False)
        patience.proposed(1, now_ms + late_ms)
        patience.end(now_ms + late_ms, wasted=False)
        return late_ms

    return turn


def withholding(patience: Patience, now_ms: int) -> int:
    """Its proposal reaches this replica alone: there is no quorum, and the slot times out."""
    patience.begin(1, MUTE, now_ms, proposed=True)
    patience.end(now_ms + BASE_MS, wasted=True)
    return BASE_MS


def flapping(patience: Patience, now_ms: int) -> int:
    """It comes back, proposes once so that it is waited for, and then no more."""
    took_ms = mute(patience, now_ms)
    patience.down(MUTE)
    patience.up(MUTE, now_ms + took_ms)
    patience.heard(MUTE, now_ms + took_ms)
    return took_ms


LEADERS = {
    "mute": mute,
    "withholding": withholding,
    "flapping": flapping,
    **{f"{late} ms": tardy(late) for late in (20, 30, 60, 100, 200, 300, 500, 700, 990)},
}


@pytest.mark.parametrize("leader", LEADERS)
def test_a_leader_is_waited_for_less_than_a_quarter_of_the_time(leader: str) -> None:
    assert share_wasted(LEADERS[leader]) < 0.25
    assert share_wasted(LEADERS[leader]) < 0.07 or "ms" in leader


@pytest.mark.parametrize(("part", "silent"), [(1, ()), (4, (MUTE,))])
def test_a_block_may_come_as_late_as_its_records_take_to_be_executed(
    part: int, silent: tuple[str, ...]
) -> None:
    """Who waits and then proposes a full block lets others wait as long as they execute it."""
    patience, records = Patience(FOUR, ME), FOUR.limits.block_records
    late_ms = records // RECORDS_PER_MS + BASE_MS // FREE_PARTS
    for at_ms in (0, late_ms):
        patience.begin(1, MUTE, at_ms, proposed=False)
        patience.proposed(records // part, at_ms + late_ms)
        patience.end(at_ms + late_ms, wasted=False)
    assert patience.silent(2 * late_ms, moving=True) == silent


def test_a_leader_that_comes_back_is_given_time_once_it_has_proposed() -> None:
    patience, at_ms = Patience(FOUR, ME), BASE_MS
    wait(patience, MUTE, 1, 0, BASE_MS)
    patience.down(MUTE)
    assert patience.silent(at_ms, moving=True) == (MUTE,)
    patience.up(MUTE, at_ms)
    assert patience.silent(at_ms, moving=True) == (MUTE,)
    patience.heard(MUTE, at_ms)
    assert patience.silent(at_ms, moving=True) == ()


def test_coming_back_again_and_again_forgives_now_and_then() -> None:
    patience = Patience(FOUR, ME)
    for back_ms, silent in ((0, ()), (100, (MUTE,)), (FORGIVEN_EVERY * BASE_MS, ())):
        wait(patience, MUTE, 1, back_ms - BASE_MS, BASE_MS)
        patience.down(MUTE)
        patience.up(MUTE, back_ms)
        patience.heard(MUTE, back_ms)
        assert patience.silent(back_ms, moving=True) == silent


def test_words_of_one_that_did_not_come_back_forgive_nothing() -> None:
    patience = Patience(FOUR, ME)
    wait(patience, MUTE, 1, 0, BASE_MS)
    patience.up(MUTE, BASE_MS)
    patience.heard(MUTE, BASE_MS)
    assert patience.silent(BASE_MS, moving=True) == (MUTE,)


def test_one_that_comes_back_and_cannot_propose_is_given_time_later() -> None:
    patience = Patience(FOUR, ME)
    patience.down(MUTE)
    patience.up(MUTE, 0)
    assert patience.silent(0, moving=True) == (MUTE,)
    assert patience.silent(PROBATION * BASE_MS, moving=True) == ()


def test_a_debt_is_paid_back_by_time_alone_and_has_a_bound() -> None:
    patience, now_ms = Patience(FOUR, ME), 0
    for slot in range(20):
        wait(patience, MUTE, slot, now_ms, 8 * BASE_MS)
    now_ms += 8 * BASE_MS
    tolerated_ms = BASE_MS // TOLERATED_PARTS
    later_ms = now_ms + PAYS_BACK * (DEBT_MAX * BASE_MS - tolerated_ms)
    assert patience.silent(later_ms - 2 * PAYS_BACK, moving=True) == (MUTE,)
    assert patience.silent(later_ms, moving=True) == ()


def test_no_more_leaders_are_given_no_time_than_may_be_down() -> None:
    patience = Patience(FOUR, ME)
    for slot, leader in enumerate((MUTE, OTHER, THIRD)):
        wait(patience, leader, slot, 0, BASE_MS // (1 + (leader != OTHER)))
    assert patience.silent(BASE_MS, moving=True) == (OTHER,)
    patience.down(THIRD)
    assert patience.silent(BASE_MS, moving=True) == (THIRD,), "that is as many as may be down"


def test_when_nothing_becomes_final_all_leaders_are_given_time() -> None:
    patience = Patience(FOUR, ME)
    wait(patience, MUTE, 1, 0, BASE_MS)
    assert patience.silent(BASE_MS, moving=False) == ()
    patience.down(MUTE)
    assert patience.silent(BASE_MS, moving=False) == (MUTE,)


def test_three_of_three_wait_for_each_other() -> None:
    patience = Patience(genesis_of(3, 3), ME)
    wait(patience, MUTE, 1, 0, BASE_MS)
    assert patience.silent(BASE_MS, moving=True) == ()


def test_a_block_full_of_records_may_take_its_time() -> None:
    patience = Patience(FOUR, ME)
    patience.begin(1, MUTE, 0, proposed=False)
    patience.proposed(2000, 500)
    patience.end(510, wasted=False)
    assert patience.silent(510, moving=True) == ()
    patience.begin(5, MUTE, 600, proposed=False)
    patience.proposed(1, 1100)
    assert patience.silent(1100, moving=True) == (MUTE,)


def test_a_replica_never_waits_for_itself() -> None:
    patience = Patience(FOUR, ME)
    wait(patience, ME, 4, 0, BASE_MS)
    assert patience.silent(BASE_MS, moving=True) == ()


# -- in a replica ----------------------------------------------------------------------------------


def timed_out() -> Cluster:
    """Return four replicas that have waited for the institution in vain."""
    cluster = Cluster(FOUR, ["institution"])
    cluster.work("platform")
    cluster.run(cluster.now_ms + 3 * BASE_MS)
    for seat in cluster.honest:
        assert cluster.replica(seat.name).silent == (MUTE,)
    return cluster


def test_no_word_but_time_lets_a_mute_leader_be_waited_for_again() -> None:
    """A harmless vote in each slot must not buy a second of everybody's time."""
    cluster = timed_out()
    at_ms, height = cluster.now_ms, len(cluster.seats[OTHER].disk.chain)
    while cluster.now_ms < at_ms + 10 * BASE_MS:
        slot = cluster.replica(OTHER).slot
        vote = sign_vote(skip_subject(slot), SIGNERS[MUTE], MUTE, 0, FOUR)
        for name in (ME, OTHER, THIRD):
            cluster.post(MUTE, name, VoteMessage(vote))
        cluster.work("platform")
        cluster.run(cluster.now_ms + 100)
        assert all(MUTE in cluster.replica(name).silent for name in (ME, OTHER, THIRD))
    assert len(cluster.seats[OTHER].disk.chain) - height > 90, "its slots cost nobody any time"


def test_a_vote_is_no_news_that_the_rules_look_at() -> None:
    cluster = timed_out()
    replica, slot = cluster.replica(OTHER), cluster.replica(OTHER).slot
    vote = sign_vote(skip_subject(slot + 4), SIGNERS[MUTE], MUTE, 0, FOUR)
    effects = replica.step(Received(MUTE, VoteMessage(vote)), cluster.now(cluster.seats[OTHER]))
    assert not effects.send
    assert replica.silent == (MUTE,)


def test_a_leader_that_was_restarted_gets_its_slots_back_with_its_first_proposal() -> None:
    """Its slots cost the others no time before, and its proposal is in time soon afterwards."""
    cluster = Cluster(FOUR, [])
    cluster.crash(MUTE)
    _keep_busy(cluster, 60)
    cluster.restart(MUTE)
    assert MUTE in cluster.replica(OTHER).silent
    _keep_busy(cluster, 60)
    assert all(cluster.replica(name).silent == () for name in (ME, OTHER, THIRD))
    leaders = [each.block.header.proposer for each in cluster.seats[OTHER].disk.chain]
    assert MUTE in leaders[-4:]


def test_a_leader_that_has_nothing_to_propose_owes_nothing_before_an_empty_block_is_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without Final votes all wait half a timeout for an empty block, by the rules."""
    cluster = Cluster(FOUR, [])
    deliver = cluster.deliver

    def lose_final(letter: Letter) -> None:
        message = letter.message
        vote = isinstance(message, VoteMessage) and message.vote.kind == "final"
        proved = (
            isinstance(message, CertificateMessage) and message.certificate.subject.kind == "final"
        )
        if not (vote or proved):
            deliver(letter)

    with monkeypatch.context() as lossy:
        lossy.setattr(cluster, "deliver", lose_final)
        cluster.work("platform")
        cluster.run(cluster.now_ms + BASE_MS * 11 // 20)
        assert cluster.heights() == {0}
    cluster.run(cluster.now_ms + 3 * BASE_MS, lambda: cluster.heights() == {2})
    assert all(cluster.replica(name).silent == () for name in (ME, MUTE, OTHER, THIRD))


def _keep_busy(cluster: Cluster, times: int) -> None:
    for _ in range(times):
        cluster.work("platform")
        cluster.run(cluster.now_ms + 3)
