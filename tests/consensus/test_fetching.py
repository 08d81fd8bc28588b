"""What is wanted of peers: blocks with a certificate, and those that votes only tell of."""

from __future__ import annotations

import pytest

from consensus.fetching import ASK_AGAIN_MS, Fetching
from consensus.limits import SUSPECTED_MAX
from consensus.messages import WantBlock
from consensus.votes import Subject, notar_subject
from ledger.block import Tip

VOTERS = ("a", "b", "c", "d")


def made() -> Fetching:
    return Fetching(VOTERS, "a")


def block(number: int) -> Subject:
    return notar_subject(number, number.to_bytes(32, "big"))


def asked(fetching: Fetching, now_ms: int) -> list[Subject]:
    questions = [send.message for send in fetching.due(now_ms, 0)]
    assert all(isinstance(each, WantBlock) for each in questions)
    return [block(int.from_bytes(each.hash, "big")) for each in questions]  # type: ignore[union-attr]


@pytest.mark.parametrize("step", [1, -1])
def test_suspicions_of_a_leader_are_few_and_of_the_earliest_slots(step: int) -> None:
    fetching, subjects = made(), [block(number) for number in range(1, 4 * SUSPECTED_MAX)]
    for subject in subjects[::step]:
        fetching.suspect_block("d", subject, ("d",), 0)
    for now_ms in (0, ASK_AGAIN_MS):
        assert set(asked(fetching, now_ms)) == set(subjects[:SUSPECTED_MAX])


def test_suspicions_of_one_leader_displace_none_of_another_and_no_certified_block() -> None:
    fetching = made()
    fetching.suspect_block("b", block(1), ("c",), 0)
    fetching.want_block(block(2), VOTERS, 0)
    fetching.suspect_block("d", block(3), ("d",), 0)
    fetching.want_block(block(3), VOTERS, 0)  # a quorum has notarized it after all
    for number in range(4, 4 + 4 * SUSPECTED_MAX):
        fetching.suspect_block("d", block(number), ("d",), 0)
    assert {block(1), block(2), block(3)} < set(asked(fetching, 0))
    assert len(asked(fetching, ASK_AGAIN_MS)) == 3 + SUSPECTED_MAX
    fetching.on_final(Tip(1, 10**6, bytes(32), 1, 1, bytes(32), bytes(32)))
    assert asked(fetching, 2 * ASK_AGAIN_MS) == []
