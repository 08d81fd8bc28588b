"""Signed notes: a text, a blank line, and one line for each signature.

Shape of a note::

    <text, one or more lines>
    <blank line>
    — <key name> <base64 of: 4-byte key id, signature>

A signature of type 0x01 is a plain Ed25519 signature (64 bytes) over the text. One of type 0x04
is a cosignature: an 8-byte big-endian timestamp in seconds, then an Ed25519 signature over the
timestamp and the text.

Source: C2SP signed-note v1; C2SP tlog-cosignature v1, section "Format".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from ledger import domains
from ledger.errors import DecodeError, VerificationError
from ledger.keys import PUBLIC_KEY_BYTES, SIGNATURE_BYTES, Signer, Verifier
from ledger.log.limits import INTEGER_MAX, NAME_BYTES_MAX, NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX
from ledger.log.text import decode_base64, encode_base64, refuse_unclean

ED25519 = 0x01
COSIGNATURE = 0x04
KEY_ID_BYTES = 4
TIMESTAMP_BYTES = 8

_DASH = "\u2014 "


def refuse_bad_name(name: str) -> None:
    """Return if ``name`` may name a key: not empty, no space of any kind, no plus sign.

    Raises:
        DecodeError: ``bad-key-name``.

    Source: C2SP signed-note, section "Format".
    """
    refuse_unclean(name, NAME_BYTES_MAX)
    if not name or "+" in name or any(character.isspace() for character in name):
        raise DecodeError("bad-key-name", "a key name is not empty and has no space and no plus")


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public key under a name, for one type of signature.

    Shape as text (a "vkey"): ``<name>+<key id, 8 hex>+<base64 of: type byte, public key>``.

    Args:
        name: The key name that stands in signature lines.
        algorithm: :data:`ED25519` or :data:`COSIGNATURE`.
        public_key: 32 bytes.

    Raises:
        DecodeError: ``bad-key-name`` or ``bad-vkey``.

    Source: C2SP signed-note, sections "Signatures" and "Verifier keys".
    """

    name: str
    algorithm: int
    public_key: bytes

    def __post_init__(self) -> None:
        """Refuse a key that could not be written."""
        refuse_bad_name(self.name)
        if self.algorithm not in (ED25519, COSIGNATURE):
            raise DecodeError("bad-vkey", "expected a key of type 0x01 or 0x04")
        if len(self.public_key) != PUBLIC_KEY_BYTES:
            raise DecodeError("bad-vkey", f"expected a public key of {PUBLIC_KEY_BYTES} bytes")

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that tell keys of one name apart; a hint, not a hash to rely on."""
        material = self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public_key
        return sha256(material).digest()[:KEY_ID_BYTES]

    @property
    def vkey(self) -> str:
        """The key as text, for other tools."""
        encoded = encode_base64(bytes([self.algorithm]) + self.public_key)
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    @classmethod
    def parse(cls, vkey: str) -> NoteKey:
        """Return the key that a vkey spells.

        Raises:
            DecodeError: ``bad-vkey``, ``bad-key-name`` or ``bad-base64``.
        """
        name, *parts = vkey.split("+", 2)
        if len(parts) != 2:
            raise DecodeError("bad-vkey", "expected <name>+<key id>+<base64 key>")
        material = decode_base64(parts[1], 1 + PUBLIC_KEY_BYTES)
        key = cls(name, material[0], material[1:])
        if key.key_id.hex() != parts[0]:
            raise DecodeError("bad-vkey", f"expected key id {key.key_id.hex()} for this key")
        return key

    def verify(self, text: str, signature: bytes) -> None:
        """Return if ``signature`` (without its key id) is this key's over a note's text.

        Raises:
            VerificationError: ``bad-signature``.
        """
        if self.algorithm == ED25519:
            Verifier(self.public_key).verify(signature, text.encode())
            return
        timestamp_s, raw = split_cosignature(signature)
        Verifier(self.public_key).verify(raw, domains.cosignature_input(text, timestamp_s))


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line, not verified.

    Args:
        name: Key name.
        key_id: 4 bytes.
        signature: What the key's type prescribes; at least one byte.

    Raises:
        DecodeError: ``bad-key-name`` or ``bad-note-signature``.
    """

    name: str
    key_id: bytes
    signature: bytes

    def __post_init__(self) -> None:
        """Refuse a signature that could not be written."""
        refuse_bad_name(self.name)
        if len(self.key_id) != KEY_ID_BYTES or not self.signature:
            raise DecodeError("bad-note-signature", "expected a 4-byte key id and a signature")

    @property
    def line(self) -> str:
        """The signature line, newline included."""
        return f"{_DASH}{self.name} {encode_base64(self.key_id + self.signature)}\n"

    @classmethod
    def parse(cls, line: str) -> NoteSignature:
        """Return the signature that one line, without its newline, spells.

        Raises:
            DecodeError: ``bad-note-signature``, ``bad-key-name`` or ``bad-base64``.
        """
        name, space, encoded = line.removeprefix(_DASH).partition(" ")
        if not line.startswith(_DASH) or not space:
            raise DecodeError("bad-note-signature", "expected: em dash, key name, base64")
        raw = decode_base64(encoded)
        return cls(name, raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])


@dataclass(frozen=True, slots=True)
class Note:
    """A text and its signatures, well formed but not verified.

    Args:
        text: One or more lines, each ending in a newline.
        signatures: 1 to 64, no two under the same name and key id.

    Raises:
        DecodeError: ``bad-note``, ``bad-note-text``, ``duplicate-signature``, ``text-too-large``,
            ``not-utf8`` or ``control-character``.

    Source: C2SP signed-note, section "Format".
    """

    text: str
    signatures: tuple[NoteSignature, ...]

    def __post_init__(self) -> None:
        """Refuse a note that could not be written."""
        refuse_unclean(self.encode(), NOTE_BYTES_MAX)
        if not self.text.endswith("\n"):
            raise DecodeError("bad-note-text", "the text of a note ends in a newline")
        if not 1 <= len(self.signatures) <= NOTE_SIGNATURES_MAX:
            raise DecodeError("bad-note", f"expected 1 to {NOTE_SIGNATURES_MAX} signatures")
        if len({(each.name, each.key_id) for each in self.signatures}) != len(self.signatures):
            raise DecodeError("duplicate-signature", "a key signs a note once")

    def encode(self) -> str:
        """Return the note as text."""
        return self.text + "\n" + "".join(signature.line for signature in self.signatures)

    @classmethod
    def parse(cls, text: str) -> Note:
        """Return the note that ``text`` spells. Nothing is verified.

        Raises:
            DecodeError: as the class, and as :meth:`NoteSignature.parse`.
        """
        refuse_unclean(text, NOTE_BYTES_MAX)
        head, blank, tail = text.rpartition("\n\n")
        if not blank or not tail.endswith("\n"):
            raise DecodeError("bad-note", "expected a text, a blank line and signature lines")
        lines = tail[:-1].split("\n")
        if len(lines) > NOTE_SIGNATURES_MAX:
            raise DecodeError("bad-note", f"expected 1 to {NOTE_SIGNATURES_MAX} signatures")
        return cls(head + "\n", tuple(NoteSignature.parse(line) for line in lines))


def sign(signer: Signer, name: str, text: str) -> NoteSignature:
    """Return a plain (type 0x01) signature over a note's text, under a key name."""
    key = NoteKey(name, ED25519, signer.public_key)
    return NoteSignature(name, key.key_id, signer.sign(text.encode()))


def split_cosignature(signature: bytes) -> tuple[int, bytes]:
    """Return the timestamp in seconds and the 64-byte signature of a type 0x04 signature.

    Raises:
        VerificationError: ``bad-signature``.

    Source: C2SP tlog-cosignature, section "Format".
    """
    timestamp_s = int.from_bytes(signature[:TIMESTAMP_BYTES], "big")
    if len(signature) != TIMESTAMP_BYTES + SIGNATURE_BYTES or timestamp_s > INTEGER_MAX:
        raise VerificationError(
            "bad-signature", "a cosignature is a timestamp of 8 bytes and a signature of 64"
        )
    return timestamp_s, signature[TIMESTAMP_BYTES:]


def verify_known(note: Note, keys: Iterable[NoteKey]) -> tuple[tuple[NoteKey, NoteSignature], ...]:
    """Verify each signature that claims to be of a known key; ignore those of unknown keys.

    Returns:
        Each signature with the key it verified under, in the note's order. May be empty.

    Raises:
        VerificationError: ``bad-signature``, when a known key's signature is false.

    Source: C2SP signed-note, section "Signatures".
    """
    known: dict[tuple[str, bytes], list[NoteKey]] = {}
    for key in keys:
        known.setdefault((key.name, key.key_id), []).append(key)
    verified: list[tuple[NoteKey, NoteSignature]] = []
    for signature in note.signatures:
        candidates = known.get((signature.name, signature.key_id))
        if candidates:
            verified.append((_signing_key(note.text, signature, candidates), signature))
    return tuple(verified)


def _signing_key(text: str, signature: NoteSignature, candidates: list[NoteKey]) -> NoteKey:
    """Return the key that made the signature. Several only if their 4-byte ids collide."""
    for key in candidates:
        try:
            key.verify(text, signature.signature)
        except VerificationError:
            continue
        return key
    raise VerificationError(
        "bad-signature", f"the signature under {signature.name} does not belong to this text"
    )
