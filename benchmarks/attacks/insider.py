"""An insider: whoever holds a party's key, and speaks the peers' own protocol on three links.

It votes for nothing, proposes nothing, and holds no ledger: all that it has is its key and what it
hears. An attack says what it sends; frames go out as fast as the others take them.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from benchmarks.attacks.attack import Target
from benchmarks.attacks.strangers import until_over
from consensus.messages import BatchMessage, VoteMessage, decode, encode, kind_of
from consensus.votes import Subject, sign_vote
from ledger.batch import Batch, seal
from node.home.home import load_home
from node.peers import handshake
from node.peers.handshake import NONCE_BYTES, Identity, PeerRefused
from node.peers.link import peer_url

AGAIN_S = 0.05
HEARD_MAX = 400
SETTLE_S = 0.3


class Insider:
    """One party's key in wrong hands.

    Args:
        target: Whose key it is: its home; and for how long it attacks.
    """

    def __init__(self, target: Target) -> None:
        home = load_home(Path(target.home))
        self.genesis, self.party, self.signer = home.genesis, home.party, home.signer
        self.addresses = dict(home.config.peers)
        self.seconds = target.seconds
        self.again_s, self.settle_s = AGAIN_S, SETTLE_S
        self.done: Counter[str] = Counter()
        self.slot = 1
        """The latest slot that anybody voted in."""
        self.heard: list[bytes] = []
        """Frames of others, as they came."""
        self.batch: Batch | None = None
        """The latest batch of another."""
        self._me = Identity(self.genesis, self.party, self.signer)

    async def attack(self, act: Callable[[Insider, ClientConnection], Awaitable[None]]) -> None:
        """Do something on a link to every other party, until the time is over."""
        await until_over(self.seconds, *(self._keep(peer, act) for peer in self.addresses))

    async def connect(self, peer: str) -> ClientConnection:
        """Return a proved connection; raises like ``websockets`` or :class:`PeerRefused`."""
        url = peer_url(self.addresses[peer])
        connection = await connect(
            url, compression=None, proxy=None, max_size=None, close_timeout=0.2
        )
        opening, hello = handshake.dialer_hello(self._me, peer, os.urandom(NONCE_BYTES))
        await connection.send(hello)
        _, proof = handshake.dialer_proof(self._me, opening, await _received(connection))
        await connection.send(proof)
        handshake.dialer_check_welcome(await _received(connection))
        self.done["connected"] += 1
        return connection

    async def say(self, connection: ClientConnection, frame: bytes) -> None:
        """Send a frame, and count it."""
        await connection.send(frame)
        self.done["frames"] += 1
        self.done["bytes"] += len(frame)

    def vote(self, subject: Subject) -> bytes:
        """Return this party's vote as a frame."""
        return encode(VoteMessage(sign_vote(subject, self.signer, self.party, 0, self.genesis)))

    def sealed(self, number: int, previous: bytes, records: list[bytes]) -> Batch:
        """Return a batch of this party with any number at all."""
        return seal(self.signer, self.genesis.ledger, self.party, (number - 1, previous), records)

    async def _keep(
        self, peer: str, act: Callable[[Insider, ClientConnection], Awaitable[None]]
    ) -> None:
        while True:
            try:
                connection = await self.connect(peer)
            except (
                OSError,
                ConnectionClosed,
                InvalidHandshake,
                PeerRefused,
                TimeoutError,
            ) as fault:
                self.done[f"refused: {_reason(fault)}"] += 1
                await asyncio.sleep(self.again_s)
                continue
            listening = asyncio.create_task(self._listen(connection))
            try:
                await asyncio.sleep(self.settle_s)
                await act(self, connection)
            except (ConnectionClosed, OSError) as fault:
                self.done[f"closed: {_reason(fault)}"] += 1
            finally:
                listening.cancel()
                if not connection.transport.is_closing():
                    connection.transport.abort()

    async def _listen(self, connection: ClientConnection) -> None:
        try:
            while True:
                frame = await _received(connection)
                if len(self.heard) < HEARD_MAX:
                    self.heard.append(frame)
                kind = kind_of(frame)
                if kind == "vote" or (kind == "batch" and self.batch is None):
                    self._note(frame)
        except ConnectionClosed:
            return

    def _note(self, frame: bytes) -> None:
        message = decode(frame)
        if isinstance(message, VoteMessage):
            self.slot = max(self.slot, message.vote.slot)
        elif isinstance(message, BatchMessage):
            self.batch = message.batch.batch()


async def _received(connection: ClientConnection) -> bytes:
    return await connection.recv(decode=False)


def _reason(fault: BaseException) -> str:
    if isinstance(fault, ConnectionClosed):
        return fault.rcvd.reason if fault.rcvd else "cut"
    return fault.reason if isinstance(fault, PeerRefused) else type(fault).__name__
