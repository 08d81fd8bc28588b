"""Proof files: one entry's place in the log, and the checkpoint it leads to.

Shape (lines; ``extra`` only if there is any)::

    c2sp.org/tlog-proof@v1
    extra <base64>
    index <0-based index>
    <base64 of a 32-byte hash>     as many as the inclusion path has
    <blank line>
    <the signed checkpoint, verbatim>

Source: C2SP tlog-proof v1, section "Format".
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger.errors import DecodeError
from ledger.log.checkpoint import Checkpoint
from ledger.log.limits import EXTRA_BYTES_MAX, INTEGER_MAX, PATH_HASHES_MAX, PROOF_BYTES_MAX
from ledger.log.merkle import HASH_BYTES
from ledger.log.note import Note
from ledger.log.text import decode_base64, decode_decimal, encode_base64, refuse_unclean

FIRST_LINE = "c2sp.org/tlog-proof@v1"
SUFFIX = ".tlog-proof"


@dataclass(frozen=True, slots=True)
class TlogProof:
    """A proof file's content, well formed but not verified.

    Args:
        index: 0-based index of the entry.
        path: Inclusion path, the leaf's sibling first, at most 63 hashes.
        checkpoint_text: The signed checkpoint note.
        extra: Bytes for the reader, which nothing authenticates; None, or at least one byte.

    Raises:
        DecodeError: ``bad-proof-file``, or an error of the checkpoint or its note.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint_text: str
    extra: bytes | None = None

    def __post_init__(self) -> None:
        """Refuse a proof that could not be written."""
        if not 0 <= self.index <= INTEGER_MAX:
            raise DecodeError("bad-proof-file", f"the index is 0 to {INTEGER_MAX}")
        if len(self.path) > PATH_HASHES_MAX:
            raise DecodeError("bad-proof-file", f"a path has at most {PATH_HASHES_MAX} hashes")
        if any(len(node) != HASH_BYTES for node in self.path):
            raise DecodeError("bad-proof-file", f"every hash has {HASH_BYTES} bytes")
        if self.extra is not None and not 1 <= len(self.extra) <= EXTRA_BYTES_MAX:
            raise DecodeError("bad-proof-file", f"extra data has 1 to {EXTRA_BYTES_MAX} bytes")
        Checkpoint.parse(Note.parse(self.checkpoint_text).text)

    def encode(self) -> str:
        """Return the proof file as text."""
        lines = [FIRST_LINE]
        if self.extra is not None:
            lines.append(f"extra {encode_base64(self.extra)}")
        lines.append(f"index {self.index}")
        lines += [encode_base64(node) for node in self.path]
        return "\n".join(lines) + "\n\n" + self.checkpoint_text

    @classmethod
    def parse(cls, text: str) -> TlogProof:
        """Return the proof that ``text`` spells. Only the canonical form; nothing is verified.

        Raises:
            DecodeError: ``bad-proof-file``, ``bad-decimal``, ``bad-base64`` or an error
                of the checkpoint.
        """
        refuse_unclean(text, PROOF_BYTES_MAX)
        head, blank, checkpoint_text = text.partition("\n\n")
        first, *lines = head.split("\n")
        if not blank or first != FIRST_LINE:
            raise DecodeError("bad-proof-file", f"expected {FIRST_LINE} and a blank line later")
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = decode_base64(lines.pop(0).removeprefix("extra "))
        if not lines or not lines[0].startswith("index "):
            raise DecodeError("bad-proof-file", "expected: index <0-based index>")
        index = decode_decimal(lines.pop(0).removeprefix("index "))
        path = tuple(decode_base64(line, HASH_BYTES) for line in lines)
        return cls(index, path, checkpoint_text, extra)
