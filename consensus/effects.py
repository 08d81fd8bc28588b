"""Events and effects: what goes into a replica, and what comes out.

``step(event, now) -> Effects``. All that a step does is one value, and the host performs it
strictly in the order of the fields. Nothing leaves before it is durable (R7).
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

import msgspec

from consensus.errors import ConsensusError
from consensus.evidence import Evidence, SignedHeader
from consensus.messages import Message
from consensus.votes import Certificate, Vote
from ledger.block import Block, Tip
from ledger.errors import LedgerError


class Durable(NamedTuple):
    """One thing to make durable: its slot, kind, name within the slot, and bytes.

    The kinds are ``vote``, ``block``, ``certificate``, and ``header``: an own proposal from before
    something was forgotten, whose block may be nowhere.
    """

    slot: int
    kind: str
    name: str
    body: bytes


class Send(msgspec.Struct, frozen=True):
    """One message to one peer, or to all when ``peer`` is None."""

    peer: str | None
    message: Message


class Deliver(msgspec.Struct, frozen=True):
    """One block that became final, in height order.

    The certificate is None for a block that became final through a descendant. ``durable`` says
    whether the block was made durable as a paper: then so is what makes it final.
    """

    block: Block
    justification: tuple[Certificate, ...]
    certificate: Certificate | None
    durable: bool


class Halt(NamedTuple):
    """A reason to stop for good: a second final certificate, or a state that differs."""

    code: Literal["conflicting-final", "state-diverged"]
    message: str
    certificates: tuple[Certificate, ...] = ()


class Rejected(NamedTuple):
    """Why a peer's message was dropped; nothing of it took effect beyond what verified."""

    peer: str
    error: ConsensusError | LedgerError


class Effects(msgspec.Struct):
    """What a step asks its host to do, in this order."""

    rejected: Rejected | None = None
    persist: list[Durable] = []
    send: list[Send] = []
    executed: list[Block] = []
    """Blocks found valid in this step; their records have a place in the order, not yet final."""
    deliver: list[Deliver] = []
    accuse: list[Evidence] = []
    """Evidence to keep; ``send`` tells all of it."""
    found: list[Evidence] = []
    """Evidence among batches, perhaps found before: to keep, and to tell all if it is new."""
    ask: list[Send] = []
    """Questions to proposers of blocks that come out differently here."""
    notes: list[str] = []
    halt: Halt | None = None


class Now(msgspec.Struct, frozen=True, gc=False):
    """The two clocks of a host: steady ticks for timers, wall time for what is written down."""

    ticks_ms: int
    wall_ms: int


class Received(msgspec.Struct, frozen=True):
    """A peer's message arrived."""

    peer: str
    message: Message


class PeerUp(msgspec.Struct, frozen=True):
    """A peer's link came up."""

    peer: str


class PeerDown(msgspec.Struct, frozen=True):
    """A peer's link broke."""

    peer: str


class WorkArrived(msgspec.Struct, frozen=True):
    """The pool has something to put into a block."""


class Tick(msgspec.Struct, frozen=True):
    """Time passed; a deadline may have been reached."""


class Recalled(msgspec.Struct, frozen=True):
    """A peer has shown what this very key has signed, all of it verified (R11)."""

    peer: str
    certificate: Certificate | None
    votes: tuple[Vote, ...]
    proposals: tuple[SignedHeader, ...]


class MaySign(msgspec.Struct, frozen=True):
    """Enough peers have said what this key has signed: it may sign on (R11)."""


class SignsNoMore(msgspec.Struct, frozen=True):
    """This key has signed a contradiction, here or elsewhere: it signs nothing more."""


Event = Received | PeerUp | PeerDown | WorkArrived | Tick | Recalled | MaySign | SignsNoMore


class Saved(NamedTuple):
    """What a replica wakes up with: its final tip, that tip's certificate, and its own papers."""

    tip: Tip
    certificate: Certificate | None
    durables: tuple[Durable, ...] = ()


class Invalid(NamedTuple):
    """Why a block is not valid here."""

    reason: str
    differs: bool = False
    """Whether it was executed, and the result is not what its header says."""


class Machine(Protocol):
    """What the replica needs of the ledger. It never looks inside a record itself (idea 3)."""

    def build(self, parent: Tip, slot: int, wall_ms: int, *, empty: bool) -> Block | None:
        """Return this node's signed block on ``parent``; None if there is nothing to propose.

        Args:
            parent: The tip to build on; its block was checked before.
            slot: The slot to propose in.
            wall_ms: The leader's clock.
            empty: Whether to build a block even without any batch.
        """

    def refuse_forged(self, block: Block, found: list[Evidence]) -> None:
        """Return if every batch of ``block`` is what its author signed.

        The block hash covers batch headers alone: anybody can send a leader's block with other
        records. Such a body says nothing about the block, and must not count against it.

        Args:
            block: The block.
            found: Takes the evidence that genuine batches make with others of their number.

        Raises:
            LedgerError: a batch is forged.
        """

    def check(self, block: Block, parent: Tip, wall_ms: int) -> Invalid | None:
        """Execute ``block`` on ``parent``. Return None if it is valid, else why it is not.

        Its batches were found genuine by :meth:`refuse_forged` before.
        """

    def forget(self, block: bytes) -> None:
        """Drop the result of a block whose slot was skipped; it may be checked again."""

    def has_work(self, tip: Tip, wall_ms: int) -> bool:
        """Return whether the pool holds a batch that could go into a block after ``tip``."""

    def own_work(self) -> tuple[Message, ...]:
        """Return messages that carry the pool's batches that are not final, to say again (R8)."""

    def final_hash(self, height: int) -> bytes | None:
        """Return the hash of the final block at ``height``, or None if it is not final here."""

    def explain(self, block: Block) -> str:
        """Return which part of the executed state differs from what the header says."""
