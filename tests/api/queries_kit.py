"""A real database that a real application answers from, filled with blocks of every contract."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from api.app import build_app
from api.connection import BoundedConnection
from api.draining import Draining
from api.peer_socket import BoundedWebSocket
from api.read_server import QuietServer
from api.server import listen
from api.site import Site
from consensus import messages, votes
from ledger import domains
from ledger.batch import Batch, seal
from ledger.block import Block, BlockHeader, batch_hashes, encode_header, tip_of
from ledger.domains import ZERO_HASH
from ledger.execute import Execution, execute
from ledger.genesis import Role
from node.home.founding import create_consortium
from node.home.home import Home, read_operator_token
from node.node import Node
from node.storage.store import Store
from tests.ledger import fee_kit, refund_kit
from tests.ledger.ledger_kit import CREATED_AT, DAY, MORNING, Ledger, leg, payout_of
from tests.node.store_kit import KINDS, make_final, url_of

K = TypeVar("K", bound="Kept")
ROLES: tuple[Role, ...] = ("platform", "institution", "funder", "auditor")
TUESDAY = "2026-01-06"
DATABASES = [kind for kind in KINDS if kind != "memory"]


class Server:
    """Serves an application on a free port, in a thread of its own."""

    def __init__(self, app: FastAPI) -> None:
        self._socket = listen("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            app,
            http=BoundedConnection,
            ws=BoundedWebSocket,
            log_level="warning",
            lifespan="off",
        )
        self._server = QuietServer(config)  # a node's
        run = self._server.run
        self._thread = threading.Thread(target=run, args=([self._socket],), daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)


class Kept(Ledger):
    """A ledger whose blocks are committed to a store, as a node commits them.

    Args:
        folder: Where the homes and the database go.
        kind: The kind of its database.
    """

    ROLES: ClassVar[dict[str, Role]] = {name: name for name in ROLES}
    VOTERS: ClassVar[int] = 3
    HOME: ClassVar[str] = "auditor"
    """Whose database it is."""
    SITE: ClassVar[Site | None] = None
    """The page, if it is served."""

    def __init__(self, folder: Path, kind: str = "file", **choices: object) -> None:
        names = list(self.ROLES.items())
        made = create_consortium(
            folder / "homes", names, self.VOTERS, created_at=CREATED_AT, choices=choices
        )
        self.homes: dict[str, Home] = made
        home = self.homes[self.HOME]
        self.store = Store(url_of(kind, folder), home.genesis, party=self.HOME)
        super().__init__(home.genesis)
        self.token = read_operator_token(home.path)
        self.server = Server(build_app(Node(home, self.store), Draining(), site=self.SITE))
        headers = {"authorization": f"Bearer {self.token}"}
        self.client = httpx.Client(base_url=self.server.url, headers=headers, timeout=60)

    def close(self) -> None:
        self.client.close()
        self.server.close()
        self.store.close()

    def seal(self, author: str, records: list[bytes]) -> Batch:
        head = self.heads.get(author, (0, ZERO_HASH))
        return seal(self.homes[author].signer, self.genesis.ledger, author, head, records)

    def run(self, *batches: Batch) -> Execution:
        done = execute(self.genesis, self.tip, self.frontier, self.view, self.now, batches)
        block = self._block(batches, done)
        make_final(self.store, block, done, self.certificate(block), b"justification")
        self.view.merge(done.changes)
        self.frontier = done.frontier.copy()
        self.tip = tip_of(block)
        for batch in batches:
            self.heads[batch.party] = (batch.number, batch.hash)
        self.codes += [refused.code for _, refused in done.refusals]
        self.check_books()
        return done

    def certificate(self, block: Block) -> bytes | None:
        """Return the certificate of a block, if it has one of its own."""
        subject = votes.final_subject(tip_of(block))
        time_s = block.header.time // 1000
        signed = {
            name: votes.sign_vote(subject, self.homes[name].signer, name, time_s, self.genesis)
            for name in self.genesis.voters[: self.genesis.quorum]
        }
        return messages.encode(votes.certificate_of(signed))

    def _block(self, batches: tuple[Batch, ...], done: Execution) -> Block:
        header = BlockHeader(
            batches=batch_hashes(batches),
            height=self.tip.height + 1,
            ledger=self.genesis.ledger,
            parent=self.tip.hash.hex(),
            proposer="platform",
            root=done.root.hex(),
            size=done.size,
            slot=self.tip.slot + 1,
            state=done.state.hex(),
            time=self.now,
        )
        raw = encode_header(header)
        signed = self.homes["platform"].signer.sign(domains.proposal_signature_input(raw))
        return Block(raw, signed, tuple(batches))

    def get(self, path: str, **query: Any) -> Any:  # type: ignore[override]
        """Return the JSON of an answer that must be good."""
        response = self.client.get(path, params=query)
        assert response.status_code == 200, response.text
        return response.json()


def pages(kept: Kept, path: str, items: str, **query: Any) -> Iterator[list[dict[str, Any]]]:
    """Yield the items of page after page."""
    while True:
        page = kept.get(path, **query)
        yield page[items]
        if "next" not in page:
            return
        query["cursor"] = page["next"]


def refused(response: httpx.Response, status: int, code: str) -> str:
    """Return the detail of an answer that must be a problem."""
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    return str(response.json()["detail"])


def month(folder: Path, kind: str = "file", ledger: type[K] = Kept) -> K:  # type: ignore[assignment]
    """Return a kept ledger with a month of business of every kind.

    P1 goes the whole way: split, two payouts that come back, one that is paid; refunded, disputed,
    charged. P2 is captured alone, P3 conflicts, P4 is instructed alone, P5 is reversed, P6 to P9
    are split and due.
    """
    kept = ledger(folder, kind)
    kept.register("shop")
    kept.register("platform-fee", owner="platform")
    kept.register("funder-share", owner="funder", cycle="D+0")
    fee_kit.agree(kept)
    fee_kit.consented(kept)
    kept.capture()
    kept.instruct()
    kept.refuse("already-captured", "institution", "payment.captured", **_capture_again())
    fee_kit.charge(kept)
    refund_kit.deposit(kept)
    kept.apply("institution", "refund_float.deposited", **refund_kit.movement_of("M2", 5_000))
    _one_sided(kept)
    _payouts(kept)
    _refunds(kept)
    _disputes(kept)
    _more_splits(kept)
    _month_end(kept)
    return kept


def month_on(kinds: Sequence[str] = ("file",)) -> Any:
    """Return a fixture that gives every module a :func:`month` of its own, on these databases."""

    @pytest.fixture(scope="module", params=kinds)
    def kept(
        tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
    ) -> Iterator[Kept]:
        made = month(tmp_path_factory.mktemp("queries"), request.param)
        yield made
        made.close()

    return kept


def _capture_again() -> dict[str, Any]:
    from tests.ledger.ledger_kit import captured

    return captured("P1", 10_000)


def _one_sided(kept: Kept) -> None:
    kept.capture("P2", 20_000)
    kept.capture("P3", 30_000)
    kept.instruct("P3", 29_000)
    kept.instruct("P4", 40_000)
    kept.capture("P5", 50_000)
    kept.apply("institution", "payment.reversed", payment="P5", reason="void")


def _payouts(kept: Kept) -> None:
    kept.now += DAY
    for payout in ("O1", "O2"):
        kept.create(payout)
        kept.apply("institution", "settlement.returned", payout=payout, reason="account closed")
    kept.create("O3")
    kept.paid("O3")
    own = payout_of("O4", 3_000, receiver="platform-fee")
    kept.apply("institution", "settlement.created", **own)
    kept.paid("O4")


def _refunds(kept: Kept) -> None:
    refund_kit.request(kept)
    refund_kit.fail(kept)
    refund_kit.request(kept)
    refund_kit.request(kept, "R2", 1_000)
    refund_kit.pay(kept, "R2")
    refund_kit.withdraw(kept, "M3", 2_000)


def _disputes(kept: Kept) -> None:
    refund_kit.dispute(kept, "D1", "payment:P1/leg:2")
    refund_kit.dispute(kept, "D2", "payout:O3")
    kept.apply("institution", "dispute.resolved", **refund_kit.answer_of("upheld", "D2"))


def _more_splits(kept: Kept) -> None:
    for number in range(6, 10):
        name = f"P{number}"
        kept.capture(name, 10_000, captured_at=kept.now)
        legs = [leg(1, "shop", amount=6_000), leg(2, "funder-share", amount=4_000)]
        kept.instruct(name, 10_000, legs=legs)


def _month_end(kept: Kept) -> None:
    kept.now = fee_kit.FEBRUARY
    kept.apply("institution", "fee.invoiced", **fee_kit.invoice_of())
    kept.apply("platform", "fee.settled", **fee_kit.settlement_of())
    kept.now = fee_kit.SHARING
    kept.apply("institution", "profit.shared", **fee_kit.share_of())
    kept.apply("platform", "profit.confirmed", **fee_kit.confirmation_of())


__all__ = [
    "DATABASES",
    "DAY",
    "MORNING",
    "TUESDAY",
    "Kept",
    "month",
    "month_on",
    "pages",
    "refused",
]
