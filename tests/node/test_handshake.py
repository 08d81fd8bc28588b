"""The handshake proves both ends, and nothing that was ever said elsewhere opens a connection."""

from __future__ import annotations

from base64 import b64encode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import canonical, domains
from ledger.genesis import Genesis, Member, Role, found
from ledger.keys import Signer
from node.peers import handshake
from node.peers.handshake import CLOSE_CODES, Identity, Opening, PeerRefused

ROLES: tuple[Role, ...] = ("platform", "institution", "funder", "auditor")
SIGNERS: dict[str, Signer] = {
    role: Signer(bytes([number]) * 32) for number, role in enumerate(ROLES, 1)
}
NONCES = (b"\x11" * 32, b"\x22" * 32)


def consortium(name: str = "test") -> Genesis:
    members = tuple(
        Member(key=b64encode(SIGNERS[role].public_key).decode(), name=role, role=role)
        for role in ROLES
    )
    return found(name, members, 3, 1_760_000_000_000)


def identity(party: str, genesis: Genesis | None = None) -> Identity:
    return Identity(genesis or consortium(), party, SIGNERS[party])


def shake(
    dialer: Identity, acceptor: Identity, nonces: tuple[bytes, bytes] = NONCES
) -> tuple[Opening, Opening]:
    """Run a whole handshake; return what the dialer and the acceptor remember."""
    mine, hello = handshake.dialer_hello(dialer, acceptor.party, nonces[0])
    theirs, answer = handshake.acceptor_answer(acceptor, hello, nonces[1])
    mine, proof = handshake.dialer_proof(dialer, mine, answer)
    handshake.dialer_check_welcome(handshake.acceptor_welcome(acceptor, theirs, proof))
    return mine, theirs


def refused(reason: str) -> pytest.RaisesExc[PeerRefused]:
    return pytest.raises(PeerRefused, match=f"^{reason}: ")


def test_both_ends_agree_on_who_they_are() -> None:
    mine, theirs = shake(identity("platform"), identity("funder"))
    assert mine == theirs
    assert (mine.dialer, mine.acceptor) == ("platform", "funder")


def test_hello_has_the_documented_bytes() -> None:
    _, hello = handshake.dialer_hello(identity("platform"), "institution", NONCES[0])
    ledger = consortium().ledger
    assert (
        hello
        == (
            f'{{"from":"platform","kind":"hello","ledger":"{ledger}",'
            f'"nonce":"{"11" * 32}","to":"institution"}}'
        ).encode()
    )


def test_transcript_has_the_documented_bytes() -> None:
    opening = Opening("platform", "institution", "11" * 32, "22" * 32)
    assert (
        handshake.transcript("ab" * 32, opening, "acceptor")
        == (
            f'{{"acceptor":"institution","acceptor_nonce":"{"22" * 32}","dialer":"platform",'
            f'"dialer_nonce":"{"11" * 32}","ledger":"{"ab" * 32}","role":"acceptor"}}'
        ).encode()
    )


def test_every_reason_has_a_close_code_of_its_own() -> None:
    assert len(set(CLOSE_CODES.values())) == len(CLOSE_CODES)
    assert all(code == 1001 or 4000 <= code < 5000 for code in CLOSE_CODES.values())


@pytest.mark.parametrize(("party", "peer"), [(a, b) for a in ROLES for b in ROLES if a != b])
def test_exactly_one_of_a_pair_dials(party: str, peer: str) -> None:
    genesis = consortium()
    assert handshake.dials(genesis, party, peer) != handshake.dials(genesis, peer, party)


def test_another_ledger_is_refused() -> None:
    _, hello = handshake.dialer_hello(
        identity("platform", consortium("other")), "funder", b"1" * 32
    )
    with refused("wrong-ledger"):
        handshake.acceptor_answer(identity("funder"), hello, NONCES[1])


def test_a_stranger_is_refused() -> None:
    _, hello = handshake.dialer_hello(identity("platform"), "funder", NONCES[0])
    hello = hello.replace(b'"from":"platform"', b'"from":"stranger"')
    with refused("unknown-party"):
        handshake.acceptor_answer(identity("funder"), hello, NONCES[1])


def test_a_call_for_somebody_else_is_refused() -> None:
    _, hello = handshake.dialer_hello(identity("platform"), "institution", NONCES[0])
    with refused("wrong-recipient"):
        handshake.acceptor_answer(identity("funder"), hello, NONCES[1])


@pytest.mark.parametrize("caller", ["auditor", "funder"])
def test_the_later_party_and_oneself_may_not_dial(caller: str) -> None:
    _, hello = handshake.dialer_hello(identity(caller), "funder", NONCES[0])
    with refused("not-your-turn"):
        handshake.acceptor_answer(identity("funder"), hello, NONCES[1])


def test_another_party_may_not_answer() -> None:
    opening, hello = handshake.dialer_hello(identity("platform"), "institution", NONCES[0])
    hello = hello.replace(b'"to":"institution"', b'"to":"funder"')
    _, answer = handshake.acceptor_answer(identity("funder"), hello, NONCES[1])
    with refused("wrong-recipient"):
        handshake.dialer_proof(identity("platform"), opening, answer)


def test_an_answer_under_another_key_is_refused() -> None:
    impostor = Identity(consortium(), "funder", SIGNERS["auditor"])
    opening, hello = handshake.dialer_hello(identity("platform"), "funder", NONCES[0])
    _, answer = handshake.acceptor_answer(impostor, hello, NONCES[1])
    with refused("bad-signature"):
        handshake.dialer_proof(identity("platform"), opening, answer)


def test_a_proof_under_another_key_is_refused() -> None:
    impostor = Identity(consortium(), "platform", SIGNERS["institution"])
    with refused("bad-signature"):
        shake(impostor, identity("funder"))


def test_a_recorded_proof_does_not_open_a_second_connection() -> None:
    dialer, acceptor = identity("platform"), identity("funder")
    opening, hello = handshake.dialer_hello(dialer, "funder", NONCES[0])
    _, answer = handshake.acceptor_answer(acceptor, hello, NONCES[1])
    _, proof = handshake.dialer_proof(dialer, opening, answer)
    again, _ = handshake.acceptor_answer(acceptor, hello, b"\x33" * 32)
    with refused("bad-signature"):
        handshake.acceptor_welcome(acceptor, again, proof)


def test_a_recorded_answer_does_not_fool_a_second_call() -> None:
    dialer, acceptor = identity("platform"), identity("funder")
    _, hello = handshake.dialer_hello(dialer, "funder", NONCES[0])
    _, answer = handshake.acceptor_answer(acceptor, hello, NONCES[1])
    again, _ = handshake.dialer_hello(dialer, "funder", b"\x33" * 32)
    with refused("bad-signature"):
        handshake.dialer_proof(dialer, again, answer)


def test_a_proof_sent_back_to_its_author_is_refused() -> None:
    """Reflection: the acceptor's own signature does not prove the dialer."""
    dialer, acceptor = identity("platform"), identity("funder")
    _, hello = handshake.dialer_hello(dialer, "funder", NONCES[0])
    opening, answer = handshake.acceptor_answer(acceptor, hello, NONCES[1])
    signature = canonical.parse(answer)["signature"]
    proof = canonical.encode(handshake.Proof(signature=signature))
    with refused("bad-signature"):
        handshake.acceptor_welcome(acceptor, opening, proof)


def test_a_proof_for_one_peer_does_not_open_another() -> None:
    """Relay: the funder, called by the platform, cannot become the platform at the auditor."""
    platform, auditor = identity("platform"), identity("auditor")
    mine, _ = handshake.dialer_hello(platform, "funder", NONCES[0])
    _, relayed = handshake.dialer_hello(platform, "auditor", NONCES[0])
    theirs, answer = handshake.acceptor_answer(auditor, relayed, NONCES[1])
    nonce = canonical.parse(answer)["nonce"]
    forged = Opening("platform", "funder", NONCES[0].hex(), nonce)
    message = domains.handshake_signature_input(
        handshake.transcript(consortium().ledger, forged, "acceptor")
    )
    fake = handshake.Answer(
        nonce=nonce, sender="funder", signature=SIGNERS["funder"].sign(message).hex()
    )
    _, proof = handshake.dialer_proof(platform, mine, canonical.encode(fake))
    with refused("bad-signature"):
        handshake.acceptor_welcome(auditor, theirs, proof)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"{}",
        b"\x00\xff",
        b'{"kind":"hello"}',
        b"[" * 2000,
        b'{"from":"platform", "kind":"hello"}',
    ],
)
def test_garbage_is_refused_at_every_step(frame: bytes) -> None:
    dialer, acceptor = identity("platform"), identity("funder")
    opening, _ = handshake.dialer_hello(dialer, "funder", NONCES[0])
    with refused("bad-frame"):
        handshake.acceptor_answer(acceptor, frame, NONCES[1])
    with refused("bad-frame"):
        handshake.dialer_proof(dialer, opening, frame)
    with refused("bad-frame"):
        handshake.acceptor_welcome(acceptor, opening, frame)
    with refused("bad-frame"):
        handshake.dialer_check_welcome(frame)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_acceptor(frame: bytes) -> None:
    with pytest.raises(PeerRefused):
        handshake.acceptor_answer(identity("funder"), frame, NONCES[1])


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_every_changed_byte_of_a_handshake_is_noticed(place: int, change: int) -> None:
    dialer, acceptor = identity("platform"), identity("funder")
    opening, hello = handshake.dialer_hello(dialer, "funder", NONCES[0])
    theirs, answer = handshake.acceptor_answer(acceptor, hello, NONCES[1])
    broken = bytearray(answer)
    broken[place % len(broken)] ^= change
    with pytest.raises(PeerRefused):
        handshake.dialer_proof(dialer, opening, bytes(broken))
    _, proof = handshake.dialer_proof(dialer, opening, answer)
    broken = bytearray(proof)
    broken[place % len(broken)] ^= change
    with pytest.raises(PeerRefused):
        handshake.acceptor_welcome(acceptor, theirs, bytes(broken))


def test_a_signature_with_a_line_ending_is_not_canonical() -> None:
    proof = msgspec.json.encode({"kind": "proof", "signature": "0" * 128 + "\n"})
    opening = Opening("platform", "funder", "11" * 32, "22" * 32)
    with refused("bad-frame"):
        handshake.acceptor_welcome(identity("funder"), opening, proof)
