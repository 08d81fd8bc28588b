"""The evidence file: two signed statements of one key, for people and for other programs.

Canonical JSON, at most 256 KiB, nothing after it::

    {"format":"tongzhang-evidence/v1","kind":"final-skip","ledger":"<64 hex>","party":"funder",
     "slot":5,"statements":[{"signature":"<base64>","signed":"<base64>"},{…}]}

``signed`` is the very input of the Ed25519 signature beside it: a vote, a cosigned checkpoint, a
block header or a batch header behind its domain prefix. So the party's key in genesis, a base64
decoder and any Ed25519 tool suffice to check it. Evidence of two batches has ``number`` for
``slot``. The statements stand in the order of their content, so that one lie has one file.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from consensus.evidence import Evidence, EvidenceKind, SignedHeader, verify_evidence
from consensus.limits import EVIDENCE_FILE_BYTES_MAX
from consensus.votes import Number, Subject, Vote, notar_subject, signature_input, skip_subject
from ledger import batch, block, canonical, domains
from ledger.batch import Hex32
from ledger.errors import DecodeError, VerificationError
from ledger.genesis import Genesis
from ledger.log.checkpoint import Checkpoint

_COSIGNED = re.compile(rb"cosignature/v1\ntime (0|[1-9][0-9]{0,15})\n")
_STATEMENT_CHARS_MAX = 90_000


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a party signed, and its signature, both in base64."""

    signature: Annotated[str, Meta(min_length=88, max_length=88)]
    signed: Annotated[str, Meta(min_length=1, max_length=_STATEMENT_CHARS_MAX)]


class EvidenceFile(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True
):
    """Self-contained evidence. ``slot`` is 0, and left out, for two batches; else ``number`` is."""

    format: Literal["tongzhang-evidence/v1"]
    kind: EvidenceKind
    ledger: Hex32
    party: Annotated[str, Meta(min_length=1, max_length=64)]
    slot: Number = 0
    number: Number = 0
    statements: tuple[Statement, Statement]


class Conviction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What verified evidence proves. ``words`` says it for people.

    ``slot`` is left out for two batches, ``number`` for everything else.
    """

    id: str
    party: str
    kind: EvidenceKind
    slot: Number = 0
    number: Number = 0
    words: str


class _SignedVote(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A Notar or Skip vote as it is signed."""

    kind: Literal["notar", "skip"]
    ledger: Hex32
    slot: Number
    block: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")] = ""


class _Read(NamedTuple):
    """One statement, read: the vote or the header, and the ledger that it names."""

    ledger: str
    vote: Vote | None = None
    header: SignedHeader | None = None


_decoder = msgspec.json.Decoder(EvidenceFile)
_vote_decoder = msgspec.json.Decoder(_SignedVote)
_evidence_decoder = msgspec.msgpack.Decoder(Evidence)


def position_of(evidence: Evidence) -> tuple[Literal["slot", "number"], int]:
    """Return where the two statements contradict each other: a slot, or a batch's number.

    Raises:
        DecodeError: a header in it is malformed.
    """
    if evidence.votes:
        return "slot", evidence.votes[0].slot
    raw = evidence.headers[0].header
    if evidence.kind == "two-batches":
        return "number", batch.decode_header(raw).number
    return "slot", block.decode_header(raw).slot


def file_of(evidence: Evidence, ledger: str, origin: str) -> EvidenceFile:
    """Return verified evidence as its file shows it.

    Args:
        evidence: The evidence.
        ledger: Genesis hash in hex.
        origin: Name of the log.
    """
    prefix = domains.batch_signature_input if evidence.kind == "two-batches" else None
    sign_header = prefix or domains.proposal_signature_input
    statements = [
        _statement(signature_input(v.subject, v.time, ledger, origin), v.signature)
        for v in evidence.votes
    ] + [_statement(sign_header(each.header), each.signature) for each in evidence.headers]
    return EvidenceFile(
        format="tongzhang-evidence/v1",
        kind=evidence.kind,
        ledger=ledger,
        party=evidence.party,
        statements=(statements[0], statements[1]),
        **dict([position_of(evidence)]),
    )


def encode_file(evidence: Evidence, genesis: Genesis) -> bytes:
    """Return the bytes of the file of verified evidence."""
    return canonical.encode(file_of(evidence, genesis.ledger, genesis.origin))


def decode_file(raw: bytes) -> tuple[EvidenceFile, Evidence]:
    """Decode an evidence file. Its signatures are not verified: see :func:`verify_file`.

    What is accepted encodes to the same bytes again.

    Raises:
        DecodeError: ``text-too-large``; ``bad-evidence-file``, if the statements are not what a
            party signs, or not what the file says of them; or a code of the canonical form.
    """
    if len(raw) > EVIDENCE_FILE_BYTES_MAX:
        raise DecodeError("text-too-large", f"over {EVIDENCE_FILE_BYTES_MAX} bytes")
    file = canonical.decode(raw, _decoder, "evidence file")
    first, second = (_read(statement, file) for statement in file.statements)
    evidence = _evidence(file, first, second)
    if {first.ledger, second.ledger} != {file.ledger}:
        raise _bad("a statement is of another ledger than the file says")
    return file, evidence


def verify_file(raw: bytes, genesis: Genesis) -> Conviction:
    """Return what an evidence file proves about one party of this ledger.

    Raises:
        DecodeError: as :func:`decode_file`.
        VerificationError: ``wrong-ledger``, ``unknown-party`` or ``bad-evidence``: it convicts
            nobody.
    """
    file, evidence = decode_file(raw)
    if file.ledger != genesis.ledger:
        raise VerificationError("wrong-ledger", f"the evidence is of ledger {file.ledger}")
    if file.party not in genesis.verifiers:
        raise VerificationError("unknown-party", f"{file.party} is not in genesis")
    verify_evidence(evidence, genesis)
    if encode_file(evidence, genesis) != raw:
        raise VerificationError("bad-evidence", "the bytes shown are not those that were signed")
    return conviction(evidence)


def conviction(evidence: Evidence) -> Conviction:
    """Return what verified evidence proves."""
    position = dict([position_of(evidence)])
    words = in_words(evidence)
    return Conviction(
        id=evidence.id, party=evidence.party, kind=evidence.kind, words=words, **position
    )


UNSAID = (
    "Its key has signed both. They do not say whether it lied, was put back to an old copy, or its "
    "key is used elsewhere."
)
"""What two statements leave open."""


def in_words(evidence: Evidence) -> str:
    """Return in plain words what one key has signed that contradicts itself."""
    said = [f"block {vote.block.hex()[:16]}…" for vote in evidence.votes]
    if evidence.kind == "two-proposals":
        said = [f"block {domains.block_hash(h.header).hex()[:16]}…" for h in evidence.headers]
    elif evidence.kind == "two-batches":
        said = [f"batch {domains.batch_hash(h.header).hex()[:16]}…" for h in evidence.headers]
    where = position_of(evidence)[1]
    party, (one, other) = evidence.party, said
    return {
        "two-notar": f"{party} voted Notar twice in slot {where}: for {one} and for {other}.",
        "two-final": f"{party} voted Final twice in slot {where}: for {one} and for {other}.",
        "final-skip": f"{party} voted Final for {one} in slot {where}, and Skip in the same slot.",
        "final-notar": f"{party} voted Final for {one} in slot {where}, and Notar for {other}.",
        "two-proposals": f"{party} proposed two blocks for slot {where}: {one} and {other}.",
        "two-batches": f"{party} signed two batches with number {where}: {one} and {other}.",
    }[evidence.kind] + f" {UNSAID}"


def _statement(signed: bytes, signature: bytes) -> Statement:
    return Statement(b64encode(signature).decode(), b64encode(signed).decode())


def _bad(problem: str) -> DecodeError:
    return DecodeError("bad-evidence-file", problem)


def _bytes(text: str) -> bytes:
    try:
        raw = b64decode(text, validate=True)
    except ValueError:
        raise _bad("a statement is not base64") from None
    if b64encode(raw).decode() != text:
        raise _bad("a statement is not in canonical base64")
    return raw


def _read(statement: Statement, file: EvidenceFile) -> _Read:
    signed, signature = _bytes(statement.signed), _bytes(statement.signature)
    if signed.startswith(domains.VOTE):
        return _read_vote(signed, signature, file.party)
    if signed.startswith(domains.PROPOSAL):
        raw = signed.removeprefix(domains.PROPOSAL)
        return _Read(block.decode_header(raw).ledger, header=SignedHeader(raw, signature))
    if signed.startswith(domains.BATCH):
        raw = signed.removeprefix(domains.BATCH)
        return _Read(batch.decode_header(raw).ledger, header=SignedHeader(raw, signature))
    return _read_final(signed, signature, file)


def _read_vote(signed: bytes, signature: bytes, party: str) -> _Read:
    said = canonical.decode(signed.removeprefix(domains.VOTE), _vote_decoder, "vote")
    subject = skip_subject(said.slot)
    if said.kind == "notar":
        subject = notar_subject(said.slot, bytes.fromhex(said.block))
    if bool(said.block) != (said.kind == "notar"):
        raise _bad("a Notar vote names a block, a Skip vote none")
    return _Read(said.ledger, vote=_vote(subject, party, signature))


def _read_final(signed: bytes, signature: bytes, file: EvidenceFile) -> _Read:
    found = _COSIGNED.match(signed)
    if found is None:
        raise _bad("a statement is no vote, cosigned checkpoint, proposal or batch")
    try:
        text = signed[found.end() :].decode()
    except UnicodeDecodeError:
        raise _bad("a checkpoint is not UTF-8") from None
    point = Checkpoint.parse(text)
    if point.text() != text or not point.origin.endswith(f"/{file.ledger}"):
        raise _bad("a checkpoint is not in canonical form, or of another log")
    subject = Subject("final", point.slot, point.block, point.height, point.size, point.root)
    return _Read(file.ledger, vote=_vote(subject, file.party, signature, int(found[1])))


def _vote(subject: Subject, voter: str, signature: bytes, time_s: int = 0) -> Vote:
    said = msgspec.structs.asdict(subject)
    return Vote(voter=voter, signature=signature, time=time_s, **said)


def _evidence(file: EvidenceFile, first: _Read, second: _Read) -> Evidence:
    """Return the evidence in a file, if the file says of it what it is."""
    votes = tuple(each.vote for each in (first, second) if each.vote is not None)
    headers = tuple(each.header for each in (first, second) if each.header is not None)
    evidence = Evidence(file.kind, file.party, votes, headers)
    if len(votes) == 1 or (file.kind in ("two-proposals", "two-batches")) != bool(headers):
        raise _bad(f"these are not the statements of {file.kind}")
    try:
        _evidence_decoder.decode(msgspec.msgpack.encode(evidence))
        position = position_of(evidence)
    except msgspec.DecodeError as error:
        raise _bad(str(error)) from None
    if {"slot": file.slot, "number": file.number} != {"slot": 0, "number": 0, **dict([position])}:
        raise _bad(f"the statements are of {position[0]} {position[1]}")
    return evidence
