"""Simulations over HTTP: real runs in processes that are bounded and never hurt the node."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from api import simulations
from api.limits import SIMULATIONS_PER_TOKEN, SIMULATIONS_WAITING_MAX
from api.simulations import RECORDING, Simulator
from cli.simulation import worker
from tests.api.api_kit import Consortium, applied, problem, receiver, until

DEADLINE_S = 90.0
SMALL = {"calm": True, "blocks": 2}
LONG = {"seed": 3, "nodes": 7, "blocks": 300}
LIES = {"scenario": "leader-lies-to-halves"}


@pytest.fixture
def offered(tmp_path: Path) -> Iterator[Callable[..., Consortium]]:
    """Return what starts nodes that offer the real simulator."""
    started: list[Consortium] = []

    def start(**changes: Any) -> Consortium:
        simulator = msgspec.structs.replace(worker.offered(), within=tmp_path, **changes)
        started.append(Consortium(tmp_path / "homes", simulator=simulator))
        return started[-1]

    yield start
    for each in started:
        each.close()


def begin(client: httpx.Client, wanted: dict[str, Any]) -> dict[str, Any]:
    answer = client.post("/v1/simulations", json=wanted)
    assert answer.status_code == 202, answer.text
    view: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/simulations/{view['id']}"
    return view


def view_of(client: httpx.Client, id_: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/v1/simulations/{id_}").json()
    return found


def ended(client: httpx.Client, id_: str, state: str = "done") -> dict[str, Any]:
    deadline = time.monotonic() + DEADLINE_S
    while (view := view_of(client, id_))["state"] not in ("done", "failed"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert view["state"] == state, view
    return view


def running_pid(folder: Path) -> int:
    """Return the process that works in a folder below this one, once there is one."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                line = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"cli.simulation.worker" in line and os.fsencode(folder) in b" ".join(line):
                return int(process.name)
        time.sleep(0.02)
    raise AssertionError("no worker")


def secret(consortium: Consortium, scope: str) -> str:
    """Return the secret of a new token of the auditor's node."""
    return consortium.nodes["auditor"].tokens.create(scope, [scope], 1)[1]


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except OSError:
        return True


# -- a run ----------------------------------------------------------------------------------------


def test_a_run_gives_a_verdict_and_a_recording_that_its_command_repeats(
    offered: Callable[..., Consortium], tmp_path: Path
) -> None:
    client = offered().clients["auditor"]
    view = ended(client, begin(client, LIES)["id"])
    assert view["blocks"] == view["blocks_wanted"] > 0
    assert view["verdict"]["good"] is True
    assert list(view["verdict"]["evidence"]) == ["platform"]
    answer = client.get(f"/v1/simulations/{view['id']}/recording")
    assert answer.headers["content-encoding"] == "gzip"
    recording = answer.json()
    assert recording["verdict"] == view["verdict"]
    assert recording["command"] == "tongzhang simulate --scenario leader-lies-to-halves"
    plain = client.get(answer.url.path, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers and plain.content == answer.content
    options = recording["command"].split()[1:]
    path = tmp_path / "again.json"
    subprocess.run(
        [sys.executable, "-m", "cli", *options, "--recording", str(path)],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert path.read_bytes() == answer.content
    assert not list(tmp_path.glob("tongzhang-simulation-*"))  # nothing is left of it


def test_what_is_chosen_is_what_runs(offered: Callable[..., Consortium]) -> None:
    client = offered().clients["auditor"]
    wanted = {"seed": 5, "nodes": 5, "blocks": 4, "liars": {"funder": "twin"}}
    wanted["faults"] = ["partition", "crash"]
    view = ended(client, begin(client, wanted)["id"])
    recording = client.get(f"/v1/simulations/{view['id']}/recording").json()
    assert [node["name"] for node in recording["nodes"] if node["lie"]] == ["funder", "funder~2"]
    assert {line for line in recording["plan"].splitlines() if "kind" in line}
    assert recording["command"] == (
        "tongzhang simulate --seed 5 --nodes 5 --blocks 4 --byzantine funder=twin "
        "--trouble partition,crash"
    )
    assert '"network"' not in recording["plan"]
    assert view["verdict"]["blocks"] >= 4


def test_choices_have_a_sentence_each_in_both_languages(
    offered: Callable[..., Consortium],
) -> None:
    choices = offered().clients["auditor"].get("/v1/simulations/choices").json()
    for name in ("scenarios", "lies", "trouble"):
        assert choices[name]
        for each in choices[name]:
            assert each["name"] and each["en"] and each["zh"] != each["en"]
    assert choices["bounds"]["blocks"] == [1, 300]
    assert len(choices["parties"]) == 7


# -- refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"nodes": 8}, "nodes"),
        ({"nodes": 1}, "nodes"),
        ({"blocks": 301}, "blocks"),
        ({"blocks": 0}, "blocks"),
        ({"seed": -1}, "seed"),
        ({"seed": "7"}, "seed"),
        ({"records": 5}, "records"),
        ({"scenario": "../../etc/passwd"}, "scenario"),
        ({"scenario": "<script>"}, "scenario"),
        ({"liars": {"funder": "--help"}}, "lie"),
        ({"liars": {"nobody": "twin"}}, "party"),
        ({"liars": {"auditor-b": "twin"}}, "party"),
        ({"faults": ["sabotage"]}, "trouble"),
        ({"scenario": "flood", "liars": {"funder": "twin"}}, "liars"),
        ({"calm": True, "faults": ["crash"]}, "calm"),
        ([], "object"),
    ],
)
def test_what_is_beyond_the_choices_is_refused(
    consortium: Consortium, wanted: Any, said: str
) -> None:
    answer = consortium.clients["auditor"].post("/v1/simulations", json=wanted)
    assert said in problem(answer, 422, "bad-simulation")["detail"]


@pytest.fixture(scope="module")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    started = Consortium(tmp_path_factory.mktemp("offered"), simulator=worker.offered())
    yield started
    started.close()


def test_a_body_that_is_too_large_is_refused(consortium: Consortium) -> None:
    answer = consortium.clients["auditor"].post("/v1/simulations", content=b" " * 20_000)
    problem(answer, 413, "body-too-large")


def test_unknown_ones_and_those_without_a_token_are_refused(consortium: Consortium) -> None:
    client = consortium.clients["auditor"]
    for path in ("/v1/simulations/0", "/v1/simulations/0/recording"):
        problem(client.get(path), 404, "no-such-simulation")
    stranger = consortium.client("auditor")
    problem(stranger.post("/v1/simulations", json=SMALL), 401, "no-token")
    problem(stranger.get("/v1/simulations/choices"), 401, "no-token")


def test_a_token_that_may_not_read_may_not_simulate(consortium: Consortium) -> None:
    client = consortium.client("auditor", secret(consortium, "submit"))
    problem(client.post("/v1/simulations", json=SMALL), 403, "wrong-scope")


def test_a_node_without_simulator_says_so(tmp_path: Path) -> None:
    plain = Consortium(tmp_path / "homes")
    try:
        client = plain.clients["auditor"]
        for path in ("/v1/simulations/choices", "/v1/simulations/0", "/v1/simulations/0/recording"):
            assert "--simulator" in problem(client.get(path), 404, "no-simulator")["detail"]
        problem(client.post("/v1/simulations", json=SMALL), 404, "no-simulator")
    finally:
        plain.close()


# -- bounds ---------------------------------------------------------------------------------------


def test_one_runs_at_a_time_and_the_queue_is_bounded_for_each_token(
    offered: Callable[..., Consortium], tmp_path: Path
) -> None:
    consortium = offered()
    client = consortium.clients["auditor"]
    first, second = (begin(client, LONG) for _ in range(SIMULATIONS_PER_TOKEN))
    assert (
        "of this token"
        in problem(client.post("/v1/simulations", json=SMALL), 503, "busy")["detail"]
    )
    pid = running_pid(tmp_path)
    assert view_of(client, first["id"])["state"] == "running"
    waiting = view_of(client, second["id"])
    assert (waiting["state"], waiting["ahead"]) == ("waiting", 1)
    problem(client.get(f"/v1/simulations/{second['id']}/recording"), 409, "no-recording")
    until(lambda: os.getpriority(os.PRIO_PROCESS, pid) == worker.NICE)
    limits = Path(f"/proc/{pid}/limits")
    for bound in (worker.MEMORY_BYTES_MAX, worker.FILE_BYTES_MAX):
        until(lambda: str(bound) in limits.read_text())  # noqa: B023
    others = [secret(consortium, "read") for _ in range(SIMULATIONS_WAITING_MAX)]
    for each in others[: SIMULATIONS_WAITING_MAX - 1]:
        begin(consortium.client("auditor", each), LONG)
    last = consortium.client("auditor", others[-1])
    assert (
        "wait already" in problem(last.post("/v1/simulations", json=SMALL), 503, "busy")["detail"]
    )


def test_one_that_takes_too_long_is_killed_and_the_next_one_runs(
    offered: Callable[..., Consortium], tmp_path: Path
) -> None:
    consortium = offered(seconds_max=4.0)
    client = consortium.clients["auditor"]
    long, small = begin(client, LONG), begin(client, SMALL)
    pid = running_pid(tmp_path)
    view = ended(client, long["id"], "failed")
    assert view["detail"] == "ended: it took more than 4 s"
    assert is_gone(pid)
    problem(client.get(f"/v1/simulations/{long['id']}/recording"), 409, "no-recording")
    until(lambda: view_of(client, small["id"])["state"] != "waiting")


def test_a_worker_that_is_killed_fails_alone(
    offered: Callable[..., Consortium], tmp_path: Path
) -> None:
    consortium = offered()
    client = consortium.clients["auditor"]
    view = begin(client, LONG)
    os.kill(running_pid(tmp_path), 9)
    assert ended(client, view["id"], "failed")["detail"]
    assert applied(consortium.clients["institution"], receiver("shop", "r-1"))


def test_records_become_final_while_a_simulation_runs(
    offered: Callable[..., Consortium], tmp_path: Path
) -> None:
    consortium = offered()
    client = consortium.clients["auditor"]
    begin(client, LONG)
    running_pid(tmp_path)
    assert applied(consortium.clients["institution"], receiver("shop", "r-1"))["entry"] == 0
    assert client.get("/readyz").json()["ready"] is True


def test_a_node_that_stops_takes_its_simulation_with_it(
    offered: Callable[..., Consortium], tmp_path: Path
) -> None:
    consortium = offered()
    begin(consortium.clients["auditor"], LONG)
    pid = running_pid(tmp_path)
    consortium.close()
    assert is_gone(pid)
    assert not list(tmp_path.glob("tongzhang-simulation-*"))


def test_the_last_ones_are_kept(
    offered: Callable[..., Consortium], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulations, "SIMULATIONS_KEPT", 2)
    client = offered().clients["auditor"]
    done = []
    for seed in range(4):
        done.append(begin(client, {**SMALL, "seed": seed})["id"])
        ended(client, done[-1])
    begin(client, SMALL)
    kept = [client.get(f"/v1/simulations/{id_}").status_code == 200 for id_ in done]
    assert kept == [False, False, True, True]


# -- the worker itself ----------------------------------------------------------------------------


def begun(folder: Path, **limits: int) -> subprocess.Popen[bytes]:
    changed = "".join(f"worker.{name} = {value}\n" for name, value in limits.items())
    script = f"from cli.simulation import worker\n{changed}worker.main()\n"
    return subprocess.Popen(
        [sys.executable, "-c", script, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PATH": os.defpath},
    )


def heard(process: subprocess.Popen[bytes], wanted: dict[str, Any]) -> list[dict[str, Any]]:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps(wanted).encode() + b"\n")
    process.stdin.flush()
    lines = [json.loads(line) for line in process.stdout]
    process.stdin.close()
    process.wait(DEADLINE_S)
    return lines


def test_a_worker_without_enough_memory_leaves_no_verdict(tmp_path: Path) -> None:
    said = heard(begun(tmp_path, MEMORY_BYTES_MAX=110 * 1024 * 1024), LONG)
    assert not any("verdict" in each for each in said)
    assert not (tmp_path / RECORDING).exists()


def test_a_worker_without_enough_time_is_ended_by_the_system(tmp_path: Path) -> None:
    process = begun(tmp_path, CPU_S_MAX=2)
    said = heard(process, LONG)
    assert process.returncode in (-24, -9)  # SIGXCPU
    assert not any("verdict" in each for each in said)


def test_a_worker_says_what_is_wrong_with_a_plan(tmp_path: Path) -> None:
    (said,) = heard(begun(tmp_path), {"liars": {"nobody": "twin"}})
    assert "there is no party 'nobody'" in said["refused"]


def test_a_worker_ends_when_nobody_wants_its_answer(tmp_path: Path) -> None:
    process = begun(tmp_path)
    assert process.stdin is not None
    process.stdin.write(json.dumps(LONG).encode() + b"\n")
    process.stdin.close()
    assert process.wait(DEADLINE_S) == 1


def test_a_worker_tells_its_progress_and_leaves_the_recording(tmp_path: Path) -> None:
    said = heard(begun(tmp_path), {"calm": True, "blocks": 20, "nodes": 4, "liars": {}})
    blocks = [each["blocks"] for each in said]
    assert blocks == sorted(blocks) and blocks[-1] == 20 and len(blocks) >= 4
    document = json.loads(gzip.decompress((tmp_path / RECORDING).read_bytes()))
    assert document["verdict"] == said[-1]["verdict"]


def test_a_simulator_that_cannot_be_started_is_told_in_the_log(
    offered: Callable[..., Consortium], caplog: pytest.LogCaptureFixture
) -> None:
    client = offered(command=lambda folder: ("/nowhere/at/all",)).clients["auditor"]
    view = ended(client, begin(client, SMALL)["id"], "failed")
    assert "the node's log says why" in view["detail"]
    assert "a simulation could not be run" in caplog.text


def test_the_struct_that_is_handed_says_where_and_how_long() -> None:
    found: Simulator = worker.offered()
    assert found.seconds_max == 120
    assert set(found.environment) == {"PYTHONPATH", "PATH"}  # no secrets of the node's
