"""Four parties found a consortium by the commands of docs/operations.md, as they stand there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.node.ports_kit import free_ports
from tools.bytes_example import FENCE, ROOT, run, shell_in

PARTIES = ("platform", "institution", "funder", "auditor")
PAGE = ROOT / "docs" / "operations.md"

CAPTURE = {
    "at": 1_767_578_400_000,
    "id": "cap-1",
    "type": "payment.captured",
    "payment": "pay-1",
    "order": "order-1",
    "amount": 10_000,
    "currency": "CNY",
    "channel": "wechat",
    "captured_at": 1_767_578_400_000,
}


def ceremony(first_port: int) -> str:
    """Return the commands of the document, with hosts and ports that this machine has."""
    text = PAGE.read_text("utf-8")
    script = "\n".join(body for language, body in FENCE.findall(text) if language == "bash")
    for place in range(len(PARTIES)):
        there, here = f"10.0.0.{5 + place}:{8800 + place}", f"127.0.0.1:{first_port + place}"
        assert there in script
        script = script.replace(f"--address {there}", f"--address {here} --listen {here}")
    return script


@pytest.mark.processes
def test_the_founding_of_the_document_leads_to_a_final_record(tmp_path: Path) -> None:
    shell = shell_in(tmp_path)
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "captured.json").write_text(json.dumps(CAPTURE))
    script = ceremony(free_ports(len(PARTIES)))
    submit = "tongzhang submit captured.json --home institution\n" + "\n".join(
        f"tongzhang payment pay-1 --home {party}" for party in PARTIES
    )
    stop = "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"
    ran = run(f"{stop}\n{script}\n{submit}", shell, folder)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "signed by all parties" in ran.stdout
    assert ran.stdout.count("payment pay-1: captured") == len(PARTIES)
    assert "某某商城有限公司, 91350100M000100Y43" in ran.stdout
    keys = {(folder / party / "key.pem").read_bytes() for party in PARTIES}
    assert len(keys) == len(PARTIES)
    genesis = {(folder / party / "genesis.json").read_bytes() for party in PARTIES}
    assert genesis == {(folder / "genesis.json").read_bytes()}
    for party in PARTIES:
        modes = [each.stat().st_mode & 0o077 for each in (folder / party).iterdir()]
        assert not any(modes), "what a founding writes is its owner's alone"
