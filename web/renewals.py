"""Renewals: pages that are asked for again after news, made once for all who look at the same one.

A script that renews a page says up to which block it has heard news. Whoever has heard of no newer
one is shown what was made for the first. So many people at one page cost one making of it for each
moment at which news tick, and a page that somebody opens is always made anew. Nothing on a page is
of its reader alone: its address and language make it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock

from starlette.responses import Response
from starlette.types import Scope

from api.reading import HEIGHT
from web.packing import takes_gzip

HEARD = b"tongzhang-heard"
"""The header of a renewal: the height of the newest block that its script has heard of."""
KEPT_MAX = 32
KEPT_BYTES_MAX = 256 * 1024
"""How many pages are kept, and how large one may be."""
_DIGITS_MAX = 16


class Renewals:
    """Pages as they were made last, by address and language. May be called from any thread."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, Response] = {}
        self._lock = Lock()

    def answer(self, scope: Scope, language: str, make: Callable[[], Response]) -> Response:
        """Return a page: as it was made for another one who has heard as much, or made anew."""
        heard = heard_of(scope)
        if not heard:
            return make()
        asked = (scope["path"], scope["query_string"], language, takes_gzip(scope))
        with self._lock:  # what others wait for is what they want, or as short
            kept = self._kept.get(asked)
            if kept is not None and int(kept.headers[HEIGHT]) >= heard:
                return kept
            made = make()
            self._keep(asked, made)
            return made

    def _keep(self, asked: Hashable, made: Response) -> None:
        self._kept.pop(asked, None)
        if made.status_code != 200 or HEIGHT not in made.headers:
            return
        if len(made.body) <= KEPT_BYTES_MAX:
            self._kept[asked] = made
        if len(self._kept) > KEPT_MAX:
            del self._kept[next(iter(self._kept))]


def heard_of(scope: Scope) -> int:
    """Return up to which block whoever renews a page has heard news; 0 for any other request."""
    said = next((value for name, value in scope["headers"] if name == HEARD), b"")
    return int(said) if said.isdigit() and len(said) <= _DIGITS_MAX else 0
