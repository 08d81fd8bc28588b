"""Checkpoints: their text, cosignatures, what a reader accepts, and the trust policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import DecodeError, LedgerError, VerificationError
from ledger.keys import Signer, Verifier
from ledger.log import checkpoint as cp
from ledger.log import note
from ledger.log.checkpoint import Checkpoint, Cosignature
from ledger.log.policy import policy_text

GOLDEN = Path(__file__).parent / "golden" / "log"

ORIGIN = cp.origin("pay", bytes(range(32)))
PARTIES = {
    name: Signer(bytes([number]) * 32)
    for number, name in enumerate(("platform", "institution", "funder", "auditor"), start=1)
}
LOG_KEYS = [signer.public_key for signer in PARTIES.values()]
COSIGNERS = {cp.cosigner_name(ORIGIN, n): s.public_key for n, s in PARTIES.items()}
POINT = Checkpoint(ORIGIN, 1000, b"\x11" * 32, 7, 9, b"\x22" * 32)


def cosignature(party: str, point: Checkpoint = POINT, time_s: int = 1_700_000_000) -> Cosignature:
    signer = PARTIES[party]
    name = cp.cosigner_name(point.origin, party)
    return Cosignature(name, signer.public_key, time_s, cp.cosign(signer, point, time_s))


def served(*parties: str, by: str = "platform", point: Checkpoint = POINT) -> str:
    return cp.signed_checkpoint(point, PARTIES[by], [cosignature(p, point) for p in parties])


def open_it(text: str, quorum: int = 3) -> cp.VerifiedCheckpoint:
    return cp.open_checkpoint(text, LOG_KEYS, COSIGNERS, quorum)


def test_checkpoint_text_is_four_lines() -> None:
    assert "tongzhang/pay/" + bytes(range(32)).hex() == ORIGIN
    assert POINT.text() == (
        f"{ORIGIN}\n"
        "1000\n"
        "ERERERERERERERERERERERERERERERERERERERERERE=\n"
        "block 7 9 " + "22" * 32 + "\n"
    )


points = st.builds(
    Checkpoint,
    st.sampled_from([ORIGIN, "x", "例/子"]),
    st.integers(0, 2**63 - 1),
    st.binary(min_size=32, max_size=32),
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**63 - 1),
    st.binary(min_size=32, max_size=32),
)


@given(points)
def test_checkpoint_text_round_trips(point: Checkpoint) -> None:
    assert Checkpoint.parse(point.text()) == point


TEXT = POINT.text()
TEXTS_REFUSED = {
    "empty": "",
    "no block line": "\n".join(TEXT.split("\n")[:3]) + "\n",
    "two block lines": TEXT + TEXT.split("\n")[3] + "\n",
    "another extension line": TEXT + "more\n",
    "no final newline": TEXT[:-1],
    "blank line at the end": TEXT + "\n",
    "empty origin": TEXT.replace(ORIGIN, ""),
    "origin with a space": TEXT.replace("pay", "p y"),
    "origin with a plus": TEXT.replace("pay", "p+y"),
    "size with leading zero": TEXT.replace("\n1000\n", "\n01000\n"),
    "size with plus": TEXT.replace("\n1000\n", "\n+1000\n"),
    "size negative": TEXT.replace("\n1000\n", "\n-1\n"),
    "size empty": TEXT.replace("\n1000\n", "\n\n"),
    "size with underscore": TEXT.replace("\n1000\n", "\n1_000\n"),
    "size in other digits": TEXT.replace("\n1000\n", "\n١\n"),
    "size too large": TEXT.replace("\n1000\n", f"\n{2**63}\n"),
    "size with a space": TEXT.replace("\n1000\n", "\n1000 \n"),
    "root too short": TEXT.replace("ERER", "", 1),
    "root without padding": TEXT.replace("=", ""),
    "root with spare bits": TEXT.replace("ERE=", "ERF="),
    "height with leading zero": TEXT.replace("block 7", "block 07"),
    "slot with leading zero": TEXT.replace("7 9", "7 09"),
    "height too large": TEXT.replace("block 7", f"block {2**63}"),
    "no slot": TEXT.replace("7 9 ", "7 "),
    "two spaces": TEXT.replace("7 9", "7  9"),
    "block hash in upper case": TEXT.replace("22" * 32, "AA" * 32),
    "block hash too short": TEXT.replace("22" * 32, "22" * 31),
    "block hash too long": TEXT.replace("22" * 32, "22" * 33),
    "other keyword": TEXT.replace("block", "Block"),
}


@pytest.mark.parametrize("name", TEXTS_REFUSED)
def test_checkpoint_parser_refuses(name: str) -> None:
    with pytest.raises(DecodeError):
        Checkpoint.parse(TEXTS_REFUSED[name])


@given(st.one_of(st.text(max_size=200), st.text(alphabet=TEXT, max_size=200)))
def test_arbitrary_text_raises_decode_errors_only(text: str) -> None:
    try:
        point = Checkpoint.parse(text)
    except DecodeError:
        return
    assert point.text() == text


@given(st.integers(0, len(TEXT) - 1), st.characters())
def test_a_changed_character_gives_no_checkpoint_or_a_canonical_one(at: int, new: str) -> None:
    text = TEXT[:at] + new + TEXT[at + 1 :]
    try:
        point = Checkpoint.parse(text)
    except DecodeError:
        return
    assert point.text() == text


@pytest.mark.parametrize(
    "change",
    [
        {"size": -1},
        {"size": 2**63},
        {"height": -1},
        {"slot": -1},
        {"root": b""},
        {"block": bytes(31)},
        {"origin": "a b"},
    ],
)
def test_checkpoint_refuses_values_the_text_cannot_spell(change: dict[str, object]) -> None:
    with pytest.raises(DecodeError):
        replace(POINT, **change)  # type: ignore[arg-type]


def test_cosignature_signs_the_specified_message() -> None:
    signature = cp.cosign(PARTIES["funder"], POINT, 42)
    message = b"cosignature/v1\ntime 42\n" + TEXT.encode()
    Verifier(PARTIES["funder"].public_key).verify(signature, message)


def test_cosignature_verifies_for_its_key_time_and_checkpoint_only() -> None:
    verifier = Verifier(PARTIES["funder"].public_key)
    signature = cp.cosign(PARTIES["funder"], POINT, 42)
    cp.verify_cosignature(verifier, POINT, 42, signature)
    other_point = replace(POINT, height=8)
    other_verifier = Verifier(PARTIES["auditor"].public_key)
    for false in (
        (verifier, POINT, 43, signature),
        (verifier, other_point, 42, signature),
        (other_verifier, POINT, 42, signature),
        (verifier, POINT, 42, signature[:-1]),
        (verifier, POINT, 42, bytes(64)),
    ):
        with pytest.raises(VerificationError, match="bad-signature"):
            cp.verify_cosignature(*false)


@pytest.mark.parametrize("time_s", [-1, 2**63])
def test_a_timestamp_out_of_range_is_refused(time_s: int) -> None:
    with pytest.raises(LedgerError, match="bad-timestamp"):
        cp.cosign(PARTIES["funder"], POINT, time_s)
    bad = cosignature("funder")._replace(timestamp_s=time_s)
    with pytest.raises(LedgerError, match="bad-timestamp"):
        cp.signed_checkpoint(POINT, PARTIES["platform"], [bad])


def test_a_misshapen_cosignature_is_not_written() -> None:
    bad = cosignature("funder")._replace(signature=bytes(63))
    with pytest.raises(DecodeError, match="bad-note-signature"):
        cp.signed_checkpoint(POINT, PARTIES["platform"], [bad])


def test_served_checkpoint_opens_and_says_who_signed() -> None:
    text = served("platform", "funder", "auditor", by="institution")
    opened = open_it(text)
    assert opened.checkpoint == POINT
    assert opened.served_by == (PARTIES["institution"].public_key,)
    assert opened.cosigned_at == tuple(
        (f"{ORIGIN}/{party}", 1_700_000_000) for party in ("platform", "funder", "auditor")
    )
    lines = note.Note.parse(text).signatures
    assert [line.name for line in lines] == [ORIGIN, *(n for n, _ in opened.cosigned_at)]


def test_cosignatures_of_strangers_are_ignored_and_not_counted() -> None:
    text = served("platform", "funder", "auditor")
    known = {n: k for n, k in COSIGNERS.items() if not n.endswith("/auditor")}
    assert len(cp.open_checkpoint(text, LOG_KEYS, known, 2).cosigned_at) == 2
    with pytest.raises(VerificationError, match="no-quorum"):
        cp.open_checkpoint(text, LOG_KEYS, known, 3)


def _with_line(
    text: str, at: int, change: Callable[[note.NoteSignature], note.NoteSignature]
) -> str:
    opened = note.Note.parse(text)
    lines = list(opened.signatures)
    lines[at] = change(lines[at])
    return note.Note(opened.text, tuple(lines)).encode()


def _flip(line: note.NoteSignature) -> note.NoteSignature:
    return replace(line, signature=line.signature[:-1] + bytes([line.signature[-1] ^ 1]))


def _later(line: note.NoteSignature) -> note.NoteSignature:
    return replace(line, signature=bytes(7) + b"\x01" + line.signature[8:])


FULL = served("platform", "institution", "funder")
FALSE_CHECKPOINTS: dict[str, tuple[str, str]] = {
    "own signature flipped": (_with_line(FULL, 0, _flip), "bad-signature"),
    "cosignature flipped": (_with_line(FULL, 2, _flip), "bad-signature"),
    "cosignature with another time": (_with_line(FULL, 3, _later), "bad-signature"),
    "cosignature cut short": (
        _with_line(FULL, 1, lambda line: replace(line, signature=line.signature[:-1])),
        "bad-signature",
    ),
    "size changed": (FULL.replace("\n1000\n", "\n1001\n"), "bad-signature"),
    "root changed": (FULL.replace("\nERER", "\nERES", 1), "bad-signature"),
    "slot changed": (FULL.replace("7 9", "7 8"), "bad-signature"),
    "block hash changed": (FULL.replace("22" * 32, "23" * 32), "bad-signature"),
    "origin changed": (FULL.replace("pay", "bay"), "wrong-origin"),
    "one cosignature fewer": (served("platform", "institution"), "no-quorum"),
    "no cosignature": (served(), "no-quorum"),
    "own signature missing": (
        FULL.replace(note.Note.parse(FULL).signatures[0].line, ""),
        "unsigned-checkpoint",
    ),
    "own signature under a stranger's name": (
        _with_line(FULL, 0, lambda line: replace(line, name="stranger")),
        "unsigned-checkpoint",
    ),
    "own signature of an unknown key": (
        cp.signed_checkpoint(
            POINT, Signer(b"\x99" * 32), [cosignature(p) for p in ("platform", "funder", "auditor")]
        ),
        "unsigned-checkpoint",
    ),
    "one party under two names": (
        cp.signed_checkpoint(
            POINT,
            PARTIES["platform"],
            [
                cosignature("platform"),
                cosignature("funder"),
                cosignature("funder")._replace(name=f"{ORIGIN}/auditor"),
            ],
        ),
        "no-quorum",
    ),
    "another log of the same keys": (
        served("platform", "institution", "funder", point=replace(POINT, origin="tongzhang/x/00")),
        "wrong-origin",
    ),
}


@pytest.mark.parametrize("name", FALSE_CHECKPOINTS)
def test_checkpoint_reader_rejects(name: str) -> None:
    text, code = FALSE_CHECKPOINTS[name]
    with pytest.raises(VerificationError) as caught:
        open_it(text)
    assert caught.value.code == code


def test_a_cosignature_written_twice_is_refused() -> None:
    line = note.Note.parse(FULL).signatures[1].line
    with pytest.raises(DecodeError, match="duplicate-signature"):
        open_it(FULL + line)
    with pytest.raises(DecodeError, match="duplicate-signature"):
        served("funder", "funder")


def test_one_key_under_two_known_names_counts_once() -> None:
    twice = [cosignature("funder"), cosignature("funder")._replace(name=f"{ORIGIN}/alias")]
    text = cp.signed_checkpoint(POINT, PARTIES["platform"], twice)
    known = COSIGNERS | {f"{ORIGIN}/alias": PARTIES["funder"].public_key}
    assert len(cp.open_checkpoint(text, LOG_KEYS, known, 1).cosigned_at) == 2
    with pytest.raises(VerificationError, match="no-quorum"):
        cp.open_checkpoint(text, LOG_KEYS, known, 2)


def test_a_log_whose_name_begins_anothers_is_another_log() -> None:
    shorter = replace(POINT, origin=ORIGIN.rpartition("/")[0])
    assert ORIGIN.startswith(f"{shorter.origin}/")
    for point in (shorter, replace(POINT, origin=f"{ORIGIN}/platform")):
        with pytest.raises(VerificationError) as caught:
            open_it(served("platform", "institution", "funder", point=point))
        assert caught.value.code == "wrong-origin"


@pytest.mark.parametrize("quorum", [-1, 0, 5])
def test_a_trust_that_asks_nothing_or_too_much_is_refused(quorum: int) -> None:
    with pytest.raises(LedgerError, match="bad-quorum"):
        open_it(FULL, quorum)


@given(st.integers(0, len(FULL) - 1), st.characters(exclude_categories=["Cs"]))
def test_no_changed_character_of_a_served_checkpoint_is_believed(at: int, new: str) -> None:
    if FULL[at] == new:
        return
    with pytest.raises((DecodeError, VerificationError)):
        open_it(FULL[:at] + new + FULL[at + 1 :])


@given(st.text(max_size=300))
def test_arbitrary_notes_raise_decode_and_verification_errors_only(text: str) -> None:
    with pytest.raises((DecodeError, VerificationError)):
        open_it(text)


def test_policy_names_every_party_and_the_quorum() -> None:
    keys = {name: signer.public_key for name, signer in PARTIES.items()}
    lines = policy_text(ORIGIN, keys, 3).splitlines()
    assert [line.split()[0] for line in lines] == ["log"] * 4 + ["witness"] * 4 + [
        "group",
        "quorum",
    ]
    for line, key in zip(lines[:4], LOG_KEYS, strict=True):
        assert note.NoteKey.parse(line.split()[1]) == note.NoteKey(ORIGIN, note.ED25519, key)
    for line, (name, key) in zip(lines[4:8], COSIGNERS.items(), strict=True):
        assert line.split()[1] == name
        assert note.NoteKey.parse(line.split()[2]) == note.NoteKey(name, note.COSIGNATURE, key)
    assert lines[8].split() == ["group", "consortium", "3", *COSIGNERS]
    assert lines[9] == "quorum consortium"


def test_policy_refuses_a_quorum_or_keys_that_cannot_work() -> None:
    key = LOG_KEYS[0]
    for quorum in (0, 2):
        with pytest.raises(LedgerError, match="bad-quorum"):
            policy_text(ORIGIN, {"a": key}, quorum)
    with pytest.raises(LedgerError, match="duplicate-key"):
        policy_text(ORIGIN, {"a": key, "b": key}, 1)


def test_the_golden_checkpoint_opens_under_its_own_policy() -> None:
    keys = [
        note.NoteKey.parse(line)
        for line in (GOLDEN / "cosigners.txt").read_text(encoding="utf-8").splitlines()
    ]
    own = note.NoteKey.parse((GOLDEN / "vkey.txt").read_text(encoding="utf-8").strip())
    text = (GOLDEN / "checkpoint.txt").read_text(encoding="utf-8")
    cosigners = {key.name: key.public_key for key in keys}
    opened = cp.open_checkpoint(text, [own.public_key], cosigners, 3)
    assert opened.checkpoint.size == 300
