"""Cookies of requests, as strangers may send them."""

from __future__ import annotations

import logging
import stat
import time
from pathlib import Path
from time import process_time

import pytest

from api import sessions
from api.limits import HEAD_BYTES_MAX
from api.sessions import SESSION_S, EndedSessions, Sessions, cookie_of


def call(*cookies: bytes) -> dict[str, object]:
    return {"headers": [(b"host", b"x"), *((b"cookie", each) for each in cookies)]}


@pytest.mark.parametrize("inner", (b"\\", b"\\a", b"\\1", b'"', b"=", b";", b" ", b"a=b;"))
def test_no_cookie_that_fits_into_a_head_takes_long(inner: bytes) -> None:
    cookie = b'a="' + inner * ((HEAD_BYTES_MAX - 100) // len(inner)) + b'"; wanted=7'
    began = process_time()
    assert cookie_of(call(cookie), "wanted") == "7"
    assert process_time() - began < 1


@pytest.mark.parametrize(
    ("cookies", "found"),
    (
        ((), ""),
        ((b"other=1",), ""),
        ((b"wanted=1",), "1"),
        ((b"other=1; wanted=2; more=3",), "2"),
        ((b"other=1", b"wanted=2"), "2"),
        ((b"bad name [=1; wanted=2",), "2"),
        ((b"wanted=a=b",), "a=b"),
        ((b"wanted",), ""),
        ((b"xwanted=1; wantedx=2",), ""),
        ((b"wanted=\xff",), "\xff"),
    ),
)
def test_a_cookie_is_found_by_its_whole_name(cookies: tuple[bytes, ...], found: str) -> None:
    assert cookie_of(call(*cookies), "wanted") == found


def made(path: Path | None) -> Sessions:
    return Sessions(b"key", "ledger", "platform", path)


def begun(at: Sessions) -> dict[str, object]:
    """Return a request with the cookie of a new session."""
    value = at.cookie({"headers": [], "scheme": "http"}, "abcd").partition(";")[0]
    return {"headers": [(b"cookie", value.encode())], "scheme": "http"}


def end(at: Sessions, request: dict[str, object]) -> None:
    session = at.of(request)
    assert session is not None
    at.end(session)


def test_who_signed_out_stays_so_over_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "ended"
    first = made(path)
    gone, stays = begun(first), begun(first)
    end(first, gone)
    for _ in range(3):
        again = made(path)
        assert again.of(gone) is None
        assert again.of(stays) is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"abcd" not in path.read_bytes()


def test_without_a_file_nothing_is_written(tmp_path: Path) -> None:
    first = made(None)
    end(first, begun(first))
    made(tmp_path / "ended")
    assert list(tmp_path.iterdir()) == []


def test_what_is_remembered_leaves_with_its_cookie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ended"
    ended, now = EndedSessions(path), int(time.time())
    ended.add("a" * 32, now + SESSION_S)
    monkeypatch.setattr(sessions.time, "time", lambda: now + SESSION_S - 1)
    assert "a" * 32 in EndedSessions(path)
    monkeypatch.setattr(sessions.time, "time", lambda: now + SESSION_S)
    assert "a" * 32 not in EndedSessions(path)
    assert path.read_bytes() == b""


def test_only_so_many_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "ENDED_MAX", 4)
    path, until = tmp_path / "ended", int(time.time()) + 100
    ended = EndedSessions(path)
    names = [f"{number:032x}" for number in range(30)]
    for each in names:
        ended.add(each, until)
        assert path.read_bytes().count(b"\n") <= 2 * 4
    for known in (ended, EndedSessions(path)):
        assert [each for each in names if each in known] == names[-4:]


def test_the_file_does_not_grow_by_one_session_that_ends_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "ENDED_MAX", 4)
    ended, until = EndedSessions(tmp_path / "ended"), int(time.time()) + 100
    for _ in range(50):
        ended.add("b" * 32, until)
        assert (tmp_path / "ended").read_bytes().count(b"\n") <= 2 * 4


@pytest.mark.parametrize("content", [b"\xff\x00", b"what is this\n", b"a" * 32 + b" soon\n", b""])
def test_lines_that_say_nothing_are_left_out(tmp_path: Path, content: bytes) -> None:
    path, until = tmp_path / "ended", int(time.time()) + 100
    path.write_bytes(content + b"\n%s %d\n" % (b"c" * 32, until))
    assert "c" * 32 in EndedSessions(path)
    assert path.read_text("ascii") == f"{'c' * 32} {until}\n"


def test_a_file_that_cannot_be_used_is_said_and_costs_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "ended"
    path.mkdir()
    with caplog.at_level(logging.WARNING):
        at = made(path)
        request = begun(at)
        end(at, request)
    assert at.of(request) is None
    assert caplog.text.count("not remembered over a restart") == 2
