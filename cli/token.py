"""``tongzhang token``: bearer tokens of a party's own node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.errors import CliError, writing
from cli.options import Json, path
from cli.output import drop_output, note, say, say_json, table
from cli.signals import uninterrupted

if TYPE_CHECKING:
    from node.home.tokens import Tokens

HomePath = Annotated[
    Path,
    typer.Option(
        "--home",
        metavar="DIR",
        envvar="TONGZHANG_HOME",
        help="The node's home.",
        show_default=False,
        parser=path,
    ),
]

app = typer.Typer(
    help="Create, list and revoke the bearer tokens of a node.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Scopes = Annotated[
    str,
    typer.Option(
        "--scope", metavar="SCOPE", help="One or more of read, submit, admin, joined by commas."
    ),
]
Label = Annotated[
    str, typer.Option("--label", metavar="TEXT", help="What the token is for.", show_default=False)
]
TokenId = Annotated[
    str, typer.Argument(metavar="ID", help="The token's id, as listed.", show_default=False)
]


@app.command("create")
def create_token(home: HomePath, label: Label, scope: Scopes = "read", json: Json = False) -> None:
    """Create a token and show it, once. A running node accepts it at once.

    A token that cannot be shown, because standard output takes no more, is revoked again.

    \b
    Examples:
      tongzhang token create --home net/platform --label orders --scope read,submit
    """
    import time

    from node.home.home import load_home

    scopes = [part.strip() for part in scope.split(",") if part.strip()]
    tokens = load_home(home).tokens
    with _revoked_unless_shown(tokens, home) as made:
        with uninterrupted(), writing(home):
            token, secret = tokens.create(label, scopes, time.time_ns() // 1_000_000)
            made.append(token.id)
        if json:
            say_json(
                {"id": token.id, "label": token.label, "scopes": token.scopes, "token": secret}
            )
            return
        scopes_said = ", ".join(token.scopes)
        note(f"token {token.id} for {token.label!r}: {scopes_said}; it is not shown again")
        say(secret)


@contextmanager
def _revoked_unless_shown(tokens: Tokens, home: Path) -> Iterator[list[str]]:
    """Let no token stay valid that nobody has seen. The block says which it has made."""
    made: list[str] = []
    try:
        yield made
    except (CliError, OSError, KeyboardInterrupt) as error:
        if not made:
            raise
        drop_output()
        said = getattr(error, "message", "") or getattr(error, "strerror", "") or "interrupted"
        _revoke(tokens, made[0], home, said)
        if isinstance(error, KeyboardInterrupt):
            note(f"token {made[0]} is revoked again")
            raise
        raise CliError(
            "token-not-shown", f"{said}; token {made[0]} is revoked again", "create another one"
        ) from None


def _revoke(tokens: Tokens, token_id: str, home: Path, said: str) -> None:
    try:
        with uninterrupted():
            tokens.revoke(token_id)
    except OSError as error:
        raise CliError(
            "token-not-shown",
            f"{said}; token {token_id} IS VALID and cannot be revoked: {error.strerror}",
            f"when that is mended: tongzhang token revoke {token_id} --home {home}",
        ) from None


@app.command("list")
def list_tokens(home: HomePath, json: Json = False) -> None:
    """List the tokens; their secrets are not stored and cannot be shown.

    \b
    Examples:
      tongzhang token list --home net/platform
    """
    from node.home.home import load_home

    tokens = load_home(home).tokens.list()
    if json:
        say_json(
            [
                {"id": t.id, "label": t.label, "scopes": t.scopes, "created_at": t.created_at}
                for t in tokens
            ]
        )
        return
    table(("id", "label", "scopes"), ((t.id, t.label, ", ".join(t.scopes)) for t in tokens))


@app.command("revoke")
def revoke_token(token_id: TokenId, home: HomePath) -> None:
    """Revoke a token. A running node refuses it at once.

    \b
    Examples:
      tongzhang token revoke 1f2e3d4c --home net/platform
    """
    from node.home.home import load_home

    with writing(home):
        token = load_home(home).tokens.revoke(token_id)
    note(f"token {token.id} for {token.label!r} is revoked")
