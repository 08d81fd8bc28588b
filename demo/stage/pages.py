"""Pages: whole lists of a node, which gives them out in parts."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol

PAGE = 1000


class Get(Protocol):
    """A way to ask a node for the JSON at a path."""

    def __call__(self, path: str, /, **query: str | int) -> Awaitable[Any]:
        """Return the JSON at ``path``."""


async def all_of(
    get: Get, name: str, items: str = "", /, **query: str | int
) -> list[dict[str, Any]]:
    """Return every item of the list ``/v1/<name>``, which is in its field ``items`` or ``name``."""
    found: list[dict[str, Any]] = []
    while True:
        page = await get(f"/v1/{name}", limit=PAGE, **query)
        found += page[items or name]
        if "next" not in page:
            return found
        query["cursor"] = page["next"]
