"""Each node says which block its peers have reached, and how long its blocks take to be final."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from consensus.messages import WantRange, encode
from node.host.sightings import Sightings
from tests.node.host_kit import CALM_MS, Watch, World, make_templates, register

ALL = ("platform", "institution", "funder", "auditor")


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_templates(tmp_path_factory.mktemp("templates"))


@pytest.fixture
def world(tmp_path: Path, templates: Path) -> Iterator[World]:
    opened = World(tmp_path, templates)
    opened.open()
    yield opened
    opened.close()


def sightings(world: World, name: str = "platform") -> Sightings:
    return world.hosts[name].sightings


def height(world: World, name: str) -> int:
    return world.hosts[name].store.tip().height


def heights(world: World, name: str = "platform") -> dict[str, int | None]:
    found = sightings(world, name)
    return {peer: found.of(peer)["height"] for peer in ALL if peer != name}


def state(world: World, number: int) -> None:
    """Have a record final everywhere."""
    told = world.submit("institution", [register(f"shop-{number}")])
    assert world.run(CALM_MS, lambda: told[0].done)
    newest = height(world, "institution")
    assert world.run(CALM_MS, lambda: all(height(world, name) >= newest for name in ALL))


def test_peers_that_sign_are_seen_at_the_newest_block(world: World) -> None:
    state(world, 1)
    newest = height(world, "platform")
    assert world.run(CALM_MS, lambda: set(heights(world).values()) == {newest})
    seen = [sightings(world).of(peer)["seen_at"] for peer in ALL[1:]]
    assert all(at is not None and 0 <= Watch(world).now().wall_ms - at < CALM_MS for at in seen)


def test_a_peer_that_is_down_stays_where_it_was_last_seen(world: World) -> None:
    state(world, 1)
    before = height(world, "platform")
    assert world.run(CALM_MS, lambda: heights(world)["auditor"] == before)
    world.crash("auditor")
    world.run(100)  # what it sent arrives
    at = sightings(world).of("auditor")["seen_at"]
    told = world.submit("institution", [register("shop-2")])
    assert world.run(CALM_MS, lambda: told[0].done)
    assert world.run(CALM_MS, lambda: heights(world)["funder"] == height(world, "platform"))
    assert height(world, "platform") > before
    assert sightings(world).of("auditor") == {"height": before, "seen_at": at}


def test_what_a_peer_held_before_its_link_came_up_is_forgotten(world: World) -> None:
    state(world, 1)
    assert world.run(CALM_MS, lambda: heights(world)["auditor"] is not None)
    sightings(world).greet("auditor")
    assert heights(world)["auditor"] is None
    world.hosts["platform"].receive("auditor", encode(WantRange(1)))
    assert heights(world)["auditor"] == 0


def test_a_new_host_has_seen_nobody_and_no_block(world: World) -> None:
    unheard = Sightings(Watch(world))
    assert unheard.of("auditor") == {"height": None, "seen_at": None}
    assert unheard.finality() is None


def test_every_block_that_was_agreed_on_here_counts_in_the_pace(world: World) -> None:
    for number in range(3):
        state(world, number)
    for name in ALL:
        found = sightings(world, name).finality()
        assert found is not None
        assert 1 <= found["blocks"] <= height(world, name)
        assert 0 < found["median_ms"] <= found["slowest_ms"] < CALM_MS


def test_blocks_that_come_as_final_say_nothing_of_the_pace(world: World) -> None:
    state(world, 1)
    world.crash("auditor")
    told = world.submit("institution", [register("shop-2")])
    assert world.run(CALM_MS, lambda: told[0].done)
    world.open("auditor")
    assert world.run(CALM_MS, lambda: height(world, "auditor") == height(world, "platform"))
    assert sightings(world, "auditor").finality() is None
