"""Ledgers in a real store, for tests of the books; and the routes of the books on a real port."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn
from fastapi import FastAPI

from api import problems
from api.books import books_routes
from api.reading import Reading
from ledger import domains
from ledger.batch import Batch
from ledger.block import Block, BlockHeader, batch_hashes, encode_header, genesis_tip, tip_of
from ledger.execute import Execution
from ledger.genesis import Genesis
from node.home.config import Config
from node.home.home import Home
from node.home.tokens import Tokens
from node.storage.store import Store
from tests.ledger.fee_kit import (
    FEBRUARY,
    SHARING,
    agree,
    charge,
    confirmation_of,
    consented,
    invoice_of,
    settlement_of,
    share_of,
)
from tests.ledger.ledger_kit import DAY, GENESIS, Ledger, leg, signer
from tests.ledger.refund_kit import deposit, pay, request
from tests.node.store_kit import make_final

ODD = "s_1.x:Y--z-"
"""An identifier with every sign that identifiers may have."""


class StoredLedger(Ledger):
    """A ledger whose blocks are committed to a store as well."""

    def __init__(self, url: str = "sqlite://", genesis: Genesis = GENESIS) -> None:
        super().__init__(genesis)
        self.store = Store(url, genesis)
        self._last = genesis_tip(genesis)

    def run(self, *batches: Batch) -> Execution:
        done = super().run(*batches)
        block = self._block(batches, done)
        make_final(self.store, block, done, b"certificate", b"justification")
        self._last = tip_of(block)
        return done

    def _block(self, sealed: tuple[Batch, ...], done: Execution) -> Block:
        height = self._last.height + 1
        proposer = self.genesis.names[height % len(self.genesis.names)]
        raw = encode_header(
            BlockHeader(
                batches=batch_hashes(sealed),
                height=height,
                ledger=self.genesis.ledger,
                parent=self._last.hash.hex(),
                proposer=proposer,
                root=done.root.hex(),
                size=done.size,
                slot=height,
                state=done.state.hex(),
                time=self.now,
            )
        )
        signature = signer(proposer).sign(domains.proposal_signature_input(raw))
        return Block(raw, signature, sealed)


def fill(ledger: Ledger) -> None:
    """Run a month with every kind of posting, three currencies and awkward identifiers."""
    for receiver, fields in (
        ("shop", {}),
        ("platform-fee", {"owner": "platform"}),
        ("funder-share", {"owner": "funder", "cycle": "D+0"}),
        ("S1", {}),
        ("s1", {}),
        (ODD, {}),
        ("kiosk", {"currency": "JPY"}),
    ):
        ledger.register(receiver, **fields)
    agree(ledger)
    consented(ledger)
    ledger.capture()
    ledger.instruct()
    ledger.capture("Pay.2_x:Y", 333)
    ledger.capture("P3", 1001, currency="JPY", captured_at=ledger.now)
    ledger.instruct("P3", 1001, currency="JPY", legs=[leg(1, "kiosk", amount=1001)])
    ledger.capture("P4", 600)
    shares = [leg(n, name, amount=200) for n, name in enumerate(("S1", "s1", ODD), 1)]
    ledger.instruct("P4", 600, legs=shares)
    ledger.capture("P5", 5000)
    ledger.instruct("P5", 5000, legs=[leg(1, "funder-share", amount=5000)])
    ledger.now += DAY
    ledger.create()
    ledger.paid()
    whose = {"receiver": "funder-share", "cutoff_date": "2026-01-05"}
    ledger.create("O2", 5000, **whose)
    ledger.paid("O2")
    ledger.now += DAY
    deposit(ledger)
    request(ledger)
    pay(ledger)
    request(ledger, "R2", 500)
    charge(ledger)
    ledger.now = FEBRUARY
    ledger.apply("institution", "fee.invoiced", **invoice_of())
    ledger.apply("platform", "fee.settled", **settlement_of())
    ledger.now = SHARING
    ledger.apply("institution", "profit.shared", **share_of())
    ledger.apply("platform", "profit.confirmed", **confirmation_of())


class Served(NamedTuple):
    """A store whose books are served."""

    store: Store
    url: str
    token: str


def month_served() -> Any:
    """Return a fixture that gives every module the books of :func:`fill`, served."""

    @pytest.fixture(scope="module")
    def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
        folder = tmp_path_factory.mktemp("books")
        ledger = StoredLedger(f"sqlite:///{folder / 'ledger.db'}")
        fill(ledger)
        with serving(ledger.store, folder) as made:
            yield made
        ledger.store.close()

    return served


@contextmanager
def serving(store: Store, folder: Path) -> Iterator[Served]:
    """Serve the books of ``store`` over HTTP."""
    tokens = Tokens(folder / "tokens.json")
    _, token = tokens.create("test", ["read"], 0)
    app = FastAPI()
    problems.install(app)
    home = Home(folder, Config("auditor", "127.0.0.1", 0), store.genesis, signer("auditor"))
    app.include_router(books_routes(Reading.of_node(home, store)))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield Served(store, f"http://127.0.0.1:{listener.getsockname()[1]}", token)
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
