"""Statements: what keys have said, as checkers read it in messages and on disks.

A key makes a statement of one place once: a Notar, Skip or Final vote or a proposal of a slot, or a
batch of a number. What contradicts what is written down here a second time, apart from the code
that is judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from consensus.evidence import Evidence
from consensus.messages import (
    BatchMessage,
    CertificateMessage,
    Message,
    Proposal,
    Range,
    StatementsMessage,
    VoteMessage,
    WireBatch,
    WireBlock,
    decode_batch,
    decode_block,
    decode_certificate,
    decode_signed_header,
    decode_vote,
)
from consensus.votes import Certificate, Subject, Vote
from ledger import batch, block, domains
from node.storage.store import ConsensusItem, Item, JournalItem

REMEMBERED = 512
"""How many blocks and headers are read once: several machines store, send and hear the same."""
EXCLUDED = {"final": ("skip", "notar"), "skip": ("final",), "notar": ("final",)}
"""Votes of one slot that may not stand beside each other, unless they name one block."""


class StatementPlace(NamedTuple):
    """A place for one statement of a key: the kind, and its slot or number."""

    kind: str
    number: int

    def __str__(self) -> str:
        what = "number" if self.kind == "batch" else "slot"
        return f"{self.kind} of {what} {self.number}"

    @property
    def matter(self) -> tuple[str, int]:
        """What evidence would be about: batches of a number, or all that is said of a slot."""
        return ("batch" if self.kind == "batch" else "slot", self.number)


Stated = object
"""Contents of a statement: the block's hash, a Final vote's whole subject, or a batch's header."""


class KeyStatement(NamedTuple):
    """What a party's key has said."""

    party: str
    place: StatementPlace
    stated: Stated


def collide(one: KeyStatement, other: KeyStatement) -> bool:
    """Return whether no honest key makes both of these statements of one party."""
    if one.place.number != other.place.number:
        return False
    if one.place.kind == other.place.kind:
        return one.stated != other.stated
    excluded = other.place.kind in EXCLUDED.get(one.place.kind, ())
    return excluded and _block(one.stated) != _block(other.stated)


def _block(stated: Stated) -> Stated:
    return stated.block if isinstance(stated, Subject) else stated


def in_message(message: Message) -> Iterator[KeyStatement]:
    """Yield every statement that a message shows to whoever gets it."""
    if isinstance(message, VoteMessage):
        yield of_vote(message.vote)
    elif isinstance(message, CertificateMessage):
        yield from _in_certificate(message.certificate)
    elif isinstance(message, Proposal):
        yield from _in_block(message.block)
    elif isinstance(message, BatchMessage):
        yield of_batch(message.batch)
    elif isinstance(message, Range):
        for wire in message.blocks:
            yield from _in_block(wire)
        yield from _in_certificate(message.certificate)
    elif isinstance(message, StatementsMessage):
        said = message.statements
        yield from map(of_vote, said.votes)
        yield from (of_header(signed.header) for signed in said.proposals)
        yield from map(of_batch, said.batches)
        yield from _in_certificate(said.certificate) if said.certificate is not None else ()


def in_items(items: Sequence[Item]) -> Iterator[KeyStatement]:
    """Yield every statement that stands in what a store keeps of what is not final."""
    for item in items:
        if isinstance(item, JournalItem):
            yield of_batch(decode_batch(item.body))
        elif not isinstance(item, ConsensusItem):
            continue
        elif item.kind == "vote":
            yield of_vote(decode_vote(item.body))
        elif item.kind == "certificate":
            yield from _in_certificate(decode_certificate(item.body))
        elif item.kind == "block":
            yield from _in_stored_block(item.body)
        elif item.kind == "header":
            yield of_header(decode_signed_header(item.body).header)


@lru_cache(maxsize=REMEMBERED)
def _in_stored_block(body: bytes) -> tuple[KeyStatement, ...]:
    return tuple(_in_block(decode_block(body)))


def matter_of(evidence: Evidence) -> tuple[str, int]:
    """Return what evidence is about: batches of a number, or what was said of a slot."""
    if evidence.votes:
        return ("slot", evidence.votes[0].slot)
    raw = evidence.headers[0].header
    if evidence.kind == "two-batches":
        return ("batch", batch.decode_header(raw).number)
    return ("slot", block.decode_header(raw).slot)


def of_vote(vote: Vote) -> KeyStatement:
    """Return what a vote states."""
    stated: Stated = vote.subject if vote.kind == "final" else vote.block
    return KeyStatement(vote.voter, StatementPlace(vote.kind, vote.slot), stated)


def of_batch(wire: WireBatch) -> KeyStatement:
    """Return what a batch states."""
    return _of_batch_header(wire.header)


@lru_cache(maxsize=REMEMBERED)
def _of_batch_header(raw: bytes) -> KeyStatement:
    header = batch.decode_header(raw)
    return KeyStatement(header.party, StatementPlace("batch", header.number), raw)


@lru_cache(maxsize=REMEMBERED)
def of_header(raw: bytes) -> KeyStatement:
    """Return what a block's header states: its leader proposes it."""
    header = block.decode_header(raw)
    place = StatementPlace("proposal", header.slot)
    return KeyStatement(header.proposer, place, domains.block_hash(raw))


def _in_certificate(certificate: Certificate) -> Iterator[KeyStatement]:
    return map(of_vote, certificate.votes)


def _in_block(wire: WireBlock) -> Iterator[KeyStatement]:
    yield of_header(wire.header)
    yield from map(of_batch, wire.batches)
    for certificate in wire.justification:
        yield from _in_certificate(certificate)
