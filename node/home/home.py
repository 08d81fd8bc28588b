"""A node's home: the directory that holds all that makes one party's node.

==================  ==============================================================================
``genesis.json``    the founding document, in canonical bytes
``signatures.json`` every party's signature of it; a node starts with all of them only
``node.toml``       party, address, peers, database and log level; the only file people edit
``key.pem``         the party's private key, readable by its owner only
``tokens.json``     hashed bearer tokens of the party's own systems
``operator.token``  one token in plain text, for the command line on this machine
``ledger.db``       the database, unless ``node.toml`` names another
``lock``            held by the process that runs the node
``check.db``        what a check beside the node has executed so far; ``check.lock`` guards it
==================  ==============================================================================

The directory and all files in it are their owner's alone: the ledger is every party's business and
nobody else's.
"""

from __future__ import annotations

import fcntl
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ledger.errors import LedgerError
from ledger.founding import read_signatures, unsigned
from ledger.genesis import Genesis
from ledger.genesis import read as read_genesis
from ledger.keys import Signer
from node.errors import HomeError
from node.home.config import CONFIG, Config, bad_config
from node.home.files import read_plain
from node.home.private import OPEN_KEY, open_private
from node.home.tokens import Tokens

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

GENESIS = "genesis.json"
SIGNATURES = "signatures.json"
KEY = "key.pem"
TOKENS = "tokens.json"
OPERATOR_TOKEN = "operator.token"
DATABASE = "ledger.db"
DATABASE_ID = "database.id"
"""Names the database that the key signs with, once there is one."""
NO_DATABASE = "none yet"
LOCK = "lock"

_FILE_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Home:
    """One party's home, read and found consistent.

    Args:
        path: The directory.
        config: What its ``node.toml`` says.
        genesis: The founding document.
        signer: The party's key.
    """

    path: Path
    config: Config
    genesis: Genesis
    signer: Signer

    @property
    def party(self) -> str:
        """Whose node this is."""
        return self.config.party

    @property
    def database_url(self) -> str | URL:
        """Where the ledger is stored. As a URL's parts, a path may hold any character."""
        if self.config.database:
            return self.config.database
        from sqlalchemy.engine import URL  # a third of a second that most commands need not wait

        return URL.create("sqlite", database=str((self.path / DATABASE).resolve()))

    @property
    def tokens(self) -> Tokens:
        """The bearer tokens of the node's clients."""
        return Tokens(self.path / TOKENS)


def load_home(path: Path) -> Home:
    """Read a home and check that its parts belong together.

    Raises:
        HomeError: ``not-a-home``, ``home-unreadable``, ``bad-config``, ``bad-genesis``,
            ``format-1``, ``unknown-member``, ``key-exposed``, ``bad-key``, ``wrong-key``,
            ``unsigned-genesis`` or ``foreign-signature``.
    """
    config, genesis = load_config(path), load_genesis(path)
    home = _checked(Home(path, config, genesis, load_key(path)))
    missing = unsigned(genesis, load_signatures(path, genesis))
    if missing:
        raise HomeError(
            "unsigned-genesis",
            f"{', '.join(missing)} {'has' if len(missing) == 1 else 'have'} not signed the genesis "
            f"in {path} as far as is known here; get their signature files and run "
            "`tongzhang join HOME --signature FILE`",
        )
    return home


def load_genesis(path: Path) -> Genesis:
    """Read a home's genesis.

    Raises:
        HomeError: ``not-a-home``, ``home-unreadable``, ``bad-genesis`` or ``format-1``.
    """
    try:
        return read_genesis(read_file(path / GENESIS))
    except LedgerError as error:
        if error.code == "format-1":
            raise HomeError(error.code, f"{path / GENESIS}: {error.message}") from None
        raise HomeError(
            "bad-genesis",
            f"{path / GENESIS} cannot be used: {error}. Copy it again from another party",
        ) from None


def load_signatures(path: Path, genesis: Genesis) -> dict[str, str]:
    """Read which parties have signed the genesis of a home, and verify it; nobody without a file.

    Raises:
        HomeError: ``home-unreadable`` or ``foreign-signature``.
    """
    try:
        return read_signatures(read_file(path / SIGNATURES), genesis)
    except HomeError as error:
        if error.code == "not-a-home":
            return {}
        raise
    except LedgerError as error:
        raise HomeError(
            "foreign-signature",
            f"{path / SIGNATURES}: {error.message}. Remove it, then collect the signatures again "
            "with `tongzhang join`",
        ) from None


def load_config(path: Path) -> Config:
    """Read a home's ``node.toml``.

    Raises:
        HomeError: ``not-a-home``, ``home-unreadable`` or ``bad-config``.
    """
    try:
        return Config.parse(read_file(path / CONFIG).decode())
    except UnicodeDecodeError:
        raise bad_config("it is not UTF-8") from None


def read_address(path: Path) -> str:
    """Return the HTTP address under which the home's node answers on this machine.

    Raises:
        HomeError: ``not-a-home``, ``home-unreadable`` or ``bad-config``.
    """
    config = load_config(path)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(config.host, config.host)
    return f"http://{in_url(host)}:{config.port}"


def read_operator_token(path: Path) -> str:
    """Return the operator's token of a home.

    Raises:
        HomeError: ``not-a-home`` or ``home-unreadable``.
    """
    return read_file(path / OPERATOR_TOKEN).decode("ascii", "replace").strip()


def read_database_id(path: Path) -> str:
    """Return what a home says of the database that its key signs with; empty if it says nothing.

    Raises:
        HomeError: ``home-unreadable``.
    """
    try:
        return read_file(path / DATABASE_ID).decode("utf-8", "replace").strip()
    except HomeError as error:
        if error.code == "not-a-home":
            return ""
        raise


@contextmanager
def lock_home(path: Path) -> Iterator[None]:
    """Hold a home for this process alone. The lock ends with the process, however that ends.

    Raises:
        HomeError: ``home-locked``, naming the process that runs the node; ``not-a-home`` or
            ``home-unreadable``.
    """
    if not path.is_dir():
        raise _not_a_home(path, CONFIG)
    try:
        handle = open_private(path / LOCK)
    except OSError as error:
        raise _unreadable(path / LOCK, error) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(handle, 32).decode("ascii", "replace").strip() or "unknown"
            raise HomeError(
                "home-locked",
                f"the node of {path} is running already as process {pid}; "
                "stop that one first, two nodes with one key would convict the party",
            ) from None
        _write_pid(path / LOCK, handle)
        yield
    finally:
        os.close(handle)


def _write_pid(lock: Path, handle: int) -> None:
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:  # a full disk, or no plain file
        raise _unreadable(lock, error) from None


_IF_MISSING = {
    CONFIG: "make one with `tongzhang init DIR` or `tongzhang key new`, or put the file back",
    GENESIS: "join the founding with `tongzhang join HOME --genesis FILE`; a home that has joined "
    "gets it from another party, the bytes are the same everywhere",
    KEY: "put the party's own key back from where it is kept safe; no other one will do",
    OPERATOR_TOKEN: "make one: (umask 077; tongzhang token create --home {home} --label operator "
    "--scope read,submit,admin > {home}/operator.token)",
}
"""What to do about a file that a home lacks."""


def _checked(home: Home) -> Home:
    party, genesis = home.party, home.genesis
    strangers = [name for name in (party, *home.config.peers) if name not in genesis.names]
    if strangers:
        raise HomeError(
            "unknown-member",
            f"{strangers[0]} in {CONFIG} is not a party of {genesis.name}; "
            f"its parties are {', '.join(genesis.names)}",
        )
    public = next(member.public_key for member in genesis.members if member.name == party)
    if home.signer.public_key != public:
        raise HomeError(
            "wrong-key",
            f"{home.path / KEY} is not the key that genesis names for {party}; "
            "put that party's own key there",
        )
    return home


def load_key(home: Path) -> Signer:
    """Read a home's private key.

    Raises:
        HomeError: ``not-a-home``, ``home-unreadable``, ``key-exposed`` or ``bad-key``.
    """
    path = home / KEY
    pem = read_file(path)
    mode = path.stat().st_mode & 0o077
    if mode and os.environ.get(OPEN_KEY) != "1":
        raise HomeError(
            "key-exposed",
            f"{path} can be used by others than its owner; run `chmod 600 {path}`, "
            f"or set {OPEN_KEY}=1 where the volume cannot do that",
        )
    try:
        return Signer.from_pem(pem)
    except (ValueError, TypeError) as error:
        raise HomeError(
            "bad-key", f"{path} is not an unencrypted Ed25519 key in PEM: {error}"
        ) from None


def read_file(path: Path) -> bytes:
    """Return the bytes of a file of a home.

    Raises:
        HomeError: ``not-a-home`` or ``home-unreadable``.
    """
    try:
        return read_plain(path, _FILE_BYTES_MAX)
    except (FileNotFoundError, NotADirectoryError):
        raise _not_a_home(path.parent, path.name) from None
    except OSError as error:
        raise _unreadable(path, error) from None


def _not_a_home(path: Path, missing: str) -> HomeError:
    if not path.is_dir():
        return HomeError(
            "not-a-home",
            f"{path} is no directory; make a home with `tongzhang init DIR` or `tongzhang key new`",
        )
    what = _IF_MISSING.get(missing, _IF_MISSING[CONFIG]).format(home=shlex.quote(str(path)))
    return HomeError("not-a-home", f"{path} has no {missing}, which a node's home has; {what}")


def _unreadable(path: Path, error: OSError) -> HomeError:
    return HomeError(
        "home-unreadable",
        f"{path} cannot be used: {error.strerror}; check what it is, and its permissions",
    )


def in_url(host: str) -> str:
    """Return a host as it stands in a URL."""
    return f"[{quote(host, safe=':')}]" if ":" in host else host
