"""Traces: one readable line per event.

======  =====================================================================================
column  holds
======  =====================================================================================
time    milliseconds of the world, with three decimals
node    the machine, or ``-`` for the world itself
event   ``start crash halt damage`` of a machine; ``fault over heal`` of the world; ``send``,
        ``final``, ``evidence``; ``submit answer read`` of the machine's client
detail  the rest of the line
======  =====================================================================================
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from consensus.messages import (
    BatchMessage,
    CertificateMessage,
    EvidenceMessage,
    Message,
    Proposal,
    Range,
    VoteMessage,
    WantRange,
)
from ledger.block import Block
from ledger.execute import Execution

if TYPE_CHECKING:
    from simulator.process import Process


class Trace:
    """Collects the lines of one run."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, at_us: int, node: str, event: str, detail: str) -> None:
        """Add a line."""
        self.lines.append(f"{at_us / 1000:.3f} {node} {event} {detail}".rstrip())

    def frame(self, at_us: int, sender: Process, to: Process, message: Message | None) -> None:
        """Add a line for a message that leaves."""
        self.line(at_us, sender.name, "send", f"{to.name} {summary(message)}")

    def final(self, process: Process, block: Block, execution: Execution) -> None:
        """Add a line for a block that is final on a machine."""
        header = block.header
        detail = f"height {header.height} slot {header.slot} block {block.hash.hex()[:12]}"
        more = f"size {header.size} state {execution.state.hex()[:12]}"
        self.line(process.now_us, process.name, "final", f"{detail} {more}")

    def digest(self) -> str:
        """Return the SHA-256 of all lines, in hex: equal for equal runs."""
        return sha256("\n".join(self.lines).encode()).hexdigest()


def summary(message: Message | None) -> str:
    """Return what a message says, in a few words."""
    if message is None:
        return "nonsense"
    kind = str(message.__struct_config__.tag)
    if isinstance(message, VoteMessage):
        vote = message.vote
        return f"{kind} {vote.kind} {vote.slot} {vote.block.hex()[:12]}".rstrip()
    if isinstance(message, Proposal):
        block = message.block.block()
        return f"{kind} {block.slot} {block.hash.hex()[:12]} {len(block.batches)} batches"
    if isinstance(message, CertificateMessage):
        subject = message.certificate.subject
        return f"{kind} {subject.kind} {subject.slot} {subject.block.hex()[:12]}".rstrip()
    if isinstance(message, BatchMessage):
        batch = message.batch.batch()
        return f"{kind} {batch.party} {batch.number} {len(batch.records)} records"
    if isinstance(message, EvidenceMessage):
        return f"{kind} {message.evidence.kind} {message.evidence.party}"
    if isinstance(message, WantRange):
        return f"{kind} {message.height}"
    if isinstance(message, Range):
        return f"{kind} {len(message.blocks)} blocks"
    return kind
