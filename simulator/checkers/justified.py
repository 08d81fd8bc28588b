"""I3: every final block is justified back to genesis.

A second account of what the replica checks, written from the protocol and simple on purpose: no
code is shared with it but the decoders and the keys.
"""

from __future__ import annotations

import json
from base64 import b64encode

from consensus.messages import decode_certificate, decode_justification
from consensus.votes import Certificate
from ledger.block import Block
from ledger.errors import VerificationError
from node.storage.held import FinalBlock
from simulator.checkers.checker import Checker
from simulator.checkers.scene import HealedScene, Watched


class Justified(Checker):
    """Follows each machine's chain, block by block, and proves every step of it."""

    invariant = "I3"
    world: HealedScene

    def __init__(self, world: HealedScene) -> None:
        super().__init__(world)
        self._genesis = world.genesis
        self._names = tuple(world.genesis.voters)
        self._slots: dict[bytes, int] = {world.genesis.hash: 0}
        self._checkpoints: dict[bytes, str] = {}
        self._last: dict[str, bytes] = {}
        self._uncertified: dict[str, int] = {}
        self._proved: set[tuple[bytes, bytes]] = set()

    def on_start(self, process: Watched) -> None:
        """Go on from what the disk holds, which must have been proved before."""
        if process.store is None or not self.is_honest(process):
            return
        tip = process.store.tip()
        if tip.hash not in self._slots:
            self.broken(f"{process.name} starts at block {tip.height}, which nobody has proved")
        self._last[process.name] = tip.hash
        if self._uncertified.get(process.name, 0) > tip.height:
            del self._uncertified[process.name]

    def on_final(self, process: Watched, final: FinalBlock) -> None:
        """Prove a block: chain, leader, justification, and certificate if it has its own."""
        block = final.block
        if not self.is_honest(process):
            return
        certificate, justification = final.certificate, final.justification
        if block.parent != self._last.get(process.name, self._genesis.hash):
            self.broken(f"{_name(process, block)} does not follow the block before")
        self._last[process.name] = block.hash
        if (block.hash, justification) not in self._proved:
            self._prove_place(process, block, decode_justification(justification))
            self._proved.add((block.hash, justification))
        if certificate is None:
            self._uncertified.setdefault(process.name, block.height)
            return
        self._uncertified.pop(process.name, None)
        if (block.hash, certificate) not in self._proved:
            self._prove_quorum(_name(process, block), decode_certificate(certificate), block.hash)
            self._proved.add((block.hash, certificate))

    def finish(self) -> None:
        """In the end a certificate stands above every block."""
        for process in self.world.honest():
            height = self._uncertified.get(process.name)
            if process.store is not None and height is not None and self.world.settled:
                self.broken(f"no certificate makes block {height} final on {process.name}")

    def _prove_place(
        self, process: Watched, block: Block, certificates: tuple[Certificate, ...]
    ) -> None:
        header, name = block.header, _name(process, block)
        leader = self._names[header.slot % len(self._names)]
        message = b"tongzhang/proposal/v1\n" + block.raw_header
        if header.proposer != leader or not self._signed(leader, block.signature, message):
            self.broken(f"{name} is not signed by {leader}, the leader of slot {header.slot}")
        before = self._slots.get(block.parent)
        if before is None or before >= header.slot:
            self.broken(f"{name} has no proved parent in an earlier slot")
        self._slots[block.hash] = header.slot
        self._checkpoints[block.hash] = _checkpoint(self._genesis.origin, block)
        left = {("skip", slot, b"") for slot in range(before + 1, header.slot)}
        if before:
            left.add(("notar", before, block.parent))
        for certificate in certificates:
            said = certificate.subject
            # A Final certificate of the parent says more than a Notar certificate.
            left.discard(("notar" if said.kind == "final" else said.kind, said.slot, said.block))
            self._prove_quorum(name, certificate, said.block)
        if left:
            lacking = min(left)
            self.broken(f"{name} lacks a {lacking[0]} certificate of slot {lacking[1]}")

    def _prove_quorum(self, name: str, certificate: Certificate, block: bytes) -> None:
        """Prove that a quorum of different voters signed the very same about ``block``."""
        subject = certificate.subject
        what = f"the {subject.kind} certificate of slot {subject.slot} for {name}"
        voters = {vote.voter for vote in certificate.votes} & set(self._names)
        if len(voters) < self._genesis.quorum:
            self.broken(f"{what} has {len(voters)} voters, not {self._genesis.quorum}")
        if subject.kind == "final":
            text = self._checkpoints.get(block, "")
            said = [f"cosignature/v1\ntime {v.time}\n{text}".encode() for v in certificate.votes]
        else:
            text = _vote(subject.kind, subject.slot, block, self._genesis.ledger)
            said = [text.encode()] * len(certificate.votes)
        for vote, message in zip(certificate.votes, said, strict=True):
            if not self._signed(vote.voter, vote.signature, message):
                self.broken(f"{what} holds a vote that {vote.voter} did not sign")

    def _signed(self, party: str, signature: bytes, message: bytes) -> bool:
        try:
            self._genesis.verifiers[party].verify(signature, message)
        except (KeyError, VerificationError):
            return False
        return True


def _vote(kind: str, slot: int, block: bytes, ledger: str) -> str:
    said: dict[str, object] = {"kind": kind, "ledger": ledger, "slot": slot}
    if kind == "notar":
        said["block"] = block.hex()
    return "tongzhang/vote/v1\n" + json.dumps(said, sort_keys=True, separators=(",", ":"))


def _checkpoint(origin: str, block: Block) -> str:
    header = block.header
    root = b64encode(bytes.fromhex(header.root)).decode()
    place = f"block {header.height} {header.slot} {block.hash.hex()}"
    return f"{origin}\n{header.size}\n{root}\n{place}\n"


def _name(process: Watched, block: Block) -> str:
    return f"block {block.height} ({block.hash.hex()[:12]}) on {process.name}"
