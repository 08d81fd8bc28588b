"""The worked example of docs/bytes.md: a tiny ledger from fixed keys, and the files that show it.

``python -m tools.bytes_example`` (from the repository's root) writes ``docs/bytes/`` and the
outputs in ``docs/bytes.md`` again after a change of the formats or of a contract's rows; the
difference is to be reviewed like code.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from consensus.evidence import of_votes
from consensus.evidence_file import encode_file
from consensus.messages import WantRange, encode
from consensus.votes import checkpoint_for, final_subject, notar_subject, sign_vote, skip_subject
from ledger import batch as batches
from ledger import canonical, domains
from ledger.block import Block, BlockHeader, Tip, batch_hashes, encode_header, genesis_tip, tip_of
from ledger.execute import Execution, execute
from ledger.genesis import Genesis, Member, Role, found
from ledger.keys import Signer
from ledger.log.checkpoint import Cosignature, cosigner_name, signed_checkpoint
from ledger.log.merkle import Frontier, path_of
from ledger.log.policy import policy_text
from ledger.log.receipt import build_receipt
from ledger.log_lines import encode_block, encode_checkpoint
from ledger.state import EmptyView, Overlay, change_list
from node.peers.handshake import Opening, transcript

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "bytes.md"
FOLDER = ROOT / "docs" / "bytes"
FENCE = re.compile(r"^```([a-z]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLE = re.compile(r"^```bash\n(.*?)^```\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CREATED_AT = 1_767_225_600_000  # 2026-01-01T00:00:00Z
MORNING = 1_767_578_400_000  # Monday 2026-01-05, 10:00 at UTC+8
PARTIES: tuple[Role, ...] = ("platform", "institution", "funder", "auditor")
QUORUM = 3
SIGNERS: dict[str, Signer] = {
    name: Signer(sha256(f"docs key of {name}".encode()).digest()) for name in PARTIES
}
VOTERS = ("auditor", "funder", "institution")  # a quorum, in the order of a certificate


def make_genesis() -> Genesis:
    """Return the founding document of the example: four parties, one a role."""
    members = tuple(
        Member(key=b64encode(SIGNERS[name].public_key).decode(), name=name, role=name)
        for name in PARTIES
    )
    return found("example", members, QUORUM, CREATED_AT)


def record(id_: str, type_: str, **fields: object) -> bytes:
    """Return the canonical bytes of a record of the example's morning."""
    return canonical.encode({"at": MORNING, "id": id_, "type": type_, **fields})


REGISTERED = record(
    "reg-1",
    "receiver.registered",
    receiver="shop-1",
    kind="bank_account",
    commitment=domains.account_commitment(bytes(16), "6222020200001234").hex(),
    last4="1234",
    cycle="T+0",
    currency="CNY",
)
CAPTURED = record(
    "cap-1",
    "payment.captured",
    payment="pay-1",
    order="order-1",
    amount=10_000,
    currency="CNY",
    channel="wechat",
    captured_at=MORNING,
)
INSTRUCTED = record(
    "ins-1",
    "split.instructed",
    payment="pay-1",
    order="order-1",
    amount=10_000,
    currency="CNY",
    mode="fixed",
    legs=[{"leg": 1, "receiver": "shop-1", "purpose": "goods", "amount": 10_000}],
)


class Example:
    """Two blocks: the institution's half of a payment, then the platform's."""

    def __init__(self) -> None:
        self.genesis = make_genesis()
        self.tip: Tip = genesis_tip(self.genesis)
        self.frontier = Frontier()
        self.state = Overlay(EmptyView())
        self.blocks: list[tuple[Block, Execution]] = []
        self._grow("institution", [REGISTERED, CAPTURED], slot=1)
        self._grow("platform", [INSTRUCTED], slot=2)

    def _grow(self, party: str, records: list[bytes], slot: int) -> None:
        genesis, time_ms = self.genesis, MORNING + 1000 * slot
        head = (0, domains.ZERO_HASH)
        sealed = [batches.seal(SIGNERS[party], genesis.ledger, party, head, records)]
        done = execute(genesis, self.tip, self.frontier, self.state, time_ms, sealed)
        proposer = genesis.names[slot % len(PARTIES)]
        header = BlockHeader(
            batches=batch_hashes(sealed),
            height=self.tip.height + 1,
            ledger=genesis.ledger,
            parent=self.tip.hash.hex(),
            proposer=proposer,
            root=done.root.hex(),
            size=done.size,
            slot=slot,
            state=done.state.hex(),
            time=time_ms,
        )
        raw = encode_header(header)
        signature = SIGNERS[proposer].sign(domains.proposal_signature_input(raw))
        block = Block(raw, signature, tuple(sealed))
        self.blocks.append((block, done))
        self.state.merge(done.changes)
        self.tip, self.frontier = tip_of(block), done.frontier.copy()

    def checkpoint(self) -> str:
        """Return the checkpoint of the second block as the auditor's node serves it."""
        genesis, seconds = self.genesis, self.tip.time // 1000
        subject = final_subject(self.tip)
        cosignatures = []
        for voter in VOTERS:
            vote = sign_vote(subject, SIGNERS[voter], voter, seconds, genesis)
            name = cosigner_name(genesis.origin, voter)
            key = SIGNERS[voter].public_key
            cosignatures.append(Cosignature(name, key, vote.time, vote.signature))
        point = checkpoint_for(subject, genesis.origin)
        return signed_checkpoint(point, SIGNERS["auditor"], cosignatures)

    def receipt(self) -> str:
        """Return the receipt of the capture, entry 1."""
        leaf_hashes = [leaf for _, done in self.blocks for leaf in done.leaf_hashes]
        block, done = self.blocks[0]
        proof = (1, path_of(leaf_hashes, 1))
        return build_receipt(done.leaves[1], 1, block.batches[0], proof, self.checkpoint())

    def export(self) -> bytes:
        """Return the whole log as it is exported: a line a block, then the checkpoint."""
        lines = [encode_block(block, done.leaves) for block, done in self.blocks]
        return b"".join(line + b"\n" for line in [*lines, encode_checkpoint(self.checkpoint())])


def files() -> dict[str, bytes]:
    """Return the content of every file of the example by name."""
    example = Example()
    genesis, (block, done) = example.genesis, example.blocks[0]
    batch = block.batches[0]
    notar = {"block": block.hash.hex(), "kind": "notar", "ledger": genesis.ledger, "slot": 1}
    vote = sign_vote(notar_subject(1, block.hash), SIGNERS["funder"], "funder", 0, genesis)
    skip = sign_vote(skip_subject(1), SIGNERS["funder"], "funder", 0, genesis)
    final = sign_vote(final_subject(tip_of(block)), SIGNERS["funder"], "funder", 0, genesis)
    covered = {
        "changes": change_list(done.changes),
        "outcomes": [entry.outcome for entry in done.entries],
    }
    lie = of_votes(skip, final)
    assert lie is not None
    opening = Opening("platform", "institution", "11" * 32, "22" * 32)
    keys = {member.name: member.public_key for member in genesis.members}
    return {
        "genesis.json": genesis.raw,
        "record.json": CAPTURED,
        "batch.json": batch.raw_header,
        "batch.sig": batch.signature,
        "entry-0.json": done.leaves[0],
        "entry-1.json": done.leaves[1],
        "changes.json": canonical.encode(covered),
        "block-1.json": block.raw_header,
        "block-1.sig": block.signature,
        "block-2.json": example.blocks[1][0].raw_header,
        "notar.json": canonical.encode(notar),
        "notar.sig": vote.signature,
        "notar.msgpack": encode(vote),
        "want-range.msgpack": encode(WantRange(7)),
        "evidence.msgpack": encode(lie),
        "evidence.json": encode_file(lie, genesis),
        "handshake.json": transcript(genesis.ledger, opening, "acceptor"),
        "checkpoint.txt": example.checkpoint().encode(),
        "policy.txt": policy_text(genesis.origin, keys, genesis.quorum).encode(),
        "cap-1.tlog-proof": example.receipt().encode(),
        "log.ndjson": example.export(),
    }


def shell_in(folder: Path) -> dict[str, str]:
    """Return an environment in which ``tongzhang`` and ``python3`` are those at hand.

    Args:
        folder: Where the two scripts are written.
    """
    for name, arguments in (("tongzhang", "-P -m cli"), ("python3", "")):
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        script.chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}


def run(command: str, shell: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of a document."""
    return subprocess.run(
        ["bash", "-eu", "-c", command], cwd=folder, env=shell, capture_output=True, text=True
    )


def main() -> None:
    """Write the files and the outputs of the page again."""
    page = PAGE.read_text("utf-8")
    FOLDER.mkdir(exist_ok=True)
    for name, content in files().items():
        file = FOLDER / name
        if name.endswith(".json") and file.exists():
            page = page.replace(file.read_text("utf-8"), content.decode())
        file.write_bytes(content)
    with TemporaryDirectory() as folder:
        shell = shell_in(Path(folder))
        for example in EXAMPLE.finditer(page):
            output = run(example[1], shell, FOLDER).stdout
            page = page.replace(example[0], example[0].replace(example[2], output))
    PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
