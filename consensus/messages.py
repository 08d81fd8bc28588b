"""Messages of peers: MessagePack arrays, canonical only, with a limit on everything.

======================  ==================================================  =====================
message                 carries                                             sent when
======================  ==================================================  =====================
``batch``               a party's signed batch                              sealed; repeated (R8)
``proposal``            a block with its justification                      R2; asked for
``vote``                one vote                                            R3, R4, R5
``certificate``         a quorum of equal votes                             R1, R8
``evidence``            two signatures no honest key makes                  found
``want-block``          a block hash                                        certified, not here
``want-range``          the first height wanted                             behind (R9)
``range``               final blocks and the last one's certificate         asked for
``want-exits``          slots: the first, and the one after the last        Skips missing (R10)
``exits``               exit certificates of such slots                     asked for
``want-statements``     a nonce, the first slot and batch wanted            after a start (R11)
``statements``          what the asker's key has signed, signed             asked for
``want-changes``        a block hash                                        state differs
``changes``             a block hash and its changes, canonical JSON        asked for
``voting``              why the sender does not vote, or nothing: it votes  a peer comes up; changed
======================  ==================================================  =====================
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from consensus.errors import BadMessage
from consensus.evidence import Evidence, SignedHeader
from consensus.limits import (
    EXITS_MAX,
    RANGE_BLOCKS_MAX,
    RANGE_HEADERS_MAX,
    SKIPS_CARRIED_MAX,
)
from consensus.votes import Certificate, Number, Signature, Vote
from ledger.batch import Batch
from ledger.block import Block
from ledger.errors import DecodeError

T = TypeVar("T")
Hash = Annotated[bytes, Meta(min_length=32, max_length=32)]
Records = Annotated[tuple[bytes, ...], Meta(min_length=1, max_length=10_000)]
Reason = Annotated[str, Meta(max_length=64, pattern=r"^([a-z]+(-[a-z]+)*)?$(?!\n)")]
Justification = tuple[Certificate, ...]
"""All that justifies a block: the parent's certificate and one Skip certificate a slot between."""
Carried = Annotated[tuple[Certificate, ...], Meta(max_length=1 + SKIPS_CARRIED_MAX)]


class _Wire(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Shape shared by everything on the wire: a MessagePack array."""


class WireBatch(_Wire, frozen=True):
    """A batch as bytes: header, signature, records."""

    header: bytes
    signature: Signature
    records: Records

    def batch(self) -> Batch:
        """Return the decoded batch.

        Raises:
            DecodeError: the header is malformed.
        """
        return Batch(self.header, self.signature, self.records)


class WireBlock(_Wire, frozen=True):
    """A block as bytes, with what it carries of its justification (R2).

    That is the parent's certificate and the Skip certificates of the last slots between; the slots
    of the parent and of the block name the others, and who lacks them asks for them (R10).
    """

    header: bytes
    signature: Signature
    batches: Annotated[tuple[WireBatch, ...], Meta(max_length=4096)]
    justification: Carried

    @property
    def skips(self) -> tuple[Certificate, ...]:
        """The certificates after the parent's."""
        return self.justification[1:] if self._names_parent else self.justification

    @property
    def parent_slot(self) -> int:
        """The parent's slot, as its certificate says; 0 without one: the parent is genesis."""
        return self.justification[0].subject.slot if self._names_parent else 0

    @property
    def _names_parent(self) -> bool:
        return bool(self.justification) and self.justification[0].subject.kind != "skip"

    def block(self) -> Block:
        """Return the decoded block.

        Raises:
            DecodeError: the header or a batch is malformed.
        """
        return Block(self.header, self.signature, tuple(b.batch() for b in self.batches))


class BatchMessage(_Wire, frozen=True, tag="batch"):
    """A party's signed batch."""

    batch: WireBatch


class Proposal(_Wire, frozen=True, tag="proposal"):
    """A leader's block for its slot."""

    block: WireBlock


class VoteMessage(_Wire, frozen=True, tag="vote"):
    """One vote."""

    vote: Vote


class CertificateMessage(_Wire, frozen=True, tag="certificate"):
    """A quorum of equal votes."""

    certificate: Certificate


class EvidenceMessage(_Wire, frozen=True, tag="evidence"):
    """Two signatures that convict one key."""

    evidence: Evidence


class WantBlock(_Wire, frozen=True, tag="want-block"):
    """Asks for the block with this hash."""

    hash: Hash


class WantRange(_Wire, frozen=True, tag="want-range"):
    """Asks for final blocks from this height on."""

    height: Annotated[int, Meta(ge=1, le=2**53 - 1)]


class Range(_Wire, frozen=True, tag="range"):
    """Consecutive final blocks, and what proves them.

    The certificate makes the last block final, and so all; or, where that block has none of its
    own, the block of the last of ``headers``, which lead on from it.
    """

    blocks: Annotated[tuple[WireBlock, ...], Meta(min_length=1, max_length=RANGE_BLOCKS_MAX)]
    headers: Annotated[tuple[bytes, ...], Meta(max_length=RANGE_HEADERS_MAX)]
    certificate: Certificate


class WantExits(_Wire, frozen=True, tag="want-exits"):
    """Asks for exit certificates of slots from ``first`` up to before ``stop``."""

    first: Number
    stop: Number


class Exits(_Wire, frozen=True, tag="exits"):
    """Exit certificates of slots, one each, in order: Skip, or Notar where there is no Skip."""

    certificates: Annotated[tuple[Certificate, ...], Meta(min_length=1, max_length=EXITS_MAX)]


class WantStatements(_Wire, frozen=True, tag="want-statements"):
    """Asks a peer what the asker's key has signed, from a slot and a batch number on (R11).

    The nonce is drawn anew at each start, so that no earlier answer can be played again.
    """

    nonce: Hash
    slot: Number
    number: Number


class KeyStatements(_Wire, frozen=True):
    """What the answerer holds of the asker's statements that are not final there, in pieces.

    ``certificate`` proves up to which slot everything is final there; none at genesis. Votes and
    headers of proposals are of later slots, from ``slot`` on; batches from ``number`` on are whole.
    ``next_slot`` and ``next_number`` say where the next piece begins; both are 0 in the last one.
    """

    ledger: Hash
    asker: str
    answerer: str
    nonce: Hash
    slot: Number
    number: Number
    certificate: Certificate | None
    votes: Annotated[tuple[Vote, ...], Meta(max_length=4096)]
    proposals: Annotated[tuple[SignedHeader, ...], Meta(max_length=4096)]
    batches: Annotated[tuple[WireBatch, ...], Meta(max_length=256)]
    next_slot: Number
    next_number: Number

    @property
    def is_last(self) -> bool:
        """Whether no piece follows."""
        return not self.next_slot

    @property
    def says_nothing(self) -> bool:
        """Whether the answerer holds no block, and nothing that the asker's key has said."""
        return not (self.certificate or self.votes or self.proposals or self.batches)


class StatementsMessage(_Wire, frozen=True, tag="statements"):
    """A peer's signed answer to ``want-statements``."""

    statements: KeyStatements
    signature: Signature


class WantChanges(_Wire, frozen=True, tag="want-changes"):
    """Asks a proposer for the changes that it computed for its block."""

    hash: Hash


class ChangesMessage(_Wire, frozen=True, tag="changes"):
    """A block's changes as canonical JSON, as the state hash covers them."""

    hash: Hash
    changes: bytes


class Voting(_Wire, frozen=True, tag="voting"):
    """Whether the sender votes: empty while it does, else the code that says why it does not.

    Signed by nobody, and no rule of agreement looks at it: a peer says it of itself.
    """

    abstains: Reason


Message = (
    BatchMessage
    | Proposal
    | VoteMessage
    | CertificateMessage
    | EvidenceMessage
    | WantBlock
    | WantRange
    | Range
    | WantExits
    | Exits
    | WantStatements
    | StatementsMessage
    | WantChanges
    | ChangesMessage
    | Voting
)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Message)
_batch_decoder = msgspec.msgpack.Decoder(WireBatch)
_block_decoder = msgspec.msgpack.Decoder(WireBlock)
_certificate_decoder = msgspec.msgpack.Decoder(Certificate)
_evidence_decoder = msgspec.msgpack.Decoder(Evidence)
_header_decoder = msgspec.msgpack.Decoder(SignedHeader)
_vote_decoder = msgspec.msgpack.Decoder(Vote)
_justification_decoder = msgspec.msgpack.Decoder(Justification)


def encode(value: object) -> bytes:
    """Return the bytes of a message or of one of its parts."""
    return _encoder.encode(value)


def kind_of(frame: bytes) -> str:
    """Return the tag in the first bytes of a frame, without decoding it; empty if there is none.

    A MessagePack array of up to 15 parts begins with one byte, and its first part is the tag: a
    string of up to 31 bytes after one more.
    """
    if len(frame) < 2 or frame[0] & 0xF0 != 0x90 or frame[1] & 0xE0 != 0xA0:
        return ""
    return frame[2 : 2 + (frame[1] & 0x1F)].decode("ascii", "replace")


def decode(frame: bytes) -> Message:
    """Decode one frame of a peer.

    Raises:
        BadMessage: not a message, or not the only encoding of it.
    """
    try:
        message: Message = _decoder.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadMessage("bad-message", f"not a message: {error}") from None
    if _encoder.encode(message) != frame:
        raise BadMessage("not-canonical-message", "the message has a shorter or other encoding")
    return message


def wire_batch(batch: Batch) -> WireBatch:
    """Return a batch as it travels."""
    return WireBatch(batch.raw_header, batch.signature, batch.records)


def wire_block(block: Block, justification: Justification) -> WireBlock:
    """Return a block as it travels, with what it carries of its justification."""
    batches = tuple(wire_batch(batch) for batch in block.batches)
    parent = tuple(c for c in justification[:1] if c.subject.kind != "skip")
    skips = justification[len(parent) :][-SKIPS_CARRIED_MAX:]
    return WireBlock(block.raw_header, block.signature, batches, parent + skips)


def decode_batch(raw: bytes) -> WireBatch:
    """Decode a stored batch. Raises :class:`BadMessage` if the bytes are not one."""
    return _stored(_batch_decoder, raw)


def decode_block(raw: bytes) -> WireBlock:
    """Decode a stored block. Raises :class:`BadMessage` if the bytes are not one."""
    return _stored(_block_decoder, raw)


def decode_certificate(raw: bytes) -> Certificate:
    """Decode a stored certificate. Raises :class:`BadMessage` if the bytes are not one."""
    return _stored(_certificate_decoder, raw)


def decode_evidence(raw: bytes) -> Evidence:
    """Decode stored evidence. Raises :class:`BadMessage` if the bytes are not evidence."""
    return _stored(_evidence_decoder, raw)


def decode_signed_header(raw: bytes) -> SignedHeader:
    """Decode a stored header. Raises :class:`BadMessage` if the bytes are not one."""
    return _stored(_header_decoder, raw)


def decode_vote(raw: bytes) -> Vote:
    """Decode a stored vote. Raises :class:`BadMessage` if the bytes are not one."""
    return _stored(_vote_decoder, raw)


def decode_justification(raw: bytes) -> Justification:
    """Decode a stored justification. Raises :class:`BadMessage` if the bytes are not one."""
    return _stored(_justification_decoder, raw)


def _stored(decoder: msgspec.msgpack.Decoder[T], raw: bytes) -> T:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, DecodeError) as error:
        raise BadMessage("bad-stored-message", str(error)) from None
