"""Readiness and tolerance of real node processes: one party rebuilt, another one stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.parties import DEFAULT, parse_parties
from demo.stage.network import LocalNetwork, found_network
from demo.stage.processes import NodeProcess, stop_all
from node.home.home import read_operator_token
from node.limits import QUEUE_RECORDS_MAX
from tests.api.api_kit import applied, captured, receiver
from tests.cli.nodes_kit import block, client, get, is_not_ready, is_ready, run, shell, until

WAIT = {"wait": "final", "timeout_ms": 60_000}
NDJSON = {"content-type": "application/x-ndjson"}
REACHED = ["platform", "institution"]
WHY = (
    "only 2 of the 3 voters needed are reached (platform, institution): the node of funder is not "
    "connected; the node of auditor was rebuilt: it follows and never votes again"
)

pytestmark = pytest.mark.processes

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """Return four nodes, of which the auditor's was restored and the funder's was stopped."""
    folder = tmp_path_factory.mktemp("ready") / "net"
    network = found_network(folder, "test", parse_parties(DEFAULT), 3)
    try:
        for node in network.nodes:
            node.start()
        until(network.nodes, is_ready)
        with client(network.node("institution")) as asking:
            applied(asking, receiver("shop-first", "first-1"))  # what there is to rebuild
        _restore(network, folder.parent)
        until(network.nodes, is_ready)
        funder = network.node("funder")
        until(network.nodes, lambda node: get(node, "/v1/members")["voters"]["may_go_down"] == 0)
        funder.kill()
        until([node for node in network.nodes if node is not funder], is_not_ready)
        yield network
    finally:
        stop_all(network.nodes)


def _restore(network: LocalNetwork, folder: Path) -> None:
    """Lose the auditor's machine, and restore what was kept safe by the documented steps."""
    old = network.node("auditor")
    old.kill()
    old.home.rename(folder / "SAFE")
    *steps, last = block("SAFE/key.pem").strip().splitlines()
    assert last == "tongzhang node HOME --rebuild"
    shell("\n".join(steps), folder)
    home = folder / "HOME"
    restored = NodeProcess("auditor", home, old.url, read_operator_token(home))
    network.nodes[network.nodes.index(old)] = restored
    restored.start("--rebuild")


@pytest.fixture
def up(network: LocalNetwork) -> list[NodeProcess]:
    return [node for node in network.nodes if node.party != "funder"]


def test_a_home_is_restored_by_the_documented_steps(network: LocalNetwork, capsys: Capture) -> None:
    home = network.node("auditor").home
    assert home.name == "HOME"
    assert (home / "operator.token").stat().st_mode & 0o077 == 0
    assert run("status", "--home", home) == 0
    assert "this node was rebuilt: it follows and never votes again" in capsys.readouterr().out
    assert run("token", "list", "--home", home, "--json") == 0
    labels = [row["label"] for row in json.loads(capsys.readouterr().out)]
    assert labels.count("operator") == 2


def test_all_that_are_left_say_that_they_are_not_ready_and_why(up: list[NodeProcess]) -> None:
    for node in up:
        assert get(node, "/readyz")["detail"] == WHY
        status = get(node, "/v1/status")
        assert (status["ready"], status["ready_reason"]) == (False, WHY)
        assert status["voting"] is (node.party != "auditor")


def test_who_votes_is_known_to_everybody_and_shown(up: list[NodeProcess]) -> None:
    for node in up:
        shown = get(node, "/v1/members")
        assert [row["voting"] for row in shown["members"]] == [True, True, True, False]
        assert [row["voting_reason"] for row in shown["members"]] == [
            "votes",
            "votes",
            "is not connected",
            "was rebuilt: it follows and never votes again",
        ]
        voters = shown["voters"]
        assert (voters["reached"], voters["needed"], voters["may_go_down"]) == (REACHED, 3, 0)
        assert get(node, "/v1/status")["voters"] == voters
    peers = get(up[0], "/v1/status")["peers"]
    assert (peers["auditor"]["connected"], peers["auditor"]["voting"]) == (True, False)


def test_the_commands_say_it_in_plain_words(up: list[NodeProcess], capsys: Capture) -> None:
    for node in up:
        assert run("members", "--home", node.home) == 0
        now, founded = capsys.readouterr().out.split("as it was founded, with every party voting:")
        assert "only 2 of the 3 voters needed are reached (platform, institution): nothing" in now
        assert "The node of funder is not connected." in now
        assert "may be down" not in now and "may go down" not in now
        assert "Up to 1 may be down" in founded
        assert run("status", "--home", node.home) == 0
        shown = capsys.readouterr().out
        assert f"no: {WHY}" in shown
        assert ": NOT CONNECTED\n" in shown
    assert run("members", "--home", up[0].home, "--json") == 0
    assert json.loads(capsys.readouterr().out)["voters"]["reached"] == REACHED


def test_a_record_is_taken_and_its_answer_says_what_it_waits_for(up: list[NodeProcess]) -> None:
    """A minute is allowed; the answer comes with its reason, and does not use the minute up."""
    with client(up[1]) as http:
        answer = http.post("/v1/records", params=WAIT, content=captured("P1", "r-1"))
        result = answer.json()
        assert (answer.status_code, result["definite"]) == (202, False)
        assert result["state"] in ("queued", "ordered")
        assert result["waiting"]["code"] == "no-quorum"
        assert result["waiting"]["message"].startswith(f"{WHY}. The record is taken and waits.")
        assert "code" not in result
        asked = http.get(result["ask"]).json()
        assert (asked["definite"], asked["waiting"]) == (False, result["waiting"])
        array = b"[" + captured("P1", "r-1") + b"," + captured("P2", "r-2") + b"]"
        for results in (
            http.post("/v1/records", params=WAIT, content=array).json(),
            http.post("/v1/records", params={"wait": "queued"}, content=array).json(),
        ):
            assert [each["waiting"]["code"] for each in results] == ["no-quorum"] * 2
        lines = b"\n".join(captured(f"S{number}", f"s-{number}") for number in range(1200))
        stream = http.post("/v1/records", params=WAIT, content=lines, headers=NDJSON)
        told = [json.loads(line) for line in stream.text.splitlines()]
        assert len(told) == 1200
        assert {each["waiting"]["code"] for each in told} == {"no-quorum"}


def test_submit_shows_it_and_does_not_call_it_refused(
    up: list[NodeProcess], tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "record.json"
    file.write_bytes(captured("P3", "r-3"))
    assert run("submit", file, "--home", up[1].home) == 1
    shown = capsys.readouterr()
    assert "1 record: 1 queued" in shown.out
    assert f"error: no-quorum: 1 record not final yet: {WHY}" in shown.err
    assert "next: see who votes with: tongzhang members" in shown.err
    assert run("submit", file, "--home", up[1].home, "--no-wait") == 0
    assert f"no-quorum: {WHY}" in capsys.readouterr().err


def test_once_the_funder_is_back_what_was_taken_becomes_final(network: LocalNetwork) -> None:
    network.node("funder").start()
    until(network.nodes, is_ready)
    with client(network.node("institution")) as http:
        result = http.post("/v1/records", params=WAIT, content=captured("P1", "r-1")).json()
    assert (result["state"], result["outcome"]) == ("final", "applied")
    for node in network.nodes:
        voters = get(node, "/v1/members")["voters"]
        assert voters["reached"] == ["platform", "institution", "funder"]
        assert "none may go down" in voters["tolerance"][0]


def test_a_queue_that_is_full_and_cannot_move_says_why(
    network: LocalNetwork, up: list[NodeProcess]
) -> None:
    """A stream ends there, with the first line that was not taken, instead of waiting for ever."""
    network.node("funder").kill()
    until(up, is_not_ready)
    count = QUEUE_RECORDS_MAX + 2000
    lines = b"\n".join(captured(f"F{number}", f"f-{number}") for number in range(count))
    with client(up[1]) as http:
        params = {"wait": "queued"}
        stream = http.post("/v1/records", params=params, content=lines, headers=NDJSON)
        *told, last = [json.loads(line) for line in stream.text.splitlines()]
        assert (last["code"], last["status"], last["definite"]) == ("no-quorum", 503, True)
        assert last["line"] == len(told) + 1
        assert last["detail"].startswith(f"{WHY}. The queue is full")
        more = b",".join(captured(f"M{number}", f"m-{number}") for number in range(600))
        answer = http.post("/v1/records", params=WAIT, content=b"[" + more + b"]")
        assert (answer.status_code, answer.json()["code"]) == (503, "no-quorum")
