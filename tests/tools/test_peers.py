"""``python -m benchmarks.peers``: the same records for all, honest figures, nothing left behind."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.peers.__main__ import SYSTEMS, document
from benchmarks.peers.built import PYSYNCOBJ, Tools, default_cache
from benchmarks.peers.comet import TUNING, SignedCometBFT
from benchmarks.peers.programs import usage
from benchmarks.peers.rounds import SMALL, Sizes, medians, ratios
from benchmarks.peers.stream import Stream
from benchmarks.peers.table import lines
from cli.bench.latency import latencies
from demo.stage.processes import free_ports

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ("1", "64", "256")
START_S = 120


def peers(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.peers", *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


# -- the stream ---------------------------------------------------------------------------------


@settings(max_examples=20)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=4))
def test_every_system_gets_the_same_records_and_none_twice(halves: list[int]) -> None:
    one, other = Stream(), Stream()
    seen = [each.id for each in one.first()]
    assert one.first() == other.first()
    for half in halves:
        captured, instructed = found = one.bulk(2 * half)
        assert found == other.bulk(2 * half)
        assert len(captured) == len(instructed) == half
        payments = [[json.loads(each.raw)["payment"] for each in kind] for kind in found]
        assert payments[0] == payments[1]
        ways = one.endless()
        assert ways[0] is not other.endless()[0]
        seen += [each.id for each in (*captured, *instructed)]
        seen += [next(way).id for way in ways for _ in range(300)]
    assert len(seen) == len(set(seen))


# -- figures ------------------------------------------------------------------------------------


def measured(rate: float, ms: float, cpu: float = 100.0) -> dict[str, Any]:
    """Return a round as it is measured."""
    waiting = {
        "records_per_s": rate,
        "latency_ms": latencies([ms] * 100),
        "cpu_us": cpu,
        "driver_cpu_us": 1.0,
        "written_per_record": 7,
    }
    bulk = {
        "records": 100,
        "records_per_s": 10 * rate,
        "cpu_us": cpu,
        "driver_cpu_us": 1.0,
        "written_per_byte": 2.5,
    }
    return {"bulk": bulk, "waiting": dict.fromkeys(CLIENTS, waiting), "memory_mb": 50.0}


RATES = st.lists(st.floats(1, 99_999), min_size=1, max_size=7)


@given(RATES)
def test_a_median_is_what_one_of_the_rounds_was_and_as_many_were_less_as_more(
    rates: list[float],
) -> None:
    found = medians([measured(rate, 5.0) for rate in rates])
    assert found.keys() == measured(1, 1).keys()
    middle = found["waiting"]["64"]["records_per_s"]
    rounded = [round(rate, 2) for rate in rates]
    assert middle in rounded
    assert sum(rate < middle for rate in rounded) <= len(rates) / 2
    assert sum(rate > middle for rate in rounded) <= len(rates) / 2
    assert found["waiting"]["1"]["latency_ms"]["count"] == 100
    assert found["bulk"]["records"] == 100


@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 5))
def test_a_ratio_above_one_says_that_ours_is_better(a: int, b: int, rounds: int) -> None:
    ours = [measured(100 * a, 10 * b, 10 * b)] * rounds
    theirs = [measured(100 * b, 10 * a, 10 * a)] * rounds
    found, turned = ratios(ours, theirs), ratios(theirs, ours)
    better = [found["bulk"], found["bulk_cpu"]]
    for clients in CLIENTS:
        better += found["waiting"][clients].values()
    assert better == [pytest.approx(a / b, abs=0.01)] * len(better)
    assert turned["bulk"] == pytest.approx(b / a, abs=0.01)


def test_a_ratio_is_taken_in_each_round_so_that_a_slow_hour_counts_for_both() -> None:
    speeds = (1.0, 10.0, 3.0)
    ours = [measured(200 * speed, 5.0) for speed in speeds]
    theirs = [measured(100 * speed, 5.0) for speed in speeds]
    assert ratios(ours, theirs)["bulk"] == 2


def test_what_processes_use_is_counted_with_their_children() -> None:
    script = (
        "import os,sys; a=bytearray(5 << 20); sum(range(20_000_000)); print(flush=True); input()"
    )
    started = f"import subprocess,sys; subprocess.run([sys.executable, '-c', {script!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", started], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout
        parent.stdout.readline()
        used, alone = usage([parent.pid]), usage([os.getpid()])
        parent.communicate(b"\n")
    assert used.cpu_s > 0.05
    assert used.memory > 15 << 20
    assert alone.memory > 15 << 20
    assert usage([parent.pid]) == (0, 0, 0)


# -- the table ----------------------------------------------------------------------------------


def told(names: tuple[str, ...] = tuple(SYSTEMS)) -> Mapping[str, Any]:
    rounds = [measured(99_999.9, 9999.9, 49_999.0), measured(1.0, 0.1), measured(12_345, 99.0)]
    return document(dict.fromkeys(names, rounds), Sizes(3, 20_000, 8))


def test_the_table_fits_80_columns_and_says_what_is_not_comparable() -> None:
    shown = list(lines(told()))
    assert all(len(line) <= 80 for line in shown), max(shown, key=len)
    text = "\n".join(shown)
    for name, kind in SYSTEMS.items():
        assert re.search(rf"^{name} +{kind.nodes} ", text, re.MULTILINE)
        assert (f"to {name} " in text) is (name != "tongzhang")
        assert f"{name}: {kind.title}" in text
        for said in kind.nature:
            assert said.split()[-1] in text
    assert text.count("  syncs: ") == len(SYSTEMS)


def test_without_ours_there_are_no_ratios() -> None:
    found = told(("etcd", "pysyncobj"))
    assert not any("ratio" in each for each in found["systems"].values())
    assert "how many times better" not in "\n".join(lines(found))
    json.dumps(found)


def test_nothing_is_tuned_that_takes_a_sync_away() -> None:
    """CometBFT has two such settings: its log of consensus, and the store behind it."""
    assert not [
        name for name in TUNING if "WAL" in name or "SYNC" in name.removeprefix("BLOCKSYNC")
    ]
    assert TUNING["DB_BACKEND"] == "goleveldb"  # memdb would keep nothing
    source = (ROOT / "benchmarks" / "peers" / "etcd.py").read_text()
    assert "unsafe-no-fsync" not in source


# -- the command --------------------------------------------------------------------------------


def test_the_help_names_every_system_in_80_columns() -> None:
    said = peers("--help", COLUMNS="80").stdout
    assert all(len(line) <= 80 for line in said.splitlines())
    assert all(name in said for name in SYSTEMS)


@pytest.mark.parametrize(
    "words",
    [
        ("--only", "nothing"),
        ("--rounds", "0"),
        ("--records", "200001"),
        ("--records", "many"),
        ("--seconds", "121"),
    ],
    ids=" ".join,
)
def test_sizes_are_bounded(words: tuple[str, str]) -> None:
    done = peers(*words)
    assert done.returncode == 2
    assert words[0] in done.stderr


@pytest.mark.parametrize("name", ["cometbft", "etcd"])
def test_without_go_it_is_said_what_to_install(name: str, tmp_path: Path) -> None:
    done = peers("--small", "--only", name, "--cache", str(tmp_path / "cache"), PATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("error: no-go: ")
    assert "apt-get install golang-go" in done.stderr
    assert "--only" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_built_is_said_with_the_reason(tmp_path: Path) -> None:
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho this module is nowhere >&2\nexit 1\n")
    go.chmod(0o755)
    cache = str(tmp_path / "cache")
    done = peers(
        "--small", "--only", "etcd", "--cache", cache, PATH=f"{tmp_path}:{os.environ['PATH']}"
    )
    assert done.returncode == 1
    assert "error: not-built: " in done.stderr
    assert "this module is nowhere" in done.stderr


def present(name: str) -> bool:
    """Return whether a system can be run without building anything."""
    place = {
        "comet": "bin/comet-*",
        "etcd": "bin/etcd-*",
        "pysyncobj": PYSYNCOBJ.replace("==", "-") + "/done",
    }
    return name not in place or any(default_cache().glob(place[name]))


@pytest.mark.processes
@pytest.mark.parametrize("name", ["tongzhang", "etcd", "pysyncobj"])
def test_a_system_is_started_measured_and_stopped(name: str, tmp_path: Path) -> None:
    if not present(name):
        pytest.skip(f"{name} was not built here: python -m benchmarks.peers --small --only {name}")
    file, folder = tmp_path / "found.json", tmp_path / "temporary"
    folder.mkdir()
    done = peers("--small", "--only", name, "--json", str(file), TMPDIR=str(folder))
    assert done.returncode == 0, done.stderr
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    found = json.loads(file.read_text())
    assert found.keys() == {"machine", "sizes", "systems"}
    (measured_one,) = found["systems"][name]["rounds"]
    assert measured_one["bulk"]["records"] == SMALL.records
    assert measured_one["bulk"]["records_per_s"] > 0
    assert measured_one["bulk"]["written_per_byte"] >= 1  # every node wrote every record
    assert measured_one["memory_mb"] > 10
    assert measured_one["waiting"].keys() == set(map(str, SMALL.clients))
    for waiting in measured_one["waiting"].values():
        times = waiting["latency_ms"]
        assert times["count"] > 0
        assert 0 < times["p50"] <= times["p99"] <= times["max"]
    assert list(folder.iterdir()) == []
    assert running_in(folder) == []


SYNCED = """
import sys
sys.path.append(sys.argv[1])
import pysyncobj_node as node

sent = {node.SyncedJournal: 0, node.SyncedTransport: 0}
flush, send = node.SyncedJournal.flush, node.TCPTransport.send

def flushed(journal):
    sent[node.SyncedJournal] += 1
    flush(journal)

def checked(transport, to, message):
    assert not transport.journal.dirty, message
    sent[node.SyncedTransport] += 1
    return send(transport, to, message)

node.SyncedJournal.flush, node.TCPTransport.send = flushed, checked
folder, *ports = sys.argv[2:]
places = [f"127.0.0.1:{port}" for port in ports]
nodes = [
    node.Records(f"{folder}/{at}", at, [each for each in places if each != at]) for at in places
]
assert len({id(each._SyncObj__transport.journal) for each in nodes}) == 3
asked = 0
while min(len(each.kept) for each in nodes) < 20:
    if asked < 20 and nodes[0]._getLeader() is not None:
        nodes[asked % 3].put([b"record %d" % asked])
        asked += 1
    for each in nodes:
        each.doTick(0.001)
print(*sent.values())
"""


@pytest.mark.processes
def test_a_node_of_pysyncobj_says_nothing_before_its_journal_is_synced(tmp_path: Path) -> None:
    if not present("pysyncobj"):
        pytest.skip("PySyncObj was not installed here")
    python = default_cache() / PYSYNCOBJ.replace("==", "-") / "bin" / "python"
    ports = [str(port) for port in free_ports(3)]
    done = subprocess.run(
        [python, "-c", SYNCED, str(ROOT / "benchmarks" / "peers"), str(tmp_path), *ports],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    syncs, sends = map(int, done.stdout.split())
    assert syncs >= 20  # an entry a tick: each of them on three disks, some together
    assert sends >= syncs


@pytest.mark.processes
def test_a_signature_that_is_not_of_its_transaction_is_refused(tmp_path: Path) -> None:
    if not present("comet"):
        pytest.skip("CometBFT was not built here")

    async def played() -> list[int]:
        system = SignedCometBFT(tmp_path, Tools(default_cache(), print))
        try:
            await system.start()
            record, other = Stream().first()[:2]
            good = b64decode(system.transaction(record))
            wrong = good[:96] + b64decode(system.transaction(other))[96:]
            return [await system.code(tx) for tx in (good, wrong, good[:96], good[96:])]
        finally:
            await system.stop()

    assert asyncio.run(played()) == [0, 1, 1, 1]


@pytest.mark.processes
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_when_it_is_interrupted_everything_is_stopped_and_gone(
    end: signal.Signals, tmp_path: Path
) -> None:
    with playing(tmp_path) as process:
        process.send_signal(end)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + end
    assert said.splitlines()[-1] == "interrupted; everything is stopped"
    assert list(tmp_path.iterdir()) == []
    assert running_in(tmp_path) == []


@pytest.mark.processes
def test_when_it_is_killed_its_processes_end(tmp_path: Path) -> None:
    with playing(tmp_path) as process:
        process.kill()
    deadline = time.monotonic() + START_S
    while running_in(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert running_in(tmp_path) == []


@contextmanager
def playing(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Give the command when its nodes run."""
    command = [sys.executable, "-m", "benchmarks.peers", "--small", "--only", "tongzhang"]
    environment = {**os.environ, "TMPDIR": str(folder)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + START_S
        while len(running_in(folder)) < 4 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(running_in(folder)) >= 4
        yield process


def running_in(folder: Path) -> list[int]:
    """Return the processes that were started with something in a folder."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                if str(folder).encode() in (place / "cmdline").read_bytes():
                    found.append(int(place.name))
            except OSError:
                continue
    return found
