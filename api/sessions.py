"""Sessions of people at a browser: a token is shown once, then a cookie stands for it.

The cookie names the token and never has its secret. It is ``<token id>.<begun>.<renewed>.<nonce>.
<mac>``: times in seconds since the epoch, and HMAC-SHA-256 in hex under a key that is derived from
the party's own (HKDF, RFC 5869). So a session outlives a restart of the node, and ends with its
token, after :data:`IDLE_S` without a page, after :data:`SESSION_S` in any case, or by signing out:
a file in the home remembers that.

A cookie comes along with every request to its host, whoever made the browser send it. It counts for
what only reads, and for what the browser says to come from a page of this very node (Source: MDN,
``Sec-Fetch-Site``; RFC 6454, ``Origin``).
"""

from __future__ import annotations

import hmac
import logging
import re
import secrets
import time
from hashlib import sha256
from os import SEEK_END
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from starlette.types import Scope as Call

from node.home.files import read_plain, write_whole
from node.home.private import open_private

IDLE_S = 3600
SESSION_S = 12 * 3600
RENEW_S = 300
"""A cookie that is older than this is renewed when a page is asked for."""
ENDED_MAX = 10_000
"""Sessions that ended by signing out and are remembered until their cookies are too old."""

_FILE_BYTES_MAX = 4 * 1024 * 1024
_ENDED = re.compile(r"^([0-9a-f]{32}) ([0-9]{1,12})$", re.MULTILINE)
_NUMBER = r"([0-9]{1,12})"
logger = logging.getLogger("tongzhang.api")
_FORM = re.compile(rf"([0-9a-f]{{1,32}})\.{_NUMBER}\.{_NUMBER}\.([0-9a-f]{{32}})\.([0-9a-f]{{64}})")


class Session(NamedTuple):
    """A session: of which token, since when and when last renewed, in seconds; and its nonce."""

    token: str
    begun: int
    renewed: int
    nonce: str


class EndedSessions:
    """Who signed out, until their cookies are too old; a file has a line each, ``<nonce> <until>``.

    What cannot be read or written there is said in the log, and costs no more than it says.

    Args:
        path: The file; it need not exist yet. None keeps everything in memory alone.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._until: dict[str, int] = {}
        self._lines = 0
        if path is None or not path.exists():
            return
        try:
            text = read_plain(path, _FILE_BYTES_MAX).decode("ascii", "replace")
        except OSError as error:
            self._warn(error)
            return
        self._until = {found[1]: int(found[2]) for found in _ENDED.finditer(text)}
        self._write_whole()

    def __contains__(self, nonce: str) -> bool:
        return nonce in self._until

    def add(self, nonce: str, until: int) -> None:
        """Remember that a session is over; of too many the one that ended first is forgotten."""
        self._until[nonce] = until
        if len(self._until) > ENDED_MAX or self._lines >= 2 * ENDED_MAX:
            self._write_whole()
        elif self._path is not None:
            try:
                with open(open_private(self._path), "r+b", buffering=0) as file:
                    file.seek(0, SEEK_END)
                    file.write(b"%s %d\n" % (nonce.encode(), until))
                self._lines += 1
            except OSError as error:
                self._warn(error)

    def _write_whole(self) -> None:
        """Forget whose cookies are too old, and what is too much, in the file as well."""
        now = time.time()
        alive = [(nonce, until) for nonce, until in self._until.items() if until > now]
        self._until = dict(alive[-ENDED_MAX:])
        self._lines = len(self._until)
        if self._path is None:
            return
        try:
            lines = (f"{nonce} {until}\n" for nonce, until in self._until.items())
            write_whole(self._path, "".join(lines).encode())
        except OSError as error:
            self._warn(error)

    def _warn(self, error: OSError) -> None:
        logger.warning(
            "who signs out is not remembered over a restart: %s: %s", self._path, error.strerror
        )


class Sessions:
    """The sessions of one node.

    Args:
        pem: The party's private key, of which the key of the cookies is derived.
        ledger: The id of the ledger.
        party: Whose node it is.
        ended: A file that remembers who signed out; without one a restart forgets it.

    Attributes:
        name: The name of the cookie. Nodes of one host share cookies, and must not mistake them.
    """

    def __init__(self, pem: bytes, ledger: str, party: str, ended: Path | None = None) -> None:
        self.name = f"tongzhang-{sha256(f'{ledger} {party}'.encode()).hexdigest()[:12]}"
        self._key = HKDF(SHA256(), 32, ledger.encode(), b"tongzhang session").derive(pem)
        self._ended = EndedSessions(ended)

    def cookie(self, call: Call, token: str) -> str:
        """Return the ``Set-Cookie`` that begins a session of the token of this id."""
        now = int(time.time())
        return self._set(call, Session(token, now, now, secrets.token_hex(16)))

    def renewal(self, call: Call, session: Session) -> str | None:
        """Return the ``Set-Cookie`` with which a session goes on; None while it is young."""
        now = int(time.time())
        if now - session.renewed < RENEW_S:
            return None
        return self._set(call, session._replace(renewed=now))

    def of(self, call: Call) -> Session | None:
        """Return the session that a request's cookie proves; None without a valid one."""
        found = _FORM.fullmatch(cookie_of(call, self.name))
        if found is None:
            return None
        session = Session(found[1], int(found[2]), int(found[3]), found[4])
        if not hmac.compare_digest(found[5], self._mac(session)):
            return None
        now = time.time()
        is_over = now >= min(session.begun + SESSION_S, session.renewed + IDLE_S)
        return None if is_over or self.has_ended(session) else session

    def has_ended(self, session: Session) -> bool:
        """Return whether somebody signed out of a session."""
        return session.nonce in self._ended

    def end(self, session: Session) -> None:
        """Let no cookie of a session count any more."""
        self._ended.add(session.nonce, session.begun + SESSION_S)

    def _set(self, call: Call, session: Session) -> str:
        value = ".".join((*map(str, session), self._mac(session)))
        secure = "; Secure" if _is_over_tls(call) else ""
        bounds = f"HttpOnly; Max-Age={IDLE_S}; Path=/; SameSite=Lax{secure}"
        return f"{self.name}={value}; {bounds}"

    def _mac(self, session: Session) -> str:
        return hmac.new(self._key, ".".join(map(str, session)).encode(), sha256).hexdigest()


def cookie_of(call: Call, name: str) -> str:
    """Return the value of a request's cookie, as it came; empty without one.

    The library's parser is of no use to strangers' requests: it takes seconds for 20 KB of
    backslashes between quotation marks, on Python before 3.12.6 (CVE-2024-7592).
    """
    found, wanted = b"", name.encode()
    for header, value in call["headers"]:
        if header == b"cookie":
            for each in value.split(b";"):
                given, _, said = each.partition(b"=")
                found = said.strip() if given.strip() == wanted else found
    return found.decode("latin-1")


def is_same_origin(call: Call) -> bool:
    """Return whether the browser says that a request was made by a page of this very host.

    A request without either header comes from no browser of today, and so not with its user's will.
    """
    headers = dict(call["headers"])
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return bool(site in (b"same-origin", b"none"))
    origin: bytes = headers.get(b"origin", b"")
    return bool(origin) and origin.partition(b"://")[2] == headers.get(b"host", b"")


def _is_over_tls(call: Call) -> bool:
    """Return whether the browser speaks TLS: to this node, or to the proxy before it."""
    return call["scheme"] == "https" or (b"x-forwarded-proto", b"https") in call["headers"]
