"""Records that are handed in together are judged one by one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node.host_kit import CALM_MS, World, capture, make_templates

ME = "institution"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    (tmp_path / "templates").mkdir()
    opened = World(tmp_path, make_templates(tmp_path / "templates"))
    opened.open()
    yield opened
    opened.close()


def test_what_is_no_record_is_refused_alone(world: World) -> None:
    bad = {b"{": "not-json", capture("P2") + b" ": "not-canonical"}
    told = world.submit(ME, [capture("P1"), *bad, capture("P3"), capture("P1")])
    assert world.run(CALM_MS, lambda: all(each.done for each in told))
    first, *refused, third, again = told
    assert [(each.state, each.code) for each in refused] == [("refused", c) for c in bad.values()]
    for each in (first, third, again):
        assert (each.state, each.outcome) == ("final", "applied")
    assert again.index == first.index
    assert [id_ for _, id_, _ in world.entries(ME)] == [first.id, third.id]
