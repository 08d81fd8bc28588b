"""Who votes is known to all, and what may still fail is that of now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from consensus.messages import Voting, decode, encode
from node.errors import StorageError
from node.host.voters import Voters
from node.limits import EVIDENCE_SAY_MS
from node.storage.store import Item, Store
from tests.node.host_kit import CALM_MS, World, capture, make_templates, register

ALL = ("platform", "institution", "funder", "auditor")


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_templates(tmp_path_factory.mktemp("templates"))


@pytest.fixture
def world(tmp_path: Path, templates: Path) -> Iterator[World]:
    opened = World(tmp_path, templates)
    opened.open()
    assert opened.run(CALM_MS, lambda: all(voters(opened, name).spare == 1 for name in ALL))
    yield opened
    opened.close()


def voters(world: World, name: str = "platform") -> Voters:
    return world.hosts[name].voters


def rebuild(world: World, name: str) -> None:
    """Lose a host's database, as ``--rebuild`` does: an empty one that abstains."""
    world.crash(name)
    for file in world.directory.glob(f"{name}.db*"):
        file.unlink()
    store = Store(f"sqlite:///{world.directory / name}.db", world.genesis, party=name)
    store.set_abstains(True)
    store.close()
    world.open(name)
    world.run(100)


def test_four_that_vote_may_lose_one(world: World) -> None:
    for name in ALL:
        assert voters(world, name).reached == ALL
        assert voters(world, name).hindrance() is None
        assert voters(world, name).tolerance() == (
            "Now 4 voters are reached (platform, institution, funder, auditor), 3 are needed: "
            "up to 1 may go down and the ledger goes on.",
        )


def test_a_rebuilt_node_counts_as_one_that_is_down(world: World) -> None:
    rebuild(world, "auditor")
    for name in ALL:
        known = voters(world, name)
        assert known.reached == ("platform", "institution", "funder")
        assert (known.votes("auditor"), known.votes("funder")) == (False, True)
        assert (known.lacking, known.spare) == (0, 0)
        assert known.hindrance() is None
        assert known.tolerance() == (
            "Now 3 voters are reached (platform, institution, funder), 3 are needed: "
            "none may go down, or the ledger stops (nothing is lost).",
            "The node of auditor was rebuilt: it follows and never votes again.",
        )


def test_with_one_rebuilt_and_one_down_nothing_can_become_final(world: World) -> None:
    rebuild(world, "auditor")
    world.run(5000)
    world.crash("funder")
    went_ms = world.now_ms
    told = world.submit("institution", [register("shop")])
    assert not world.run(CALM_MS, lambda: told[0].done)
    for name in ("platform", "institution", "auditor"):
        found = voters(world, name).hindrance()
        assert found is not None
        assert (found.code, found.since_ms) == ("no-quorum", went_ms)
        assert found.message == (
            "only 2 of the 3 voters needed are reached (platform, institution): the node of "
            "funder is not connected; the node of auditor was rebuilt: it follows and never votes "
            "again"
        )
        assert voters(world, name).tolerance()[0] == (
            "Now only 2 of the 3 voters needed are reached (platform, institution): nothing "
            "becomes final until there are more (nothing is lost)."
        )
    world.open("funder")
    assert world.run(CALM_MS, lambda: told[0].state == "final")
    assert voters(world).hindrance() is None


def test_a_node_that_stops_for_safety_says_why_and_votes_again_after_a_restart(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(items: list[Item]) -> None:
        raise StorageError("disk-full", "no space left")

    with monkeypatch.context() as full:
        full.setattr(world.stores["funder"], "save", refuse)
        told = world.submit("institution", [register("shop")])
        assert world.run(CALM_MS, lambda: told[0].done)
    assert world.hosts["funder"].halted is not None
    assert voters(world).votes("funder") is False
    world.crash("funder")
    assert voters(world).why_not("funder") == "has stopped for safety: disk-full"
    assert voters(world).reached == ("platform", "institution", "auditor")
    world.open("funder")
    assert voters(world).why_not("funder") == "has not said yet whether it votes"
    world.run(100)
    assert voters(world).reached == ALL


def test_a_peer_that_has_said_nothing_does_not_count_and_what_is_lost_is_said_again(
    world: World,
) -> None:
    world.lose = lambda sender, to, frame: isinstance(decode(frame), Voting)
    for name in ("funder", "auditor"):
        world.crash(name)
        world.open(name)
    world.run(1000)
    assert voters(world).reached == ("platform", "institution")
    assert voters(world).votes("funder") is None
    world.lose = lambda *_: False
    world.run(2 * EVIDENCE_SAY_MS)
    assert voters(world).reached == ALL


def test_a_peer_speaks_for_itself_alone(world: World) -> None:
    world.hosts["platform"].receive("auditor", encode(Voting("rebuilt")))
    assert voters(world).reached == ("platform", "institution", "funder")
    world.hosts["platform"].receive("auditor", encode(Voting("")))
    assert voters(world).reached == ALL


def test_what_a_peer_gives_as_its_reason_is_a_code(world: World) -> None:
    host = world.hosts["platform"]
    for reason in ("\x1b[2J", "Two Words", "a" * 65, "-", "code\n"):
        host.receive("auditor", encode(Voting(reason)))
    assert voters(world).reached == ALL
    assert host.rejected["auditor", "bad-message"] == 5


def test_agreement_takes_nobodys_word(world: World) -> None:
    """Who says that it does not vote, and votes, is counted: a word of one peer stops nobody."""
    for peer in ("institution", "funder", "auditor"):
        world.hosts["platform"].receive(peer, encode(Voting("rebuilt")))
    assert voters(world).lacking == 2
    told = world.submit("platform", [register("shop")])
    told += world.submit("institution", [capture("P1")])
    assert world.run(CALM_MS, lambda: all(each.done for each in told))
