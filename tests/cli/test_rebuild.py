"""A rebuild where there is nothing to fetch is taken back, and cut short it goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli.errors import CheckFailed
from cli.parties import parse_parties
from cli.rebuild import REBUILDING, forget, go_on, put_back, read_mark
from demo.stage.network import LocalNetwork, found_network
from demo.stage.processes import NodeProcess, stop_all
from node.home.home import DATABASE, DATABASE_ID, Home, load_home
from node.storage.store import Store
from tests.cli.cli_kit import run
from tests.cli.test_nodes import START_S, captured, until_ready
from tools.bytes_example import ROOT

PARTIES = parse_parties("platform,institution,funder")


@pytest.fixture
def network(tmp_path: Path) -> LocalNetwork:
    return found_network(tmp_path / "net", "new", PARTIES, 2)


def until_ended(node: NodeProcess) -> str:
    """Return what a node says that is to end by itself; nothing if it does not."""
    deadline = time.monotonic() + START_S
    while node.alive and time.monotonic() < deadline:
        time.sleep(0.05)
    with pytest.raises(CheckFailed) as caught:
        node.refuse_dead()
    return str(caught.value)


@pytest.mark.processes
def test_whoever_rebuilds_at_a_founding_is_told_so_and_votes_after_all(
    network: LocalNetwork, tmp_path: Path
) -> None:
    """The issue: all obeyed `database-lost`, and the ledger had nobody that votes."""
    before = {node.party: snapshot(node.home) for node in network.nodes}
    try:
        for node in network.nodes:
            node.start("--rebuild")
        for node in network.nodes:
            assert "nothing-to-rebuild" in until_ended(node)
    finally:
        stop_all(network.nodes)
    assert {node.party: snapshot(node.home) for node in network.nodes} == before
    try:
        for node in network.nodes:
            node.start()
        for node in network.nodes:
            until_ready(node)
        file = tmp_path / "record.json"
        file.write_text(json.dumps(captured("first")))
        assert run("submit", file, "--home", network.node("institution").home) == 0
    finally:
        stop_all(network.nodes)


def snapshot(home: Path) -> dict[str, bytes]:
    """Return what of a home tells which database its key signs with.

    An empty file is no database yet: the readers, which begin first, make one.
    """
    found = [home / name for name in (DATABASE, DATABASE_ID, REBUILDING) if (home / name).exists()]
    return {each.name: raw for each in found if (raw := each.read_bytes())}


# -- at rest ------------------------------------------------------------------------------------


@pytest.fixture
def home(network: LocalNetwork) -> Home:
    """Return a home whose node has run: it has a database, with its parts, and knows its id."""
    home = load_home(network.node("platform").home)
    store = Store(home.database_url, home.genesis, party=home.party)
    (home.path / DATABASE_ID).write_text(f"{store.id}\n")
    store.close()
    (home.path / f"{DATABASE}-wal").write_bytes(b"what was written last")
    return home


def files(home: Home) -> dict[str, bytes]:
    found = (*home.path.glob(f"{DATABASE}*"), *home.path.glob(f"{DATABASE_ID}*"))
    return {each.name: each.read_bytes() for each in found}


def test_a_home_that_had_lost_its_id_has_lost_it_again(home: Home) -> None:
    (home.path / DATABASE_ID).unlink()
    before = files(home)
    go_on(home, rebuild=True)
    put_back(home)
    assert files(home) == before


def test_a_rebuild_sets_aside_and_putting_back_restores_every_byte(home: Home) -> None:
    before = files(home)
    assert go_on(home, rebuild=True)
    mark = read_mark(home.path)
    assert mark is not None
    assert mark.state == "follow"
    assert (home.path / f"{DATABASE}.{mark.stamp}").read_bytes() == before[DATABASE]
    store = Store(home.database_url, home.genesis, party=home.party)
    assert store.abstains()
    store.close()
    put_back(home)
    assert files(home) == before
    assert read_mark(home.path) is None


def test_a_second_rebuild_before_the_first_block_keeps_the_first_database(home: Home) -> None:
    before = files(home)
    go_on(home, rebuild=True)
    go_on(home, rebuild=True)
    put_back(home)
    assert files(home) == before


def test_with_the_first_block_there_is_no_way_back(home: Home) -> None:
    go_on(home, rebuild=True)
    forget(home.path)
    put_back(home)
    store = Store(home.database_url, home.genesis, party=home.party)
    assert store.abstains()
    store.close()
    assert len(list(home.path.glob(f"{DATABASE}.*Z"))) == 1


CUT = """
import os, pathlib, signal, sys
from cli import rebuild
from node.home.home import load_home

home = load_home(pathlib.Path(sys.argv[1]))
left = int(sys.argv[3])

def fused(act):
    def step(*words, **options):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return act(*words, **options)
    return step

rebuild.write_whole = fused(rebuild.write_whole)
for name in ("rename", "unlink"):
    setattr(pathlib.Path, name, fused(getattr(pathlib.Path, name)))
if sys.argv[2] == "rebuild":
    rebuild.go_on(home, rebuild=True)
else:
    rebuild.put_back(home)
"""
"""A step that is killed before its n-th change of the home."""


def cut(home: Home, step: str, changes: int) -> bool:
    """Return whether a step was killed before it was done."""
    words = [sys.executable, "-c", CUT, str(home.path), step, str(changes)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


@pytest.mark.parametrize("changes", range(8))
def test_a_rebuild_that_was_killed_goes_on_and_loses_nothing(home: Home, changes: int) -> None:
    before = files(home)
    assert cut(home, "rebuild", changes) == (changes < 7)
    go_on(home, rebuild=True)
    put_back(home)
    assert files(home) == before


@pytest.mark.parametrize("changes", range(10))
def test_a_way_back_that_was_killed_goes_on_and_loses_nothing(home: Home, changes: int) -> None:
    before = files(home)
    go_on(home, rebuild=True)
    for parts in ("-wal", "-shm"):
        (home.path / f"{DATABASE}{parts}").write_bytes(b"of the new one")
    cut(home, "back", changes)
    assert go_on(home, rebuild=False) == (read_mark(home.path) is not None)
    put_back(home)
    assert files(home) == before
