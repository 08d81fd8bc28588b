"""What is no answer to a start's question is refused, counted, and does not count as an answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from consensus.evidence import SignedHeader
from consensus.messages import (
    KeyStatements,
    WantStatements,
    WireBatch,
    decode,
    encode,
    wire_batch,
)
from consensus.statements import sign_statements
from consensus.votes import Certificate, Vote, final_subject, sign_vote, skip_subject
from ledger.batch import seal
from ledger.block import BlockHeader, encode_header, genesis_tip
from ledger.domains import ZERO_HASH, proposal_signature_input
from ledger.genesis import Genesis
from node.host.host import Host
from tests.ledger.ledger_kit import GENESIS, MORNING, make_genesis, signer
from tests.node.host_kit import World, make_templates, register

ME, PEER = "institution", "funder"
ELSEWHERE = make_genesis(cost_limit_ppm=7)
"""Another ledger of the same parties with the same keys."""

MINE = GENESIS.voters.index(ME)
"""A slot that this party leads."""


def _skip(voter: str, genesis: Genesis = GENESIS) -> Vote:
    return sign_vote(skip_subject(1), signer(voter), voter, 0, genesis)


def _final(voters: tuple[str, ...]) -> Certificate:
    subject = final_subject(genesis_tip(GENESIS)._replace(slot=1, height=1, root=ZERO_HASH))
    votes = [sign_vote(subject, signer(name), name, 1, GENESIS) for name in sorted(voters)]
    return Certificate(tuple(votes))


def _proposal(proposer: str, slot: int, genesis: Genesis = GENESIS) -> SignedHeader:
    zero = ZERO_HASH.hex()
    raw = encode_header(
        BlockHeader((), 1, genesis.ledger, genesis.ledger, proposer, zero, 0, slot, zero, MORNING)
    )
    return SignedHeader(raw, signer(proposer).sign(proposal_signature_input(raw)))


def _batch(party: str, genesis: Genesis = GENESIS) -> WireBatch:
    records = [register("shop")]
    return wire_batch(seal(signer(party), genesis.ledger, party, (0, ZERO_HASH), records))


def _said(nonce: bytes, **changes: object) -> KeyStatements:
    empty = KeyStatements(GENESIS.hash, ME, PEER, nonce, 1, 1, None, (), (), (), 0, 0)
    return msgspec.structs.replace(empty, **changes)


LIES: dict[str, tuple[str, dict[str, object]]] = {
    "a replay": ("wrong-nonce", {"nonce": bytes(32)}),
    "a dialogue in another ledger": ("wrong-ledger", {"ledger": ELSEWHERE.hash}),
    "an answer to somebody else": ("wrong-asker", {"asker": "platform"}),
    "an answer of somebody else": ("wrong-answerer", {"answerer": "platform"}),
    "another key's vote": ("foreign-statement", {"votes": (_skip("platform"),)}),
    "a vote of another ledger": ("bad-vote-signature", {"votes": (_skip(ME, ELSEWHERE),)}),
    "a forged vote": (
        "bad-vote-signature",
        {"votes": (msgspec.structs.replace(_skip(ME), signature=bytes(64)),)},
    ),
    "a certificate without a quorum": ("no-quorum", {"certificate": _final((ME, PEER))}),
    "a certificate that ends nothing": (
        "wrong-certificate",
        {"certificate": Certificate(tuple(_skip(name) for name in sorted(GENESIS.voters)))},
    ),
    "another key's proposal": (
        "foreign-statement",
        {"proposals": (_proposal(PEER, GENESIS.voters.index(PEER)),)},
    ),
    "a proposal for another's slot": (
        "foreign-statement",
        {"proposals": (_proposal(ME, MINE + 1),)},
    ),
    "a proposal of another ledger": (
        "wrong-ledger",
        {"proposals": (_proposal(ME, MINE, ELSEWHERE),)},
    ),
    "a forged proposal": (
        "bad-signature",
        {"proposals": (SignedHeader(_proposal(ME, MINE).header, bytes(64)),)},
    ),
    "no header at all": ("not-json", {"proposals": (SignedHeader(b"{", bytes(64)),)}),
    "another key's batch": ("foreign-statement", {"batches": (_batch("platform"),)}),
    "a batch of another ledger": ("wrong-ledger", {"batches": (_batch(ME, ELSEWHERE),)}),
    "a forged batch": (
        "bad-signature",
        {"batches": (WireBatch(_batch(ME).header, bytes(64), _batch(ME).records),)},
    ),
    "too much": (
        "frame-too-large",
        {"proposals": tuple(SignedHeader(bytes(2**16), bytes(64)) for _ in range(17))},
    ),
    "too many votes": ("bad-message", {"votes": (_skip(ME),) * 4097}),
}
"""What is wrong, the code, and what an empty answer is changed by."""


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_templates(tmp_path_factory.mktemp("templates"))


@pytest.fixture
def world(tmp_path: Path, templates: Path) -> Iterator[World]:
    """Return a world where one host has started, and has asked two peers."""
    opened = World(tmp_path, templates)
    opened.open(ME)
    for peer in ("platform", PEER):
        opened.hosts[ME].peer_up(peer)
    yield opened
    opened.close()


def _nonce(world: World) -> bytes:
    asked = [decode(frame) for _, to, frame in world.frames if to == PEER]
    (question,) = [each for each in asked if isinstance(each, WantStatements)]
    return question.nonce


def _answer(host: Host, peer: str, said: KeyStatements, key: str = "") -> None:
    host.receive(peer, encode(sign_statements(said, signer(key or peer))))


def _ask_again(world: World) -> None:
    """Let the time pass after which a peer is heard, and asked, again."""
    world.now_ms += 1000
    world.hosts[ME].tick()


def _refused(host: Host, code: str) -> None:
    assert dict(host.rejected) == {(PEER, code): 1}
    assert PEER in host.recall.waiting_for()
    assert host.recall.recalling and not host.journal.may_seal


@pytest.mark.parametrize("lie", LIES)
def test_what_is_no_answer_is_refused_and_counted(world: World, lie: str) -> None:
    host, (code, changes) = world.hosts[ME], LIES[lie]
    nonce = _nonce(world)
    _answer(host, "platform", _said(nonce, answerer="platform"))
    _answer(host, PEER, _said(**{"nonce": nonce, **changes}))
    _refused(host, code)
    assert host.replica.may_vote and not host.store.load_consensus()
    _ask_again(world)
    _answer(host, PEER, _said(nonce))
    assert not host.recall.recalling and host.journal.may_seal


def test_an_answer_that_the_peer_has_not_signed_is_refused(world: World) -> None:
    host, nonce = world.hosts[ME], _nonce(world)
    _answer(host, "platform", _said(nonce, answerer="platform"))
    _answer(host, PEER, _said(nonce), key="platform")
    _refused(host, "bad-signature")


def test_an_answer_is_never_a_vote(world: World) -> None:
    """It is signed under a domain of its own."""
    said = _said(_nonce(world))
    answer = sign_statements(said, signer(PEER))
    with pytest.raises(Exception, match="bad-signature"):
        GENESIS.verifiers[PEER].verify(answer.signature, encode(said))


def test_an_answer_that_nobody_asked_for_is_not_looked_at(world: World) -> None:
    host, nonce = world.hosts[ME], _nonce(world)
    _answer(host, PEER, _said(nonce))
    assert not host.rejected
    _answer(host, PEER, _said(nonce))
    _answer(host, "auditor", _said(nonce, answerer="auditor"))
    assert dict(host.rejected) == {(PEER, "unasked"): 1, ("auditor", "unasked"): 1}
    assert host.recall.recalling


def test_a_piece_out_of_turn_does_not_end_an_answer(world: World) -> None:
    host, nonce = world.hosts[ME], _nonce(world)
    _answer(host, PEER, _said(nonce, slot=9))
    assert PEER in host.recall.waiting_for() and not host.rejected
    _ask_again(world)
    _answer(host, PEER, _said(nonce, next_slot=9, next_number=2))
    assert PEER in host.recall.waiting_for()
    asked = [decode(frame) for _, to, frame in world.frames if to == PEER]
    assert asked[-1] == WantStatements(nonce, 9, 2)
    _answer(host, PEER, _said(nonce, slot=9, number=2))
    assert PEER not in host.recall.waiting_for()


def test_an_answer_without_end_that_says_nothing_new_is_of_no_use(world: World) -> None:
    """Its time is rationed: a liar could go on for ever, and each vote costs a verification."""
    host, nonce = world.hosts[ME], _nonce(world)
    votes = (_skip(ME),) * 3
    useful = []
    for slot in range(1, 5):
        said = _said(nonce, slot=slot, votes=votes, next_slot=slot + 1, next_number=1)
        useful.append(host.receive(PEER, encode(sign_statements(said, signer(PEER)))))
    assert useful == [True, False, False, False]
    last = _said(nonce, slot=5, batches=(_batch(ME),))
    assert host.receive(PEER, encode(sign_statements(last, signer(PEER))))
    assert PEER not in host.recall.waiting_for() and not host.rejected
