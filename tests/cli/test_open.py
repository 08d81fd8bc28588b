"""``tongzhang open``: what it says, serves, refuses, and how several logs are compared."""

from __future__ import annotations

import gzip
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli import main
from ledger import canonical, domains
from ledger.log_lines import encode_checkpoint
from tests.ledger.log_kit import Logged, write_log

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]
TOLD_S = 60


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Logged]:
    folder = tmp_path_factory.mktemp("log")
    return folder, write_log(50, folder)


@pytest.fixture
def folder(ledger: tuple[Path, Logged], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("log.ndjson", "genesis.json"):
        shutil.copy(ledger[0] / name, tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TONGZHANG_HOME", raising=False)
    return tmp_path


def opened(folder: Path, *words: object, log: str = "log.ndjson") -> int:
    line = ["open", folder / log, "--genesis", folder / "genesis.json", *words]
    return main.run([str(word) for word in line])


def refused(capsys: Capture, folder: Path, *words: object, log: str = "log.ndjson") -> str:
    """Return the code with which opening fails; its exit code stands before it."""
    capsys.readouterr()
    code = opened(folder, "--no-serve", "--json", *words, log=log)
    return f"{code} {json.loads(capsys.readouterr().out)['code']}"


def spoil(folder: Path, name: str = "log.ndjson") -> int:
    """Change an amount in the middle of a log, and return the height of its block."""
    lines = (folder / name).read_bytes().splitlines(keepends=True)
    at = len(lines) // 2
    assert b'"amount":' in lines[at]
    lines[at] = lines[at].replace(b'"amount":', b'"amount":9', 1)
    (folder / name).write_bytes(b"".join(lines))
    return at + 1


# -- what it says ---------------------------------------------------------------------------------


def test_it_says_what_was_verified(
    folder: Path, ledger: tuple[Path, Logged], capsys: Capture
) -> None:
    tip = ledger[1].tip
    assert opened(folder, "--no-serve") == 0
    out = capsys.readouterr().out
    assert f"{tip.size:,} entries in {tip.height:,} blocks" in out
    assert tip.state.hex() in out
    assert "yes, by platform, institution, funder, auditor" in out
    assert opened(folder, "--no-serve", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["height"], said["state"], said["log"]["fault"]) == (
        tip.height,
        tip.state.hex(),
        None,
    )
    assert said["log"]["bytes"] == (folder / "log.ndjson").stat().st_size
    assert list((folder / "cache" / "tongzhang" / "logs").glob("*.db"))


def test_a_false_log_is_told_with_its_place_and_exit_code_1(folder: Path, capsys: Capture) -> None:
    height = spoil(folder)
    assert opened(folder, "--no-serve") == 1
    told = capsys.readouterr()
    assert "THE LOG IS FALSE: bad-batch-root: " in told.err
    assert f"block {height}: " in told.err
    assert "Nothing from there on is shown." in told.err
    assert f" in {height - 1:,} blocks" in told.out
    assert opened(folder, "--no-serve", "--json") == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["height"], said["log"]["fault"]["height"]) == (height - 1, height)
    assert main.run(["--lang", "zh", "status", *_log(folder)]) == 0
    assert "日志" in capsys.readouterr().err


def _log(folder: Path) -> list[str]:
    files = ["--log", folder / "log.ndjson", "--genesis", folder / "genesis.json"]
    return [str(each) for each in files]


def test_a_cache_that_cannot_be_is_done_without(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "file"))
    assert opened(folder, "--no-serve") == 0
    assert "the index is not kept" in capsys.readouterr().err
    assert refused(capsys, folder, "--index", folder / "file" / "x") == "2 unwritable-file"
    assert opened(folder, "--no-serve", "--index", folder / "mine") == 0
    assert list((folder / "mine").glob("*.db"))


@pytest.mark.parametrize("mode", (0o777, 0o775, 0o1777, 0o702))
def test_no_index_is_kept_or_believed_where_others_can_write(
    folder: Path, capsys: Capture, mode: int
) -> None:
    named, cache = folder / "named", folder / "cache" / "tongzhang" / "logs"
    for each in (named, cache):
        each.mkdir(parents=True)
        each.chmod(mode)
    assert refused(capsys, folder, "--index", named) == "2 shared-folder"
    assert opened(folder, "--no-serve") == 0
    assert "the index is not kept" in capsys.readouterr().err
    assert not [*named.iterdir(), *cache.iterdir()]


@pytest.mark.parametrize("suffix", (".db", ".part"))
def test_a_link_in_the_place_of_an_index_is_not_followed(
    folder: Path, capsys: Capture, suffix: str
) -> None:
    assert opened(folder, "--no-serve") == 0
    (made,) = (folder / "cache" / "tongzhang" / "logs").glob("*.db")
    made.rename(folder / "elsewhere")
    made.with_suffix(suffix).symlink_to(folder / "elsewhere")
    before = (folder / "elsewhere").stat()
    assert opened(folder, "--no-serve") == 0
    assert made.is_file() and not made.is_symlink()
    assert not made.with_suffix(".part").is_symlink()
    after = (folder / "elsewhere").stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)


# -- what it refuses ------------------------------------------------------------------------------


def test_what_is_no_log_is_told_apart(folder: Path, capsys: Capture) -> None:
    raw = (folder / "log.ndjson").read_bytes()
    for name, content in {
        "empty": b"",
        "gz": gzip.compress(raw),
        "text": b"a letter\n",
        "json": b"{}",
        "huge": b'{"batches":[' + b"9" * 3_000_000,
        "cut": raw[:200],
        "lines": b'{"batches":[],"block":{},"entries":[]}\n',
    }.items():
        (folder / name).write_bytes(content)
    (folder / "folder").mkdir()
    expected = {
        "empty": "1 empty-log",
        "gz": "1 compressed-log",
        "text": "1 not-a-log",
        "json": "1 not-a-log",
        "huge": "1 not-a-log-line",
        "cut": "1 not-a-log-line",
        "lines": "1 missing-field",
        "folder": "2 unreadable-file",
        "nothing": "2 unreadable-file",
    }
    assert {name: refused(capsys, folder, log=name) for name in expected} == expected


def test_another_genesis_or_none_is_refused(folder: Path, capsys: Capture) -> None:
    genesis = folder / "genesis.json"
    other = json.loads(genesis.read_bytes())
    other["name"] = "another"
    genesis.write_bytes(canonical.encode(other))
    assert refused(capsys, folder) == "1 wrong-ledger"
    genesis.write_bytes(b"[]")
    assert refused(capsys, folder).startswith("2 ")
    genesis.unlink()
    assert refused(capsys, folder) == "2 unreadable-file"
    assert main.run(["open", str(folder / "log.ndjson"), "--json"]) == 2


def test_a_log_that_is_still_written_opens_up_to_there(folder: Path, capsys: Capture) -> None:
    log = folder / "log.ndjson"
    raw = log.read_bytes()
    log.write_bytes(raw[: len(raw) // 2])
    assert opened(folder, "--no-serve", "--json") == 1
    said = json.loads(capsys.readouterr().out)
    assert said["log"]["fault"]["part"] == "file"
    assert said["log"]["certified"] is False
    half = said["height"]
    assert half > 0
    log.write_bytes(raw)
    assert opened(folder, "--no-serve", "--json") == 0
    assert json.loads(capsys.readouterr().out)["height"] > half


# -- what it serves -------------------------------------------------------------------------------


@contextmanager
def served(
    folder: Path, language: str = "en"
) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Run the command, and give what it has said once it takes connections."""
    words = ["open", "log.ndjson", "--genesis", "genesis.json", "--json", "--index", "index"]
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *words],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "TONGZHANG_LANG": language},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        said = ""
        for line in process.stdout:
            said += line
            if line == "}\n":
                break
        yield process, json.loads(said)
    finally:
        process.kill()
        process.communicate()


def test_it_serves_what_a_node_serves_to_this_machine_alone_until_ctrl_c(folder: Path) -> None:
    log = (folder / "log.ndjson").read_bytes()
    with served(folder) as (process, said):
        url = said["address"]
        assert url.startswith("http://127.0.0.1:")
        with httpx.Client(base_url=url, trust_env=False, timeout=TOLD_S) as client:
            assert client.get("/v1/status").json()["log"]["certified"] is True
            assert client.head("/v1/status").status_code == 200
            assert client.get("/v1/log").content == log
            assert client.get("/v1/genesis").content == (folder / "genesis.json").read_bytes()
            entry = client.get("/v1/entries/5").json()
            receipt = client.get(f"/v1/receipts/{entry['party']}/{entry['id']}")
            (folder / "receipt").write_text(receipt.text, "utf-8")
            assert client.get("/openapi.json").status_code == 200
            page = client.get("/lists")
            assert page.headers["content-type"].startswith("text/html")
            assert "default-src 'none'" in page.headers["content-security-policy"]
            claimed = client.get("/", headers={"tongzhang-status": '{"party":"x"}'})
            assert (claimed.status_code, claimed.text) == (200, client.get("/").text)
            port = url.rpartition(":")[2]
            for host in (f"localhost:{port}", "127.0.0.1"):
                assert client.get("/v1/status", headers={"host": host}).status_code == 200
            for host in ("evil.example", f"127.0.0.1.evil.example:{port}", "", "10.0.0.1"):
                answer = client.get("/v1/status", headers={"host": host})
                assert (answer.status_code, answer.json()["code"]) == (421, "wrong-host")
            for method, path in (("POST", "/v1/records"), ("PUT", "/v1/status"), ("POST", "/x")):
                answer = client.request(method, path, content=b"{}")
                assert (answer.status_code, answer.json()["code"]) == (403, "read-only")
            assert client.get("/v1/nothing").json()["code"] == "not-found"
            unknown = client.get("/v1/disputes", params={"colour": "red"})
            assert unknown.json()["code"] == "bad-parameter"
        process.send_signal(signal.SIGINT)
        assert process.wait(TOLD_S) == 130
    verified = ["verify", "receipt", folder / "receipt", "--genesis", folder / "genesis.json"]
    assert main.run([str(word) for word in verified]) == 0


def test_whoever_serves_it_in_chinese_answers_programs_in_english(
    folder: Path, capsys: Capture
) -> None:
    address, said_in_english = "/v1/disputes?colour=red", "'colour' is no parameter of this"
    with (
        served(folder, "zh") as (_, said),
        httpx.Client(base_url=said["address"], trust_env=False, timeout=TOLD_S) as client,
    ):
        assert client.get(address).json()["detail"].startswith(said_in_english)
        for wanted, told in (("zh-CN", " 不是此地址的参数"), ("en", " is no parameter of this")):
            headers = {"accept": "text/html", "accept-language": wanted}
            assert f"&#39;colour&#39;{told}" in client.get(address[3:], headers=headers).text
    capsys.readouterr()
    for language in ("en", "zh"):
        assert main.run(["--lang", language, "refunds", "--payment", "no", *_log(folder)]) == 1
        assert "no record of the log is about payment 'no'" in capsys.readouterr().err


def test_a_log_without_a_checkpoint_that_holds_gives_no_proofs(folder: Path) -> None:
    lines = (folder / "log.ndjson").read_bytes().splitlines(keepends=True)
    (folder / "log.ndjson").write_bytes(b"".join(lines[:-1]))
    with served(folder) as (_, said):
        assert said["log"]["fault"]["code"] == "no-checkpoint"
        with httpx.Client(base_url=said["address"], trust_env=False, timeout=TOLD_S) as client:
            entry = client.get("/v1/entries/5").json()
            for path in (
                "/v1/checkpoint",
                "/v1/log",
                f"/v1/receipts/{entry['party']}/{entry['id']}",
            ):
                answer = client.get(path)
                assert (answer.status_code, answer.json()["code"]) == (404, "no-such-checkpoint")
            page = client.get("/lists").text
            banner = page.partition('role="alert">')[2].partition("</div>")[0]
            assert banner.startswith("THE LOG IS FALSE: no-checkpoint: ")
            assert "certified by no quorum" in banner
            assert "/sign-out" not in page and "/simulator" not in page
            first = client.get("/").text
            heads = first.partition('class="heads')[2].partition("</p>")[0]
            assert "certified by no quorum" in heads
            assert "data-live=" not in first


def test_the_good_part_of_a_false_log_is_final_by_what_follows(folder: Path) -> None:
    height = spoil(folder) - 1
    with (
        served(folder) as (_, said),
        httpx.Client(base_url=said["address"], trust_env=False, timeout=TOLD_S) as client,
    ):
        heads = client.get("/").text.partition('class="heads')[2].partition("</p>")[0]
        assert f"Block {height:,} is final by what follows it in the file." in heads


def test_a_listener_does_not_keep_it_from_ending(folder: Path) -> None:
    with served(folder) as (process, said):
        feed = httpx.stream("GET", f"{said['address']}/v1/feed?start=0", timeout=TOLD_S)
        with feed as answer:
            assert any("event: entry" in line for line in answer.iter_lines())
            process.send_signal(signal.SIGINT)
            assert process.wait(TOLD_S) == 130


def test_a_port_that_is_taken_is_named(folder: Path, capsys: Capture) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert opened(folder, "--port", port, "--json") == 1
    assert json.loads(capsys.readouterr().out)["code"] == "address-in-use"


# -- several logs side by side --------------------------------------------------------------------


def compared(capsys: Capture, folder: Path, *logs: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    files = [str(folder / each) for each in logs]
    code = main.run(["open", *files, "--genesis", str(folder / "genesis.json"), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_equal_logs_and_the_beginning_of_one(
    folder: Path, ledger: tuple[Path, Logged], capsys: Capture
) -> None:
    shutil.copy(folder / "log.ndjson", folder / "same.ndjson")
    code, said = compared(capsys, folder, "log.ndjson", "same.ndjson")
    assert (code, said["relation"]) == (0, "equal")
    lines = (folder / "log.ndjson").read_bytes().splitlines(keepends=True)
    ends = ledger[1].checkpoint(ledger[1].tips[2])
    (folder / "short.ndjson").write_bytes(b"".join([*lines[:3], ends, b"\n"]))
    code, said = compared(capsys, folder, "log.ndjson", "short.ndjson")
    assert (code, said["relation"], said["height"]) == (0, "prefix", 4)
    assert [side["blocks"] for side in said["sides"]] == [len(lines) - 1, 3]
    assert opened(folder, folder / "short.ndjson") == 0
    assert "short.ndjson is the beginning of" in capsys.readouterr().out
    code, said = compared(capsys, folder, "log.ndjson", "same.ndjson", "short.ndjson")
    relations = [each["relation"] for each in said["comparisons"]]
    assert (code, relations) == (0, ["equal", "prefix"])


def test_the_first_difference_is_the_entry_with_what_each_has(
    folder: Path, capsys: Capture
) -> None:
    shutil.copy(folder / "log.ndjson", folder / "other.ndjson")
    height = spoil(folder, "other.ndjson")
    code, said = compared(capsys, folder, "log.ndjson", "other.ndjson")
    assert (code, said["relation"], said["height"]) == (1, "different", height)
    assert said["fields"] == ["entry"]
    mine, yours = (json.loads(each["entry"]) for each in said["said"])
    assert str(yours["record"]["amount"]) == f"9{mine['record']['amount']}"
    assert said["said"][0]["record"] == mine["record"]["id"]
    assert said["sides"][1]["fault"]["height"] == height
    assert said["forked_by"] == []
    lines = (folder / "log.ndjson").read_bytes().splitlines()
    before = json.loads(lines[height - 2])["block"]["size"]
    entries = json.loads(lines[height - 1])["entries"]
    assert entries[said["entry"] - before] == mine
    assert opened(folder, folder / "other.ndjson") == 1
    out = capsys.readouterr().out
    assert f"block {height}, entry {said['entry']:,}" in out


def test_two_histories_with_certificates_name_who_signed_both(
    folder: Path, ledger: tuple[Path, Logged], capsys: Capture
) -> None:
    """All four parties sign another last block: only its proposer differs."""
    lines = (folder / "log.ndjson").read_bytes().splitlines()
    line = json.loads(lines[-2])
    line["block"]["proposer"] = "funder"
    tip = ledger[1].tip._replace(hash=domains.block_hash(canonical.encode(line["block"])))
    other = [*lines[:-2], canonical.encode(line), ledger[1].checkpoint(tip)]
    (folder / "fork.ndjson").write_bytes(b"\n".join(other) + b"\n")
    code, said = compared(capsys, folder, "log.ndjson", "fork.ndjson")
    assert (code, said["relation"], said["fields"]) == (1, "different", ["proposer"])
    assert [each["proposer"] for each in said["said"]] == ["platform", "funder"]
    assert said["forked_by"] == ["platform", "institution", "funder", "auditor"]
    assert opened(folder, folder / "fork.ndjson") == 1
    assert "BOTH LOGS ARE CERTIFIED, AND DIFFER: platform, institution" in capsys.readouterr().out


def test_a_fork_without_a_certificate_names_nobody(folder: Path, capsys: Capture) -> None:
    lines = (folder / "log.ndjson").read_bytes().splitlines()
    line = json.loads(lines[-2])
    line["block"]["proposer"] = "funder"
    (folder / "fork.ndjson").write_bytes(
        b"\n".join([*lines[:-2], canonical.encode(line), lines[-1]])
    )
    code, said = compared(capsys, folder, "log.ndjson", "fork.ndjson")
    assert (code, said["forked_by"]) == (1, [])
    assert said["sides"][1]["fault"]["code"] == "broken-chain"
    assert encode_checkpoint(json.loads(lines[-1])["checkpoint"]) == lines[-1]
