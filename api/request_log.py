"""The request log: one line a request of somebody who is known, one line a minute of all others.

A line of ``tongzhang.requests``::

    token=3f2a91bc party=institution method=GET route=/v1/payments/{payment} status=200 ms=3.2

It names the route and not the address that was asked, so neither ids nor filters stand in it. A
request that matches no route has ``route=-``, one whose client went away unanswered ``status=-``;
a HEAD is logged as the GET that it is answered as.
Strangers could fill a disk with lines of their own, so they are summed up.
"""

from __future__ import annotations

import logging
from collections import Counter

from starlette.types import Scope

from node.home.tokens import Token

REQUESTS = "tongzhang.requests"

logger = logging.getLogger("tongzhang.requests")

UNANSWERED, FAULT = "-", "500"


class RequestLog:
    """Writes what was asked, by whom, and what became of it.

    Args:
        party: Whose node this is; tokens are its own systems'.
    """

    def __init__(self, party: str) -> None:
        self._party = party
        self._unknown: Counter[str] = Counter()

    def add(self, scope: Scope, token: Token | None, status: str, ms: float) -> None:
        """Tell of a request that has ended.

        Args:
            scope: The request, routed.
            token: Its token, if it had a valid one.
            status: What it was answered with.
            ms: How long it took.
        """
        if token is None:
            self._unknown[status] += 1
        elif logger.isEnabledFor(logging.INFO):
            logger.info(
                "token=%s party=%s method=%s route=%s status=%s ms=%.1f",
                token.id,
                self._party,
                scope["method"],
                route_of(scope),
                status,
                ms,
            )

    def end_minute(self) -> None:
        """Tell how many requests of the minute had no valid token, by status."""
        if self._unknown:
            by_status = ", ".join(f"{each}: {n}" for each, n in sorted(self._unknown.items()))
            logger.info(
                "%d requests within a minute had no valid token, by status: %s",
                self._unknown.total(),
                by_status,
            )
        self._unknown.clear()


def route_of(scope: Scope) -> str:
    """Return the name of the route that answered a request; ``-`` if none did."""
    return str(scope.get("template") or getattr(scope.get("route"), "path", "-"))
