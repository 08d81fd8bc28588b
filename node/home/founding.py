"""The founding of a consortium, at home: a key and a request, then the genesis and its signatures.

Each step writes what makes it whole last, and finds what an earlier try of the same step has left:
who was cut short does the same again.

===========  ====================================================================================
step         writes, in this order
===========  ====================================================================================
:func:`ask`  ``key.pem``, ``<party>.request.json``, ``node.toml``
:func:`join` a token, ``database.id``, ``node.toml`` with peers, ``genesis.json``, own signature
:func:`add`  ``signatures.json`` with those of others
===========  ====================================================================================

:func:`create_consortium` takes all steps for all parties on one machine.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import msgspec

from ledger import founding
from ledger.errors import LedgerError
from ledger.genesis import Genesis, Member, Role
from ledger.keys import SEED_BYTES, Signer
from ledger.log.text import encode_base64
from node.errors import HomeError
from node.home.config import CONFIG, PORT_MAX, Config
from node.home.files import write_whole
from node.home.home import (
    DATABASE_ID,
    GENESIS,
    KEY,
    NO_DATABASE,
    OPERATOR_TOKEN,
    SIGNATURES,
    TOKENS,
    Home,
    in_url,
    load_config,
    load_genesis,
    load_home,
    load_key,
    load_signatures,
    read_file,
)
from node.home.private import PRIVATE_FOLDER, tighten
from node.home.tokens import SCOPES, Tokens
from node.peers.link import peer_url

REQUEST_SUFFIX = ".request.json"
SIGNATURE_SUFFIX = ".signature.json"


class Listen(NamedTuple):
    """Where a node listens: host and port."""

    host: str
    port: int


def ask(path: Path, member: Member, listen: Listen, *, seed: bytes | None = None) -> Path:
    """Make a party's key and its request in a new home; a key that is there already is kept.

    Until the home has a genesis it may be done again, with other words too.

    Args:
        path: A directory that does not exist, is empty, or holds an earlier try.
        member: What the party asks to be in genesis, its key left empty.
        listen: What ``node.toml`` shall say.
        seed: The 32-byte private seed of a new key; random if left out.

    Returns:
        The request's file.

    Raises:
        HomeError: ``already-joined``, ``home-not-empty``, ``key-exposed``, ``bad-key`` or
            ``home-unreadable``.
        LedgerError: no genesis could hold such a party.
    """
    _refuse_other_use(path)
    is_new = not (path / KEY).exists()
    signer = Signer(seed or os.urandom(SEED_BYTES)) if is_new else load_key(path)
    member = msgspec.structs.replace(member, key=encode_base64(signer.public_key))
    request = founding.make_request(member, signer)
    config = Config.parse(Config(member.name, listen.host, listen.port).toml())
    path.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
    with suppress(OSError):  # a volume that keeps no permissions: load_home will say so
        tighten(path)
    if is_new:
        write_whole(path / KEY, signer.pem())
    file = path / f"{member.name}{REQUEST_SUFFIX}"
    write_whole(file, request)
    for stale in path.glob(f"*{REQUEST_SUFFIX}"):
        if stale != file:
            stale.unlink()
    write_whole(path / CONFIG, config.toml().encode())
    return file


def join(path: Path, genesis: Genesis, others: Sequence[bytes] = ()) -> list[str]:
    """Take a genesis that holds the home's own request unchanged, and sign it.

    Who calls this has compared the hash with the others by another way.

    Args:
        path: The home that asked.
        genesis: The founding document.
        others: Files with signatures of others, as for :func:`add`.

    Returns:
        The parties whose signatures are missing still.

    Raises:
        HomeError: ``already-joined`` (another genesis), ``not-requested``, ``request-changed``,
            ``foreign-signature``, or as :func:`node.home.home.load_home`.
        LedgerError: as :func:`add`; nothing is signed.
    """
    for raw in others:
        founding.read_signatures(raw, genesis)
    config, signer = load_config(path), load_key(path)
    refuse_other_terms(read_request(path, config.party), genesis)
    if not (path / GENESIS).exists():
        _make_token(path)
        if not (path / DATABASE_ID).exists():
            write_whole(path / DATABASE_ID, f"{NO_DATABASE}\n".encode())
        peers = {**_addresses(genesis, config.party), **config.peers}
        write_whole(path / CONFIG, replace(config, peers=peers).toml().encode())
        write_whole(path / GENESIS, genesis.raw)
    elif load_genesis(path).hash != genesis.hash:
        raise HomeError(
            "already-joined",
            f"{path} has joined another ledger, {load_genesis(path).ledger}; a key founds one "
            "ledger: use a new home for this one",
        )
    own = {config.party: founding.sign_genesis(genesis, config.party, signer)}
    signature = founding.encode_signatures(genesis, own)
    write_whole(path / f"{config.party}{SIGNATURE_SUFFIX}", signature)
    return add(path, [signature, *others])


def add(path: Path, files: Sequence[bytes]) -> list[str]:
    """Add signatures of others to a home that has joined.

    Args:
        path: The home.
        files: What the others have handed over; nothing is added unless all of it is good.

    Returns:
        The parties whose signatures are missing still.

    Raises:
        HomeError: ``not-a-home`` before the home has joined, ``foreign-signature``.
        DecodeError: a file is no file of signatures.
        VerificationError: ``foreign-signature``.
    """
    genesis = load_genesis(path)
    known = load_signatures(path, genesis)
    for raw in files:
        known |= founding.read_signatures(raw, genesis)
    write_whole(path / SIGNATURES, founding.encode_signatures(genesis, known))
    return founding.unsigned(genesis, known)


def read_request(path: Path, party: str) -> Member:
    """Return what a home's own request asks for.

    Raises:
        HomeError: ``not-a-home``, ``home-unreadable`` or ``bad-founding-request``.
    """
    file = path / f"{party}{REQUEST_SUFFIX}"
    try:
        return founding.read_request(read_file(file))
    except LedgerError as error:
        raise HomeError(
            "bad-founding-request",
            f"{file} cannot be used: {error}. Make it again with `tongzhang key new`",
        ) from None


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
    """Found a consortium on one machine: every party asks, one genesis is made, all join it.

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
    time_ms = now_ms() if created_at is None else created_at
    keys = {party: (seeds or {}).get(party) or os.urandom(SEED_BYTES) for party, _ in members}
    asked = [
        Member(
            key=encode_base64(Signer(keys[party]).public_key),
            name=party,
            role=role,
            address=f"{in_url((hosts or {}).get(party, host))}:{port}",
        )
        for (party, role), port in zip(members, ports, strict=True)
    ]
    genesis = founding.gather(name, tuple(asked), quorum, time_ms, **dict(choices or {}))
    with _nothing_half_founded(directory, genesis.names):
        for member, port in zip(asked, ports, strict=True):
            home = directory / member.name
            ask(home, member, Listen(host, port), seed=keys[member.name])
            join(home, genesis)
        _exchange_signatures(directory, genesis.names)
        return {party: load_home(directory / party) for party in genesis.names}


def _exchange_signatures(directory: Path, parties: Sequence[str]) -> None:
    signed = [read_file(directory / party / f"{party}{SIGNATURE_SUFFIX}") for party in parties]
    for party in parties:
        add(directory / party, signed)


def now_ms() -> int:
    """Return the time, ms since the epoch."""
    return time.time_ns() // 1_000_000


def _refuse_other_use(path: Path) -> None:
    """Refuse a directory that is more than an earlier try of :func:`ask`."""
    if (path / GENESIS).exists():
        raise HomeError(
            "already-joined",
            f"{path} has joined a ledger, and what it asked for stands in its genesis; "
            "name a new directory",
        )
    if not path.exists():
        return
    names = [each.name for each in path.iterdir()] if path.is_dir() else [path.name]
    ours = {KEY, CONFIG}
    others = [n for n in names if n not in ours and not n.endswith(REQUEST_SUFFIX) and n[0] != "."]
    if others or not path.is_dir():
        raise _not_empty(path)


def refuse_other_terms(asked: Member, genesis: Genesis) -> None:
    """Return if a genesis holds a party's request unchanged.

    Raises:
        HomeError: ``not-requested`` or ``request-changed``.
    """
    given = next((m for m in genesis.members if asked.name == m.name or asked.key == m.key), None)
    if given is None:
        raise HomeError(
            "not-requested",
            f"{genesis.name} is founded by {', '.join(genesis.names)}, and {asked.name} is none of "
            "them by name or key; hand your request file to whoever makes the genesis",
        )
    if asked != given:
        wanted, got = msgspec.to_builtins(asked), msgspec.to_builtins(given)
        field = next(field for field in sorted(wanted) if wanted[field] != got[field])
        raise HomeError(
            "request-changed",
            f"{asked.name} asked for {field} {wanted[field]!r}, genesis says {got[field]!r}; "
            "do not join it: ask whoever made it to make it again from your file",
        )


def _addresses(genesis: Genesis, party: str) -> dict[str, str]:
    """Return where the founding says that the other parties are reached."""
    others = [each for each in genesis.members if each.name != party and each.address]
    return {each.name: peer_url(each.address) for each in others}


def _make_token(path: Path) -> None:
    """Make the operator's token, unless it is there; one that nobody was told is revoked."""
    if (path / OPERATOR_TOKEN).exists():
        return
    tokens = Tokens(path / TOKENS)
    for token in tokens.list():
        if token.label == "operator":
            tokens.revoke(token.id)
    _, secret = tokens.create("operator", SCOPES, now_ms())
    write_whole(path / OPERATOR_TOKEN, f"{secret}\n".encode())


def _ports_from(first: int, count: int) -> range:
    if not 0 < first <= PORT_MAX + 1 - count:
        raise HomeError(
            "bad-port",
            f"{count} parties need ports {first} to {first + count - 1}; "
            f"choose a first port from 1 to {PORT_MAX + 1 - count}",
        )
    return range(first, first + count)


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


def _refuse_not_empty(path: Path) -> None:
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise _not_empty(path)


def _not_empty(path: Path) -> HomeError:
    return HomeError("home-not-empty", f"{path} exists and is not empty; name a new directory")
