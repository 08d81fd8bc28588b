"""Batches: consecutive records of one party under one signature, hash-chained per party.

Header (canonical JSON): ``{"count":2,"ledger":"<64 hex>","number":7,"party":"platform",
"previous":"<64 hex>","root":"<64 hex>"}``. The author signs the header; the root is the RFC 6962
root of the records' canonical bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ledger import canonical, domains
from ledger.errors import DecodeError, VerificationError
from ledger.keys import Signer, Verifier
from ledger.limits import BATCH_HEADER_BYTES_MAX, SAFE_INTEGER_MAX
from ledger.log.merkle import leaf_hash, root_of

Hex32 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
Hex64 = Annotated[str, Meta(pattern=r"^[0-9a-f]{128}$(?!\n)")]
Natural = Annotated[int, Meta(ge=0, le=SAFE_INTEGER_MAX)]
Positive = Annotated[int, Meta(ge=1, le=SAFE_INTEGER_MAX)]


class BatchHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The header that its author signs: a place in the author's chain, the root of the records."""

    count: Positive
    ledger: Hex32
    number: Positive
    party: str
    previous: Hex32
    root: Hex32


_header_decoder = msgspec.json.Decoder(BatchHeader)


class Batch:
    """A signed batch. Immutable by convention; its hash and header are decoded once.

    Args:
        raw_header: Canonical header bytes, exactly as signed.
        signature: The author's 64-byte signature.
        records: Canonical record bytes, in order.

    ``decoded`` holds the decoded records once somebody has decoded them all.

    Raises:
        DecodeError: the header is malformed or its count is not the number of records.
    """

    __slots__ = ("decoded", "hash", "header", "raw_header", "records", "signature", "size_bytes")

    def __init__(self, raw_header: bytes, signature: bytes, records: tuple[bytes, ...]) -> None:
        if len(raw_header) > BATCH_HEADER_BYTES_MAX:
            raise DecodeError("batch-header-too-large", f"over {BATCH_HEADER_BYTES_MAX} bytes")
        self.raw_header = raw_header
        self.signature = signature
        self.records = records
        self.header = canonical.decode(raw_header, _header_decoder, "batch header")
        if self.header.count != len(records):
            raise DecodeError(
                "batch-count", f"the header says {self.header.count} records, got {len(records)}"
            )
        self.decoded: tuple[Any, ...] | None = None
        self.hash = domains.batch_hash(raw_header)
        self.size_bytes = sum(map(len, records)) + len(raw_header) + len(signature)

    @property
    def party(self) -> str:
        """The author."""
        return self.header.party

    @property
    def number(self) -> int:
        """The batch's place in its author's chain, from 1."""
        return self.header.number


def seal(
    signer: Signer, ledger: str, party: str, previous: tuple[int, bytes], records: Sequence[bytes]
) -> Batch:
    """Sign ``records`` as the next batch of ``party``.

    Args:
        signer: The author's key.
        ledger: Genesis hash in hex.
        party: The author's name.
        previous: Number and hash of the author's previous batch; (0, 32 zero bytes) at first.
        records: Canonical record bytes, at least one.
    """
    number, previous_hash = previous
    header = BatchHeader(
        count=len(records),
        ledger=ledger,
        number=number + 1,
        party=party,
        previous=previous_hash.hex(),
        root=root_of([leaf_hash(record) for record in records]).hex(),
    )
    raw = canonical.encode(header)
    signature = signer.sign(domains.batch_signature_input(raw))
    return Batch(raw, signature, tuple(records))


def verify(batch: Batch, ledger: str, verifiers: Mapping[str, Verifier]) -> None:
    """Return if ``batch`` was signed by its author for this ledger and holds what was signed.

    Raises:
        VerificationError: ``unknown-party``, ``wrong-ledger``, ``bad-batch-root`` or
            ``bad-signature``.
    """
    verify_header(batch.header, batch.raw_header, batch.signature, ledger, verifiers)
    if root_of([leaf_hash(record) for record in batch.records]).hex() != batch.header.root:
        raise VerificationError("bad-batch-root", "the records are not the ones that were signed")


def verify_header(
    header: BatchHeader,
    raw_header: bytes,
    signature: bytes,
    ledger: str,
    verifiers: Mapping[str, Verifier],
) -> None:
    """Return if the author signed this batch header for this ledger.

    Raises:
        VerificationError: ``unknown-party``, ``wrong-ledger`` or ``bad-signature``.
    """
    verifier = verifiers.get(header.party)
    if verifier is None:
        raise VerificationError("unknown-party", f"{header.party} is not in genesis")
    if header.ledger != ledger:
        raise VerificationError("wrong-ledger", f"the batch is of ledger {header.ledger}")
    verifier.verify(signature, domains.batch_signature_input(raw_header))


def decode_header(raw: bytes) -> BatchHeader:
    """Decode canonical batch header bytes.

    Raises:
        DecodeError: the bytes are not a canonical batch header.
    """
    return canonical.decode(raw, _header_decoder, "batch header")
