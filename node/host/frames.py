"""Frames of peers, looked at before they are decoded: the kind, its size, whether it was asked for.

The tag of a message stands in its first bytes, and each kind has a bound. Large answers that nobody
has asked the peer for are not decoded at all.
"""

from __future__ import annotations

from collections.abc import Callable

from consensus.errors import BadMessage
from consensus.limits import EXITS_BYTES_MAX, STATEMENTS_BYTES_MAX
from consensus.messages import (
    BatchMessage,
    CertificateMessage,
    ChangesMessage,
    EvidenceMessage,
    Exits,
    Message,
    Proposal,
    Range,
    StatementsMessage,
    VoteMessage,
    Voting,
    WantBlock,
    WantChanges,
    WantExits,
    WantRange,
    WantStatements,
    kind_of,
)
from ledger.genesis import Genesis

QUESTION_BYTES_MAX = 64
VOTE_BYTES_MAX = 512
CERTIFICATE_BYTES_MAX = 31 * VOTE_BYTES_MAX
EVIDENCE_BYTES_MAX = 2 * 64 * 1024 + 2 * VOTE_BYTES_MAX
AROUND_BYTES = 4096
"""Header, signature and array heads around the records of a batch."""
RECORD_HEAD_BYTES = 5

ANSWERS: tuple[type[Message], ...] = (Range, Exits, StatementsMessage, ChangesMessage)
"""Kinds that may be large and have to be asked for."""


def frame_bytes_max(genesis: Genesis) -> int:
    """Return the largest peer frame: two whole blocks and what surrounds them."""
    return genesis.limits.block_bytes * 2 + 64 * 1024


def bytes_max(genesis: Genesis) -> dict[type[Message], int]:
    """Return the most bytes that a frame of each kind may have."""
    limits, whole = genesis.limits, frame_bytes_max(genesis)
    batch = limits.batch_bytes + limits.batch_records * RECORD_HEAD_BYTES + AROUND_BYTES
    return {
        BatchMessage: batch,
        Proposal: whole,
        VoteMessage: VOTE_BYTES_MAX,
        CertificateMessage: CERTIFICATE_BYTES_MAX,
        EvidenceMessage: EVIDENCE_BYTES_MAX,
        WantBlock: QUESTION_BYTES_MAX,
        WantRange: QUESTION_BYTES_MAX,
        Range: whole,
        WantStatements: 2 * QUESTION_BYTES_MAX,
        WantExits: QUESTION_BYTES_MAX,
        Exits: EXITS_BYTES_MAX + 2 * CERTIFICATE_BYTES_MAX,
        StatementsMessage: batch + 2 * STATEMENTS_BYTES_MAX + CERTIFICATE_BYTES_MAX,
        WantChanges: QUESTION_BYTES_MAX,
        ChangesMessage: whole,
        Voting: QUESTION_BYTES_MAX + 64,
    }


class FrameGuard:
    """The first look at frames.

    Args:
        genesis: The limits.
        owes: Returns whether a peer owes an answer of one kind of :data:`ANSWERS`.
    """

    def __init__(self, genesis: Genesis, owes: Callable[[str, str], bool]) -> None:
        self._bytes_max = {_tag(kind): size for kind, size in bytes_max(genesis).items()}
        self._owes = owes
        self._answers = {_tag(kind) for kind in ANSWERS}

    def refuse_at_sight(self, peer: str, frame: bytes) -> None:
        """Return if a frame of a peer is to be decoded.

        Raises:
            BadMessage: ``bad-message``, ``frame-too-large`` or ``unasked``.
        """
        kind = kind_of(frame)
        bound = self._bytes_max.get(kind)
        if bound is None:
            raise BadMessage("bad-message", "not a message: its first bytes name no kind of them")
        if len(frame) > bound:
            raise BadMessage(
                "frame-too-large", f"a {kind} has at most {bound} bytes, got {len(frame)}"
            )
        if kind in self._answers and not self._owes(peer, kind):
            raise BadMessage("unasked", f"nobody has asked {peer} for a {kind}")


def _tag(kind: type[Message]) -> str:
    return str(kind.__struct_config__.tag)
