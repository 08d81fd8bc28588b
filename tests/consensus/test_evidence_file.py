"""The evidence file: one spelling, verified offline, and nothing else is taken for one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus.evidence import Evidence, of_votes
from consensus.evidence_file import conviction, decode_file, encode_file, verify_file
from consensus.limits import EVIDENCE_FILE_BYTES_MAX
from consensus.votes import notar_subject, sign_vote, skip_subject
from ledger import canonical, domains
from ledger.errors import DecodeError, LedgerError, VerificationError
from tests.consensus.test_evidence import A, B, batches, final, proposals, vote
from tests.ledger.chain_kit import SIGNERS, genesis_of

GENESIS = genesis_of(4, 3)
OTHER = genesis_of(4, 4)
ROOT = Path(__file__).resolve().parents[2]


def _lie(one: object, other: object) -> Evidence:
    lie = of_votes(vote(one), vote(other))  # type: ignore[arg-type]
    assert lie is not None
    return lie


LIES = {
    "two-notar": _lie(notar_subject(5, A), notar_subject(5, B)),
    "two-final": _lie(final(5, A), final(5, B)),
    "final-skip": _lie(final(5, A), skip_subject(5)),
    "final-notar": _lie(final(5, A), notar_subject(5, B)),
    "two-proposals": proposals(),
    "two-batches": batches(),
}
FILES = {kind: encode_file(lie, GENESIS) for kind, lie in LIES.items()}
WORDS = {
    "two-notar": "funder voted Notar twice in slot 5: for block 01010101",
    "two-final": "funder voted Final twice in slot 5: for block 01010101",
    "final-skip": "funder voted Final for block 01010101",
    "final-notar": "funder voted Final for block 01010101",
    "two-proposals": "funder proposed two blocks for slot 2:",
    "two-batches": "funder signed two batches with number 1:",
}
REFUSED = {
    "text-too-large", "not-json", "not-canonical", "duplicate-key", "float", "integer-range",
    "null", "key-not-ascii", "too-deep", "unknown-field", "missing-field", "too-long", "too-short",
    "bad-format", "unknown-value", "wrong-type", "invalid-field", "bad-evidence-file",
    "bad-checkpoint", "bad-decimal", "bad-base64", "bad-key-name", "control-character", "not-utf8",
}  # fmt: skip
"""Every code with which a file is refused before its signatures are looked at."""


@pytest.mark.parametrize("kind", LIES)
def test_every_kind_round_trips_and_says_who_lied_and_how(kind: str) -> None:
    raw = FILES[kind]
    file, evidence = decode_file(raw)
    assert evidence == LIES[kind]
    assert canonical.encode(file) == raw == encode_file(evidence, GENESIS)
    proved = verify_file(raw, GENESIS)
    assert (proved.party, proved.kind, proved.id) == ("funder", kind, LIES[kind].id)
    assert proved.words.startswith(WORDS[kind])
    assert bool(proved.number) == (kind == "two-batches") != bool(proved.slot)


@pytest.mark.parametrize("kind", LIES)
def test_a_stranger_needs_only_the_key_to_check_both_signatures(kind: str) -> None:
    document = json.loads(FILES[kind])
    key = GENESIS.verifiers["funder"]
    for statement in document["statements"]:
        key.verify(b64decode(statement["signature"]), b64decode(statement["signed"]))
    assert document["ledger"] == GENESIS.ledger and document["party"] == "funder"


def _changed(kind: str, change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(FILES[kind])
    change(document)
    return canonical.encode(document)


def _signed(name: str, message: bytes) -> dict[str, str]:
    signature = SIGNERS[name].sign(message)
    return {"signature": b64encode(signature).decode(), "signed": b64encode(message).decode()}


def _swap(document: dict[str, Any]) -> None:
    document["statements"].reverse()


def _twice(document: dict[str, Any]) -> None:
    document["statements"][1] = document["statements"][0]


def _bad_signature(document: dict[str, Any]) -> None:
    document["statements"][1]["signature"] = b64encode(bytes(64)).decode()


def _others_signature(document: dict[str, Any]) -> None:
    message = b64decode(document["statements"][1]["signed"])
    document["statements"][1] = _signed("auditor", message)


def _stranger_statement(document: dict[str, Any]) -> None:
    document["statements"][1] = _signed("funder", b"tongzhang/handshake/v1\n{}")


def _of_another_ledger(document: dict[str, Any]) -> None:
    said = {"kind": "skip", "ledger": OTHER.ledger, "slot": 5}
    document["statements"][1] = _signed(
        "funder", domains.vote_signature_input(canonical.encode(said))
    )


def _spaced(document: dict[str, Any]) -> None:
    said = b'{"kind": "skip","ledger":"' + GENESIS.ledger.encode() + b'","slot":5}'
    document["statements"][1] = _signed("funder", domains.vote_signature_input(said))


def _rename_log(document: dict[str, Any]) -> None:
    first = document["statements"][0]
    signed = b64decode(first["signed"]).replace(b"tongzhang/test/", b"tongzhang/tast/")
    first["signed"] = b64encode(signed).decode()


CORRUPTIONS: dict[str, tuple[bytes, str]] = {
    "another ledger": (
        encode_file(
            of_votes(*(
                sign_vote(notar_subject(5, h), SIGNERS["funder"], "funder", 0, OTHER)
                for h in (A, B)
            )),  # type: ignore[arg-type]
            OTHER,
        ),
        "wrong-ledger",
    ),
    "ledger renamed": (
        _changed("two-notar", lambda d: d.update(ledger="ab" * 32)), "bad-evidence-file",
    ),
    "checkpoint of another log": (
        _changed("two-final", lambda d: d.update(ledger="ab" * 32)), "bad-evidence-file",
    ),
    "unknown party": (_changed("two-notar", lambda d: d.update(party="nobody")), "unknown-party"),
    "another party": (_changed("two-notar", lambda d: d.update(party="auditor")), "bad-evidence"),
    "another proposer": (
        _changed("two-proposals", lambda d: d.update(party="auditor")), "bad-evidence",
    ),
    "equal statements": (_changed("two-notar", _twice), "bad-evidence"),
    "equal headers": (_changed("two-batches", _twice), "bad-evidence"),
    "swapped statements": (_changed("final-skip", _swap), "bad-evidence"),
    "swapped headers": (_changed("two-proposals", _swap), "bad-evidence"),
    "wrong kind": (_changed("two-notar", lambda d: d.update(kind="two-final")), "bad-evidence"),
    "kind of headers": (
        _changed("two-notar", lambda d: d.update(kind="two-batches")), "bad-evidence-file",
    ),
    "kind of votes": (
        _changed("two-proposals", lambda d: d.update(kind="two-notar")), "bad-evidence-file",
    ),
    "other header": (
        _changed("two-proposals", lambda d: d.update(kind="two-batches")), "unknown-field",
    ),
    "unknown kind": (_changed("two-notar", lambda d: d.update(kind="lie")), "unknown-value"),
    "wrong slot": (_changed("two-notar", lambda d: d.update(slot=6)), "bad-evidence-file"),
    "slot of a batch": (_changed("two-batches", lambda d: d.update(slot=1)), "bad-evidence-file"),
    "bad signature": (_changed("final-skip", _bad_signature), "bad-evidence"),
    "bad header signature": (_changed("two-batches", _bad_signature), "bad-evidence"),
    "another's signature": (_changed("final-skip", _others_signature), "bad-evidence"),
    "what no party states": (_changed("two-notar", _stranger_statement), "bad-evidence-file"),
    "half of another ledger": (_changed("final-skip", _of_another_ledger), "bad-evidence-file"),
    "vote with a space": (_changed("final-skip", _spaced), "not-canonical"),
    "trailing data": (FILES["two-notar"] + b"\n", "not-canonical"),
    "trailing file": (FILES["two-notar"] * 2, "not-json"),
    "white space": (json.dumps(json.loads(FILES["two-notar"])).encode(), "not-canonical"),
    "an extra field": (_changed("two-notar", lambda d: d.update(more=1)), "unknown-field"),
    "one statement": (_changed("two-notar", lambda d: d["statements"].pop()), "wrong-type"),
    "another format": (_changed("two-notar", lambda d: d.update(format="v2")), "unknown-value"),
    "too large": (b" " * (EVIDENCE_FILE_BYTES_MAX + 1), "text-too-large"),
    "nothing": (b"", "not-json"),
    "log renamed": (_changed("two-final", _rename_log), "bad-evidence"),
}  # fmt: skip


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_what_convicts_nobody_is_refused_with_its_code(name: str) -> None:
    raw, code = CORRUPTIONS[name]
    with pytest.raises(LedgerError) as raised:
        verify_file(raw, GENESIS)
    assert raised.value.code == code, raised.value.message


def _refused_or_same(raw: bytes) -> None:
    try:
        file, evidence = decode_file(raw)
    except DecodeError as error:
        assert error.code in REFUSED, error
        return
    assert canonical.encode(file) == raw
    try:
        verify_file(raw, GENESIS)
    except VerificationError as error:
        assert error.code in {"wrong-ledger", "unknown-party", "bad-evidence"}
    else:
        assert encode_file(evidence, GENESIS) == raw
        assert raw in FILES.values()


@settings(max_examples=300)
@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda raw: b'{"format":' + raw))
def test_arbitrary_bytes_are_refused_with_a_code(raw: bytes) -> None:
    _refused_or_same(raw)


@settings(max_examples=400)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_mutated_files_are_refused_with_a_code_or_mean_the_same(
    kind: str, data: st.DataObject
) -> None:
    raw = bytearray(FILES[kind])
    at = data.draw(st.integers(0, len(raw) - 1))
    way = data.draw(st.sampled_from(("flip", "cut", "insert", "copy")))
    if way == "flip":
        raw[at] ^= data.draw(st.integers(1, 255))
    elif way == "cut":
        del raw[at : at + data.draw(st.integers(1, 40))]
    elif way == "insert":
        raw[at:at] = data.draw(st.binary(min_size=1, max_size=8))
    else:
        raw[at:at] = raw[at : at + data.draw(st.integers(1, 40))]
    _refused_or_same(bytes(raw))


@settings(max_examples=400)
@given(st.sampled_from(sorted(FILES)), st.integers(0, 1), st.data())
def test_mutated_statements_are_refused_with_a_code_or_mean_the_same(
    kind: str, which: int, data: st.DataObject
) -> None:
    document = json.loads(FILES[kind])
    signed = bytearray(b64decode(document["statements"][which]["signed"]))
    at = data.draw(st.integers(0, len(signed) - 1))
    if data.draw(st.booleans()):
        signed[at] ^= data.draw(st.integers(1, 255))
    else:
        signed[at : at + 2] = data.draw(st.binary(max_size=4))
    document["statements"][which]["signed"] = b64encode(bytes(signed)).decode()
    _refused_or_same(canonical.encode(document))


def test_the_largest_evidence_fits_the_limit() -> None:
    largest = 4 * ((64 * 1024 + 64) // 3 + 1)
    assert 2 * largest + 2000 < EVIDENCE_FILE_BYTES_MAX


def test_conviction_and_file_name_the_same_evidence() -> None:
    for kind, raw in FILES.items():
        assert verify_file(raw, GENESIS) == conviction(LIES[kind])


def test_verification_loads_the_ledger_and_the_votes_alone(tmp_path: Path) -> None:
    (tmp_path / "lie.json").write_bytes(FILES["two-final"])
    (tmp_path / "genesis.json").write_bytes(GENESIS.raw)
    line = ["verify", "evidence", "lie.json", "--genesis", "genesis.json"]
    script = (
        "import sys; from cli.main import run; "
        f"assert run({line!r}) == 0; "
        "print([m for m in ('node', 'api', 'sqlalchemy', 'httpx') if m in sys.modules])"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    shown = done.stdout.splitlines()
    assert shown[0] == "lie.json: good evidence", done.stderr
    assert any("funder voted Final twice in slot 5" in each for each in shown)
    assert shown[-1] == "[]"
