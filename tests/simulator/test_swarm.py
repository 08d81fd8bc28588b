"""What a seed draws: some kinds of trouble on, others off, and always a quorum that can heal."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.chance import Chance
from simulator.liars import LIES
from simulator.plan import FIELDS, Fault, LineConditions, Plan, check, read, write
from simulator.swarm import TROUBLE, Draw, draw

SEEDS = range(1, 601)


def drawn(**base: object) -> list[Plan]:
    plan = msgspec.convert(base, Plan)
    return [draw(seed, plan) for seed in SEEDS]


def test_the_same_seed_draws_the_same_plan_and_others_draw_others() -> None:
    assert draw(7, Plan()) == draw(7, Plan())
    assert len({write(plan) for plan in drawn()}) == len(SEEDS)


def test_every_kind_of_fault_every_disk_and_every_lie_occurs() -> None:
    plans = drawn()
    faults = [fault for plan in plans for fault in plan.faults]
    assert {fault.kind for fault in faults} == set(FIELDS)
    assert {fault.disk for fault in faults} == {"kept", "torn", "lost", "backup"}
    assert {lie for plan in plans for lie in plan.liars.values()} == set(LIES)
    assert any(fault.one_way for fault in faults)
    assert any(fault.period_ms for fault in faults)
    assert any(fault.kind == "crash" and not fault.for_ms for fault in faults)
    assert any(fault.kind == "crash" and not fault.at_ms for fault in faults)


def test_every_kind_of_fault_is_off_in_many_runs() -> None:
    plans = drawn()
    on = Counter(kind for plan in plans for kind in {fault.kind for fault in plan.faults})
    assert all(len(SEEDS) // 10 < count < len(SEEDS) * 9 // 10 for count in on.values()), on
    assert any(not plan.liars for plan in plans)


@pytest.mark.parametrize(
    ("nodes", "quorum"), [(4, 3), (4, 4), (3, 2), (3, 3), (5, 4), (5, 3), (7, 5)]
)
def test_what_is_drawn_leaves_a_quorum_to_heal(nodes: int, quorum: int) -> None:
    for plan in drawn(nodes=nodes, quorum=quorum):
        check(plan, tuple(LIES))
        lost = set(plan.suspects) | {who for f in plan.faults if _loses(f) for who in f.who}
        assert len(lost) <= nodes - quorum
        rewound = {who for f in plan.faults if f.disk == "backup" for who in f.who}
        assert len(lost | rewound) < max(quorum, 1 + len(lost))
        assert len(plan.suspects) < max(1, 2 * quorum - nodes)


def _loses(fault: Fault) -> bool:
    gone = fault.kind == "crash" and not fault.for_ms
    return gone or fault.kind == "corrupt" or fault.disk == "lost"


def test_what_is_given_is_not_drawn() -> None:
    fault = Fault(kind="disk-full", at_ms=10, for_ms=10)
    network = LineConditions(delay_ms=9)
    base = Plan(faults=(fault,), liars={"funder": "twin"}, network=network, records=9, nodes=5)
    for seed in SEEDS[:50]:
        plan = draw(seed, base)
        assert plan.seed == seed
        assert (plan.faults, plan.liars, plan.network) == ((fault,), {"funder": "twin"}, network)
        assert (plan.records, plan.nodes) == (9, 5)


def test_liars_that_are_given_count_among_the_lost() -> None:
    plan = Plan(liars={"platform": "forger"})
    for seed in SEEDS:
        for fault in draw(seed, plan).faults:
            assert not _loses(fault) or fault.who == ("platform",)


def test_every_trouble_can_be_drawn_alone() -> None:
    for make, _ in TROUBLE.values():
        found = [make(Draw(Plan(), Chance(seed, "one"), span_ms=1000)) for seed in SEEDS[:20]]
        assert any(found)


def test_a_drawn_plan_survives_being_written_and_read() -> None:
    for plan in drawn():
        assert read(write(plan), Plan, "drawn") == plan


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.dictionaries(st.text('aé." b'), st.just("x")),
)
def test_any_story_and_any_names_survive_being_written_and_read(
    story: str, liars: dict[str, str]
) -> None:
    plan = Plan(story=story, liars=liars)
    assert read(write(plan), Plan, "told") == plan
