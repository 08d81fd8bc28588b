"""Seconds until a node with a long log answers, and what checking all of it beside the node costs.

Run with ``python -m benchmarks.starts PAYMENTS [FOLDER] [--plain]``. The log holds one generated
day of the business, about 3.4 entries a payment: 295,000 payments make a million entries. It is
made in this process, of real batches, blocks and certificates, four homes with a copy each, and
left in the folder, if one is named. With ``--plain`` it holds captures and instructions of three
legs, two entries a payment: it may be longer than a day in memory can be, and no check is awaited.

The auditor's node is started twice until it answers (of a new log the first start finds no mark,
and checks the whole log), and the second one until its check has ended. Then all four nodes are
started side by side; how many captures a second become final while they all check, and how many
afterwards, is what a check costs. At last all four are killed and started again, several times: how
long it takes until a record, sent again and again from the first moment, is final.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from cli.bench.load import captures
from cli.client import NDJSON
from demo.stage.processes import NodeProcess, stop_all
from node.home.home import DATABASE, read_address, read_operator_token
from tests.node.database_kit import ROLES, found_filled

POLL_S = 0.05
CAPTURES = 20_000
WARM_UP, RUNS = 1, 5
CYCLES = 5
APPLIED = '"outcome":"applied"'
FINAL = '"state":"final","definite":true,"existing":false'
CYCLE_MAX_S = 60.0
ENDED = {"clean", "damaged", "failed"}
_TICKS = os.sysconf("SC_CLK_TCK")


def nodes_in(folder: Path, payments: int, *, plain: bool) -> list[NodeProcess]:
    """Return nodes whose ledger holds a generated day; make them, unless they are there."""
    if not folder.exists():
        return found_filled(folder, payments, plain=plain)
    homes = [folder / party for party, _ in ROLES]
    return [
        NodeProcess(home.name, home, read_address(home), read_operator_token(home))
        for home in homes
    ]


def processor_s(pid: int) -> float:
    """Return the processor time that a process has taken, its ended children not counted."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(stat[11]) + int(stat[12])) / _TICKS


def checking_pid(pid: int) -> int:
    """Return the process that checks beside a node: the first of its children; 0 without one."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return int(found[0]) if found else 0


def ask(node: NodeProcess, path: str) -> dict[str, Any] | None:
    """Return a node's answer; None if it does not answer yet."""
    headers = {"authorization": f"Bearer {node.token}"}
    try:
        found: dict[str, Any] = httpx.get(
            node.url + path, headers=headers, trust_env=False, timeout=60
        ).json()
    except httpx.TransportError:
        return None
    return found


def until(nodes: list[NodeProcess], claim: Callable[[NodeProcess], bool]) -> float:
    """Return how many seconds it takes until a claim is true of every node."""
    began = time.perf_counter()
    for node in nodes:
        while not claim(node):
            node.refuse_dead()
            time.sleep(POLL_S)
    return time.perf_counter() - began


def start(nodes: list[NodeProcess]) -> tuple[float, float]:
    """Start nodes; return the seconds until all answer, and what the slowest has computed."""
    for node in nodes:
        node.start()
    taken = until(nodes, lambda node: ask(node, "/livez") is not None)
    return taken, max(processor_s(node.pid) for node in nodes)


def state_of(node: NodeProcess) -> str:
    """Return the state of a node's check; empty if it does not answer."""
    status = ask(node, "/v1/status")
    return "" if status is None else str(status["check"]["state"])


def rate(node: NodeProcess) -> float:
    """Return how many captures a second become final, sent as one list."""
    first = (ask(node, "/v1/status") or {})["size"]  # no payment of an earlier run
    body = b"\n".join(captures(first, CAPTURES))
    headers = {"authorization": f"Bearer {node.token}", "content-type": NDJSON}
    began = time.perf_counter()
    answer = httpx.post(
        f"{node.url}/v1/records", content=body, headers=headers, trust_env=False, timeout=300
    )
    taken = time.perf_counter() - began
    counts = {answer.text.count(each) for each in (FINAL, APPLIED)}
    if answer.status_code != 200 or counts != {CAPTURES}:
        raise SystemExit(answer.text[:500])
    return CAPTURES / taken


def power_cycle(nodes: list[NodeProcess]) -> float:
    """Kill all nodes and start them again; return the seconds to the first final record."""
    one = nodes[1]
    (record,) = captures((ask(one, "/v1/status") or {})["size"], 1)
    headers = {"authorization": f"Bearer {one.token}", "content-type": "application/json"}
    for node in nodes:
        node.kill()
    began = time.perf_counter()
    for node in nodes:
        node.start()
    while time.perf_counter() - began < CYCLE_MAX_S:
        try:
            answer = httpx.post(
                f"{one.url}/v1/records", content=record, headers=headers, trust_env=False
            )
        except httpx.TransportError:
            one.refuse_dead()
            time.sleep(POLL_S)
            continue
        if answer.status_code == 200 and answer.json()["state"] == "final":
            return time.perf_counter() - began
        time.sleep(POLL_S)
    raise SystemExit(f"no record became final within {CYCLE_MAX_S:.0f} s of a power cycle")


def check(node: NodeProcess) -> tuple[float, float]:
    """Return the seconds that the check beside a node takes, and what its process computes."""
    pid, computed = checking_pid(node.pid), 0.0

    def has_ended(node: NodeProcess) -> bool:
        nonlocal computed
        computed = max(computed, processor_s(pid))
        return state_of(node) in ENDED

    return until([node], has_ended), computed


def told_size(node: NodeProcess, entries: int) -> None:
    """Print what the database takes, for each byte of a record, too."""
    database = sqlite3.connect(node.home / DATABASE)
    (raw,) = database.execute("SELECT SUM(LENGTH(leaf)) FROM entries").fetchone()
    database.close()
    size = sum(each.stat().st_size for each in node.home.glob(f"{DATABASE}*"))
    print(
        f"database: {size / 1e6:,.0f} MB, {size / entries:,.0f} bytes an entry, "
        f"{size / raw:.1f} for each of its bytes"
    )


def told_memory(when: str, nodes: list[NodeProcess]) -> None:
    """Print the resident memory of the largest node's own process."""
    print(f"memory {when}: {max(node.memory_bytes() for node in nodes) / 1e6:,.0f} MB")


def measure(payments: int, folder: Path, *, plain: bool) -> None:
    """Make the ledger, unless it is there, and print what is measured."""
    nodes = nodes_in(folder, payments, plain=plain)
    one = nodes[-1]
    try:
        for what in ("first start", "second start"):
            print(f"{what}: {_told(*start([one]))}")
            if what == "second start":
                if not plain:
                    print(f"check beside the node: {_told(*check(one))}")
                status = ask(one, "/v1/status") or {}
                print(f"{status['size']:,} entries in {status['height']:,} blocks")
                print(f"check: {status['check']}")
                told_size(one, status["size"])
                told_memory("then", [one])
            one.kill()
        stop_all(nodes)
        print(f"four nodes side by side: {_told(*start(nodes))}")
        until(nodes, lambda node: (ask(node, "/readyz") or {}).get("ready") is True)
        beside = [rate(nodes[1]) for _ in range(WARM_UP + RUNS)][WARM_UP:]
        checking = [state_of(node) for node in nodes]
        print(f"captures a second: {median(beside):,.0f} while nodes check, now {checking}")
        if not plain:
            until(nodes, lambda node: state_of(node) in ENDED)
            alone = [rate(nodes[1]) for _ in range(RUNS)]
            print(f"captures a second: {median(alone):,.0f} after that")
        told_memory("after all captures", nodes)
        cycles = sorted(power_cycle(nodes) for _ in range(CYCLES))
        told = ", ".join(f"{each:.1f}" for each in cycles)
        print(f"all four killed and started, to the first final record: {told} s")
    finally:
        stop_all(nodes)
    print(f"load {os.getloadavg()[0]:.1f}")


def _told(seconds: float, computed: float) -> str:
    return f"{seconds:.1f} s, {computed:.1f} s of processor time"


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--plain"]
    is_plain = "--plain" in sys.argv
    if len(words) > 1:
        measure(int(words[0]), Path(words[1]), plain=is_plain)
    else:
        with TemporaryDirectory() as made:
            measure(int(words[0]), Path(made) / "net", plain=is_plain)
