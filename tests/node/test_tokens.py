"""Bearer tokens: shown once, stored hashed, effective at once in every process."""

from __future__ import annotations

import json
import multiprocessing
import stat
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import TokenError
from node.home.files import write_whole
from node.home.tokens import LABEL_CHARS_MAX, SCOPES, TOKENS_MAX, Tokens
from tests.cli.files_kit import ENDLESS, put_endless

NOW = 1_700_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.json"


def test_a_token_grants_its_own_scopes_and_no_other(path: Path) -> None:
    tokens = Tokens(path)
    _, reader = tokens.create("reports", ["read"], NOW)
    _, admin = tokens.create("operator", ["admin"], NOW)
    assert tokens.scopes(reader) == frozenset({"read"})
    assert tokens.scopes(admin) == frozenset({"admin"})


def test_an_unknown_secret_grants_nothing(path: Path) -> None:
    tokens = Tokens(path)
    _, secret = tokens.create("erp", SCOPES, NOW)
    assert tokens.scopes(secret + "x") is None
    assert tokens.scopes("") is None
    assert Tokens(path.with_name("absent.json")).scopes(secret) is None


def test_the_file_holds_no_secret_and_is_readable_by_its_owner_only(path: Path) -> None:
    token, secret = Tokens(path).create("erp", ["submit", "read"], NOW)
    stored = json.loads(path.read_text("utf-8"))
    assert secret not in path.read_text("utf-8")
    assert stored["tokens"] == [
        {
            "created_at": NOW,
            "hash": token.hash,
            "id": token.id,
            "label": "erp",
            "scopes": ["read", "submit"],
        }
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_running_node_sees_tokens_that_another_process_makes_and_revokes(path: Path) -> None:
    running, command_line = Tokens(path), Tokens(path)
    assert running.list() == ()
    token, secret = command_line.create("erp", ["submit"], NOW)
    assert running.scopes(secret) == frozenset({"submit"})
    assert command_line.revoke(token.id) == token
    assert running.scopes(secret) is None


def test_tokens_are_listed_in_the_order_they_were_made(path: Path) -> None:
    tokens = Tokens(path)
    made = [tokens.create(f"system {number}", ["read"], NOW + number)[0] for number in range(3)]
    assert list(tokens.list()) == made


def test_revoking_an_unknown_id_is_refused(path: Path) -> None:
    with pytest.raises(TokenError) as caught:
        Tokens(path).revoke("0badcafe")
    assert caught.value.code == "no-such-token"


@pytest.mark.parametrize("scopes", [[], ["write"], ["read", "root"]])
def test_unknown_or_missing_scopes_are_refused(path: Path, scopes: list[str]) -> None:
    with pytest.raises(TokenError) as caught:
        Tokens(path).create("erp", scopes, NOW)
    assert caught.value.code == "bad-scopes"
    assert not path.exists()


@pytest.mark.parametrize("label", ["", "x" * (LABEL_CHARS_MAX + 1), "two\nlines", "bell\x07"])
def test_a_label_is_short_and_printable(path: Path, label: str) -> None:
    with pytest.raises(TokenError) as caught:
        Tokens(path).create(label, ["read"], NOW)
    assert caught.value.code == "bad-label"


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"tokens":{}}', b"\xff\xfe", b'{"tokens":[],"version":2}']
)
def test_a_damaged_file_admits_nobody(path: Path, content: bytes) -> None:
    tokens = Tokens(path)
    _, secret = tokens.create("erp", ["submit"], NOW)
    path.write_bytes(content)
    with pytest.raises(TokenError) as caught:
        tokens.scopes(secret)
    assert caught.value.code == "bad-tokens"
    with pytest.raises(TokenError):
        tokens.create("another", ["read"], NOW)
    assert path.read_bytes() == content


@pytest.mark.parametrize("kind", ENDLESS)
def test_what_is_no_plain_file_holds_no_tokens(path: Path, kind: str) -> None:
    put_endless(kind, path)
    with pytest.raises(TokenError, match=ENDLESS[kind]) as caught:
        Tokens(path).list()
    assert caught.value.code == "bad-tokens"


def test_there_is_a_limit_on_tokens(path: Path) -> None:
    tokens = Tokens(path)
    tokens.create("first", ["read"], NOW)
    entry = json.loads(path.read_text("utf-8"))["tokens"][0]
    many = [{**entry, "id": f"{number:08x}"} for number in range(TOKENS_MAX)]
    path.write_text(json.dumps({"tokens": many, "version": 1}), "utf-8")
    with pytest.raises(TokenError) as caught:
        tokens.create("one more", ["read"], NOW)
    assert caught.value.code == "too-many-tokens"


def _create_some(path: Path, name: str) -> None:
    tokens = Tokens(path)
    for number in range(10):
        tokens.create(f"{name} {number}", ["read"], NOW)


def test_processes_that_create_tokens_at_once_lose_none(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    makers = [context.Process(target=_create_some, args=(path, name)) for name in "abc"]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    labels = sorted(token.label for token in Tokens(path).list())
    assert labels == sorted(f"{name} {number}" for name in "abc" for number in range(10))


def test_a_write_that_fails_leaves_the_old_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_whole(path, b"old")

    def fail(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@given(st.text(max_size=40))
def test_no_text_but_the_secret_is_the_secret(text: str) -> None:
    with TemporaryDirectory() as directory:
        tokens = Tokens(Path(directory) / "tokens.json")
        _, secret = tokens.create("erp", ["read"], NOW)
        assert (tokens.find(text) is not None) == (text == secret)
