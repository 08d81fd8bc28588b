"""Answers that no node gives, and arguments of which no request can be made, each in one line."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat
from pathlib import Path
from typing import ClassVar

import pytest

from cli import client
from cli.client import lines_of
from cli.errors import CheckFailed, UsageError
from cli.main import run
from cli.pages import displayed

BODIES = {
    "a page": (200, b"<html>hello"),
    "nothing": (200, b""),
    "an empty object": (200, b"{}"),
    "a list": (200, b"[1]"),
    "null": (200, b"null"),
    "no text": (200, b"\xff"),
    "a deep list": (200, b"[" * 100_000),
    "another place": (302, b"<html>go on"),
    "a failure": (500, b"<html>sorry"),
    "a failure that is an object": (500, b"{}"),
    "a failure that is a list": (500, b"[" * 100_000),
}
COMMANDS = (
    ["status"], ["payment", "p"], ["receiver", "r"], ["payout", "p"], ["payouts"], ["refunds"],
    ["float"], ["disputes"], ["fees"], ["agreements"], ["trial-balance"], ["search"],
    ["expectations"], ["receipt", "r"], ["receipt", "r", "--party", "a"],
    ["export", "log"], ["export", "books"], ["evidence", "list"], ["evidence", "show", "e"],
    ["submit", "records"],
)  # fmt: skip
Captured = pytest.CaptureFixture[str]


class Stranger(BaseHTTPRequestHandler):
    """Answers every request with one of :data:`BODIES`; the first part of its path says which."""

    heard: ClassVar[list[str | None]] = []
    """The tokens that came with the requests."""

    def do_GET(self) -> None:
        self.heard.append(self.headers.get("authorization"))
        self.rfile.read(int(self.headers.get("content-length") or 0))
        status, body = list(BODIES.values())[int(self.path.split("/")[1])]
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the name that it is looked for by

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_what_is_no_nodes_answer_is_said_to_be_none(
    name: str,
    command: list[str],
    *,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    if command[-1] == "a" and BODIES[name][0] == 200:
        pytest.skip("a receipt is a text, which only `tongzhang verify` can tell from another")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "records").write_text(json.dumps({"id": "a"}))
    place = list(BODIES).index(name)
    assert run([*command, "--url", f"{url}/{place}", "--token", "t"]) == 1
    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if not line.startswith("  next: ")]
    assert lines[-1].startswith("error: unexpected-answer: ")
    assert said.out == ""


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["payment", "a\udcff"], "bad-format"),
        (["receiver", "a\udcff"], "bad-format"),
        (["receipt", "r", "--party", "\udcff"], "bad-format"),
        (["expectations", "--awaited", "\udcff"], "not-text"),
        (["export", "books", "--party", "\udcff"], "not-text"),
        (["refunds", "--payment", "a" * 100_000], "bad-url"),
        (["status", "--token", "令牌"], "bad-token"),
        (["status", "--token", "a\nb"], "bad-token"),
    ],
)
def test_what_no_request_can_be_made_of_is_a_wrong_call(
    arguments: list[str], error: str, capsys: Captured
) -> None:
    where = [] if "--token" in arguments else ["--token", "t"]
    assert run([*arguments, "--url", "http://127.0.0.1:1", *where]) == 2
    assert capsys.readouterr().err.startswith(f"error: {error}: ")


@pytest.mark.parametrize(
    "text", ["1_0", "١٢", "1e3", "+1", " 1", "1.00005", "0", "NaN", "9" * 20, "1 RMB", "1 cny"]
)
def test_what_only_a_program_takes_for_an_amount_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="is no amount"):
        displayed(text)


@pytest.mark.parametrize("text", ["1", "1.5", "1,234.56", "1,000 JPY", "1.234 KWD"])
def test_an_amount_is_asked_for_as_it_is_displayed(text: str) -> None:
    assert displayed(text) == text


def test_a_currency_that_there_is_not_is_told_the_code_to_write() -> None:
    with pytest.raises(UsageError, match="'RMB' is no code of ISO 4217; say CNY"):
        displayed("1.00 RMB")


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_lines_are_the_same_whatever_parts_they_come_in(size: int) -> None:
    body = b"one\n\nthree\n" + b"x" * 20 + b"\nlast"
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    assert list(lines_of(parts)) == body.split(b"\n")
    assert list(lines_of([b"one\n"])) == [b"one"]
    assert list(lines_of([])) == []


def test_a_line_without_end_is_refused() -> None:
    endless = repeat(b"x" * 2**20)
    with pytest.raises(CheckFailed, match="a line of an answer has more than"):
        list(lines_of(endless))


@pytest.mark.parametrize("command", [["status"], ["submit", "records"], ["receipt", "r"]])
def test_an_answer_is_read_with_a_bound(
    command: list[str],
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "records").write_text(json.dumps({"id": "a"}))
    monkeypatch.setattr(client, "ANSWER_BYTES_MAX", 1000)
    place = list(BODIES).index("a deep list")
    assert run([*command, "--url", f"{url}/{place}", "--token", "t"]) == 1
    assert "an answer has more than 1,000 bytes" in capsys.readouterr().err


def test_the_token_of_a_home_goes_to_its_own_node_alone(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    port = url.rpartition(":")[2]
    founding = ["init", str(tmp_path / "net"), "--parties", "platform,institution"]
    assert run([*founding, "--base-port", port]) == 0
    own, other = tmp_path / "net" / "platform", tmp_path / "net" / "institution"
    Stranger.heard.clear()
    monkeypatch.setenv("TONGZHANG_HOME", str(other))
    assert run(["status", "--url", url]) == 1
    assert Stranger.heard == [None]
    monkeypatch.setenv("TONGZHANG_HOME", str(own))
    assert run(["status", "--url", f"{url}/"]) == 1
    assert run(["status"]) == 1
    token = (own / "operator.token").read_text().strip()
    assert Stranger.heard[1:] == [f"Bearer {token}"] * 2
