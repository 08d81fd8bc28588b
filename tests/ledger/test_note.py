"""Signed notes: keys, names, signature lines, and which signatures are believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import DecodeError, VerificationError
from ledger.keys import Signer
from ledger.log import note
from ledger.log.limits import NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX
from ledger.log.note import COSIGNATURE, ED25519, Note, NoteKey, NoteSignature
from ledger.log.text import decode_utf8

# Source: golang.org/x/mod/sumdb/note, package documentation.
KNOWN_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
KNOWN_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpR"
    "Zb6KE6RyyBwJnAM=\n"
)

ALICE = Signer(b"\x01" * 32)
BOB = Signer(b"\x02" * 32)
TEXT = "one\n\ntwo\n"
LINE = note.sign(ALICE, "example/alice", TEXT).line
GOOD = TEXT + "\n" + LINE


def key_of(signer: Signer, name: str) -> NoteKey:
    return NoteKey(name, ED25519, signer.public_key)


def test_a_note_signed_by_another_tool_verifies() -> None:
    key = NoteKey.parse(KNOWN_VKEY)
    opened = Note.parse(KNOWN_NOTE)
    ((found, signature),) = note.verify_known(opened, [key])
    assert (found, signature.name) == (key, "PeterNeumann")
    assert opened.encode() == KNOWN_NOTE
    assert key.vkey == KNOWN_VKEY


def test_a_note_whose_text_has_blank_lines_is_split_at_the_last_one() -> None:
    opened = Note.parse(GOOD)
    assert opened.text == TEXT
    assert opened.encode() == GOOD


characters = st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters="+")
names = st.text(characters, min_size=1, max_size=40)


@given(names, st.binary(min_size=32, max_size=32), st.sampled_from([ED25519, COSIGNATURE]))
def test_vkey_round_trips(name: str, public_key: bytes, algorithm: int) -> None:
    key = NoteKey(name, algorithm, public_key)
    assert NoteKey.parse(key.vkey) == key


def test_key_id_depends_on_name_type_and_key() -> None:
    keys = [
        NoteKey("a", ED25519, ALICE.public_key),
        NoteKey("b", ED25519, ALICE.public_key),
        NoteKey("a", COSIGNATURE, ALICE.public_key),
        NoteKey("a", ED25519, BOB.public_key),
    ]
    assert len({key.key_id for key in keys}) == 4


VKEYS_REFUSED = {
    "empty": "",
    "name only": "PeterNeumann",
    "no key": "PeterNeumann+c74f20a3",
    "other key id": KNOWN_VKEY.replace("c74f", "c74e"),
    "upper-case key id": KNOWN_VKEY.replace("c74f20a3", "C74F20A3"),
    "short key id": KNOWN_VKEY.replace("c74f20a3", "c74f20a"),
    "other name": KNOWN_VKEY.replace("Peter", "Petra"),
    "empty name": KNOWN_VKEY.replace("PeterNeumann", ""),
    "name with a space": KNOWN_VKEY.replace("Peter", "Peter "),
    "trailing newline": KNOWN_VKEY + "\n",
    "key cut short": KNOWN_VKEY[:-4],
    "unknown type": KNOWN_VKEY.replace("+ARpc", "+AhpC"),
    "base64 with spare bits": KNOWN_VKEY[:-1] + "X",
}


@pytest.mark.parametrize("name", VKEYS_REFUSED)
def test_vkey_parser_refuses(name: str) -> None:
    with pytest.raises(DecodeError):
        NoteKey.parse(VKEYS_REFUSED[name])


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a b",
        "a+b",
        "a\tb",
        "a\nb",
        "a\u00a0b",
        "a\u2003b",
        "a\u3000",
        "a\x00",
        "\ud800",
        "x" * 256,
    ],
)
def test_key_name_refuses(name: str) -> None:
    with pytest.raises(DecodeError):
        NoteKey(name, ED25519, ALICE.public_key)


NOTES_REFUSED = {
    "empty": "",
    "no signature": TEXT,
    "no signature after the blank line": TEXT + "\n",
    "no blank line": "one\n" + LINE,
    "no text": "\n" + LINE,
    "no final newline": GOOD[:-1],
    "text behind the signatures": GOOD + "more\n",
    "blank line behind the signatures": GOOD + "\n",
    "carriage returns": GOOD.replace("\n", "\r\n"),
    "control character in the text": GOOD.replace("one", "o\x01e"),
    "lone surrogate": GOOD.replace("one", "o\udc80e"),
    "hyphen instead of em dash": GOOD.replace("—", "-"),
    "no space after the dash": GOOD.replace("— ", "—"),
    "two spaces": GOOD.replace("alice ", "alice  "),
    "name with plus": GOOD.replace("alice", "ali+ce"),
    "no signature bytes": TEXT + "\n— example/alice AAAAAA==\n",
    "empty base64": TEXT + "\n— example/alice \n",
    "no base64": TEXT + "\n— example/alice\n",
    "trailing space": GOOD[:-1] + " \n",
    "base64 without padding": GOOD.replace("=", ""),
    "url-safe base64": TEXT + "\n— example/alice AAAA_-AA\n",
    "base64 with spare bits": TEXT + "\n— example/alice AAAAAAB=\n",
    "the same line twice": GOOD + LINE,
    "too many signatures": TEXT
    + "\n"
    + "".join(NoteSignature(f"n{i}", bytes(4), b"x").line for i in range(NOTE_SIGNATURES_MAX + 1)),
    "too large": "x" * NOTE_BYTES_MAX + "\n\n" + LINE,
}


@pytest.mark.parametrize("name", NOTES_REFUSED)
def test_note_parser_refuses(name: str) -> None:
    with pytest.raises(DecodeError):
        Note.parse(NOTES_REFUSED[name])


def test_a_note_takes_as_many_signatures_as_the_limit() -> None:
    lines = tuple(NoteSignature(f"n{i}", bytes(4), b"x") for i in range(NOTE_SIGNATURES_MAX))
    made = Note(TEXT, lines)
    assert Note.parse(made.encode()) == made


@given(st.text(max_size=300))
def test_arbitrary_text_raises_decode_errors_only(text: str) -> None:
    for parse in (Note.parse, NoteKey.parse, NoteSignature.parse):
        try:
            parse(text)
        except DecodeError:
            continue


@given(st.integers(0, len(GOOD.encode()) - 1), st.integers(0, 255))
def test_a_changed_byte_gives_no_note_or_another_canonical_note_that_does_not_verify(
    at: int, value: int
) -> None:
    raw = bytearray(GOOD.encode())
    if raw[at] == value:
        return
    raw[at] = value
    try:
        text = decode_utf8(bytes(raw), NOTE_BYTES_MAX)
        opened = Note.parse(text)
    except DecodeError:
        return
    assert opened.encode() == text
    try:
        verified = note.verify_known(opened, [key_of(ALICE, "example/alice")])
    except VerificationError:
        return
    assert verified == ()  # the change made it a signature of an unknown key


def test_bytes_that_are_no_utf8_or_too_many_are_refused() -> None:
    with pytest.raises(DecodeError, match="not-utf8"):
        decode_utf8(b"\xff", 10)
    with pytest.raises(DecodeError, match="text-too-large"):
        decode_utf8(b"x" * 11, 10)


def test_signatures_of_unknown_keys_are_ignored() -> None:
    opened = Note.parse(GOOD)
    assert note.verify_known(opened, []) == ()
    assert note.verify_known(opened, [key_of(ALICE, "example/other")]) == ()
    assert note.verify_known(opened, [key_of(BOB, "example/alice")]) == ()


def test_a_false_signature_of_a_known_key_refuses_the_whole_note() -> None:
    good = note.sign(BOB, "example/bob", TEXT)
    false = note.sign(ALICE, "example/alice", "other text\n")
    keys = [key_of(BOB, "example/bob"), key_of(ALICE, "example/alice")]
    with pytest.raises(VerificationError, match="bad-signature"):
        note.verify_known(Note(TEXT, (good, false)), keys)


def test_a_plain_signature_is_no_cosignature_and_the_reverse() -> None:
    plain = note.sign(ALICE, "example/alice", TEXT).signature
    with pytest.raises(VerificationError, match="bad-signature"):
        NoteKey("example/alice", COSIGNATURE, ALICE.public_key).verify(TEXT, plain)
    with pytest.raises(VerificationError, match="bad-signature"):
        NoteKey("example/alice", COSIGNATURE, ALICE.public_key).verify(TEXT, bytes(8) + plain)
    with pytest.raises(VerificationError, match="bad-signature"):
        key_of(ALICE, "example/alice").verify(TEXT, bytes(8) + plain)


def test_keys_with_colliding_ids_are_both_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NoteKey, "key_id", property(lambda self: b"same"))
    keys = [key_of(BOB, "example"), key_of(ALICE, "example")]
    signed = Note(TEXT, (note.sign(ALICE, "example", TEXT),))
    ((found, _),) = note.verify_known(signed, keys)
    assert found.public_key == ALICE.public_key


@pytest.mark.parametrize("signature", [b"", bytes(71), bytes(73), b"\x80" + bytes(71)])
def test_a_misshapen_cosignature_is_false(signature: bytes) -> None:
    with pytest.raises(VerificationError, match="bad-signature"):
        note.split_cosignature(signature)
