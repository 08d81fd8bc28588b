"""Cases for the browser's verifier, each with the verdict that the ledger's own code gives.

The corpora are those of the Python tests: golden files of docs/bytes and tests/ledger/golden, the
refused texts of the parsers' tests, corruptions of evidence and receipts, the edge cases of
signatures (tests/ledger/test_keys.py); and changes made at random, from one seed.
"""

from __future__ import annotations

import json
import random
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from consensus.evidence_file import verify_file
from ledger import canonical
from ledger.errors import LedgerError
from ledger.genesis import Genesis, read
from ledger.keys import Verifier
from ledger.log.checkpoint import Checkpoint
from ledger.log.note import Note, NoteKey
from ledger.log.policy import policy_text
from ledger.log.proof import TlogProof
from ledger.log.receipt import verify_receipt
from ledger.verify import verify_checkpoint
from tests.consensus import test_evidence_file as evidence
from tests.ledger import test_canonical, test_checkpoint, test_genesis, test_keys, test_note
from tests.ledger import test_tlog_proof as proofs
from tests.web.verify_forge import CORRUPTIONS, GENESIS, GOOD, OTHER, Forge

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs" / "bytes"
GOLDEN = ROOT / "tests" / "ledger" / "golden" / "log"
TRUSTS: dict[str, Genesis] = {
    "example": read((EXAMPLE / "genesis.json").read_bytes()),
    "forge": GENESIS,
    "other": OTHER,
}
CHANGED_AT_RANDOM = 120
"""Of each file."""

Facts = dict[str, Any]
Judge = Callable[[bytes, Genesis], Facts]


def _receipt(raw: bytes, genesis: Genesis) -> Facts:
    proved = verify_receipt(_text(raw), genesis)
    return {
        "party": proved.party, "record": bytes(proved.record).decode(), "outcome": proved.outcome,
        "index": str(proved.index), "batch": str(proved.batch), "size": str(proved.size),
        "root": proved.root, "height": str(proved.height), "cosigners": [*proved.cosigners],
    }  # fmt: skip


def _checkpoint(raw: bytes, genesis: Genesis) -> Facts:
    proved = verify_checkpoint(_text(raw), genesis)
    return {
        "origin": proved.origin, "size": str(proved.size), "root": proved.root,
        "height": str(proved.height), "block": proved.block, "cosigners": [*proved.cosigners],
    }  # fmt: skip


def _evidence(raw: bytes, genesis: Genesis) -> Facts:
    proved = verify_file(raw, genesis)
    at = str(proved.slot or proved.number)
    return {"id": proved.id, "party": proved.party, "kind": proved.kind, "at": at}


def _genesis(raw: bytes, _: Genesis) -> Facts:
    proved = read(raw)
    return {
        "ledger": proved.ledger, "origin": proved.origin, "quorum": str(proved.quorum),
        "voters": [*proved.voters], "policy": policy_of(proved),
    }  # fmt: skip


def _policy(raw: bytes, _: Genesis) -> Facts:
    """Judge a policy by whether it is one that this code writes for some consortium."""
    lines = [line.split(" ") for line in _text(raw).split("\n")]
    logs = [NoteKey.parse(line[1]) for line in lines if line[0] == "log" and len(line) > 1]
    voters = [line for line in lines if line[0] == "witness" and len(line) > 2]
    group = next((line for line in lines if line[0] == "group"), [])
    quorum = int(group[2]) if len(group) > 2 and group[2].isdecimal() else 0
    named = {line[1].rsplit("/", 1)[-1]: NoteKey.parse(line[2]).public_key for line in voters}
    rest = {str(n): k.public_key for n, k in enumerate(logs) if k.public_key not in named.values()}
    origin = logs[0].name if logs else ""
    form = re.fullmatch(r"tongzhang/[a-z][a-z0-9-]{0,31}/([0-9a-f]{64})", origin)
    text = policy_text(origin, {**named, **rest}, quorum, witnesses=named) if form else ""
    if form is None or text.encode() != raw:
        raise NoPolicyError("bad-policy", "no policy of ours")
    return {"ledger": form[1], "quorum": str(quorum), "voters": [*named], "policy": text}


JUDGES: dict[str, Judge] = {
    "receipt": _receipt,
    "checkpoint": _checkpoint,
    "evidence": _evidence,
    "genesis": _genesis,
    "policy": _policy,
}
PARSERS: dict[str, Callable[[str], object]] = {
    "proof": TlogProof.parse,
    "note": Note.parse,
    "checkpointText": Checkpoint.parse,
    "vkey": NoteKey.parse,
}


class NotTextError(LedgerError):
    """What the command line says of bytes that are no UTF-8."""


class NoPolicyError(LedgerError):
    """What no command of ours says: the ledger writes policies and reads none."""


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise NotTextError("not-text", "not UTF-8") from None


def policy_of(genesis: Genesis) -> str:
    """Return the policy that a node serves."""
    keys = {member.name: member.public_key for member in genesis.members}
    return policy_text(genesis.origin, keys, genesis.quorum, witnesses=genesis.voters)


def judged(kind: str, name: str, raw: bytes, trust: str = "forge") -> dict[str, Any]:
    """Return a case of a whole file, with the ledger's verdict."""
    said = "" if kind == "policy" else trust  # beside a founding document, only its own is good
    case = {"kind": kind, "name": name, "bytes": b64encode(raw).decode(), "trust": said}
    try:
        return {**case, "code": "", "proved": JUDGES[kind](raw, TRUSTS[trust])}
    except LedgerError as error:
        return {**case, "code": error.code}


def parsed(kind: str, name: str, text: str) -> dict[str, Any]:
    """Return a case of a text that a parser reads."""
    return {"kind": kind, "name": name, "text": text, "code": _code(PARSERS[kind], text)}


def _code(judge: Callable[..., object], *given: object) -> str:
    try:
        judge(*given)
    except LedgerError as error:
        return error.code
    return ""


def _parsers() -> Iterator[dict[str, Any]]:
    for kind, refused, good in (
        ("proof", proofs.REFUSED, proofs.GOOD),
        ("note", test_note.NOTES_REFUSED, test_note.GOOD),
        ("vkey", test_note.VKEYS_REFUSED, test_note.KNOWN_VKEY),
        ("checkpointText", test_checkpoint.TEXTS_REFUSED, test_checkpoint.TEXT),
    ):
        yield parsed(kind, "good", good)
        yield from (parsed(kind, name, text) for name, text in refused.items())
    for space in range(0x3100):
        if chr(space).isspace() or space in (0xFEFF, 0x200B, 0x180E):
            name = f"a{chr(space)}b"
            yield parsed("note", f"a name with {space:04x}", f"t\n\n\u2014 {name} AAAAAAA=\n")


def _canonical() -> Iterator[dict[str, Any]]:
    for name, (raw, code) in test_canonical.BAD.items():
        found = {"kind": "canonical", "name": name, "bytes": b64encode(raw).decode()}
        yield {**found, "code": code}
    odd = '\x08\t\n\x0b\x0c\r\x1f\x7f\u2028\u20ac\U0001f600"\\/'
    for value in ({"text": odd}, {"amount": -5}, {"inner": {"a": [1, "x", True], "Z": {}}}):
        raw = canonical.encode(value)
        yield {
            "kind": "canonical",
            "name": f"{value}",
            "bytes": b64encode(raw).decode(),
            "code": "",
        }


def _signatures() -> Iterator[dict[str, Any]]:
    for number, case in enumerate(test_keys.CASES):
        key, signature = case.key.written, case.signature
        expected = _code(lambda k, s, m: Verifier(k).verify(s, m), key, signature, case.message)
        assert (expected == "") == case.good
        yield {
            "kind": "signature", "name": f"signature {number}", "code": expected,
            "key": b64encode(key).decode(), "signature": b64encode(signature).decode(),
            "bytes": b64encode(case.message).decode(),
        }  # fmt: skip


def _receipts() -> Iterator[dict[str, Any]]:
    yield judged("receipt", "good", (EXAMPLE / "cap-1.tlog-proof").read_bytes(), "example")
    for size in (1, 2, 3, 4, 5, 7, 8, 13):
        for index in range(size):
            raw = Forge(size=size, index=index).text().encode()
            yield judged("receipt", f"good {index} of {size}", raw)
    for name, text in {"good": GOOD, **CORRUPTIONS}.items():
        yield judged("receipt", name, text.encode())
        yield judged("receipt", f"{name}, by the policy", text.encode()) | {"trust": "policy"}
    yield judged("receipt", "not text", GOOD.encode() + b"\xff\n")
    yield judged("receipt", "under another genesis", GOOD.encode(), "other")
    for index in (0, 255, 299):
        golden = (GOLDEN / f"{index}.tlog-proof").read_bytes()
        yield judged("receipt", f"golden {index}", golden)


def _checkpoints() -> Iterator[dict[str, Any]]:
    yield judged("checkpoint", "good", (EXAMPLE / "checkpoint.txt").read_bytes(), "example")
    yield judged("checkpoint", "golden", (GOLDEN / "checkpoint.txt").read_bytes())
    for voters in (("auditor", "funder", "platform"), ("funder",), ("merchant",), ()):
        served = Forge(voters=voters).checkpoint()[1]
        yield judged("checkpoint", f"by {voters}", served.encode())


def _evidences() -> Iterator[dict[str, Any]]:
    yield judged("evidence", "good", (EXAMPLE / "evidence.json").read_bytes(), "example")
    for kind, raw in evidence.FILES.items():
        yield judged("evidence", kind, raw)
    for name, (raw, code) in evidence.CORRUPTIONS.items():
        found = judged("evidence", name, raw)
        assert found["code"] == code
        yield found


def _founding() -> Iterator[dict[str, Any]]:
    for name, genesis in TRUSTS.items():
        yield judged("genesis", name, genesis.raw)
    yield judged("genesis", "format 1", test_genesis.OLD)
    for fields in (
        *({"version": v} for v in (0, 3, "2", 2.0, None)),
        {"governance": {"amend": "majority"}}, {"cost_limit_ppm": 0}, {"quorum": 2},
        {"quorum": 5}, {"members": []}, {"due_ms": {"captures": 7}}, {"due_ms": {"capture": 0}},
        {"due_ms": {"é": 7}}, {"due_ms": {}}, {"timeouts": {"base_ms": 100, "cap_ms": 50}},
        {"timeouts": {"base_ms": 100}}, {"name": "Pay"}, {"name": "pay\n"}, {"more": 1},
    ):  # fmt: skip
        yield judged("genesis", f"{fields}", test_genesis.changed(**fields))
    for fields in (
        {"accepted_by": ["platform"]}, {"accepted_by": ["funder", "funder"]},
        {"accepted_by": ["funder"]}, {"years": [2027, 2026]},
        {"years": [2026], "holidays": ["2026-02-30"]},
        {"years": [2026], "holidays": ["2026-02-17", "2026-02-16"]}, {"holidays": ["2026-02-17"]},
        {"years": [2026], "workdays": ["2026-01-05"]},
        {"years": [2026], "workdays": ["2026-01-04"]},
        {"years": [2024], "holidays": ["2024-02-29"]},
        {"years": [2025], "holidays": ["2025-02-29"]},
        {"years": [2026], "holidays": ["2026-01-04"], "workdays": ["2026-01-04"]},
        {"years": [1999]}, {"holidays": ["2026-2-17"]}, {"cutoff_minute": 0},
    ):  # fmt: skip
        calendar = json.loads(GENESIS.raw)["calendar"] | fields
        yield judged("genesis", f"calendar {fields}", test_genesis.changed(calendar=calendar))
    for fields in (
        {"batch_records": 2001}, {"batch_bytes": 3 * 2**20}, {"party_records": 999}, {"legs": 51},
        {"amount": 2**53}, {"amount": 2**70},
    ):  # fmt: skip
        limits = json.loads(GENESIS.raw)["limits"] | fields
        yield judged("genesis", f"limits {fields}", test_genesis.changed(limits=limits))
    yield from _stated()


def _policies() -> Iterator[dict[str, Any]]:
    good = policy_of(GENESIS)
    yield judged("policy", "good", good.encode())
    yield judged("policy", "example", (EXAMPLE / "policy.txt").read_bytes(), "example")
    first, rest = good.split("\n", 1)
    for name, text in {
        "another quorum": good.replace("consortium 3", "consortium 2"),
        "no quorum": good.replace("consortium 3", "consortium 0"),
        "a quorum of all and one": good.replace("consortium 3", "consortium 5"),
        "an empty line": good + "\n",
        "a comment": f"# ours\n{good}",
        "a key twice": f"{first}\n{first}\n{rest}",
        "a party less": "\n".join(line for line in good.split("\n") if "/funder+" not in line),
        "another log": good.replace("tongzhang/test", "tongzhang/tast"),
        "nothing": "",
    }.items():
        yield judged("policy", name, text.encode())


def _stated() -> Iterator[dict[str, Any]]:
    for text in (
        "91350100M000100Y43", "91350100M000100Y44", "91350100M000100Y4", "9135010OM000100Y43",
        "lei:529900T8BM49AURSDO55", "lei:", "lei: 5", "lei:5 ", "LEI:5", "hrb:B 12345", "x:1",
        "x:" + "某" * 64, "x:" + "某" * 65, "9" * 18, "lei:52\n99",
    ):  # fmt: skip
        yield judged("genesis", f"registration {text}", test_genesis.stating(registration=text))
    for text in ("某某支付有限公司", "a\nb", "x\x00", "某" * 200, "某" * 201, "\x7f", "😀" * 200):
        yield judged("genesis", f"legal name {text}", test_genesis.stating(legal_name=text))
    for name, key in test_keys.UNFIT.items():
        said = test_genesis.stating(key=b64encode(key).decode())
        yield judged("genesis", f"key {name}", said)
    for key in ("", "AAAA", "=", "\n" + b64encode(bytes(32)).decode(), "é"):
        yield judged("genesis", f"key {key!r}", test_genesis.stating(key=key))
    for field, text in (("role", "king"), ("role", "auditor"), ("name", "funder"), ("name", "A")):
        yield judged("genesis", f"{field} {text}", test_genesis.stating(**{field: text}))


def _at_random() -> Iterator[dict[str, Any]]:
    draw = random.Random(16)
    for kind, raw in (
        ("receipt", GOOD.encode()),
        ("checkpoint", Forge().checkpoint()[1].encode()),
        ("genesis", GENESIS.raw),
        ("policy", policy_of(GENESIS).encode()),
        *(("evidence", evidence.FILES[which]) for which in ("final-skip", "two-batches")),
    ):
        for number in range(CHANGED_AT_RANDOM):
            yield judged(kind, f"{kind} at random {number}", _changed(raw, draw))
    for number in range(CHANGED_AT_RANDOM):
        text = Forge(sealed=lambda side: _changed(side, draw)).text()
        yield judged("receipt", f"statement at random {number}", text.encode())


def _changed(raw: bytes, draw: random.Random) -> bytes:
    """Return bytes with one byte, piece or line other than before."""
    at, length = draw.randrange(len(raw)), draw.randrange(1, 40)
    lines = raw.split(b"\n")
    one, two = draw.randrange(len(lines)), draw.randrange(len(lines))
    lines[one], lines[two] = lines[two], lines[one]
    return draw.choice([
        raw[:at] + bytes([draw.randrange(256)]) + raw[at + 1 :],
        raw[:at] + draw.choice([b"0", b"1", b"a", b"f", b"=", b"{", b",", b" "]) + raw[at + 1 :],
        raw[:at] + raw[at + 1 :],
        raw[:at] + raw[at : at + length] + raw[at:],
        raw[:at] + raw[at + length :],
        raw[:at],
        b"\n".join(lines),
    ])  # fmt: skip


def every() -> dict[str, Any]:
    """Return all cases, and whom they trust."""
    given = {name: ("genesis", genesis.raw) for name, genesis in TRUSTS.items()}
    given["policy"] = ("policy", policy_of(GENESIS).encode())
    trusts = {
        name: {"kind": kind, "bytes": b64encode(raw).decode()}
        for name, (kind, raw) in given.items()
    }
    cases = [
        *_parsers(), *_canonical(), *_signatures(), *_receipts(), *_checkpoints(),
        *_evidences(), *_founding(), *_policies(), *_at_random(),
    ]  # fmt: skip
    return {"trusts": trusts, "cases": cases}
