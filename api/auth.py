"""Who may do what: bearer tokens and their scopes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from api.problems import Problem

if TYPE_CHECKING:
    from node.tokens import Tokens

Scope = Literal["read", "submit", "admin"]

BEARER = HTTPBearer(auto_error=False, description="A token made by `tongzhang token create`.")


def require(tokens: Tokens, *allowed: Scope) -> Any:
    """Return the dependency that lets a request pass only with a token of an allowed scope.

    Args:
        tokens: The node's tokens.
        allowed: Scopes of which the token needs one; ``admin`` always passes.

    Raises:
        Problem: ``no-token``, ``bad-token`` or ``wrong-scope`` (when called).
    """

    async def check(request: Request) -> None:
        token = _bearer(request)
        scopes = tokens.scopes(token)
        if scopes is None:
            raise Problem("bad-token", "List the tokens with `tongzhang token list`.")
        if "admin" not in scopes and not any(scope in scopes for scope in allowed):
            needed = " or ".join(allowed)
            raise Problem("wrong-scope", f"This needs a token with the scope {needed}.")

    return Depends(check)


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Problem(
            "no-token",
            "Send `Authorization: Bearer <token>`; make one with `tongzhang token create`.",
        )
    return token.strip()
