"""Serve one node over HTTP: uvicorn on uvloop, started and stopped with the node.

A stop (SIGTERM, SIGINT) goes in order: new records are refused with ``stopping``, those under way
get :data:`DRAIN_S` to become final, the node stops, the connections close. A second signal does
not wait.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import uvicorn

from api.app import build_app
from api.connection import BoundedConnection
from api.draining import Draining
from api.peer_socket import BoundedWebSocket
from api.read_server import QuietServer
from api.readers import Readers
from api.simulations import Simulations, Simulator
from api.site import Site
from node.peers.links import PING_INTERVAL_S, PING_TIMEOUT_S

if TYPE_CHECKING:
    from node.node import Node

BACKLOG = 1024
DRAIN_S = 3.0
GRACEFUL_S = 3
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

logger = logging.getLogger("tongzhang.api")


class Service:
    """A node and its HTTP server, running in the current event loop.

    Args:
        node: The node; :meth:`run` starts and stops it.
        listener: A bound socket, as :func:`listen` makes it.
        readers: Answer reads; without them this process does it itself.
        site: The page, if it is served.
        simulator: What runs simulations, if they are offered.
    """

    def __init__(
        self,
        node: Node,
        listener: socket.socket,
        readers: Readers | None = None,
        site: Site | None = None,
        simulator: Simulator | None = None,
    ) -> None:
        self._node = node
        self._listener = listener
        self._readers = readers
        self._draining = Draining()
        self._simulations = None if simulator is None else Simulations(simulator)
        self._stop = asyncio.Event()
        self.started = asyncio.Event()
        config = uvicorn.Config(
            build_app(node, self._draining, readers, site, self._simulations),
            http=BoundedConnection,
            ws=BoundedWebSocket,
            loop="none",
            lifespan="off",
            log_config=None,
            log_level=_log_level(),
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=GRACEFUL_S,
            ws_max_size=node.peers.frame_bytes_max,
            ws_per_message_deflate=False,
            ws_ping_interval=PING_INTERVAL_S,
            ws_ping_timeout=PING_TIMEOUT_S,
        )
        self._server = QuietServer(config)

    @property
    def port(self) -> int:
        """The port on which the service listens."""
        return int(self._listener.getsockname()[1])

    def stop(self) -> None:
        """Begin an orderly stop; a second call does not wait for anything."""
        if self._stop.is_set():
            self._server.force_exit = True
            self._draining.give_up()
        self._stop.set()

    async def run(self) -> None:
        """Serve until :meth:`stop`; raises what made the node fail, if it did."""
        serving = asyncio.create_task(self._server.serve([self._listener]), name="http")
        running = asyncio.create_task(self._node.run(), name="node")
        stopping = asyncio.create_task(self._stop.wait(), name="stop")
        watching = asyncio.create_task(self._watch_readers(), name="readers")
        self.started.set()
        await asyncio.wait([serving, running, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if self._simulations is not None:
            await self._simulations.stop()
        await self._draining.drain(DRAIN_S if not running.done() else 0)
        self._node.stop()
        self._server.should_exit = True
        results = await asyncio.gather(running, serving, return_exceptions=True)
        watching.cancel()
        self._listener.close()
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _watch_readers(self) -> None:
        if self._readers is not None:
            await self._readers.watch()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket bound to ``host`` and ``port``; port 0 takes a free one.

    Raises:
        OSError: the address is in use or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def serve(
    node: Node,
    host: str,
    port: int,
    *,
    readers: Readers | None = None,
    site: Site | None = None,
    simulator: Simulator | None = None,
    on_started: Callable[[int], None] | None = None,
) -> None:
    """Run ``node`` and serve it until SIGTERM or SIGINT.

    Args:
        node: The node.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        readers: Answer reads; without them this process does it itself.
        site: The page, if it is served.
        simulator: What runs simulations, if they are offered.
        on_started: Is told the port once it is open.

    Raises:
        OSError: the address is in use or not this machine's.
    """
    listener = listen(host, port)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(Service(node, listener, readers, site, simulator), on_started))


async def _serve(service: Service, on_started: Callable[[int], None] | None) -> None:
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, service.stop)
    if on_started is not None:
        on_started(service.port)
    logger.info("listening on port %d", service.port)
    try:
        await service.run()
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)


def _log_level() -> str | None:
    """uvicorn tells of every WebSocket and every torn request; strangers could fill a log so."""
    return None if logger.isEnabledFor(logging.DEBUG) else "error"


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes an event loop: uvloop's where there is one."""
    try:
        import uvloop
    except ImportError:  # no uvloop on Windows
        return asyncio.new_event_loop
    return uvloop.new_event_loop
