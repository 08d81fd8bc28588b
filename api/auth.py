"""Who may do what: bearer tokens and their scopes."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import Depends, Request
from fastapi.routing import APIRoute

from api.door import place_of
from api.problems import Problem
from node.errors import TokenError
from node.tokens import Scope, Tokens

logger = logging.getLogger("tongzhang.api")


def require(tokens: Tokens, *allowed: Scope) -> Any:
    """Return the dependency that lets a request pass only with a token of an allowed scope.

    Args:
        tokens: The node's tokens.
        allowed: Scopes of which the token needs one.

    Raises:
        Problem: ``no-token``, ``bad-token``, ``wrong-scope`` or ``internal-error`` (when called).
    """

    async def check(request: Request) -> None:
        scopes = _scopes(tokens, _bearer(request))
        if scopes is None:
            raise Problem("bad-token", "List the tokens with `tongzhang token list`.")
        place = place_of(request.scope)
        if place is not None:
            place.show_token()
        if not any(scope in scopes for scope in allowed):
            needed = " or ".join(allowed)
            raise Problem("wrong-scope", f"This needs a token with the scope {needed}.")
        _refuse_other_parameters(request)

    return Depends(check)


def _scopes(tokens: Tokens, token: str) -> frozenset[str] | None:
    try:
        return tokens.scopes(token)
    except TokenError as error:
        logger.error("%s", error)  # it names a file, which is not a client's business
        raise Problem("internal-error", "The node cannot read its tokens.") from None


def _refuse_other_parameters(request: Request) -> None:
    """Refuse a misspelt, second or empty filter: what ignored it would be taken for filtered."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = {field.alias for field in route.dependant.query_params}
    given: set[str] = set()
    for name, value in request.query_params.multi_items():
        if name in given:
            raise Problem("repeated-parameter", f"give {name!r} once: two values contradict")
        given.add(name)
        if name not in known:
            raise Problem(
                "bad-parameter",
                f"{name!r} is no parameter of this address; "
                f"its parameters are {', '.join(sorted(known)) or 'none'}",
            )
        if not value:
            raise Problem(
                "bad-parameter", f"query.{name} is empty; give it a value, or leave it out"
            )


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Problem(
            "no-token",
            "Send `Authorization: Bearer <token>`; make one with `tongzhang token create`.",
        )
    return token.strip()
