"""The peer handshake: three frames by which both ends of a connection prove their genesis keys.

Every frame is canonical JSON. The dialer is always the party that stands earlier in genesis::

    dialer   → {"from":"platform","kind":"hello","ledger":"<64 hex>","nonce":"<64 hex>",
                "to":"institution"}
    acceptor → {"from":"institution","kind":"answer","nonce":"<64 hex>","signature":"<128 hex>"}
    dialer   → {"kind":"proof","signature":"<128 hex>"}
    acceptor → {"kind":"welcome"}

Both sign the same transcript, each under its own role::

    {"acceptor":"institution","acceptor_nonce":"<64 hex>","dialer":"platform",
     "dialer_nonce":"<64 hex>","ledger":"<64 hex>","role":"acceptor"}

The ledger keeps a proof within one consortium, the two fresh nonces keep it within one connection,
the names keep it between two parties, and the role keeps one end's proof from being sent back to
it. The proof speaks for the ends, not for the wire: what peers tell each other is signed itself
where it matters, and a network that is not trusted gets TLS underneath.

Nothing here reads a clock, a socket or a random source: nonces are passed in.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import Meta

from ledger import canonical, domains
from ledger.errors import DecodeError, VerificationError
from ledger.genesis import Genesis
from ledger.keys import Signer

NONCE_BYTES = 32
HANDSHAKE_FRAME_BYTES_MAX = 1024

Nonce = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
Signature = Annotated[str, Meta(pattern=r"^[0-9a-f]{128}$(?!\n)")]
Side = Literal["dialer", "acceptor"]

CLOSE_CODES: dict[str, int] = {
    "bad-frame": 4000,
    "wrong-ledger": 4001,
    "unknown-party": 4002,
    "wrong-recipient": 4003,
    "not-your-turn": 4004,
    "bad-signature": 4005,
    "handshake-timeout": 4006,
    "too-many-handshakes": 4007,
    "replaced": 4008,
    "text-frame": 4009,
    "shut-out": 4010,
    "too-many-links": 4011,
    "stopping": 1001,
}
"""WebSocket close code by reason. The reason itself travels in the close frame as text."""

LASTING_REASONS = frozenset(
    {
        "bad-frame",
        "wrong-ledger",
        "unknown-party",
        "wrong-recipient",
        "not-your-turn",
        "bad-signature",
        "text-frame",
    }
)
"""Reasons that do not pass by themselves: who is refused for one asks again less often."""


class PeerRefused(Exception):
    """A peer connection was refused; ``reason`` is a key of :data:`CLOSE_CODES`.

    Args:
        reason: Stable kebab-case code.
        message: What was expected and what came, for the log.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message


class Hello(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="hello"):
    """The dialer's first frame: who calls whom, on which ledger, with which nonce."""

    ledger: str
    nonce: Nonce
    sender: str = msgspec.field(name="from")
    recipient: str = msgspec.field(name="to")


class Answer(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="answer"
):
    """The acceptor's frame: its nonce and its signature over the transcript."""

    nonce: Nonce
    sender: str = msgspec.field(name="from")
    signature: Signature


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="proof"):
    """The dialer's signature over the transcript."""

    signature: Signature


class Welcome(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="welcome"
):
    """The acceptor's last frame: the connection is up."""


class Identity(NamedTuple):
    """What a node brings to a handshake: the consortium, its own name and its key."""

    genesis: Genesis
    party: str
    signer: Signer


class Opening(NamedTuple):
    """One end's memory between its first frame and the other end's proof."""

    dialer: str
    acceptor: str
    dialer_nonce: str
    acceptor_nonce: str = ""


_hello = msgspec.json.Decoder(Hello)
_answer = msgspec.json.Decoder(Answer)
_proof = msgspec.json.Decoder(Proof)
_welcome = msgspec.json.Decoder(Welcome)

F = TypeVar("F")


def dials(genesis: Genesis, party: str, peer: str) -> bool:
    """Return whether ``party`` is the one that dials ``peer``: the earlier in genesis does."""
    return genesis.names.index(party) < genesis.names.index(peer)


def dialer_hello(me: Identity, acceptor: str, nonce: bytes) -> tuple[Opening, bytes]:
    """Open a connection to ``acceptor``.

    Args:
        me: The dialer.
        acceptor: The party that is called.
        nonce: 32 fresh random bytes.

    Returns:
        What to remember, and the hello frame.
    """
    opening = Opening(me.party, acceptor, nonce.hex())
    hello = Hello(ledger=me.genesis.ledger, nonce=nonce.hex(), sender=me.party, recipient=acceptor)
    return opening, canonical.encode(hello)


def caller(me: Identity, frame: bytes) -> str:
    """Return in whose name a hello calls, before anything is signed; raises as below."""
    hello = _decode(frame, _hello, "hello")
    _refuse_hello(me, hello)
    return hello.sender


def acceptor_answer(me: Identity, frame: bytes, nonce: bytes) -> tuple[Opening, bytes]:
    """Answer a hello with this party's own proof.

    Args:
        me: The acceptor.
        frame: The hello frame.
        nonce: 32 fresh random bytes.

    Returns:
        What to remember, and the answer frame.

    Raises:
        PeerRefused: ``bad-frame``, ``wrong-ledger``, ``unknown-party``, ``wrong-recipient``
            or ``not-your-turn``.
    """
    hello = _decode(frame, _hello, "hello")
    _refuse_hello(me, hello)
    opening = Opening(hello.sender, me.party, hello.nonce, nonce.hex())
    answer = Answer(nonce=nonce.hex(), sender=me.party, signature=_sign(me, opening, "acceptor"))
    return opening, canonical.encode(answer)


def dialer_proof(me: Identity, opening: Opening, frame: bytes) -> tuple[Opening, bytes]:
    """Check the acceptor's answer and prove this party in return.

    Args:
        me: The dialer.
        opening: What :func:`dialer_hello` returned.
        frame: The answer frame.

    Returns:
        What to remember, and the proof frame.

    Raises:
        PeerRefused: ``bad-frame``, ``wrong-recipient`` (another party answered) or
            ``bad-signature``.
    """
    answer = _decode(frame, _answer, "answer")
    if answer.sender != opening.acceptor:
        raise PeerRefused(
            "wrong-recipient", f"called {opening.acceptor}, {_shown(answer.sender)} answered"
        )
    opening = opening._replace(acceptor_nonce=answer.nonce)
    _verify(me.genesis, opening, "acceptor", answer.signature)
    return opening, canonical.encode(Proof(signature=_sign(me, opening, "dialer")))


def acceptor_welcome(me: Identity, opening: Opening, frame: bytes) -> bytes:
    """Check the dialer's proof and return the welcome frame; ``opening.dialer`` is now proved.

    Raises:
        PeerRefused: ``bad-frame`` or ``bad-signature``.
    """
    proof = _decode(frame, _proof, "proof")
    _verify(me.genesis, opening, "dialer", proof.signature)
    return canonical.encode(Welcome())


def dialer_check_welcome(frame: bytes) -> None:
    """Return if ``frame`` is the acceptor's welcome.

    Raises:
        PeerRefused: ``bad-frame``.
    """
    _decode(frame, _welcome, "welcome")


def transcript(ledger: str, opening: Opening, role: Side) -> bytes:
    """Return the canonical bytes that the end in ``role`` signs."""
    return canonical.encode(
        {
            "acceptor": opening.acceptor,
            "acceptor_nonce": opening.acceptor_nonce,
            "dialer": opening.dialer,
            "dialer_nonce": opening.dialer_nonce,
            "ledger": ledger,
            "role": role,
        }
    )


def _refuse_hello(me: Identity, hello: Hello) -> None:
    names = me.genesis.names
    if hello.ledger != me.genesis.ledger:
        raise PeerRefused(
            "wrong-ledger",
            f"this is {me.genesis.ledger[:16]}, the call is for {_shown(hello.ledger)}",
        )
    if hello.sender not in names:
        raise PeerRefused("unknown-party", f"{_shown(hello.sender)} is not in genesis")
    if hello.recipient != me.party:
        raise PeerRefused(
            "wrong-recipient", f"this is {me.party}, the call is for {_shown(hello.recipient)}"
        )
    if hello.sender == me.party or not dials(me.genesis, hello.sender, me.party):
        raise PeerRefused(
            "not-your-turn", f"between {hello.sender} and {me.party}, {me.party} dials"
        )


def _decode(frame: bytes, decoder: msgspec.json.Decoder[F], what: str) -> F:
    if len(frame) > HANDSHAKE_FRAME_BYTES_MAX:
        raise PeerRefused(
            "bad-frame",
            f"a {what} frame has at most {HANDSHAKE_FRAME_BYTES_MAX} bytes, got {len(frame)}",
        )
    try:
        return canonical.decode(frame, decoder, what)
    except DecodeError as error:
        raise PeerRefused("bad-frame", error.message[:200]) from None


def _sign(me: Identity, opening: Opening, role: Side) -> str:
    text = transcript(me.genesis.ledger, opening, role)
    return me.signer.sign(domains.handshake_signature_input(text)).hex()


def _verify(genesis: Genesis, opening: Opening, role: Side, signature: str) -> None:
    signer = opening.acceptor if role == "acceptor" else opening.dialer
    message = domains.handshake_signature_input(transcript(genesis.ledger, opening, role))
    try:
        genesis.verifiers[signer].verify(bytes.fromhex(signature), message)
    except VerificationError:
        raise PeerRefused(
            "bad-signature", f"the {role} did not sign with the genesis key of {signer}"
        ) from None


def _shown(text: str) -> str:
    return repr(text[:32])
