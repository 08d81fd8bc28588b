"""The readers' contract: every answer names its height, and a client may ask for one at least.

Nothing else is promised, so that whoever reads may live in another process than whoever writes.
``Tongzhang-Height`` is the height of the last final block that an answer knows of; an answer made
on several snapshots names the first one's. ``min_height`` waits for a height.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Annotated, Self

from fastapi import APIRouter, Depends, Query
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from api.auth import require
from api.limits import HEIGHT_POLL_S, HEIGHT_WAIT_S
from api.news import NewsDesk
from api.overview import Overviews
from api.problems import Problem
from ledger.genesis import Genesis
from ledger.limits import SAFE_INTEGER_MAX
from node.home.home import Home
from node.home.tokens import Scope, Tokens
from node.storage.opened import OpenedLog, Summary
from node.storage.past_balances import PastBalances
from node.storage.proofs import Served, export_lines, receipt_of, served_checkpoint
from node.storage.queries import LedgerReader
from node.storage.snapshots import Snapshots
from node.storage.store import Store
from views.texts import gettext

HEIGHT = "Tongzhang-Height"

MinHeight = Annotated[
    int,
    Query(
        ge=0,
        le=SAFE_INTEGER_MAX,
        description=f"Answer at this height or later; waits {HEIGHT_WAIT_S:.0f} s for it.",
    ),
]

_heights: ContextVar[list[int]] = ContextVar("heights")


class Reading:
    """A ledger as reading routes know it. Everything may be called from any thread.

    Args:
        genesis: The founding document.
        party: Whose node it is; empty where it is nobody's.
        tokens: As :func:`api.auth.require` takes them.
        snapshots: Where the ledger stands.
        served: Gives the checkpoint that is served.
        log: What was verified of a log that is opened like a file.
    """

    def __init__(
        self,
        *,
        genesis: Genesis,
        party: str,
        tokens: Tokens | None,
        snapshots: Snapshots | Store | OpenedLog,
        served: Served,
        log: Summary | None = None,
    ) -> None:
        self.genesis = genesis
        self.party = party
        self.tokens = tokens
        self.log = log
        self._served = served
        self._snapshots = snapshots
        self.news = NewsDesk(snapshots.reader)
        self.overviews = Overviews(genesis)
        self.past_balances = PastBalances(snapshots.reader)

    @classmethod
    def of_node(cls, home: Home, snapshots: Snapshots | Store) -> Self:
        """Return the ledger of a node.

        Args:
            home: Whose ledger.
            snapshots: The node's own store, or another process's view of it.
        """
        return cls(
            genesis=home.genesis,
            party=home.party,
            tokens=home.tokens,
            snapshots=snapshots,
            served=partial(served_checkpoint, genesis=home.genesis, signer=home.signer),
        )

    @contextmanager
    def reader(self) -> Iterator[LedgerReader]:
        """Give a reader on one consistent snapshot; the answer will name its height.

        Raises:
            NodeError: the database could not be read, or is damaged.
        """
        with self._snapshots.reader() as reader:
            heights = _heights.get(None)
            if heights is not None:
                heights.append(reader.height())
            yield reader

    def receipt(self, party: str, record_id: str) -> str:
        """Return the receipt of a final record.

        Raises:
            LookupError: there is no such final record.
        """
        with self.reader() as reader:
            return receipt_of(reader, self._served, party, record_id)

    def checkpoint(self) -> str:
        """Return the latest cosigned checkpoint; a node has signed it, too.

        Raises:
            LookupError: nothing is final yet.
        """
        with self.reader() as reader:
            return self._served(reader)[0]

    def export(self, start: int) -> Iterator[bytes]:
        """Return the lines of an export from block ``start`` on.

        Raises:
            LookupError: nothing is final yet.
        """
        return export_lines(self.reader, self._served, start)

    def router(self, tag: str, *scopes: Scope) -> APIRouter:
        """Return a router whose routes read: for tokens of some scopes, at the height asked for.

        Args:
            tag: Under which the routes are documented.
            scopes: Of which a token needs one; ``read`` if none is given.
        """

        async def at_height(min_height: MinHeight = 0) -> None:
            if min_height:
                await self._reach(min_height)

        needed = require(self.tokens, *(scopes or ("read",)))
        return APIRouter(tags=[tag], dependencies=[needed, Depends(at_height)])

    async def _reach(self, wanted: int) -> None:
        deadline = asyncio.get_running_loop().time() + HEIGHT_WAIT_S
        while (height := await run_in_threadpool(self._height)) < wanted:
            if asyncio.get_running_loop().time() > deadline:
                said = gettext(
                    "expected block {wanted} or a later one, the newest here is {height}; "
                    "ask again later, or ask the node that told you of it"
                )
                raise Problem("height-not-reached", said.format(wanted=wanted, height=height))
            await asyncio.sleep(HEIGHT_POLL_S)

    def _height(self) -> int:
        with self._snapshots.reader() as reader:
            return reader.height()


class NamedHeights:
    """Has every answer that was read from the ledger name its height.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Pass a request on, and put the height into the answer's head."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        heights: list[int] = []
        _heights.set(heights)

        async def name(message: Message) -> None:
            if message["type"] == "http.response.start" and heights:
                MutableHeaders(scope=message)[HEIGHT] = str(heights[0])
            await send(message)

        await self._app(scope, receive, name)
