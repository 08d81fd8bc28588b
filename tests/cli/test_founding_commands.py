"""The commands of a founding: what they say, what they ask, and what they refuse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.genesis import Member
from node.home.founding import Listen, ask
from node.home.home import GENESIS, load_config
from tests.cli.cli_kit import run
from tests.node.test_founding import PARTIES, asked, made
from tools.bytes_example import ROOT


def said(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    return captured.out + captured.err


def test_genesis_make_says_what_it_decides_and_may_be_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(tmp_path, *PARTIES)
    watcher = Member(key="", name="regulator", role="supervisor")
    ask(tmp_path / "regulator", watcher, Listen("127.0.0.1", 8803))
    files = [tmp_path / n / f"{n}.request.json" for n in (*PARTIES, "regulator")]
    out = tmp_path / "genesis.json"
    assert run("genesis", "make", *files, "--name", "pay", "--out", out) == 0
    told = said(capsys)
    assert "platform, institution, funder vote; they lead in this order" in told
    assert "regulator reads everything and may dispute; it does not vote" in told
    assert "3 parties, quorum 2" in told
    assert "Loans cost at most 24 % a year." in told
    first = out.read_bytes()
    assert run("genesis", "make", *files, "--name", "pay", "--out", out) == 0
    assert out.read_bytes() == first, "what may be in somebody's hands already stays"
    assert run("genesis", "make", *files, "--name", "pay", "--quorum", 3, "--out", out) == 2
    assert "file-exists" in said(capsys)
    assert run("genesis", "hash", out) == 0
    (tmp_path / "old.json").write_text('{"version":1}')
    assert run("genesis", "show", tmp_path / "old.json") == 2
    assert "format-1" in said(capsys)


def test_a_founding_has_the_shipped_business_days_unless_others_are_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(tmp_path, *PARTIES)
    files = [tmp_path / n / f"{n}.request.json" for n in PARTIES]
    cutoff, days = tmp_path / "cutoff.toml", tmp_path / "days.toml"
    cutoff.write_text("[calendar]\ncutoff_minute = 1380\n")
    days.write_text('[calendar]\nyears = [2026]\nholidays = ["2026-10-01"]\n')
    words = ("genesis", "make", *files, "--name", "pay")
    for number, (given, years, cutoff_minute) in enumerate(
        (
            ((), list(range(2018, 2027)), 1440),
            (("--calendar", "none"), [], 1440),
            (("--terms", cutoff), list(range(2018, 2027)), 1380),
            (("--terms", cutoff, "--calendar", "none"), [], 1380),
            (("--terms", days), [2026], 1440),
        )
    ):
        out = tmp_path / f"{number}.json"
        assert run(*words, *given, "--out", out) == 0, given
        calendar = json.loads(out.read_bytes())["calendar"]
        assert (calendar["years"], calendar["cutoff_minute"]) == (years, cutoff_minute)
    capsys.readouterr()
    both = ("--terms", days, "--calendar", "cn", "--out", tmp_path / "both.json")
    assert run(*words, *both) == 2
    assert "bad-terms" in said(capsys)
    assert not (tmp_path / "both.json").exists()


@pytest.mark.parametrize(
    ("address", "given", "host"),
    [
        ("10.0.0.5:8800", (), "0.0.0.0"),
        ("[::1]:8800", (), "::"),
        ("wss://[2001:db8::1]:8800", (), "::"),
        ("[::1]:8800", ("--listen", "127.0.0.1:8800"), "127.0.0.1"),
    ],
)
def test_a_node_listens_where_it_is_reached(
    tmp_path: Path, address: str, given: tuple[str, ...], host: str
) -> None:
    words = ("--party", "platform", "--legal-name", "X", "--registration", "cpa:1")
    assert run("key", "new", tmp_path / "home", *words, "--address", address, *given) == 0
    assert load_config(tmp_path / "home").host == host


def test_a_key_is_of_one_party(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--legal-name", "X", "--registration", "cpa:1", "--address", "x:1")
    assert run("key", "new", tmp_path / "home", "--party", "platform,institution", *words) == 2
    assert "bad-format" in said(capsys)
    assert not (tmp_path / "home").exists()


def test_terms_are_taken_and_unknown_ones_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(tmp_path, *PARTIES)
    files = [tmp_path / n / f"{n}.request.json" for n in PARTIES]
    terms, out = tmp_path / "terms.toml", tmp_path / "genesis.json"
    words = ("genesis", "make", *files, "--name", "pay", "--terms", terms, "--out", out)
    terms.write_text("cost_limit = 1\n")
    assert run(*words) == 2
    assert "bad-terms" in said(capsys)
    terms.write_text("cost_limit_ppm = 150_000\n[limits]\nlegs = 20\n")
    assert run(*words) == 0
    assert "15 % a year" in said(capsys)
    assert json.loads(out.read_bytes())["limits"]["legs"] == 20


def test_a_hash_that_nobody_compared_signs_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    genesis = made(tmp_path, *PARTIES)
    file, home = tmp_path / "genesis.json", tmp_path / "funder"
    file.write_bytes(genesis.raw)
    assert run("join", home, "--genesis", file, "--json") == 2
    assert "hash-not-compared" in said(capsys)
    assert run("join", home, "--genesis", file, "--hash", "ab" * 32) == 1
    assert "wrong-hash" in said(capsys)
    assert not (home / GENESIS).exists()
    grouped = " ".join(genesis.ledger[at : at + 4].upper() for at in range(0, 64, 4))
    assert run("join", home, "--genesis", file, "--hash", grouped) == 0
    assert "not yet signed by platform, institution" in said(capsys)
    assert run("node", home) == 1
    assert "unsigned-genesis" in said(capsys)


def test_whoever_joins_is_asked_on_a_terminal(tmp_path: Path) -> None:
    import pty

    genesis = made(tmp_path, *PARTIES)
    file = tmp_path / "genesis.json"
    file.write_bytes(genesis.raw)
    for word, joined in (("no", False), ("yes", True)):
        ours, theirs = pty.openpty()
        words = [
            sys.executable,
            "-m",
            "cli",
            "join",
            str(tmp_path / "funder"),
            "--genesis",
            str(file),
        ]
        with subprocess.Popen(words, cwd=ROOT, stdin=theirs, stderr=subprocess.PIPE) as joining:
            os.write(ours, f"{word}\n".encode())
            assert joining.stderr is not None
            told = joining.stderr.read().decode()
        os.close(ours)
        os.close(theirs)
        assert (joining.returncode == 0) == joined
        assert (tmp_path / "funder" / GENESIS).exists() == joined
        groups = [genesis.ledger[at : at + 4] for at in range(0, 16, 4)]
        assert f"1.  {'  '.join(groups)}" in told
