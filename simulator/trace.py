"""Traces: one readable line per event, as a file that says what it is.

A trace file begins with comments: what it is, the plan of the run as TOML, the columns. Then comes
one line an event, in the order in which they happened; the last one says how the run ended.

======  =====================================================================================
column  holds
======  =====================================================================================
time    milliseconds of the world, with three decimals
node    the machine, or ``-`` for the world itself
event   what happened, see below
detail  the rest of the line
======  =====================================================================================

=============  ==============================================================================
event          detail
=============  ==============================================================================
``start``      which life of the machine begins, and the height that its disk holds
``crash``      the power fails; what becomes of the disk
``damage``     what a start found wrong with the disk
``halt``       why the node stopped for safety: code and message
``send``       to whom, when it arrives, what it says. The arrival is a time, two for a frame
               that the network doubles (``12.345+13.456``), or ``lost``
``miss``       a frame arrived while the machine was off: from whom
``final``      a block became final here: height, slot, block, size of the log, state hash
``evidence``   evidence was kept here: its id
``lie``        a liar says, or keeps back, what it must not: kind of lie, slot or peer
``submit``     the machine's client hands in a record: its id
``answer``     the client is told what became of it: id and outcome
``read``       a client reads a record back: id and outcome; or a balance: account, currency,
               amount and height. At another party's node it is said who reads
``fault``      of the world: a fault of the plan begins: kind and fields
``over``       of the world: it ends
``heal``       of the world: all faults end, what can come back comes back
``violation``  of the world: an invariant does not hold, and the run ends
``end``        of the world: the run ended well
=============  ==============================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

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
from ledger.errors import LedgerError
from ledger.execute import Execution
from node.storage.store import EvidenceItem, Item

EVENTS = (
    "start",
    "crash",
    "damage",
    "halt",
    "send",
    "miss",
    "final",
    "evidence",
    "lie",
    "submit",
    "answer",
    "read",
    "fault",
    "over",
    "heal",
    "violation",
    "end",
)
"""All events, in the order of the table above."""


class Trace:
    """Collects the lines of one run."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, at_us: int, node: str, event: str, detail: str) -> None:
        """Add a line."""
        self.lines.append(f"{clock(at_us)} {node} {event} {detail}".rstrip())

    def frame(
        self,
        at_us: int,
        sender: str,
        to: str,
        arrivals: Sequence[int],
        message: Message | None,
    ) -> None:
        """Add a line for a message that leaves, with the times at which copies of it arrive."""
        when = "+".join(map(clock, arrivals)) or "lost"
        self.line(at_us, sender, "send", f"{to} {when} {summary(message)}")

    def saved(self, at_us: int, node: str, items: Sequence[Item]) -> None:
        """Add a line for each piece of evidence that a machine now keeps."""
        for item in items:
            if isinstance(item, EvidenceItem):
                self.line(at_us, node, "evidence", item.id[:12])

    def final(self, at_us: int, node: str, block: Block, execution: Execution) -> None:
        """Add a line for a block that is final on a machine."""
        header = block.header
        detail = f"height {header.height} slot {header.slot} block {block.hash.hex()[:12]}"
        more = f"size {header.size} state {execution.state.hex()[:12]}"
        self.line(at_us, node, "final", f"{detail} {more}")

    def digest(self) -> str:
        """Return the SHA-256 of all lines, in hex: equal for equal runs."""
        return sha256("\n".join(self.lines).encode()).hexdigest()


def clock(at_us: int) -> str:
    """Return a time of the world as it stands in a trace: ms with three decimals."""
    return f"{at_us // 1000}.{at_us % 1000:03d}"


def summary(message: Message | None) -> str:
    """Return what a message says, in a few words."""
    if message is None:
        return "nonsense"
    kind = str(message.__struct_config__.tag)
    try:
        return _contents(kind, message)
    except LedgerError:
        return f"{kind} of nonsense"  # a message in form, of a block or batch that is none


def _contents(kind: str, message: Message) -> str:
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
