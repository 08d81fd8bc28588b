"""A home and everything in it is its owner's alone, whatever the umask, on real files."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from demo.stage.network import LocalNetwork, found_network
from demo.stage.processes import OUTPUT, NodeProcess, stop_all
from ledger.genesis import Role
from node.home.home import KEY
from node.home.private import OPEN_KEY, keep_private, tighten
from node.storage.store import Store

PARTIES: list[tuple[str, Role]] = [("platform", "platform"), ("institution", "institution")]
DEADLINE_S = 30.0
OTHERS = 0o077


@pytest.fixture(params=[0o022, 0o000], ids=["umask-022", "umask-000"])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    """Return what of a folder, itself included, others than its owner can use."""
    return [
        each.name for each in (folder, *folder.iterdir()) if stat.S_IMODE(each.stat().st_mode) & 63
    ]


def loosen(folder: Path) -> list[str]:
    """Let others read everything but the key, which a node would refuse; return what that is."""
    files = [each for each in folder.iterdir() if each.name != KEY]
    for each in files:
        each.chmod(0o644)
    folder.chmod(0o755)
    return sorted(each.name for each in files)


def lived(node: NodeProcess, *arguments: str) -> None:
    """Have a node start, answer, and stop."""
    node.start(*arguments)
    try:
        deadline = time.monotonic() + DEADLINE_S
        while True:
            node.refuse_dead()
            try:
                assert httpx.get(f"{node.url}/livez", trust_env=False).status_code == 200
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline
        assert open_to_others(node.home) == []
    finally:
        stop_all([node])


@pytest.mark.processes
def test_a_node_keeps_everything_in_its_home_private(tmp_path: Path, umask: int) -> None:
    network: LocalNetwork = found_network(tmp_path / "homes", "private", PARTIES, 2)
    node = network.node("institution")
    assert open_to_others(node.home) == []
    lived(node)
    made = {each.name for each in node.home.iterdir()}
    assert {"ledger.db", "database.id", "lock", "tokens.lock", "tokens.json", OUTPUT} <= made
    loose = loosen(node.home)
    lived(node, "--rebuild")
    aside = [each.name for each in node.home.iterdir() if each.name.startswith("ledger.db.2")]
    assert len(aside) >= 1
    said = (node.home / OUTPUT).read_text()
    (told,) = [line for line in said.splitlines() if "others could use these" in line]
    names = told.rpartition(": ")[2].split(", ")
    assert set(loose) <= {*names, "ledger.db-wal", "ledger.db-shm"}
    assert "institution" in names


def test_a_database_is_private_wherever_it_is(tmp_path: Path, umask: int) -> None:
    homes = found_network(tmp_path / "homes", "private", PARTIES, 2)
    folder = tmp_path / "volume"
    folder.mkdir(mode=0o700)
    url = f"sqlite:///{folder / 'elsewhere.db'}"
    for _ in range(2):
        store = Store(url, homes.genesis, party="platform")
        try:
            store.set_abstains(True)  # which writes
            assert {each.name for each in folder.iterdir()} > {"elsewhere.db", "elsewhere.db-wal"}
            assert open_to_others(folder) == []
            for each in folder.iterdir():
                each.chmod(0o644)
        finally:
            store.close()


def test_what_a_link_leads_to_is_left_as_it_is(tmp_path: Path) -> None:
    home, shared = tmp_path / "home", tmp_path / "shared"
    home.mkdir(mode=0o700)
    shared.write_text("everybody's")
    shared.chmod(0o644)
    (home / "genesis.json").symlink_to(shared)
    keep_private(home)
    assert stat.S_IMODE(shared.stat().st_mode) == 0o644


def test_an_owner_keeps_what_it_could_do(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    file.chmod(0o444)
    assert tighten(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o400
    assert not tighten(file)


def test_what_cannot_be_made_private_is_told(caplog: pytest.LogCaptureFixture) -> None:
    keep_private(Path("/proc/self/fdinfo"))  # this process's own, and the kernel refuses
    assert "others than its owner can use" in caplog.text
    assert "no longer" not in caplog.text


def test_who_guards_a_volume_otherwise_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.setenv(OPEN_KEY, "1")
    keep_private(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
