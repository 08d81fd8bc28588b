"""Statements of one key, told to whoever holds it: what a voter that starts asks for (R11).

A voter that was put back to an earlier state has forgotten what its key has signed since. Before
it signs anything it asks the others. Each answers with its latest Final certificate and with all
that it holds of the asker's key beyond it, signed under a domain of its own, for one nonce. Nothing
of an answer is believed for the sender's sake: what it shows was signed by the asker's own key.

An answer comes in pieces: :func:`collect` begins at the slot that the piece is asked for.
"""

from __future__ import annotations

from typing import NamedTuple

from consensus import certificates
from consensus.block_tree import BlockTree
from consensus.context import Context
from consensus.effects import Recalled
from consensus.errors import BadMessage, BadVote
from consensus.evidence import SignedHeader
from consensus.justification import leader_of
from consensus.limits import STATEMENTS_BYTES_MAX
from consensus.messages import KeyStatements, StatementsMessage, encode
from consensus.votes import Certificate, Vote, notar_subject, verify_certificate, verify_vote
from ledger import domains
from ledger.batch import Batch
from ledger.block import decode_header
from ledger.errors import VerificationError
from ledger.genesis import Genesis
from ledger.keys import Signer

# -- the answerer's side ---------------------------------------------------------------------------


class KnownStatements(NamedTuple):
    """A piece of what is known of one key's statements; ``next_slot`` is 0 after the last."""

    certificate: Certificate | None
    votes: tuple[Vote, ...]
    proposals: tuple[SignedHeader, ...]
    next_slot: int


def collect(tree: BlockTree, party: str, first_slot: int, genesis: Genesis) -> KnownStatements:
    """Return what is known of a party's votes and proposals after the latest certified slot.

    Args:
        tree: What is known here.
        party: Whose statements.
        first_slot: Where the piece begins.
        genesis: The ledger.
    """
    certificate = tree.latest_certificate()
    final_slot = 0 if certificate is None else certificate.subject.slot
    votes: list[Vote] = []
    headers: list[SignedHeader] = []
    room = min(STATEMENTS_BYTES_MAX, genesis.limits.block_bytes)
    for number in sorted(s for s in tree.slots if s >= first_slot and s > final_slot):
        slot = tree.slots[number]
        said = slot.votes_of(party)
        led = list(slot.seen.values()) if leader_of(number, genesis) == party else []
        room -= sum(len(encode(each)) for each in (*said, *led))
        if room < 0 and (votes or headers):
            return KnownStatements(certificate, tuple(votes), tuple(headers), number)
        votes += said
        headers += led
    return KnownStatements(certificate, tuple(votes), tuple(headers), 0)


def batches_of(tree: BlockTree, party: str) -> list[Batch]:
    """Return the batches of a party that stand in blocks which are not final."""
    later = [slot for number, slot in sorted(tree.slots.items()) if number > tree.final.slot]
    blocks = [each.block for slot in later for each in slot.proposals.values()]
    return [batch for block in blocks for batch in block.batches if batch.party == party]


def sign_statements(statements: KeyStatements, signer: Signer) -> StatementsMessage:
    """Return the answer, signed by the answerer's key."""
    message = domains.statements_signature_input(encode(statements))
    return StatementsMessage(statements, signer.sign(message))


# -- the asker's side ------------------------------------------------------------------------------


def verify_statements(
    message: StatementsMessage, genesis: Genesis, *, asker: str, answerer: str, nonce: bytes
) -> None:
    """Return if an answer is for this question, and all that it shows was signed by the asker.

    Its batches are left to the ledger's side; what is cheap is looked at first.

    Raises:
        BadMessage: ``wrong-ledger``, ``wrong-asker``, ``wrong-answerer``, ``wrong-nonce`` or
            ``foreign-statement``.
        BadVote: the certificate or a vote does not verify.
        DecodeError: a header is malformed.
        VerificationError: ``bad-signature``.
    """
    said = message.statements
    _refuse_another_dialogue(said, genesis, asker=asker, answerer=answerer, nonce=nonce)
    answer = domains.statements_signature_input(encode(said))
    genesis.verifiers[answerer].verify(message.signature, answer)
    if said.certificate is not None:
        if said.certificate.subject.kind != "final":
            raise BadVote("wrong-certificate", "a Final certificate was expected")
        verify_certificate(said.certificate, genesis)
    for vote in said.votes:
        if vote.voter != asker:
            raise BadMessage("foreign-statement", f"a vote of {vote.voter}, not of {asker}")
        verify_vote(vote, genesis)
    for signed in said.proposals:
        verify_header(signed, genesis, asker)


def _refuse_another_dialogue(
    said: KeyStatements, genesis: Genesis, *, asker: str, answerer: str, nonce: bytes
) -> None:
    if said.ledger != genesis.hash:
        raise BadMessage("wrong-ledger", "the statements are of another ledger")
    if said.asker != asker:
        raise BadMessage("wrong-asker", f"{said.asker} asked for these statements, not {asker}")
    if said.answerer != answerer:
        raise BadMessage("wrong-answerer", f"an answer of {said.answerer}, told by {answerer}")
    if said.nonce != nonce:
        raise BadMessage("wrong-nonce", "an answer to another question than this start's")


def verify_header(signed: SignedHeader, genesis: Genesis, asker: str) -> None:
    """Return if a header is a proposal of the asker, for a slot that it leads in this ledger.

    Raises:
        BadMessage: ``foreign-statement``.
        DecodeError: the header is malformed.
        VerificationError: ``wrong-ledger`` or ``bad-signature``.
    """
    header = decode_header(signed.header)
    if header.proposer != asker or leader_of(header.slot, genesis) != asker:
        raise BadMessage("foreign-statement", f"a proposal of {header.proposer}, not of {asker}")
    if header.ledger != genesis.ledger:
        raise VerificationError("wrong-ledger", f"the proposal is of ledger {header.ledger}")
    message = domains.proposal_signature_input(signed.header)
    genesis.verifiers[asker].verify(signed.signature, message)


def take(context: Context, recalled: Recalled) -> None:
    """Take what this key has signed as own, durable like everything own; it is said again (R8).

    How far ahead it is does not matter: nobody else can have signed it.
    """
    if recalled.certificate is not None:
        certificates.on_certificate(context, recalled.certificate, recalled.peer)
    for vote in recalled.votes:
        if vote.slot <= context.tree.final.slot:
            continue
        slot = context.tree.slot(vote.slot)
        if not slot.has(vote, vote.subject) and not slot.is_full(vote):
            context.step.news = True
            certificates.count(context, slot, vote, vote.subject)
    for signed in recalled.proposals:
        _take_header(context, signed, recalled.peer)


def _take_header(context: Context, signed: SignedHeader, peer: str) -> None:
    """Never propose another block in that slot; ask for the one that was proposed."""
    number, block = decode_header(signed.header).slot, domains.block_hash(signed.header)
    if number <= context.tree.final.slot or not context.may_vote:
        return
    slot = context.tree.slot(number)
    if block in slot.seen:
        return
    lie = slot.see(signed, context.me)
    context.step.news = True
    context.step.accuse([] if lie is None else [lie])
    context.step.persist_header(number, block, signed)
    if number > context.tree.proved:
        now_ms = context.step.now.ticks_ms
        context.fetching.want_block(notar_subject(number, block), (peer,), now_ms)
