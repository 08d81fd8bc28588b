"""The command line: usage, exit codes, errors in one line, and what it imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli import expectations, export, main, submit, verify
from cli.client import Client
from cli.errors import CheckFailed, CliError, UsageError, unwrapped
from cli.output import money, plural
from cli.parties import owners, parse_parties, quorum_of
from cli.reference import render
from cli.statistics import percentile
from node.home import load_config

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = (
    "init", "node", "demo", "sample", "submit", "payment", "expectations",
    "search", "receiver", "payouts", "refunds", "float", "fees",
    "status", "receipt", "bench",
    "verify receipt", "verify log", "verify checkpoint", "verify evidence", "export log",
    "export books",
    "evidence list", "evidence show", "evidence report",
    "token create", "token list", "token revoke",
)  # fmt: skip
NODE_MODULES = ("node", "api", "consensus", "sqlalchemy", "fastapi", "uvicorn", "httpx")


@pytest.fixture(autouse=True)
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TONGZHANG_HOME", raising=False)
    monkeypatch.delenv("TONGZHANG_TOKEN", raising=False)


def run(*arguments: object) -> int:
    return main.run([str(argument) for argument in arguments])


def founded(folder: Path) -> Path:
    assert run("init", folder, "--parties", "platform,institution", "--base-port", "1") == 0
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*command.split(), "--help") == 0
    shown = capsys.readouterr().out
    assert "Examples:" in shown
    assert f"tongzhang {command}" in shown


@pytest.mark.parametrize("group", ["", "verify", "export", "evidence", "token"])
def test_group_without_command_shows_its_help(
    group: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*group.split()) == 2
    shown = "".join(capsys.readouterr())
    assert "Commands:" in shown
    assert "error:" not in shown


def test_version_is_that_of_the_installed_package_or_unknown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: "1.2.3")
    assert run("--version") == 0
    assert capsys.readouterr().out == "tongzhang 1.2.3\n"

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert run("--version") == 0
    assert capsys.readouterr().out == "tongzhang unknown\n"


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "sample",
        "sample --out day --payments many",
        "sample --out day --date 2026-13-01",
        "sample --out day --date 2026-03-07",
        "sample --out day --payments 3",
        "submit",
        "submit no-such-file.json --url http://127.0.0.1:1 --token t",
        "status",
        "status --home no-such-home",
        "status --url 127.0.0.1:8801 --token t",
        "expectations --state late --url http://127.0.0.1:1 --token t",
        "node no-such-home",
        "status --nonsense",
        "verify receipt",
        "verify receipt no-such-file --genesis no-such-file",
        "init net --parties platform,institution,nobody",
        "init net --parties platform,funder",
        "init net --quorum 9",
        "init net --quorum 1",
        "init net --hosts nobody=host",
        "init net --hosts platform",
        "init net --hosts platform=ws://host",
        "init net --base-port 0",
        "init net --base-port -1",
        "init net --base-port 65533",
        "demo --day no-such-day",
        "demo --day examples/day --seed 1",
        "demo --day examples/day --parties platform,institution",
        "demo --parties platform,funder",
        "token create --home no-such-home --label x",
        "bench --records 0",
        "bench --records 99999999999999999999",
        "init net --quorum 99999999999999999999",
        "demo --quorum 99999999999999999999",
        "demo --payments 99999999999999999999",
        "sample --out day --payments 99999999999999999999",
        "sample --out day --date 9999-12-31",
        "sample --out day --date 0001-01-01",
        "sample --out day --date 20251231",
    ],
)
def test_bad_usage_is_one_error_line_and_exit_code_2(
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    assert run(*line.split()) == 2
    shown = capsys.readouterr()
    first, *rest = shown.err.splitlines()
    assert first.startswith("error: ")
    assert all(each.startswith("  next: ") for each in rest)
    assert shown.out == ""


@pytest.mark.parametrize(
    "words",
    [
        ["init", ""],
        ["sample", "--out", ""],
        ["status", "--home", ""],
        ["node", ""],
        ["token", "list", "--home", ""],
        ["evidence", "report", "--home", ""],
        ["demo", "--day", ""],
        ["demo", "--dir", ""],
        ["simulate", "--plan", ""],
        ["verify", "log", "", "--genesis", "g"],
        ["verify", "log", "f", "--genesis", ""],
        ["receipt", "r", "--out", ""],
        ["export", "log", "--out", ""],
        ["export", "books", "--out", ""],
        ["evidence", "show", "e", "--out", ""],
        ["bench", "--out", ""],
    ],
    ids=" ".join,
)
def test_an_empty_path_is_not_the_current_folder(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*words) == 2
    assert "it is empty; name a file or a folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


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


@pytest.mark.parametrize(
    "line",
    [
        "sample --payments 40 --out file/day",
        "demo --payments 40 --dir file/demo",
        "init file/net",
    ],
)
def test_folder_that_cannot_be_made_is_an_unwritable_file(
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.chdir(tmp_path)
    assert run(*line.split()) == 2
    assert capsys.readouterr().err.startswith("error: unwritable-file: file")


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("sample --out day --date 2026-03-07", "bad-date", "a Saturday"),
        ("status --url 127.0.0.1:8801 --token t", "bad-url", "write http://"),
        ("node no-such-home", "not-a-home", "tongzhang init"),
    ],
)
def test_wrong_argument_is_named_and_the_next_step_said(
    line: str,
    code: str,
    words: str,
    *,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*line.split()) == 2
    shown = capsys.readouterr().err
    assert shown.startswith(f"error: {code}: ")
    assert words in shown


def test_unreachable_node_is_exit_code_1_and_says_how_to_start_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("status", "--url", "http://127.0.0.1:1", "--token", "t") == 1
    shown = capsys.readouterr().err
    assert shown.startswith("error: unreachable: ")
    assert "next: start it with: tongzhang node HOME" in shown


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


def test_false_receipt_is_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    genesis = founded(tmp_path / "net") / "platform" / "genesis.json"
    receipt = tmp_path / "receipt"
    receipt.write_text("not a receipt")
    capsys.readouterr()
    for kind in ("receipt", "log", "checkpoint"):
        assert run("verify", kind, receipt, "--genesis", genesis) == 1
        shown = capsys.readouterr()
        assert shown.err.startswith("error: ")
        assert "do not rely on this file" in shown.err
        assert shown.out == ""


def test_help_and_verify_import_nothing_of_a_node(tmp_path: Path) -> None:
    genesis = founded(tmp_path / "net") / "platform" / "genesis.json"
    arguments = ["verify", "log", str(genesis), "--genesis", str(genesis)]
    for line in (["--help"], arguments):
        script = (
            "import sys; from cli.main import run; "
            f"run({line!r}); "
            f"print([m for m in {NODE_MODULES!r} if m in sys.modules], file=sys.stderr)"
        )
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
        )
        assert done.stderr.splitlines()[-1] == "[]"


def test_reference_is_what_the_commands_say() -> None:
    assert (ROOT / "docs" / "cli.md").read_text("utf-8") == render()


def test_submit_reads_one_object_an_array_and_lines() -> None:
    assert submit._split(b' {"a": 1}\n') == [b'{"a": 1}']
    assert submit._split(b'[{"a":1}, {"b":2}]') == [b'{"a":1}', b'{"b":2}']
    assert submit._split(b'{"a":1}\n\n{"b":2}\r\n') == [b'{"a":1}', b'{"b":2}']
    assert submit._split(b'{"a":1}\nnot json\n') == [b'{"a":1}', b"not json"]


@pytest.mark.parametrize(
    ("data", "error"),
    [(b"  \n", UsageError), (b"[1,", CheckFailed), (b"not json", CheckFailed)],
)
def test_submit_refuses_a_file_that_holds_no_records(data: bytes, error: type[CliError]) -> None:
    with pytest.raises(error):
        submit._split(data)


def test_submit_refuses_an_empty_array() -> None:
    with pytest.raises(UsageError) as caught:
        submit._split(b"[]")
    assert caught.value.code == "empty-file"


def test_submit_advises_about_the_others_only_where_there_are_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    refused = {"code": "float", "id": "a", "definite": True, "existing": False}
    final = {"state": "final", "id": "b", "definite": True, "existing": False}
    for results, others in (([refused], False), ([refused, final], True)):
        with pytest.raises(CheckFailed) as caught:
            submit._report(results, True, False)
        assert ("the others" in caught.value.next_step) is others


def test_export_from_beyond_the_end_is_refused_and_a_part_is_not() -> None:
    checkpoint, block = b'{"checkpoint":"x"}', b'{"batches":[]}'
    with pytest.raises(CheckFailed) as caught:
        export._refuse_nothing(iter([checkpoint]), 9)
    assert caught.value.code == "nothing-to-export"
    assert list(export._refuse_nothing(iter([block, checkpoint]), 9)) == [block, checkpoint]


def test_verified_facts_are_shown_as_people_write_them() -> None:
    assert verify._shown(True) == "yes"
    assert verify._shown(["a", "b"]) == "a, b"
    assert verify._shown({"b": 1, "a": {"d": True}}) == '{"a":{"d":true},"b":1}'


def awaited_by(state: str, count: int) -> list[dict[str, Any]]:
    return [
        {
            "kind": "payout-result",
            "subject": f"payment:pay-20260302-{number:06}",
            "awaited": "institution",
            "amount": 123_456_789,
            "currency": "CNY",
            "opened_at": 1_772_413_200_000,
            "due_at": 1_772_416_800_000,
            "state": state,
        }
        for number in range(count)
    ]


class Pages:
    """Answers as a node does: one expectation a page, and empty pages that have a next."""

    def __init__(self) -> None:
        self.held = {"overdue": awaited_by("overdue", 2), "open": awaited_by("open", 3)}
        self.asked: list[httpx.QueryParams] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        query = request.url.params
        self.asked.append(query)
        held = self.held.get(query["state"], [])
        at, empty = divmod(int(query.get("cursor", 1)), 2)
        page: dict[str, Any] = {"as_of": 7, "expectations": [] if empty else held[at : at + 1]}
        if at + (not empty) < len(held):
            page["next"] = str(2 * at + 2 if not empty else 2 * at)
        return httpx.Response(200, json=page)


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Pages:
    answers = Pages()
    client = Client("http://127.0.0.1:1", "")
    client._http = httpx.Client(
        base_url="http://127.0.0.1:1", transport=httpx.MockTransport(answers)
    )
    monkeypatch.setattr("cli.connection.connect", lambda *_: client)
    return answers


def test_expectations_go_on_over_pages_and_states_up_to_the_limit(
    pages: Pages, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("expectations", "--json") == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["expectations"] == pages.held["overdue"] + pages.held["open"]
    assert (whole["as_of"], whole["more"]) == (7, False)
    assert {query.get("as_of") for query in pages.asked[1:]} == {"7"}
    for limit, more in ((2, True), (4, True), (5, False)):
        assert run("expectations", "--json", "--limit", limit) == 0
        shown = capsys.readouterr()
        page = json.loads(shown.out)
        assert (len(page["expectations"]), page["more"]) == (limit, more)
        assert ("raise --limit" in shown.err) is more


def test_expectations_of_one_state_and_party_fit_80_columns(
    pages: Pages, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run("expectations", "--state", "open", "--awaited", "institution") == 0
    shown = capsys.readouterr().out
    assert {(query["state"], query["awaited"]) for query in pages.asked} == {
        ("open", "institution")
    }
    assert max(map(len, shown.splitlines())) <= 80
    for words in ("payout-result", "payment:pay-20260302-000002", "1,234,567.89 CNY", "01:00:00"):
        assert words in shown
    assert run("expectations", "--state", "met") == 0
    assert capsys.readouterr().out == "nothing is awaited\n"
    assert set(expectations.UNMET) == set(expectations.State) - {expectations.State.MET}


def test_submit_rewrites_only_what_keeps_its_meaning() -> None:
    pretty = b'{ "id": "a", "at": 1 }'
    double = b'{"at":1, "at":2}'
    real = b'{"at": 1.5}'
    assert submit._canonical([pretty, double, real]) == ([b'{"at":1,"id":"a"}', double, real], 1)


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


def test_money_and_counts_read_well() -> None:
    assert money(-123456, "CNY") == "-1,234.56 CNY"
    assert money(1234, "JPY") == "1,234 JPY"
    assert (plural(1, "record"), plural(2000, "record")) == ("1 record", "2,000 records")


def test_percentile_is_the_nearest_rank() -> None:
    assert percentile([], 50) == 0
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile([float(n) for n in range(1, 101)], 95) == 95.0


def test_first_error_of_concurrent_tasks_is_shown_alone() -> None:
    wanted = CheckFailed("x", "y")
    with pytest.raises(CheckFailed) as caught, unwrapped():
        raise ExceptionGroup("all", [ValueError(), ExceptionGroup("some", [wanted])])
    assert caught.value is wanted


@pytest.mark.parametrize("data", ['{"id":"\u652f\u4ed8"}'.encode("gbk"), b"[" * 20_000])
def test_a_file_that_is_no_utf8_or_nested_beyond_reason_is_refused_without_a_trace(
    data: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "records.json"
    file.write_bytes(data)
    url = "http://127.0.0.1:9"
    assert main.run(["submit", str(file), "--url", url, "--token", "x"]) in (1, 2)
    assert capsys.readouterr().err.startswith("error: ")
