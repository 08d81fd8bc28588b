"""Homes: what `init` writes, what a node refuses to start from, and one process at a time."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import node
from ledger import genesis as founding
from ledger.errors import GenesisError
from ledger.genesis import Role
from node.errors import HomeError
from node.home.config import CONFIG, LOG_LEVELS, Config
from node.home.founding import Listen, ask, create_consortium
from node.home.home import (
    DATABASE_ID,
    GENESIS,
    KEY,
    OPEN_KEY,
    OPERATOR_TOKEN,
    load_home,
    lock_home,
    read_address,
    read_database_id,
    read_operator_token,
)
from tests.cli.files_kit import ENDLESS, put_endless

MEMBERS: list[tuple[str, Role]] = [
    ("platform", "platform"),
    ("institution", "institution"),
    ("funder", "funder"),
    ("auditor", "auditor"),
]
SEEDS = {name: bytes([place]) * 32 for place, (name, _) in enumerate(MEMBERS)}


@pytest.fixture
def consortium(tmp_path: Path) -> Path:
    directory = tmp_path / "demo"
    create_consortium(directory, MEMBERS, 3, base_port=9100, created_at=7, seeds=SEEDS)
    return directory


def code_of(path: Path) -> str:
    with pytest.raises(HomeError) as caught:
        load_home(path)
    return caught.value.code


def test_every_party_gets_a_home_with_the_same_genesis(consortium: Path) -> None:
    homes = [load_home(consortium / name) for name, _ in MEMBERS]
    assert {home.genesis.hash for home in homes} == {homes[0].genesis.hash}
    assert [home.party for home in homes] == [name for name, _ in MEMBERS]
    assert founding.read((consortium / "funder" / GENESIS).read_bytes()).created_at == 7


def test_homes_know_their_peers_but_not_themselves(consortium: Path) -> None:
    home = load_home(consortium / "institution")
    assert home.config.port == 9101
    assert home.config.peers == {
        "platform": "ws://127.0.0.1:9100/peer",
        "funder": "ws://127.0.0.1:9102/peer",
        "auditor": "ws://127.0.0.1:9103/peer",
    }


def test_peers_can_be_reached_under_other_names_than_they_listen_on(tmp_path: Path) -> None:
    hosts = {name: f"{name}.example" for name, _ in MEMBERS}
    homes = create_consortium(tmp_path / "d", MEMBERS, 3, host="0.0.0.0", hosts=hosts)
    assert homes["platform"].config.host == "0.0.0.0"
    assert homes["platform"].config.peers["funder"] == "ws://funder.example:8802/peer"
    assert read_address(tmp_path / "d" / "platform") == "http://127.0.0.1:8800"


def test_the_same_seeds_and_time_found_the_same_consortium(tmp_path: Path) -> None:
    first, second = (
        create_consortium(tmp_path / name, MEMBERS, 3, created_at=7, seeds=SEEDS)
        for name in ("a", "b")
    )
    assert first["platform"].genesis.raw == second["platform"].genesis.raw


def test_keys_are_random_without_seeds(tmp_path: Path) -> None:
    first, second = (
        create_consortium(tmp_path / name, MEMBERS, 3, created_at=7) for name in ("a", "b")
    )
    assert first["platform"].genesis.hash != second["platform"].genesis.hash


def test_secrets_are_readable_by_their_owner_only(consortium: Path) -> None:
    for name in (KEY, "operator.token", "tokens.json"):
        assert stat.S_IMODE((consortium / "platform" / name).stat().st_mode) == 0o600


def test_the_operator_token_works_and_has_all_scopes(consortium: Path) -> None:
    home = load_home(consortium / "platform")
    assert home.tokens.scopes(read_operator_token(home.path)) == frozenset(
        {"read", "submit", "admin"}
    )
    assert read_address(home.path) == "http://127.0.0.1:9100"


def test_the_database_is_in_the_home_unless_the_config_names_another(consortium: Path) -> None:
    home = load_home(consortium / "platform")
    assert str(home.database_url) == f"sqlite:///{consortium.resolve()}/platform/ledger.db"
    config = home.path / CONFIG
    url = "postgresql+psycopg://ledger@db.example/platform"
    text = config.read_text("utf-8").replace("[peers]", f'[database]\nurl = "{url}"\n\n[peers]')
    config.write_text(text, "utf-8")
    assert load_home(home.path).database_url == url


def test_a_directory_that_is_not_empty_is_not_overwritten(consortium: Path) -> None:
    before = sorted(consortium.rglob("*"))
    with pytest.raises(HomeError) as caught:
        create_consortium(consortium, MEMBERS, 3)
    assert caught.value.code == "home-not-empty"
    home = load_home(consortium / "platform")
    with pytest.raises(HomeError):
        ask(home.path, home.genesis.members[0], Listen("127.0.0.1", 9100))
    assert sorted(consortium.rglob("*")) == before


def test_a_consortium_that_cannot_work_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(GenesisError):
        create_consortium(tmp_path / "demo", MEMBERS, 1)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_or_empty_directory_is_no_home(tmp_path: Path) -> None:
    assert code_of(tmp_path) == "not-a-home"
    assert code_of(tmp_path / "absent") == "not-a-home"


@pytest.mark.parametrize("name", [GENESIS, KEY, CONFIG])
def test_a_home_without_one_of_its_parts_is_no_home(consortium: Path, name: str) -> None:
    (consortium / "platform" / name).unlink()
    assert code_of(consortium / "platform") == "not-a-home"


@pytest.mark.parametrize(
    "text",
    [
        "party = ",
        'party = "platform"\n',
        'party = "platform"\n[listen]\nhost = "x"\nport = 70000\n',
        'party = "platform"\nport = 1\n[listen]\nhost = "x"\nport = 1\n',
        'party = "platform"\nlog_level = "loud"\n[listen]\nhost = "x"\nport = 1\n',
        'party = 5\n[listen]\nhost = "x"\nport = 1\n',
    ],
)
def test_a_config_that_cannot_be_used_is_refused(consortium: Path, text: str) -> None:
    (consortium / "platform" / CONFIG).write_text(text, "utf-8")
    assert code_of(consortium / "platform") == "bad-config"


def test_a_config_that_is_no_text_is_refused(consortium: Path) -> None:
    (consortium / "platform" / CONFIG).write_bytes(b"\xff\xfe")
    assert code_of(consortium / "platform") == "bad-config"


@pytest.mark.parametrize("name", [CONFIG, GENESIS, KEY, OPERATOR_TOKEN, DATABASE_ID])
@pytest.mark.parametrize("kind", ENDLESS)
def test_what_is_no_plain_file_is_not_read(consortium: Path, name: str, kind: str) -> None:
    path = consortium / "platform"
    put_endless(kind, path / name)
    read = {OPERATOR_TOKEN: read_operator_token, DATABASE_ID: read_database_id}.get(name, load_home)
    with pytest.raises(HomeError, match=ENDLESS[kind]) as caught:
        read(path)
    assert caught.value.code == "home-unreadable"


def test_a_damaged_genesis_is_refused(consortium: Path) -> None:
    path = consortium / "platform" / GENESIS
    path.write_bytes(path.read_bytes() + b"\n")
    assert code_of(consortium / "platform") == "bad-genesis"


def test_another_partys_key_is_refused(consortium: Path) -> None:
    other = (consortium / "funder" / KEY).read_bytes()
    (consortium / "platform" / KEY).write_bytes(other)
    assert code_of(consortium / "platform") == "wrong-key"


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n", b"\x00" * 40])
def test_bytes_that_are_no_key_are_refused(consortium: Path, pem: bytes) -> None:
    (consortium / "platform" / KEY).write_bytes(pem)
    assert code_of(consortium / "platform") == "bad-key"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_use_is_refused(
    consortium: Path, mode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(OPEN_KEY, raising=False)
    (consortium / "platform" / KEY).chmod(mode)
    assert code_of(consortium / "platform") == "key-exposed"
    monkeypatch.setenv(OPEN_KEY, "1")
    assert load_home(consortium / "platform").party == "platform"


def test_a_party_or_peer_outside_genesis_is_refused(consortium: Path) -> None:
    path = consortium / "platform" / CONFIG
    text = path.read_text("utf-8")
    path.write_text(text.replace('party = "platform"', 'party = "stranger"'), "utf-8")
    assert code_of(consortium / "platform") == "unknown-member"
    path.write_text(text.replace("funder =", "stranger ="), "utf-8")
    assert code_of(consortium / "platform") == "unknown-member"


_HOLDER = """
import sys
from pathlib import Path
from node.home.home import lock_home
with lock_home(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_and_told_which_one_runs(consortium: Path) -> None:
    path = consortium / "platform"
    root = str(Path(node.__file__).resolve().parent.parent)
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": root},
        text=True,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(HomeError) as caught, lock_home(path):
            pass
        assert caught.value.code == "home-locked"
        assert f"process {holder.pid}" in str(caught.value)
        holder.kill()
        holder.wait()
        with lock_home(path):
            pass
    finally:
        holder.kill()
        holder.wait()
        holder.stdin.close()
        holder.stdout.close()


def test_a_lock_is_free_again_when_it_is_given_back(consortium: Path) -> None:
    for _ in range(2):
        with lock_home(consortium / "platform"):
            pass


def test_a_home_that_is_no_directory_cannot_be_locked(tmp_path: Path) -> None:
    with pytest.raises(HomeError) as caught, lock_home(tmp_path / "absent"):
        pass
    assert caught.value.code == "not-a-home"


texts = st.text(st.characters(codec="utf-8"), max_size=30)


configs = st.builds(
    Config,
    party=texts,
    host=texts,
    port=st.integers(0, 65535),
    peers=st.dictionaries(texts, texts, max_size=4),
    database=texts,
    log_level=st.sampled_from(LOG_LEVELS),
    request_log=st.booleans(),
)


@given(configs)
def test_every_config_reads_back_as_it_was_written(config: Config) -> None:
    assert Config.parse(config.toml()) == config


def test_a_home_of_format_1_is_refused_with_the_version_that_reads_it(consortium: Path) -> None:
    path = consortium / "platform" / GENESIS
    path.write_bytes(path.read_bytes().replace(b'"version":2', b'"version":1'))
    with pytest.raises(HomeError, match=r"format-1: .*only version 0\.1 reads it"):
        load_home(consortium / "platform")
