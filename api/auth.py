"""Bearer tokens and their scopes: who may do what."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from typing import Any, get_args

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from starlette.types import Scope as Call

from api.problems import Problem
from node.errors import TokenError
from node.home.tokens import Scope, Token, Tokens
from views.texts import gettext

logger = logging.getLogger("tongzhang.api")

_WHOLE = re.compile(r"-?[0-9]+")

_told: set[str] = set()
"""What is wrong with the tokens' file and was logged, until it is right again."""


def require(tokens: Tokens | None, *allowed: Scope) -> Any:
    """Return the dependency that lets a request pass only with a token of an allowed scope.

    Args:
        tokens: The node's tokens; without any, whatever comes before says whose a request is.
        allowed: Scopes of which the token needs one.

    Raises:
        Problem: ``no-token``, ``bad-token``, ``wrong-scope`` or ``internal-error`` (when called).
    """

    async def check(request: Request) -> None:
        known: Token | None = request.scope.get("token")
        scopes = _shown(tokens, request) if known is None else known.scopes
        if not any(scope in scopes for scope in allowed):
            needed = gettext(" or ").join(allowed)
            said = gettext("This needs a token with the scope {needed}.")
            raise Problem("wrong-scope", said.format(needed=needed))
        _refuse_other_parameters(request)

    return Depends(check)


def _shown(tokens: Tokens | None, request: Request) -> Collection[str]:
    """Return the scopes of the token that a request shows."""
    token = bearer(request.scope)
    if not token or tokens is None:
        said = gettext(
            "Send `Authorization: Bearer <token>`; make one with `tongzhang token create`."
        )
        raise Problem("no-token", said)
    scopes = _scopes(tokens, token)
    if scopes is None:
        raise Problem("bad-token", gettext("List the tokens with `tongzhang token list`."))
    return scopes


def _scopes(tokens: Tokens, token: str) -> frozenset[str] | None:
    try:
        scopes = tokens.scopes(token)
    except TokenError as error:
        if str(error) not in _told:  # once: anybody can send a token
            _told.add(str(error))
            logger.error("%s", error)  # it names a file, which is not a client's business
        raise Problem("internal-error", gettext("The node cannot read its tokens.")) from None
    _told.clear()
    return scopes


def _refuse_other_parameters(request: Request) -> None:
    """Refuse a misspelt, second or empty filter: what ignored it would be taken for filtered.

    A number is written in digits: with ``amount=305.00`` nobody means 305 minor units.
    """
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    asked = (route.dependant, *route.dependant.dependencies)
    fields = [field for each in asked for field in each.query_params]
    known = {field.alias for field in fields}
    numbers = {field.alias for field in fields if _is_number(field.field_info.annotation)}
    given: set[str] = set()
    for name, value in request.query_params.multi_items():
        if name in given:
            said = gettext("give {name!r} once: two values contradict")
            raise Problem("repeated-parameter", said.format(name=name))
        given.add(name)
        if name not in known:
            said = gettext("{name!r} is no parameter of this address; its parameters are {names}")
            names = gettext(", ").join(sorted(known)) or gettext("none")
            raise Problem("bad-parameter", said.format(name=name, names=names))
        if not value:
            said = gettext("query.{name} is empty; give it a value, or leave it out")
            raise Problem("bad-parameter", said.format(name=name))
        if name in numbers and not _WHOLE.fullmatch(value):
            said = gettext("query.{name}: {value!r} is not a whole number")
            raise Problem("bad-parameter", said.format(name=name, value=value[:80]))


def _is_number(annotation: Any) -> bool:
    """Return whether a parameter is a whole number, for which ``305.00`` would be taken, too."""
    return annotation is int or int in get_args(annotation)


def bearer(scope: Call) -> str:
    """Return the bearer token that a request came with; empty if it has none."""
    scheme, _, token = header_of(scope, b"authorization").decode("latin-1").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def header_of(scope: Call, name: bytes) -> bytes:
    """Return the first header of a name, which is in small letters; empty if there is none."""
    found: bytes
    for given, found in scope["headers"]:
        if given == name:
            return found
    return b""
