"""The commands against two real node processes, and what ``tongzhang node`` refuses."""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import pytest

from cli import main
from cli.parties import parse_parties
from demo.day.cast import DayPlan
from demo.day.generate import generate
from demo.day.lines import those
from demo.stage.network import LocalNetwork, found_network
from demo.stage.processes import NodeProcess, command, environment, stop_all
from ledger.contracts.receivers import ReceiverRegistered
from node.home.home import DATABASE_ID, NO_DATABASE, load_home
from node.storage.store import Store

PARTIES = "platform,institution"
START_S = 40.0

pytestmark = pytest.mark.processes

Capture = pytest.CaptureFixture[str]


def run(*arguments: object) -> int:
    return main.run([str(argument) for argument in arguments])


def until_ready(node: NodeProcess) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        node.refuse_dead()
        try:
            if httpx.get(f"{node.url}/readyz", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"{node.party} was not ready in {START_S} s")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    folder = tmp_path_factory.mktemp("cli") / "net"
    network = found_network(folder, "test", parse_parties(PARTIES), 2)
    try:
        for node in network.nodes:
            node.start()
        for node in network.nodes:
            until_ready(node)
        yield network
    finally:
        stop_all(network.nodes)


@pytest.fixture(scope="module")
def day_home(network: LocalNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Register receivers and capture payments; return the institution's home."""
    home = network.node("institution").home
    day = generate(DayPlan(40, 1, owners=("platform",)))
    records = [line.raw for line in those(day.receivers, ReceiverRegistered)]
    records += [line.raw for line in day.captures[:5]]
    file = tmp_path_factory.mktemp("records") / "records.ndjson"
    file.write_bytes(b"\n".join(records) + b"\n")
    assert run("submit", file, "--home", home) == 0
    return home


def captured(payment: str) -> dict[str, object]:
    return {
        "type": "payment.captured",
        "id": f"cap-{payment}",
        "at": 1_772_413_200_000,
        "payment": payment,
        "order": "order-1",
        "amount": 12_345,
        "currency": "CNY",
        "channel": "wechat",
        "captured_at": 1_772_413_200_000,
    }


def test_submitting_pretty_json_says_that_it_was_rewritten_and_again_is_harmless(
    day_home: Path, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "record.json"
    file.write_text(json.dumps(captured("pretty"), indent=2))
    assert run("submit", file, "--home", day_home) == 0
    shown = capsys.readouterr()
    assert "1 record rewritten in canonical form" in shown.err
    assert "1 record: 1 final" in shown.out
    assert run("submit", file, "--home", day_home, "--json") == 0
    (result,) = json.loads(capsys.readouterr().out)
    assert result["existing"]
    assert result["outcome"] == "applied"


def test_pretty_json_sent_exactly_is_refused(
    day_home: Path, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "record.json"
    file.write_text(json.dumps(captured("exact")))
    assert run("submit", file, "--home", day_home, "--exact") == 1
    assert "not-canonical" in capsys.readouterr().out


def test_record_of_several_lines_is_not_sent_exactly(
    day_home: Path, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "record.json"
    file.write_text(json.dumps(captured("lines"), indent=2))
    assert run("submit", file, "--home", day_home, "--exact") == 1
    assert capsys.readouterr().err.startswith("error: not-canonical: record 1 spans several lines")


def test_expectations_say_who_owes_what_since_when(
    day_home: Path, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "record.json"
    file.write_text(json.dumps(captured("owed")))
    assert run("submit", file, "--home", day_home) == 0
    capsys.readouterr()
    ask = ("expectations", "--home", day_home, "--awaited", "platform")
    assert run(*ask) == 0
    assert "payment:owed" in capsys.readouterr().out
    assert run(*ask, "--json") == 0
    found = json.loads(capsys.readouterr().out)["expectations"]
    assert "payment:owed" in {each["subject"] for each in found}
    assert {each["awaited"] for each in found} == {"platform"}


def test_refused_record_is_named_with_its_code_and_exit_code_is_1(
    day_home: Path, tmp_path: Path, capsys: Capture
) -> None:
    good, bad = captured("good"), {**captured("bad"), "amount": 1.5}
    file = tmp_path / "records.json"
    file.write_text(json.dumps([good, bad]))
    assert run("submit", file, "--home", day_home) == 1
    shown = capsys.readouterr()
    assert shown.err.startswith("1 record rewritten")
    assert "error: refused: 1 record refused: float 1" in shown.err
    assert "2 records: 1 final, 1 refused" in shown.out


def test_payment_shows_what_is_missing(day_home: Path, tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "record.json"
    file.write_text(json.dumps(captured("shown")))
    assert run("submit", file, "--home", day_home) == 0
    capsys.readouterr()
    assert run("payment", "shown", "--home", day_home) == 0
    shown = capsys.readouterr().out
    assert "payment shown: captured" in shown
    assert "123.45 CNY for order order-1" in shown
    assert "instruction of payment:shown by platform: open" in shown
    assert run("payment", "shown", "--home", day_home, "--json") == 0
    assert json.loads(capsys.readouterr().out)["capture"]["amount"] == 12_345


def test_unknown_payment_is_exit_code_1(day_home: Path, capsys: Capture) -> None:
    assert run("payment", "nobody", "--home", day_home) == 1
    assert capsys.readouterr().err.startswith("error: no-such-payment: ")
    assert run("payment", "nobody", "--home", day_home, "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["type"], document["status"]) == ("urn:tongzhang:error:no-such-payment", 404)
    assert document["instance"] == "/v1/payments/nobody"
    assert document["definite"] is True
    assert document["next"].startswith("check the id")


def test_a_refused_record_is_a_result_and_no_second_document(
    day_home: Path, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "record.json"
    file.write_text(json.dumps(captured("once") | {"amount": 1.5}))
    assert run("submit", file, "--home", day_home, "--json") == 1
    shown = capsys.readouterr()
    assert [result["code"] for result in json.loads(shown.out)] == ["float"]
    assert "error: refused: " in shown.err


def test_status_shows_log_and_peers(
    day_home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONGZHANG_HOME", str(day_home))
    assert run("status") == 0
    shown = capsys.readouterr().out
    assert "institution (institution)" in shown
    assert ": connected" in shown
    assert run("status", "--json") == 0
    assert json.loads(capsys.readouterr().out)["party"] == "institution"


def test_status_and_members_speak_chinese(day_home: Path, capsys: Capture) -> None:
    assert run("--lang", "zh", "status", "--home", day_home) == 0
    shown = capsys.readouterr().out
    assert "参与方    institution (institution)\n" in shown
    assert "：已连接" in shown
    assert not [word for word in (" entries", "connected", "peer ", "ready") if word in shown]
    assert run("--lang", "zh", "members", "--home", day_home) == 0
    shown = capsys.readouterr().out
    assert "成立时，全体参与方投票：" in shown
    assert all(heading in shown for heading in ("参与方", "角色", "投票"))


def test_receipt_of_one_node_verifies_offline_and_a_changed_one_does_not(
    day_home: Path, network: LocalNetwork, tmp_path: Path, capsys: Capture
) -> None:
    record = generate(DayPlan(40, 1, owners=("platform",))).captures[0].record.id
    home, file = network.node("platform").home, tmp_path / "r.tlog-proof"
    ask = ("receipt", record, "--party", "institution", "--home", home, "--out", file)
    assert run(*ask) == 0
    genesis = home / "genesis.json"
    capsys.readouterr()
    assert run("verify", "receipt", file, "--genesis", genesis, "--json") == 0
    proved = json.loads(capsys.readouterr().out)
    assert proved["party"] == "institution"
    assert proved["record"]["id"] == record
    assert run("verify", "receipt", file, "--genesis", genesis) == 0
    shown = capsys.readouterr().out
    assert f"  origin: {network.genesis.origin}\n" in shown
    (line,) = [each for each in shown.splitlines() if each.startswith("  record: ")]
    assert json.loads(line.removeprefix("  record: ")) == proved["record"]
    file.write_text(file.read_text().replace("index ", "index 1", 1))
    assert run("verify", "receipt", file, "--genesis", genesis) == 1
    assert "do not rely on this file" in capsys.readouterr().err


def test_exported_log_verifies_with_replay_and_a_changed_one_does_not(
    day_home: Path, tmp_path: Path, capsys: Capture
) -> None:
    file, genesis = tmp_path / "log.ndjson", day_home / "genesis.json"
    assert run("export", "log", "--home", day_home, "--out", file) == 0
    capsys.readouterr()
    assert run("verify", "log", file, "--genesis", genesis, "--replay", "--json") == 0
    assert json.loads(capsys.readouterr().out)["replayed"]
    part = tmp_path / "part.ndjson"
    assert run("export", "log", "--home", day_home, "--start", 2, "--out", part) == 0
    assert "does not verify without the blocks before" in capsys.readouterr().err
    assert run("verify", "log", part, "--genesis", genesis) == 1
    assert "begins at block 2; verification needs it from block 1" in capsys.readouterr().err
    assert run("export", "log", "--home", day_home, "--start", 999_999) == 1
    shown = capsys.readouterr()
    assert shown.err.startswith("error: nothing-to-export: ")
    assert shown.out == ""
    file.write_bytes(file.read_bytes().replace(b"wechat", b"wechas", 1))
    assert run("verify", "log", file, "--genesis", genesis) == 1


def test_token_without_the_scope_is_refused_with_the_next_step(
    day_home: Path, network: LocalNetwork, tmp_path: Path, capsys: Capture
) -> None:
    create = ("token", "create", "--home", day_home, "--label", "reader", "--json")
    assert run(*create) == 0
    token = json.loads(capsys.readouterr().out)["token"]
    url = network.node("institution").url
    file = tmp_path / "record.json"
    file.write_text(json.dumps(captured("scope")))
    assert run("submit", file, "--url", url, "--token", token) == 1
    shown = capsys.readouterr().err
    assert "error: wrong-scope: " in shown
    assert "next: make a token with that scope" in shown
    assert run("status", "--url", url, "--token", "nonsense") == 1
    assert capsys.readouterr().err.startswith("error: bad-token: ")


def test_second_process_on_one_home_is_refused(day_home: Path) -> None:
    assert start_failing(day_home).startswith("error: home-locked: ")


def start_failing(home: Path) -> str:
    done = subprocess.run(
        [*command(), "node", str(home)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=START_S,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_damaged_database_stops_the_start_and_says_how_to_rebuild(tmp_path: Path) -> None:
    network = found_network(tmp_path / "net", "damaged", parse_parties(PARTIES), 2)
    home = network.node("platform").home
    (home / "ledger.db").write_bytes(b"not a database" * 1000)
    assert "--rebuild" in start_failing(home)


def test_database_of_an_older_version_stops_the_start_and_says_what_to_do(tmp_path: Path) -> None:
    network = found_network(tmp_path / "net", "older", parse_parties(PARTIES), 2)
    home = load_home(network.node("platform").home)
    Store(home.database_url, home.genesis, party="platform").close()
    with sqlite3.connect(home.path / "ledger.db") as connection:
        connection.execute("UPDATE meta SET value = '1:0123456789abcdef' WHERE key = 'schema'")
    shown = start_failing(home.path)
    assert shown.startswith("error: wrong-schema: ")
    assert "run the node with that version" in shown


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_home_whose_database_is_gone_does_not_sign_again(tmp_path: Path, forgotten: bool) -> None:
    network = found_network(tmp_path / "net", "lost", parse_parties(PARTIES), 2)
    node = network.node("platform")
    try:
        node.start()
        deadline = time.monotonic() + START_S
        mark = node.home / DATABASE_ID
        while mark.read_text().strip() == NO_DATABASE and time.monotonic() < deadline:
            node.refuse_dead()
            time.sleep(0.05)
    finally:
        stop_all(network.nodes)
    (node.home / "ledger.db").unlink()
    if forgotten:
        mark.unlink()
    for journal in node.home.glob("ledger.db-*"):
        journal.unlink()
    shown = start_failing(node.home)
    assert shown.startswith("error: database-lost: ")
    assert "--rebuild" in shown


def test_port_in_use_stops_the_start_and_names_the_port(tmp_path: Path) -> None:
    network = found_network(tmp_path / "net", "busy", parse_parties(PARTIES), 2)
    node = network.node("platform")
    port = int(node.url.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        shown = start_failing(node.home)
    assert shown.startswith("error: address-in-use: ")
    assert str(port) in shown


def test_rebuilt_node_fetches_everything_again_and_votes_no_more(tmp_path: Path) -> None:
    parties = parse_parties("platform,institution,funder")
    network = found_network(tmp_path / "net", "rebuilt", parties, 2)
    victim = network.node("funder")
    try:
        for node in network.nodes:
            node.start()
        for node in network.nodes:
            until_ready(node)
        file = tmp_path / "record.json"
        file.write_text(json.dumps(captured("before")))
        assert run("submit", file, "--home", network.node("institution").home) == 0
        victim.kill()
        (victim.home / "ledger.db").write_bytes(b"not a database")
        victim.start("--rebuild")
        until_ready(victim)
        status = until_size(victim, 1)
        assert status["voting"] is False
        kept = [path.name for path in victim.home.glob("ledger.db.*Z")]
        assert len(kept) == 1
    finally:
        stop_all(network.nodes)


def until_size(node: NodeProcess, size: int) -> dict[str, object]:
    headers = {"authorization": f"Bearer {node.token}"}
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        answer = httpx.get(f"{node.url}/v1/status", headers=headers, trust_env=False)
        status: dict[str, object] = answer.json()
        if status["size"] == size:
            return status
        time.sleep(0.05)
    raise AssertionError(f"{node.party} did not reach {size} entries in {START_S} s")


def test_a_year_is_declared_and_accepted_by_each_partys_own_file(
    network: LocalNetwork, tmp_path: Path, capsys: Capture
) -> None:
    institution, platform = (network.node(name).home for name in ("institution", "platform"))
    year = date.today().year + 1
    theirs, ours = tmp_path / "platform.json", tmp_path / "institution.ics"
    days = [{"name": "x", "date": f"{year}-01-01", "isOffDay": True}]
    off = {"name": "x", "date": f"{year}-05-01", "isOffDay": True}
    theirs.write_text(json.dumps({"year": year, "days": days}), encoding="utf-8")
    event = "BEGIN:VEVENT\nDTSTART;VALUE=DATE:{0}{1}\nSUMMARY:节日（休）\nEND:VEVENT\n"
    events = "".join(event.format(year, day) for day in ("0101", "0501"))
    ours.write_text(f"BEGIN:VCALENDAR\n{events}END:VCALENDAR\n", encoding="utf-8")

    assert run("calendar", "import", theirs, "--home", platform) == 1
    assert "nothing-declared" in capsys.readouterr().err
    assert run("calendar", "import", ours, "--home", institution, "--dry-run") == 0
    assert f"calendar.declared: {year}, version 1\n  2 days off: 01-01 05-01" in shown(capsys)
    assert calendar(network) == []
    assert run("calendar", "import", ours, "--home", institution) == 0
    assert run("calendar", "import", ours, "--home", institution) == 0
    assert "awaits its acceptance" in capsys.readouterr().err
    assert run("calendar", "import", theirs, "--home", platform) == 0
    (conflict,) = awaited(platform, capsys)
    assert (conflict["state"], f"{year}-05-01" in conflict["detail"]) == ("conflicting", True)
    assert calendar(network) == [(year, 1, "declared")]
    theirs.write_text(json.dumps({"year": year, "days": [*days, off]}), encoding="utf-8")
    assert run("calendar", "import", theirs, "--home", platform) == 0
    assert calendar(network) == [(year, 1, "in-force")]
    capsys.readouterr()
    assert run("calendar", "import", theirs, "--home", platform) == 0
    assert "nothing to accept" in capsys.readouterr().out
    assert run("calendar", "import", theirs, "--home", institution, "--year", 1999) == 2
    assert "year-not-announced" in capsys.readouterr().err


def shown(capsys: Capture) -> str:
    return capsys.readouterr().out


def awaited(home: Path, capsys: Capture) -> list[dict[str, str]]:
    capsys.readouterr()
    assert run("expectations", "--kind", "calendar-acceptance", "--json", "--home", home) == 0
    found: list[dict[str, str]] = json.loads(capsys.readouterr().out)["expectations"]
    return found


def calendar(network: LocalNetwork) -> list[tuple[int, int, str]]:
    node = network.node("institution")
    headers = {"authorization": f"Bearer {node.token}"}
    view = httpx.get(f"{node.url}/v1/calendar", headers=headers, trust_env=False).json()
    return [(each["year"], each["version"], each["state"]) for each in view["years"]]
