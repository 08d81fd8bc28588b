"""What a founding refuses, and what it leaves when it is cut short: nothing half-done."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ledger import canonical, founding
from ledger.errors import DecodeError, GenesisError, VerificationError
from ledger.genesis import Genesis, Limits, Member
from ledger.keys import Signer
from ledger.log.text import encode_base64
from node.errors import HomeError
from node.home.config import CONFIG
from node.home.files import write_whole
from node.home.founding import Listen, add, ask, join
from node.home.home import (
    DATABASE_ID,
    GENESIS,
    KEY,
    OPERATOR_TOKEN,
    SIGNATURES,
    load_home,
    read_operator_token,
)
from tests.cli.cli_kit import run
from tools.bytes_example import ROOT

PARTIES = ("platform", "institution", "funder")
CREATED_AT = 1_767_225_600_000


def member(name: str, **fields: str) -> Member:
    said = {"address": f"{name}.example:8800", "legal_name": f"{name} SE", **fields}
    return Member(key="", name=name, role=name, registration="lei:5299", **said)  # type: ignore[arg-type]


def asked(folder: Path, *names: str) -> list[Member]:
    """Let parties ask, each in a home of its own; return what their requests prove."""
    files = [ask(folder / name, member(name), Listen("127.0.0.1", 8800)) for name in names]
    return [founding.read_request(file.read_bytes()) for file in files]


def made(folder: Path, *names: str, **choices: object) -> Genesis:
    return founding.gather("pay", tuple(asked(folder, *names)), 2, CREATED_AT, **choices)


def signatures(folder: Path, *names: str) -> list[bytes]:
    return [(folder / name / f"{name}.signature.json").read_bytes() for name in names]


def code_of(error: type[Exception], function: object, *arguments: object) -> str:
    with pytest.raises(error) as caught:
        function(*arguments)  # type: ignore[operator]
    return str(getattr(caught.value, "code", ""))


# -- the whole of it ----------------------------------------------------------------------------


def test_a_home_is_whole_when_all_have_signed_and_not_before(tmp_path: Path) -> None:
    genesis = made(tmp_path, *PARTIES)
    for name in PARTIES:
        assert join(tmp_path / name, genesis) == [p for p in PARTIES if p != name]
        with pytest.raises(HomeError, match="unsigned-genesis") as caught:
            load_home(tmp_path / name)
        others = [party for party in PARTIES if party != name]
        assert caught.value.message.startswith(f"{', '.join(others)} have not signed")
    assert add(tmp_path / "funder", signatures(tmp_path, "platform")) == ["institution"]
    assert code_of(HomeError, load_home, tmp_path / "funder") == "unsigned-genesis"
    assert add(tmp_path / "funder", signatures(tmp_path, *PARTIES)) == []
    home = load_home(tmp_path / "funder")
    assert home.genesis == genesis
    assert home.config.peers == {p: f"ws://{p}.example:8800/peer" for p in PARTIES[:2]}
    assert home.tokens.scopes(read_operator_token(home.path))
    assert (home.path / DATABASE_ID).read_text() == "none yet\n"


def test_collected_signatures_are_handed_on_as_they_are(tmp_path: Path) -> None:
    genesis = made(tmp_path, *PARTIES)
    for name in PARTIES:
        join(tmp_path / name, genesis)
    add(tmp_path / "platform", signatures(tmp_path, *PARTIES))
    collected = (tmp_path / "platform" / SIGNATURES).read_bytes()
    assert add(tmp_path / "institution", [collected]) == []


def test_what_the_operator_wrote_into_node_toml_stays(tmp_path: Path) -> None:
    genesis = made(tmp_path, *PARTIES)
    config = tmp_path / "funder" / CONFIG
    config.write_text(config.read_text() + 'platform = "wss://proxy.example/peer"\n')
    join(tmp_path / "funder", genesis)
    text = config.read_text()
    assert 'platform = "wss://proxy.example/peer"' in text
    assert 'institution = "ws://institution.example:8800/peer"' in text


# -- requests -----------------------------------------------------------------------------------


def test_a_request_proves_the_key_and_shows_every_change(tmp_path: Path) -> None:
    raw = ask(tmp_path / "funder", member("funder"), Listen("0.0.0.0", 8800)).read_bytes()
    document = json.loads(raw)
    for field in ("name", "role", "address", "legal_name", "registration"):
        other = {**document["member"], field: {"role": "auditor"}.get(field, "lei:other")}
        if field == "name":
            other["name"] = "other"
        changed = canonical.encode({**document, "member": other})
        assert code_of(VerificationError, founding.read_request, changed) == "false-request"


def test_nobody_asks_with_the_key_of_another(tmp_path: Path) -> None:
    (victim,) = asked(tmp_path, "platform")
    thief = Signer(b"\x07" * 32)
    assert code_of(VerificationError, founding.make_request, victim, thief) == "false-request"


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"\xff", b"{" * 5000, b" " * 20_000])
def test_bytes_that_are_no_request_are_refused(raw: bytes) -> None:
    with pytest.raises(DecodeError):
        founding.read_request(raw)


def test_two_requests_of_one_name_or_one_key_found_nothing(tmp_path: Path) -> None:
    one, other = asked(tmp_path / "a", "platform", "institution"), asked(tmp_path / "b", "platform")
    twice = (*one, *other)
    assert code_of(GenesisError, founding.gather, "pay", twice, 2, 0) == "duplicate-member"
    signer = Signer(b"\x01" * 32)
    key = encode_base64(signer.public_key)
    same = tuple(
        founding.read_request(
            founding.make_request(
                Member(key=key, name=name, role=name),  # type: ignore[arg-type]
                signer,
            )
        )
        for name in PARTIES
    )
    assert code_of(GenesisError, founding.gather, "pay", same, 2, 0) == "duplicate-key-material"


def test_asking_again_keeps_the_key_and_takes_the_new_words(tmp_path: Path) -> None:
    (first,) = asked(tmp_path, "funder")
    home = tmp_path / "funder"
    again = Member(key="", name="fund", role="funder", address="f.example:1")
    second = founding.read_request(ask(home, again, Listen("127.0.0.1", 9)).read_bytes())
    assert second.key == first.key
    assert [each.name for each in home.glob("*.request.json")] == ["fund.request.json"]


def test_a_directory_of_something_else_gets_no_key(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(HomeError, match="home-not-empty"):
        ask(tmp_path, member("funder"), Listen("0.0.0.0", 8800))
    assert [each.name for each in tmp_path.iterdir()] == ["letters.txt"]


def test_a_bad_request_leaves_no_home(tmp_path: Path) -> None:
    wrong = Member(key="", name="funder", role="funder", registration="91350100M000100Y44")
    with pytest.raises(GenesisError, match="bad-registration"):
        ask(tmp_path / "funder", wrong, Listen("0.0.0.0", 8800))
    assert not (tmp_path / "funder").exists()


# -- joining ------------------------------------------------------------------------------------


def test_a_genesis_that_says_otherwise_than_the_request_is_not_joined(tmp_path: Path) -> None:
    members = asked(tmp_path, *PARTIES)
    for field, other in (
        ("legal_name", "Somebody else"),
        ("role", "guarantor"),
        ("address", "evil.example:1"),
        ("registration", ""),
        ("key", encode_base64(Signer(b"\x09" * 32).public_key)),
        ("name", "fundus"),
    ):
        changed = [*members[:2], _with(members[2], field, other)]
        genesis = founding.gather("pay", tuple(changed), 2, CREATED_AT)
        before = sorted((tmp_path / "funder").iterdir())
        with pytest.raises(HomeError, match=f"request-changed: .* {field} ") as caught:
            join(tmp_path / "funder", genesis)
        assert "do not join" in caught.value.message
        assert sorted((tmp_path / "funder").iterdir()) == before


def _with(given: Member, field: str, value: str) -> Member:
    from msgspec.structs import replace

    return replace(given, **{field: value})


def test_a_genesis_without_the_party_is_not_joined(tmp_path: Path) -> None:
    genesis = made(tmp_path, "platform", "institution")
    asked(tmp_path, "funder")
    assert code_of(HomeError, join, tmp_path / "funder", genesis) == "not-requested"


def test_a_home_joins_one_ledger(tmp_path: Path) -> None:
    members = tuple(asked(tmp_path, *PARTIES))
    one = founding.gather("pay", members, 2, CREATED_AT)
    other = founding.gather("pay", members, 3, CREATED_AT)
    join(tmp_path / "funder", one)
    join(tmp_path / "funder", one)
    assert code_of(HomeError, join, tmp_path / "funder", other) == "already-joined"
    with pytest.raises(HomeError, match="already-joined"):
        ask(tmp_path / "funder", member("funder"), Listen("127.0.0.1", 8800))


def test_joining_again_gives_no_second_life_to_a_key(tmp_path: Path) -> None:
    """``database.id`` says what the key has signed with; who lost it must not get it anew."""
    genesis = made(tmp_path, *PARTIES)
    join(tmp_path / "funder", genesis)
    (tmp_path / "funder" / DATABASE_ID).unlink()
    join(tmp_path / "funder", genesis)
    assert not (tmp_path / "funder" / DATABASE_ID).exists()


def test_a_genesis_that_is_changed_after_signing_starts_no_node(tmp_path: Path) -> None:
    members = tuple(asked(tmp_path, *PARTIES))
    genesis = founding.gather("pay", members, 2, CREATED_AT)
    for name in PARTIES:
        join(tmp_path / name, genesis)
    add(tmp_path / "funder", signatures(tmp_path, *PARTIES))
    other = founding.gather("pay", members, 2, CREATED_AT, limits=Limits(legs=11))
    (tmp_path / "funder" / GENESIS).write_bytes(other.raw)
    with pytest.raises(HomeError, match=r"foreign-signature: .*another genesis"):
        load_home(tmp_path / "funder")


# -- signatures ---------------------------------------------------------------------------------


def test_foreign_signatures_are_refused_and_none_of_their_call_is_added(tmp_path: Path) -> None:
    genesis = made(tmp_path, *PARTIES)
    for name in PARTIES:
        join(tmp_path / name, genesis)
    good = signatures(tmp_path, "platform")[0]
    before = (tmp_path / "funder" / SIGNATURES).read_bytes()
    stranger = founding.sign_genesis(genesis, "auditor", Signer(b"\x05" * 32))
    swapped = json.loads(good)["signatures"]["platform"]
    for bad, named in (
        ({"auditor": stranger}, "auditor"),
        ({"institution": swapped}, "institution"),
        ({"platform": "00" * 64}, "platform"),
    ):
        file = founding.encode_signatures(genesis, bad)
        with pytest.raises(VerificationError, match=f"foreign-signature: .*{named}"):
            add(tmp_path / "funder", [good, file])
        assert (tmp_path / "funder" / SIGNATURES).read_bytes() == before
    for name in PARTIES:
        (tmp_path / name / GENESIS).unlink()
    members = tuple(
        founding.read_request(f.read_bytes()) for f in tmp_path.glob("*/*.request.json")
    )
    other = founding.gather("pay", members, 3, CREATED_AT)
    with pytest.raises(VerificationError, match=r"foreign-signature: .*another genesis"):
        founding.read_signatures(good, other)


def test_a_signature_of_a_genesis_is_of_nothing_else() -> None:
    from ledger import domains

    assert domains.genesis_signature_input(bytes(32), "a") != domains.genesis_signature_input(
        bytes(32), "b"
    )


# -- cut short ----------------------------------------------------------------------------------

CUT = """
import os, signal, sys
from pathlib import Path
from node.home import files, founding, tokens

left = int(sys.argv[1])

def cut(path, data, whole=files.write_whole):
    global left
    left -= 1
    if left < 0:
        path.with_name(f".{path.name}.torn").write_bytes(data[:7])
        os.kill(os.getpid(), signal.SIGKILL)
    whole(path, data)

founding.write_whole = tokens.write_whole = cut
from cli.main import main
main(sys.argv[2:])
"""
"""A command that is killed when it is about to write its n-th file, a torn part left behind."""


def cut_short(writes: int, *arguments: object) -> int:
    words = [sys.executable, "-c", CUT, str(writes), *map(str, arguments)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, check=False).returncode


KEY_NEW = (
    "--party", "funder", "--legal-name", "Fund SE", "--registration", "lei:5299",
    "--address", "127.0.0.1:8802",
)  # fmt: skip


@pytest.mark.parametrize("writes", range(4))
def test_key_new_that_was_killed_is_done_by_the_same_command(writes: int, tmp_path: Path) -> None:
    home = tmp_path / "funder"
    killed = cut_short(writes, "key", "new", home, *KEY_NEW)
    assert killed == (-signal.SIGKILL if writes < 3 else 0)
    key = (home / KEY).read_bytes() if (home / KEY).exists() else None
    assert run("key", "new", home, *KEY_NEW) == 0
    assert key in (None, (home / KEY).read_bytes()), "a key that was there is kept"
    assert founding.read_request((home / "funder.request.json").read_bytes()).name == "funder"


@pytest.mark.parametrize("writes", range(8))
def test_join_that_was_killed_is_done_by_the_same_command(writes: int, tmp_path: Path) -> None:
    genesis = made(tmp_path, *PARTIES)
    file = tmp_path / "genesis.json"
    write_whole(file, genesis.raw)
    home = tmp_path / "funder"
    words = ("join", home, "--genesis", file, "--hash", genesis.ledger)
    killed = cut_short(writes, *words)
    assert killed == (-signal.SIGKILL if writes < 7 else 0)
    if killed:
        assert code_of(HomeError, load_home, home) in ("not-a-home", "unsigned-genesis")
    assert run(*words) == 0
    for name in PARTIES[:2]:
        join(tmp_path / name, genesis)
    assert add(home, signatures(tmp_path, *PARTIES)) == []
    whole = load_home(home)
    assert [token.label for token in whole.tokens.list()] == ["operator"]
    assert whole.tokens.scopes((home / OPERATOR_TOKEN).read_text().strip())
    assert len(whole.config.peers) == 2
