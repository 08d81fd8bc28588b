"""Server of an opened log: in this process, at the loopback address, until Ctrl-C."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import anyio.to_thread
import uvicorn

from api.limits import READER_THREADS
from api.opened import opened_app
from api.read_server import QuietServer
from node.storage.opened import OpenedLog
from web.site import SITE

HOST = "127.0.0.1"


def serve_log(opened: OpenedLog, port: int, started: Callable[[str], None]) -> None:
    """Serve a log until interrupted.

    Args:
        opened: The log.
        port: The port; 0 for one that is free.
        started: Called with the address, once connections are taken.

    Raises:
        OSError: the port cannot be had.
        KeyboardInterrupt: it was interrupted.
    """
    listener = socket.create_server((HOST, port))
    try:
        started(f"http://{HOST}:{listener.getsockname()[1]}")
        asyncio.run(_serve(opened, listener))
    finally:
        listener.close()


async def _serve(opened: OpenedLog, listener: socket.socket) -> None:
    anyio.to_thread.current_default_thread_limiter().total_tokens = READER_THREADS
    config = uvicorn.Config(
        opened_app(opened, SITE),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
    )
    await QuietServer(config).serve([listener])
