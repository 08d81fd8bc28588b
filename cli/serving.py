"""Runs one party's node in this process, from its home to the end."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import threading
from collections.abc import Callable
from ctypes import CDLL
from functools import partial
from pathlib import Path

from api.read_server import LOG_FORMAT
from api.readers import Readers
from api.request_log import REQUESTS
from api.server import serve
from api.simulations import Simulator
from api.site import Site
from cli.damage import refuse_damage
from cli.errors import CheckFailed, writing
from cli.output import note, progress
from cli.rebuild import forget, go_on, put_back
from node.checking import BackgroundCheck
from node.errors import CorruptLedger, Halted, StorageError
from node.home.files import write_whole
from node.home.home import (
    DATABASE_ID,
    NO_DATABASE,
    Home,
    load_home,
    lock_home,
    read_database_id,
)
from node.home.private import keep_private
from node.node import NOTHING_TO_REBUILD, Node
from node.storage.beside import SCRATCH
from node.storage.check import check, check_since_mark
from node.storage.marks import DAMAGE, verified
from node.storage.store import Store
from web.site import SIMULATING_SITE, SITE

_M_MMAP_THRESHOLD, _LARGE_BYTES = -3, 1 << 20
"""A parameter of ``mallopt(3)``, and from which size on a buffer is large."""


def run_node(path: Path, *, rebuild: bool, full_check: bool, simulator: bool = False) -> None:
    """Run the node of a home until SIGTERM or SIGINT.

    Args:
        path: The home.
        rebuild: Set the database aside and fetch everything from the peers.
        full_check: Check everything before the first answer, and not only after it.
        simulator: Whether the node offers simulations.

    Raises:
        NodeError: the home or its database cannot be used.
        CheckFailed: the address is in use.
    """
    home = load_home(path)
    logging.basicConfig(level=home.config.log_level.upper(), format=LOG_FORMAT)
    if not home.config.request_log:
        logging.getLogger(REQUESTS).setLevel(logging.WARNING)
    # Begun first: what copies this process must hold neither its lock nor its database.
    with (
        contextlib.closing(BackgroundCheck(home)) as checking,
        contextlib.closing(Readers(home, _site(simulator))) as readers,
        lock_home(path),
    ):
        keep_private(path)
        readers.remove_old_sockets()
        with writing(path):
            rebuilt = go_on(home, rebuild=rebuild)
        store = Store(home.database_url, home.genesis, party=home.party)
        _refuse_lost_database(path, store)
        _check(store, path / SCRATCH, full=full_check)
        config = home.config
        node = Node(
            home,
            store,
            on_first_block=partial(forget, path) if rebuilt else None,
            checking=checking,
        )
        _tune_memory()
        try:
            serve(
                node,
                config.host,
                config.port,
                readers=readers,
                site=_site(simulator),
                simulator=_offered() if simulator else None,
                on_started=_say_started(home),
            )
        except Halted as error:
            if error.code == NOTHING_TO_REBUILD:
                readers.close()  # or they would make the database anew that is removed here
                with writing(path):
                    put_back(home)
            raise
        except OSError as error:
            raise CheckFailed(
                "address-in-use",
                f"cannot listen on {config.host}:{config.port}: {error.strerror or error}",
                f"end what uses the port, or change it in {path / 'node.toml'}",
            ) from None


def _site(simulator: bool) -> Site:
    return SIMULATING_SITE if simulator else SITE


def _offered() -> Simulator:
    from cli.simulation.worker import offered  # and with it the simulator, which few nodes offer

    return offered()


def stop_at_end_of_input() -> None:
    """Stop this process in order once its standard input ends, whatever it is doing then.

    A byte there lets it go: it runs on by itself.
    """
    threading.Thread(target=_read_to_end, name="stdin", daemon=True).start()


def _read_to_end() -> None:
    with contextlib.suppress(OSError):
        if os.read(0, 1):
            return
    os.kill(os.getpid(), signal.SIGTERM)


def _tune_memory() -> None:
    """Leave what lives as long as the process to it, and give large buffers back when they go.

    Records and rows form no cycles: looking for them at the default pace took 5 % of a busy node.
    The C library of Linux keeps large buffers, too, once one of them was freed.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    with contextlib.suppress(OSError, AttributeError, TypeError):
        CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def _refuse_lost_database(path: Path, store: Store) -> None:
    """Refuse to sign with a database that does not know what the key has signed before."""
    said = read_database_id(path)
    if said == NO_DATABASE:
        with writing(path):
            write_whole(path / DATABASE_ID, f"{store.id}\n".encode())
        return
    if said == store.id:
        return
    store.close()
    raise CheckFailed(
        "database-lost",
        f"{path} has run with another database before, or {DATABASE_ID} is lost that would say so; "
        "this database does not know what the key has signed",
        "put the old database back; where the others hold blocks, `tongzhang node HOME --rebuild` "
        "follows them without voting, because votes it has forgotten could convict its party",
    )


def _say_started(home: Home) -> Callable[[int], None]:
    def say(port: int) -> None:
        note(f"{home.party} of {home.genesis.origin} answers at http://{home.config.host}:{port}")

    return say


def _check(store: Store, scratch: Path, *, full: bool) -> None:
    """Check before the first answer; what is found stands in the database from then on."""
    total = store.tip().size
    try:
        if not full:
            refuse_damage(store.noted(DAMAGE))
        with progress(quiet=not total) as bar:
            task = bar.add_task("checking the database", total=total)

            def told(done: int, of: int) -> None:
                bar.update(task, completed=done, total=of)

            if full:
                check(store, told, deep=True, scratch=scratch)
                store.note(DAMAGE, "")
                store.note(*verified(store.tip()))
            else:
                check_since_mark(store, told)
    except CorruptLedger as error:
        with contextlib.suppress(StorageError):
            store.note(DAMAGE, error.message)
        store.close()
        raise
    except BaseException:
        store.close()
        raise
