"""A node's home: the directory that holds all that makes one party's node.

==================  ==============================================================================
``genesis.json``    the founding document, in canonical bytes
``node.toml``       party, address, peers, database and log level; the only file people edit
``key.pem``         the party's private key, readable by its owner only
``tokens.json``     hashed bearer tokens of the party's own systems
``operator.token``  one token in plain text, for the command line on this machine
``ledger.db``       the database, unless ``node.toml`` names another
``lock``            held by the process that runs the node
==================  ==============================================================================

The directory and all files in it are their owner's alone: the ledger is every party's business and
nobody else's.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ledger import genesis as founding
from ledger.errors import LedgerError
from ledger.genesis import Genesis, Member, Role
from ledger.keys import SEED_BYTES, Signer
from ledger.log.text import encode_base64
from node.config import CONFIG, PORT_MAX, Config, bad_config
from node.errors import HomeError
from node.files import read_plain, write_whole
from node.private import OPEN_KEY, PRIVATE_FOLDER, open_private, tighten
from node.tokens import SCOPES, Tokens

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

GENESIS = "genesis.json"
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


def create_home(path: Path, genesis: Genesis, config: Config, signer: Signer) -> Home:
    """Write a new home, with one operator's token.

    Args:
        path: A directory that does not exist or is empty.
        genesis: The founding document.
        config: What ``node.toml`` shall say.
        signer: The party's key, which genesis must name.

    Raises:
        HomeError: ``home-not-empty``, ``unknown-member``, ``wrong-key`` or ``bad-config``.
    """
    _refuse_not_empty(path)
    home = _checked(Home(path, Config.parse(config.toml()), genesis, signer))
    path.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
    with suppress(OSError):  # a volume that keeps no permissions: load_home will say so
        tighten(path)
    write_whole(path / KEY, signer.pem())
    write_whole(path / GENESIS, genesis.raw)
    _, secret = home.tokens.create("operator", SCOPES, _now_ms())
    write_whole(path / OPERATOR_TOKEN, f"{secret}\n".encode())
    write_whole(path / DATABASE_ID, f"{NO_DATABASE}\n".encode())
    # Last, because a directory is a home when it has this file.
    write_whole(path / CONFIG, config.toml().encode())
    return home


def load_home(path: Path) -> Home:
    """Read a home and check that its parts belong together.

    Raises:
        HomeError: ``not-a-home``, ``home-unreadable``, ``bad-config``, ``bad-genesis``,
            ``unknown-member``, ``key-exposed``, ``bad-key`` or ``wrong-key``.
    """
    config = load_config(path)
    try:
        genesis = founding.read(_read(path / GENESIS))
    except LedgerError as error:
        raise HomeError(
            "bad-genesis",
            f"{path / GENESIS} cannot be used: {error}. Copy it again from another party",
        ) from None
    return _checked(Home(path, config, genesis, _load_key(path / KEY)))


def load_config(path: Path) -> Config:
    """Read a home's ``node.toml``.

    Raises:
        HomeError: ``not-a-home``, ``home-unreadable`` or ``bad-config``.
    """
    try:
        return Config.parse(_read(path / CONFIG).decode())
    except UnicodeDecodeError:
        raise bad_config("it is not UTF-8") from None


def read_address(path: Path) -> str:
    """Return the HTTP address under which the home's node answers on this machine.

    Raises:
        HomeError: ``not-a-home``, ``home-unreadable`` or ``bad-config``.
    """
    config = load_config(path)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(config.host, config.host)
    return f"http://{_in_url(host)}:{config.port}"


def read_operator_token(path: Path) -> str:
    """Return the operator's token of a home.

    Raises:
        HomeError: ``not-a-home`` or ``home-unreadable``.
    """
    return _read(path / OPERATOR_TOKEN).decode("ascii", "replace").strip()


def read_database_id(path: Path) -> str:
    """Return what a home says of the database that its key signs with; empty if it says nothing.

    Raises:
        HomeError: ``home-unreadable``.
    """
    try:
        return _read(path / DATABASE_ID).decode("utf-8", "replace").strip()
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


def create_consortium(
    directory: Path,
    members: Sequence[tuple[str, Role]],
    quorum: int,
    *,
    base_port: int = 8800,
    host: str = "127.0.0.1",
    name: str = "demo",
    hosts: Mapping[str, str] | None = None,
    ports: Sequence[int] | None = None,
    created_at: int | None = None,
    seeds: Mapping[str, bytes] | None = None,
    choices: Mapping[str, object] | None = None,
) -> dict[str, Home]:
    """Found a consortium: write one home for each party, all with the same genesis.

    Args:
        directory: A directory that does not exist or is empty; homes are named after parties.
        members: Name and role of each party, in leader order.
        quorum: How many equal votes make a certificate.
        base_port: The first party's port; the others follow.
        host: Where every node listens.
        name: The consortium's name.
        hosts: Host by party under which the others reach it, where that is not ``host``.
        ports: One port for each party, instead of ``base_port``.
        created_at: Founding time, ms since the epoch; now if left out.
        seeds: 32-byte private seed by party; random if left out.
        choices: ``calendar``, ``limits``, ``timeouts`` or ``due_ms`` of genesis.

    Returns:
        The homes by party.

    Raises:
        HomeError: ``home-not-empty`` or ``bad-port``.
        GenesisError: the consortium could not work.
    """
    _refuse_not_empty(directory)
    if ports is None:
        ports = _ports_from(base_port, len(members))
    known = seeds or {}
    signers = {party: Signer(known.get(party) or os.urandom(SEED_BYTES)) for party, _ in members}
    keyed = tuple(
        Member(key=encode_base64(signers[party].public_key), name=party, role=role)
        for party, role in members
    )
    time_ms = _now_ms() if created_at is None else created_at
    genesis = founding.found(name, keyed, quorum, time_ms, **dict(choices or {}))
    reached = {party: (hosts or {}).get(party, host) for party in genesis.names}
    configs = _configs(dict(zip(genesis.names, ports, strict=True)), host, reached)
    with _nothing_half_founded(directory, genesis.names):
        return {
            party: create_home(directory / party, genesis, configs[party], signers[party])
            for party in genesis.names
        }


def _write_pid(lock: Path, handle: int) -> None:
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:  # a full disk, or no plain file
        raise _unreadable(lock, error) from None


def _ports_from(first: int, count: int) -> range:
    if not 0 < first <= PORT_MAX + 1 - count:
        raise HomeError(
            "bad-port",
            f"{count} parties need ports {first} to {first + count - 1}; "
            f"choose a first port from 1 to {PORT_MAX + 1 - count}",
        )
    return range(first, first + count)


def _configs(ports: Mapping[str, int], host: str, reached: Mapping[str, str]) -> dict[str, Config]:
    """Return what each party's ``node.toml`` says: where it listens, where the others are."""
    urls = {party: f"ws://{_in_url(reached[party])}:{port}/peer" for party, port in ports.items()}
    return {
        party: Config(party, host, port, {p: u for p, u in urls.items() if p != party})
        for party, port in ports.items()
    }


@contextmanager
def _nothing_half_founded(directory: Path, parties: Sequence[str]) -> Iterator[None]:
    """Remove the homes again, keys and all, if one of them cannot be written."""
    was_there = directory.exists()
    try:
        yield
    except BaseException:
        for party in parties:
            shutil.rmtree(directory / party, ignore_errors=True)
        if directory.exists() and not was_there:
            directory.rmdir()
        raise


_IF_MISSING = {
    CONFIG: "make a home with `tongzhang init DIR`, or put the file back",
    GENESIS: "copy it from another party, the bytes are the same everywhere",
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


def _load_key(path: Path) -> Signer:
    pem = _read(path)
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


def _read(path: Path) -> bytes:
    try:
        return read_plain(path, _FILE_BYTES_MAX)
    except (FileNotFoundError, NotADirectoryError):
        raise _not_a_home(path.parent, path.name) from None
    except OSError as error:
        raise _unreadable(path, error) from None


def _not_a_home(path: Path, missing: str) -> HomeError:
    if not path.is_dir():
        return HomeError(
            "not-a-home", f"{path} is no directory; make a home with `tongzhang init DIR`"
        )
    what = _IF_MISSING.get(missing, _IF_MISSING[CONFIG]).format(home=shlex.quote(str(path)))
    return HomeError("not-a-home", f"{path} has no {missing}, which a node's home has; {what}")


def _unreadable(path: Path, error: OSError) -> HomeError:
    return HomeError(
        "home-unreadable",
        f"{path} cannot be used: {error.strerror}; check what it is, and its permissions",
    )


def _refuse_not_empty(path: Path) -> None:
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise HomeError("home-not-empty", f"{path} exists and is not empty; name a new directory")


def _in_url(host: str) -> str:
    return f"[{quote(host, safe=':')}]" if ":" in host else host


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
