"""Proof files: round trip, the canonical form only, limits, and a proof made long ago."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import DecodeError
from ledger.keys import Signer
from ledger.log import merkle, note
from ledger.log.checkpoint import Checkpoint
from ledger.log.limits import EXTRA_BYTES_MAX, PATH_HASHES_MAX, PROOF_BYTES_MAX
from ledger.log.proof import TlogProof
from ledger.log.text import decode_utf8

GOLDEN = Path(__file__).parent / "golden" / "log"
SIGNER = Signer(b"\x07" * 32)
TEXT = "tongzhang/pay/0001020304050607\n5\n" + "A" * 43 + "=\nblock 1 1 " + "00" * 32 + "\n"
CHECKPOINT = note.Note(TEXT, (note.sign(SIGNER, "x", TEXT),)).encode()
HASH = bytes(32)
LINE = "A" * 43 + "=\n"

hashes = st.binary(min_size=32, max_size=32)
proofs = st.builds(
    TlogProof,
    st.integers(0, 2**63 - 1),
    st.lists(hashes, max_size=PATH_HASHES_MAX).map(tuple),
    st.just(CHECKPOINT),
    st.none() | st.binary(min_size=1, max_size=50),
)


@given(proofs)
def test_proof_file_round_trips(proof: TlogProof) -> None:
    assert TlogProof.parse(proof.encode()) == proof


def test_proof_file_has_the_specified_lines() -> None:
    proof = TlogProof(3, (HASH, HASH), CHECKPOINT, b"hi")
    assert proof.encode() == (
        "c2sp.org/tlog-proof@v1\nextra aGk=\nindex 3\n" + LINE * 2 + "\n" + CHECKPOINT
    )
    bare = TlogProof(0, (), CHECKPOINT)
    assert bare.encode() == "c2sp.org/tlog-proof@v1\nindex 0\n\n" + CHECKPOINT


GOOD = TlogProof(3, (HASH, HASH), CHECKPOINT, b"hi").encode()
REFUSED = {
    "empty": "",
    "other version": GOOD.replace("@v1", "@v2"),
    "leading blank line": "\n" + GOOD,
    "no checkpoint": GOOD.split("\n\n")[0] + "\n\n",
    "no blank line": GOOD.replace(LINE + "\n", LINE),
    "two blank lines": GOOD.replace(LINE + "\n", LINE + "\n\n"),
    "no index": GOOD.replace("index 3\n", ""),
    "index twice": GOOD.replace("index 3\n", "index 3\nindex 3\n"),
    "index before extra": GOOD.replace("extra aGk=\nindex 3\n", "index 3\nextra aGk=\n"),
    "index with leading zero": GOOD.replace("index 3", "index 03"),
    "index negative": GOOD.replace("index 3", "index -3"),
    "index too large": GOOD.replace("index 3", f"index {2**63}"),
    "index without number": GOOD.replace("index 3", "index "),
    "index with trailing space": GOOD.replace("index 3", "index 3 "),
    "index in upper case": GOOD.replace("index 3", "Index 3"),
    "extra twice": GOOD.replace("extra aGk=\n", "extra aGk=\n" * 2),
    "extra empty": GOOD.replace("aGk=", ""),
    "extra with spare bits": GOOD.replace("aGk=", "aGl="),
    "extra without padding": GOOD.replace("aGk=", "aGk"),
    "extra too large": GOOD.replace("aGk=", "AAAA" * (EXTRA_BYTES_MAX // 3 + 1)),
    "hash too short": GOOD.replace(LINE, "AAAA\n", 1),
    "hash with spare bits": GOOD.replace("A=\n", "B=\n", 1),
    "hash with a space": GOOD.replace(LINE, " " + LINE, 1),
    "too many hashes": GOOD.replace(LINE, LINE * PATH_HASHES_MAX, 1),
    "carriage returns": GOOD.replace("\n", "\r\n"),
    "control character": GOOD.replace("extra", "ex\x00tra"),
    "checkpoint cut short": GOOD[:-1],
    "checkpoint without signature": GOOD[: GOOD.index("— ")],
    "text behind the checkpoint": GOOD + "x\n",
    "too large": GOOD + "x" * PROOF_BYTES_MAX,
}


@pytest.mark.parametrize("name", REFUSED)
def test_proof_file_parser_refuses(name: str) -> None:
    assert REFUSED[name] != GOOD
    with pytest.raises(DecodeError):
        TlogProof.parse(REFUSED[name])


@pytest.mark.parametrize(
    "values",
    [
        (-1, (), CHECKPOINT, None),
        (2**63, (), CHECKPOINT, None),
        (0, (bytes(31),), CHECKPOINT, None),
        (0, (HASH,) * (PATH_HASHES_MAX + 1), CHECKPOINT, None),
        (0, (), CHECKPOINT, b""),
        (0, (), CHECKPOINT, bytes(EXTRA_BYTES_MAX + 1)),
        (0, (), "no note", None),
    ],
)
def test_proof_refuses_values_the_file_cannot_spell(
    values: tuple[int, tuple[bytes, ...], str, bytes | None],
) -> None:
    with pytest.raises(DecodeError):
        TlogProof(*values)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_decode_errors_only(raw: bytes) -> None:
    with pytest.raises(DecodeError):
        TlogProof.parse(decode_utf8(raw, PROOF_BYTES_MAX))


@given(st.integers(0, len(GOOD) - 1), st.characters())
def test_a_changed_character_gives_no_proof_or_a_canonical_one(at: int, new: str) -> None:
    text = GOOD[:at] + new + GOOD[at + 1 :]
    try:
        proof = TlogProof.parse(text)
    except DecodeError:
        return
    assert proof.encode() == text


@pytest.mark.parametrize("index", [0, 255, 299])
def test_the_golden_proof_still_verifies(index: int) -> None:
    proof = TlogProof.parse((GOLDEN / f"{index}.tlog-proof").read_text(encoding="utf-8"))
    leaf = (GOLDEN / f"{index}.leaf").read_bytes()
    point = Checkpoint.parse(note.Note.parse(proof.checkpoint_text).text)
    assert proof.index == index
    merkle.verify_inclusion(merkle.leaf_hash(leaf), index, point.size, proof.path, point.root)
