"""Homes on the command line: parties, hosts, quorum and tokens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.parties import parse_parties, quorum_of
from demo.day.cast import owners
from node.home.home import load_config
from tests.cli.cli_kit import founded, run


@pytest.mark.parametrize(
    "host",
    [
        "", " ", "a b", "host:8801", "[::1]", "user@host", "host/path", "a..b", ".a", "-a", "a-",
        "a?b", "10.0.0.256", "10.0.0", "8801", "1::2::3", "fe80::%", "x" * 64, "a." * 127 + "b",
        "h\u2028st", "a=b",
    ],
)  # fmt: skip
def test_what_is_no_host_is_refused(
    host: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for options in (["--host", host], ["--hosts", f"platform={host}"]):
        assert run("init", tmp_path / "net", *options) == 2
        assert capsys.readouterr().err.startswith("error: bad-host: ")
    assert not (tmp_path / "net").exists()


@pytest.mark.parametrize(
    ("hosts", "said"),
    [
        ("platform=a,platform=b", "--hosts names platform twice"),
        ("platform=0.0.0.0", "nobody reaches platform at 0.0.0.0"),
        ("platform=::", "nobody reaches platform at ::"),
        ("platfrom=a", "'platfrom=a' is not party=host"),
    ],
)
def test_hosts_that_reach_no_party_are_refused(
    hosts: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("init", tmp_path / "net", "--hosts", hosts) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", ["A b", "", "1st", "a\n", "账本", "a" * 33])
@pytest.mark.parametrize("option", ["--name", "--parties"])
def test_names_that_a_consortium_cannot_have_are_refused(
    option: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = name if option == "--name" else f"{name}:platform,bank:institution"
    assert run("init", tmp_path / "net", option, given) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: bad-format: {option}: a name has 1 to 32 small letters, ")
    assert not (tmp_path / "net").exists()


@pytest.mark.parametrize(
    "host",
    [
        "a", "node_1", "ledger.bank.example", "ledger.bank.example.", "10.0.0.1", "::1",
        "fe80::1%eth0", "xn--fsq.example", "账本.example", "3com.example",
    ],
)  # fmt: skip
def test_names_and_addresses_are_hosts(host: str, tmp_path: Path) -> None:
    assert run("init", tmp_path / "net", "--hosts", f"platform={host}") == 0


def test_init_says_in_plain_words_what_the_numbers_survive(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("init", tmp_path / "net") == 0
    shown = capsys.readouterr().out
    assert "Any 1 may fail in any way, lying included" in shown
    for party in ("platform", "institution", "funder", "auditor"):
        assert f"tongzhang node {tmp_path / 'net' / party}" in shown


def test_init_refuses_a_folder_that_is_not_empty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    founded(tmp_path / "net")
    capsys.readouterr()
    assert run("init", tmp_path / "net") == 2
    assert capsys.readouterr().err.startswith("error: home-not-empty: ")


def test_init_prints_json_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parties = "mall:platform,bank:institution,fund:funder"
    assert run("init", tmp_path / "net", "--parties", parties, "--quorum", 2, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [node["party"] for node in document["nodes"]] == ["mall", "bank", "fund"]
    assert document["quorum"] == 2


def test_init_names_the_hosts_under_which_the_others_reach_a_party(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hosts = "platform=mall.example, funder=fd00::1"
    assert run("init", tmp_path / "net", "--host", "0.0.0.0", "--hosts", hosts) == 0
    capsys.readouterr()
    config = load_config(tmp_path / "net" / "auditor")
    assert (config.host, config.port) == ("0.0.0.0", 8803)
    assert config.peers == {
        "platform": "ws://mall.example:8800/peer",
        "institution": "ws://0.0.0.0:8801/peer",
        "funder": "ws://[fd00::1]:8802/peer",
    }


def test_tokens_are_created_listed_and_revoked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = founded(tmp_path / "net") / "platform"
    capsys.readouterr()
    create = ("token", "create", "--home", home, "--label", "orders", "--scope", "read,submit")
    assert run(*create, "--json") == 0
    token = json.loads(capsys.readouterr().out)
    assert token["scopes"] == ["read", "submit"]
    assert run("token", "list", "--home", home, "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert [each["label"] for each in listed] == ["operator", "orders"]
    assert token["token"] not in json.dumps(listed)
    assert run("token", "revoke", token["id"], "--home", home) == 0
    capsys.readouterr()
    assert run("token", "revoke", token["id"], "--home", home) == 2
    assert capsys.readouterr().err.startswith("error: no-such-token: ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("platform,institution", [("platform", "platform"), ("institution", "institution")]),
        ("a:platform, b:institution", [("a", "platform"), ("b", "institution")]),
    ],
)
def test_parties_are_names_with_roles(text: str, expected: list[tuple[str, str]]) -> None:
    assert parse_parties(text) == expected


def test_safest_quorum_is_the_default_and_auditors_own_nothing() -> None:
    parties = parse_parties("platform,institution,funder,auditor")
    assert quorum_of(parties, None) == 3
    assert quorum_of(parties, 4) == 4
    assert owners(parties) == ("platform", "funder")
