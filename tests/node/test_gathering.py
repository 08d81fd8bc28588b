"""The moment in which a page is gathered: who just had an answer comes again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from consensus.effects import Now
from node.host.gathering import Gathering
from node.host.submission import Submission
from tests.node.host_kit import CALM_MS, World, capture, make_templates

BASE_MS = 1000


class Watch:
    """A clock that stands still until it is set."""

    ms = 0

    def now(self) -> Now:
        return Now(self.ms, 0)


@pytest.fixture
def watch() -> Watch:
    return Watch()


def is_over(gathering: Gathering, watch: Watch) -> bool:
    return gathering.until_ms <= watch.ms


def after_a_page(watch: Watch, took_ms: int, records: int) -> Gathering:
    gathering = Gathering(watch, BASE_MS)
    gathering.signed()
    watch.ms += took_ms
    gathering.final(records)
    return gathering


def test_one_record_under_way_waits_for_nothing(watch: Watch) -> None:
    assert is_over(after_a_page(watch, 20, 1), watch)
    assert is_over(after_a_page(watch, 20, 0), watch)


def test_the_moment_ends_when_nobody_comes(watch: Watch) -> None:
    gathering = after_a_page(watch, 20, 2)
    watch.ms += 3
    assert not is_over(gathering, watch)
    gathering.came()
    watch.ms += 3
    assert not is_over(gathering, watch)
    watch.ms += 1
    assert is_over(gathering, watch)
    gathering.came()
    watch.ms += 1
    assert not is_over(gathering, watch)  # of the same moment


@pytest.mark.parametrize(("took_ms", "most_ms"), [(20, 20), (500, 40), (2, 2), (0, 0)])
def test_the_moment_is_no_longer_than_the_last_page_took(
    watch: Watch, took_ms: int, most_ms: int
) -> None:
    gathering = after_a_page(watch, took_ms, 9)
    ends_ms = watch.ms + most_ms
    while watch.ms < ends_ms:
        assert not is_over(gathering, watch)
        watch.ms += 1
        gathering.came()
    assert is_over(gathering, watch)


# -- hosts ----------------------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    opened = World(tmp_path, make_templates(tmp_path_factory.mktemp("templates")))
    opened.open()
    yield opened
    opened.close()


def _final(world: World, said: list[Submission]) -> None:
    assert world.run(CALM_MS, lambda: all(each.state == "final" for each in said))


def test_who_comes_within_the_moment_stands_in_one_page(world: World) -> None:
    first = world.submit("institution", [capture("A1")])
    others = world.submit("institution", [capture(f"A{n}") for n in range(2, 8)])
    _final(world, first + others)
    batches = {_batch_of(world, each) for each in others}
    assert len(batches) == 1  # they waited for the first one, and were signed together
    again = [each for n in range(3) for each in world.submit("institution", [capture(f"B{n}")])]
    _final(world, again)
    assert len({_batch_of(world, each) for each in again}) == 1


def _batch_of(world: World, submission: Submission) -> int:
    assert submission.index is not None
    with world.stores["institution"].reader() as reader:
        found = reader.batch_of_entry(submission.index)
    assert found is not None
    return found.number
