"""Answers as they are written: JSON by msgspec, text as it is, and what never changes marked so."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.responses import Response
from starlette.types import Receive

IMMUTABLE = {"cache-control": "public, max-age=31536000, immutable"}
"""Headers of what a log can never change."""

_encoder = msgspec.json.Encoder()


def json_answer(
    value: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return ``value`` (structs, mappings, lists, :class:`msgspec.Raw`) as JSON."""
    return Response(
        _encoder.encode(value), status_code=status, headers=headers, media_type="application/json"
    )


def text_answer(text: str) -> Response:
    """Return ``text`` as UTF-8 plain text."""
    return Response(text, media_type="text/plain; charset=utf-8")


async def left(receive: Receive) -> None:
    """Wait until the client has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass
