"""CPU of four real nodes for a repayment and its split, and for an ordinary payment, in turns.

Run with ``python -m benchmarks.repayments_on_nodes [loans] [turns]``: a platform, an institution
and two funders on loopback. All of it counts: signing, agreement, execution, storage, HTTP, in all
processes of the nodes. A repayment pays an instalment in full; both splits have three legs.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from ledger import canonical
from ledger.contracts import decode_record
from ledger.contracts.loan_proposals import proposal_hash
from tests.ledger.ledger_kit import HEX
from tests.node.ports_kit import free_ports

PARTIES = ("platform", "institution", "fund-a", "fund-b")
FUNDERS = (("fund-a", 700_000), ("fund-b", 300_000))
TERMS = {
    "principal": 1_200_000,
    "annual_rate_ppm": 120_000,
    "day_count": "30/360",
    "method": "equal-instalment",
    "instalments": 12,
    "disbursed": "2025-10-10",
    "first_due": "2025-11-10",
    "unit": 100,
    "fees": [{"name": "service", "to": "platform", "yearly_ppm": 12_000}],
}
BATCH = 500
SETTLE_S = 1.5


class Nodes:
    """Four nodes, and what is said to them.

    Args:
        folder: Where their homes go.
    """

    def __init__(self, folder: Path) -> None:
        port = free_ports(len(PARTIES))
        roles = "platform,institution,fund-a:funder,fund-b:funder"
        init = ["init", "net", "--parties", roles, "--base-port", str(port)]
        command = [sys.executable, "-m", "cli"]
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
        quiet: dict[str, Any] = {"cwd": folder, "env": env, "stdout": subprocess.DEVNULL}
        subprocess.run([*command, *init], check=True, **quiet)
        self._started = [
            subprocess.Popen([*command, "node", f"net/{party}"], stderr=subprocess.DEVNULL, **quiet)
            for party in PARTIES
        ]
        self._clients = {
            party: httpx.Client(
                base_url=f"http://127.0.0.1:{port + index}",
                headers={
                    "authorization": "Bearer "
                    + (folder / "net" / party / "operator.token").read_text().strip()
                },
                timeout=120,
            )
            for index, party in enumerate(PARTIES)
        }
        self._count = 0
        self._at = time.time_ns() // 1_000_000
        while not all(map(self._is_ready, PARTIES)):
            time.sleep(0.2)

    def _is_ready(self, party: str) -> bool:
        try:
            return self._clients[party].get("/readyz").is_success
        except httpx.TransportError:
            return False

    def close(self) -> None:
        """End the nodes."""
        for process in self._started:
            process.terminate()
        for process in self._started:
            process.wait(20)

    def record(self, type_: str, **fields: Any) -> bytes:
        """Return a record with an id of its own."""
        self._count += 1
        return canonical.encode({"at": self._at, "id": f"r{self._count}", "type": type_, **fields})

    def state(self, party: str, records: list[bytes]) -> None:
        """State records, and let all nodes execute them."""
        for start in range(0, len(records), BATCH):
            body = b"[" + b",".join(records[start : start + BATCH]) + b"]"
            self._clients[party].post("/v1/records", content=body).raise_for_status()
        time.sleep(SETTLE_S)

    def ask(self, path: str, **query: Any) -> Any:
        """Return the platform's answer."""
        return self._clients["platform"].get(path, params=query).raise_for_status().json()

    def cpu(self) -> float:
        """Return the CPU seconds that the processes of the nodes have used."""
        own = [str(process.pid) for process in self._started]
        ps = ["ps", "-o", "pid=", "--ppid", ",".join(own)]
        listed = subprocess.run(ps, capture_output=True, text=True, check=False)
        ticks = 0
        for pid in own + listed.stdout.split():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


def lend(nodes: Nodes, loans: int) -> None:
    """Have loans proposed, accepted and disbursed."""
    own = {"kind": "bank_account", "commitment": HEX, "last4": "0001", "cycle": "T+1"}
    owners = [party for party in PARTIES if party != "institution"]
    receivers = [
        nodes.record(
            "receiver.registered", receiver=f"{party}-main", owner=party, currency="CNY", **own
        )
        for party in owners
    ]
    nodes.state("institution", receivers)
    funders = [{"party": p, "ppm": ppm, "receiver": f"{p}-main"} for p, ppm in FUNDERS]
    whole = {"currency": "CNY", "borrower": HEX, "funders": funders, "terms": TERMS}
    names = [f"L{number}" for number in range(loans)]
    proposed = [
        nodes.record("loan.proposed", loan=name, platform_receiver="platform-main", **whole)
        for name in names
    ]
    nodes.state("platform", proposed)
    hashes = [proposal_hash(decode_record(raw)) for raw in proposed]
    for party, _ in FUNDERS:
        pairs = zip(names, hashes, strict=True)
        accepted = [nodes.record("loan.accepted", loan=n, proposal=h) for n, h in pairs]
        nodes.state(party, accepted)
    paid_out = {"amount": TERMS["principal"], "date": TERMS["disbursed"], "bank_reference": HEX}
    nodes.state("institution", [nodes.record("loan.disbursed", loan=n, **paid_out) for n in names])


def pairs_cpu(nodes: Nodes, loans: int, turn: int, named: bool) -> float:
    """Return the CPU seconds of captures and their splits: of loans, or ordinary ones."""
    month = 10 + turn
    day = f"{2025 + month // 12}-{month % 12 + 1:02}-10"
    at = int(datetime.fromisoformat(f"{day}T10:00:00+08:00").timestamp() * 1000)
    amount = nodes.ask("/v1/loans/L0")["schedule"][turn]["amount"]
    asked = {"amount": amount, "date": day}
    legs = nodes.ask("/v1/loans/L0/allocation", **asked)["legs"] if named else _LEGS
    whole: dict[str, Any] = {"amount": amount, "currency": "CNY"}
    captures, splits = [], []
    for number in range(loans):
        loan = {"loan": f"L{number}", "attempt": f"A{turn}"} if named else {}
        payment = f"P-{turn}-{named}-{number}"
        both = {"payment": payment, "order": payment, **whole, **loan}
        captures.append(nodes.record("payment.captured", channel="bank", captured_at=at, **both))
        splits.append(nodes.record("split.instructed", mode="fixed", legs=legs, **both))
    if named:
        _LEGS[:] = legs
    before = nodes.cpu()
    nodes.state("institution", captures)
    nodes.state("platform", splits)
    return nodes.cpu() - before


_LEGS: list[Any] = []
"""The legs of the repayment before: the ordinary payment has the same."""


def main(loans: int = 800, turns: int = 5) -> None:
    """Print what each costs over all nodes, and the ratio."""
    with TemporaryDirectory() as folder:
        nodes = Nodes(Path(folder))
        try:
            lend(nodes, loans)
            ratios = []
            for turn in range(turns):
                repaid = pairs_cpu(nodes, loans, turn, named=True)
                ordinary = pairs_cpu(nodes, loans, turn, named=False)
                ratios.append(repaid / ordinary)
                print(
                    f"turn {turn + 1}: ordinary {ordinary / loans * 1e6:.0f} µs, repayment "
                    f"{repaid / loans * 1e6:.0f} µs of CPU over {len(PARTIES)} nodes"
                )
            print(f"median ratio {statistics.median(ratios):.2f} of {loans} pairs a turn")
        finally:
            nodes.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
