"""A small consortium to test contracts with: fixed keys, one block a call, books checked always."""

from __future__ import annotations

from base64 import b64encode
from collections import defaultdict
from datetime import date
from hashlib import sha256
from typing import Any, TypeVar

from ledger import canonical
from ledger.batch import Batch, seal
from ledger.block import Tip, genesis_tip
from ledger.books import Balance, Posting
from ledger.domains import ZERO_HASH
from ledger.errors import Refused
from ledger.execute import Execution, execute
from ledger.genesis import Genesis, Limits, Member, found
from ledger.keys import Signer
from ledger.limits import SAFE_INTEGER_MAX
from ledger.log.merkle import Frontier
from ledger.state import EmptyView, Overlay, Row

R = TypeVar("R", bound=Row)

CREATED_AT = 1_767_225_600_000  # 2026-01-01T00:00:00Z
MORNING = 1_767_578_400_000  # Monday 2026-01-05, 10:00 at UTC+8
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 86_400_000
PARTIES = ("platform", "institution", "funder", "auditor")
HEX = "ab" * 32


def signer(name: str) -> Signer:
    """Return the fixed test key of a party."""
    return Signer(sha256(b"test key of " + name.encode()).digest())


def make_genesis(**choices: object) -> Genesis:
    """Return a genesis of platform, institution, funder and auditor."""
    members = tuple(
        Member(key=b64encode(signer(name).public_key).decode(), name=name, role=name)  # type: ignore[arg-type]
        for name in PARTIES
    )
    return found("test", members, 3, CREATED_AT, **choices)


GENESIS = make_genesis()
UNLIMITED = make_genesis(limits=Limits(amount=SAFE_INTEGER_MAX))
"""A genesis that lets one record move as much as an account can hold."""


class Ledger:
    """A chain of blocks over one in-memory state. After each block the books are checked."""

    def __init__(self, genesis: Genesis = GENESIS, now: int = MORNING) -> None:
        self.genesis = genesis
        self.now = now
        self.tip: Tip = genesis_tip(genesis)
        self.frontier = Frontier()
        self.view = Overlay(EmptyView())
        self.heads: dict[str, tuple[int, bytes]] = {}
        self.codes: list[str] = []
        self._ids = 0

    def record(self, type_: str, fields: dict[str, Any]) -> bytes:
        """Return the canonical bytes of a record, with an id of its own unless one is given."""
        self._ids += 1
        whole = {"at": self.now, "id": f"r{self._ids}", "type": type_, **fields}
        return canonical.encode(whole)

    def seal(self, author: str, records: list[bytes]) -> Batch:
        """Return the author's next batch."""
        head = self.heads.get(author, (0, ZERO_HASH))
        return seal(signer(author), self.genesis.ledger, author, head, records)

    def run(self, *batches: Batch) -> Execution:
        """Execute one block and make its result the state."""
        done = execute(self.genesis, self.tip, self.frontier, self.view, self.now, batches)
        self.view.merge(done.changes)
        self.frontier = done.frontier
        for batch in batches:
            self.heads[batch.party] = (batch.number, batch.hash)
        height = self.tip.height + 1
        self.tip = Tip(height, height, ZERO_HASH, self.now, done.size, done.root, done.state)
        self.codes += [refused.code for _, refused in done.refusals]
        self.check_books()
        return done

    def state(self, author: str, type_: str, **fields: Any) -> Execution:
        """Execute a block of one record."""
        return self.run(self.seal(author, [self.record(type_, fields)]))

    def apply(self, author: str, type_: str, **fields: Any) -> int:
        """Execute a record that must be applied; return its entry index."""
        done = self.state(author, type_, **fields)
        assert [str(refused) for _, refused in done.refusals] == []
        return done.first_index

    def refuse(self, code: str, author: str, type_: str, **fields: Any) -> Refused:
        """Execute a record that must be refused with ``code`` and must change nothing."""
        before = self.rows()
        done = self.state(author, type_, **fields)
        assert [refused.code for _, refused in done.refusals] == [code]
        assert self.rows() == before
        return done.refusals[0][1]

    def get(self, kind: type[R], *key: object) -> R | None:
        return self.view.get(kind, key)

    def row(self, kind: type[R], *key: object) -> R:
        found = self.view.get(kind, key)
        assert found is not None, f"no {kind.__name__} under {key}"
        return found

    def rows(self) -> dict[str, list[Row]]:
        """Return all business rows: not the used ids, and not the batch heads."""
        kinds = {kind.TABLE: rows for kind, rows in self.view.changes.items()}
        core = ("batch_heads", "recorded")
        standing = {
            table: [row for row in rows.values() if row is not None]
            for table, rows in kinds.items()
            if table not in core
        }
        return {table: rows for table, rows in standing.items() if rows}

    def balance(self, account: str, currency: str = "CNY") -> int:
        row = self.view.get(Balance, (account, currency))
        return 0 if row is None else row.amount

    def balances(self) -> dict[str, int]:
        found = self.rows().get(Balance.TABLE, [])
        return {row.account: row.amount for row in found if isinstance(row, Balance)}

    def check_books(self) -> None:
        """I6: every entry's postings and all balances sum to zero per currency."""
        sums: dict[tuple[str, str], int] = defaultdict(int)
        entries: dict[tuple[int, str], int] = defaultdict(int)
        for row in self.rows().get(Posting.TABLE, []):
            assert isinstance(row, Posting)
            sums[row.account, row.currency] += row.amount
            entries[row.entry, row.currency] += row.amount
        assert not any(entries.values())
        stated = {
            (row.account, row.currency): row.amount
            for row in self.rows().get(Balance.TABLE, [])
            if isinstance(row, Balance)
        }
        assert {key: amount for key, amount in sums.items() if amount} == stated

    # Shorthands for the records of an ordinary day.

    def register(self, receiver: str, **fields: Any) -> int:
        return self.apply(
            "institution", "receiver.registered", receiver=receiver, **{**RECEIVER, **fields}
        )

    def capture(self, payment: str = "P1", amount: int = 10_000, **fields: Any) -> int:
        return self.apply("institution", "payment.captured", **captured(payment, amount, **fields))

    def instruct(self, payment: str = "P1", amount: int = 10_000, **fields: Any) -> int:
        return self.apply("platform", "split.instructed", **split(payment, amount, **fields))

    def create(self, payout: str = "O1", amount: int = 7_000, **fields: Any) -> int:
        stated = payout_of(payout, amount, **fields)
        self.wait_for(stated["cutoff_date"])
        return self.apply("institution", "settlement.created", **stated)

    def wait_for(self, day: str) -> None:
        """Let time pass until a business date has begun, if it has not yet."""
        begins_ms = self.genesis.calendar.starts_at_ms(date.fromisoformat(day))
        self.now = max(self.now, begins_ms)

    def paid(self, payout: str = "O1") -> int:
        return self.apply("institution", "settlement.paid", **paid_of(payout))


RECEIVER: dict[str, Any] = {
    "kind": "bank_account",
    "commitment": HEX,
    "last4": "1234",
    "cycle": "T+1",
    "currency": "CNY",
}


def captured(payment: str = "P1", amount: int = 10_000, **fields: Any) -> dict[str, Any]:
    """Return the fields of a ``payment.captured`` of a Monday morning."""
    return {
        "payment": payment,
        "order": f"order-{payment}",
        "amount": amount,
        "currency": "CNY",
        "channel": "wechat",
        "captured_at": MORNING,
        **fields,
    }


def split(payment: str = "P1", amount: int = 10_000, **fields: Any) -> dict[str, Any]:
    """Return the fields of a fixed split: 70 % to ``shop``, the rest to ``platform-fee``."""
    first = amount * 7 // 10
    return {
        "payment": payment,
        "order": f"order-{payment}",
        "amount": amount,
        "currency": "CNY",
        "mode": "fixed",
        "legs": [leg(1, "shop", amount=first), leg(2, "platform-fee", amount=amount - first)],
        **fields,
    }


def leg(number: int, receiver: str, **fields: Any) -> dict[str, Any]:
    return {"leg": number, "receiver": receiver, "purpose": "goods", **fields}


def payout_of(payout: str = "O1", amount: int = 7_000, **fields: Any) -> dict[str, Any]:
    """Return the fields of a payout to ``shop`` of all that is due on the Tuesday."""
    return {
        "payout": payout,
        "receiver": "shop",
        "cutoff_date": "2026-01-06",
        "amount": amount,
        "currency": "CNY",
        "legs": 1,
        **fields,
    }


def paid_of(payout: str = "O1") -> dict[str, Any]:
    return {"payout": payout, "bank_reference": HEX, "paid_at": MORNING + DAY}


def opened(genesis: Genesis = GENESIS) -> Ledger:
    """Return a ledger with three receivers: ``shop`` (no party's), one of platform and funder."""
    ledger = Ledger(genesis)
    ledger.register("shop")
    ledger.register("platform-fee", owner="platform")
    ledger.register("funder-share", owner="funder", cycle="D+0")
    return ledger


def split_ledger(genesis: Genesis = GENESIS) -> Ledger:
    """Return a ledger whose payment P1 of 100.00 is captured and split 70 to 30."""
    ledger = opened(genesis)
    ledger.capture()
    ledger.instruct()
    return ledger


def due_ledger() -> Ledger:
    """Return a ledger as :func:`split_ledger`, on the Tuesday on which the legs are due."""
    ledger = split_ledger()
    ledger.wait_for("2026-01-06")
    return ledger
