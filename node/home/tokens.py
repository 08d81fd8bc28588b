"""Bearer tokens of one node's clients: shown once, stored hashed, each with its own scopes.

Shape of ``tokens.json``: ``{"tokens":[{"created_at":…,"hash":"<64 hex>","id":"…","label":"…",
"scopes":["read","submit"]}],"version":1}``. A scope implies no other: what a token may do is
exactly what stands there. The file is replaced whole, and read again when it has changed.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from hmac import compare_digest
from pathlib import Path
from typing import Literal, get_args

import msgspec

from ledger import domains
from node.errors import TokenError
from node.home.files import read_plain, write_whole
from node.home.private import open_private

Scope = Literal["read", "submit", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
TOKENS_MAX = 1000
LABEL_CHARS_MAX = 64
PREFIX = "tz_"
_SECRET_BYTES = 32
_ID_BYTES = 4
_FILE_BYTES_MAX = 1024 * 1024


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token as stored. ``created_at`` is in ms since the epoch, ``hash`` in hex."""

    created_at: int
    hash: str
    id: str
    label: str
    scopes: tuple[Scope, ...]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tokens: tuple[Token, ...]
    version: Literal[1] = 1


_decoder = msgspec.json.Decoder(_File)


class Tokens:
    """The tokens in one file. Any number of processes may use the file at once.

    Args:
        path: The file; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name = str(path)
        self._stamp: tuple[int, int, int] | None = None
        self._known: tuple[Token, ...] = ()

    def create(self, label: str, scopes: Collection[str], created_at: int) -> tuple[Token, str]:
        """Store a new token.

        Args:
            label: What it is for, 1 to 64 printable characters.
            scopes: One or more of ``read``, ``submit`` and ``admin``.
            created_at: The time, ms since the epoch.

        Returns:
            The token as stored, and its secret, which nothing can show again.

        Raises:
            TokenError: ``bad-scopes``, ``bad-label``, ``too-many-tokens`` or ``bad-tokens``.
        """
        _refuse_bad_label(label)
        ordered = _ordered(scopes)
        secret = PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
        with self._changing() as known:
            if len(known) >= TOKENS_MAX:
                raise TokenError(
                    "too-many-tokens", f"at most {TOKENS_MAX} are kept; revoke some that are unused"
                )
            identifier = _new_id({token.id for token in known})
            token = Token(created_at, domains.token_hash(secret), identifier, label, ordered)
            self._write((*known, token))
        return token, secret

    def list(self) -> tuple[Token, ...]:
        """Return all tokens, the oldest first.

        Raises:
            TokenError: ``bad-tokens``.
        """
        return self._read()

    def revoke(self, identifier: str) -> Token:
        """Remove a token; it stops working at once, also in a running node.

        Raises:
            TokenError: ``no-such-token`` or ``bad-tokens``.
        """
        with self._changing() as known:
            for token in known:
                if token.id == identifier:
                    self._write(tuple(each for each in known if each is not token))
                    return token
        raise TokenError(
            "no-such-token", f"no token has the id {identifier!r}; see `tongzhang token list`"
        )

    def find(self, secret: str) -> Token | None:
        """Return the token with this secret, or None. The time taken tells nothing about it.

        Raises:
            TokenError: ``bad-tokens``.
        """
        digest = domains.token_hash(secret)
        found = None
        for token in self._read():
            if compare_digest(token.hash, digest):
                found = token
        return found

    def scopes(self, secret: str) -> frozenset[str] | None:
        """Return what the token with this secret may do, or None if there is no such token.

        Raises:
            TokenError: ``bad-tokens``.
        """
        token = self.find(secret)
        return None if token is None else frozenset(token.scopes)

    def _read(self) -> tuple[Token, ...]:
        try:
            status = os.stat(self._name)
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp != self._stamp:
                self._known = _decoder.decode(read_plain(self._path, _FILE_BYTES_MAX)).tokens
                self._stamp = stamp
        except FileNotFoundError:
            self._stamp, self._known = None, ()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise TokenError(
                "bad-tokens",
                f"{self._path} is not a token file: {reason}. Restore it from a copy, or remove it "
                "and create new tokens with `tongzhang token create`",
            ) from None
        return self._known

    def _write(self, tokens: tuple[Token, ...]) -> None:
        raw = msgspec.json.format(msgspec.json.encode(_File(tokens), order="sorted"), indent=2)
        write_whole(self._path, raw + b"\n")
        self._stamp = None

    @contextmanager
    def _changing(self) -> Iterator[tuple[Token, ...]]:
        """Give the tokens while no other process changes them."""
        lock = open_private(self._path.with_suffix(".lock"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._stamp = None
            yield self._read()
        finally:
            os.close(lock)


def _new_id(taken: set[str]) -> str:
    while (identifier := secrets.token_hex(_ID_BYTES)) in taken:
        pass
    return identifier


def _ordered(scopes: Collection[str]) -> tuple[Scope, ...]:
    strangers = sorted(set(scopes) - set(SCOPES))
    if strangers or not scopes:
        raise TokenError(
            "bad-scopes",
            f"expected one or more of {', '.join(SCOPES)}, got {', '.join(strangers) or 'none'}",
        )
    return tuple(scope for scope in SCOPES if scope in scopes)


def _refuse_bad_label(label: str) -> None:
    if not 1 <= len(label) <= LABEL_CHARS_MAX or not label.isprintable():
        raise TokenError(
            "bad-label", f"expected 1 to {LABEL_CHARS_MAX} printable characters, got {label!r}"
        )
