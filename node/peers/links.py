"""Peer links: one persistent WebSocket per pair of parties, on the node's own HTTP port.

The party that stands earlier in genesis dials ``/peer`` of the later one; both ends prove their
genesis keys (``handshake``); after that every binary frame is one message, handed to the host as
it came. :meth:`PeerLinks.send` never blocks: each connection has its own bounded queue and
its own sender task, and a queue that is full loses its oldest frames, so that a slow peer costs
nobody else anything. What is lost is counted; the protocol repeats what matters (R8).

Garbage, strangers and wrong keys are counted by reason, logged once, and dropped.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from node.host.frames import frame_bytes_max
from node.limits import CALLERS_MAX
from node.peers import handshake
from node.peers.admission import Admission
from node.peers.handshake import (
    CLOSE_CODES,
    HANDSHAKE_FRAME_BYTES_MAX,
    LASTING_REASONS,
    NONCE_BYTES,
    Identity,
    PeerRefused,
)
from node.peers.link import (
    Closed,
    Connection,
    DialledConnection,
    DialledSocket,
    IncomingSocket,
    Link,
    SendQueue,
    Socket,
    peer_url,
    send_all,
)
from node.peers.ration import LINKS_AT_ONCE

HANDSHAKE_TIMEOUT_S = 5.0
RETRY_FIRST_S = 0.05
RETRY_MAX_S = 0.8
RETRY_REFUSED_MAX_S = 10.0
STABLE_S = 2.0
REFUSED_WAIT_S = 0.5
PING_INTERVAL_S = 2.0
PING_TIMEOUT_S = 6.0
CLOSE_TIMEOUT_S = 1.0
QUEUE_WHOLE_FRAMES = 4
RECEIVE_BURST = 64
BURST_S = 0.005

logger = logging.getLogger("tongzhang.peers")


class PeerHost(Protocol):
    """What a link tells the host. Called on the event loop; must not block."""

    def receive(self, peer: str, frame: bytes) -> bool:
        """Take one frame of an authenticated peer. Return whether it was of use."""

    def shut_out_ms(self, peer: str) -> int:
        """Return for how long a peer is not to be listened to; 0 if it is."""

    def peer_up(self, peer: str) -> None:
        """Learn that a peer is connected and proved."""

    def peer_down(self, peer: str) -> None:
        """Learn that a peer's connection is gone."""


class PeerLinks:
    """All peer connections of one node; the host's network.

    Args:
        me: The consortium, this party's name and its key.
        addresses: Address by peer name, as :func:`node.peers.link.peer_url` takes it.
        entropy: Source of nonces: returns as many random bytes as it is asked for.
    """

    def __init__(
        self,
        me: Identity,
        addresses: Mapping[str, str],
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._me = me
        self._entropy = entropy
        self._links = {name: Link(name, addresses.get(name, "")) for name in me.genesis.names}
        del self._links[me.party]
        self._host: PeerHost | None = None
        self._stopped = asyncio.Event()
        self._callers: Admission[IncomingSocket] = Admission(CALLERS_MAX, CALLERS_MAX)
        self._closing: set[asyncio.Task[None]] = set()
        self._logged: set[tuple[str, str]] = set()
        self.refusals: Counter[str] = Counter()
        self.frame_bytes_max = frame_bytes_max(me.genesis)

    def bind(self, host: PeerHost) -> None:
        """Say to whom frames and changes of connection are told; before :meth:`run`."""
        self._host = host

    def send(self, peer: str, frame: bytes) -> None:
        """Queue ``frame`` for ``peer``; never blocks.

        Without a connection the frame is counted as unsent and forgotten: the host talks to a peer
        again when it comes up. A full queue loses its oldest frames and counts them as dropped.
        """
        link = self._links[peer]
        if link.connection is None:
            link.unsent += 1
        elif len(frame) > self.frame_bytes_max:
            link.dropped += 1
            self._log_once(peer, "frame-too-large", f"{len(frame)} bytes were not sent")
        else:
            link.dropped += link.connection.queue.put(frame)

    def connected(self) -> tuple[str, ...]:
        """Return the names of the connected peers, in genesis order."""
        return tuple(name for name, link in self._links.items() if link.connection is not None)

    def status(self) -> dict[str, dict[str, Any]]:
        """Return every link as plain JSON values, by peer name."""
        return {name: link.status() for name, link in self._links.items()}

    async def run(self) -> None:
        """Dial the later parties and keep dialling; returns after :meth:`stop`."""
        dialers = [
            asyncio.create_task(self._keep_dialling(link), name=f"dial {link.peer}")
            for link in self._links.values()
            if link.address and handshake.dials(self._me.genesis, self._me.party, link.peer)
        ]
        try:
            await self._stopped.wait()
        finally:
            self._stopped.set()
            for dialer in dialers:
                dialer.cancel()
            await asyncio.gather(*dialers, return_exceptions=True)
            await self._close_all()

    def stop(self) -> None:
        """Close every connection and end :meth:`run`."""
        self._stopped.set()

    async def accept(self, socket: IncomingSocket) -> None:
        """Serve one incoming connection until it ends; raises nothing.

        Args:
            socket: A connection whose WebSocket upgrade was accepted.
        """
        try:
            peer = await self._shake_as_acceptor(socket)
        except PeerRefused as refusal:
            await self._refuse(socket, "incoming", refusal)
        except TimeoutError:
            await self._refuse(socket, "incoming", _timeout())
        except Closed:
            self.refusals["closed-early"] += 1
        else:
            await self._serve(self._links[peer], socket)

    async def _shake_as_acceptor(self, socket: IncomingSocket) -> str:
        if self._stopped.is_set() or self._host is None:
            raise PeerRefused("stopping", "this node is not running")
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
                nonce = self._entropy(NONCE_BYTES)
                hello = await socket.receive()
                await self._refuse_caller(handshake.caller(self._me, hello))
                opening, answer = handshake.acceptor_answer(self._me, hello, nonce)
                self._await_proof(socket, opening.dialer)
                await socket.send(answer)
                proof = await socket.receive()
                welcome = handshake.acceptor_welcome(self._me, opening, proof)
                socket.prove()
                await socket.send(welcome)
                return opening.dialer
        finally:
            self._callers.leave(socket)

    def _await_proof(self, socket: IncomingSocket, party: str) -> None:
        """Give a call for ``party`` a place; those who have said nothing yet have none here.

        Anybody may claim a party's name. Many calls for it from one address displace each other,
        not that party's own from elsewhere.
        """
        socket.claim()
        displaced = self._callers.enter(socket, (party, socket.address))
        if displaced is not None:
            self.refusals["too-many-handshakes"] += 1
            self._close_soon(displaced, "too-many-handshakes")

    async def _shake_as_dialer(self, link: Link, socket: DialledSocket) -> None:
        async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
            nonce = self._entropy(NONCE_BYTES)
            opening, hello = handshake.dialer_hello(self._me, link.peer, nonce)
            await socket.send(hello)
            opening, proof = handshake.dialer_proof(self._me, opening, await socket.receive())
            socket.prove()
            await socket.send(proof)
            handshake.dialer_check_welcome(await socket.receive())

    async def _keep_dialling(self, link: Link) -> None:
        loop = asyncio.get_running_loop()
        wait_s = 0.0
        while True:
            await asyncio.sleep(wait_s)
            started = loop.time()
            wait_max_s = await self._dial(link)
            lasted_s = loop.time() - started
            stable = wait_max_s == 0.0 and lasted_s > STABLE_S
            wait_s = RETRY_FIRST_S if stable else _grown(wait_s, wait_max_s or RETRY_MAX_S)
            shut_out_s = self._bound().shut_out_ms(link.peer) / 1000
            wait_s = max(wait_s, shut_out_s, link.links.wait_s(loop.time()))

    async def _dial(self, link: Link) -> float:
        """Connect once and serve; return the longest sensible wait, 0 if the peer was up."""
        try:
            async with connect(peer_url(link.address), **self._options()) as connection:
                assert isinstance(connection, DialledConnection)  # made so in the options
                socket = DialledSocket(connection, self.frame_bytes_max)
                return await self._serve_dialled(link, socket)
        except (OSError, TimeoutError, InvalidHandshake, ConnectionClosed) as error:
            self._log_once(link.peer, "unreachable", f"{link.address}: {error}")
            return RETRY_MAX_S
        except InvalidURI as error:
            self._log_once(link.peer, "bad-address", str(error))
            return RETRY_REFUSED_MAX_S

    async def _serve_dialled(self, link: Link, socket: DialledSocket) -> float:
        try:
            await self._shake_as_dialer(link, socket)
        except PeerRefused as refusal:
            await self._refuse(socket, link.peer, refusal)
            return RETRY_REFUSED_MAX_S
        except TimeoutError:
            await self._refuse(socket, link.peer, _timeout())
            return RETRY_MAX_S
        except Closed as closed:
            return self._refused_by(link, closed)
        await self._serve(link, socket)
        return 0.0

    def _refused_by(self, link: Link, closed: Closed) -> float:
        if closed.code < 4000:
            self._log_once(link.peer, "closed-early", str(closed))
            return RETRY_MAX_S
        self.refusals[f"by-{link.peer}"] += 1
        reason = closed.reason if closed.reason in CLOSE_CODES else "unknown-reason"
        self._log_once(link.peer, reason, f"{link.address} refused this node: {closed}")
        return RETRY_REFUSED_MAX_S if closed.reason in LASTING_REASONS else RETRY_MAX_S

    async def _serve(self, link: Link, socket: Socket) -> None:
        connection = Connection(socket, SendQueue(QUEUE_WHOLE_FRAMES * self.frame_bytes_max))
        sender = asyncio.create_task(send_all(connection), name=f"send {link.peer}")
        try:
            self._enter_up(link, connection)
            await self._receive_all(link, connection)
        except Closed:
            pass
        except PeerRefused as refusal:
            if refusal.reason != "shut-out":  # what comes is no message: it calls again later
                link.links.take(LINKS_AT_ONCE, asyncio.get_running_loop().time())
            await self._refuse(socket, link.peer, refusal)
        except Exception as fault:
            self._note_fault(link.peer, fault)
            await socket.close(1011, "internal-error")
        finally:
            sender.cancel()
            if link.connection is connection:
                self._enter_down(link)

    async def _receive_all(self, link: Link, connection: Connection) -> None:
        """Hand on what comes; who sends what is of no use gets a part of the time only."""
        host, socket, burst = self._bound(), connection.socket, 0
        clock = asyncio.get_running_loop().time
        until = clock() + BURST_S
        while True:
            frame = await socket.receive()
            if link.connection is not connection:
                return
            began = time.thread_time()
            useful = host.receive(link.peer, frame)
            burst += 1
            if not useful:
                self._refuse_shut_out(link.peer)
                if await link.pause(time.thread_time() - began, len(frame)):
                    burst, until = 0, clock() + BURST_S
            if burst == RECEIVE_BURST or clock() > until:
                burst = 0  # others get their turn even when one peer never pauses
                await asyncio.sleep(0)
                until = clock() + BURST_S

    def _refuse_shut_out(self, peer: str) -> None:
        left_ms = self._bound().shut_out_ms(peer)
        if left_ms:
            raise PeerRefused("shut-out", f"what {peer} sent did not verify; {left_ms} ms are left")

    async def _refuse_caller(self, peer: str) -> None:
        """Return if a peer may call now; else let it wait, so that it does not call at once."""
        now_s = asyncio.get_running_loop().time()
        try:
            self._refuse_shut_out(peer)
            if self._links[peer].links.wait_s(now_s):
                raise PeerRefused("too-many-links", f"{peer} connects again and again")
        except PeerRefused:
            await asyncio.sleep(REFUSED_WAIT_S)
            raise

    def _enter_up(self, link: Link, connection: Connection) -> None:
        older = link.connection
        if older is not None:
            self._enter_down(link)
            self._close_soon(older.socket, "replaced")
        link.connection = connection
        link.connects += 1
        link.links.take(1, asyncio.get_running_loop().time())
        self._logged = {key for key in self._logged if key[0] != link.peer}
        logger.info("connected to %s", link.peer)
        self._bound().peer_up(link.peer)

    def _enter_down(self, link: Link) -> None:
        link.connection = None
        logger.info("lost %s", link.peer)
        self._bound().peer_down(link.peer)

    def _bound(self) -> PeerHost:
        if self._host is None:
            raise RuntimeError("bind a host before running the links")
        return self._host

    async def _refuse(self, socket: Socket, peer: str, refusal: PeerRefused) -> None:
        self.refusals[refusal.reason] += 1
        self._log_once(peer, refusal.reason, refusal.message)
        await socket.close(CLOSE_CODES[refusal.reason], refusal.reason)

    def _note_fault(self, peer: str, fault: Exception) -> None:
        self.refusals["internal-error"] += 1
        first = self.refusals["internal-error"] == 1
        logger.error(
            "a frame of %s was not handled, its connection is closed: %r",
            peer,
            fault,
            exc_info=fault if first else None,
        )

    def _close_soon(self, socket: Socket, reason: str) -> None:
        task = asyncio.create_task(socket.close(CLOSE_CODES[reason], reason))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close_all(self) -> None:
        for link in self._links.values():
            if link.connection is not None:
                self._close_soon(link.connection.socket, "stopping")
                self._enter_down(link)
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _log_once(self, peer: str, reason: str, message: str) -> None:
        if (peer, reason) not in self._logged:
            self._logged.add((peer, reason))
            shown = "".join(each if each.isprintable() else repr(each)[1:-1] for each in message)
            logger.warning("%s: %s: %s (said once, then only counted)", peer, reason, shown)

    def _options(self) -> dict[str, Any]:
        return {
            "compression": None,
            "proxy": None,
            "create_connection": DialledConnection,
            "max_size": HANDSHAKE_FRAME_BYTES_MAX,
            "write_limit": 256 * 1024,
            "open_timeout": HANDSHAKE_TIMEOUT_S,
            "close_timeout": CLOSE_TIMEOUT_S,
            "ping_interval": PING_INTERVAL_S,
            "ping_timeout": PING_TIMEOUT_S,
        }


def _grown(wait_s: float, wait_max_s: float) -> float:
    return min(max(wait_s * 2, RETRY_FIRST_S), wait_max_s)


def _timeout() -> PeerRefused:
    return PeerRefused("handshake-timeout", f"no proof within {HANDSHAKE_TIMEOUT_S:.0f} s")
