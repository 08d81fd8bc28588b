"""Checkpoints: the log's size and root at one block, signed by parties one by one.

Shape of the text (four lines, each ending in a newline)::

    tongzhang/<name>/<64 hex of the genesis hash>
    <tree size>
    <base64 of the 32-byte root>
    block <height> <slot> <64 hex of the block hash>

Served, it is a note: first the serving party's own signature (type 0x01) under the origin, then
cosignatures (type 0x04) under ``<origin>/<party>``. A party's *Final* vote is such a cosignature,
so the certificate that makes a block final is what other tools know as a witnessed checkpoint.

Source: C2SP tlog-checkpoint v1; C2SP tlog-cosignature v1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ledger import domains
from ledger.errors import DecodeError, LedgerError, VerificationError
from ledger.keys import SIGNATURE_BYTES, Signer, Verifier
from ledger.log.limits import INTEGER_MAX
from ledger.log.merkle import HASH_BYTES
from ledger.log.note import (
    COSIGNATURE,
    ED25519,
    TIMESTAMP_BYTES,
    Note,
    NoteKey,
    NoteSignature,
    refuse_bad_name,
    sign,
    split_cosignature,
    verify_known,
)
from ledger.log.text import decode_base64, decode_decimal, encode_base64

_BLOCK_LINE = re.compile(r"block ([0-9]+) ([0-9]+) ([0-9a-f]{64})")


def origin(name: str, genesis_hash: bytes) -> str:
    """Return the origin of a consortium's log: ``tongzhang/<name>/<64 hex>``.

    It holds the whole hash, because a Final vote says by the origin alone which ledger it is of.
    """
    return f"tongzhang/{name}/{genesis_hash.hex()}"


def cosigner_name(origin: str, party: str) -> str:
    """Return the key name under which a party cosigns: ``<origin>/<party>``."""
    return f"{origin}/{party}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Size and root of the log after one block.

    Args:
        origin: Name of the log, valid as a key name.
        size: Count of entries.
        root: 32-byte root of the tree of that size.
        height: Height of the block.
        slot: Slot of the block.
        block: 32-byte hash of the block.

    Raises:
        DecodeError: ``bad-checkpoint`` or ``bad-key-name``.
    """

    origin: str
    size: int
    root: bytes
    height: int
    slot: int
    block: bytes

    def __post_init__(self) -> None:
        """Refuse values that the text could not spell."""
        refuse_bad_name(self.origin)
        if not all(0 <= value <= INTEGER_MAX for value in (self.size, self.height, self.slot)):
            raise DecodeError("bad-checkpoint", f"size, height and slot are 0 to {INTEGER_MAX}")
        if len(self.root) != HASH_BYTES or len(self.block) != HASH_BYTES:
            raise DecodeError("bad-checkpoint", f"root and block hash have {HASH_BYTES} bytes")

    def text(self) -> str:
        """Return the note text, which is what everybody signs."""
        return (
            f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"
            f"block {self.height} {self.slot} {self.block.hex()}\n"
        )

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Return the checkpoint that a note text spells. Only the canonical form is accepted.

        Raises:
            DecodeError: ``bad-checkpoint``, ``bad-decimal``, ``bad-base64`` or a name's error.
        """
        lines = text.split("\n")
        if len(lines) != 5 or lines[4]:
            raise DecodeError("bad-checkpoint", "expected four lines: origin, size, root, block")
        block = _BLOCK_LINE.fullmatch(lines[3])
        if block is None:
            raise DecodeError("bad-checkpoint", "expected: block <height> <slot> <64 hex>")
        return cls(
            origin=lines[0],
            size=decode_decimal(lines[1]),
            root=decode_base64(lines[2], HASH_BYTES),
            height=decode_decimal(block[1]),
            slot=decode_decimal(block[2]),
            block=bytes.fromhex(block[3]),
        )


class Cosignature(NamedTuple):
    """One party's signed statement that a checkpoint is the log it holds.

    ``name`` is the full key name, ``public_key`` 32 bytes, ``timestamp_s`` seconds since the
    epoch, ``signature`` 64 bytes.
    """

    name: str
    public_key: bytes
    timestamp_s: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class VerifiedCheckpoint:
    """The facts of a checkpoint that :func:`open_checkpoint` found true.

    Args:
        checkpoint: The checkpoint.
        served_by: Public keys that signed under the origin, at least one.
        cosigned_at: Seconds since the epoch by cosigner name, in the note's order.
    """

    checkpoint: Checkpoint
    served_by: tuple[bytes, ...]
    cosigned_at: tuple[tuple[str, int], ...]


def cosign(signer: Signer, checkpoint: Checkpoint, timestamp_s: int) -> bytes:
    """Return the 64-byte Ed25519 signature of a cosignature.

    Raises:
        LedgerError: ``bad-timestamp``.

    Source: C2SP tlog-cosignature, section "Ed25519 signed message".
    """
    _refuse_bad_timestamp(timestamp_s)
    return signer.sign(domains.cosignature_input(checkpoint.text(), timestamp_s))


def verify_cosignature(
    verifier: Verifier, checkpoint: Checkpoint, timestamp_s: int, signature: bytes
) -> None:
    """Return if ``signature`` is this key's cosignature of the checkpoint at that time.

    Raises:
        VerificationError: ``bad-signature``.
    """
    verifier.verify(signature, domains.cosignature_input(checkpoint.text(), timestamp_s))


def signed_checkpoint(
    checkpoint: Checkpoint, own: Signer, cosignatures: Iterable[Cosignature]
) -> str:
    """Return the checkpoint as it is served: own signature first, then the cosignatures.

    Args:
        checkpoint: What to serve.
        own: The serving party's key, which signs under the origin.
        cosignatures: A final certificate, in the order it shall be written.

    Raises:
        DecodeError: a cosignature that cannot be written, or a name used twice.
        LedgerError: ``bad-timestamp``.
    """
    text = checkpoint.text()
    lines = [_cosignature_line(each) for each in cosignatures]
    return Note(text, (sign(own, checkpoint.origin, text), *lines)).encode()


def open_checkpoint(
    text: str, log_keys: Iterable[bytes], cosigners: Mapping[str, bytes], quorum: int
) -> VerifiedCheckpoint:
    """Verify a served checkpoint: known signatures, origin and quorum.

    Args:
        text: The signed note.
        log_keys: Public keys that may sign under the origin: those of all parties.
        cosigners: Public key by full cosigner name, ``<origin>/<party>``.
        quorum: Distinct cosigners needed, at least 1.

    Raises:
        DecodeError: the text is not a checkpoint note.
        VerificationError: ``wrong-origin``, ``bad-signature`` (a known key's signature is false),
            ``unsigned-checkpoint`` (no log key signed) or ``no-quorum``.
        LedgerError: ``bad-quorum``, when the trust given could never be met or asks for nothing.
    """
    if not 1 <= quorum <= len(set(cosigners.values())):
        raise LedgerError(
            "bad-quorum", f"expected 1 to {len(set(cosigners.values()))} cosigners, got {quorum}"
        )
    note = Note.parse(text)
    checkpoint = Checkpoint.parse(note.text)
    _refuse_other_origin(checkpoint, cosigners)
    keys = [NoteKey(checkpoint.origin, ED25519, key) for key in log_keys]
    keys += [NoteKey(name, COSIGNATURE, key) for name, key in cosigners.items()]
    verified = verify_known(note, keys)
    served = tuple(key.public_key for key, _ in verified if key.algorithm == ED25519)
    signed = [(key, line) for key, line in verified if key.algorithm == COSIGNATURE]
    if not served:
        raise VerificationError(
            "unsigned-checkpoint", f"no known party signed under {checkpoint.origin}"
        )
    count = len({key.public_key for key, _ in signed})
    if count < quorum:
        raise VerificationError("no-quorum", f"expected {quorum} known cosigners, got {count}")
    times = tuple((key.name, split_cosignature(line.signature)[0]) for key, line in signed)
    return VerifiedCheckpoint(checkpoint, served, times)


def _refuse_other_origin(checkpoint: Checkpoint, cosigners: Mapping[str, bytes]) -> None:
    strangers = [name for name in cosigners if name.rpartition("/")[0] != checkpoint.origin]
    if strangers:
        raise VerificationError(
            "wrong-origin", f"{checkpoint.origin} is another log than that of {strangers[0]}"
        )


def _refuse_bad_timestamp(timestamp_s: int) -> None:
    if not 0 <= timestamp_s <= INTEGER_MAX:
        raise LedgerError("bad-timestamp", f"expected 0 to {INTEGER_MAX} s, got {timestamp_s}")


def _cosignature_line(cosignature: Cosignature) -> NoteSignature:
    name, public_key, timestamp_s, signature = cosignature
    _refuse_bad_timestamp(timestamp_s)
    if len(signature) != SIGNATURE_BYTES:
        raise DecodeError("bad-note-signature", f"expected {SIGNATURE_BYTES} bytes of signature")
    key = NoteKey(name, COSIGNATURE, public_key)
    return NoteSignature(name, key.key_id, timestamp_s.to_bytes(TIMESTAMP_BYTES, "big") + signature)
